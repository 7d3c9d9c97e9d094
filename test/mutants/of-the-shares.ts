// Guards of what leaves a shop for others and of what a node holds for a buyer, and of money that
// came late: shares booked and paid out once, holds charged or given back, late money taken once.
import fs from 'node:fs';
import path from 'node:path';
import { database, edit, source, type Mutant } from './mutant.ts';

const migration = path.join(
  import.meta.dirname,
  '../../prisma/migrations/20261122084500_shares/migration.sql',
);

/** The statement that sets a batch aside, with some of it changed. */
function reserving(find: string, replace: string): string {
  const text = fs.readFileSync(migration, 'utf8');
  const from = text.indexOf('create function payout_reserve_share(');
  const whole = text.slice(from, text.indexOf('\n$$;', from) + 4);
  if (from < 0 || whole.split(find).length !== 2) throw new Error(`not once there: ${find}`);
  return whole
    .replace('create function', 'create or replace function')
    .replace(find, () => replace);
}

const shares = 'web/db/shares.ts';
const batches = 'web/db/share-batches.ts';
const holds = 'web/db/holds.ts';
const ofHold = 'web/core/hold.ts';
const looks = 'web/flows/look-at-hold.ts';
const late = 'web/db/late.ts';
const ofLate = 'web/core/late.ts';
const ofShares = 'test/db/shares.test.ts';
const ofTheSigner = 'test/signer/shares.test.ts';
const ofHolds = 'test/db/holds.test.ts';
const ofHoldsFlow = 'test/flows/holds.test.ts';
const ofHoldsCore = 'test/core/hold.test.ts';
const ofMoneyLate = 'test/db/late.test.ts';
const ofLateCore = 'test/core/late.test.ts';

const booked: readonly Mutant[] = [
  database(
    {
      id: 'X70',
      guard: 'the shares of a payment are booked once: by their task, and by what is unique',
      sql: 'drop index share_payment_id_rule_id_key;',
      ...{ test: ofShares, named: 'of ten who book the shares of a payment one does' },
    },
    edit(shares, 'and lease_no = $2 and due_at is not null', 'and lease_no = $2'),
  ),
  database({
    id: 'X71',
    guard: 'shares of a payment are no more than came, by the database',
    sql: 'drop trigger share_cap on share;',
    ...{ test: ofShares, named: 'the database refuses shares of more than came' },
  }),
  source(
    {
      id: 'X72',
      guard: 'the rules together set no more aside than came',
      ...{ test: 'test/core/share.test.ts', named: 'together never more than came' },
    },
    edit('web/core/share.ts', 'wantedMsat < leftMsat ? wantedMsat : leftMsat', 'wantedMsat'),
  ),
  database({
    id: 'X73',
    guard: 'a refund takes back its part of what is still owed to others',
    sql: 'drop trigger share_follows_refund on refund;',
    ...{ test: ofShares, named: 'over what a refund has made less is not given' },
  }),
];

const given: readonly Mutant[] = [
  source(
    {
      id: 'X74',
      guard: 'a batch is over what its shares are at that moment, not over what they were',
      ...{ test: ofShares, named: 'over what a refund has made less is not given' },
    },
    edit(batches, ' and s.together = $5::bigint', ''),
  ),
  database(
    {
      id: 'X75',
      guard: 'a share is given to the signer in one batch: compared under its lock, and by itself',
      sql: 'drop index share_batch_one_given;',
      ...{ test: ofShares, named: 'of ten invoices for the same shares one is given' },
    },
    edit(batches, "and shop_id = $3 and state = 'owed') s", 'and shop_id = $3) s'),
  ),
  source(
    {
      id: 'X76',
      guard: 'a batch that a signer has begun is not given up because its invoice ran out',
      ...{ test: ofShares, named: 'what the signer has begun to pay is not given up' },
    },
    edit(batches, '(o.id is null and b.expires_at', '(b.expires_at'),
  ),
  source(
    {
      id: 'X77',
      guard: 'who gives a batch up has its lock, so that no signer begins in that moment',
      ...{ test: ofShares, named: 'who gives it up waits for a signer' },
    },
    edit(batches, "state = 'given' for update`", "state = 'given'`"),
  ),
  source(
    {
      id: 'X78',
      guard: 'what was refunded while a batch was on its way is taken back when it failed',
      ...{ test: ofShares, named: 'owed again, less what was refunded meanwhile' },
    },
    edit(batches, "text: 'select share_adjust($1::uuid)'", "text: 'select $1::uuid'"),
  ),
];

const sent: readonly Mutant[] = [
  source(
    {
      id: 'X79',
      guard: 'no more of a payment goes on to others than the node says came in',
      ...{ test: ofTheSigner, named: 'more than the node has received is not paid' },
    },
    edit(
      'web/signer/work-batch.ts',
      "sharedMsat > receivedMsat ? 'above_received' :",
      "false ? 'above_received' :",
    ),
  ),
  database({
    id: 'X80',
    guard: 'the ceiling of one payment holds for shares as well',
    sql: reserving('if asked_amount > p.per_payment_msat', 'if false'),
    ...{ test: ofTheSigner, named: 'above a ceiling it waits: of one payment' },
  }),
  database({
    id: 'X81',
    guard: 'the ceiling of a day counts shares and refunds together',
    sql: reserving('if kept + asked_amount + asked_fee_limit > p.per_day_msat', 'if false'),
    ...{ test: ofTheSigner, named: 'above a ceiling it waits: of a day' },
  }),
  source(
    {
      id: 'X82',
      guard: 'a share that is in flight is asked about again',
      ...{ test: ofTheSigner, named: 'in flight is neither yes nor no' },
    },
    edit(
      'web/signer/work.ts',
      "await wait('in_flight', timing.inFlightMs);",
      "await failed(deps, payout, { is: 'failed', because: 'expired', again: false });",
    ),
  ),
];

