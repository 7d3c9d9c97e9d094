// Invoices: stored before the node is asked, live once it answered, settled or canceled on its
// word. `recordSettlements` is the only door for money.
import type { AgreedPrice } from '../core/quote.ts';
import type { Observation, InvoiceState, PaymentHash, Preimage } from '../core/invoice.ts';
import type { Currency, Minor, Msat } from '../core/money.ts';
import type { PaymentState } from '../core/payment.ts';
import { sayMoved, wakePools } from './announce.ts';
import { count } from './counted.ts';
import type { Database, Queryable } from './database.ts';
import { rows, transaction } from './database.ts';
import { note } from './history.ts';
import { nodeLane, nudge, type Lane } from './lanes.ts';
import { movePayment } from './payments.ts';
import { freeGroup } from './sessions.ts';

export type InvoiceRow = {
  id: bigint;
  paymentId: string;
  nodeId: number;
  hash: PaymentHash;
  sealedPreimage: Uint8Array | null;
  /** The node is given the hash only, and holds what is paid. */
  hold: boolean;
  heldAt: Date | null;
  /** The height of the chain at which the first part of what is held times out. */
  heldUntilHeight: number | null;
  /** It is to be charged: the node is to be told the secret. */
  captureWantedAt: Date | null;
  amountMsat: Msat;
  state: InvoiceState;
  request: string | null;
  expiresAt: Date;
  ending: string | null;
  endingAt: Date | null;
  madeAt: Date;
  settledAt: Date | null;
  paidMsat: Msat | null;
  lapsesAt: Date;
  fiatMinor: Minor;
  currency: Currency;
  priceE8: bigint;
  sources: string[];
  /** The shop's own discount (below zero) or markup on the sats, in hundredths of a percent. */
  adjustmentBp: number;
};

/** Of the invoice `i` and its quote `q`. `prefix`: of the names that payments have as well. */
export const invoiceColumns = ({ prefix = '' } = {}): string => `
  i.id as ${prefix}id, i.payment_id, i.node_id, encode(i.hash, 'hex') as hash, i.sealed_preimage,
  i.hold, i.held_at, i.held_until_height, i.capture_wanted_at, i.amount_msat,
  i.state::text as ${prefix}state, i.request, i.expires_at, i.ending, i.ending_at,
  i.made_at, i.settled_at, i.paid_msat, q.lapses_at, q.fiat_minor, q.currency as ${prefix}currency,
  q.price_e8::text, q.evidence`;
const columns = invoiceColumns();

/** As a statement gives it, with int8 read as text or as bigint. */
export type RawInvoice = {
  id: string | bigint;
  payment_id: string;
  node_id: number;
  hash: PaymentHash;
  sealed_preimage: Uint8Array | null;
  hold: boolean;
  held_at: Date | null;
  held_until_height: number | null;
  capture_wanted_at: Date | null;
  amount_msat: string | bigint;
  state: InvoiceState;
  request: string | null;
  expires_at: Date;
  ending: string | null;
  ending_at: Date | null;
  made_at: Date;
  settled_at: Date | null;
  paid_msat: string | bigint | null;
  lapses_at: Date;
  fiat_minor: string | bigint;
  currency: Currency;
  price_e8: string;
  evidence: { sources: { source: string }[]; adjustmentBasisPoints?: number };
};

export function invoiceFrom(raw: RawInvoice): InvoiceRow {
  return {
    id: BigInt(raw.id),
    paymentId: raw.payment_id,
    nodeId: raw.node_id,
    hash: raw.hash,
    sealedPreimage: raw.sealed_preimage,
    hold: raw.hold,
    heldAt: raw.held_at,
    heldUntilHeight: raw.held_until_height,
    captureWantedAt: raw.capture_wanted_at,
    amountMsat: BigInt(raw.amount_msat) as Msat,
    state: raw.state,
    request: raw.request,
    expiresAt: raw.expires_at,
    ending: raw.ending,
    endingAt: raw.ending_at,
    madeAt: raw.made_at,
    settledAt: raw.settled_at,
    paidMsat: raw.paid_msat === null ? null : (BigInt(raw.paid_msat) as Msat),
    lapsesAt: raw.lapses_at,
    fiatMinor: BigInt(raw.fiat_minor) as Minor,
    currency: raw.currency,
    priceE8: BigInt(raw.price_e8),
    sources: raw.evidence.sources.map((source) => source.source),
    adjustmentBp: raw.evidence.adjustmentBasisPoints ?? 0,
  };
}

