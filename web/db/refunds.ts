// Refunds and their moves, as payments have theirs: one compare-and-set statement writes the
// history of the payment, the postings and the next due time with it. What is given back of one
// payment is decided under the lock of its row. Nothing here can pay: the signer reads what is
// claimed.
import { randomBytes } from 'node:crypto';
import { accountOf, postingsOfRefund, type Posting } from '../core/ledger.ts';
import { msat, type Currency, type Minor, type Msat } from '../core/money.ts';
import type {
  Captured,
  NotRefundable,
  PaidSats,
  RefundEvidence,
  RefundOrigin,
  RefundPricing,
  RefundReason,
  RefundSource,
  RefundState,
} from '../core/refund.ts';
import { byPolicy, whyNotRefundable } from '../core/refund.ts';
import { sayMoved, wakePools } from './announce.ts';
import type { Database, Queryable } from './database.ts';
import { rows, transaction } from './database.ts';
import { nudge, shopLane, type Lane } from './lanes.ts';
import { movePayment, paymentColumns, type PaymentRow } from './payments.ts';
import { columnsOf, record, records, type Fields } from './records.ts';
import { freeGroup } from './sessions.ts';

export type RefundRow = {
  id: string;
  link: string;
  shopId: number;
  paymentId: string;
  origin: RefundOrigin;
  originId: string;
  currency: Currency;
  /** Zero: only sats are meant, or it could not be read. */
  amountMinor: Minor;
  /** Whole sats. Null: it has no price yet. */
  amountMsat: Msat | null;
  pricing: RefundPricing;
  source: RefundSource;
  state: RefundState;
  reason: RefundReason;
  openedBy: string | null;
  note: string | null;
  approvalWanted: boolean;
  approvedBy: string | null;
  approvedAt: Date | null;
  claimEndsAt: Date | null;
  toldAt: Date | null;
  test: boolean;
  openedAt: Date;
};

const fields: Fields<RefundRow> = {
  ...{ id: true, link: true, shopId: true, paymentId: true, origin: true, originId: true },
  ...{ currency: true, amountMinor: true, amountMsat: true, pricing: true, source: true },
  ...{ state: true, reason: true, openedBy: true, note: true, approvalWanted: true },
  ...{ approvedBy: true, approvedAt: true, claimEndsAt: true, toldAt: true, test: true },
  ...{ openedAt: true },
};
/** The fields of a row, of a refund that a statement calls `r`. */
export const refundColumns = columnsOf('r', fields);

const byIdText = `select ${refundColumns} from refund r where r.id = $1::uuid`;
export const refundById = (on: Queryable, id: string): Promise<RefundRow | null> =>
  record<RefundRow>(on, { name: 'refund_by_id', text: byIdText }, [id]);

/**
 * Of several with the same origin, the one; a spread over several payments has others behind it.
 */
const byOriginText = `
  select ${refundColumns} from refund r
  where r.shop_id = $1 and r.origin = $2 and r.origin_id = $3`;
export const refundByOrigin = (
  on: Queryable,
  key: { shopId: number; origin: RefundOrigin; originId: string },
): Promise<RefundRow | null> =>
  record<RefundRow>(on, { name: 'refund_by_origin', text: byOriginText }, [
    ...[key.shopId, key.origin, key.originId],
  ]);

/** Refunds that count against what was captured: see `isCounted`. Of a refund called `r`. */
const countedText = `(r.state not in ('withdrawn', 'done')
  or r.reason in ('paid_out', 'given_back_otherwise'))`;

export type RefundablePayment = Captured & {
  id: string;
  shopId: number;
  test: boolean;
  originId: string;
  methodNames: readonly string[];
  /** Shopify may have recorded what we do not know yet that it has. */
  isBeingTold: boolean;
};

const refundableText = `
  select p.id, p.shop_id as "shopId", p.currency, p.test, p.origin_id as "originId",
    array_remove(array[p.method_name, p.tell_method, s.method_name], null) as "methodNames",
    p.state = 'settled' as "isBeingTold",
    case when p.state = 'resolved' and p.told_minor is not null
      then least(p.told_minor, q.fiat_minor) end as "capturedMinor",
    (select coalesce(sum(r.amount_minor), 0)::bigint from refund r
      where r.payment_id = p.id and ${countedText}) as "refundedMinor"
  from payment p join shop s on s.id = p.shop_id
    left join invoice i on i.id = p.settled_invoice_id left join quote q on q.id = i.quote_id`;

/**
 * What of a payment may be refunded, as it is at this moment; null: the shop has no such payment.
 */
export const refundable = (
  on: Queryable,
  about: { shopId: number; paymentId: string },
): Promise<RefundablePayment | null> =>
  record<RefundablePayment>(
    on,
    {
      name: 'refund_refundable',
      text: `${refundableText} where p.id = $2::uuid and p.shop_id = $1`,
    },
    [about.shopId, about.paymentId],
  );

