// Guards on the way: what is asked of the node and of Shopify, in which order, and what their
// silence means.
import { edit, source, type Mutant } from './mutant.ts';

const buyers = 'test/peers/buyers.test.ts';
const cursorTest = 'test/worker/settle-cursor.test.ts';
const cursor = 'web/worker/settle-cursor.ts';
const trouble = 'test/shopify/trouble.test.ts';

const node: readonly Mutant[] = [
  source(
    {
      id: 'M16',
      guard: 'the hash is stored before the node is asked',
      ...{ test: 'test/flows/hash-first.test.ts', named: 'its hash is stored while the node is' },
    },
    edit(
      'web/flows/quote-invoice.ts',
      '  const id = await makeInvoice(deps.db, {\n',
      `  await (await deps.nodes.of(nodeId)).createInvoice({
    ...{ hash, preimage: Buffer.from(secret).toString('hex') as never, memo: '' },
    ...{ amountMsat: quote.amountMsat, expirySeconds: 600 },
  });
  const id = await makeInvoice(deps.db, {\n`,
    ),
  ),
  source(
    {
      id: 'M17',
      guard: 'an invoice that may have been made is read back',
      ...{ test: 'test/contract/lightning-node.simulator.test.ts', named: 'the same wish twice' },
    },
    edit(
      'web/lightning/node.ts',
      "if (seen !== 'not_found') return { ...seen, before: true };",
      'if (seen === undefined) return seen;',
    ),
  ),
  source(
    {
      id: 'M18',
      guard: 'an invoice ends on the node’s word: the cancel call is not believed',
      ...{ test: buyers, named: 'R03 the cancel is believed while the buyer pays' },
    },
    edit(
      'web/flows/close-invoice.ts',
      '  await node.askToCancel(invoice.hash);\n  return lookNow(deps, invoice);',
      `  await node.askToCancel(invoice.hash);
  const { id, paymentId } = invoice;
  await invoiceIsCanceled(deps.db, { id, paymentId, because: 'node_says_canceled' });
  return true;`,
    ),
  ),
  source(
    {
      id: 'M19',
      guard: 'an invoice ends on the node’s word: our clock is not believed',
      ...{ test: buyers, named: 'R03 the price ran out by our clock while the buyer paid' },
    },
    edit(
      'web/flows/look-at-invoice.ts',
      "  if (await closeInvoice(deps, invoice, 'quote_over')) return 'stored';",
      `  const { id, paymentId } = invoice;
  if (await invoiceIsCanceled(deps.db, { id, paymentId, because: 'node_says_canceled' })) {
    return 'stored';
  }`,
    ),
  ),
  source(
    {
      id: 'X20',
      guard: '"not found" ends an invoice only while its stream is whole',
      ...{ test: 'test/core/payment.test.ts', named: '"not found" is the node\'s word only' },
    },
    edit(
      'web/core/invoice.ts',
      'if (!sameIdentity || restoreSuspected || !isHeardWell(evidence, now)) return false;',
      'if (!sameIdentity || restoreSuspected) return false;',
    ),
  ),
  source(
    {
      id: 'X21',
      guard: 'another node behind the same address is noticed by what it signs',
      ...{ test: 'test/lightning/bolt11.test.ts', named: 'a difference from what was asked' },
    },
    edit(
      'web/lightning/bolt11.ts',
      "if (asked.identity !== undefined && read.payee !== asked.identity) return 'identity';",
      '',
    ),
  ),
  source(
    {
      id: 'M43',
      guard: 'an address is looked at again at each connection',
      ...{
        test: 'test/lightning/node.test.ts',
        named: 'a private address is refused at each call',
      },
    },
    edit(
      'web/lightning/node.ts',
      'const pinning = await pinAddress({ allowPrivate, resolve }, address);',
      'const pinning = await pinAddress({ allowPrivate: true, resolve }, address);',
    ),
  ),
  source(
    {
      id: 'X22',
      guard: 'a credential that can spend is refused',
      ...{ test: 'test/lightning/gate.test.ts', named: 'admin.macaroon is refused' },
    },
    edit(
      'web/lightning/gate.ts',
      'filter((operation) => !within.has(operation));',
      'filter((operation) => !within.has(operation) && operation === undefined);',
    ),
  ),
];

