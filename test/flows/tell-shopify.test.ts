// The money is there, and Shopify is told: what is not known for certain is waited for, and nothing
// is recorded twice, whatever the merchant renames meanwhile.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { Trouble } from '../../web/core/trouble.ts';
import type { PaymentRow } from '../../web/db/payments.ts';
import { nameMethod } from '../../web/db/shops.ts';
import type { Deps, StepEnd } from '../../web/flows/flow.ts';
import { lookAtInvoice } from '../../web/flows/look-at-invoice.ts';
import { tellShopify } from '../../web/flows/tell-shopify.ts';
import { startInProcess, type InProcess, type Open } from '../in-process.ts';

let our: InProcess;
beforeAll(async () => {
  our = await startInProcess();
});
afterAll(async () => {
  await our.close();
});
beforeEach(async () => {
  our.shopify.faults.clear();
  await nameMethod(our.db, our.shop.id, our.shop.methodName);
});

const part = 'orderCreateManualPayment';
const calls = (operation: string): number =>
  our.shopify.log.filter((entry) => JSON.stringify(entry).includes(operation)).length;

/** An order whose buyer has paid, as the node says. */
async function aPaidOne(): Promise<Open> {
  const open = await our.anOrder();
  const { id, request } = await our.quoted(open.payment.id);
  expect(await our.lnd.pay(request)).toMatchObject({ ok: true });
  await our.runStep(lookAtInvoice, { table: 'invoice', id, lane: our.nodeLane(our.node.id) });
  expect((await our.read(open.payment.id)).state).toBe('settled');
  return open;
}
/** The same, and then the order became dearer: what was paid is a part of it. */
async function aPaidPart(): Promise<Open> {
  const open = await aPaidOne();
  our.shopify.edit(open.orderId, { add: [{ title: 'A further one', price: '9.00' }] });
  return open;
}
const tell = ({ payment }: { payment: PaymentRow }, on?: Deps): Promise<StepEnd> =>
  our.runStep(
    tellShopify,
    { table: 'payment', id: payment.id, lane: our.shopLane(our.shop.id) },
    on,
  );
const stateOf = async ({ payment }: Open): Promise<string> => (await our.read(payment.id)).state;

test('an answer that was lost is found under the name that the method had then', async () => {
  const paid = await aPaidPart();
  our.shopify.faults.add({ kind: 'reset', operation: part, when: 'after' });
  await expect(tell(paid)).rejects.toBeInstanceOf(Trouble);
  expect(our.shopify.effects.payments(paid.orderId)).toBe(1);
  await nameMethod(our.db, our.shop.id, 'Bitcoin, instantly');
  await tell(paid);
  expect(await our.read(paid.payment.id)).toMatchObject({ state: 'resolved', toldMinor: 2_100n });
  expect(our.shopify.effects.payments(paid.orderId)).toBe(1);
});

test('a part that was sent is not sent again for a minute: it may still be applied', async () => {
  const paid = await aPaidPart();
  our.shopify.faults.add({ kind: 'reset', operation: part, when: 'before' });
  await expect(tell(paid)).rejects.toBeInstanceOf(Trouble);
  const sent = calls(part);
  const end = await tell(paid);
  expect(end).toMatchObject({ attempt: false });
  const { dueInMs } = end as { dueInMs: number };
  expect(dueInMs).toBeGreaterThan(30_000);
  expect(dueInMs).toBeLessThanOrEqual(60_000);
  expect(calls(part)).toBe(sent);
  expect(await stateOf(paid)).toBe('settled');

  await tell(paid, our.later(61_000));
  expect(calls(part)).toBeGreaterThan(sent);
  expect(await stateOf(paid)).toBe('resolved');
  expect(our.shopify.effects.payments(paid.orderId)).toBe(1);
});

test('an order that is not returned is waited for; after an hour a person looks', async () => {
  const paid = await aPaidOne();
  const hidden = our.shopify.faults.add({ kind: 'order-not-by-id', times: 1_000 });
  for (const ageMs of [0, 59 * 60_000]) {
    expect(await tell(paid, our.later(ageMs))).toMatchObject({ dueInMs: 30_000, attempt: true });
    expect(await stateOf(paid)).toBe('settled');
  }
  hidden.remove();
  // It was there all the time.
  await tell(paid);
  expect(await stateOf(paid)).toBe('resolved');

  const lost = await aPaidOne();
  our.shopify.remove(lost.orderId);
  await tell(lost, our.later(61 * 60_000));
  expect(await our.read(lost.payment.id)).toMatchObject({
    state: 'stranded',
    reason: 'order_gone',
    attention: 'stranded',
  });
});

/** The merchant adds something in the very moment in which the order is marked. */
function editedMeanwhile(): Deps {
  const { storefronts } = our.deps;
  const of: Deps['storefronts']['of'] = async (shopId) => {
    const storefront = await storefronts.of(shopId);
    const markPaid: typeof storefront.markPaid = (originId) => {
      our.shopify.edit(originId, { add: [{ title: 'A further one', price: '9.00' }] });
      return storefront.markPaid(originId);
    };
    return { ...storefront, markPaid };
  };
  return { ...our.deps, storefronts: { of } };
}

test.each(['is heard', 'is lost'] as const)(
  'an order that grows while it is marked: what was recorded is told of, and the answer %s',
  async (how) => {
    const paid = await aPaidOne();
    if (how === 'is lost') {
      our.shopify.faults.add({ kind: 'reset', operation: 'orderMarkAsPaid', when: 'after' });
      await expect(tell(paid, editedMeanwhile())).rejects.toBeInstanceOf(Trouble);
      await tell(paid);
    } else {
      await tell(paid, editedMeanwhile());
    }
    expect(await our.read(paid.payment.id)).toMatchObject({
      ...{ state: 'resolved', toldMinor: 3_000n, attention: 'marked_too_much' },
    });
    expect(our.shopify.effects.payments(paid.orderId)).toBe(1);
  },
);
