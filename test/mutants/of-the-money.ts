// Guards of what was paid: what counts as money, where it is booked, and whom it belongs to.
import { database, edit, source, type Mutant } from './mutant.ts';

const invoices = 'web/db/invoices.ts';
const ofPayments = 'test/db/payments.test.ts';
const noProof = 'no proof, too little, or another node: nothing changes';
const overpaid = 'too much and a second invoice are overpaid';
const money = 'only "settled" with a preimage and enough is money';

const withoutConstraint = 'alter table invoice drop constraint invoice_settled_has_proof;';

const proofs: readonly Mutant[] = [
  database({
    id: 'M06',
    guard: 'no settled invoice without its preimage, by the database',
    sql: withoutConstraint,
    ...{ test: ofPayments, named: noProof },
  }),
  database(
    {
      id: 'M06b',
      guard: 'no settlement without its preimage: the statement and the database',
      sql: withoutConstraint,
      ...{ test: ofPayments, named: noProof },
    },
    edit(invoices, "and sha256(decode(s.preimage, 'hex')) = i.hash and s", 'and s'),
  ),
  source(
    {
      id: 'M06c',
      guard: 'a secret that does not fit the hash is none, wherever a node says it',
      ...{ test: 'test/lightning/node.test.ts', named: 'settled with too little, with a wrong' },
    },
    edit(
      'web/lightning/observation.ts',
      'return fits ? preimage(',
      'return fits || true ? preimage(',
    ),
  ),
  database(
    {
      id: 'M06d',
      guard: 'no money on a secret that does not fit: every one of the four looks at it',
      sql: withoutConstraint,
      ...{ test: 'test/peers/buyers.test.ts', named: 'R15 parts of one payment' },
    },
    edit(invoices, "and sha256(decode(s.preimage, 'hex')) = i.hash and s", 'and s'),
    edit(
      'web/lightning/observation.ts',
      'return fits ? preimage(',
      'return fits || true ? preimage(',
    ),
    edit(
      'web/flows/observe-invoice.ts',
      "return createHash('sha256').update(seen.preimage, 'hex').digest('hex') === seen.hash;",
      'return true;',
    ),
  ),
  database(
    {
      id: 'M22',
      guard: 'no settlement of less than was asked: the statement and the database',
      sql: withoutConstraint,
      ...{ test: ofPayments, named: noProof },
    },
    edit(invoices, 's.paid_msat >= i.amount_msat', 's.paid_msat >= 0'),
  ),
  source(
    {
      id: 'M22b',
      guard: 'a node that says less than was asked is not believed',
      ...{ test: 'test/core/payment.test.ts', named: money },
    },
    edit('web/core/invoice.ts', 'if (seen.receivedMsat < invoice.amountMsat) {', 'if (false) {'),
  ),
  source(
    {
      id: 'X10',
      guard: 'an answer about another hash is not believed',
      ...{ test: 'test/core/payment.test.ts', named: money },
    },
    edit('web/core/invoice.ts', 'if (seen.hash !== invoice.hash)', 'if (false)'),
  ),
  source(
    {
      id: 'X11',
      guard: 'money is recorded from the node that made the invoice',
      ...{ test: ofPayments, named: noProof },
    },
    edit(invoices, 'where s.node_id = (select id from owner) and i.state', 'where i.state'),
  ),
];