/** The invoice that a buyer would be shown: the settled one, else the newest. */
export async function currentInvoice(
  db: Database,
  paymentId: string,
): Promise<InvoiceRow | undefined> {
  const [raw] = await rows<RawInvoice>(
    db.pool,
    {
      name: 'invoice_current',
      text: `
        select ${columns} from invoice i join quote q on q.id = i.quote_id
          join payment p on p.id = i.payment_id
        where i.payment_id = $1::uuid
        order by (i.id = p.settled_invoice_id) desc nulls last, i.id desc limit 1`,
    },
    [paymentId],
  );
  return raw && invoiceFrom(raw);
}

export async function invoiceById(db: Database, id: string): Promise<InvoiceRow | undefined> {
  const [raw] = await rows<RawInvoice>(
    db.pool,
    {
      name: 'invoice_by_id',
      text: `select ${columns} from invoice i join quote q on q.id = i.quote_id
        where i.id = $1::bigint`,
    },
    [id],
  );
  return raw && invoiceFrom(raw);
}

export type MadeInvoice = {
  paymentId: string;
  nodeId: number;
  hash: PaymentHash;
  sealedPreimage: Uint8Array;
  /** The node is given the hash only, and holds what is paid. */
  hold?: boolean;
  fiatMinor: Minor;
  currency: Currency;
  amountMsat: Msat;
  /** The market price, and what the shop adds to its sats, in hundredths of a percent. */
  agreed: AgreedPrice;
  adjustmentBp: number;
  madeAt: Date;
  lapsesAt: Date;
  /** When somebody else shall look whether the node has it, in case we die now. */
  lookInMs: number;
};

/**
 * Stores quote, hash and sealed secret before the node is asked. Undefined when the payment is not
 * open, owes another amount by now, has a payable invoice, or its purchase was paid in another tab:
 * then somebody else was faster.
 */
export async function makeInvoice(db: Database, made: MadeInvoice): Promise<bigint | undefined> {
  const { agreed } = made;
  const { sources, spreadBasisPoints } = agreed;
  const [row] = await rows<{ id: string }>(db.pool, { name: 'invoice_make', text: makeText }, [
    made.paymentId,
    made.fiatMinor,
    made.currency,
    made.nodeId,
    made.amountMsat,
    agreed.priceE8.toString(),
    JSON.stringify({
      sources: sources.map(({ source, price, at }) => ({ source, price, at })),
      spreadBasisPoints,
      marketPriceE8: agreed.priceE8.toString(),
      adjustmentBasisPoints: made.adjustmentBp,
      ...aloneOf(agreed),
    }),
    made.madeAt,
    made.lapsesAt,
    made.hash,
    made.sealedPreimage,
    made.lookInMs,
    JSON.stringify({
      amountMsat: made.amountMsat.toString(),
      fiatMinor: made.fiatMinor.toString(),
      currency: made.currency,
      until: made.lapsesAt.toISOString(),
      sources: sources.map(({ source }) => source).join(', '),
    }),
    made.hold ?? false,
  ]);
  return row === undefined ? undefined : BigInt(row.id);
}

const aloneOf = ({ alone }: AgreedPrice): object =>
  alone === undefined
    ? {}
    : {
        alone: {
          beforeE8: alone.before.priceE8.toString(),
          beforeAt: alone.before.at,
          driftBasisPoints: alone.driftBasisPoints,
        },
      };

/**
 * The lock makes closing, editing and quoting of one payment wait for each other. Who waited for it
 * sees the payment as it is then; of those who promise a price at once the index lets one in; and
 * whoever takes the group or the node meanwhile closes the payment, or ends the invoice, behind it.
 * What is promised is written with the invoice or not at all.
 */