const streams: readonly Mutant[] = [
  source(
    {
      id: 'M12',
      guard: 'the cursor is the unbroken prefix, and not the highest number',
      ...{ test: cursorTest, named: 'is the top of the unbroken prefix' },
    },
    edit(
      cursor,
      'return runFrom(from, (index) => waiting.has(index) || fresh.has(index));',
      'return [from, ...waiting, ...fresh].sort(ascending).at(-1) ?? from;',
    ),
  ),
  source(
    {
      id: 'M12b',
      guard: 'the cursor stays below what could not be recorded',
      ...{ test: cursorTest, named: 'stays below what could not be recorded' },
    },
    edit(
      cursor,
      'first === undefined || first > index ? index : first - 1n;',
      'first === undefined ? index : index;',
    ),
  ),
  source(
    {
      id: 'M14',
      guard: 'every invoice is looked at before a hole is passed',
      ...{ test: 'test/peers/streams.test.ts', named: 'R07 a number is missing' },
    },
    edit('web/worker/recording.ts', '    await lookAtAll(follow.deps, follow.lease.nodeId);\n', ''),
  ),
  source(
    {
      id: 'M47',
      guard: 'a stream that ends politely has ended',
      ...{ test: 'test/contract/lightning-node.simulator.test.ts', named: 'a clean stop between' },
    },
    edit(
      'web/lightning/settle-stream.ts',
      "call.on('end', () => end(",
      "call.on('never', () => end(",
    ),
  ),
  source(
    {
      id: 'M48',
      guard: 'a node whose numbers went back is noticed',
      ...{ test: cursorTest, named: 'tells a repeated event from a counter that went back' },
    },
    edit(
      cursor,
      'return !empty.some(({ from, to }) => from <= index && index <= to);',
      'return empty.some(({ from }) => from < 0n);',
    ),
  ),
  source(
    {
      id: 'X23',
      guard: 'what could not be recorded is not taken for recorded',
      ...{ test: 'test/peers/streams.test.ts', named: 'R05 one settle fails' },
    },
    edit(
      'web/worker/recording.ts',
      "if (event.is === 'settle') follow.cursor.failed([event.seen]);",
      "if (event.is === 'settle') follow.cursor.recorded([event.seen]);",
    ),
  ),
];

const shop: readonly Mutant[] = [
  source(
    {
      id: 'M20',
      guard: 'an answer that was lost says: look first',
      ...{ test: trouble, named: 'an answer that is lost after the effect says: ask again' },
    },
    edit(
      'web/shopify/answers.ts',
      "return unclear(error.failure === 'timeout' ? 'timeout' : 'answer_cut', {\n    away: true,",
      "return trouble(error.failure === 'timeout' ? 'timeout' : 'answer_cut', {\n" +
        "    then: 'give_up',",
    ),
  ),
  source(
    {
      id: 'M31',
      guard: 'points are reserved while a call is under way',
      ...{ test: 'test/shopify/throttle.test.ts', named: 'calls under way count' },
    },
    edit('web/shopify/throttle.ts', 'underWay += points;', ''),
  ),
  source(
    {
      id: 'M32',
      guard: 'to be told to wait is no attempt',
      ...{ test: trouble, named: 'THROTTLED to a marking' },
    },
    edit(
      'web/shopify/answers.ts',
      "trouble('throttled', { then: 'retry', waitMs });",
      "trouble('throttled', { then: 'retry', waitMs, away: false });",
    ),
  ),
  source(
    {
      id: 'M33',
      guard: 'Shopify’s no is looked into before anything is concluded',
      ...{ test: 'test/flows/tell-moved.test.ts', named: 'a card pays between our look and our' },
    },
    edit(
      'web/flows/tell-shopify.ts',
      "if (outcome.is === 'done') {",
      "if (outcome.is !== 'never') {",
    ),
  ),
  source(
    {
      id: 'M34',
      guard: 'the order is read again before it is told',
      ...{ test: 'test/flows/tell-moved.test.ts', named: 'an order that became dearer' },
    },
    edit(
      'web/flows/tell-shopify.ts',
      'const order = await storefront.readOrder(payment.originId);',
      `const order = {
    ...(await storefront.readOrder(payment.originId) as OrderReading),
    ...{ outstandingMinor: payment.owedMinor, cancelled: false, canMarkAsPaid: true },
  };`,
    ),
  ),
  source(
    {
      id: 'X24',
      guard: 'a sale of ours that was not there before is our own lost answer',
      ...{
        test: 'test/core/payment.test.ts',
        named: 'marked by our own call whose answer was lost',
      },
    },
    edit('web/core/payment.ts', '!about.salesBefore.includes(sale.id) &&', ''),
  ),
  source(
    {
      id: 'X25',
      guard: 'a part that was sent is not sent again before it can be seen',
      ...{
        test: 'test/flows/tell-shopify.test.ts',
        named: 'a part that was sent is not sent again',
      },
    },
    edit(
      'web/flows/tell-shopify.ts',
      "if (verdict.do === 'record_part' && sentAgoMs < partAgainMs) {",
      "if (verdict.do === 'record_part' && sentAgoMs < 0) {",
    ),
  ),
  source(
    {
      id: 'X26',
      guard: 'an order that is not returned once is not gone',
      ...{ test: 'test/core/payment.test.ts', named: 'cancelled and gone are final' },
    },
    edit(
      'web/core/payment.ts',
      'return about.settledAgoMs < goneForGoodMs',
      'return about.settledAgoMs < 0',
    ),
  ),
  source(
    {
      id: 'X27',
      guard: 'what Shopify has as paid beyond what was paid is shown to a person',
      ...{
        test: 'test/flows/tell-shopify.test.ts',
        named: 'an order that grows while it is marked',
      },
    },
    edit(
      'web/flows/tell-shopify.ts',
      "return verdict.toldMinor > paidMinor ? 'marked_too_much' : undefined;",
      'return undefined;',
    ),
  ),
];

