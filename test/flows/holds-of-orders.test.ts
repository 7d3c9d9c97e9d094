// "Confirm before charging": the money of an order is held by the node until the merchant charges
// it or lets it go, by buttons of the admin; and whatever Shopify says of the order comes first.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { holdCltvBlocks, holdEndsSoonMs } from '../../web/core/hold.ts';
import type { Preimage } from '../../web/core/invoice.ts';
import { msat } from '../../web/core/money.ts';
import { audit } from '../../web/db/audit.ts';
import { holdIsLost } from '../../web/db/holds.ts';
import type { InvoiceRow } from '../../web/db/invoices.ts';
import { shopLane } from '../../web/db/lanes.ts';
import { answerAttention } from '../../web/flows/answer-attention.ts';
import { lookAtOrderNow } from '../../web/flows/look-at-order.ts';
import { placeOfPreimage } from '../../web/flows/quote-invoice.ts';
import { takeLatePayment } from '../../web/flows/take-late-payment.ts';
import type {
  HoldAskedAnswer,
  HoldsAnswer,
  HoldsSwitched,
} from '../../web/frontend/shared/holds-api.ts';
import type { PaymentAnswer, ShopAnswer } from '../../web/frontend/shared/merchant-api.ts';
import type { PayView } from '../../web/frontend/shared/pay-view.ts';
import { until } from '../world.ts';
import { openShop, type Bill, type Shop } from './cases-shop.ts';

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
  await shop.chooses({
    ...{ refundsOn: true, refundPricing: 'sats_paid', alertEmail: 'shop@zaptill.example' },
  });
});
afterAll(async () => {
  expect(await audit(shop.db)).toEqual([]);
  await shop.close();
});

const holds = () => shop.asMerchant<HoldsAnswer>('/api/holds');
const switchTo = (on: boolean) => shop.asMerchant<HoldsSwitched>('/api/holds', { on });
const macaroon = (name: 'receive-useful' | 'receive-and-hold', rootKeyId: string) => ({
  lndconnect: shop.lnd.lndconnect(shop.lnd.macaroon(name, { rootKeyId })),
});

test('it is off, and cannot be switched on with a credential that cannot hold', async () => {
  const { answer } = await holds();
  expect(answer).toMatchObject({ isOn: false, nodeCanHold: false });
  expect(answer.node?.address).toMatch(/:\d+$/);
  expect(answer.bake).toMatch(/Invoices\/AddHoldInvoice .*Invoices\/SettleInvoice/);
  const refused = await switchTo(true);
  expect(refused).toMatchObject({ status: 422, answer: { refusal: 'node_cannot_hold' } });
  expect((await holds()).answer.isOn).toBe(false);
  expect((await shop.quoted(await shop.anOrder())).hold).toBe(false);
});

const holding = ['receive-and-hold', { rootKeyId: '57201' }] as const;
test('a credential that can hold is taken when it is given for that alone', async () => {
  const given = macaroon('receive-and-hold', '57201');
  const plain = await shop.asMerchant('/api/node', given);
  expect(plain).toMatchObject({ status: 422, answer: { refusal: 'credential_can_spend' } });
  const lacking = await shop.asMerchant('/api/node', {
    ...{ ...macaroon('receive-useful', '57202'), forHolds: true },
  });
  expect(lacking).toMatchObject({ answer: { refusal: 'credential_lacks_permission' } });
  // The line prints a credential alone: where its node is, and by which certificate, is known.
  const { node } = (await holds()).answer;
  const certificate = '';
  const host = node?.address ?? '';
  const alone = { host, certificate, macaroon: shop.lnd.macaroon(...holding).toString('hex') };
  const unknown = await shop.asMerchant('/api/node', { ...alone, forHolds: true });
  expect(unknown).toMatchObject({ status: 422, answer: { refusal: 'certificate_wrong' } });
  const renewed = { ...alone, renews: node?.id, forHolds: true };
  const connected = async (): Promise<boolean> =>
    (await shop.asMerchant('/api/node', renewed)).status === 200;
  await until('the node is connected', connected, 60_000);
  expect((await holds()).answer.nodeCanHold).toBe(true);
  expect(await switchTo(true)).toMatchObject({ status: 200, answer: { ok: true, isOn: true } });
  const nodes = await shop.asMerchant<{ bake: string }>('/api/nodes');
  expect(nodes.answer.bake).toMatch(/AddHoldInvoice/);
});

