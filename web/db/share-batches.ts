// The payouts of shares: what a receiver is owed, the batch with the invoice that its address gave,
// and what became of it. One batch of a receiver is given at a time; it ends by the signer's word,
// or when it ran out and the signer never began. Payments are locked first, the smaller id first.
import type { Msat } from '../core/money.ts';
import { mostOfBatch } from '../core/share.ts';
import { wakePools } from './announce.ts';
import type { Database, Queryable } from './database.ts';
import { rows, transaction } from './database.ts';
import { record, records } from './records.ts';
import { lockPayments, mostDaysUnpaid } from './refunds.ts';

export type ReceiverRow = { id: bigint; shopId: number; address: string; dueAt: Date | null };

export const receiverById = (db: Database, id: string): Promise<ReceiverRow | null> =>
  record<ReceiverRow>(
    db.pool,
    {
      name: 'share_receiver_by_id',
      text: `
        select id, shop_id as "shopId", address, due_at as "dueAt" from share_receiver
        where id = $1`,
    },
    [id],
  );

export const hasGivenBatch = async (db: Database, receiverId: bigint): Promise<boolean> =>
  (
    await rows(
      db.pool,
      {
        name: 'share_given_batch',
        text: `select 1 as given from share_batch where receiver_id = $1 and state = 'given'`,
      },
      [receiverId],
    )
  ).length === 1;

/** What can be asked for at once, and who would pay it. */
export type ToPayOut = {
  shopId: number;
  shareIds: string[];
  amountMsat: Msat;
  /** Of the purse that pays. */
  network: string;
  identity: string;
};

/** The money of the share `s` came to the node of the purse `p`, or nobody needs to know. */
export const cameToPurse = `(
  not p.looks_at_original or exists (
    select 1 from invoice i join node n on n.id = i.node_id
    where i.payment_id = s.payment_id and i.state = 'settled' and n.identity = p.identity))`;

/** Longer than any batch lives, so that many of them do not take turns with each other. */
const daysDoubted = mostDaysUnpaid + 1;

/**
 * The oldest shares of a receiver that the purse of their shop may pay, as many as its ceilings for
 * one payment and for a day allow; after the second vain try half of them, then a quarter. Null:
 * they are less than the shop's least, nobody can pay them, or the shop has paused it. What came to
 * a node that the purse cannot ask is left out, and for some days what the signer could not prove
 * to have come.
 */
export async function sharesToPayOut(db: Database, receiverId: bigint): Promise<ToPayOut | null> {
  return record<ToPayOut>(
    db.pool,
    {
      name: 'share_to_pay_out',
      text: `
        with terms as (
          select t.least_msat from share_receiver r join share_terms t on t.shop_id = r.shop_id
          where r.id = $1 and t.paused_at is null),
        tries as (
          select greatest(r.attempts, (
            select count(*) from share_batch b
            where b.receiver_id = r.id and b.state = 'failed' and b.ended_at > coalesce((
              select max(ended_at) from share_batch where receiver_id = r.id and state = 'paid'),
              '-infinity'))) as many
          from share_receiver r where r.id = $1),
        owed as (
          select s.id, s.shop_id, s.amount_msat, p.network, p.identity,
            least(p.per_payment_msat, p.per_day_msat) as ceiling,
            bool_or(s.amount_msat <= least(p.per_payment_msat, p.per_day_msat))
              over (partition by s.shop_id) as has_fitting
          from share s join purse p on p.shop_id = purse_of(s.shop_id) and p.paused_at is null
          where s.receiver_id = $1 and s.state = 'owed' and s.amount_msat > 0
            and (s.doubted_at is null
              or s.doubted_at < now() - interval '${String(daysDoubted)} days')
            and ${cameToPurse}),
        payable as (
          select *, sum(amount_msat) over (partition by shop_id) as whole,
            sum(amount_msat) over (partition by shop_id order by id) as together,
            row_number() over (partition by shop_id order by id) as place
          -- One that is above the ceiling goes alone, when no other is left: the signer says why
          -- it waits.
          from owed where amount_msat <= ceiling or not has_fitting)
        select shop_id as "shopId", array_agg(payable.id order by payable.id)::text[] as "shareIds",
          sum(amount_msat)::bigint as "amountMsat", min(network) as network,
          min(identity) as identity
        from payable, terms, tries
        -- What was not taken as a whole, by the address or on the way, is tried in smaller parts.
        where place <= $2 and (place = 1
          or together <= least(ceiling, whole / 2::numeric ^ greatest(0, least(many, 30) - 2)))
        group by shop_id, least_msat, whole having whole >= least_msat
        order by min(payable.id) limit 1`,
    },
    [receiverId, mostOfBatch],
  );
}

