// A shop with several nodes, and a credential that is renewed while buyers pay: nobody's payment is
// missed, one node stands in for another, and one that is removed is watched to the end.
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readRequest, startLnd, type LndSimulator } from '../../sandbox/lnd/index.ts';
import type { NodesAnswer } from '../../web/frontend/shared/setup-api.ts';
import { until, type World } from '../world.ts';
import { worldOfFile } from '../world-of-file.ts';
import { allPaidOnce, allReady, oneReady, payInTheEnd } from './paid-once.ts';

let world: World;
let second: LndSimulator;
worldOfFile(
  (made) => {
    world = made;
  },
  { lnd: { settleDelayMs: { low: 5, high: 60 } }, soundInTheEnd: true },
);
beforeAll(async () => {
  second = await startLnd({ alias: 'second' });
});
afterAll(() => second.stop());

const first = (): LndSimulator => {
  if (world.lnd === undefined) throw new Error('There is no simulated node.');
  return world.lnd;
};
const linkOf = (lnd: LndSimulator, rootKeyId: string): string =>
  lnd.lndconnect(lnd.macaroon('receive-useful', { rootKeyId }));
const nodes = async (): Promise<NodesAnswer> =>
  (await world.api('GET', '/api/nodes')).body as unknown as NodesAnswer;
const aliases = async () => (await nodes()).nodes.map(({ alias }) => alias);
const idOf = async (alias: string): Promise<number> =>
  (await nodes()).nodes.find((node) => node.alias === alias)?.id ?? 0;
const payeeOf = (bolt11: string): string => readRequest(bolt11).payee;

test('renewed five times while 20 buyers pay, each old credential revoked at once', async () => {
  const bought = await allReady(world, 20);
  const renews = await idOf('merchant');
  const before = await world.db.prisma.node.findUniqueOrThrow({ where: { id: renews } });
  const paying = Promise.all(
    bought.map(async ({ bolt11 }, at) => {
      await pause(at * 150);
      await payInTheEnd(world, bolt11);
    }),
  );
  for (const [at, rootKeyId] of ['61', '62', '63', '64', '65'].entries()) {
    const body = { lndconnect: linkOf(first(), rootKeyId), renews };
    const answer = await world.api('POST', '/api/node', body);
    expect(answer.status).toBe(200);
    expect(first().revoke(at === 0 ? before.rootKeyId : String(60 + at))).toBe(true);
  }
  await paying;
  await allPaidOnce(world, bought, 120_000);
  const after = await world.db.prisma.node.findMany();
  // The same row, with its cursor: nothing began anew.
  expect(after.map(({ id, rootKeyId }) => [id, rootKeyId])).toEqual([[renews, '65']]);
  expect(after[0]?.streamEpoch).toBe(before.streamEpoch);
  await until('the stream is whole under the last credential', async () => {
    const node = await world.db.prisma.node.findUniqueOrThrow({ where: { id: renews } });
    return node.streamWholeSince !== null && node.trouble === null;
  });
}, 300_000);

test('what happens while nobody listens is found when the new credential does', async () => {
  const ready = await allReady(world, 5);
  await Promise.all(world.pools.map((pool) => pool.kill()));
  const renews = await idOf('merchant');
  await Promise.all([
    world.api('POST', '/api/node', { lndconnect: linkOf(first(), '66'), renews }),
    ...ready.map(({ bolt11 }) => payInTheEnd(world, bolt11)),
  ]);
  first().revoke('65');
  world.pools.push(world.startPool());
  await allPaidOnce(world, ready, 90_000);
}, 240_000);

test('a credential of another node is no renewal, and changes nothing', async () => {
  const renews = await idOf('merchant');
  const answer = await world.api('POST', '/api/node', {
    lndconnect: linkOf(second, '71'),
    renews,
  });
  expect(answer).toMatchObject({ status: 422, body: { refusal: 'identity_changed' } });
  expect((await nodes()).nodes.map(({ rootKeyId }) => rootKeyId)).toEqual(['66']);
  const unknown = await world.api('POST', '/api/node', {
    lndconnect: linkOf(second, '71'),
    renews: 999_999,
  });
  expect(unknown.status).toBe(404);
});

