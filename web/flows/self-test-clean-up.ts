// What a self-test made is taken away again: the invoice canceled, the order cancelled and deleted.
// A run whose process died leaves that to the next one.
import type { PaymentHash } from '../core/invoice.ts';
import { isSelfTestOrder, type SelfTestStep } from '../core/self-test.ts';
import { Trouble } from '../core/trouble.ts';
import { leftBySelfTests, selfTestIsClean, type SelfTestRow } from '../db/self-tests.ts';
import { shopById } from '../db/shops.ts';
import type { SelfTestDeps } from './self-test.ts';
import { HopEnded, late, until, type Run } from './self-test-run.ts';

const cancelWithinMs = 20_000;
/** An order of this run is younger than this. */
const lostWithinMs = 10 * 60_000;

/** The last hop, however the run went. Does nothing when nothing was made. */
export async function cleanUp(deps: SelfTestDeps, run: Run): Promise<void> {
  if (!run.steps.some(({ made }) => made !== undefined)) return;
  await run.hop('clean_up', async () => {
    const canceled = run.steps.find(({ hop }) => hop === 'cancel_invoice');
    if (canceled?.state !== 'passed') await cancelInvoice(deps, run.steps);
    await findLostOrder(deps, { ...run, since: new Date(deps.clock().getTime() - lostWithinMs) });
    const left = await removeOrder(deps, { shopId: run.shopId, steps: run.steps });
    return left === undefined || late('order_left', false, { why: left });
  });
}

async function cancelInvoice(deps: SelfTestDeps, steps: readonly SelfTestStep[]): Promise<void> {
  const made = steps.find((step) => step.made?.hash !== undefined)?.made;
  if (made?.hash === undefined || made.nodeId === undefined) return;
  const node = await deps.nodes.of(made.nodeId);
  await node.askToCancel(made.hash as PaymentHash);
}

/** Why the cancelled order is still there; undefined: it is gone, or there never was one. */
async function removeOrder(
  deps: SelfTestDeps,
  about: { shopId: number; steps: readonly SelfTestStep[] },
): Promise<string | undefined> {
  const orderId = about.steps.find((step) => step.made?.orderId !== undefined)?.made?.orderId;
  return orderId === undefined ? undefined : takeAway(deps, { shopId: about.shopId, orderId });
}

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

/** What dead runs left. Trouble with it is no trouble of this run: the next one tries again. */
export async function cleanUpLeft(
  deps: SelfTestDeps,
  about: { shopId: number; runId: bigint },
): Promise<void> {
  for (const row of await leftBySelfTests(deps.db, about.shopId)) {
    try {
      await cleanUpRow(deps, row);
      await selfTestIsClean(deps.db, row);
    } catch (error) {
      if (!(error instanceof Trouble || error instanceof HopEnded)) throw error;
      deps.log.warn({ shopId: about.shopId, runId: row.id.toString() }, 'self_test.left');
    }
  }
}

async function cleanUpRow(deps: SelfTestDeps, row: SelfTestRow): Promise<void> {
  const { shopId, steps } = row;
  await cancelInvoice(deps, steps);
  await removeOrder(deps, { shopId, steps });
  await findLostOrder(deps, { shopId, steps, since: row.startedAt });
}

/** Shopify was asked for an order, and no answer was written down: it may be there. */
async function findLostOrder(
  deps: SelfTestDeps,
  about: { shopId: number; steps: readonly SelfTestStep[]; since: Date },
): Promise<void> {
  const making = about.steps.find(({ hop }) => hop === 'make_order');
  const isLost = making?.state === 'running' || making?.state === 'failed';
  if (isLost && making.made === undefined) await findOrders(deps, about);
}

async function findOrders(
  deps: SelfTestDeps,
  about: { shopId: number; since: Date },
): Promise<void> {
  const { shopId, since: updatedSince } = about;
  const shop = await shopById(deps.db, shopId);
  if (shop === null) return;
  const storefront = await deps.storefronts.of(shopId);
  const { methodName } = shop;
  let after: string | undefined;
  for (let page = 0; page < 10; page += 1) {
    const found = await storefront.pendingOrders({ methodName, updatedSince, after });
    for (const { originId: orderId } of found.orders.filter(isSelfTestOrder)) {
      await takeAway(deps, { shopId, orderId });
    }
    after = found.after;
    if (after === undefined) return;
  }
}