const makeText = `
  with open as (
    select id, nextval('quote_id_seq') as quote_id from payment where id = $1::uuid
      and state = 'open'
      and owed_minor = $2 and currency = $3
      and exists (select 1 from node where id = $4 and retired_at is null)
      and not exists (
        select 1 from session_group g where g.shop_id = payment.shop_id
          and g.group_key = payment.group_key and g.payment_id <> payment.id)
      and not exists (
        select 1 from invoice where payment_id = $1::uuid and state in ('made', 'live'))
    for no key update),
  made as (
    insert into invoice (payment_id, quote_id, node_id, hash, sealed_preimage, amount_msat,
      state, expires_at, hold, lane, due_at)
    select id, quote_id, $4::int, decode($10, 'hex'), $11, $5, 'made', $9, $14,
      'node:' || ($4::int)::text, now() + $12 * interval '1 ms' from open
    on conflict (payment_id) where state in ('made', 'live') do nothing
    returning id, payment_id, quote_id),
  promised as (
    insert into quote (id, payment_id, fiat_minor, currency, amount_msat, price_e8, evidence,
      made_at, lapses_at)
    select quote_id, payment_id, $2, $3, $5, $6::numeric, $7::jsonb, $8, $9 from made),
  line as (
    insert into history (payment_id, what, because, details)
    select payment_id, 'quoted', '', $13::jsonb from made)
  select id from made`;

/**
 * The node has it: made -> live, and the secret is erased, since the node knows it now; of a hold
 * invoice it is kept until the node is told it. Gives the
 * invoice as it is then; undefined: it was not `made` any more.
 */
export async function invoiceIsLive(
  db: Database,
  issued: { id: bigint; request: string; addIndex: bigint; expiresAt: Date; lookInMs: number },
): Promise<InvoiceRow | undefined> {
  const [live] = await rows<RawInvoice & { link: string }>(
    db.pool,
    {
      name: 'invoice_live',
      text: `
        with live as (
          update invoice set state = 'live', request = $2, add_index = $3, expires_at = $4,
            sealed_preimage = case when hold then sealed_preimage end, attempts = 0,
            lease_until = null,
            due_at = case when ending is null then now() + $5 * interval '1 ms' else now() end
          where id = $1 and state = 'made' returning *),
        line as (
          insert into history (payment_id, what, because, details)
          select payment_id, 'invoice_live', '',
            jsonb_build_object('hash', encode(hash, 'hex'), 'amountMsat', amount_msat::text)
              from live)
        select p.link, ${columns} from live i join quote q on q.id = i.quote_id
          join payment p on p.id = i.payment_id`,
    },
    [issued.id, issued.request, issued.addIndex, issued.expiresAt, issued.lookInMs],
  );
  if (live === undefined) return undefined;
  sayMoved(db.pool, [live.link]);
  return invoiceFrom(live);
}

/**
 * Notes that an invoice is to end, so that its lane asks the node to cancel it. False: it ends
 * already, or its money began to be held since it was read, and that is not given back unasked.
 */
export async function endInvoice(
  db: Database,
  { id, heldAt }: Pick<InvoiceRow, 'id' | 'heldAt'>,
  ending: string,
): Promise<boolean> {
  const ended = await rows<{ node_id: number }>(
    db.pool,
    {
      name: 'invoice_end',
      text: `
        with ended as (
          update invoice set ending = $2, ending_at = now(), due_at = now(), attempts = 0
          where id = $1 and ending is null and state in ('made', 'live')
            and held_at is not distinct from $3::timestamptz
          returning payment_id, node_id, hash),
        line as (
          insert into history (payment_id, what, because, details)
          select payment_id, 'invoice_ending', $2, jsonb_build_object('hash', encode(hash,
            'hex')) from ended)
        select node_id from ended`,
    },
    [id, ending, heldAt],
  );
  await nudge(
    db.pool,
    ended.map((row) => nodeLane(row.node_id)),
  );
  return ended.length === 1;
}

/**
 * The node says that the invoice can never be paid. With it, a closing payment whose last payable
 * invoice this was lapses, in the same transaction. `thenAskNode`: nobody has asked the node, and
 * its lane is to ask it to cancel what it may have made.
 */