/** The same of every payment of an order, the newest first. */
export const refundablesOfOrder = (
  on: Queryable,
  about: { shopId: number; originId: string },
): Promise<RefundablePayment[]> =>
  records<RefundablePayment>(
    on,
    {
      name: 'refund_refundables_of_order',
      text: `
        ${refundableText} where p.shop_id = $1 and p.origin_id = $2 order by p.sequence desc`,
    },
    [about.shopId, about.originId],
  );

/** Nobody else decides about refunds of these payments until the transaction ends. */
export async function lockPayments(on: Queryable, ids: readonly string[]): Promise<void> {
  await rows(
    on,
    {
      name: 'refund_lock_payments',
      text: 'select id from payment where id = any($1::uuid[]) order by id for no key update',
    },
    [ids],
  );
}

/** The same for the payment of a refund, whose reward may change by it. */
async function lockPaymentOf(on: Queryable, refundId: string): Promise<void> {
  await rows(
    on,
    {
      name: 'refund_lock_payment_of',
      text: `
        select p.id from payment p join refund r on r.payment_id = p.id where r.id = $1::uuid
        for no key update of p`,
    },
    [refundId],
  );
}

export type NewRefund = {
  shopId: number;
  paymentId: string;
  origin: RefundOrigin;
  originId: string;
  /** As it was asked; where it is refused it may be a word that is no currency. */
  currencyCode: string;
  amountMinor: Minor | undefined;
  source: RefundSource;
  test: boolean;
  openedBy: string | undefined;
  note: string | undefined;
  /** It cannot be: it is written down all the same, and whoever asked is told. */
  never?: RefundReason | undefined;
  /** Sats alone are meant, and so many. */
  amountMsat?: Msat;
};

/** Who asks for it in our own admin has said yes to it by that; a policy has not. */
const approvedBy = ({ origin, openedBy }: NewRefund): string | null =>
  openedBecause[origin] !== 'staff_asked' || openedBy === byPolicy ? null : (openedBy ?? 'unknown');

const openedBecause: Record<RefundOrigin, RefundReason> = {
  order_refund: 'shopify_asked',
  refund_session: 'shopify_asked',
  admin: 'staff_asked',
  attention: 'staff_asked',
  reward: 'reward_waits',
};

/** 128 random bits, base64url: whoever knows it may see and claim this one refund. */
const newLink = (): string => randomBytes(16).toString('base64url');

/**
 * Writes it down, due at once. Null: another has this origin already. The caller holds the lock of
 * its payment.
 */
export async function insertRefund(on: Queryable, made: NewRefund): Promise<RefundRow | null> {
  const { never } = made;
  const because = never ?? openedBecause[made.origin];
  const opened = await record<RefundRow>(on, { name: 'refund_open', text: openText }, [
    ...[newLink(), made.shopId, made.paymentId, made.origin, made.originId, made.currencyCode],
    ...[made.amountMinor ?? 0n, made.source, never === undefined ? 'asked' : 'withdrawn', because],
    ...[made.test, made.openedBy ?? null, made.note ?? null, shopLane(made.shopId)],
    ...[made.amountMsat ?? null, approvedBy(made)],
    JSON.stringify({
      originId: made.originId,
      ...(made.amountMinor === undefined ? {} : { amountMinor: made.amountMinor.toString() }),
      currency: made.currencyCode,
      ...(made.amountMsat === undefined ? {} : { amountMsat: made.amountMsat.toString() }),
      ...(made.openedBy === undefined ? {} : { by: made.openedBy }),
    }),
  ]);
  if (opened !== null) await nudge(on, [shopLane(made.shopId)]);
  return opened;
}

const openText = `
  with opened as (
    insert into refund (id, link, shop_id, payment_id, origin, origin_id, currency, amount_minor,
      pricing, source, state, reason, test, opened_by, note, lane, due_at, amount_msat,
      approved_by, approved_at)
    values (gen_random_uuid(), $1, $2, $3::uuid, $4, $5, $6, $7, 'sats_paid', $8,
      $9::refund_state, $10, $11, $12, $13, $14, now(), $15, $16,
      case when $16::text is not null then now() end)
    on conflict (shop_id, origin, origin_id) do nothing returning *),
  line as (
    insert into history (payment_id, what, because, details)
    select payment_id, 'refund', $10, $17::jsonb || jsonb_build_object('refund', id::text,
      'to', state::text) from opened)
  select ${refundColumns} from opened r`;

export type Opened =
  | { is: 'opened'; refund: RefundRow }
  | { is: 'known'; refund: RefundRow }
  | { is: 'refused'; because: NotRefundable };

/**
 * Opens a refund of a part of what was captured, once for its origin. `keepsRefused`: whoever asked
 * cannot be told here, so that what cannot be is written down, and told later.
 */
