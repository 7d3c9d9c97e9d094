// What the signer did about claims. Only the signer writes here: a payout is reserved against the
// ceilings before its node is asked, and it is told in the same transaction as its end.
import type { Database, Queryable } from './database.ts';
import { rows, transaction } from './database.ts';
import { nudge, type Lane } from './lanes.ts';
import { columnsOf, record, records, type Fields } from './records.ts';
import { wakeReceiverOf } from './share-batches.ts';
import { wakeReceivers } from './shares.ts';

export type PayoutState = 'reserved' | 'sent' | 'paid' | 'failed';

export type PayoutRow = {
  id: bigint;
  claimId: bigint;
  /** `refund:<uuid>`, or `share:<uuid>` of a batch. */
  subject: string;
  shopId: number;
  /** Null: a batch of shares is of many. */
  paymentId: string | null;
  /** BOLT11. */
  request: string;
  hash: Uint8Array;
  amountMsat: bigint;
  feeLimitMsat: bigint;
  /** Of the BOLT11. */
  expiresAt: Date;
  state: PayoutState;
  because: string;
  feeMsat: bigint | null;
  preimage: Uint8Array | null;
  attempts: number;
  /** The node that was asked to pay it, by its key in hex; null: none was. */
  sentTo: string | null;
  /** The hash of an invoice that it made just before: a node that does not know it has lost it. */
  mark: Uint8Array | null;
  /** The node that said last that it has it. */
  recordedBy: string | null;
  /** The node that was asked has lost its records of what it paid. */
  forgotAt: Date | null;
  reservedAt: Date;
  sentAt: Date | null;
  askedAt: Date | null;
  endedAt: Date | null;
  dueAt: Date | null;
};

const fields: Fields<PayoutRow> = {
  ...{ id: true, claimId: true, subject: true, shopId: true, paymentId: true, request: true },
  ...{ hash: true, amountMsat: true, feeLimitMsat: true, expiresAt: true, state: true },
  ...{ because: true, feeMsat: true, preimage: true, attempts: true, sentTo: true },
  ...{ mark: true, recordedBy: true, forgotAt: true },
  ...{ reservedAt: true, sentAt: true, askedAt: true, endedAt: true, dueAt: true },
};
const columns = columnsOf('o', fields);

/** A claim that may be paid and that nobody has begun to pay. */
export type OpenClaim = {
  id: bigint;
  refundId: string;
  shopId: number;
  paymentId: string;
  request: string;
  hash: Uint8Array;
  amountMsat: bigint;
  /** It is a refund of play money. */
  test: boolean;
  isReward: boolean;
};

/**
 * The oldest claims that may be tried, of shops that have a purse which is not paused; of each
 * purse at most `ofPurse`, so that one whose node is silent holds nobody up.
 */
export const openClaims = (
  db: Database,
  limit: number,
  ofPurse: number = limit,
): Promise<OpenClaim[]> =>
  records<OpenClaim>(
    db.pool,
    {
      name: 'payout_open_claims',
      text: `
        select id, "refundId", "shopId", "paymentId", request, hash, "amountMsat", test,
          "isReward" from (
          select c.id, c.refund_id as "refundId", f.shop_id as "shopId",
            f.payment_id as "paymentId", c.request, c.hash, f.amount_msat as "amountMsat", f.test,
            f.origin = 'reward' as "isReward",
            row_number() over (partition by p.shop_id order by c.id) as place
          from refund_claim c join refund f on f.id = c.refund_id
            join purse p on p.shop_id = purse_of(f.shop_id) and p.paused_at is null
            left join payout_wait w on w.claim_id = c.id
          where c.state::text = 'given' and f.state::text = 'claimed'
            and (not f.approval_wanted or f.approved_at is not null)
            and not exists (select 1 from payout o where o.claim_id = c.id)
            and (w.due_at is null or w.due_at <= now())) open_claim
        where place <= $2 order by open_claim.id limit $1`,
    },
    [limit, ofPurse],
  );

