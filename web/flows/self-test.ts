// A merchant asks whether everything works: a real invoice of 1 sat is made on the node, seen and
// canceled, and a test order goes the whole way in the shop. Each hop is written down as it
// happens, so that a page can follow it. No payment is opened for it, no money moves, and what it
// made is taken away again: by this run or, if its process dies, by the pool or the next run.
import { createHash } from 'node:crypto';
import type { PaymentHash, Preimage } from '../core/invoice.ts';
import { minor, msat, type Currency, type Minor } from '../core/money.ts';
import { sameName, type OrderReading } from '../core/payment.ts';
import type { LightningNode, Storefront } from '../core/ports.ts';
import { selfTestMsat, selfTestOrderName } from '../core/self-test.ts';
import type { NodeRow } from '../db/nodes.ts';
import { workingNode } from '../db/nodes.ts';
import { isFollowed, wasHeardOf, type SelfTestRow } from '../db/self-tests.ts';
import { methodWasSeen, shopById, type ShopRow } from '../db/shops.ts';
import type { Deps } from './flow.ts';
import { beginRun, HopEnded, late, until, type Run } from './self-test-run.ts';
import { cleanUp, cleanUpLeft } from './self-test-clean-up.ts';

export type TestOrderOutcome = { is: 'done' } | { is: 'refused'; why: string };

/** The shop's own test order. Every method throws Trouble from `shop`. */
export type TestOrders = {
  /** A pending test order of this amount under this method, in the shop's currency. */
  make: (wish: {
    name: string;
    methodName: string;
    amountMinor: Minor;
  }) => Promise<
    { is: 'made'; orderId: string; currency: Currency } | { is: 'refused'; why: string }
  >;
  /** Asks for it. Whether it came true, only the order says. */
  cancel: (orderId: string) => Promise<TestOrderOutcome>;
  remove: (orderId: string) => Promise<TestOrderOutcome>;
};

export type SelfTestDeps = Deps & {
  testOrders: { of: (shopId: number) => Promise<TestOrders> };
};

/** In the smallest coins of the shop: a part is recorded, and the rest is marked. */
const wholeMinor = minor(200n);
const partMinor = minor(100n);
const invoiceSeconds = 600;
/** How long an order may stay unreadable, the stream closed, and a webhook away. */
const patienceMs = { order: 15_000, stream: 15_000, webhook: 15_000 } as const;

/** Begins a run, or gives the one under way. `ended` is the run when nothing more comes of it. */
export async function startSelfTest(
  deps: SelfTestDeps,
  shopId: number,
): Promise<{ id: bigint; ended: () => Promise<SelfTestRow> }> {
  const run = await beginRun(deps, shopId);
  if (!run.begun) return { id: run.id, ended: run.follow };
  const through = run.through(() => goThrough(deps, run));
  // Nobody has to wait for it: the row says how it went.
  through.catch((error: unknown) => {
    deps.log.error({ shopId, err: error }, 'self_test.lost');
  });
  return { id: run.id, ended: () => through };
}

async function goThrough(deps: SelfTestDeps, run: Run): Promise<void> {
  const { shopId } = run;
  await cleanUpLeft(deps, shopId);
  const shop = await shopById(deps.db, shopId);
  if (shop === null) throw new HopEnded('defect');
  try {
    await testNode(deps, run);
    await testShop(deps, { run, shop });
  } finally {
    await cleanUp(deps, run);
  }
}

async function testNode(deps: SelfTestDeps, run: Run): Promise<void> {
  const { row, node } = await run.hop('reach_node', () => reach(deps, run.shopId));
  const secret = deps.randomSecret();
  const hash = createHash('sha256').update(secret).digest('hex') as PaymentHash;
  await run.hop('make_invoice', async () => {
    // Written down before it is made: whatever happens, the next run finds it.
    await run.note('make_invoice', { hash, nodeId: row.id });
    await node.createInvoice({
      hash,
      preimage: Buffer.from(secret).toString('hex') as Preimage,
      amountMsat: msat(selfTestMsat),
      memo: 'Zaptill self-test',
      expirySeconds: invoiceSeconds,
    });
  });
  await run.hop('see_invoice', async () => {
    const seen = await node.lookInvoice(hash);
    if (seen === 'not_found' || seen.state !== 'open') throw new HopEnded('invoice_not_seen');
  });
  await run.hop('follow_node', async () => {
    const followed = await until(patienceMs.stream, () => isFollowed(deps.db, row.id));
    if (!followed) throw new HopEnded('not_followed');
  });
  await run.hop('cancel_invoice', async () => {
    await node.askToCancel(hash);
    const isGone = async (): Promise<boolean> => {
      const seen = await node.lookInvoice(hash);
      return seen === 'not_found' || seen.state === 'canceled';
    };
    if (!(await until(patienceMs.stream, isGone))) throw new HopEnded('not_canceled');
  });
}