export async function openRefundOn(
  on: Queryable,
  asked: Omit<NewRefund, 'source' | 'test' | 'never' | 'amountMsat'> & { keepsRefused: boolean },
): Promise<Opened | { is: 'no_such_payment' } | { is: 'too_early' }> {
  await lockPayments(on, [asked.paymentId]);
  const known = await refundByOrigin(on, asked);
  if (known !== null) return { is: 'known', refund: known };
  const payment = await refundable(on, asked);
  if (payment === null) return { is: 'no_such_payment' };
  const { amountMinor, currencyCode } = asked;
  const never = whyNotRefundable({ amountMinor, currencyCode }, payment);
  if (never === 'nothing_captured' && payment.isBeingTold) return { is: 'too_early' };
  if (never !== undefined && !asked.keepsRefused) return { is: 'refused', because: never };
  const { test } = payment;
  const made: NewRefund = { ...asked, never, test, source: 'resolved' };
  const opened = await insertRefund(on, made);
  if (opened !== null) return { is: 'opened', refund: opened };
  const faster = await refundByOrigin(on, asked);
  if (faster === null) throw new Error('a refund was not stored');
  return { is: 'known', refund: faster };
}

/** What of a payment stands in an account, and all that ever came there, in msat. */
async function standingIn(
  on: Queryable,
  about: { paymentId: string; account: string },
): Promise<{ leftMsat: Msat; cameMsat: Msat }> {
  const [row] = await rows<{ came: string; left_over: string }>(
    on,
    {
      name: 'refund_standing_in',
      text: `
        select
          coalesce(sum(case when to_account = $2 then amount_msat else 0 end), 0)::text as came,
          coalesce(sum(case when to_account = $2 then amount_msat else -amount_msat end), 0)::text
            as left_over
        from posting where payment_id = $1::uuid and $2 in (from_account, to_account)`,
    },
    [about.paymentId, about.account],
  );
  const left = BigInt(row?.left_over ?? 0);
  return { leftMsat: msat(left > 0n ? left : 0n), cameMsat: msat(BigInt(row?.came ?? 0)) };
}

/**
 * What nobody owed is owed back to its buyer as a refund: the books move at once, and the question
 * to a person ends with it. A stranded payment is settled by that. The rest of a satoshi stays
 * where it is. `seenMsat`: what the person saw.
 */
export const openGivenBack = (
  db: Database,
  about: { shopId: number; paymentId: string; seenMsat: Msat; by: string },
): Promise<Extract<Opened, { is: 'opened' }> | 'unknown_payment' | 'nothing_to_give_back'> =>
  transaction(db, async (on) => {
    const { shopId, paymentId, by } = about;
    await lockPayments(on, [paymentId]);
    const payment = await record<PaymentRow>(
      on,
      {
        name: 'payment_by_id',
        text: `select ${paymentColumns} from payment p where p.id = $1::uuid`,
      },
      [paymentId],
    );
    if (payment?.shopId !== shopId) return 'unknown_payment';
    const found = await sourceOf(on, payment);
    const amountMsat = msat((found?.leftMsat ?? 0n) - ((found?.leftMsat ?? 0n) % 1_000n));
    if (found === undefined || found.leftMsat !== about.seenMsat || amountMsat === 0n) {
      return 'nothing_to_give_back';
    }
    const { source, cameMsat, leftMsat } = found;
    const refund = await insertRefund(on, {
      ...{ shopId, paymentId, origin: 'attention', source, amountMsat, amountMinor: undefined },
      // All that ever came grows with each payment, so no two of them share a key.
      originId: `${paymentId}:${source}:${String(cameMsat)}`,
      ...{ currencyCode: payment.currency, test: payment.test, openedBy: by, note: undefined },
    });
    if (refund === null) return 'nothing_to_give_back';
    const postings = postingsOfRefund({ shopId, source, amountMsat }, leftMsat);
    const journal = `refund:${refund.id}`;
    if (payment.state === 'stranded') {
      const because = 'refund_opened';
      const answersAttention = source === 'overpaid' ? 'overpaid' : 'stranded';
      const move = { from: 'stranded', to: 'resolved' } as const;
      const details = { refund: refund.id, by };
      await movePayment(on, {
        ...{ paymentId, move, because, journal, postings, details, answersAttention },
      });
      // As when a person settles it by hand: the purchase may be paid after all.
      await freeGroup(on, paymentId);
    } else {
      await answerByRefund(on, { paymentId, journal, postings, rest: leftMsat > amountMsat });
      sayMoved(on, [payment.link]);
    }
    return { is: 'opened', refund };
  });

/** Where what nobody owed stands, and how much of it; undefined: there is none. */
export async function sourceOf(
  on: Queryable,
  { id: paymentId, shopId, state }: Pick<PaymentRow, 'id' | 'shopId' | 'state'>,
): Promise<{ source: RefundSource; leftMsat: Msat; cameMsat: Msat } | undefined> {
  // Of a stranded payment the whole goes back, and what was too much of it is asked for after.
  const sources =
    state === 'stranded' ? (['stranded', 'overpaid'] as const) : (['overpaid'] as const);
  for (const source of sources) {
    const account = accountOf(source, shopId);
    const standing = await standingIn(on, { paymentId, account });
    if (standing.leftMsat > 0n) return { source, ...standing };
  }
  return undefined;
}

