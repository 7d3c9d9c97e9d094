// Guards of what goes back: one refund for each wish, never more than was captured, a claim over
// exactly what is owed, and one payment for it, within the ceilings of the purse.
import { database, edit, rewritten, source, type Mutant } from './mutant.ts';

/** The statement that reserves, with some of it changed. */
const reserving = (...changes: readonly (readonly [find: string, replace: string])[]): string =>
  rewritten(
    {
      migration: '20261122214023_day_by_its_end',
      create: 'create or replace function payout_reserve(',
    },
    ...changes,
  );

const refunds = 'web/db/refunds.ts';
const ofRefunds = 'test/flows/refunds.test.ts';
const ofCore = 'test/core/refund.test.ts';
const ofSigner = 'test/signer/signer.test.ts';
const ofCeilings = 'test/signer/ceilings.test.ts';
const ofPurses = 'test/signer/purse.test.ts';
const core = 'web/core/refund.ts';
const byItself = 'the database itself refuses a second payout of a refund';
const ofADay = 'of a day: what fits is set aside';
const thatFit = 'a BOLT11 is taken only with the amount, network and life that fit';

const owed: readonly Mutant[] = [
  database(
    {
      id: 'X50',
      guard: 'a refund of Shopify’s is one of ours: looked up under the lock, and unique',
      sql: 'drop index refund_shop_id_origin_origin_id_key;',
      ...{ test: ofRefunds, named: 'twenty who hear of one refund at once open one' },
    },
    edit(refunds, 'on conflict (shop_id, origin, origin_id) do nothing', 'on conflict do nothing'),
    edit(
      'web/flows/open-order-refunds.ts',
      'if ((await refundByOrigin(on, key)) !== null) return [];',
      '',
    ),
  ),
  source(
    {
      id: 'X151',
      guard: 'what went back without a name is ours only where our sale has none',
      ...{ test: ofRefunds, named: 'by another manual method of the shop' },
    },
    edit('web/flows/open-order-refunds.ts', 'return named < captured;', 'return true;'),
  ),
  database(
    {
      id: 'X51',
      guard: 'what is left is decided under the lock of the payment: the program and the database',
      sql: 'drop trigger refund_cap on refund;',
      ...{ test: ofRefunds, named: 'three parts and ten who race' },
    },
    edit(
      refunds,
      'where id = any($1::uuid[]) order by id for no key update',
      'where false and $1::uuid[] is null',
    ),
  ),
  source(
    {
      id: 'X52',
      guard: 'no more is given back than was captured',
      ...{ test: ofCore, named: 'of several refunds no more is left than was captured' },
    },
    edit(
      core,
      "return asked.amountMinor > leftOf(of) ? 'more_than_captured' : undefined;",
      'return undefined;',
    ),
  ),
];

const claimed: readonly Mutant[] = [
  source(
    {
      id: 'X54',
      guard: 'a claim is over exactly what is owed',
      ...{ test: ofCore, named: thatFit },
    },
    edit(core, 'if (read.amountMsat !== (about.amountMsat as bigint))', 'if (false)'),
  ),
  source(
    {
      id: 'X55',
      guard: 'a claim is of the network on which the payment came',
      ...{ test: ofCore, named: thatFit },
    },
    edit(core, 'if (read.network !== about.network)', 'if (false)'),
  ),
  source(
    {
      id: 'X56',
      guard: 'a shop does not pay itself',
      ...{ test: ofRefunds, named: 'only with what fits: each other is a word' },
    },
    edit(core, 'if (about.ownIdentities.includes(read.payee))', 'if (false)'),
  ),
  database({
    id: 'X57',
    guard: 'a payment hash is given once, for ever and everywhere',
    sql: 'drop index refund_claim_hash_key;',
    ...{ test: ofRefunds, named: 'by twenty at once: one wins, and a hash is one for ever' },
  }),
];