/** The invoices whose money the payment has, each with the node that issued it. */
export const originalsOf = (
  db: Database,
  paymentId: string,
): Promise<{ hash: Uint8Array; identity: string }[]> =>
  records(
    db.pool,
    {
      name: 'payout_originals',
      text: `
        select i.hash, n.identity from invoice i join node n on n.id = i.node_id
        where i.payment_id = $1::uuid and i.state = 'settled' order by i.id limit 50`,
    },
    [paymentId],
  );

/** What a reservation came to: `reserved`, or the word why not. */
export type Reserved = { word: string; payoutId: bigint | null };

/** The ceilings in the order of `payout_reserve`: payment, order, day, base of the fee, its ppm. */
export type Ceilings = readonly [bigint, bigint, bigint, bigint, bigint];

/**
 * Sets the money aside, or says which ceiling it would pass. One statement, which locks the purse:
 * however many ask at once, the sums hold. `originalMsat`: what the node says that the payment
 * received; null when it was not asked.
 */
export async function reservePayout(
  db: Database,
  ask: {
    claim: Pick<OpenClaim, 'id' | 'request' | 'hash' | 'amountMsat'>;
    expiresAt: Date;
    feeLimitMsat: bigint;
    originalMsat: bigint | null;
    ceilings: Ceilings;
    leaseMs: number;
  },
): Promise<Reserved> {
  const { claim } = ask;
  // Another connection of ours may have made it first: the unique index says so.
  const [row] = await rows<{ word: string; payout_id: string | null }>(
    db.pool,
    {
      name: 'payout_reserve',
      text: `
        select word, payout_id
        from payout_reserve($1, $2, $3, $4, $5, $6, $7, $8::bigint[], $9)`,
    },
    [
      ...[claim.id, claim.request, Buffer.from(claim.hash), claim.amountMsat, ask.expiresAt],
      ...[ask.feeLimitMsat, ask.originalMsat, ask.ceilings.map(String), ask.leaseMs],
    ],
  );
  if (row === undefined) throw new Error('a reservation gave no answer');
  return { word: row.word, payoutId: row.payout_id === null ? null : BigInt(row.payout_id) };
}

export const payoutById = (db: Database, id: bigint): Promise<PayoutRow | null> =>
  record<PayoutRow>(
    db.pool,
    { name: 'payout_by_id', text: `select ${columns} from payout o where o.id = $1` },
    [id],
  );

export const payoutOfClaim = (db: Database, claimId: bigint): Promise<PayoutRow | null> =>
  record<PayoutRow>(
    db.pool,
    { name: 'payout_of_claim', text: `select ${columns} from payout o where o.claim_id = $1` },
    [claimId],
  );

/**
 * Takes what is due for so long that nobody else does; an outcome gives it back. Of each purse at
 * most `ofPurse`, and nothing of the shops `without`, whose node may be silent: it holds nobody up.
 */
export const takeDuePayouts = (
  db: Database,
  about: { limit: number; leaseMs: number; ofPurse: number; without: readonly number[] },
): Promise<PayoutRow[]> =>
  records<PayoutRow>(
    db.pool,
    {
      name: 'payout_take_due',
      text: `
        update payout o set due_at = now() + $2 * interval '1 ms'
        where o.id in (
          select d.id from payout d where d.due_at <= now() and d.id in (
            select w.id from (
              select id, due_at,
                row_number() over (partition by purse_of(shop_id) order by due_at, id) as place
              from payout where due_at <= now() and shop_id <> all ($4::int[])) w
            where w.place <= $3 order by w.due_at, w.id limit $1)
          for update skip locked)
        returning ${columns}`,
    },
    [about.limit, about.leaseMs, about.ofPurse, about.without],
  );

