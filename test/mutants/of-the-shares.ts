// Guards of what leaves a shop for others: shares booked once, given to the signer in one batch and
// paid out within its ceilings.
import { database, edit, rewritten, source, type Mutant } from './mutant.ts';

/** The statement that sets a batch aside, with some of it changed. */
const reserving = (find: string, replace: string): string =>
  rewritten(
    {
      migration: '20261122214023_day_by_its_end',
      create: 'create or replace function payout_reserve_share(',
    },
    [find, replace],
  );

const shares = 'web/db/shares.ts';
const batches = 'web/db/share-batches.ts';
const ofShares = 'test/db/shares.test.ts';
const ofTheSigner = 'test/signer/shares.test.ts';

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
    edit(batches, '(o.id is null and (b.expires_at', '((b.expires_at'),
  ),
  source(
    {
      id: 'X154',
      guard: 'a share that cannot be proved keeps no other from its receiver',
      ...{ test: ofShares, named: 'one that the signer cannot prove keeps no other' },
    },
    edit(
      batches,
      "s.doubted_at < now() - interval '${String(daysDoubted)} days'",
      's.doubted_at <= now()',
    ),
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
  database({
    id: 'X152',
    guard: 'a share grows from what its payment has left, and beyond that from what the shop adds',
    sql: rewritten(
      {
        migration: '20261122220716_growth_from_what_is_there',
        create: 'create function set_aside(',
      },
      ['least(change_msat, greatest(0, there))', 'change_msat'],
    ),
    ...{ test: 'test/flows/shares.test.ts', named: 'that took more sats than came leaves nothing' },
  }),
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
  database({
    id: 'X171',
    guard: 'the ceiling of a day counts for shares what was paid in it, whenever it was set aside',
    sql: reserving('o.ended_at > now()', 'o.reserved_at > now()'),
    ...{ test: ofTheSigner, named: 'paid counts, whenever it was set aside' },
  }),
  source(
    {
      id: 'X82',
      guard: 'a share that is in flight is asked about again',
      ...{ test: ofTheSigner, named: 'in flight is neither yes nor no' },
    },
    edit(
      'web/signer/work.ts',
      "await wait('in_flight', timing.inFlightMs, identity);",
      "await end(deps, payout, { is: 'failed', because: 'rejected' });",
    ),
  ),
  source(
    {
      id: 'X197',
      guard: 'shares that nobody takes as a whole are tried in smaller parts',
      ...{ test: 'test/flows/shares.test.ts', named: 'what nobody took is tried in smaller parts' },
    },
    edit(batches, 'whole / 2::numeric ^ greatest(0, least(many, 30) - 2)', 'whole + 0 * many'),
  ),
  source(
    {
      id: 'X198',
      guard: 'a share above the ceiling stops no other of its receiver',
      ...{ test: 'test/flows/shares.test.ts', named: 'what nobody took is tried in smaller parts' },
    },
    edit(
      batches,
      'where amount_msat <= ceiling or not has_fitting)',
      'where has_fitting is not null)',
    ),
  ),
];

export const ofTheShares: readonly Mutant[] = [...booked, ...given, ...sent];
