// The part of a reconciliation that asks Shopify: first its orders of our method, then the orders
// for which money came and that it did not name, and at the end, when the nodes were asked too,
// what did not fit. The payments app may not read orders: of its shops only our rows are looked at.
import { currencyOf, decimalOf } from '../core/money.ts';
import type { OrderReading } from '../core/payment.ts';
import { judgeOrder, judgeUntold, reconcileRules, type Found } from '../core/reconcile.ts';
import {
  endReconcilePart,
  nodesUnderWay,
  storeReconcilePage,
  type FoundBreak,
  type OpenBreak,
  type PartRow,
  type Place,
} from '../db/reconciliations.ts';
import { ordersWithMoney, ourOrders, type OurOrder } from '../db/reconcile-sides.ts';
import { sight } from '../db/sightings.ts';
import type { Deps, StepEnd } from './flow.ts';
import { checkBreaks, nextPageMs, type LookedAgain, type PartWork } from './reconcile-again.ts';

const ordersPerPage = 50;
/** How often it is looked whether the nodes were asked; each of them wakes this part besides. */
const nodesAgainMs = 5_000;

export async function compareOrders(deps: Deps, work: PartWork): Promise<StepEnd> {
  const { part } = work;
  const { phase = part.readsOrders ? 'orders' : 'payments' } = part.place;
  if (phase === 'orders') return ordersOfShopify(deps, work);
  if (phase === 'payments') return ordersWeHave(deps, work);
  if (phase !== 'check') return waitForNodes(deps, work);
  return checkBreaks(deps, work, {
    limit: ordersPerPage,
    lookAgain: (open) => lookAgain(deps, part, open),
    end: async () => {
      await endReconcilePart(deps.db, { part, outcome: 'asked' });
      return 'stored';
    },
  });
}

async function ordersOfShopify(deps: Deps, work: PartWork): Promise<StepEnd> {
  const { part } = work;
  const storefront = await deps.storefronts.of(part.shopId);
  const { orders, after } = await storefront.ordersOfMethod({
    methodName: part.methodName,
    updatedSince: part.since,
    after: part.place.after,
  });
  const next: Place = after === undefined ? { phase: 'payments' } : { phase: 'orders', after };
  return compare(deps, work, { orders, originIds: orders.map(idOf), next });
}

const idOf = (order: OrderReading): string => order.originId;

async function ordersWeHave(deps: Deps, work: PartWork): Promise<StepEnd> {
  const { part } = work;
  const { shopId, runId, since, place } = part;
  const { at, after } = place;
  const mark = at === undefined || after === undefined ? undefined : { at, after };
  const ask = { shopId, runId, since, mark, limit: ordersPerPage };
  const { originIds, last } = await ordersWithMoney(deps.db, ask);
  const orders = await readOrders(deps, part, originIds);
  const next: Place = last === undefined ? { phase: 'nodes' } : { phase: 'payments', ...last };
  return compare(deps, work, { orders, originIds, next });
}

async function readOrders(
  deps: Deps,
  part: PartRow,
  originIds: readonly string[],
): Promise<OrderReading[]> {
  if (!part.readsOrders || originIds.length === 0) return [];
  return (await deps.storefronts.of(part.shopId)).readOrders(originIds);
}

/** Judges a page. What Shopify said is read first: what we do meanwhile shows on our side. */
async function compare(
  deps: Deps,
  work: PartWork,
  page: { orders: readonly OrderReading[]; originIds: readonly string[]; next: Place },
): Promise<StepEnd> {
  const { part, row } = work;
  const { orders, originIds, next } = page;
  const { shopId } = part;
  const known = await ourOrders(deps.db, { shopId, originIds });
  const found = judge(deps, part, { orders, originIds, known });
  for (const originId of givenBack(orders, known)) {
    await sight(deps.db.pool, { shopId, originId, because: 'sweep' });
  }
  await storeReconcilePage(deps.db, {
    ...{ part, leaseNo: row.leaseNo, next, found, dueInMs: nextPageMs },
    counts: part.readsOrders ? 'orders' : 'payments',
    met: originIds.map((key) => ({ key, ours: known.get(key)?.payments.length ?? 0 })),
  });
  return 'stored';
}