/** Nobody else is working: everything that is under way is looked at now. */
export async function allPayoutsAreDue(db: Database): Promise<void> {
  await rows(
    db.pool,
    {
      name: 'payout_all_due',
      text: `
        update payout set due_at = now()
        where due_at > now() and state in ('reserved', 'sent')`,
    },
    [],
  );
}

/** Which node is asked, and the mark that it was left before. */
export type SentAs = { sentTo: string; mark: Buffer; leaseMs: number };

/**
 * The node is about to be asked to pay: whoever finds this row later asks that very node what
 * became of it before anything else. False when somebody else has moved it, or when the purse was
 * paused or has another node by now.
 */
export async function payoutIsSent(
  db: Database,
  about: Pick<PayoutRow, 'id' | 'attempts'> & SentAs,
): Promise<boolean> {
  const done = await rows(
    db.pool,
    {
      name: 'payout_is_sent',
      text: `
        update payout set state = 'sent', because = 'sent', attempts = attempts + 1,
          sent_at = now(), sent_to = $4, mark = $5, due_at = now() + $3 * interval '1 ms'
        where id = $1 and attempts = $2
          and (state = 'reserved' or (state = 'sent' and sent_to = $4))
          and exists (select 1 from purse p where p.shop_id = purse_of(payout.shop_id)
            and p.identity = $4 and p.paused_at is null) returning id`,
    },
    [about.id, about.attempts, about.leaseMs, about.sentTo, about.mark],
  );
  return done.length === 1;
}

/** What whoever works on a payout has read of it: somebody who sends it again has more attempts. */
export type PayoutAt = Pick<PayoutRow, 'id' | 'attempts'>;

/**
 * It stays under way, for a reason; `reserved`: the node surely pays it no longer. `recordedBy`:
 * that node has it. Says nothing where somebody else has sent it again meanwhile.
 */
export async function payoutWaits(
  db: Database,
  payout: PayoutAt,
  wait: {
    state: 'reserved' | 'sent';
    because: string;
    dueInMs: number;
    recordedBy?: string | undefined;
    isForgotten?: boolean;
  },
): Promise<void> {
  const { state, because, dueInMs, recordedBy = null, isForgotten = false } = wait;
  await rows(
    db.pool,
    {
      name: 'payout_waits',
      text: `
        update payout set state = $2, because = $3, asked_at = now(),
          due_at = now() + $4 * interval '1 ms', recorded_by = coalesce($6, recorded_by),
          forgot_at = case when $7 then coalesce(forgot_at, now())
            when $6::text is null then forgot_at end
        where id = $1 and attempts = $5 and state in ('reserved', 'sent')`,
    },
    [payout.id, state, because, dueInMs, payout.attempts, recordedBy, isForgotten],
  );
}

export type PayoutEnd =
  { is: 'paid'; preimage: Uint8Array; feeMsat: bigint } | { is: 'failed'; because: string };

/** The columns of an end: state, because, preimage, fee_msat. `paid`: the word of a payment. */
const columnsOfEnd = (end: PayoutEnd, paid: string) =>
  end.is === 'paid'
    ? [end.is, paid, Buffer.from(end.preimage), end.feeMsat]
    : [end.is, end.because, null, null];

/**
 * The end, the refund that is due now, and its nudge, in one transaction. False: it has ended, or
 * was sent again meanwhile and is asked about by whoever did so.
 */
export async function endPayout(db: Database, payout: PayoutAt, end: PayoutEnd): Promise<boolean> {
  return transaction(db, async (on) => {
    const [ended] = await rows<{ subject: string }>(
      on,
      {
        name: 'payout_end',
        text: `
          update payout set state = $2, because = $3, preimage = $4, fee_msat = $5,
            ended_at = now(), asked_at = now(), due_at = null
          where id = $1 and attempts = $6 and state in ('reserved', 'sent') returning subject`,
      },
      [payout.id, ...columnsOfEnd(end, 'paid'), payout.attempts],
    );
    if (ended === undefined) return false;
    await wakeSubject(on, ended.subject);
    return true;
  });
}