const books: readonly Mutant[] = [
  source(
    {
      id: 'M23',
      guard: 'what was paid too much is booked as overpaid',
      ...{ test: ofPayments, named: overpaid },
    },
    edit(
      invoices,
      "'overpaid:' || shop_id, paid_msat - amount_msat from first",
      "'overpaid:' || shop_id, paid_msat - amount_msat from first where false",
    ),
  ),
  source(
    {
      id: 'M24',
      guard: 'what is paid a second time is booked as overpaid',
      ...{ test: ofPayments, named: overpaid },
    },
    edit(
      invoices,
      "'overpaid:' || shop_id, paid_msat from again) b",
      "'overpaid:' || shop_id, paid_msat from again where false) b",
    ),
  ),
  source(
    {
      id: 'M24b',
      guard: 'who pays a second time asks for a person',
      ...{ test: 'test/db/settle-race.test.ts', named: 'a second settlement that waited' },
    },
    edit(invoices, "attention = coalesce(p.attention, 'overpaid')", 'attention = p.attention'),
  ),
  source(
    {
      id: 'M25',
      guard: 'money that comes while the order closes is the order’s',
      ...{ test: 'test/db/settle-race.test.ts', named: 'waited for the closing of its payment' },
    },
    edit(
      invoices,
      "where was in ('open', 'held', 'closing') order by",
      "where was in ('open') order by",
    ),
  ),
  source(
    {
      id: 'X12',
      guard: 'a settlement reads its payment under the lock',
      ...{ test: 'test/db/settle-race.test.ts', named: 'waited for the closing of its payment' },
    },
    edit(invoices, 'order by p.id, i.id for no key update of p, i),', 'order by p.id, i.id),'),
  ),
  source(
    {
      id: 'M28',
      guard: 'the next step is put into the queue with the money',
      ...{ test: ofPayments, named: 'a settlement moves, books and nudges once' },
    },
    edit(
      invoices,
      "select nudge(array_agg(lane), now() + $12 * interval '1 ms') as n from moved",
      'select $12::int as n from moved',
    ),
  ),
  source(
    {
      id: 'M28b',
      guard: 'the node’s lane is nudged with the closing of a payment',
      ...{ test: ofPayments, named: 'closing without an invoice lapses at once' },
    },
    edit('web/db/payments.ts', '  await nudge(on, lanes);\n', ''),
  ),
  source(
    {
      id: 'X13',
      guard: 'an old amount gets no price',
      ...{ test: ofPayments, named: 'an edited order ends the invoice' },
    },
    edit(invoices, 'and owed_minor = $2 and currency = $3', "and $2::bigint > 0 and $3 <> ''"),
  ),
  source(
    {
      id: 'X14',
      guard: 'of the tabs of one purchase the first that is paid has it, with the money',
      ...{ test: 'test/flows/paid-tabs.test.ts', named: 'the group is taken with the money' },
    },
    edit(
      invoices,
      'from moved where group_key is not null\n',
      'from moved where group_key is not null and false\n',
    ),
  ),
];

