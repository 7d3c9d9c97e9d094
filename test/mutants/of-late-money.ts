// Guards of money that came late: taken once, for an order that still wants it, or given back.
import { database, edit, source, type Mutant } from './mutant.ts';

const late = 'web/db/late.ts';
const ofLate = 'web/core/late.ts';
const ofMoneyLate = 'test/db/late.test.ts';
const ofLateCore = 'test/core/late.test.ts';

export const ofLateMoney: readonly Mutant[] = [
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
    edit(late, ' and i.amount_msat <= ${stillOwed}', ''),
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
    edit(late, ' and i.amount_msat <= ${stillOwed}', ''),
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
  source(
    {
      id: 'X150',
      guard: 'of several late payments the newest that is still owed is taken',
      ...{ test: ofMoneyLate, named: 'what came first was given back' },
    },
    edit(late, 'order by i.settled_at desc, i.id desc limit 1', 'order by i.settled_at limit 1'),
    edit(late, ' and i.amount_msat <= ${stillOwed}', ''),
  ),
  source(
    {
      id: 'X133',
      guard: 'late money goes back once the policy has decided not to take it',
      ...{ test: ofMoneyLate, named: 'and none goes back before' },
    },
    edit(late, 'and not ($4 and p.shop_id', 'and not (false and $4 and p.shop_id'),
  ),
  source(
    {
      id: 'X210',
      guard: 'a marking by hand counts from when the money came',
      ...{
        test: 'test/flows/told-by-others.test.ts',
        named: 'before the money came it was for something else',
      },
    },
    edit('web/core/payment.ts', 'at >= by.since &&', ''),
  ),
  database({
    id: 'X211',
    guard: 'one sale is of one payment',
    sql: 'drop index payment_told_sale;',
    ...{
      test: 'test/flows/told-by-others.test.ts',
      named: 'of two payments of an order none takes the other',
    },
  }),
  source(
    {
      id: 'X212',
      guard: 'a sale of another payment of the order is not ours',
      ...{
        test: 'test/flows/told-by-others.test.ts',
        named: 'of two payments of an order none takes the other',
      },
    },
    edit('web/flows/tell-shopify.ts', '...(others?.saleIds ?? [])', ''),
  ),
  source(
    {
      id: 'X213',
      guard: 'our own marking stands under the name that the method had',
      ...{
        test: 'test/flows/told-by-others.test.ts',
        named: 'an order that grew meanwhile is not told a second time',
      },
    },
    edit('web/flows/tell-shopify.ts', 'openedMethodName ?? methodName]', 'methodName]'),
  ),
  source(
    {
      id: 'X214',
      guard: 'what a person saw paid is no policy’s to give back',
      ...{
        test: 'test/flows/node-gone.test.ts',
        named: 'what a person saw paid is not given back by the policy',
      },
    },
    edit('web/db/late.ts', "('order_gone', 'seen_paid')", "('order_gone')"),
  ),
  source(
    {
      id: 'X215',
      guard: 'one no of Shopify ends no refund',
      ...{
        test: 'test/flows/refund-sessions.test.ts',
        named: 'one no of Shopify is not believed',
      },
    },
    edit(
      'web/flows/tell-refund.ts',
      'isFinalNo(times) && sinceMs >= believeRefusalMs',
      'times > 0 && sinceMs >= believeRefusalMs',
    ),
  ),
  source(
    {
      id: 'X222',
      guard: 'a refund of Shopify that comes to nothing asks a person',
      ...{
        test: 'test/flows/refunds.test.ts',
        named: 'not claimed in time asks the merchant',
      },
    },
    edit('web/flows/tell-refund.ts', "isForPerson ? 'refund_undone' : undefined", 'undefined'),
  ),
  source(
    {
      id: 'X223',
      guard: 'that Shopify told of a refund is not overwritten by another word of its order',
      ...{
        test: 'test/flows/refunds.test.ts',
        named: 'of an order that Shopify does not show any more',
      },
    },
    edit('web/db/sightings.ts', "('app/uninstalled', 'refunds/create')", "('app/uninstalled')"),
  ),
  source(
    {
      id: 'X216',
      guard: 'no money is taken for an order that Shopify may be cancelling',
      ...{
        test: 'test/flows/cancel-unpaid-order.test.ts',
        named: 'is taken for no order yet',
      },
    },
    edit('web/db/late.ts', 'if (mine.isBeingCancelled) return false;', ''),
  ),
  source(
    {
      id: 'X217',
      guard: 'the rest of an order that a person may have marked is no policy’s to give back',
      ...{
        test: 'test/flows/told-by-others.test.ts',
        named: 'or was paid with a card: nobody can say which',
      },
    },
    edit('web/db/late.ts', ' or x.told_at < p.opened_at', ''),
  ),
  source(
    {
      id: 'X218',
      guard: 'what Shopify never took leaves its purchase to be paid anew',
      ...{
        test: 'test/flows/holds.test.ts',
        named: 'its purchase can be paid anew',
      },
    },
    edit(
      'web/db/invoices.ts',
      'if (isOver) await freeGroup(on, paymentId, { unlessAuthorized: true });',
      '',
    ),
  ),
];
