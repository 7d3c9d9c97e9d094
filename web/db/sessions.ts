// What Shopify asks of the payments app, stored once for each id with the answer it gets for ever;
// and the group of sessions of one purchase, of which one payment may be told as paid. Nothing of
// the buyer is stored here.
import { randomBytes } from 'node:crypto';
import type { Currency, Minor } from '../core/money.ts';
import type { NeverBecause, SessionKind } from '../core/payment-session.ts';
import { rejectionCodes } from '../core/payment-session.ts';
import type { Reason } from '../core/payment.ts';
import { sayMoved } from './announce.ts';
import type { Database, Queryable } from './database.ts';
import { rows, transaction } from './database.ts';
import { nudge, shopLane } from './lanes.ts';
import { closePaymentOn } from './payments.ts';
import { record } from './records.ts';
import { shopColumns, type ShopRow } from './shops.ts';

export type RequestKind = 'payment' | 'refund' | 'capture' | 'void';

/** The payments app's row of a shop, the installed one before others; null: it never had one. */
export const paymentsShop = (db: Database, domain: string): Promise<ShopRow | null> =>
  record<ShopRow>(db.pool, { name: 'session_shop', text: paymentsShopText() }, [domain]);

// The rooms of shops and sessions know each other: asked when both are there.
const paymentsShopText = (): string => `
  select ${shopColumns} from shop s join registration r on r.id = s.registration_id
  where s.domain = $1 and r.kind = 'payments'
  order by s.uninstalled_at desc nulls first, s.id desc limit 1`;

/** Other installed rows of the same shop, whose nodes may stand in: those of its other apps. */
export async function siblingsOf(db: Database, shopId: number): Promise<number[]> {
  const found = await rows<{ id: number }>(
    db.pool,
    {
      name: 'shop_siblings',
      text: `
        select other.id from shop s join shop other on other.domain = s.domain and other.id <> s.id
        where s.id = $1 and other.uninstalled_at is null order by other.id limit 20`,
    },
    [shopId],
  );
  return found.map(({ id }) => id);
}

export type StoredRequest = { contentHash: Uint8Array; answer: string; paymentId: string | null };

/** What was stored under this id, if something was. */
export async function sessionRequest(
  on: Queryable,
  about: { shopId: number; kind: RequestKind; id: string },
): Promise<StoredRequest | undefined> {
  const [row] = await rows<{
    content_hash: Uint8Array;
    answer: string;
    payment_id: string | null;
  }>(
    on,
    {
      name: 'session_request_of',
      text: `
        select content_hash, answer, payment_id from session_request
        where shop_id = $1 and kind = $2 and id = $3`,
    },
    [about.shopId, about.kind, about.id],
  );
  return row && { contentHash: row.content_hash, answer: row.answer, paymentId: row.payment_id };
}

/** Of a shop's payments app, by the shop's name; or of the shop's row. */
export type NewSession = ({ shopDomain: string } | { shopId: number }) & {
  id: string;
  gid: string;
  groupKey: string;
  kind: SessionKind;
  test: boolean;
  currency: Currency;
  owedMinor: Minor;
  never: NeverBecause | undefined;
  cancelUrl: string | null;
  proposedAt: Date;
  receivedAt: Date;
  contentHash: Uint8Array;
  /** The answer, made from the link of the payment: kept byte for byte. */
  answerOf: (link: string) => string;
};

export type StoredSession = {
  /** Undefined: no such shop ever had the payments app. */
  shopId: number | undefined;
  /** Undefined: nothing was stored. */
  paymentId: string | undefined;
  answer: string;
  /** What stood under this id before. */
  before: StoredRequest | undefined;
};

/**
 * Stores a session with the payment that it opens, in one statement; of many at once one is stored.
 * What can never be paid is closed in the same transaction, and Shopify is to be told so. Nothing
 * is stored where the id is taken, or the shop has removed the app.
 */