const reserved: readonly Mutant[] = [
  database({
    id: 'X58',
    guard: 'one payout of a refund is alive, by the database',
    sql: 'drop index payout_one_alive;',
    ...{ test: ofCeilings, named: byItself },
  }),
  database({
    id: 'X59',
    guard: 'a paid payout has its preimage, by the database',
    sql: 'alter table payout drop constraint payout_paid_has_proof;',
    ...{ test: ofCeilings, named: byItself },
  }),
  database({
    id: 'X60',
    guard: 'what a payout pays does not change, and it goes no other way',
    sql: 'drop trigger payout_arrow on payout;',
    ...{ test: ofCeilings, named: byItself },
  }),
  database({
    id: 'X61',
    guard: 'the ceiling of a day counts what is set aside, with fees',
    sql: reserving(['kept + asked_amount + asked_fee_limit > p.per_day_msat', 'false']),
    ...{ test: ofCeilings, named: ofADay },
  }),
  database({
    id: 'X138',
    guard: 'the ceiling of a day is that of both apps together',
    sql: reserving(['o.shop_id = any(served)', 'o.shop_id = r.shop_id']),
    ...{ test: ofCeilings, named: 'of a day: what is owed through both of our apps' },
  }),
  database({
    id: 'X170',
    guard: 'the ceiling of a day counts what was paid in it, whenever it was set aside',
    sql: reserving(['o.ended_at > now()', 'o.reserved_at > now()']),
    ...{ test: ofCeilings, named: 'of a day: what is paid counts from when it was paid' },
  }),
  database({
    id: 'X62',
    guard: 'who reserves has the lock of the purse, so that sums hold',
    sql: reserving(
      ['shop_id = purse_of(r.shop_id) for update', 'shop_id = purse_of(r.shop_id)'],
      // As on a machine on which those who ask are between the sum and the row at the same time.
      ['  insert into payout (', '  perform pg_sleep(0.2);\n  insert into payout ('],
    ),
    ...{ test: ofCeilings, named: ofADay },
  }),
  database({
    id: 'X63',
    guard: 'the ceiling of an order counts all payments of it',
    sql: reserving(['kept + asked_amount > p.per_order_msat', 'false']),
    ...{ test: ofCeilings, named: 'of an order: all payments of it together' },
  }),
];

const sent: readonly Mutant[] = [
  source(
    {
      id: 'X64',
      guard: 'one process signs',
      ...{ test: ofSigner, named: 'several signers: one signs' },
    },
    edit('web/db/signing.ts', 'if (rows[0]?.taken !== true) {', 'if (rows.length > 1) {'),
  ),
  source(
    {
      id: 'X65',
      guard: 'in flight is neither success nor failure',
      ...{ test: ofSigner, named: 'on its way for long, then taken' },
    },
    edit(
      'web/signer/work.ts',
      "await wait('in_flight', timing.inFlightMs, identity);",
      "await end(deps, payout, { is: 'failed', because: 'rejected' });",
    ),
  ),
  source(
    {
      id: 'X66',
      guard: 'the signer itself compares a request with what is owed',
      ...{ test: ofSigner, named: 'what the request itself is wrong in' },
    },
    edit('web/signer/work.ts', 'if (read.amountMsat !== claim.amountMsat)', 'if (false)'),
  ),
  source(
    {
      id: 'X115',
      guard: 'what one node was asked to pay is not asked of another one',
      ...{ test: ofSigner, named: 'what one node has on its way is never sent by another' },
    },
    edit('web/signer/work.ts', 'payout.sentTo !== purse.identity', 'false'),
  ),
];