export type NewBatch = {
  receiverId: bigint;
  leaseNo: number;
  shopId: number;
  shareIds: readonly string[];
  amountMsat: Msat;
  request: string;
  /** Lower-case hex. */
  hash: string;
  expiresAt: Date;
  /** How long until somebody looks after it, were the signer not to say a word. */
  lookInMs: number;
};

/**
 * The invoice of a receiver's address, and its shares with it. `moved`: a refund has changed what
 * they are, or somebody else has the receiver. `used_before`: this payment hash is another one's.
 */
export async function storeBatch(
  db: Database,
  batch: NewBatch,
): Promise<'stored' | 'moved' | 'used_before'> {
  try {
    return await transaction(db, async (on) => {
      await lockPaymentsOf(on, 'share_lock_chosen', 'id = any($1::bigint[])', batch.shareIds);
      const stored = await rows(on, { name: 'share_batch_store', text: storeText }, [
        ...[batch.receiverId, batch.leaseNo, batch.shopId, batch.shareIds, batch.amountMsat],
        ...[batch.request, batch.hash, batch.expiresAt, batch.lookInMs],
      ]);
      return stored.length === 1 ? 'stored' : 'moved';
    });
  } catch (error) {
    const { code, constraint } = error as { code?: string; constraint?: string };
    if (code === '23505' && constraint === 'share_batch_hash_key') return 'used_before';
    throw error;
  }
}

async function lockPaymentsOf(
  on: Queryable,
  name: string,
  which: string,
  value: unknown,
): Promise<void> {
  const text = `select distinct payment_id as id from share where ${which}`;
  const found = await rows<{ id: string }>(on, { name, text }, [value]);
  await lockPayments(
    on,
    found.map(({ id }) => id),
  );
}

const storeText = `
  with receiver as (
    update share_receiver set due_at = now() + $9 * interval '1 ms', lease_until = null,
      -- What failed before counts until something was paid.
      word = null
    where id = $1 and lease_no = $2 and exists (
      select 1 from (
        select count(*) as many, coalesce(sum(amount_msat), 0) as together from share
        where id = any($4::bigint[]) and receiver_id = $1 and shop_id = $3 and state = 'owed') s
      where s.many = cardinality($4::bigint[]) and s.together = $5::bigint)
    returning id),
  made as (
    insert into share_batch (claim_id, shop_id, receiver_id, request, hash, amount_msat,
      expires_at)
    select nextval('refund_claim_id_seq'), $3, id, $6, decode($7, 'hex'), $5, $8 from receiver
    returning id),
  taken as (
    update share s set state = 'batched', batch_id = made.id from made
    where s.id = any($4::bigint[]) returning s.id, s.payment_id, s.batch_id, s.amount_msat),
  line as (
    insert into history (payment_id, what, because, details)
    select payment_id, 'share', 'batched', jsonb_build_object('share', id::text, 'batch',
      batch_id::text) from taken order by payment_id, id)
  select id from made`;

/**
 * The signer says that the batch is paid, with the proof, which is compared here once more. What
 * was owed has left the shop; the fee of the way is booked with the oldest of its payments. False:
 * there is no such word.
 */
