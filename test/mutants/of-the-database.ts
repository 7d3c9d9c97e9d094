// Guards that PostgreSQL keeps: indexes, constraints, triggers, locks and fences.
import { database, edit, source, type Mutant } from './mutant.ts';

const payments = 'web/db/payments.ts';
const invoices = 'web/db/invoices.ts';
const guards = 'test/db/guards.test.ts';
const ofPayments = 'test/db/payments.test.ts';

/** The insert names the index; without it there is nothing to name. */
const unconflicted = edit(
  invoices,
  `on conflict (payment_id) where state in ('made', 'live') do nothing
    returning id, payment_id, quote_id`,
  'returning id, payment_id, quote_id',
);

const rows: readonly Mutant[] = [
  database({
    id: 'M01',
    guard: 'a payment hash is unique, in every network',
    sql: 'drop index invoice_hash_key;',
    ...{ test: guards, named: 'a payment hash belongs to one invoice' },
  }),
  database(
    {
      id: 'M02',
      guard: 'a shop has one payment for an order and its number',
      sql: 'drop index payment_shop_id_origin_id_sequence_key;',
      ...{ test: ofPayments, named: 'fifty who open one order make one payment' },
    },
    edit(payments, 'on conflict (shop_id, origin_id, sequence) do nothing returning', 'returning'),
  ),
  database({
    id: 'M03',
    guard: 'a journal books once',
    sql: 'drop index posting_journal_from_account_to_account_key;',
    ...{ test: guards, named: 'no money is booked twice under one journal' },
  }),
  database(
    {
      id: 'M04',
      guard: 'one payable invoice for a payment, by the index',
      sql: 'drop index invoice_one_payable;',
      ...{ test: guards, named: 'a payment has one invoice that can be paid' },
    },
    unconflicted,
  ),
  database(
    {
      id: 'M04b',
      guard: 'one payable invoice for a payment: the index, and the look under the lock',
      sql: 'drop index invoice_one_payable;',
      ...{ test: ofPayments, named: 'fifty who promise a price make one payable invoice' },
    },
    unconflicted,
    edit(
      invoices,
      `and not exists (
        select 1 from invoice where payment_id = $1::uuid and state in ('made', 'live'))`,
      '',
    ),
  ),
  ...['quote', 'invoice', 'posting'].map((table) =>
    database({
      id: `M05-${table}`,
      guard: `the amount of a row of ${table} is above zero`,
      sql: `alter table ${table} drop constraint ${table}_msat_positive;`,
      ...{ test: guards, named: 'an amount of 0n is none' },
    }),
  ),
  database({
    id: 'M07',
    guard: 'postings are never changed',
    sql: 'drop trigger posting_append_only on posting;',
    ...{ test: ofPayments, named: 'a changed past, are refused' },
  }),
  database({
    id: 'M07b',
    guard: 'history is never changed',
    sql: 'drop trigger history_append_only on history;',
    ...{ test: ofPayments, named: 'a changed past, are refused' },
  }),
  database({
    id: 'X160',
    guard: 'what was promised is never changed and never deleted',
    sql: 'drop trigger quote_append_only on quote;',
    ...{ test: guards, named: 'what was promised is never changed' },
  }),
  database({
    id: 'X01',
    guard: 'an invoice that was paid stays paid, at its node and for its payment',
    sql: 'drop trigger invoice_arrow on invoice;',
    ...{ test: guards, named: 'an invoice that was paid is never denied' },
  }),
  database({
    id: 'X02',
    guard: 'a payment moves along the arrows of its story',
    sql: 'drop trigger payment_arrow on payment;',
    ...{ test: ofPayments, named: 'an arrow that is not in the story' },
  }),
  database({
    id: 'X03',
    guard: 'nobody has paid without an invoice that was paid',
    sql: 'alter table payment drop constraint payment_settled_has_invoice;',
    ...{ test: guards, named: 'nobody has paid without an invoice' },
  }),
];