export async function storeSession(db: Database, session: NewSession): Promise<StoredSession> {
  const { never } = session;
  if (never === undefined) return storeSessionOn(db.pool, session);
  return transaction(db, async (on) => {
    const stored = await storeSessionOn(on, session);
    const { paymentId } = stored;
    if (paymentId !== undefined) {
      await wantReject(on, { paymentId, because: never });
      await closePaymentOn(on, { paymentId, because: 'session_refused' });
    }
    return stored;
  });
}

async function storeSessionOn(on: Queryable, session: NewSession): Promise<StoredSession> {
  // 128 random bits, base64url: whoever knows it may see and pay this one payment.
  const link = randomBytes(16).toString('base64url');
  const answer = session.answerOf(link);
  const [row] = await rows<{
    shop_id: number;
    payment_id: string | null;
    content_hash: Uint8Array | null;
    answer: string;
    asked_payment_id: string | null;
  }>(on, { name: 'session_open', text: openText }, [
    'shopDomain' in session ? session.shopDomain : null,
    session.id,
    session.gid,
    session.contentHash,
    answer,
    session.test,
    session.proposedAt,
    link,
    session.currency,
    session.owedMinor,
    session.receivedAt,
    session.kind,
    session.groupKey,
    session.cancelUrl,
    'shopId' in session ? session.shopId : null,
  ]);
  const contentHash = row?.content_hash ?? null;
  return {
    ...{ shopId: row?.shop_id, paymentId: row?.payment_id ?? undefined, answer },
    before:
      row === undefined || contentHash === null
        ? undefined
        : { contentHash, answer: row.answer, paymentId: row.asked_payment_id },
  };
}

/** Who comes second waits here for the first one's commit, and then does nothing. */
const openText = `
  with of as (
    (select s.id, s.uninstalled_at from shop s join registration r on r.id = s.registration_id
    where s.domain = $1::text and r.kind = 'payments'
    order by s.uninstalled_at desc nulls first, s.id desc limit 1)
    union all
    select id, uninstalled_at from shop where id = $15::int),
  asked as (
    insert into session_request (shop_id, kind, id, gid, payment_id, content_hash, answer, currency,
      test, proposed_at)
    select of.id, 'payment', $2, $3, gen_random_uuid(), $4, $5, $9, $6, $7 from of
    where of.uninstalled_at is null
    on conflict (shop_id, kind, id) do nothing returning shop_id, payment_id),
  opened as (
    insert into payment (id, link, shop_id, origin, origin_id, sequence, order_name, test, currency,
      owed_minor, owed_at, state, reason, kind, group_key, cancel_url, lane, tell_sales_before)
    select payment_id, $8, shop_id, 'payment_session', $3, 1, $2, $6, $9, $10, $11, 'open',
      'session_seen', $12, $13, $14, 'shop:' || shop_id || ':admin', '{}'
    from asked returning id),
  line as (
    insert into history (payment_id, what, because, details)
    select id, 'opened', 'session_seen', jsonb_build_object('session', $2::text) from opened)
  select of.id as shop_id, asked.payment_id, b.content_hash, b.answer,
    b.payment_id as asked_payment_id
  from of left join asked on true
    left join session_request b on b.shop_id = of.id and b.kind = 'payment' and b.id = $2`;

/** Shopify is to be told that it will never be paid, once the node has said so too. */
async function wantReject(
  on: Queryable,
  about: { paymentId: string; because: NeverBecause },
): Promise<void> {
  await rows(
    on,
    {
      name: 'session_want_reject',
      text: `
        update payment set verdict_wanted = 'reject', verdict_code = $2
        where id = $1::uuid and origin = 'payment_session' and state = 'open'`,
    },
    [about.paymentId, rejectionCodes[about.because]],
  );
}

/** Closes a session that can never be paid here: Shopify hears it once the node has said so too. */
export async function closeForGood(
  db: Database,
  about: {
    paymentId: string;
    never: NeverBecause;
    because: Extract<Reason, 'session_refused' | 'session_timed_out'>;
  },
): Promise<boolean> {
  return transaction(db, async (on) => {
    await wantReject(on, { paymentId: about.paymentId, because: about.never });
    return closePaymentOn(on, about);
  });
}