export async function invoiceIsCanceled(
  db: Database,
  about: {
    id: bigint;
    paymentId: string;
    because: 'node_says_canceled' | 'never_issued';
    thenAskNode?: true;
  },
): Promise<boolean> {
  return transaction(db, async (on) => {
    await rows(
      on,
      {
        name: 'payment_lock',
        text: 'select id from payment where id = $1::uuid for no key update',
      },
      [about.paymentId],
    );
    const canceled = await rows<{ hash: string; link: string; lane: Lane }>(
      on,
      {
        name: 'invoice_canceled',
        text: `
          update invoice i set state = 'canceled', lease_until = null, sealed_preimage = null,
            due_at = case when $3 then now() end,
            ending = coalesce(i.ending, $2)
          from payment p
          where i.id = $1 and p.id = i.payment_id
            -- What somebody else has shown meanwhile was issued: it ends by the node's word only.
            and (i.state = 'made' or (i.state = 'live' and $2 <> 'never_issued'))
          returning encode(i.hash, 'hex') as hash, p.link, i.lane`,
      },
      [
        about.id,
        about.because === 'never_issued' ? 'never_issued' : 'quote_over',
        about.thenAskNode ?? false,
      ],
    );
    const [row] = canceled;
    if (row === undefined) return false;
    if (about.thenAskNode) await nudge(on, [row.lane]);
    await note(on, about.paymentId, {
      what: 'invoice_canceled',
      because: about.because,
      details: { hash: row.hash },
    });
    const { paymentId, because } = about;
    const isClosed = await movePayment(on, {
      ...{ paymentId, move: { from: 'closing', to: 'lapsed' }, because },
    });
    // A node gives back by itself what nobody has charged in time.
    const isOver =
      isClosed ||
      (await movePayment(on, { paymentId, move: { from: 'held', to: 'lapsed' }, because }));
    // What was held took its purchase before Shopify heard of it. If that never did, the buyer has
    // the money back, and may pay the purchase anew.
    if (isOver) await freeGroup(on, paymentId, { unlessAuthorized: true });
    sayMoved(on, [row.link]);
    return true;
  });
}

/**
 * Invoices that are wanted no more since before that time, and that no node ever confirmed. At
 * most 100.
 */
export async function unissuedInvoices(
  db: Database,
  before: Date,
): Promise<{ id: bigint; paymentId: string }[]> {
  const found = await rows<{ id: string; payment_id: string }>(
    db.pool,
    {
      name: 'invoice_unissued',
      text: `
        select i.id, i.payment_id from invoice i join quote q on q.id = i.quote_id
        -- What is made is due, and what is due is few.
        where i.state = 'made' and i.due_at is not null and i.made_at < $1
          and (i.ending_at < $1 or q.lapses_at < $1)
        order by i.id limit 100`,
    },
    [before],
  );
  return found.map((row) => ({ id: BigInt(row.id), paymentId: row.payment_id }));
}

/** Whatever its node has made of it has run out: it need not be asked to cancel it any more. */
export async function canceledAreOver(db: Database, expiredBefore: Date): Promise<void> {
  await rows(
    db.pool,
    {
      name: 'invoice_canceled_over',
      text: `
        update invoice set due_at = null, lease_until = null
        where state = 'canceled' and due_at is not null and expires_at < $1`,
    },
    [expiredBefore],
  );
}

/** Who records, and with which right. */
export type Recorder =
  | { via: 'lookup' }
  | {
      via: 'live' | 'replay';
      /** The fence of the stream's owner: an owner that was replaced records nothing. */
      holder: string;
      leaseNo: number;
      epoch: number;
      /** This settle index and all below it are recorded with this batch. Never moves back. */
      cursor: bigint;
    };

export type RecordedSettle = {
  hash: PaymentHash;
  paymentId: string;
  firstOfPayment: boolean;
  shopId: number;
  /** Null: an order's, or a session without a group. */
  groupKey: string | null;
  /** The group was taken with the money, and no other tab of it was open. False: to be looked. */
  hasPurchase: boolean;
};

export type Recorded = {
  /** False: this process does not own the node's stream any more, and nothing was written. */
  owner: boolean;
  /** Hashes that are now recorded, with what became of them. */
  settled: RecordedSettle[];
  /** Payments whose hash was reported by a node that did not make their invoice. Not recorded. */
  ofOtherNodes: string[];
};