type Paid = ReturnType<Shop['lnd']['pay']>;
async function held(total = '21.00'): Promise<{ bill: Bill; invoice: InvoiceRow; paid: Paid }> {
  const bill = await shop.anOrder({ total });
  const invoice = await shop.quoted(bill);
  expect(invoice.hold).toBe(true);
  const paid = shop.lnd.pay(shop.requestOf(invoice.hash));
  const atNode = (): string | undefined => shop.lnd.invoices.get(invoice.hash)?.state;
  await expect.poll(atNode, { timeout: 60_000 }).toBe('ACCEPTED');
  await shop.look(invoice);
  expect((await shop.stands(bill)).state).toBe('held');
  await shop.tell(bill);
  expect((await shop.stands(bill)).state).toBe('held');
  return { bill, invoice, paid };
}
const press = ({ paymentId }: Bill, what: 'charge' | 'let_go') =>
  shop.asMerchant<HoldAskedAnswer>(`/api/payments/${paymentId}/hold`, { do: what });
const requestsOf = ({ paymentId }: Bill) =>
  shop.db.prisma.holdRequest.findMany({ where: { paymentId }, orderBy: { id: 'asc' } });
async function answerAll(bill: Bill): Promise<void> {
  for (const { id, state } of await requestsOf(bill)) {
    if (state === 'done') continue;
    await shop.work({ table: 'hold_request', id, lane: shopLane(bill.shopId) });
  }
}
const shown = async ({ paymentId }: Bill): Promise<PaymentAnswer> =>
  (await shop.asMerchant<PaymentAnswer>(`/api/payments/${paymentId}`)).answer;
const page = async ({ paymentId }: Bill): Promise<PayView> => {
  const { link } = await shop.read(paymentId);
  return (await (await fetch(`${shop.appUrl}/pay/${link}/status`)).json()) as PayView;
};
const order = ({ originId }: Bill) => shop.shopify.order(originId);
/** As after a time in which Shopify did not answer for the order. */
const wishedBefore = ({ id }: InvoiceRow, ago: string): Promise<unknown> =>
  shop.db.pool.query('update invoice set capture_wanted_at = now() - $2::interval where id = $1', [
    id,
    ago,
  ]);
const look = (bill: Bill) => lookAtOrderNow(shop.deps, bill);

