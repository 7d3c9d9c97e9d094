// What a node holds for its buyer, and what Shopify asks of it. A hold begins, is charged or is
// given back by one transaction each, under the lock of its payment, so that of a charge and a
// release in the same moment one happens and the other finds it done.
import type { HoldOutcome } from '../core/hold.ts';
import { holdOutcomeOf } from '../core/hold.ts';
import type { PaymentHash } from '../core/invoice.ts';
import type { Minor } from '../core/money.ts';
import type { Reason } from '../core/payment.ts';
import { sayMoved } from './announce.ts';
import type { Database, Queryable } from './database.ts';
import { rows, transaction } from './database.ts';
import { note } from './history.ts';
import { nodeLane, nudge, shopLane, type Lane } from './lanes.ts';
import { endInvoices, lockWithInvoices, movePayment } from './payments.ts';

/**
 * Whether a session of this shop's payments app may be an authorization: off until its merchant
 * switches it on.
 */
export async function takesHolds(db: Database, domain: string): Promise<boolean> {
  const found = await rows(
    db.pool,
    {
      name: 'hold_shop_takes',
      text: `
        select s.id from shop s join registration r on r.id = s.registration_id
        where s.domain = $1 and r.kind = 'payments' and s.uninstalled_at is null and s.holds_on`,
    },
    [domain],
  );
  return found.length > 0;
}

/**
 * Whether a node that is connected for this shop must be able to hold: one of the shop's apps takes
 * authorizations, or did, and something is held that may still have to be charged.
 */
export async function wantsHolds(db: Database, shopId: number): Promise<boolean> {
  const found = await rows(
    db.pool,
    {
      name: 'hold_shop_wants',
      text: `
        select other.id from shop s join shop other on other.domain = s.domain
        where s.id = $1 and other.uninstalled_at is null and (other.holds_on or exists (
          select 1 from node n join invoice i on i.node_id = n.id and i.state = 'live' and i.hold
          where n.shop_id = other.id))`,
    },
    [shopId],
  );
  return found.length > 0;
}

/** Whether what is paid for the orders of this shop is held first. */
export async function holdsOn(db: Database, shopId: number): Promise<boolean> {
  const found = await rows(
    db.pool,
    { name: 'hold_is_on', text: 'select id from shop where id = $1 and holds_on' },
    [shopId],
  );
  return found.length > 0;
}

/** Switches holds on or off. What is held goes on. */
export async function switchHolds(
  db: Database,
  about: { shopId: number; on: boolean },
): Promise<void> {
  await rows(
    db.pool,
    { name: 'hold_switch', text: 'update shop set holds_on = $2 where id = $1' },
    [about.shopId, about.on],
  );
}

/**
 * open -> held: the node holds the money of this invoice. False: it is to end, or the payment moved
 * meanwhile.
 */
export async function holdPayment(
  db: Database,
  held: { invoiceId: bigint; paymentId: string; heldUntilHeight: number; endsAt: Date },
): Promise<boolean> {
  const { invoiceId, paymentId, heldUntilHeight, endsAt } = held;
  return transaction(db, async (on) => {
    await lockWithInvoices(on, paymentId);
    const found = await rows(
      on,
      {
        name: 'hold_begin',
        text: `
          with begun as (
            update invoice i set held_at = now(), held_until_height = $3 from payment p
            where i.id = $1 and i.payment_id = $2::uuid and p.id = i.payment_id
              and p.state = 'open' and i.hold and i.state = 'live' and i.ending is null
              and i.held_at is null
            returning i.payment_id)
          update payment p set hold_ends_at = $4,
            -- Should it end before Shopify hears of it, Shopify hears of the end.
            verdict_wanted = case when p.origin = 'payment_session'
              then coalesce(p.verdict_wanted, 'reject') else p.verdict_wanted end
          from begun where p.id = begun.payment_id returning p.id`,
      },
      [invoiceId, paymentId, heldUntilHeight, endsAt],
    );
    if (found.length === 0) return false;
    return movePayment(on, {
      paymentId,
      move: { from: 'open', to: 'held' },
      because: 'node_says_held',
      details: { until: endsAt.toISOString(), height: String(heldUntilHeight) },
      dueInMs: 0,
    });
  });
}

type Release = {
  paymentId: string;
  because: Reason;
  /**
   * Also what the node was to be asked to charge: the wish is taken back. A node that was asked in
   * that very moment says so, and the money is then of an order that is over. `forMs`: only a wish
   * that nobody has made anew for so long.
   */
  evenIfCharging?: boolean | { forMs: number };
};