const lost: readonly Mutant[] = [
  source(
    {
      id: 'X130',
      guard: 'a node that does not know its mark is not believed to owe it still',
      ...{ test: ofSigner, named: 'a node that has lost its records pays nothing twice' },
    },
    edit(
      'web/signer/work.ts',
      "mark === null || (await payer.lookOriginal(hex(mark))).is === 'unknown'",
      'mark === null && (await payer.lookOriginal(hex(payout.hash))).is === null',
    ),
  ),
  source(
    {
      id: 'X134',
      guard: 'that a node had a payment is remembered, whatever it waits for since',
      ...{ test: ofSigner, named: 'a node that has lost its records pays nothing twice' },
    },
    edit('web/signer/work.ts', 'payout.recordedBy === purse.identity ||', ''),
  ),
  source(
    {
      id: 'X137',
      guard: 'a record of a failure is believed only of a node that lost nothing after it',
      ...{ test: ofSigner, named: 'an old record of a failure is not believed' },
    },
    edit('web/signer/work.ts', 'const forgot = !how.isFresh && (', 'const forgot = false && ('),
  ),
  source(
    {
      id: 'X135',
      guard: 'whoever has not sent a payout last does not end it',
      ...{ test: ofSigner, named: 'whoever has not sent it last neither ends it' },
    },
    edit(
      'web/db/payouts.ts',
      'where id = $1 and attempts = $6 and',
      'where id = $1 and $6::int > 0 and',
    ),
  ),
  source(
    {
      id: 'X136',
      guard: 'a paused purse sends nothing again',
      ...{ test: ofSigner, named: 'paused, it does not send again' },
    },
    edit('web/signer/work.ts', 'return isPaused ? {', 'return isPaused && false ? {'),
  ),
  source(
    {
      id: 'X131',
      guard: 'nobody says of a payout that may be on its way that it was not paid',
      ...{ test: ofPurses, named: 'ends by the word of the operator' },
    },
    edit('web/db/payouts.ts', "($3 = 'paid' or ${isOld})", "($3 = 'paid' or true or ${isOld})"),
  ),
  source(
    {
      id: 'X132',
      guard: 'of a payout whose node can be asked nobody else says what became of it',
      ...{ test: ofPurses, named: 'ends by the word of the operator' },
    },
    edit('web/db/payouts.ts', 'o.sent_to is distinct from (', 'o.sent_to is not null or exists ('),
  ),
  source(
    {
      id: 'X192',
      guard: 'nothing is set aside for a credential that can no longer be asked for it',
      ...{ test: ofSigner, named: 'paused, beyond a ceiling' },
    },
    edit('web/signer/work.ts', 'if (!judgePurse(', 'if (false && !judgePurse('),
  ),
  source(
    {
      id: 'X193',
      guard: 'a purse whose row names another node than its seal does nothing',
      ...{ test: ofSigner, named: 'paused, beyond a ceiling' },
    },
    edit('web/signer/work.ts', 'if (purse.identity !== row.identity) throw', 'if (false) throw'),
  ),
  source(
    {
      id: 'X220',
      guard: 'a step that saw a refund before it was withdrawn gives nothing back',
      ...{ test: 'test/flows/refunds.test.ts', named: 'is not left without its end' },
    },
    edit(
      'web/db/refunds.ts',
      `lease_until = null, lease_no = lease_no + 1
    where id = $1::uuid and state in ('asked', 'claimable')`,
      `lease_until = null
    where id = $1::uuid and state in ('asked', 'claimable')`,
    ),
  ),
  source(
    {
      id: 'X221',
      guard: 'what staff gave back here and entered in Shopify as well goes out twice to nobody',
      ...{ test: 'test/flows/refunds.test.ts', named: 'it may be the same' },
    },
    edit('web/flows/price-refund.ts', ' || (await maybeMeantTwice(deps, refund))', ''),
  ),
  source(
    {
      id: 'X224',
      guard: 'a step does not put back what it read before the payment moved',
      ...{ test: 'test/db/payments.test.ts', named: 'does not put back what it was' },
    },
    edit('web/db/payments.ts', 'lease_no = lease_no + 1, attempts = 0,', 'attempts = 0,'),
  ),
  source(
    {
      id: 'X194',
      guard: 'a request that is never begun binds nobody for longer than a week',
      ...{ test: ofSigner, named: 'not begun for a week' },
    },
    edit('web/signer/work.ts', 'if (isOld && sinceMs', 'if (isOld && false && sinceMs'),
  ),
];

export const ofTheRefunds: readonly Mutant[] = [...owed, ...claimed, ...reserved, ...sent, ...lost];