test('an added node stands in when the first one is away, and only then', async () => {
  const added = await world.api('POST', '/api/node', {
    lndconnect: linkOf(second, '72'),
    how: 'add',
  });
  expect(added.status).toBe(200);
  expect(await aliases()).toEqual(['merchant', 'second']);
  const usual = await oneReady(world);
  expect(payeeOf(usual.bolt11)).toBe(first().publicKey);
  await payInTheEnd(world, usual.bolt11);
  await allPaidOnce(world, [usual], 90_000);

  await first().stop({ how: 'kill' });
  const meanwhile = await oneReady(world);
  expect(payeeOf(meanwhile.bolt11)).toBe(second.publicKey);
  expect(await second.pay(meanwhile.bolt11)).toMatchObject({ ok: true });
  await allPaidOnce(world, [meanwhile], 90_000);

  await first().restart();
  await until(
    'the first one is well again',
    async () => {
      const [node] = (await nodes()).nodes;
      const paused = await world.db.prisma.lane.count({ where: { pausedUntil: { not: null } } });
      return node?.health === 'reachable' && paused === 0;
    },
    90_000,
  );
  // The pool has heard it; the doors' own connection may still be waiting for its next try.
  await until(
    'it makes the invoices again',
    async () => payeeOf((await oneReady(world)).bolt11) === first().publicKey,
    90_000,
  );
}, 300_000);

test('the preferred one makes the invoices; unknown nodes are not there', async () => {
  const id = await idOf('second');
  const preferred = await world.api('POST', `/api/nodes/${String(id)}/prefer`, {});
  expect(preferred.status).toBe(200);
  expect(await aliases()).toEqual(['second', 'merchant']);
  expect(payeeOf((await oneReady(world)).bolt11)).toBe(second.publicKey);
  for (const path of [
    '/api/nodes/999999/prefer',
    '/api/nodes/999999/retire',
    '/api/nodes/x/retire',
  ])
    expect((await world.api('POST', path, {})).status).toBe(404);
  expect(await aliases()).toEqual(['second', 'merchant']);
}, 120_000);

test('a removed node is watched until its invoices have ended, and then wiped', async () => {
  const late = await oneReady(world);
  const open = await oneReady(world);
  expect([payeeOf(late.bolt11), payeeOf(open.bolt11)]).toEqual([
    second.publicKey,
    second.publicKey,
  ]);
  const id = await idOf('second');
  // One buyer pays in the second in which the node is removed.
  const [, removed] = await Promise.all([
    second.pay(late.bolt11),
    world.api('POST', `/api/nodes/${String(id)}/retire`, {}),
  ]);
  expect(removed.status).toBe(200);
  expect(await aliases()).toEqual(['merchant']);
  const canceled = await until(
    'the open invoice has ended at the node',
    () => {
      const { state } = second.invoices.all().find(({ hash }) => hash === open.hash) ?? {};
      return state === 'CANCELED';
    },
    60_000,
  );
  expect(canceled).toBe(true);
  await until(
    'its credential is wiped',
    async () => {
      const node = await world.db.prisma.node.findUniqueOrThrow({ where: { id } });
      return node.sealedCredential === null;
    },
    90_000,
  );
  // Who was in time has paid; who was not gets another invoice.
  const wasPaid = second.invoices.all().find(({ hash }) => hash === late.hash)?.state === 'SETTLED';
  if (wasPaid) await allPaidOnce(world, [late], 90_000);
  const again = await until(
    'the open order has an invoice of the other node',
    async () => {
      const bolt11 = await world.invoiceOn(open.payUrl, 90_000);
      return payeeOf(bolt11) === first().publicKey ? bolt11 : undefined;
    },
    90_000,
  );
  await payInTheEnd(world, again);
  await allPaidOnce(world, [open], 90_000);
}, 300_000);

test('another node that replaces retires all that were there', async () => {
  const answer = await world.api('POST', '/api/node', { lndconnect: linkOf(second, '73') });
  expect(answer.status).toBe(200);
  expect(await aliases()).toEqual(['second']);
});