/**
 * held -> closing: the node is to give the money back. False: it is not held any more, or is being
 * charged.
 */
export const releaseHeld = (db: Database, about: Release): Promise<boolean> =>
  transaction(db, (on) => releaseHeldOn(on, about));

/** The same, as a part of the caller's transaction. */
export async function releaseHeldOn(on: Queryable, about: Release): Promise<boolean> {
  const { paymentId, because, evenIfCharging = false } = about;
  await lockWithInvoices(on, paymentId);
  if (evenIfCharging !== false) {
    const forMs = evenIfCharging === true ? null : evenIfCharging.forMs;
    await takeBackCapture(on, { paymentId, forMs });
  }
  const capturing = await rows(
    on,
    {
      name: 'hold_is_capturing',
      text: `
        select id from invoice
        where payment_id = $1::uuid and state = 'live' and capture_wanted_at is not null`,
    },
    [paymentId],
  );
  if (capturing.length > 0) return false;
  const move = { from: 'held', to: 'closing' } as const;
  if (!(await movePayment(on, { paymentId, move, because }))) return false;
  await nudge(on, await endInvoices(on, paymentId, 'order_over'));
  return true;
}

/** The payment and its invoice are locked. */
const takeBackCapture = (
  on: Queryable,
  about: { paymentId: string; forMs: number | null },
): Promise<unknown> =>
  rows(
    on,
    {
      name: 'hold_take_back',
      text: `
        update invoice i set capture_wanted_at = null from payment p
        where i.payment_id = $1::uuid and p.id = i.payment_id and p.state = 'held'
          and i.state = 'live' and i.capture_wanted_at is not null
          and ($2::int is null or i.capture_wanted_at < now() - $2::int * interval '1 ms')`,
    },
    [about.paymentId, about.forMs],
  );

/**
 * The node has forgotten what it held, and its time is over: a person is asked whether the money
 * came. False: it is not held any more, or the payment asks for somebody already.
 */
export async function holdIsLost(
  db: Database,
  about: { paymentId: string; hash: PaymentHash },
): Promise<boolean> {
  const asked = await rows(
    db.pool,
    {
      name: 'hold_is_lost',
      text: `
        with asked as (
          update payment set attention = 'hold_lost'
          where id = $1::uuid and attention is null and state in ('held', 'closing')
          returning id),
        line as (
          insert into history (payment_id, what, because, details)
          select id, 'hold_lost', '', jsonb_build_object('hash', $2::text) from asked)
        select id from asked`,
    },
    [about.paymentId, about.hash],
  );
  return asked.length > 0;
}

/** Whether the merchant has let go, or is about to, what was held: whoever ended it first. */
export async function wasLetGo(db: Database, paymentId: string): Promise<boolean> {
  const found = await rows(
    db.pool,
    {
      name: 'hold_was_let_go',
      text: `
        select id from hold_request where payment_id = $1::uuid and kind = 'void'
          and coalesce(outcome, 'voided') = 'voided' limit 1`,
    },
    [paymentId],
  );
  return found.length > 0;
}

/** Gives back all that a shop holds, as a part of the caller's transaction. */
export async function releaseAllOfShop(
  on: Queryable,
  about: { shopId: number; because: Reason },
): Promise<void> {
  const held = await rows<{ id: string }>(
    on,
    {
      name: 'hold_of_shop',
      text: `select id from payment where shop_id = $1 and state = 'held' order by id`,
    },
    [about.shopId],
  );
  for (const { id } of held) await releaseHeldOn(on, { paymentId: id, because: about.because });
}

/** Shopify has it as authorized, and has said where its buyer goes. At rest then. */
export async function holdIsTold(
  db: Database,
  about: { paymentId: string; leaseNo: number; returnUrl: string | undefined },
): Promise<boolean> {
  const told = await rows<{ link: string }>(
    db.pool,
    {
      name: 'hold_is_told',
      text: `
        with told as (
          -- What Shopify was promised while the buyer paid is kept by this, or by a no at the end.
          update payment set hold_told_at = now(), return_url = coalesce($3, return_url),
            verdict_wanted = null, pending_until = null,
            due_at = null, attempts = 0, lease_until = null
          where id = $1::uuid and lease_no = $2 and state = 'held' returning id, link),
        line as (
          insert into history (payment_id, what, because)
          select id, 'told_authorized', '' from told)
        select link from told`,
    },
    [about.paymentId, about.leaseNo, about.returnUrl ?? null],
  );
  sayMoved(
    db.pool,
    told.map(({ link }) => link),
  );
  return told.length === 1;
}

