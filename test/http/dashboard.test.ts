// The first page's doors on a whole world: what is counted, what needs a person, and that a stuck
// payment can be settled by hand by its own shop only, once, with who said so.
import { beforeAll, describe, expect, test } from 'vitest';
import type { DashboardAnswer } from '../../web/frontend/shared/dashboard-api.ts';
import type { ShopAnswer } from '../../web/frontend/shared/merchant-api.ts';
import { app, shopName, until, type Bought, type World } from '../world.ts';
import { worldOfFile } from '../world-of-file.ts';

let world: World;
worldOfFile(
  (made) => {
    world = made;
  },
  { soundInTheEnd: true },
);

const dashboard = async (days = 1): Promise<DashboardAnswer> => {
  const { status, body } = await world.api('GET', `/api/dashboard?days=${String(days)}`);
  expect(status).toBe(200);
  return body as unknown as DashboardAnswer;
};
const shop = async (): Promise<ShopAnswer> => {
  const { status, body } = await world.api('GET', '/api/shop');
  expect(status).toBe(200);
  return body as unknown as ShopAnswer;
};
const rowOf = async (bought: Bought) => {
  const row = await world.rowOf(bought);
  if (row === null) throw new Error('There is no payment of this order.');
  return row;
};
const slowly = 60_000;

test('Shopify is asked for currency and time zone soon after the install', async () => {
  const known = await until(
    'the shop has a currency',
    () => world.db.prisma.shop.findFirst({ where: { domain: shopName, currency: { not: null } } }),
    slowly,
  );
  expect(known).toMatchObject({ currency: 'EUR', timeZone: 'Europe/Zurich' });
  expect(await dashboard()).toMatchObject({ currency: 'EUR', timeZone: 'Europe/Zurich' });
});

test('only some periods are answered', async () => {
  expect((await dashboard(90)).byDay).toHaveLength(90);
  for (const days of ['0', '2', '365', 'x', '']) {
    expect((await world.api('GET', `/api/dashboard?days=${days}`)).status).toBe(400);
  }
});

test('a page counts as opened once, when a person has it before them', async () => {
  const bought = world.buy();
  const link = await world.payLink(bought, slowly);
  const opened = async (): Promise<Date | null> => (await rowOf(bought)).viewedAt;
  await fetch(link, { method: 'HEAD' });
  await fetch(`${link}/status`);
  await fetch(link, { headers: { 'User-Agent': 'Slackbot-LinkExpanding 1.0' } });
  await fetch(link, { headers: { 'Sec-Purpose': 'prefetch;prerender' } });
  expect(await opened()).toBeNull();
  const person = { headers: { 'User-Agent': 'Mozilla/5.0 (Linux; Android 14; CUBOT P80)' } };
  await fetch(link, person).then((answer) => answer.text());
  const first = await until('the opening is noted', opened, slowly);
  await fetch(link, person).then((answer) => answer.text());
  await fetch(`${link}/status`);
  expect(await opened()).toEqual(first);
});

test('what is paid is counted in its own currency, and sats in all', async () => {
  const before = await dashboard();
  const orders = [world.buy({ total: '0.01' }), world.buy({ total: '12.00' })];
  const dollars = world.buy({ total: '5.00', currency: 'USD' });
  for (const bought of [...orders, dollars]) {
    const link = await world.payLink(bought, slowly);
    await world.lightning.pay(await world.invoiceOn(link, slowly));
    await world.inState(bought, 'resolved', slowly);
  }
  const after = await dashboard();
  expect(after.paid - before.paid).toBe(3);
  expect(after.amounts.map(({ currency, amount }) => [currency, amount])).toEqual([
    ['EUR', '12.01'],
    ['USD', '5.00'],
  ]);
  expect(after.dayCurrency).toBe('EUR');
  expect(after.byDay.at(-1)).toMatchObject({ paid: after.paid, amount: '12.01' });
  expect(BigInt(after.sats)).toBeGreaterThan(0n);
  expect(after.wait?.told).toBe(after.paid);
  expect(after.wait?.medianMs).toBeLessThanOrEqual(after.wait?.p99Ms ?? 0);
  expect(after.pages.paid).toBeLessThanOrEqual(after.pages.viewed);
});