/** The preferred node answers. That nothing can come in is said, and the rest is tried. */
async function reach(
  deps: SelfTestDeps,
  shopId: number,
): Promise<{ row: NodeRow; node: LightningNode }> {
  const row = await workingNode(deps.db, shopId);
  if (row === null) throw new HopEnded('no_node');
  const node = await deps.nodes.of(row.id);
  const receivable = await node.receivable();
  if (receivable?.totalMsat === 0n) return late('nothing_receivable', { row, node });
  return { row, node };
}

async function testShop(deps: SelfTestDeps, about: { run: Run; shop: ShopRow }): Promise<void> {
  const { run, shop } = about;
  const storefront = await run.guarded('make_order', () => deps.storefronts.of(shop.id));
  const order = await run.hop('make_order', () => makeOrder(deps, { ...about, storefront }));
  await run.hop('hear_order', async () => {
    const at = { shopId: shop.id, originId: order.originId };
    const isHeard = await until(patienceMs.webhook, () => wasHeardOf(deps.db, at));
    const seconds = String(patienceMs.webhook / 1_000);
    return isHeard || late('webhook_late', false, { seconds });
  });
  await run.hop('record_part', () => recordPart(deps, { shop, storefront, order }));
  await run.hop('mark_order', async () => {
    const marked = await storefront.markPaid(order.originId);
    if (marked.is === 'refused') throw new HopEnded('not_marked', { why: marked.why });
    const isPaid = async (): Promise<boolean> => {
      const now = await storefront.readOrder(order.originId);
      return now !== 'gone' && (now.outstandingMinor ?? 1n) <= 0n;
    };
    if (!(await until(patienceMs.order, isPaid))) {
      throw new HopEnded('not_marked', { why: 'still_unpaid' });
    }
  });
}

async function makeOrder(
  deps: SelfTestDeps,
  about: { run: Run; shop: ShopRow; storefront: Storefront },
): Promise<OrderReading & { currency: Currency }> {
  const { run, shop, storefront } = about;
  const orders = await deps.testOrders.of(shop.id);
  const made = await orders.make({
    name: selfTestOrderName(run.id.toString()),
    methodName: shop.methodName,
    amountMinor: wholeMinor,
  });
  if (made.is === 'refused') throw new HopEnded('order_refused', { why: made.why });
  const { orderId, currency } = made;
  await run.note('make_order', { orderId });
  let read: OrderReading | undefined;
  await until(patienceMs.order, async () => {
    const order = await storefront.readOrder(orderId);
    if (order !== 'gone') read = order;
    return read !== undefined;
  });
  if (read === undefined) throw new HopEnded('order_not_readable');
  return { ...read, currency };
}

/**
 * A part is recorded under the method's name, as it is for a buyer who paid too little. Shopify
 * finds the method by that name, or says that there is none.
 */
async function recordPart(
  deps: SelfTestDeps,
  about: {
    shop: ShopRow;
    storefront: Storefront;
    order: OrderReading & { currency: Currency };
  },
): Promise<void> {
  const { shop, storefront, order } = about;
  const { methodName } = shop;
  const told = await storefront.recordPart(order.originId, {
    amountMinor: partMinor,
    currency: order.currency,
    methodName,
    // Shopify refuses what its own clock has not reached yet.
    paidAt: new Date(deps.clock().getTime() - 2_000),
  });
  if (told.is === 'refused') {
    if (told.why === 'GATEWAY_NOT_FOUND') {
      throw new HopEnded('method_unknown', { method: methodName });
    }
    throw new HopEnded('part_refused', { why: told.why });
  }
  let gateway: string | undefined;
  await until(patienceMs.order, async () => {
    const now = await storefront.readOrder(order.originId);
    gateway = now === 'gone' ? undefined : now.sales[0]?.gateway;
    return gateway !== undefined;
  });
  if (gateway === undefined) throw new HopEnded('part_refused', { why: 'not_recorded' });
  if (!sameName(gateway, methodName)) {
    throw new HopEnded('method_unknown', { method: methodName });
  }
  await methodWasSeen(deps.db, { shopId: shop.id, methodName });
}