export type HoldRequestRow = {
  id: bigint;
  shopId: number;
  paymentId: string;
  kind: 'capture' | 'void';
  originId: string;
  amountMinor: Minor | null;
  currency: string | null;
  state: 'asked' | 'capturing' | 'answered' | 'done';
  outcome: HoldOutcome | undefined;
};
type RawRequest = {
  id: string;
  shop_id: number;
  payment_id: string;
  kind: HoldRequestRow['kind'];
  origin_id: string;
  amount_minor: string | null;
  currency: string | null;
  state: HoldRequestRow['state'];
  outcome: string | null;
};
const requestColumns =
  'id::text, shop_id, payment_id, kind, origin_id, amount_minor::text, currency, state, outcome';
const requestFrom = (raw: RawRequest): HoldRequestRow => ({
  ...{ id: BigInt(raw.id), shopId: raw.shop_id, paymentId: raw.payment_id, kind: raw.kind },
  ...{ originId: raw.origin_id, currency: raw.currency, state: raw.state },
  amountMinor: raw.amount_minor === null ? null : (BigInt(raw.amount_minor) as Minor),
  outcome: holdOutcomeOf(raw.outcome),
});

/** Stores a question with a row that is due at once; asked again it is the same one. */
export async function openHoldRequestOn(
  on: Queryable,
  asked: Pick<
    HoldRequestRow,
    'shopId' | 'paymentId' | 'kind' | 'originId' | 'amountMinor' | 'currency'
  >,
): Promise<void> {
  const lane = shopLane(asked.shopId);
  await rows(
    on,
    {
      name: 'hold_request_open',
      text: `
        insert into hold_request (shop_id, payment_id, kind, origin_id, amount_minor, currency,
          lane, due_at)
        values ($1, $2::uuid, $3, $4, $5, $6, $7, now())
        on conflict (shop_id, kind, origin_id) do nothing`,
    },
    [
      ...[asked.shopId, asked.paymentId, asked.kind, asked.originId, asked.amountMinor],
      ...[asked.currency, lane],
    ],
  );
  await nudge(on, [lane]);
}

export async function holdRequestById(
  db: Database,
  id: string,
): Promise<HoldRequestRow | undefined> {
  const [raw] = await rows<RawRequest>(
    db.pool,
    {
      name: 'hold_request_by_id',
      text: `select ${requestColumns} from hold_request where id = $1::bigint`,
    },
    [id],
  );
  return raw && requestFrom(raw);
}

/** The capture that has the money of a payment, or is to get it. */
export async function captureOf(
  db: Database,
  paymentId: string,
): Promise<HoldRequestRow | undefined> {
  const [raw] = await rows<RawRequest>(
    db.pool,
    {
      name: 'hold_capture_of',
      text: `
        select ${requestColumns} from hold_request
        where payment_id = $1::uuid and kind = 'capture'
          and (state = 'capturing' or outcome = 'captured')`,
    },
    [paymentId],
  );
  return raw && requestFrom(raw);
}

/**
 * A member of staff wants what is held to be charged or given back: one row that is due at once,
 * however often it is asked for. What was asked first goes first, and the other is told so; but a
 * charge that cannot happen any more, since nobody could read its order for `staleMs`, is taken
 * back by who lets go.
 */
export async function askOfHold(
  db: Database,
  asked: {
    shopId: number;
    paymentId: string;
    kind: HoldRequestRow['kind'];
    staffId: string;
    staleMs: number;
  },
): Promise<'asked' | 'not_held' | 'asked_otherwise'> {
  const { shopId, paymentId, kind, staffId, staleMs } = asked;
  return transaction(db, async (on) => {
    await lockWithInvoices(on, paymentId);
    type Known = { pending: HoldRequestRow['kind'] | null; stale: boolean; before: number };
    const [row] = await rows<Known>(
      on,
      {
        name: 'hold_asked_of',
        text: `
          select (select kind from hold_request r where r.payment_id = p.id and r.state <> 'done'
              order by r.id limit 1) as pending,
            exists (select 1 from hold_request r where r.payment_id = p.id and r.state <> 'done'
              and r.opened_at < now() - $3::int * interval '1 ms') as stale,
            (select count(*) from hold_request r where r.payment_id = p.id)::int as before
          from payment p
          where p.id = $1::uuid and p.shop_id = $2 and p.origin = 'order' and p.state = 'held'`,
      },
      [paymentId, shopId, staleMs],
    );
    if (row === undefined) return 'not_held';
    if (row.pending === kind) return 'asked';
    if (row.pending !== null) {
      const back = {
        paymentId,
        because: 'hold_voided',
        evenIfCharging: { forMs: staleMs },
      } as const;
      const isBack = kind === 'void' && row.stale && (await releaseHeldOn(on, back));
      if (!isBack) return 'asked_otherwise';
    }
    const originId = `staff/${paymentId}/${String(row.before + 1)}`;
    const of = { shopId, paymentId, kind, originId };
    await openHoldRequestOn(on, { ...of, amountMinor: null, currency: null });
    const what = kind === 'capture' ? 'charge_asked' : 'let_go_asked';
    await note(on, paymentId, { what, details: { by: staffId } });
    return 'asked';
  });
}