async function answerByRefund(
  on: Queryable,
  about: { paymentId: string; journal: string; postings: readonly Posting[]; rest: boolean },
): Promise<void> {
  const { from, to, msat: amounts } = bookingsOf(about.postings);
  await rows(
    on,
    {
      name: 'refund_answers_attention',
      text: `
        with answered as (
          update payment set attention = case when attention = 'overpaid' and not $2::boolean
            then null else attention end
          where id = $1::uuid returning id)
        insert into posting (payment_id, journal, from_account, to_account, amount_msat)
        select answered.id, $3, p.f, p.t, p.m
        from answered, unnest($4::text[], $5::text[], $6::bigint[]) as p (f, t, m)`,
    },
    [about.paymentId, about.rest, about.journal, from, to, amounts],
  );
}

/** What came for the captured amount, and how its price was adjusted. */
export async function paidSatsOf(
  db: Database,
  paymentId: string,
): Promise<(PaidSats & { adjustmentBp: number }) | undefined> {
  const [row] = await rows<{ msat: string; captured: string; adjustment_bp: number }>(
    db.pool,
    {
      name: 'refund_paid_sats',
      text: `
        select b.amount_msat::text as msat, least(p.told_minor, q.fiat_minor)::text as captured,
          coalesce((q.evidence ->> 'adjustmentBasisPoints')::int, 0) as adjustment_bp
        from payment p join invoice i on i.id = p.settled_invoice_id
          join quote q on q.id = i.quote_id
          join posting b on b.payment_id = p.id and b.journal = 'verdict:' || p.id::text
            and b.to_account = 'resolved:' || p.shop_id::text
        where p.id = $1::uuid and p.told_minor is not null`,
    },
    [paymentId],
  );
  return (
    row && {
      amountMsat: msat(BigInt(row.msat)),
      capturedMinor: BigInt(row.captured) as Minor,
      adjustmentBp: row.adjustment_bp,
    }
  );
}

export type RefundTerms = {
  refundsOn: boolean;
  /** Whose word it is: its own row's, or that of the shop's other app, changed in the admin. */
  from: 'own' | 'admin';
  pricing: RefundPricing;
  claimDays: number;
  approvalMsat: Msat | null;
};

/**
 * How a shop gives refunds: by its own settings; where it has none, such as the payments app's row
 * of a shop, by those of the shop's other apps; and where no app
 * of it has any, by the payments app's own switch, and otherwise as they come.
 */
export async function refundTermsOf(db: Database, shopId: number): Promise<RefundTerms> {
  const [row] = await rows<{
    refunds_on: boolean;
    from_others: boolean;
    refund_pricing: RefundPricing | null;
    refund_claim_days: number | null;
    refund_approval_msat: string | null;
  }>(
    db.pool,
    {
      name: 'refund_terms_of',
      text: `
        select coalesce(t.refunds_on, s.refunds_on) as refunds_on,
          t.shop_id is not null and o.id <> s.id as from_others,
          t.refund_pricing, t.refund_claim_days, t.refund_approval_msat
        from shop s
          join shop o on o.domain = s.domain and (o.id = s.id or o.uninstalled_at is null)
          left join settings t on t.shop_id = o.id
        where s.id = $1
        order by t.shop_id is not null desc, o.id = s.id desc, o.id limit 1`,
    },
    [shopId],
  );
  return {
    refundsOn: row?.refunds_on ?? false,
    from: row?.from_others === true ? 'admin' : 'own',
    pricing: row?.refund_pricing ?? 'fiat_today',
    claimDays: row?.refund_claim_days ?? 30,
    approvalMsat:
      row === undefined || row.refund_approval_msat === null
        ? null
        : msat(BigInt(row.refund_approval_msat)),
  };
}

/** It goes on waiting, and says for what; the timeline says each reason once. */
export async function refundWaits(
  db: Database,
  about: { id: string; leaseNo: number; because: RefundReason },
): Promise<void> {
  await rows(
    db.pool,
    {
      name: 'refund_waits',
      text: `
        with waits as (
          update refund set reason = $3 where id = $1::uuid and lease_no = $2 and state = 'asked'
            and reason <> $3
          returning id, payment_id)
        insert into history (payment_id, what, because, details)
        select payment_id, 'refund', $3, jsonb_build_object('refund', id::text) from waits`,
    },
    [about.id, about.leaseNo, about.because],
  );
}

type Bookings = { from: string[]; to: string[]; msat: Msat[] };
const bookingsOf = (postings: readonly Posting[]): Bookings => ({
  from: postings.map((posting) => posting.from),
  to: postings.map((posting) => posting.to),
  msat: postings.map((posting) => posting.amountMsat),
});

const jsonOf = (value: unknown): string =>
  JSON.stringify(value, (_key, each: unknown) => (typeof each === 'bigint' ? String(each) : each));

/**
 * It has its price: the sats are owed from here on, and do not change. Above the threshold it waits
 * for a person, otherwise its buyer may claim it. False: somebody was faster.
 */