export type MoneyRequest = {
  shopId: number;
  kind: Exclude<RequestKind, 'payment'>;
  id: string;
  gid: string;
  paymentId: string;
  contentHash: Uint8Array;
  answer: string;
  amountMinor: Minor | null;
  currency: string | null;
  test: boolean;
  proposedAt: Date;
};

/** Stores what is asked of a payment. False: the id is taken. */
export async function storeMoneyRequest(on: Queryable, asked: MoneyRequest): Promise<boolean> {
  const stored = await rows(
    on,
    {
      name: 'session_money_request',
      text: `
        with asked as (
          insert into session_request (shop_id, kind, id, gid, payment_id, content_hash, answer,
            amount_minor, currency, test, proposed_at, state)
          values ($1, $2, $3, $4, $5::uuid, $6, $7, $8, $9, $10, $11,
            -- A refund has its own row, and its own states.
            case when $2 = 'refund' then 'opened' else 'received' end)
          on conflict (shop_id, kind, id) do nothing returning payment_id),
        line as (
          insert into history (payment_id, what, because, details)
          select payment_id, 'session_asked', $2, jsonb_strip_nulls(jsonb_build_object(
            'session', $3::text, 'amountMinor', ($8::bigint)::text, 'currency', $9::text))
          from asked)
        select payment_id from asked`,
    },
    [
      asked.shopId,
      asked.kind,
      asked.id,
      asked.gid,
      asked.paymentId,
      asked.contentHash,
      asked.answer,
      asked.amountMinor,
      asked.currency,
      asked.test,
      asked.proposedAt,
    ],
  );
  return stored.length === 1;
}

type Grouped = { shopId: number; groupKey: string; paymentId: string };

/**
 * Takes the group for this payment where the recording of its money has not. It keeps it for ever,
 * or until a person has settled by hand what Shopify did not take: see `freeGroup`. The other
 * open payments of the group are closed with it: nobody shall pay the same purchase twice. False:
 * another payment has it.
 */
export async function takeGroup(db: Database, about: Grouped): Promise<boolean> {
  const [found] = await rows<{ holder: string | null; others: boolean }>(
    db.pool,
    {
      name: 'session_group_take',
      text: `
        with taken as (
          insert into session_group (shop_id, group_key, payment_id) values ($1, $2, $3::uuid)
          on conflict (shop_id, group_key) do nothing returning payment_id)
        select coalesce((select payment_id from taken), (
            select payment_id from session_group where shop_id = $1 and group_key = $2)) as holder,
          exists (${othersText}) as others`,
    },
    [about.shopId, about.groupKey, about.paymentId],
  );
  // Whoever took it in that very moment is seen by the next statement only.
  const holder = found?.holder ?? (await holderOf(db.pool, about));
  if (holder !== about.paymentId) return false;
  if (found?.others !== false) await closeOthers(db, about);
  return true;
}

const othersText = `
  select id from payment
  where shop_id = $1 and group_key = $2 and id <> $3::uuid and state = 'open'`;

/** Whoever opens another one from here on gets no price for it. */
async function closeOthers(db: Database, about: Grouped): Promise<void> {
  await transaction(db, async (on) => {
    const others = await rows<{ id: string }>(
      on,
      { name: 'session_group_others', text: `${othersText} order by id` },
      [about.shopId, about.groupKey, about.paymentId],
    );
    for (const { id } of others) {
      await closePaymentOn(on, { paymentId: id, because: 'group_paid_otherwise' });
    }
  });
}

async function holderOf(on: Queryable, about: Grouped): Promise<string | undefined> {
  const [row] = await rows<{ payment_id: string }>(
    on,
    {
      name: 'session_group_holder',
      text: 'select payment_id from session_group where shop_id = $1 and group_key = $2',
    },
    [about.shopId, about.groupKey],
  );
  return row?.payment_id;
}