describe('a stuck payment', () => {
  let id: string;
  beforeAll(async () => {
    const bought = world.buy();
    const bolt11 = await world.invoiceOn(await world.payLink(bought, slowly), slowly);
    // Nobody is there to cancel the invoice in time.
    await world.pools[0]?.kill('SIGTERM');
    world.shopify.cancel(bought.orderId);
    expect(await world.lightning.pay(bolt11)).toMatchObject({ ok: true });
    world.pools[0] = world.startPool();
    await world.inState(bought, 'stranded', slowly);
    ({ id } = await rowOf(bought));
  });
  const settle = (paymentId: string, body: object = { confirmed: true }) =>
    world.api('POST', `/api/payments/${paymentId}/settle-by-hand`, body);
  const state = async () =>
    (await world.db.prisma.payment.findUniqueOrThrow({ where: { id } })).state;

  test('comes first among what needs a person', async () => {
    expect((await shop()).problems[0]).toMatchObject({ what: 'stranded', paymentId: id });
  });

  test('is not settled without a word, or by another shop', async () => {
    for (const body of [{}, { confirmed: false }, { confirmed: true, more: 1 }]) {
      expect(await settle(id, body)).toMatchObject({
        status: 422,
        body: { refusal: 'not_confirmed' },
      });
    }
    for (const other of ['x', '00000000-0000-4000-8000-000000000000']) {
      expect((await settle(other)).status).toBe(404);
    }
    // Another shop's row, as its own merchant would ask for it.
    const foreign = await world.db.prisma.shop.create({
      data: {
        domain: 'beach.myshopify.com',
        lane: '',
        registration: { connect: { clientId: app.clientId } },
      },
    });
    await world.db.pool.query('update payment set shop_id = $2 where id = $1::uuid', [
      id,
      foreign.id,
    ]);
    expect((await settle(id)).status).toBe(404);
    const { id: own } = await world.db.prisma.shop.findFirstOrThrow({
      where: { domain: shopName },
    });
    await world.db.pool.query('update payment set shop_id = $2 where id = $1::uuid', [id, own]);
    await world.db.prisma.$executeRaw`delete from tally where shop_id = ${foreign.id}`;
    await world.db.prisma.$executeRaw`delete from wait_tally where shop_id = ${foreign.id}`;
    await world.db.prisma.shop.delete({ where: { id: foreign.id } });
    expect(await state()).toBe('stranded');
  });

  test('is settled once by one of two who press at once, and says who', async () => {
    const { wait } = await dashboard();
    const answers = await Promise.all([settle(id), settle(id)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 422]);
    expect(answers.find(({ status }) => status === 422)?.body).toMatchObject({
      refusal: 'not_stranded',
    });
    expect(await state()).toBe('resolved');
    const line = await world.db.prisma.history.findFirstOrThrow({
      where: { paymentId: id, because: 'settled_by_hand' },
    });
    const [, claims = ''] = world.adminToken().split('.');
    const { sub } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as { sub: string };
    expect(line.details).toEqual({ by: sub });
    expect((await shop()).problems.filter(({ paymentId }) => paymentId === id)).toEqual([]);
    // Nobody was told, so nobody waited.
    expect((await dashboard()).wait).toEqual(wait);
    // Nothing may come after it: the books moved the money once.
    const moved = await world.db.prisma.posting.count({
      where: { paymentId: id, fromAccount: { startsWith: 'stranded:' } },
    });
    expect(moved).toBe(1);
  });
});

test('when another version answers, the merchant is told', async () => {
  expect((await shop()).problems).toEqual([]);
  await world.payLink(world.buy(), slowly);
  const words = await world.db.prisma.apiNotice.findMany();
  expect(words.length).toBeGreaterThan(0);
  expect(new Set(words.map(({ version }) => version))).toEqual(new Set(['2026-07']));
  const other = world.shopify.faults.add({ kind: 'other-version', times: 1_000 });
  const will = world.shopify.faults.add({ kind: 'deprecated', times: 1_000 });
  // The database is asked, because a door has a budget for each caller.
  const heard = (where: object) => world.db.prisma.apiNotice.count({ where });
  const fallen = { operation: 'OrderById', version: '2026-10', deprecated: { not: null } };
  // Each order that is seen is read.
  await world.payLink(world.buy(), slowly);
  await until('the word is stored', () => heard(fallen), slowly);
  const told = (await shop()).problems;
  expect(told[0]).toMatchObject({
    what: 'api_differs',
    values: { asked: '2026-07', answered: '2026-10' },
  });
  expect(told.map(({ what }) => what)).toContain('api_deprecated');
  other.remove();
  will.remove();
  await world.payLink(world.buy(), slowly);
  const sound = { operation: 'OrderById', version: '2026-07', deprecated: null };
  await until('it is taken back', () => heard(sound), slowly);
}, 180_000);
