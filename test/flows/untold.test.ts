// What waits for Shopify is told to a person after a time, even while Shopify's lane is paused and
// no step is tried; and of a shop not a hundred times at once.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { askForUntold } from '../../web/db/telling.ts';
import { lookAtInvoice } from '../../web/flows/look-at-invoice.ts';
import { tellShopify } from '../../web/flows/tell-shopify.ts';
import { startInProcess, type InProcess } from '../in-process.ts';

let our: InProcess;
beforeAll(async () => {
  our = await startInProcess();
  await our.db.pool.query(
    `insert into settings (shop_id, alert_email) values ($1, 'm@shop.example')`,
    [our.shop.id],
  );
});
afterAll(() => our.close());
beforeEach(async () => {
  await our.db.pool.query(`update payment set due_at = null, attention = null`);
  await our.db.pool.query('delete from alert');
});

const hourMs = 3_600_000;
const keys = async (what: string): Promise<string[]> =>
  (await our.db.prisma.alert.findMany({ where: { what }, orderBy: { id: 'asc' } })).map(
    ({ key }) => key,
  );
async function aSettledOne(): Promise<string> {
  const { payment } = await our.anOrder();
  const { id, request } = await our.quoted(payment.id);
  await our.lnd.pay(request);
  await our.runStep(lookAtInvoice, { table: 'invoice', id, lane: our.nodeLane(our.node.id) });
  expect((await our.read(payment.id)).state).toBe('settled');
  return payment.id;
}
const attentionsOf = (ids: readonly string[]) =>
  Promise.all(ids.map(async (id) => (await our.read(id)).attention));

test('after an hour a person is asked, once, and no more when Shopify knows', async () => {
  const id = await aSettledOne();
  expect(await askForUntold(our.db, hourMs)).toBe(0);
  expect(await attentionsOf([id])).toEqual([null]);
  expect([await askForUntold(our.db, 0), await askForUntold(our.db, 0)]).toEqual([1, 0]);
  expect(await attentionsOf([id])).toEqual(['untold']);
  expect(await keys('untold')).toEqual([id]);
  await our.runStep(tellShopify, { table: 'payment', id, lane: our.shopLane(our.shop.id) });
  expect(await our.read(id)).toMatchObject({ state: 'resolved', attention: null });
  expect(await askForUntold(our.db, 0)).toBe(0);
});

test('of a shop with many the oldest five are told of', async () => {
  const ids: string[] = [];
  for (let n = 0; n < 7; n += 1) ids.push(await aSettledOne());
  for (const [n, id] of ids.entries()) {
    await our.db.pool.query(
      `update payment set due_at = now(), settled_at = settled_at + $2 * interval '1 s'
       where id = $1::uuid`,
      [id, n],
    );
  }
  expect([await askForUntold(our.db, 0), await askForUntold(our.db, 0)]).toEqual([5, 0]);
  expect(await attentionsOf(ids)).toEqual([...Array<string>(5).fill('untold'), null, null]);
  expect((await keys('untold')).toSorted()).toEqual(ids.slice(0, 5).toSorted());
});