export const batchIsPaid = (
  db: Database,
  about: { receiverId: bigint; leaseNo: number },
): Promise<{ batchId: string; shopId: number } | undefined> =>
  transaction(db, async (on) => {
    await lockPaymentsOf(on, 'share_lock_given', givenText, about.receiverId);
    const [paid] = await rows<{ id: string; shop_id: number; nudged: number }>(
      on,
      { name: 'share_batch_paid', text: paidText },
      [about.receiverId, about.leaseNo],
    );
    if (paid === undefined) return undefined;
    wakePools(on, paid.nudged);
    return { batchId: paid.id, shopId: paid.shop_id };
  });

const givenText = `batch_id = (
  select id from share_batch where receiver_id = $1 and state = 'given')`;

const paidText = `
  with proven as (
    select b.id, b.receiver_id, o.fee_msat
    from share_batch b join payout o on o.claim_id = b.claim_id
    where b.receiver_id = $1 and b.state = 'given' and o.state = 'paid' and o.hash = b.hash
      and o.subject = 'share:' || b.id::text and o.amount_msat = b.amount_msat
      and sha256(o.preimage) = b.hash),
  -- Due at once: there may be more to pay out.
  receiver as (
    update share_receiver r set due_at = now(), lease_until = null, attempts = 0, word = null,
      word_since = null
    from proven where r.id = proven.receiver_id and r.lease_no = $2 returning r.id, r.lane),
  paid as (
    update share_batch b set state = 'paid', ended_at = now() from proven, receiver
    where b.id = proven.id returning b.id, b.shop_id, b.hash, proven.fee_msat),
  ended as (
    update share s set state = 'paid' from paid where s.batch_id = paid.id
    returning s.id, s.payment_id, s.amount_msat, s.shop_id),
  line as (
    insert into history (payment_id, what, because, details)
    select payment_id, 'share', 'paid_out', jsonb_build_object('share', ended.id::text, 'batch',
      paid.id::text, 'hash', encode(paid.hash, 'hex'))
    from ended, paid order by payment_id, ended.id),
  booked as (
    insert into posting (payment_id, journal, from_account, to_account, amount_msat)
    select payment_id, journal, f, 'shared:' || shop_id, m from (
      select payment_id, 'share:' || id || ':paid' as journal, 'sharing:' || shop_id as f,
        shop_id, amount_msat as m from ended
      union all
      select (select payment_id from ended order by id limit 1), 'share_batch:' || id::text,
        'fees:' || shop_id, shop_id, fee_msat from paid where fee_msat > 0) each
    order by payment_id, journal),
  nudged as (select nudge(array[lane]) as n from receiver)
  select paid.id, paid.shop_id, (select coalesce(sum(n), 0) from nudged)::int as nudged
  from paid`;

/** How long a BOLT11 must have been over, by our clock, before another is asked for. */
const surelyOverMs = 5 * 60_000;

/**
 * The signer says that the batch cannot be paid, or its invoice ran out and nobody began to pay it:
 * its shares are owed as before, less what was refunded meanwhile. The lock of the batch is what a
 * signer that begins waits for, or has. Undefined: neither is so.
 */
export const batchIsOver = (
  db: Database,
  about: { receiverId: bigint; leaseNo: number; againMs: number },
): Promise<string | undefined> =>
  transaction(db, async (on) => {
    await lockPaymentsOf(on, 'share_lock_given', givenText, about.receiverId);
    await rows(
      on,
      {
        name: 'share_batch_lock',
        text: `
          select id from share_batch where receiver_id = $1 and state = 'given' for update`,
      },
      [about.receiverId],
    );
    const over = await rows<{ word: string; payment_id: string }>(
      on,
      { name: 'share_batch_over', text: overText },
      [about.receiverId, about.leaseNo, surelyOverMs, about.againMs],
    );
    if (over.length === 0) return undefined;
    // What was refunded while they were on their way is taken back by later statements.
    for (const paymentId of new Set(over.map(({ payment_id: id }) => id))) {
      await rows(on, { name: 'share_adjust', text: 'select share_adjust($1::uuid)' }, [paymentId]);
    }
    return over[0]?.word;
  });