export async function refundIsPriced(
  db: Database,
  about: {
    refund: RefundRow;
    leaseNo: number;
    amountMsat: Msat;
    /** Undefined: the sats themselves were asked for. */
    evidence: RefundEvidence | undefined;
    approvalWanted: boolean;
    claimDays: number;
  },
): Promise<boolean> {
  const { refund, amountMsat, evidence } = about;
  const { id, paymentId, shopId, source } = refund;
  return transaction(db, async (on) => {
    await lockPayments(on, [paymentId]);
    const account = accountOf(source, shopId);
    const { leftMsat } = await standingIn(on, { paymentId, account });
    // What was given back by a person was taken when that was said.
    const postings =
      refund.amountMsat === null ? postingsOfRefund({ shopId, source, amountMsat }, leftMsat) : [];
    const { from, to, msat: amounts } = bookingsOf(postings);
    const [priced] = await rows<{ link: string }>(on, { name: 'refund_price', text: priceText }, [
      ...[id, about.leaseNo, amountMsat, jsonOf(evidence ?? {}), about.approvalWanted],
      ...[evidence?.pricing ?? 'sats_paid', about.claimDays, from, to, amounts],
    ]);
    if (priced === undefined) return false;
    sayMoved(on, [priced.link]);
    return true;
  });
}

const priceText = `
  with waits as (
    select $5::boolean and approved_at is null as for_person from refund where id = $1::uuid),
  priced as (
    update refund r set amount_msat = $3, evidence = $4::jsonb, approval_wanted = $5::boolean,
      pricing = $6, attempts = 0, lease_until = null,
      state = case when for_person then 'asked' else 'claimable' end::refund_state,
      reason = case when for_person then 'approval_wanted' else 'priced' end,
      claim_ends_at = case when for_person then null else now() + $7 * interval '1 day' end,
      due_at = case when for_person then null else now() + $7 * interval '1 day' end
    from waits
    where r.id = $1::uuid and r.lease_no = $2 and r.state = 'asked'
      and coalesce(r.amount_msat, $3) = $3
    returning r.*),
  line as (
    insert into history (payment_id, what, because, details)
    select payment_id, 'refund', reason, jsonb_build_object('refund', id::text,
      'to', state::text, 'amountMsat', amount_msat::text) from priced),
  booked as (
    insert into posting (payment_id, journal, from_account, to_account, amount_msat)
    select priced.payment_id, 'refund:' || priced.id::text, p.f, p.t, p.m
    from priced, unnest($8::text[], $9::text[], $10::bigint[]) as p (f, t, m))
  select p.link from priced join payment p on p.id = priced.payment_id`;

/** A person approves it. False: it does not wait for that. */
export async function approveRefund(
  db: Database,
  about: { id: string; shopId: number; by: string; claimDays: number },
): Promise<boolean> {
  const approved = await rows<{ link: string }>(
    db.pool,
    {
      name: 'refund_approve',
      text: `
        with approved as (
          update refund set state = 'claimable', reason = 'approved', approved_by = $3,
            approved_at = now(), claim_ends_at = now() + $4 * interval '1 day',
            due_at = now() + $4 * interval '1 day', attempts = 0,
            lease_until = null, lease_no = lease_no + 1
          where id = $1::uuid and shop_id = $2 and state = 'asked' and reason = 'approval_wanted'
            and amount_msat is not null
          returning id, payment_id),
        line as (
          insert into history (payment_id, what, because, details)
          select payment_id, 'refund', 'approved', jsonb_build_object('refund', id::text,
            'to', 'claimable', 'by', $3::text) from approved)
        select p.link from approved join payment p on p.id = approved.payment_id`,
    },
    [about.id, about.shopId, about.by, about.claimDays],
  );
  sayMoved(
    db.pool,
    approved.map(({ link }) => link),
  );
  return approved.length === 1;
}

/**
 * It is not paid through us: what was taken for it goes back to where it came from. What nobody
 * owed to the order is asked about again, unless the buyer has it. False: it is claimed, or over.
 */
export async function withdrawRefund(
  db: Database,
  about: {
    id: string;
    paymentId: string;
    because: RefundReason;
    by?: string | undefined;
    leaseNo?: number;
  },
): Promise<boolean> {
  return transaction(db, async (on) => {
    await lockPayments(on, [about.paymentId]);
    const [withdrawn] = await rows<{ link: string; lane: Lane; nudged: number }>(
      on,
      { name: 'refund_withdraw', text: withdrawText },
      [about.id, about.because, about.by ?? null, about.leaseNo ?? null],
    );
    if (withdrawn === undefined) return false;
    sayMoved(on, [withdrawn.link]);
    wakePools(on, withdrawn.nudged);
    return true;
  });
}

