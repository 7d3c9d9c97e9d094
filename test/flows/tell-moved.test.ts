// The order moves while we are about to tell of it: what Shopify says at that moment counts, and
// its no is never taken for a yes.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { PaymentRow } from '../../web/db/payments.ts';
import type { StepEnd } from '../../web/flows/flow.ts';
import { lookAtInvoice } from '../../web/flows/look-at-invoice.ts';
import { tellShopify } from '../../web/flows/tell-shopify.ts';
import { startInProcess, type InProcess, type Open } from '../in-process.ts';
import { until } from '../worker/play.ts';

let our: InProcess;
beforeAll(async () => {
  our = await startInProcess();
});
afterAll(async () => {
  await our.close();
});
beforeEach(() => {
  our.shopify.faults.clear();
});

async function aPaidOne(): Promise<Open> {
  const open = await our.anOrder();
  const { id, request } = await our.quoted(open.payment.id);
  expect(await our.lnd.pay(request)).toMatchObject({ ok: true });
  await our.runStep(lookAtInvoice, { table: 'invoice', id, lane: our.nodeLane(our.node.id) });
  return open;
}
const tell = ({ id }: PaymentRow): Promise<StepEnd> =>
  our.runStep(tellShopify, { table: 'payment', id, lane: our.shopLane(our.shop.id) });

test('an order that became dearer is told the part that was paid', async () => {
  const { payment, orderId } = await aPaidOne();
  our.shopify.edit(orderId, { add: [{ title: 'A further one', price: '9.00' }] });
  await tell(payment);
  const told = { state: 'resolved', reason: 'told_part', toldMinor: 2_100n };
  expect(await our.read(payment.id)).toMatchObject(told);
  expect(our.shopify.order(orderId)).toMatchObject({ received: '21.00' });
});

test('an order that a card pays between our look and our word is no order of ours', async () => {
  const { payment, orderId } = await aPaidOne();
  // Shopify has looked, and its answer takes a moment to arrive.
  our.shopify.faults.add({ kind: 'slow', operation: 'OrderById', delayMs: 2_500 });
  const reads = (): number =>
    our.shopify.log.filter((entry) => JSON.stringify(entry).includes('OrderById')).length;
  const before = reads();
  const telling = tell(payment);
  await until('the order is read', () => reads() > before);
  our.shopify.payByCard(orderId);
  await telling;
  expect(await our.read(payment.id)).toMatchObject({
    ...{ state: 'stranded', reason: 'order_paid_otherwise', attention: 'stranded' },
    toldMinor: null,
  });
  const history = await our.db.prisma.history.findMany({ where: { paymentId: payment.id } });
  // It was said, and refused.
  expect(history.map(({ what }) => what)).toContain('tell_refused');
});