const givenBack = (dueInMs: '0' | 'undefined', attempt: boolean): string =>
  `giveBack(deps.db.pool, row, { dueInMs: ${dueInMs}, attempt: ${String(attempt)} });
    return { is: 'away'`;
const afterTrouble = 'test/worker/after-trouble.test.ts';
const lanes: readonly Mutant[] = [
  source(
    {
      id: 'M30',
      guard: 'a step that failed is due again',
      ...{ test: afterTrouble, named: 'a step that failed (retry) is due again' },
    },
    edit(
      'web/worker/work-row.ts',
      'await giveBack(deps.db.pool, row, { dueInMs, attempt: true });',
      'await giveBack(deps.db.pool, row, { dueInMs: undefined, attempt: true });',
    ),
  ),
  source(
    {
      id: 'M53',
      guard: 'a removal that is told twice ends no later installation',
      ...{ test: 'test/flows/shop.test.ts', named: 'a removal told twice ends what was before it' },
    },
    edit('web/flows/forget-shop.ts', 'shop.installedAt < sighting.seenAt;', 'true;'),
  ),
  source(
    {
      id: 'M49',
      guard: 'a lane that is closed postpones its rows, and drops none',
      ...{ test: afterTrouble, named: 'a shop that is away pauses its lane' },
    },
    edit('web/worker/work-row.ts', givenBack('0', false), givenBack('undefined', false)),
  ),
  source(
    {
      id: 'M49b',
      guard: 'a lane that is closed burns no attempt',
      ...{ test: afterTrouble, named: 'a shop that is away pauses its lane' },
    },
    edit('web/worker/work-row.ts', givenBack('0', false), givenBack('0', true)),
  ),
  source(
    {
      id: 'X227',
      guard: 'a comparison that was asked for while another began is not forgotten',
      ...{ test: 'test/flows/reconcile.test.ts', named: 'again after ten minutes' },
    },
    edit(
      'web/db/reconciliations.ts',
      'and reconcile_at = $2::timestamptz',
      'and $2::timestamptz is not null',
    ),
  ),
  source(
    {
      id: 'X228',
      guard: 'the holder of a lane finds what another process made due',
      ...{ test: 'test/worker/turn.test.ts', named: 'finds by itself what another process' },
    },
    edit('web/worker/turn.ts', 'turn.again || looks)) {', 'turn.again)) {'),
  ),
  source(
    {
      id: 'X229',
      guard: 'what could not be looked at stays as open as it was',
      ...{ test: 'test/flows/nodes-kept.test.ts', named: 'stays as open as it was' },
    },
    edit('web/wiring.ts', 'if (isKept) kept.set(nodeId,', 'if (!isKept) kept.set(nodeId,'),
  ),
];

export const ofTheWay: readonly Mutant[] = [...node, ...streams, ...shop, ...lanes];