const withdrawText = `
  with withdrawn as (
    -- A step that has the row at this moment saw it before: what it gives back shall not count.
    update refund set state = 'withdrawn', reason = $2, due_at = now(), attempts = 0,
      lease_until = null, lease_no = lease_no + 1
    where id = $1::uuid and state in ('asked', 'claimable') and ($4::int is null or lease_no = $4)
    returning *),
  line as (
    insert into history (payment_id, what, because, details)
    select payment_id, 'refund', $2, jsonb_strip_nulls(jsonb_build_object('refund', id::text,
      'to', 'withdrawn', 'by', $3::text)) from withdrawn),
  back as (
    select w.payment_id, b.to_account as f, b.amount_msat, case
      when b.from_account like 'resolved:%' or b.from_account like 'topped_up:%'
        then b.from_account
      -- No verdict waits for it any more: it is the buyer's, or a person says what became of it.
      when $2 = 'given_back_otherwise' then 'given_back:' || w.shop_id::text
      else 'overpaid:' || w.shop_id::text end as t
    from withdrawn w join posting b on b.journal = 'refund:' || w.id::text
    where w.origin <> 'reward'
    union all
    -- Of a reward refunds may have taken a part since it was booked, and the shop added one.
    select w.payment_id, 'rewarding:' || w.shop_id::text, b.m, b.t
    from withdrawn w
      cross join lateral (
        select topped_up_for(w.payment_id, w.shop_id, 'refund:' || w.id::text) as msat) added
      cross join lateral (values
        ('resolved:' || w.shop_id::text, w.amount_msat - added.msat),
        ('topped_up:' || w.shop_id::text, added.msat)) as b (t, m)
    where w.origin = 'reward' and b.m > 0),
  booked as (
    insert into posting (payment_id, journal, from_account, to_account, amount_msat)
    select payment_id, 'refund:' || $1::text || ':withdrawn', f, t, amount_msat from back),
  asked as (
    update payment p set attention = coalesce(p.attention, 'overpaid') from back
    where p.id = back.payment_id and back.t like 'overpaid:%'),
  nudged as (select nudge(array[lane]) as n from withdrawn)
  select p.link, w.lane, (select coalesce(sum(n), 0) from nudged)::int as nudged
  from withdrawn w join payment p on p.id = w.payment_id`;

export type NewClaim = {
  refundId: string;
  request: string;
  /** Lower-case hex. */
  hash: string;
  amountMsat: Msat;
  expiresAt: Date;
  kind: ClaimKind;
  sealedAddress: Uint8Array | null;
  /** How long until somebody looks after it, were the signer not to say a word. */
  lookInMs: number;
};
export type ClaimKind = 'invoice' | 'address' | 'lnurlw';

/**
 * The buyer's BOLT11, and the move with it. `not_claimable`: it is claimed, over, or of another
 * amount. `used_before`: this payment hash was given before, here or elsewhere.
 */
export async function storeClaim(
  db: Database,
  claim: NewClaim,
): Promise<'stored' | 'not_claimable' | 'used_before'> {
  try {
    return await transaction(db, async (on) => {
      await lockPaymentOf(on, claim.refundId);
      const [stored] = await rows<{ link: string }>(
        on,
        { name: 'refund_claim_store', text: claimText },
        [
          ...[claim.refundId, claim.request, claim.hash, claim.amountMsat, claim.expiresAt],
          ...[claim.kind, claim.sealedAddress, claim.lookInMs],
        ],
      );
      if (stored === undefined) return 'not_claimable';
      sayMoved(on, [stored.link]);
      return 'stored';
    });
  } catch (error) {
    const { code, constraint } = error as { code?: string; constraint?: string };
    if (code === '23505' && constraint === 'refund_claim_hash_key') return 'used_before';
    throw error;
  }
}

const claimText = `
  with claimed as (
    update refund set state = 'claimed', reason = 'claim_given', attempts = 0, lease_until = null,
      lease_no = lease_no + 1, due_at = now() + $8 * interval '1 ms'
    where id = $1::uuid and state = 'claimable' and amount_msat = $4 and claim_ends_at > now()
    returning id, payment_id),
  given as (
    insert into refund_claim (refund_id, request, hash, amount_msat, expires_at, kind,
      sealed_address)
    select id, $2, decode($3, 'hex'), $4, $5, $6, $7 from claimed),
  line as (
    insert into history (payment_id, what, because, details)
    select payment_id, 'refund', 'claim_given', jsonb_build_object('refund', id::text,
      'to', 'claimed', 'hash', $3::text, 'kind', $6::text) from claimed)
  select p.link from claimed join payment p on p.id = claimed.payment_id`;

/**
 * The signer says that it is paid, with the proof: the preimage is compared here once more. What
 * was owed to the buyer has left the shop, with the fee of its way. False: there is no such word.
 */
export async function refundIsPaid(
  db: Database,
  about: { id: string; leaseNo: number },
): Promise<boolean> {
  const [paid] = await rows<{ link: string; nudged: number }>(
    db.pool,
    { name: 'refund_paid', text: paidText },
    [about.id, about.leaseNo],
  );
  if (paid === undefined) return false;
  sayMoved(db.pool, [paid.link]);
  wakePools(db.pool, paid.nudged);
  return true;
}

