// The contract of `Storefront`: what every way to Shopify must do, run on the stand-in always and
// on a development store by whoever has one. It speaks only of orders; how they come about is
// handed in.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { currencyOf, minor, type Currency } from '../../web/core/money.ts';
import { usesMethod, type OrderReading } from '../../web/core/payment.ts';
import type { Storefront } from '../../web/core/ports.ts';

export type WishedOrder = {
  /** Decimal text in the presentment currency. */
  total: string;
  currency?: string;
  method?: string;
  giftCard?: string;
};

/** A merchant and a buyer at the same shop. */
export type ShopHands = {
  storefront: Storefront;
  /** The method that is ours in this shop. */
  methodName: string;
  createOrder: (wish: WishedOrder) => Promise<{ originId: string; checkoutToken: string }>;
  cancel: (originId: string) => Promise<void>;
  payByCard: (originId: string) => Promise<void>;
  /** A buyer paid it by hand: the merchant marked it. */
  markByHand: (originId: string) => Promise<void>;
  /** All goods are on their way to the buyer. */
  fulfill: (originId: string) => Promise<void>;
  remove: (originId: string) => Promise<void>;
  close: () => Promise<void>;
};

const told = (hands: ShopHands) => ({
  currency: currencyOf('EUR') as Currency,
  methodName: hands.methodName,
  paidAt: new Date(Date.now() - 60_000),
});

async function read(hands: ShopHands, originId: string): Promise<OrderReading> {
  const order = await hands.storefront.readOrder(originId);
  if (order === 'gone') throw new Error(`${originId} is gone`);
  return order;
}

function consisting(at: () => ShopHands): void {
  test('the goods of an order cost no more than its total', async () => {
    const { originId } = await at().createOrder({ total: '12.30' });
    const goods = await at().storefront.readGoods(originId);
    if (goods === 'gone') throw new Error(`${originId} is gone`);
    expect(goods.totalMinor).toBe(1_230n);
    const cost = [...goods.ofVendor.values()].reduce<bigint>((sum, each) => sum + each, 0n);
    expect(cost <= goods.totalMinor).toBe(true);
    expect(await at().storefront.readGoods('gid://shopify/Order/999999999')).toBe('gone');
  });
}