/** So long after it was last sent nothing of it is on its way: LND locks for at most 14 days. */
export const daysUntilNothingIsUnderWay = 15;

export type PayoutElsewhere = Pick<PayoutRow, 'id' | 'hash' | 'amountMsat' | 'sentAt'> & {
  sentTo: string;
};

/** Payouts on which the purse's node of now has no word, the oldest first, at most 50. */
export const payoutsElsewhere = (db: Database, shopId: number): Promise<PayoutElsewhere[]> =>
  records(
    db.pool,
    {
      name: 'payout_elsewhere',
      text: `select ${elsewhereColumns} from payout o where ${isElsewhere} order by o.id limit 50`,
    },
    [shopId],
  );

/** Null: there is none such, or its node has a word on it. */
export const payoutElsewhere = (
  db: Database,
  about: { shopId: number; id: bigint },
): Promise<PayoutElsewhere | null> =>
  record(
    db.pool,
    {
      name: 'payout_elsewhere_one',
      text: `select ${elsewhereColumns} from payout o where o.id = $2 and ${isElsewhere}`,
    },
    [about.shopId, about.id],
  );

const elsewhereColumns = `o.id, o.hash, o.amount_msat as "amountMsat", o.sent_at as "sentAt",
  o.sent_to as "sentTo"`;

/**
 * Of the shop $1 (in both of its apps), and sent by another node than the purse has now, or by one
 * that has lost its records.
 */
const isElsewhere = `o.state = 'sent'
  and o.shop_id in (select t.id from shop s join shop t on t.domain = s.domain where s.id = $1)
  and (o.forgot_at is not null or o.sent_to is distinct from (
    select p.identity from purse p where p.shop_id = purse_of(o.shop_id)))`;

/**
 * A person's word about a payout whose node is gone: one statement, so that a signer whose purse
 * has that node again is not overruled. False: there is none such, or it may be on its way yet.
 */
export const concludePayout = (
  db: Database,
  about: { shopId: number; id: bigint; end: PayoutEnd },
): Promise<boolean> =>
  transaction(db, async (on) => {
    const { shopId, id, end } = about;
    const isOld = `o.sent_at < now() - interval '${String(daysUntilNothingIsUnderWay)} days'`;
    const [ended] = await rows<{ subject: string }>(
      on,
      {
        name: 'payout_conclude',
        text: `
          update payout o set state = $3, because = $4, preimage = $5, fee_msat = $6,
            ended_at = now(), due_at = null
          where o.id = $2 and ${isElsewhere} and ($3 = 'paid' or ${isOld}) returning o.subject`,
      },
      [shopId, id, ...columnsOfEnd(end, 'paid_by_word')],
    );
    if (ended === undefined) return false;
    await wakeSubject(on, ended.subject);
    return true;
  });

/** A claim that can never be paid ends before a node heard of it. */
export async function refuseClaim(
  db: Database,
  about: { claim: OpenClaim; because: string },
): Promise<void> {
  const { claim, because } = about;
  await transaction(db, async (on) => {
    const [made] = await rows<{ subject: string }>(
      on,
      {
        name: 'payout_refuse',
        text: `
          with gone as (delete from payout_wait where claim_id = $1)
          insert into payout (claim_id, subject, shop_id, payment_id, request, hash, amount_msat,
            fee_limit_msat, expires_at, state, because, ended_at)
          values ($1, 'refund:' || $2, $3, $4, $5, $6, $7, 0, now(), 'failed', $8, now())
          on conflict do nothing returning subject`,
      },
      [
        ...[claim.id, claim.refundId, claim.shopId, claim.paymentId, claim.request],
        ...[Buffer.from(claim.hash), claim.amountMsat, because],
      ],
    );
    if (made !== undefined) await wakeRefund(on, made.subject);
  });
}