const overText = `
  with over as (
    select b.id, b.receiver_id, case when w.payment_ids <> '{}' then w.word
      when o.id is not null then o.because
      when b.expires_at < now() then 'request_expired' else 'tried_for_long' end as word,
      coalesce(w.payment_ids, '{}') as doubted
    from share_batch b left join payout o on o.claim_id = b.claim_id
      left join payout_wait w on w.claim_id = b.claim_id
        and (o.id is null or o.because = 'request_expired')
    where b.receiver_id = $1 and b.state = 'given' and (o.state = 'failed'
      or (o.id is null and (b.expires_at < now() - $3 * interval '1 ms'
        or b.given_at < now() - interval '${String(mostDaysUnpaid)} days')))),
  again as (
    update share_receiver r set due_at = now() + $4 * interval '1 ms', lease_until = null,
      attempts = r.attempts + 1, word = over.word, word_since = coalesce(r.word_since, now())
    from over where r.id = over.receiver_id and r.lease_no = $2
    returning over.id, over.word, over.doubted),
  closed as (
    update share_batch b set state = 'failed', because = again.word, ended_at = now() from again
    where b.id = again.id),
  freed as (
    update share s set state = 'owed', batch_id = null,
      doubted_at = case when s.payment_id = any(again.doubted) then now() end
    from again where s.batch_id = again.id
    returning s.id, s.payment_id, again.word),
  line as (
    insert into history (payment_id, what, because, details)
    select payment_id, 'share', 'not_paid', jsonb_build_object('share', id::text, 'why', word)
    from freed order by payment_id, id)
  select word, payment_id from freed order by payment_id`;

/** Its server gave no invoice: for what reason, and when it is asked again. */
export async function receiverWaits(
  db: Database,
  about: { id: bigint; leaseNo: number; word: string; dueInMs: number },
): Promise<void> {
  await rows(
    db.pool,
    {
      name: 'share_receiver_waits',
      text: `
        update share_receiver set word = $3, due_at = now() + $4 * interval '1 ms',
          lease_until = null, attempts = attempts + 1,
          word_since = case when word = $3 then word_since else now() end
        where id = $1 and lease_no = $2`,
    },
    [about.id, about.leaseNo, about.word, about.dueInMs],
  );
}

/**
 * Nothing can be paid out now, unless something was booked since `seenDueAt`. Who is owed something
 * is looked at again: what makes it payable, such as a refund that is withdrawn or a purse, may
 * have said nothing.
 */
export async function receiverRests(
  db: Database,
  about: { id: bigint; leaseNo: number; seenDueAt: Date | null; lookInMs: number },
): Promise<void> {
  await rows(
    db.pool,
    {
      name: 'share_receiver_rests',
      text: `
        update share_receiver set lease_until = null, attempts = 0,
          due_at = case when due_at is distinct from $3 then due_at
            when exists (select 1 from share s where s.receiver_id = $1 and s.state = 'owed'
              and s.amount_msat > 0) then now() + $4 * interval '1 ms' end
        where id = $1 and lease_no = $2`,
    },
    [about.id, about.leaseNo, about.seenDueAt, about.lookInMs],
  );
}

/** A batch that may be paid and that nobody has begun to pay. */
export type OpenBatch = {
  id: bigint;
  batchId: string;
  shopId: number;
  request: string;
  hash: Uint8Array;
  amountMsat: bigint;
};

/**
 * The oldest batches that may be tried, of shops whose purse is not paused; of each purse at most
 * `ofPurse`. `id`: of the claim.
 */
export const openBatches = (
  db: Database,
  limit: number,
  ofPurse: number = limit,
): Promise<OpenBatch[]> =>
  records<OpenBatch>(
    db.pool,
    {
      name: 'payout_open_batches',
      text: `
        select id, "batchId", "shopId", request, hash, "amountMsat" from (
          select b.claim_id as id, b.id as "batchId", b.shop_id as "shopId", b.request, b.hash,
            b.amount_msat as "amountMsat",
            row_number() over (partition by p.shop_id order by b.claim_id) as place
          from share_batch b
            join purse p on p.shop_id = purse_of(b.shop_id) and p.paused_at is null
            left join payout_wait w on w.claim_id = b.claim_id
          where b.state = 'given'
            and not exists (select 1 from payout o where o.claim_id = b.claim_id)
            and (w.due_at is null or w.due_at <= now())) open_batch
        where place <= $2 order by open_batch.id limit $1`,
    },
    [limit, ofPurse],
  );