const paidText = `
  with proven as (
    select c.id, c.refund_id, c.hash, c.amount_msat, o.fee_msat
    from refund_claim c join payout o on o.claim_id = c.id
    where c.refund_id = $1::uuid and c.state = 'given' and o.state = 'paid' and o.hash = c.hash
      and o.subject = 'refund:' || c.refund_id::text and o.amount_msat = c.amount_msat
      and sha256(o.preimage) = c.hash),
  paid as (
    update refund r set state = 'paid', reason = 'paid_out', due_at = now(), attempts = 0,
      lease_until = null
    from proven where r.id = proven.refund_id and r.state = 'claimed' and r.lease_no = $2
    returning r.id, r.shop_id, r.payment_id, r.origin, r.lane, proven.id as claim_id,
      proven.hash, proven.amount_msat as claimed_msat, proven.fee_msat),
  closed as (
    update refund_claim c set state = 'paid', ended_at = now() from paid
    where c.id = paid.claim_id),
  line as (
    insert into history (payment_id, what, because, details)
    select payment_id, 'refund', 'paid_out', jsonb_build_object('refund', id::text, 'to', 'paid',
      'hash', encode(hash, 'hex'), 'feeMsat', fee_msat::text) from paid),
  booked as (
    insert into posting (payment_id, journal, from_account, to_account, amount_msat)
    select payment_id, 'refund:' || id::text || ':paid', f, 'paid_out:' || shop_id::text, m
    from paid cross join lateral (values
      (case when origin = 'reward' then 'rewarding:' else 'refunding:' end || shop_id::text,
        claimed_msat),
      ('fees:' || shop_id::text, fee_msat))
      as p (f, m)
    where m > 0),
  nudged as (select nudge(array[lane]) as n from paid)
  select p.link, (select coalesce(sum(n), 0) from nudged)::int as nudged
  from paid join payment p on p.id = paid.payment_id`;

/** How long a BOLT11 must have been over, by our clock, before another may be given. */
const surelyOverMs = 5 * 60_000;
/** What nobody has begun to pay for so long is given up, however long its BOLT11 lives. */
export const mostDaysUnpaid = 7;
/** Who claimed in time has so long for another try. */
const triesForMs = 3 * 24 * 3_600_000;

/**
 * The signer says that what the buyer gave cannot be paid, or it ran out and nobody began to pay
 * it: the buyer may give another. The lock of the refund, and of the claim behind it, is what a
 * signer that begins waits for, or has, in the same order; what it wrote is seen by the next
 * statement. Undefined: neither is so.
 */
export async function claimIsOver(
  db: Database,
  about: { id: string; leaseNo: number },
): Promise<'claim_failed' | 'claim_over' | undefined> {
  return transaction(db, async (on) => {
    await lockPaymentOf(on, about.id);
    await rows(
      on,
      {
        name: 'refund_lock',
        text: 'select id from refund where id = $1::uuid for no key update',
      },
      [about.id],
    );
    await rows(
      on,
      {
        name: 'refund_claim_lock',
        text: `
          select id from refund_claim where refund_id = $1::uuid and state = 'given' for update`,
      },
      [about.id],
    );
    const [over] = await rows<{ link: string; because: 'claim_failed' | 'claim_over' }>(
      on,
      { name: 'refund_claim_over', text: overText },
      [about.id, about.leaseNo, surelyOverMs, triesForMs],
    );
    if (over === undefined) return undefined;
    sayMoved(on, [over.link]);
    return over.because;
  });
}

const overText = `
  with over as (
    select c.id, c.refund_id, case when o.id is not null then o.because
        -- Why the signer let it wait says more than that its time is over.
        when w.word is not null then w.word
        when c.expires_at < now() then 'request_expired' else 'tried_for_long' end as word,
      case when o.id is null then 'claim_over' else 'claim_failed' end as because
    from refund_claim c left join payout o on o.claim_id = c.id
      left join payout_wait w on w.claim_id = c.id
    where c.refund_id = $1::uuid and c.state = 'given' and (o.state = 'failed'
      or (o.id is null and (c.expires_at < now() - $3 * interval '1 ms'
        or c.given_at < now() - interval '${String(mostDaysUnpaid)} days')))),
  again as (
    update refund r set state = 'claimable', reason = over.because, attempts = 0,
      lease_until = null,
      claim_ends_at = greatest(r.claim_ends_at, now() + $4 * interval '1 ms'),
      due_at = greatest(r.claim_ends_at, now() + $4 * interval '1 ms')
    from over where r.id = over.refund_id and r.state = 'claimed' and r.lease_no = $2
    returning r.id, r.payment_id, r.reason, over.id as claim_id, over.word),
  closed as (
    update refund_claim c set state = 'failed', because = again.word, ended_at = now() from again
    where c.id = again.claim_id),
  line as (
    insert into history (payment_id, what, because, details)
    select payment_id, 'refund', reason, jsonb_build_object('refund', id::text,
      'to', 'claimable', 'why', word) from again)
  select p.link, again.reason as because from again join payment p on p.id = again.payment_id`;