const settleText = `
  with owner as (
    -- The share lock lets a take-over of the stream wait for this commit, and lets a replaced owner
    -- write nothing.
    select id from node
    where id = $1::int and ($7::text is null or (stream_holder = $7 and stream_lease_no = $8
      and stream_epoch = $9 and stream_lease_until > now()))
    for no key update),
  seen as materialized (
    -- One look for each hash, whatever is known of how many invoices a node has: neither of both
    -- changes, and what does is read again under the lock.
    select s.*, i.id as invoice_id, i.node_id, i.payment_id
    from unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::timestamptz[])
      as s (hash, preimage, paid_msat, settle_index, settled_at)
    cross join lateral (
      select id, node_id, payment_id from invoice where hash = decode(s.hash, 'hex') limit 1) i),
  found as (
    -- Always in the order of id: batches that share rows wait for each other and do not deadlock.
    select i.id, i.payment_id, i.hash, i.amount_msat, p.state as was, p.shop_id, p.group_key,
      p.link, s.paid_msat, decode(s.preimage, 'hex') as preimage, s.settle_index, s.settled_at
    from seen s join invoice i on i.id = s.invoice_id join payment p on p.id = i.payment_id
    where s.node_id = (select id from owner) and i.state <> 'settled'
      and sha256(decode(s.preimage, 'hex')) = i.hash and s.paid_msat >= i.amount_msat
    order by p.id, i.id for no key update of p, i),
  done as (
    update invoice i set state = 'settled', paid_msat = f.paid_msat, preimage = f.preimage,
      settle_index = f.settle_index, settled_at = f.settled_at, recorded_at = clock_timestamp(),
      via = $10, stream_lease_no = $8, due_at = null, lease_until = null, sealed_preimage = null
    from found f where i.id = f.id and i.state <> 'settled' returning i.id),
  -- Of several invoices of one payment the first is the order's money, the rest is to be given
  -- back.
  first as (
    select distinct on (payment_id) * from found
    where was in ('open', 'held', 'closing') order by payment_id, settled_at, id),
  again as (select f.* from found f where f.id not in (select id from first)),
  moved as (
    update payment p set state = 'settled', reason = 'node_says_settled', settled_invoice_id = f.id,
      settled_at = f.settled_at, due_at = now(), attempts = 0, lease_until = null,
        lease_no = p.lease_no + 1,
      attention = case
        when f.paid_msat > f.amount_msat or exists (select 1 from again a where a.payment_id = p.id)
        then 'overpaid' else p.attention end
    -- What it was is read under the lock, and the snapshot of this statement may be older: a
    -- condition on p.state would look at the old row, and leave a payment that was closed in that
    -- moment without its money.
    from first f where p.id = f.payment_id
    returning p.id, p.lane, p.shop_id, p.group_key, p.settled_at),
  -- Of the tabs of one purchase that are paid the first one has it, from this moment on. In one
  -- order, so that batches which share groups wait for each other and do not deadlock.
  grouped as (
    insert into session_group (shop_id, group_key, payment_id)
    select shop_id, group_key, id from moved where group_key is not null
    order by shop_id, group_key, settled_at, id
    on conflict (shop_id, group_key) do nothing returning payment_id),
  flagged as (
    -- What asks for a person already asks for more.
    update payment p set attention = coalesce(p.attention, 'overpaid')
    from again a where p.id = a.payment_id and p.id not in (select id from moved) returning p.id),
  -- In the order of payments, and so are the postings: both wait for the heads of the timelines.
  lines as (
    insert into history (payment_id, what, "from", "to", because, details)
    select f.payment_id, 'moved', f.was, 'settled'::payment_state, 'node_says_settled',
      jsonb_build_object(
      'hash', encode(f.hash, 'hex'), 'paidMsat', f.paid_msat::text, 'via', $10::text) from first f
    union all
    select a.payment_id, 'paid_again', null::payment_state, null::payment_state, a.was::text,
      jsonb_build_object(
      'hash', encode(a.hash, 'hex'), 'paidMsat', a.paid_msat::text, 'via', $10::text) from again a
    order by payment_id),
  booked as (
    insert into posting (payment_id, journal, from_account, to_account, amount_msat)
    select b.payment_id, 'settle:' || encode(b.hash, 'hex'), 'node:' || ($1::int)::text, b.account,
      b.amount from (
      select payment_id, hash, 'awaiting:' || shop_id as account, amount_msat as amount from first
      union all
      select payment_id, hash, 'overpaid:' || shop_id, paid_msat - amount_msat from first
      union all
      select payment_id, hash, 'overpaid:' || shop_id, paid_msat from again) b
    where b.amount > 0 order by b.payment_id),
  moved_cursor as (
    update node set stream_cursor = greatest(stream_cursor, $11::bigint), reachable_at = now(),
      trouble = nullif(trouble, coalesce(nullif(trouble, 'identity_changed'), '')),
      trouble_at = case when trouble = 'identity_changed' then trouble_at end
    where id = (select id from owner) and $7::text is not null and $11::bigint is not null),
  nudged as (
    select nudge(array_agg(lane), now() + $12 * interval '1 ms') as n from moved
    having count(*) > 0)
  -- A select in a with clause runs only if somebody reads it: the counts make it happen.
  select encode(f.hash, 'hex') as hash, f.payment_id, f.shop_id, f.group_key, f.link,
    f.id in (select id from first) as first, true as owner,
    (select coalesce(sum(n), 0) from nudged)::int as nudged,
    f.was::text, f.paid_msat::text, f.amount_msat::text,
    f.payment_id in (select payment_id from grouped) and not exists (
      select 1 from payment o where o.shop_id = f.shop_id and o.group_key = f.group_key
        and o.id <> f.payment_id and o.state = 'open') as has_purchase
  from found f
  union all
  select null, s.payment_id, null, null, null, false, true, 0, null, null, null, false
  from seen s where s.node_id <> $1::int and exists (select 1 from owner)
  union all
  select null, null, null, null, null, false, exists (select 1 from owner), 0, null, null, null,
    false`;