/** One payment of a batch: all that is shared of it, and the invoices whose money it has. */
export type SharedPayment = {
  id: string;
  sharedMsat: bigint;
  originals: { hash: string; identity: string }[];
};

/** For the signer: what of each payment goes to others, with what it has paid back already. */
export const sharedPaymentsOf = (db: Database, batchId: string): Promise<SharedPayment[]> =>
  records<SharedPayment>(
    db.pool,
    {
      name: 'payout_shared_payments',
      text: `
        select m.payment_id as id, (select sum(o.amount_msat) from share o
            where o.payment_id = m.payment_id and o.state in ('batched', 'paid'))::bigint
            as "sharedMsat",
          (select coalesce(json_agg(json_build_object('hash', encode(i.hash, 'hex'), 'identity',
              n.identity) order by i.id), '[]')
            from invoice i join node n on n.id = i.node_id
            where i.payment_id = m.payment_id and i.state = 'settled') as originals
        from (select distinct payment_id from share where batch_id = $1::uuid) m`,
    },
    [batchId],
  );

/**
 * Sets the money of a batch aside, as `reservePayout` does for a refund. `seen`: the node was asked
 * about its payments.
 */
export async function reserveBatch(
  db: Database,
  ask: {
    batch: Pick<OpenBatch, 'id' | 'request' | 'hash' | 'amountMsat'>;
    expiresAt: Date;
    feeLimitMsat: bigint;
    seen: boolean;
    ceilings: readonly bigint[];
    leaseMs: number;
  },
): Promise<{ word: string; payoutId: bigint | null }> {
  const { batch } = ask;
  const [row] = await rows<{ word: string; payout_id: string | null }>(
    db.pool,
    {
      name: 'payout_reserve_share',
      text: `
        select word, payout_id
        from payout_reserve_share($1, $2, $3, $4, $5, $6, $7, $8::bigint[], $9)`,
    },
    [
      ...[batch.id, batch.request, Buffer.from(batch.hash), batch.amountMsat, ask.expiresAt],
      ...[ask.feeLimitMsat, ask.seen, ask.ceilings.map(String), ask.leaseMs],
    ],
  );
  if (row === undefined) throw new Error('a reservation gave no answer');
  return { word: row.word, payoutId: row.payout_id === null ? null : BigInt(row.payout_id) };
}

/**
 * A batch that can never be paid ends before a node heard of it. What it waited for is forgotten
 * when its receiver has heard of it.
 */
export const refuseBatch = (
  db: Database,
  about: { batch: OpenBatch; because: string },
): Promise<void> =>
  transaction(db, async (on) => {
    const { batch, because } = about;
    const made = await rows(
      on,
      {
        name: 'payout_refuse_share',
        text: `
          insert into payout (claim_id, subject, shop_id, request, hash, amount_msat,
            fee_limit_msat, expires_at, state, because, ended_at)
          values ($1, 'share:' || $2, $3, $4, $5, $6, 0, now(), 'failed', $7, now())
          on conflict do nothing returning subject`,
      },
      [
        ...[batch.id, batch.batchId, batch.shopId, batch.request, Buffer.from(batch.hash)],
        ...[batch.amountMsat, because],
      ],
    );
    if (made.length > 0) await wakeReceiverOf(on, `share:${batch.batchId}`);
  });

/** What the signer said of a batch is taken over: its receiver is due. */
export async function wakeReceiverOf(on: Queryable, subject: string): Promise<void> {
  const [woken] = await rows<{ nudged: number }>(
    on,
    {
      name: 'payout_wake_receiver',
      text: `
        with woken as (
          update share_receiver r set due_at = now() from share_batch b
          where b.id = $1::uuid and r.id = b.receiver_id returning r.lane)
        select nudge(array[lane]) as nudged from woken`,
    },
    [subject.replace(/^share:/, '')],
  );
  wakePools(on, woken?.nudged ?? 0);
}