/**
 * Gives the group of this payment free, where it has one: its money was settled with the buyer by
 * hand and Shopify was told of none, so that the purchase may be paid after all. What was paid
 * meanwhile in another tab is not touched.
 */
export async function freeGroup(
  on: Queryable,
  paymentId: string,
  how: { unlessAuthorized: boolean } = { unlessAuthorized: false },
): Promise<boolean> {
  const freed = await rows(
    on,
    {
      name: 'session_group_free',
      text: `
        with freed as (
          delete from session_group g using payment p
          where p.id = $1::uuid and g.shop_id = p.shop_id and g.group_key = p.group_key
            and g.payment_id = p.id and p.told_minor is null
            and (not $2 or p.hold_told_at is null)
          returning g.payment_id),
        line as (
          insert into history (payment_id, what, because)
          select payment_id, 'group_freed', '' from freed)
        select payment_id from freed`,
    },
    [paymentId, how.unlessAuthorized],
  );
  return freed.length === 1;
}

/**
 * How often Shopify has refused that this payment is paid, as its history has it. What it refused
 * before it was told so was something else, such as to wait.
 */
export async function timesRefused(db: Database, paymentId: string): Promise<number> {
  const [row] = await rows<{ times: number }>(
    db.pool,
    {
      name: 'session_times_refused',
      text: `
        select count(*)::int as times from history
        where payment_id = $1::uuid and what = 'tell_refused' and id > (
          select min(id) from history where payment_id = $1::uuid and what = 'tell_began')`,
    },
    [paymentId],
  );
  return row?.times ?? 0;
}

/**
 * The buyer says that the money is on its way: Shopify is to be told to wait. False: the payment is
 * not an open session, or was asked before.
 */
export async function wantPending(
  db: Database,
  about: { paymentId: string; until: Date },
): Promise<boolean> {
  return transaction(db, async (on) => {
    const wanted = await rows<{ lane: ReturnType<typeof shopLane> }>(
      on,
      {
        name: 'session_want_pending',
        text: `
          with wanted as (
            update payment set verdict_wanted = 'pending', pending_until = $2, due_at = now(),
              attempts = 0
            where id = $1::uuid and origin = 'payment_session' and state = 'open'
              and verdict_wanted is null
            returning id, lane),
          line as (
            insert into history (payment_id, what, because, details)
            select id, 'wait_wanted', '', jsonb_build_object('until', $3::text) from wanted)
          select lane from wanted`,
      },
      [about.paymentId, about.until, about.until.toISOString()],
    );
    await nudge(
      on,
      wanted.map(({ lane }) => lane),
    );
    return wanted.length === 1;
  });
}

/**
 * Shopify waits, and has said where its buyer goes. The payment is due again at the end of the
 * wait. False: it moved meanwhile, or the claim was taken over.
 */
export async function isPending(
  db: Database,
  about: { paymentId: string; leaseNo: number; returnUrl: string | undefined },
): Promise<boolean> {
  const told = await rows<{ link: string }>(
    db.pool,
    {
      name: 'session_is_pending',
      text: `
        with told as (
          update payment set return_url = coalesce($3, return_url), due_at = pending_until,
            attempts = 0, lease_until = null
          where id = $1::uuid and lease_no = $2 and state = 'open' and verdict_wanted = 'pending'
          returning id, link),
        line as (
          insert into history (payment_id, what, because, details)
          select id, 'told_to_wait', '', '{}'::jsonb from told)
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

/** Shopify does not wait for it: the payment goes on as if nobody had asked. */
export async function isNotPending(
  db: Database,
  about: { paymentId: string; leaseNo: number },
): Promise<void> {
  await rows(
    db.pool,
    {
      name: 'session_is_not_pending',
      text: `
        update payment set verdict_wanted = null, pending_until = null, due_at = null,
          lease_until = null, attempts = 0
        where id = $1::uuid and lease_no = $2 and state = 'open' and verdict_wanted = 'pending'`,
    },
    [about.paymentId, about.leaseNo],
  );
}