/**
 * It is over, and its reason stays. `told`: Shopify took the outcome. `asks`: a person has to look,
 * and is told of each refund by itself; the payment asks so unless it asks something already. What
 * is more than was left since staff gave it back here, or otherwise, was given back. Of the payment
 * and its refund the payment is locked first, as everywhere.
 */
export async function refundIsDone(
  db: Database,
  about: {
    id: string;
    leaseNo: number;
    told: boolean;
    asks?: 'refund_untold' | 'refund_undone' | undefined;
  },
): Promise<boolean> {
  const done = await rows(
    db.pool,
    {
      name: 'refund_done',
      text: `
        with paid as (
          select p.id, p.shop_id, p.order_name from payment p join refund r on r.payment_id = p.id
          where r.id = $1::uuid for no key update of p),
        done as (
          update refund r set state = 'done', due_at = null, attempts = 0, lease_until = null,
            told_at = case when $3::boolean then now() end
          from paid
          where r.id = $1::uuid and r.payment_id = paid.id and r.state in ('paid', 'withdrawn')
            and r.lease_no = $2
          returning r.id, r.payment_id, r.reason),
        asking as (
          select paid.* from paid join done on done.payment_id = paid.id
          where $4::text is not null and not (done.reason = 'more_than_captured' and exists (
            select 1 from refund r where r.payment_id = paid.id and r.id <> done.id
              and ${countedText} and (r.origin = 'admin' or r.reason = 'given_back_otherwise')))),
        asked as (
          -- The alert of a payment is made once for each thing that it asks; this is of the refund.
          update payment p set attention = case
            when p.attention = 'refund_untold' and $3::boolean then null
            else coalesce(p.attention, (select $4::text from asking)) end
          from done where p.id = done.payment_id
            and ($4::text is not null or p.attention = 'refund_untold')),
        told as (
          select make_alert(told_shop(asking.shop_id), $4, 'refund:' || $1,
            jsonb_build_object('orderName', asking.order_name, 'paymentId', asking.id::text))
          from asking),
        line as (
          insert into history (payment_id, what, because, details)
          select payment_id, 'refund', reason, jsonb_build_object('refund', id::text,
            'to', 'done') from done)
        select id, (select count(*) from told) as told from done`,
    },
    [about.id, about.leaseNo, about.told, about.asks ?? null],
  );
  return done.length === 1;
}

/** Switches refunds on or off in the payments app. Those that waited for it go on. */
export const switchRefunds = (
  db: Database,
  { shopId, on: isOn }: { shopId: number; on: boolean },
): Promise<void> =>
  transaction(db, async (on) => {
    await rows(
      on,
      {
        name: 'refund_switch',
        // Settings of its own go before the switch of the row, and say the same.
        text: `
          with switched as (update shop set refunds_on = $2 where id = $1 returning id)
          update settings t set refunds_on = $2, version = t.version + 1, changed_at = now()
          from switched s where t.shop_id = s.id and t.refunds_on <> $2`,
      },
      [shopId, isOn],
    );
    if (isOn) await wakeRefunds(on, shopId);
  });

/**
 * Whether staff have given back a part of the payment in our admin, of which Shopify knows nothing:
 * what is refunded there afterwards may be meant as the same.
 */
export async function wasRefundedByStaff(db: Database, paymentId: string): Promise<boolean> {
  const found = await rows(
    db.pool,
    {
      name: 'refund_by_staff',
      text: `
        select r.id from refund r
        where r.payment_id = $1::uuid and r.origin = 'admin' and ${countedText} limit 1`,
    },
    [paymentId],
  );
  return found.length > 0;
}

/** Refunds that waited for their shop to switch them on are looked at, in all apps of the shop. */
export async function wakeRefunds(on: Queryable, shopId: number): Promise<void> {
  const woken = await rows<{ lane: Lane }>(
    on,
    {
      name: 'refund_wake',
      text: `
        update refund set due_at = now(), attempts = 0, lease_until = null,
          lease_no = lease_no + 1
        where state = 'asked' and reason = 'refunds_off' and shop_id in (
          select o.id from shop s join shop o on o.domain = s.domain where s.id = $1)
        returning lane`,
    },
    [shopId],
  );
  await nudge(on, [...new Set(woken.map(({ lane }) => lane))].sort());
}

/** How often Shopify refused to hear the end of it, and when first; null: it never did. */
export async function refusalsOfRefund(
  db: Database,
  about: { paymentId: string; refundId: string },
): Promise<{ times: number; firstAt: Date | null }> {
  const [row] = await rows<{ times: number; firstAt: Date | null }>(
    db.pool,
    {
      name: 'refund_refusals',
      text: `
        select count(*)::int as times, min(at) as "firstAt" from history
        where payment_id = $1::uuid and what = 'tell_refused' and details ->> 'refund' = $2`,
    },
    [about.paymentId, about.refundId],
  );
  return row ?? { times: 0, firstAt: null };
}