/**
 * Orders that we were paid for and of which something was given back, or which were cancelled: a
 * look at each opens what is owed to its buyer, where the webhook never came, and changes nothing
 * where it did.
 */
const givenBack = (
  orders: readonly OrderReading[],
  known: ReadonlyMap<string, OurOrder>,
): string[] =>
  orders
    .filter(({ refundedMinor, cancelled }) => refundedMinor > 0n || cancelled)
    .map(idOf)
    .filter((id) => known.get(id)?.payments.some(({ toldMinor }) => toldMinor !== null) === true);

function judge(
  deps: Deps,
  part: PartRow,
  about: {
    orders: readonly OrderReading[];
    originIds: readonly string[];
    known: Map<string, OurOrder>;
  },
): FoundBreak[] {
  const now = deps.clock();
  const { methodName, installedAt, readsOrders } = part;
  const byId = new Map(about.orders.map((order) => [order.originId, order]));
  return about.originIds.flatMap((originId) => {
    const order = byId.get(originId);
    const ours = about.known.get(originId);
    const payments = ours?.payments ?? [];
    const isRead = readsOrders && ours?.origin !== 'payment_session';
    const found = isRead
      ? judgeOrder(order ?? 'gone', { ours: payments, methodName, installedAt, now })
      : payments.flatMap((payment) => judgeUntold(payment, now));
    return found.map((each) => breakOf(each, { originId, order, ours }));
  });
}

function breakOf(
  found: Found,
  about: { originId: string; order: OrderReading | undefined; ours: OurOrder | undefined },
): FoundBreak {
  const { originId, order, ours } = about;
  const code = order?.currencyCode ?? ours?.currency ?? '';
  const currency = currencyOf(code);
  const { amountMinor } = found;
  const amount =
    amountMinor === undefined || currency === undefined
      ? {}
      : { amount: decimalOf(amountMinor, currency), currency: code };
  return {
    ...found,
    key: originId,
    nodeId: null,
    paymentId: ours?.paymentId ?? null,
    about: { orderName: order?.name ?? ours?.orderName ?? originId, orderId: originId, ...amount },
  };
}

/** The nodes may still put right what Shopify and we do not agree about. */
async function waitForNodes(deps: Deps, work: PartWork): Promise<StepEnd> {
  const { part, row } = work;
  const { unreachedMs, pausedMs } = reconcileRules;
  const nodes = await nodesUnderWay(deps.db, { runId: part.runId, unreachedMs, pausedMs });
  for (const { partId: id, isHopeless } of nodes) {
    if (!isHopeless) continue;
    await endReconcilePart(deps.db, { part: { id, runId: part.runId }, outcome: 'unreached' });
    deps.log.warn({ shopId: part.shopId, run: part.runId }, 'reconcile.node_unreached');
  }
  const isDone = nodes.every(({ isHopeless }) => isHopeless);
  await storeReconcilePage(deps.db, {
    ...{ part, leaseNo: row.leaseNo },
    next: { phase: isDone ? 'check' : 'nodes' },
    dueInMs: isDone ? 0 : nodesAgainMs,
  });
  return 'stored';
}

async function lookAgain(
  deps: Deps,
  part: PartRow,
  open: readonly OpenBreak[],
): Promise<LookedAgain[]> {
  const originIds = [...new Set(open.map(({ key }) => key))];
  const orders = await readOrders(deps, part, originIds);
  const known = await ourOrders(deps.db, { shopId: part.shopId, originIds });
  const found = judge(deps, part, { orders, originIds, known });
  return open.map((each) => ({
    open: each,
    still: found.find(({ key, what }) => key === each.key && what === each.what),
  }));
}