/**
 * Records settlements that a node reported: invoices, payments, history, postings, the stream's
 * cursor and the nudges in one statement, for one settlement or for hundreds. What cannot be proved
 * by its preimage, is too little, belongs to another node, or is recorded already, changes nothing.
 */
export async function recordSettlements(
  on: Queryable,
  about: {
    nodeId: number;
    observations: readonly Observation[];
    recorder: Recorder;
    /** Whoever works these lanes at once leaves the nudge for the case that it dies. */
    nudgeInMs?: number;
  },
): Promise<Recorded> {
  const { recorder, nudgeInMs = 0 } = about;
  const fence = recorder.via === 'lookup' ? undefined : recorder;
  const money = about.observations.filter(
    (seen): seen is Observation & { preimage: Preimage } =>
      seen.state === 'settled' && seen.preimage !== undefined,
  );
  const result = await rows<{
    hash: PaymentHash | null;
    payment_id: string | null;
    shop_id: number;
    group_key: string | null;
    link: string | null;
    first: boolean;
    owner: boolean;
    nudged: number;
    was: PaymentState | null;
    paid_msat: string | null;
    amount_msat: string | null;
    has_purchase: boolean;
  }>(on, { name: 'invoice_settle', text: settleText }, [
    about.nodeId,
    money.map((seen) => seen.hash),
    money.map((seen) => seen.preimage),
    money.map((seen) => seen.receivedMsat),
    money.map((seen) => seen.settleIndex ?? null),
    money.map((seen) => seen.settledAt ?? new Date()),
    fence?.holder ?? null,
    fence?.leaseNo ?? null,
    fence?.epoch ?? null,
    recorder.via,
    fence?.cursor ?? null,
    nudgeInMs,
  ]);
  for (const row of result) countSettled(on, row);
  sayMoved(
    on,
    result.flatMap(({ first, link }) => (first && link !== null ? [link] : [])),
  );
  if (nudgeInMs === 0) wakePools(on, result[0]?.nudged ?? 0);
  return {
    owner: result.some((row) => row.owner),
    ofOtherNodes: result.flatMap((row) =>
      row.hash === null && row.payment_id !== null ? [row.payment_id] : [],
    ),
    settled: result.flatMap((row) =>
      row.hash === null || row.payment_id === null
        ? []
        : [
            {
              hash: row.hash,
              paymentId: row.payment_id,
              firstOfPayment: row.first,
              shopId: row.shop_id,
              groupKey: row.group_key,
              hasPurchase: row.has_purchase,
            },
          ],
    ),
  };
}

function countSettled(
  on: Queryable,
  row: {
    first: boolean;
    was: PaymentState | null;
    paid_msat: string | null;
    amount_msat: string | null;
  },
): void {
  const { first, was } = row;
  if (was === null) return;
  const paidMsat = BigInt(row.paid_msat ?? 0);
  if (first) count(on, { is: 'moved', from: was, to: 'settled', times: 1 });
  const isAwaited = was === 'open' || was === 'held';
  if (!isAwaited) count(on, { is: 'paid_late', amountMsat: paidMsat });
  const overMsat = first ? paidMsat - BigInt(row.amount_msat ?? 0) : paidMsat;
  if (overMsat > 0n) count(on, { is: 'overpaid', amountMsat: overMsat });
}
