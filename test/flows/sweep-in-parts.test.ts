// A shop with more pending orders than one sweep reads: the next sweep goes on behind them, so that
// what changed last is come upon, however much lies before it.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Storefront } from '../../web/core/ports.ts';
import { nameMethod } from '../../web/db/shops.ts';
import type { Deps } from '../../web/flows/flow.ts';
import { reconcileShop } from '../../web/flows/reconcile-shop.ts';
import { startInProcess, type InProcess } from '../in-process.ts';

let our: InProcess;
beforeAll(async () => {
  our = await startInProcess();
});
afterAll(() => our.close());

type Asked = Parameters<Storefront['pendingOrders']>[0];

/** Shopify has so many empty pages, and on the last of them what it really has. */
function withPages(pages: number): { deps: Deps; asked: Asked[] } {
  const asked: Asked[] = [];
  const of: Deps['storefronts']['of'] = async (shopId) => {
    const real = await our.deps.storefronts.of(shopId);
    const pendingOrders: Storefront['pendingOrders'] = async (ask) => {
      asked.push(ask);
      const page = Number(ask.after ?? '1');
      if (page < pages) return { orders: [], after: String(page + 1) };
      return { ...(await real.pendingOrders({ ...ask, after: undefined })), after: undefined };
    };
    return { ...real, pendingOrders };
  };
  return { deps: { ...our.deps, storefronts: { of } }, asked };
}
const sweep = async (deps: Deps): Promise<void> => {
  const lane = our.shopLane(our.shop.id);
  await our.runStep(reconcileShop, { table: 'shop', id: String(our.shop.id), lane }, deps);
};
const shop = () => our.db.prisma.shop.findUniqueOrThrow({ where: { id: our.shop.id } });
const pagesOf = (asked: Asked[]): number[] => asked.map(({ after }) => Number(after ?? '1'));

test('goes on where it stopped, and the cursor stands where the first part began', async () => {
  const { id: originId } = our.shopify.createOrder({ total: '21.00' });
  const since = (await shop()).sweepCursor;
  const { deps, asked } = withPages(45);
  const beganBefore = new Date();
  await sweep(deps);
  const first = await shop();
  expect(first).toMatchObject({ sweepCursor: since, sweepAfter: '21' });
  await sweep(deps);
  expect(await shop()).toMatchObject({ sweepAfter: '41', sweepBeganAt: first.sweepBeganAt });
  const sighting = { shopId: our.shop.id, originId };
  expect(await our.db.prisma.sighting.findFirst({ where: sighting })).toBeNull();
  await sweep(deps);
  expect(pagesOf(asked)).toEqual(Array.from({ length: 45 }, (_, n) => n + 1));
  expect(new Set(asked.map(({ updatedSince }) => updatedSince.getTime())).size).toBe(1);
  expect(await our.db.prisma.sighting.findFirst({ where: sighting })).not.toBeNull();
  const last = await shop();
  expect(last).toMatchObject({ sweepAfter: null, sweepBeganAt: null });
  expect(last.sweepCursor).toEqual(first.sweepBeganAt);
  expect(last.sweepCursor.getTime()).toBeGreaterThanOrEqual(beganBefore.getTime());
});

test('under another name it begins anew', async () => {
  const { deps, asked } = withPages(30);
  await sweep(deps);
  expect(await shop()).toMatchObject({ sweepAfter: '21' });
  await nameMethod(our.db, our.shop.id, 'Bitcoin, instantly');
  expect(await shop()).toMatchObject({ sweepAfter: null, sweepBeganAt: null });
  asked.length = 0;
  await sweep(deps);
  expect(pagesOf(asked)[0]).toBe(1);
});