const prices: readonly Mutant[] = [
  source(
    {
      id: 'M45',
      guard: 'no node is asked for an invoice without an amount',
      ...{
        test: 'test/contract/lightning-node.simulator.test.ts',
        named: 'the amount 0n is a defect',
      },
    },
    edit(
      'web/lightning/node.ts',
      "typeof amountMsat === 'bigint' && amountMsat > 0n,",
      "typeof amountMsat === 'bigint',",
    ),
  ),
  source(
    {
      id: 'M46',
      guard: 'a price is one that two sources agree on',
      ...{ test: 'test/core/quote.test.ts', named: 'is refused with its reason' },
    },
    edit(
      'web/core/quote.ts',
      'if (new Set(near.map((price) => price.source)).size < policy.quorum) {',
      'if (near.length === 0) {',
    ),
  ),
  source(
    {
      id: 'M46b',
      guard: 'one source alone is no price: the count of those heard, and of those that agree',
      ...{ test: 'test/core/quote.test.ts', named: 'one source is refused with its reason' },
    },
    edit('web/core/quote.ts', 'if (heard < policy.quorum) {', 'if (heard < 1) {'),
    edit(
      'web/core/quote.ts',
      'if (new Set(near.map((price) => price.source)).size < policy.quorum) {',
      'if (near.length === 0) {',
    ),
  ),
  source(
    {
      id: 'X15',
      guard: 'a price that is old is none',
      ...{ test: 'test/core/quote.test.ts', named: 'stale ones is refused with its reason' },
    },
    edit('web/core/quote.ts', '<= policy.freshMs)', '<= policy.freshMs * 1_000)'),
  ),
  source(
    {
      id: 'X16',
      guard: 'sats are rounded up',
      ...{ test: 'test/core/quote.test.ts', named: 'rounded up to a satoshi' },
    },
    edit(
      'web/core/quote.ts',
      'return msat(dividedRoundedUp(fraction.msat, fraction.by * MSAT_PER_SAT) * MSAT_PER_SAT);',
      'return msat((fraction.msat / (fraction.by * MSAT_PER_SAT)) * MSAT_PER_SAT);',
    ),
  ),
  source(
    {
      id: 'X40',
      guard: 'a discount takes sats off, and a markup adds them',
      ...{ test: 'test/core/quote.test.ts', named: 'exact to the satoshi, rounded up once' },
    },
    edit(
      'web/core/quote.ts',
      'return WHOLE_BP + BigInt(adjustmentBp);',
      'return WHOLE_BP - BigInt(adjustmentBp);',
    ),
  ),
  source(
    {
      id: 'X41',
      guard: 'the evidence of a quote has what the shop added to the market price',
      ...{ test: 'test/flows/quote-adjustment.test.ts', named: 'other sats, the same order' },
    },
    edit('web/db/invoices.ts', 'adjustmentBasisPoints: made.adjustmentBp,', ''),
  ),
  source(
    {
      id: 'X42',
      guard: 'who speaks alone is near to what a quorum agreed on, and not to itself',
      ...{ test: 'test/flows/quote-alone.test.ts', named: 'is no step for the next one' },
    },
    edit('web/db/quotes.ts', " and q.evidence -> 'alone' is null", ''),
  ),
  source(
    {
      id: 'X43',
      guard: 'who speaks alone does so near to the last agreed price',
      ...{ test: 'test/core/quote.test.ts', named: 'the price is within the bound' },
    },
    edit(
      'web/core/quote.ts',
      'if (offOf(nearest) * 10_000n > before.priceE8 * BigInt(driftBasisPoints)) return undefined;',
      '',
    ),
  ),
  source(
    {
      id: 'M50',
      guard: 'a test payment reaches no mainnet node',
      ...{
        test: 'test/flows/serve-session.test.ts',
        named: 'a test session never goes to a mainnet node',
      },
    },
    edit(
      'web/flows/serve-session.ts',
      '[(node) => !isMainnet(node)] : [isAny]',
      '[isAny] : [isAny]',
    ),
  ),
  source(
    {
      id: 'M50b',
      guard: 'real money is never taken in free coins in production',
      ...{ test: 'test/flows/serve-session.test.ts', named: 'without a mainnet node real money' },
    },
    edit(
      'web/flows/serve-session.ts',
      'return deps.realMoneyOnly ? [isMainnet] : [isMainnet, isAny];',
      'return [isMainnet, isAny];',
    ),
  ),
];

const answers: readonly Mutant[] = [
  source(
    {
      id: 'M51',
      guard: 'what came since a person looked is not answered',
      ...{
        test: 'test/flows/answer-attention.test.ts',
        named: 'what comes meanwhile is asked for anew',
      },
    },
    edit('web/db/attentions.ts', 'if (isAboutMoney && owedMsat !== seenMsat) return false;', ''),
  ),
  source(
    {
      id: 'M52',
      guard: 'nothing is recorded while a person answers',
      ...{
        test: 'test/flows/answer-attention.test.ts',
        named: 'money that is being recorded in the moment of the answer',
      },
    },
    edit(
      'web/db/attentions.ts',
      "and state <> 'stranded' for no key update`",
      "and state <> 'stranded'`",
    ),
  ),
];

export const ofTheMoney: readonly Mutant[] = [...proofs, ...books, ...prices, ...answers];