const wakeSubject = (on: Queryable, subject: string): Promise<void> =>
  subject.startsWith('share:') ? wakeReceiverOf(on, subject) : wakeRefund(on, subject);

/** The pool takes the refund on: its row is due, and its lane hears of it. */
async function wakeRefund(on: Queryable, subject: string): Promise<void> {
  const lanes = await rows<{ lane: Lane }>(
    on,
    {
      name: 'payout_wake_refund',
      // A step that looks at this moment has not seen it: what it gives back shall not count.
      text: `
        update refund set due_at = now(), lease_until = null, lease_no = lease_no + 1
        where id = $1::uuid returning lane`,
    },
    [subject.replace(/^refund:/, '')],
  );
  await nudge(
    on,
    lanes.map(({ lane }) => lane),
  );
}

/**
 * It waits, with a word that the admin shows; looked at again in so many milliseconds, and in twice
 * as many whenever it is the same word, up to `atMostMs`.
 */
export async function claimWaits(
  db: Database,
  about: {
    claim: Pick<OpenClaim, 'id' | 'shopId'>;
    word: string;
    /** Of a batch: of which of its payments the word is; undefined: those of the word before. */
    paymentIds?: readonly string[] | undefined;
    dueInMs: number;
    atMostMs: number;
  },
): Promise<void> {
  await rows(
    db.pool,
    {
      name: 'payout_claim_waits',
      text: `
        insert into payout_wait (claim_id, shop_id, word, due_at, payment_ids)
        values ($1, $2, $3, now() + $4 * interval '1 ms', coalesce($6::uuid[], '{}'))
        on conflict (claim_id) do update set (word, payment_ids, due_at, looks, since) = (
          select excluded.word, coalesce($6::uuid[], payout_wait.payment_ids),
            now() + least($4 * 2 ^ least(s.looks, 20), $5) * interval '1 ms',
            s.looks, case when s.looks = 0 then now() else payout_wait.since end
          from (select case when payout_wait.word = excluded.word then payout_wait.looks + 1
            else 0 end) as s (looks))`,
    },
    [
      ...[about.claim.id, about.claim.shopId, about.word, about.dueInMs, about.atMostMs],
      about.paymentIds ?? null,
    ],
  );
}

/** What no longer waits, because its claim ended otherwise, is forgotten. */
export async function forgetWaits(db: Database): Promise<void> {
  await rows(
    db.pool,
    {
      name: 'payout_forget_waits',
      text: `
        delete from payout_wait w
        where not exists (
          select 1 from refund_claim c where c.id = w.claim_id and c.state::text = 'given')
          and not exists (
            select 1 from share_batch b where b.claim_id = w.claim_id and b.state = 'given')`,
    },
    [],
  );
}

export type PayoutWait = { claimId: bigint; word: string; since: Date; dueAt: Date };

/** Of those claims that wait, in no order. */
export const waitsOfClaims = (db: Database, claimIds: readonly bigint[]): Promise<PayoutWait[]> =>
  claimIds.length === 0
    ? Promise.resolve([])
    : records<PayoutWait>(
        db.pool,
        {
          name: 'payout_waits_of',
          text: `
            select claim_id as "claimId", word, since, due_at as "dueAt" from payout_wait
            where claim_id = any($1::bigint[])`,
        },
        [claimIds.map(String)],
      );

/**
 * A person has mended what claims waited for: they are tried at once, and whoever is owed shares is
 * looked at, for whom nothing was asked as long as nobody could pay it.
 */
export const tryWaitingAgain = (db: Database, shopId: number): Promise<void> =>
  transaction(db, async (on) => {
    await rows(
      on,
      {
        name: 'payout_try_again',
        text: `
          update payout_wait set due_at = now(), looks = 0
          where shop_id in (select o.id from shop s join shop o on o.domain = s.domain
            where s.id = $1)`,
      },
      [shopId],
    );
    await wakeReceivers(on, shopId);
  });