const held: readonly Mutant[] = [
  database(
    {
      id: 'X85',
      guard: 'of several captures one has the money: compared and set, and unique',
      sql: 'drop index hold_request_one_capture;',
      ...{ test: ofHolds, named: 'of ten captures of one payment one' },
    },
    edit(holds, 'and (i.capture_wanted_at is null or $2)', 'and (true or $2)'),
  ),
  source(
    {
      id: 'X86',
      guard: 'what is to be charged is not given back',
      ...{ test: ofHolds, named: 'what is to be charged is not given back' },
    },
    edit(holds, 'if (capturing.length > 0) return false;', ''),
  ),
  source(
    {
      id: 'X87',
      guard: 'what goes back is not charged: its state, and the end of its invoice',
      ...{ test: ofHolds, named: 'what is to be charged is not given back' },
    },
    edit(
      holds,
      "and p.state = 'held'\n            and i.state = 'live' and i.held_at is not null " +
        'and i.ending is null',
      "\n            and i.state = 'live' and i.held_at is not null",
    ),
  ),
  source(
    {
      id: 'X88',
      guard: 'no more is captured than is held',
      ...{ test: ofHoldsCore, named: 'more than it' },
    },
    edit(ofHold, 'amountMinor <= payment.owedMinor &&', ''),
  ),
  source(
    {
      id: 'X89',
      guard: 'a hold ends well before the node would end it, or a channel be closed for it',
      ...{ test: ofHoldsCore, named: 'six blocks before the node would end it' },
    },
    edit(ofHold, 'nodeMarginBlocks - ourMarginBlocks - about.height', 'about.height'),
  ),
  source(
    {
      id: 'X90',
      guard: 'the node is told the secret when somebody wants it charged, and not before',
      ...{ test: ofHoldsFlow, named: 'held, authorized with an end, captured as a whole' },
    },
    edit(looks, 'if (invoice.captureWantedAt !== null) return charge', 'if (true) return charge'),
  ),
  source(
    {
      id: 'X91',
      guard: 'a void is answered when the node has said that the buyer has the money back',
      ...{ test: ofHoldsCore, named: 'is answered when the node has said' },
    },
    edit(
      ofHold,
      "case 'closing':\n      return { do: 'wait' };",
      "case 'closing':\n      return answer('voided');",
    ),
  ),
  source(
    {
      id: 'X92',
      guard: 'a capture waits until Shopify has the payment as authorized',
      ...{ test: ofHoldsCore, named: 'is charged when Shopify has it as authorized' },
    },
    edit(ofHold, "payment.isTold ? { do: 'capture' } : { do: 'wait' }", "{ do: 'capture' }"),
  ),
  database(
    {
      id: 'X93',
      guard: 'an answer that was stored stays, by the statement and by the database',
      sql: 'drop trigger hold_request_arrow on hold_request;',
      ...{ test: ofHolds, named: 'an answer that was stored is not answered again' },
    },
    edit(
      holds,
      "where id = $1 and state in ('asked', 'capturing') returning id",
      'where id = $1 returning id',
    ),
  ),
];

const cameLate: readonly Mutant[] = [
  source(
    {
      id: 'X95',
      guard: 'late money is taken once, and only while it is to be given back',
      ...{ test: ofMoneyLate, named: 'whoever comes later changes nothing' },
    },
    edit(late, "mine?.state !== 'lapsed' || mine.attention !== 'overpaid'", 'mine === undefined'),
    edit(
      late,
      "const inTheWay: readonly string[] = ['settled', 'held'];",
      'const inTheWay: readonly string[] = [];',
    ),
    edit(late, 'late === undefined || owedMsat < amountMsat', 'late === undefined'),
  ),
  source(
    {
      id: 'X96',
      guard: 'what a person has given back or kept is not taken',
      ...{ test: ofMoneyLate, named: 'what a person has given back or kept' },
    },
    edit(
      late,
      "mine?.state !== 'lapsed' || mine.attention !== 'overpaid'",
      "mine?.state !== 'lapsed'",
    ),
    edit(late, 'late === undefined || owedMsat < amountMsat', 'late === undefined'),
  ),
  source(
    {
      id: 'X97',
      guard: 'who takes late money has the lock of all payments of its order',
      ...{ test: ofMoneyLate, named: 'both came late: at once, one of them' },
    },
    edit(
      late,
      'order by id for no key update',
      // As on a machine on which both have read before either writes.
      'and pg_sleep(0.2)::text is not null order by id',
    ),
  ),
  source(
    {
      id: 'X98',
      guard: 'no late money for an order while Shopify has not heard of other money of it',
      ...{ test: ofMoneyLate, named: 'not while Shopify has not heard' },
    },
    edit(late, 'if (all.some(({ state }) => inTheWay.includes(state))) return false;', ''),
  ),
  source(
    {
      id: 'X99',
      guard: 'late money is taken while its sats are worth enough',
      ...{ test: ofLateCore, named: 'the sats may be worth less by the drift' },
    },
    edit(
      ofLate,
      "isWorthIt(money, { agreed, driftBp }) ? { do: 'take' }",
      "isWorthIt(money, { agreed, driftBp }) || true ? { do: 'take' }",
    ),
  ),
  source(
    {
      id: 'X100',
      guard: 'a cancelled order takes no late money',
      ...{ test: ofLateCore, named: 'cancelled' },
    },
    edit(ofLate, "if (due.is === 'over') return leave(due.because);", ''),
  ),
];

export const ofTheShares: readonly Mutant[] = [...booked, ...given, ...sent, ...held, ...cameLate];
