// What a self-test made is taken away again: the order cancelled and deleted, the invoice canceled.
// What a run could not take away, or left because its process died, the pool takes away later, and
// so does the shop's next run.
import type { PaymentHash } from '../core/invoice.ts';
import { isOrderLost, isOrderOfRun, type SelfTestStep } from '../core/self-test.ts';
import { Trouble } from '../core/trouble.ts';
import {
  closeDeadSelfTests,
  leftBySelfTests,
  leftBySelfTestsOf,
  selfTestIsClean,
  type SelfTestRow,
} from '../db/self-tests.ts';
import { shopById } from '../db/shops.ts';
import type { SelfTestDeps } from './self-test.ts';
import { HopEnded, late, until, type Run } from './self-test-run.ts';

const cancelWithinMs = 20_000;
/**
 * An order that Shopify has made is found by then, however late its index is; and the invoice of a
 * run that began so long ago has run out by itself.
 */
const overMs = 15 * 60_000;
/** Runs of one round of the pool. */
const roundAtMost = 3;

type Made = { id: bigint; shopId: number; startedAt: Date; steps: readonly SelfTestStep[] };

/** The last hop, however the run went. Does nothing when nothing was made. */
export async function cleanUp(deps: SelfTestDeps, run: Run): Promise<void> {
  if (!run.steps.some(({ made }) => made !== undefined)) return;
  const startedAt = new Date(deps.clock().getTime() - run.ageMs());
  const { id, shopId, steps } = run;
  await run.hop('clean_up', async () => {
    const order = await removeOrder(deps, { id, shopId, steps, startedAt });
    const canceled = steps.find(({ hop }) => hop === 'cancel_invoice');
    if (canceled?.state !== 'passed') await cancelInvoice(deps, { startedAt, steps });
    if (order.is === 'lost') return late('order_lost', false);
    return order.is === 'gone' || late('order_left', false, { why: order.why });
  });
}

/** Nobody knows it, so a node that is away for longer than it lasts need not be asked. */
async function cancelInvoice(
  deps: SelfTestDeps,
  of: Pick<Made, 'startedAt' | 'steps'>,
): Promise<void> {
  const made = of.steps.find((step) => step.made?.hash !== undefined)?.made;
  if (made?.hash === undefined || made.nodeId === undefined) return;
  if (isOver(deps, of)) return;
  const node = await deps.nodes.of(made.nodeId);
  await node.askToCancel(made.hash as PaymentHash);
}

const isOver = (deps: SelfTestDeps, of: Pick<Made, 'startedAt'>): boolean =>
  deps.clock().getTime() - of.startedAt.getTime() > overMs;

type OrderEnd =
  | { is: 'gone' }
  /** It is cancelled. */
  | { is: 'left'; why: string }
  /** Shopify was asked for it, and does not show it: it may do so later. */
  | { is: 'lost' };

/** Takes the run's order away, if there is one. */
async function removeOrder(deps: SelfTestDeps, of: Made): Promise<OrderEnd> {
  const { shopId, steps } = of;
  const orderId = steps.find((step) => step.made?.orderId !== undefined)?.made?.orderId;
  if (orderId !== undefined) {
    const why = await takeAway(deps, { shopId, orderId });
    return why === undefined ? { is: 'gone' } : { is: 'left', why };
  }
  if (!isOrderLost(steps)) return { is: 'gone' };
  return (await findOrder(deps, of)) ? { is: 'gone' } : { is: 'lost' };
}

/** Why the cancelled order is still there; undefined: it is gone. */
async function takeAway(
  deps: SelfTestDeps,
  about: { shopId: number; orderId: string },
): Promise<string | undefined> {
  const { shopId, orderId } = about;
  const orders = await deps.testOrders.of(shopId);
  const storefront = await deps.storefronts.of(shopId);
  const before = await storefront.readOrder(orderId);
  if (before === 'gone') return undefined;
  if (!before.cancelled) {
    const canceled = await orders.cancel(orderId);
    const isCancelled = async (): Promise<boolean> => {
      const order = await storefront.readOrder(orderId);
      return order === 'gone' || order.cancelled;
    };
    if (canceled.is === 'refused' && !(await isCancelled())) {
      throw new HopEnded('not_cancelled', { why: canceled.why });
    }
    if (!(await until(cancelWithinMs, isCancelled))) {
      throw new HopEnded('not_cancelled', { why: 'no answer' });
    }
  }
  const removed = await orders.remove(orderId);
  return removed.is === 'refused' ? removed.why : undefined;
}

/** What earlier runs of the shop left. */
export async function cleanUpLeft(deps: SelfTestDeps, shopId: number): Promise<void> {
  for (const row of await leftBySelfTestsOf(deps.db, shopId)) await tryToCleanUp(deps, row);
}

/**
 * What runs of all shops left, some of them at a time: those behind `after`, and which was the last
 * one. Zero: there are no more behind it. A run that cannot be cleaned up keeps no other waiting.
 */
export async function cleanUpSelfTests(deps: SelfTestDeps, after: bigint): Promise<bigint> {
  await closeDeadSelfTests(deps.db, { diesAfterMs: overMs });
  const left = await leftBySelfTests(deps.db, { after, limit: roundAtMost });
  for (const row of left) await tryToCleanUp(deps, row);
  return left.length < roundAtMost ? 0n : (left.at(-1)?.id ?? 0n);
}

/** Trouble with it is nobody's trouble: it is tried again. */
async function tryToCleanUp(deps: SelfTestDeps, row: SelfTestRow): Promise<void> {
  const about = { shopId: row.shopId, runId: row.id.toString() };
  try {
    const order = await removeOrder(deps, row);
    await cancelInvoice(deps, row);
    if (order.is === 'lost' && !isOver(deps, row)) return;
    await selfTestIsClean(deps.db, row);
    deps.log.info(about, 'self_test.cleaned');
  } catch (error) {
    if (!(error instanceof Trouble || error instanceof HopEnded)) throw error;
    deps.log.warn(about, 'self_test.left');
  }
}

/** Whether Shopify shows the order of this run, whose id it never told. It is taken away then. */
async function findOrder(deps: SelfTestDeps, of: Made): Promise<boolean> {
  const { shopId } = of;
  const shop = await shopById(deps.db, shopId);
  if (shop === null) return false;
  const storefront = await deps.storefronts.of(shopId);
  const { methodName } = shop;
  // Shopify's clock is not ours.
  const updatedSince = new Date(of.startedAt.getTime() - 60_000);
  let isFound = false;
  let after: string | undefined;
  for (let page = 0; page < 10; page += 1) {
    const found = await storefront.pendingOrders({ methodName, updatedSince, after });
    const ours = found.orders.filter((order) => isOrderOfRun(order, of.id.toString()));
    for (const { originId: orderId } of ours) {
      await takeAway(deps, { shopId, orderId });
      isFound = true;
    }
    after = found.after;
    if (after === undefined) return isFound;
  }
  return isFound;
}