describe('with a node that can hold', () => {
  beforeAll(async () => {
    const given = { ...macaroon('receive-and-hold', '57201'), forHolds: true };
    const connected = async () => (await shop.asMerchant('/api/node', given)).status === 200;
    // A busy machine may take longer than a merchant would wait.
    await until('the node is connected', connected, 60_000);
    expect((await switchTo(true)).status).toBe(200);
  });

  test('charged: once, and Shopify has it as paid once', async () => {
    const { bill, invoice, paid } = await held();
    expect((await shop.again(invoice)).sealedPreimage).not.toBeNull();
    expect(await page(bill)).toMatchObject({ state: 'held', final: false });
    expect(await shown(bill)).toMatchObject({
      hold: { amountMsat: String(invoice.amountMsat), asked: null, outcome: null },
      invoices: [{ state: 'live', heldAt: (await shop.again(invoice)).heldAt?.toISOString() }],
    });
    const { answer } = await shop.asMerchant<ShopAnswer>('/api/shop');
    expect(answer.problems).toContainEqual(
      expect.objectContaining({ what: 'held', paymentId: bill.paymentId }),
    );

    const clicks = await Promise.all(Array.from({ length: 20 }, () => press(bill, 'charge')));
    expect(clicks.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200));
    expect(await requestsOf(bill)).toHaveLength(1);
    expect((await shown(bill)).hold).toMatchObject({ asked: 'charge' });
    expect(order(bill)?.financialStatus).toBe('PENDING');
    await answerAll(bill);
    await shop.look(invoice);
    await expect(paid).resolves.toMatchObject({ ok: true });
    await answerAll(bill);
    await shop.tell(bill);
    expect(await shop.stands(bill)).toEqual({ state: 'resolved', attention: null });
    expect(order(bill)?.financialStatus).toBe('PAID');
    expect(await shop.accountsOf(bill)).toEqual({ resolved: invoice.amountMsat });
    expect(await requestsOf(bill)).toMatchObject([{ state: 'done', outcome: 'captured' }]);
    expect(await press(bill, 'charge')).toMatchObject({
      ...{ status: 422, answer: { refusal: 'not_held' } },
    });
  });

  test('let go: the buyer has it back, the order is unpaid and not to be paid again', async () => {
    const { bill, invoice, paid } = await held();
    expect((await press(bill, 'let_go')).status).toBe(200);
    expect(await press(bill, 'charge')).toMatchObject({
      ...{ status: 422, answer: { refusal: 'asked_otherwise' } },
    });
    await answerAll(bill);
    await shop.look(invoice);
    await expect(paid).resolves.toMatchObject({ ok: false });
    await answerAll(bill);
    expect((await shop.stands(bill)).state).toBe('lapsed');
    expect(await page(bill)).toMatchObject({ state: 'lapsed', over: 'given_back' });
    expect(await shown(bill)).toMatchObject({ hold: { outcome: { word: 'voided' } } });
    expect(order(bill)?.financialStatus).toBe('PENDING');
    expect(await shop.accountsOf(bill)).toEqual({});
    const seen = await look(bill);
    expect(seen.is === 'payment' && seen.payment.id).toBe(bill.paymentId);
  });

  test('both at once: one of them, and the money is charged or given back', async () => {
    for (let round = 0; round < 3; round += 1) {
      const { bill, invoice } = await held();
      const clicks = await Promise.all(
        Array.from({ length: 20 }, (_, at) => press(bill, at % 2 === 0 ? 'charge' : 'let_go')),
      );
      const taken = clicks.filter(({ status }) => status === 200);
      expect(taken.length).toBe(10);
      const [request, ...more] = await requestsOf(bill);
      expect(more).toEqual([]);
      await answerAll(bill);
      await shop.look(invoice);
      await answerAll(bill);
      const isCharged = request?.kind === 'capture';
      expect((await shop.stands(bill)).state).toBe(isCharged ? 'settled' : 'lapsed');
      if (isCharged) await shop.tell(bill);
    }
  });

  test('cancelled in Shopify: given back by itself, and "Charge" is refused in words', async () => {
    const { bill, invoice, paid } = await held();
    shop.shopify.cancel(bill.originId);
    const refused = await press(bill, 'charge');
    expect(refused).toMatchObject({ status: 422, answer: { refusal: 'order_over' } });
    expect(await requestsOf(bill)).toEqual([]);
    await shop.look(invoice);
    await expect(paid).resolves.toMatchObject({ ok: false });
    expect((await shop.stands(bill)).state).toBe('lapsed');
    expect(await page(bill)).toMatchObject({ over: 'given_back' });
  });

  test('cancelled after the wish to charge: read again, and never charged', async () => {
    const { bill, invoice, paid } = await held();
    await press(bill, 'charge');
    await answerAll(bill);
    shop.shopify.cancel(bill.originId);
    // The node was away meanwhile: the reading is too old to charge on.
    await shop.db.pool.query(
      `update invoice set capture_wanted_at = now() - interval '2 minutes' where id = $1`,
      [invoice.id],
    );
    await shop.look(invoice);
    expect((await shop.stands(bill)).state).toBe('held');
    await answerAll(bill);
    await shop.look(invoice);
    await expect(paid).resolves.toMatchObject({ ok: false });
    await answerAll(bill);
    expect(await requestsOf(bill)).toMatchObject([{ state: 'done', outcome: 'order_over' }]);
    expect(await shop.accountsOf(bill)).toEqual({});
  });

  test('cancelled after the node was told: a person gives the money back', async () => {
    const { bill, invoice, paid } = await held();
    await press(bill, 'charge');
    await answerAll(bill);
    await shop.look(invoice);
    await expect(paid).resolves.toMatchObject({ ok: true });
    shop.shopify.cancel(bill.originId);
    await answerAll(bill);
    await shop.tell(bill);
    expect(await shop.stands(bill)).toEqual({ state: 'stranded', attention: 'stranded' });
    expect(await shop.accountsOf(bill)).toEqual({ stranded: invoice.amountMsat });
  });

  test('paid otherwise meanwhile: given back', async () => {
    const { bill, invoice, paid } = await held();
    shop.shopify.markByHand(bill.originId);
    await shop.tell(bill);
    await shop.look(invoice);
    await expect(paid).resolves.toMatchObject({ ok: false });
    expect(await page(bill)).toMatchObject({ over: 'given_back' });
  });

  test('the order became smaller: charged, and the rest is a refund', async () => {
    const { bill, invoice } = await held('30.00');
    shop.shopify.edit(bill.originId, { total: '20.00' });
    await press(bill, 'charge');
    await answerAll(bill);
    await shop.look(invoice);
    await answerAll(bill);
    await shop.tell(bill);
    expect(await shop.read(bill.paymentId)).toMatchObject({
      ...{ state: 'resolved', toldMinor: 2_000n, attention: null },
    });
    const refunds = await shop.db.prisma.refund.findMany({ where: { paymentId: bill.paymentId } });
    expect(refunds).toMatchObject([{ source: 'overpaid', origin: 'attention' }]);
    const third = invoice.amountMsat / 3n;
    expect(third - (refunds[0]?.amountMsat ?? 0n)).toBeLessThan(1_001n);
  });

  test('what could not be charged ends in time all the same, after its last wish', async () => {
    const { bill, invoice, paid } = await held();
    await press(bill, 'charge');
    await answerAll(bill);
    const after = shop.later(10 * 86_400_000);
    // Nobody can read its order, but the last wish may still be with a node.
    await wishedBefore(invoice, '90 s');
    await shop.look(invoice, after);
    expect((await shop.stands(bill)).state).toBe('held');
    await wishedBefore(invoice, '3 minutes');
    await shop.look(invoice, after);
    expect((await shop.stands(bill)).state).toBe('closing');
    await shop.look(invoice);
    await expect(paid).resolves.toMatchObject({ ok: false });
    await answerAll(bill);
    expect(await requestsOf(bill)).toMatchObject([{ state: 'done', outcome: 'expired' }]);
    expect(await shop.accountsOf(bill)).toEqual({});
    expect(await shop.stands(bill)).toEqual({ state: 'lapsed', attention: 'not_charged' });
  });

  test('a charge that cannot happen is taken back by who lets go, and no other', async () => {
    const { bill, invoice, paid } = await held();
    await press(bill, 'charge');
    await answerAll(bill);
    await shop.db.pool.query(
      `update hold_request set opened_at = now() - interval '3 minutes' where payment_id = $1`,
      [bill.paymentId],
    );
    expect((await shown(bill)).hold).toMatchObject({ asked: 'charge', isStuck: false });
    const otherwise = { status: 422, answer: { refusal: 'asked_otherwise' } };
    expect(await press(bill, 'let_go')).toMatchObject(otherwise);
    await wishedBefore(invoice, '3 minutes');
    expect((await shown(bill)).hold).toMatchObject({ asked: 'charge', isStuck: true });
    const clicks = await Promise.all(Array.from({ length: 20 }, () => press(bill, 'let_go')));
    expect(clicks.filter(({ status }) => status === 200)).toHaveLength(1);
    expect((await shop.stands(bill)).state).toBe('closing');
    await shop.look(invoice);
    await expect(paid).resolves.toMatchObject({ ok: false });
    await answerAll(bill);
    const done = { state: 'done', outcome: 'voided' };
    expect(await requestsOf(bill)).toMatchObject([
      { kind: 'capture', ...done },
      { kind: 'void', ...done },
    ]);
    const seen = await look(bill);
    expect(seen.is === 'payment' && seen.payment.id).toBe(bill.paymentId);
  });

  test('let go, and the node was faster: the order is not to be paid again', async () => {
    const { bill, invoice } = await held();
    expect((await press(bill, 'let_go')).status).toBe(200);
    shop.lnd.mine(holdCltvBlocks);
    await shop.look(invoice);
    expect((await shop.stands(bill)).state).toBe('lapsed');
    const before = await look(bill);
    expect(before.is === 'payment' && before.payment.id).toBe(bill.paymentId);
    await answerAll(bill);
    expect(await requestsOf(bill)).toMatchObject([{ state: 'done', outcome: 'voided' }]);
    const after = await look(bill);
    expect(after.is === 'payment' && after.payment.id).toBe(bill.paymentId);
  });

  test('held once and taken late: what is too much waits for the policy, or a person', async () => {
    const { bill, invoice } = await held('30.00');
    const { sealedPreimage, hash, nodeId } = await shop.again(invoice);
    const secret = shop.deps.sealer.open(
      sealedPreimage ?? new Uint8Array(),
      placeOfPreimage(invoice),
    );
    const { paymentId, shopId } = bill;
    expect(await holdIsLost(shop.db, { paymentId, hash })).toBe(true);
    const answer = { attention: 'hold_lost', answer: 'never_paid', seenMsat: msat(0n) } as const;
    const said = { shopId, paymentId, staffId: '77', ...answer };
    expect(await answerAttention(shop.deps, said)).toEqual({ ok: true });
    const node = await shop.deps.nodes.of(nodeId);
    await node.settleHeld(Buffer.from(secret).toString('hex') as Preimage);
    await shop.hear(invoice);
    expect(await shop.stands(bill)).toEqual({ state: 'lapsed', attention: 'overpaid' });
    shop.shopify.edit(bill.originId, { total: '20.00' });
    const taken = await takeLatePayment(shop.deps, { shopId, paymentId, staffId: '77' });
    expect(taken).toEqual({ ok: true });
    await shop.tell(bill);
    expect(await shop.stands(bill)).toEqual({ state: 'resolved', attention: 'overpaid' });
    expect(await shop.db.prisma.refund.count({ where: { paymentId } })).toBe(0);
  });

  test('nobody decides: told twice, given back at its end, and payable again', async () => {
    const { bill, invoice, paid } = await held();
    const alerts = async (): Promise<string[]> => {
      const rows = await shop.db.prisma.alert.findMany({ where: { key: bill.paymentId } });
      return rows.map(({ what }) => what).sort();
    };
    expect(await alerts()).toEqual(['held']);
    await shop.db.pool.query('update payment set hold_ends_at = now() + $2 where id = $1::uuid', [
      ...[bill.paymentId, `${String(holdEndsSoonMs - 60_000)} ms`],
    ]);
    await shop.tell(bill);
    await shop.tell(bill);
    expect(await alerts()).toEqual(['held', 'hold_ends']);
    await shop.look(invoice, shop.later(10 * 86_400_000));
    await shop.look(invoice);
    await expect(paid).resolves.toMatchObject({ ok: false });
    expect((await shop.stands(bill)).state).toBe('lapsed');
    const seen = await look(bill);
    expect(seen).toMatchObject({ is: 'payment', payment: { state: 'open', sequence: 2 } });
  });

  test('switched off: what is held goes on, and the next order is charged at once', async () => {
    const { bill, invoice } = await held();
    expect(await switchTo(false)).toMatchObject({ status: 200, answer: { isOn: false } });
    expect((await shop.quoted(await shop.anOrder())).hold).toBe(false);
    await press(bill, 'charge');
    await answerAll(bill);
    await shop.look(invoice);
    await answerAll(bill);
    await shop.tell(bill);
    expect((await shop.stands(bill)).state).toBe('resolved');
    expect(await switchTo(true)).toMatchObject({ status: 200, answer: { isOn: true } });
  });

  test('the app is removed: what is held goes back', async () => {
    const { bill, invoice, paid } = await held();
    await shop.uninstall('order');
    await shop.look(invoice);
    await expect(paid).resolves.toMatchObject({ ok: false });
    expect((await shop.stands(bill)).state).toBe('lapsed');
  });
});