function reading(at: () => ShopHands): void {
  test('an order is read with what it owes in the buyer’s currency', async () => {
    const made = await at().createOrder({ total: '12.30' });
    const order = await read(at(), made.originId);
    expect(order).toMatchObject({
      originId: made.originId,
      checkoutToken: made.checkoutToken,
      currencyCode: 'EUR',
      outstandingMinor: 1_230n,
      cancelled: false,
      canMarkAsPaid: true,
      sales: [],
    });
    expect(order.name).toMatch(/^#\d+$/);
    expect(usesMethod(order, at().methodName)).toBe(true);
  });

  test.each([
    ['JPY', '1500', 1_500n],
    ['USD', '0.01', 1n],
    ['KWD', '1.234', 1_234n],
  ])('%s %s is read as %s of its smallest coin', async (currency, total, outstandingMinor) => {
    const { originId } = await at().createOrder({ total, currency });
    expect(await read(at(), originId)).toMatchObject({ currencyCode: currency, outstandingMinor });
  });

  test('a gift card leaves the rest owed, and its sale is not by our method', async () => {
    const { originId } = await at().createOrder({ total: '20.00', giftCard: '5.00' });
    const order = await read(at(), originId);
    expect(order.outstandingMinor).toBe(1_500n);
    expect(order.sales).toHaveLength(1);
    expect(order.sales[0]?.amountMinor).toBe(500n);
    expect(order.sales[0]?.gateway).not.toBe(at().methodName);
  });

  test('an order that is not there is gone, whatever the id looks like', async () => {
    const { originId } = await at().createOrder({ total: '1.00' });
    await at().remove(originId);
    const ids = [
      originId,
      'gid://shopify/Order/999999999999',
      'gid://shopify/Product/1',
      'gid://shopify/Order/1"',
      '',
      'nonsense',
    ];
    for (const id of ids) expect(await at().storefront.readOrder(id), id).toBe('gone');
  });

  test('a card that paid meanwhile is seen as a sale of its own', async () => {
    const { originId } = await at().createOrder({ total: '5.00' });
    await at().payByCard(originId);
    const order = await read(at(), originId);
    expect(order.outstandingMinor).toBe(0n);
    expect(order.sales.some((sale) => sale.gateway === at().methodName)).toBe(false);
    expect(order.sales.length).toBeGreaterThan(0);
  });

  test('many orders are read at once, and those that are not there are left out', async () => {
    const made = await Promise.all(
      ['1.00', '2.00', '3.00'].map((total) => at().createOrder({ total })),
    );
    const ids = made.map((order) => order.originId);
    const asked = [...ids, 'gid://shopify/Order/999999999999', 'nonsense'];
    const orders = await at().storefront.readOrders(asked);
    expect(orders.map((order) => order.originId).sort()).toEqual([...ids].sort());
    expect(orders.map((order) => order.outstandingMinor).sort()).toEqual([100n, 200n, 300n]);
    expect(await at().storefront.readOrders([])).toEqual([]);
  });
}

function telling(at: () => ShopHands): void {
  test('marking records the whole as a sale, once', async () => {
    const { originId } = await at().createOrder({ total: '33.00' });
    const marked = await at().storefront.markPaid(originId);
    const order = await read(at(), originId);
    expect(order).toMatchObject({ outstandingMinor: 0n, canMarkAsPaid: false });
    expect(order.sales).toHaveLength(1);
    // Its answer says what it recorded, as a reading does.
    const { id, amountMinor, gateway } = order.sales[0] ?? {};
    expect(marked).toEqual({ is: 'done', sales: [{ id, amountMinor, gateway }] });
    expect(order.sales[0]).toMatchObject({ amountMinor: 3_300n, gateway: at().methodName });
    expect(await at().storefront.markPaid(originId)).toMatchObject({ is: 'refused' });
    expect((await read(at(), originId)).sales).toHaveLength(1);
  });

  test('a part leaves the rest owed, and a second part can finish it', async () => {
    const { originId } = await at().createOrder({ total: '10.00' });
    const part = { ...told(at()), amountMinor: minor(400n) };
    expect(await at().storefront.recordPart(originId, part)).toEqual({ is: 'done' });
    expect(await read(at(), originId)).toMatchObject({ outstandingMinor: 600n });
    const rest = { ...told(at()), amountMinor: minor(600n) };
    expect(await at().storefront.recordPart(originId, rest)).toEqual({ is: 'done' });
    const order = await read(at(), originId);
    expect(order.outstandingMinor).toBe(0n);
    expect(order.sales.map((sale) => [sale.amountMinor, sale.gateway])).toEqual([
      [400n, at().methodName],
      [600n, at().methodName],
    ]);
  });

  test('a part that cannot be is refused and records nothing', async () => {
    const { originId } = await at().createOrder({ total: '10.00' });
    const tooMuch = { ...told(at()), amountMinor: minor(1_001n) };
    const nothing = { ...told(at()), amountMinor: minor(0n) };
    const foreign = {
      ...told(at()),
      amountMinor: minor(500n),
      currency: currencyOf('USD') as Currency,
    };
    for (const part of [tooMuch, nothing, foreign]) {
      expect(await at().storefront.recordPart(originId, part)).toMatchObject({ is: 'refused' });
    }
    expect(await read(at(), originId)).toMatchObject({ outstandingMinor: 1_000n, sales: [] });
  });

  test('a cancelled, a marked and a removed order refuse to be marked', async () => {
    const cancelled = await at().createOrder({ total: '5.00' });
    await at().cancel(cancelled.originId);
    const marked = await at().createOrder({ total: '5.00' });
    await at().markByHand(marked.originId);
    const removed = await at().createOrder({ total: '5.00' });
    await at().remove(removed.originId);
    for (const { originId } of [cancelled, marked, removed]) {
      expect(await at().storefront.markPaid(originId)).toMatchObject({ is: 'refused' });
    }
    expect(await read(at(), cancelled.originId)).toMatchObject({
      cancelled: true,
      canMarkAsPaid: false,
    });
    expect(await read(at(), marked.originId)).toMatchObject({ outstandingMinor: 0n });
  });
}

async function isCancelled(hands: ShopHands, originId: string): Promise<void> {
  for (let looks = 0; looks < 100; looks += 1) {
    if ((await read(hands, originId)).cancelled) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`${originId} is not cancelled`);
}

function cancelling(at: () => ShopHands): void {
  const note = 'not paid in time';

  test('an unpaid order is cancelled, some time after our word', async () => {
    const { originId } = await at().createOrder({ total: '9.00' });
    expect(await read(at(), originId)).toMatchObject({
      ...{ isBeingFulfilled: false, stockReserved: true },
    });
    expect(await at().storefront.cancelOrder(originId, { note })).toEqual({ is: 'done' });
    await isCancelled(at(), originId);
    expect(await read(at(), originId)).toMatchObject({ canMarkAsPaid: false, sales: [] });
    expect(await at().storefront.cancelOrder(originId, { note })).toMatchObject({ is: 'refused' });
  });

  test('an order whose goods are on their way says so, and is not cancelled', async () => {
    const { originId } = await at().createOrder({ total: '9.00' });
    await at().fulfill(originId);
    expect(await read(at(), originId)).toMatchObject({ isBeingFulfilled: true });
    expect(await at().storefront.cancelOrder(originId, { note })).toMatchObject({ is: 'refused' });
    expect(await read(at(), originId)).toMatchObject({ cancelled: false });
  });

  test('an order that is not there, and a note that is too long, are refused', async () => {
    const { originId } = await at().createOrder({ total: '9.00' });
    const { storefront } = at();
    const long = 'x'.repeat(256);
    expect(await storefront.cancelOrder(originId, { note: long })).toMatchObject({ is: 'refused' });
    for (const id of ['gid://shopify/Order/999999999999', 'nonsense']) {
      expect(await storefront.cancelOrder(id, { note }), id).toMatchObject({ is: 'refused' });
    }
    expect(await read(at(), originId)).toMatchObject({ cancelled: false });
  });
}

function finding(at: () => ShopHands): void {
  test('pending orders of our method are found, page after page, and no others', async () => {
    const updatedSince = new Date(Date.now() - 5_000);
    const ours = await at().createOrder({ total: '7.00' });
    const partly = await at().createOrder({ total: '7.00', giftCard: '2.00' });
    const cash = await at().createOrder({ total: '7.00', method: 'Cash on delivery' });
    const paid = await at().createOrder({ total: '7.00' });
    await at().markByHand(paid.originId);
    const cancelled = await at().createOrder({ total: '7.00' });
    await at().cancel(cancelled.originId);
    const found: string[] = [];
    let after: string | undefined;
    do {
      const { methodName, storefront } = at();
      const page = await storefront.pendingOrders({ methodName, updatedSince, after });
      found.push(...page.orders.map((order) => order.originId));
      ({ after } = page);
    } while (after !== undefined);
    expect(found).toContain(ours.originId);
    expect(found).toContain(partly.originId);
    for (const { originId } of [cash, paid, cancelled]) expect(found).not.toContain(originId);
    expect(new Set(found).size).toBe(found.length);
    const tomorrow = new Date(Date.now() + 86_400_000);
    const none = await at().storefront.pendingOrders({
      methodName: at().methodName,
      updatedSince: tomorrow,
      after: undefined,
    });
    expect(none.orders).toEqual([]);
  });

  test('a method with quotes and brackets in its name breaks nothing', async () => {
    const page = await at().storefront.pendingOrders({
      methodName: 'Bitcoin "OR" \\ status:any)',
      updatedSince: new Date(0),
      after: undefined,
    });
    expect(page.orders).toEqual([]);
  });
}

function findingAll(at: () => ShopHands): void {
  test('all orders of our method are found, whatever became of them', async () => {
    const updatedSince = new Date(Date.now() - 2_000);
    const open = await at().createOrder({ total: '7.00' });
    const marked = await at().createOrder({ total: '7.00' });
    await at().markByHand(marked.originId);
    const card = await at().createOrder({ total: '7.00' });
    await at().payByCard(card.originId);
    const cancelled = await at().createOrder({ total: '7.00' });
    await at().cancel(cancelled.originId);
    const cash = await at().createOrder({ total: '7.00', method: 'Cash on delivery' });
    const found: OrderReading[] = [];
    let after: string | undefined;
    do {
      const { methodName, storefront } = at();
      const page = await storefront.ordersOfMethod({ methodName, updatedSince, after });
      expect(page.orders.length).toBeLessThanOrEqual(50);
      found.push(...page.orders);
      ({ after } = page);
    } while (after !== undefined);
    const ids = found.map((order) => order.originId);
    for (const { originId } of [open, marked, card, cancelled]) {
      expect(found.find((order) => order.originId === originId)).toEqual(
        await read(at(), originId),
      );
    }
    expect(ids).not.toContain(cash.originId);
    expect(new Set(ids).size).toBe(ids.length);
    const tomorrow = new Date(Date.now() + 86_400_000);
    const none = { methodName: at().methodName, updatedSince: tomorrow, after: undefined };
    expect((await at().storefront.ordersOfMethod(none)).orders).toEqual([]);
  });
}

export function storefrontContract(name: string, open: () => Promise<ShopHands>): void {
  describe(`the contract of Storefront, ${name}`, () => {
    let hands: ShopHands | undefined;
    beforeAll(async () => {
      hands = await open();
    });
    afterAll(() => hands?.close());
    const at = (): ShopHands => {
      if (hands === undefined) throw new Error('the shop is not open');
      return hands;
    };
    describe('reading', () => reading(at));
    describe('consisting', () => consisting(at));
    describe('telling', () => telling(at));
    describe('cancelling', () => cancelling(at));
    describe('finding', () => {
      finding(at);
      findingAll(at);
    });
  });
}