/** Whether the order was read a moment ago, and owed what is to be charged. */
export async function mayCharge(
  db: Database,
  about: { invoiceId: bigint; freshMs: number },
): Promise<boolean> {
  const found = await rows(
    db.pool,
    {
      name: 'hold_may_charge',
      text: `
        select i.id from invoice i join payment p on p.id = i.payment_id
        where i.id = $1 and (p.origin = 'payment_session'
          or i.capture_wanted_at > now() - $2 * interval '1 ms')`,
    },
    [about.invoiceId, about.freshMs],
  );
  return found.length > 0;
}

/**
 * The money of a held payment is to be charged for this request: its node is told so by the lane of
 * the node. Said again for the same request it holds from that moment on. False: it is not held any
 * more, or another request was faster.
 */
export async function wantCapture(
  db: Database,
  request: Pick<HoldRequestRow, 'id' | 'paymentId' | 'state'>,
): Promise<boolean> {
  const { id, paymentId, state } = request;
  return transaction(db, async (on) => {
    await lockWithInvoices(on, paymentId);
    const wanted = await rows<{ node_id: number }>(
      on,
      {
        name: 'hold_want_capture',
        text: `
          update invoice i set capture_wanted_at = now(), due_at = now(), lease_until = null,
            lease_no = i.lease_no + 1, attempts = 0
          from payment p
          where i.payment_id = $1::uuid and p.id = i.payment_id and p.state = 'held'
            and i.state = 'live' and i.held_at is not null and i.ending is null
            and (i.capture_wanted_at is null or $2)
          returning i.node_id`,
      },
      [paymentId, state === 'capturing'],
    );
    const [invoice] = wanted;
    if (invoice === undefined) return false;
    const lanes: Lane[] = [nodeLane(invoice.node_id)];
    await rows(
      on,
      {
        name: 'hold_request_capturing',
        text: `update hold_request set state = 'capturing' where id = $1 and state = 'asked'`,
      },
      [id],
    );
    await note(on, paymentId, { what: 'capture_wanted', because: String(id) });
    await nudge(on, lanes);
    return true;
  });
}

/**
 * What is to be answered, stored before it is told. The first answer counts. False: the request is
 * not what it was when this was decided, or another process has it in hand by now.
 */
export async function answerHoldRequest(
  db: Database,
  about: {
    id: bigint;
    paymentId: string;
    outcome: HoldOutcome;
    from: HoldRequestRow['state'];
    leaseNo: number;
  },
): Promise<boolean> {
  const { id, paymentId, outcome, from, leaseNo } = about;
  return transaction(db, async (on) => {
    const answered = await rows(
      on,
      {
        name: 'hold_request_answer',
        text: `
          update hold_request set state = 'answered', outcome = $2
          where id = $1 and state in ('asked', 'capturing') and state = $3 and lease_no = $4
          returning id`,
      },
      [id, outcome, from, leaseNo],
    );
    if (answered.length === 0) return false;
    await note(on, paymentId, { what: 'hold_answered', because: outcome });
    return true;
  });
}

/** Shopify has the answer, or will never take it. */
export async function holdRequestIsDone(
  on: Queryable,
  about: { id: bigint; outcome: HoldOutcome; told: boolean },
): Promise<void> {
  await rows(
    on,
    {
      name: 'hold_request_done',
      text: `
        update hold_request set state = 'done', outcome = coalesce(outcome, $2),
          told_at = case when $3 then now() end, due_at = null, lease_until = null, attempts = 0
        where id = $1 and state <> 'done'`,
    },
    [about.id, about.outcome, about.told],
  );
}

/** How often Shopify has refused to hear this of a hold, as the history has it. */
export async function timesHoldRefused(
  db: Database,
  about: { paymentId: string; request: string },
): Promise<number> {
  const [row] = await rows<{ times: number }>(
    db.pool,
    {
      name: 'hold_times_refused',
      text: `
        select count(*)::int as times from history
        where payment_id = $1::uuid and what = 'tell_refused' and because = $2`,
    },
    [about.paymentId, about.request],
  );
  return row?.times ?? 0;
}