const claims: readonly Mutant[] = [
  source(
    {
      id: 'M08',
      guard: 'a payment moves only from the state that was seen',
      ...{ test: ofPayments, named: 'of eight who tell one books' },
    },
    edit(
      payments,
      'where id = $1::uuid and state = $2::payment_state and',
      'where id = $1::uuid and',
    ),
  ),
  source(
    {
      id: 'M09',
      guard: 'a claim that was taken over moves nothing',
      ...{ test: ofPayments, named: 'a lost claim books nothing' },
    },
    edit(payments, '($8::int is null or lease_no = $8)', '($8::int is null or true)'),
  ),
  source(
    {
      id: 'M09b',
      guard: 'a claim that was taken over gives nothing back',
      ...{
        test: 'test/db/claims.test.ts',
        named: 'a claim that was taken over gives nothing back',
      },
    },
    edit(
      'web/db/due.ts',
      'and lease_no = $2`,\n    },\n    [row.id, row.leaseNo, next.dueInMs',
      'and $2::int is not null`,\n    },\n    [row.id, row.leaseNo, next.dueInMs',
    ),
  ),
  source(
    {
      id: 'M09c',
      guard: 'a claim that was taken over is not renewed, and its step stops',
      ...{ test: 'test/db/claims.test.ts', named: 'a claim that was taken over is not renewed' },
    },
    edit('web/db/due.ts', 'and lease_no = $2 returning id', 'and $2::int is not null returning id'),
  ),
  source(
    {
      id: 'M15',
      guard: 'a due row is claimed under a lock',
      ...{ test: 'test/db/claims.test.ts', named: 'of two who claim at once each has rows' },
    },
    edit(
      'web/db/due.ts',
      'order by due_at, id limit $2 for no key update skip locked',
      'order by due_at, id limit $2',
    ),
  ),
  source(
    {
      id: 'M15b',
      guard: 'a row that another claims holds up nobody',
      ...{ test: 'test/db/claims.test.ts', named: 'of two who claim at once each has rows' },
    },
    edit(
      'web/db/due.ts',
      'order by due_at, id limit $2 for no key update skip locked',
      'order by due_at, id limit $2 for no key update',
    ),
  ),
  source(
    {
      id: 'M29',
      guard: 'the sweep finds a lane whose nudge was lost',
      ...{ test: 'test/db/claims.test.ts', named: 'a lane whose nudge was lost is nudged' },
    },
    edit('web/worker/sweep.ts', 'await nudge(deps.db.pool, lanes);', ''),
  ),
];

const fence = 'test/db/stream-fence.test.ts';
const nodes = 'web/db/nodes.ts';
const cursorAlone = (when: 'before' | 'after'): Mutant['edits'] => {
  const alone = `await on.query(
      'update node set stream_cursor = greatest(stream_cursor, $2) where id = $1',
      [about.nodeId, fence?.cursor ?? 0n]);`;
  const statement = 'const result = await rows<{\n    hash: PaymentHash | null;';
  const answer = '  return {\n    owner: result.some((row) => row.owner),';
  return [
    edit(invoices, 'and $11::bigint is not null),', 'and $11::bigint is not null and false),'),
    when === 'before'
      ? edit(invoices, statement, `${alone}\n${statement}`)
      : edit(invoices, answer, `if (result.some((row) => row.owner)) ${alone}\n${answer}`),
  ];
};

const streams: readonly Mutant[] = [
  source(
    {
      id: 'M10',
      guard: 'an owner of a stream whose time is over records nothing',
      ...{ test: fence, named: 'an owner whose time is over records nothing' },
    },
    edit(invoices, '$9 and stream_lease_until > now()))', '$9))'),
  ),
  source(
    {
      id: 'M10b',
      guard: 'an owner of a stream whose time is over does not keep it',
      ...{ test: fence, named: 'an owner whose time is over records nothing' },
    },
    edit(
      nodes,
      'and stream_lease_no = $3 and stream_lease_until > now()',
      'and stream_lease_no = $3',
    ),
  ),
  source(
    {
      id: 'M11',
      guard: 'the cursor is written with the money, not before it',
      ...{ test: fence, named: 'money that cannot be written moves no cursor' },
    },
    ...cursorAlone('before'),
  ),
  source(
    {
      id: 'M13',
      guard: 'the cursor is written with the money, not after it',
      ...{ test: fence, named: 'in the very transaction that writes the money' },
    },
    ...cursorAlone('after'),
  ),
  source(
    {
      id: 'X04',
      guard: 'an owner of a stream that was replaced records nothing',
      ...{ test: ofPayments, named: 'an owner of a stream that was replaced' },
    },
    edit(
      invoices,
      '(stream_holder = $7 and stream_lease_no = $8',
      '(($7 is not null or stream_lease_no = $8)',
    ),
  ),
  source(
    {
      id: 'X05',
      guard: 'what was heard before the node counted anew is not of the new count',
      ...{ test: fence, named: 'what was heard before the node counted anew' },
    },
    edit(invoices, 'and stream_epoch = $9 and', 'and $9::int is not null and'),
  ),
  source(
    {
      id: 'X06',
      guard: 'a stream that somebody has is taken by nobody',
      ...{ test: fence, named: 'a stream is taken from nobody who has it' },
    },
    edit(
      nodes,
      'where id = any($1::int[]) and (stream_lease_until is null or stream_lease_until < now())',
      'where id = any($1::int[])',
    ),
  ),
  source(
    {
      id: 'X07',
      guard: 'a cursor never goes back',
      ...{ test: fence, named: 'a cursor never goes back' },
    },
    edit(invoices, 'stream_cursor = greatest(stream_cursor, $11::bigint)', 'stream_cursor = $11'),
  ),
];

export const ofTheDatabase: readonly Mutant[] = [...rows, ...claims, ...streams];
