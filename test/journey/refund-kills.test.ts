// Real doors and pools are killed with -9 within a refund: where Shopify's word of it comes in,
// where it is opened and priced, where its buyer claims, where it is taken over and told. Another
// takes the place, and the buyer has the sats once.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { enumerate } from '../kills/points.ts';
import type { FromProcess, Moment, ToProcess } from '../kills/process.ts';
import { shopName, until, type World } from '../world.ts';
import { worldOfFile } from '../world-of-file.ts';
import type { RefundShown } from '../../web/frontend/shared/refunds-api.ts';
import { chosen, hasPaymentsApp, sessionIs } from './offsite-shop.ts';
import { oneReady, payInTheEnd } from './paid-once.ts';
import {
  bookedAsPaidOut,
  claimOn,
  hasRefunds,
  leftNode,
  refundShown,
  type Refunding,
} from './refund-shop.ts';

const root = path.join(import.meta.dirname, '../..');
const node24 = path.join(root, 'node_modules/node/bin/node');
// Processes are started and killed: a busy machine takes its time.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });
const longMs = 180_000;

type Role = 'server.ts' | 'worker.ts';
const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'zaptill-refunds-'));
const { points, sites } = enumerate();
const plan = path.join(dir, 'plan.json');
fs.writeFileSync(plan, JSON.stringify({ points: points.map(({ id }) => id), sites }));

/** Who works, by entrance, and who waits with everything loaded to take the place. */
const working = new Map<string, ChildProcess>();
const waiting = new Map<string, ChildProcess>();
let heard: (moment: Moment) => void = () => undefined;
let isOver = false;

const tell = (child: ChildProcess | undefined, message: ToProcess): void => {
  if (child?.connected === true) child.send(message, () => undefined);
};

function load(entrance: string, env: Record<string, string>): ChildProcess {
  const child = spawn(node24, [path.join(root, 'test/kills/process.ts')], {
    cwd: root,
    env: {
      ...{ PATH: process.env['PATH'] ?? '', HOME: os.tmpdir(), ...env },
      ...{ KILLS_ENTRANCE: entrance, KILLS_PLAN: plan },
      NODE_COMPILE_CACHE: path.join(dir, 'compiled'),
    },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  child.on('message', (message: FromProcess) => {
    if ('stands' in message) heard(message.stands);
  });
  return child;
}

function begin(entrance: string, env: Record<string, string>): ChildProcess {
  const child = waiting.get(entrance) ?? load(entrance, env);
  waiting.delete(entrance);
  working.set(entrance, child);
  tell(child, { begin: true });
  if (entrance !== 'signer.ts' && !isOver) waiting.set(entrance, load(entrance, env));
  return child;
}

let world: World;
let shop: Refunding;
worldOfFile((made) => (world = made), { payments: true, spawn: begin, soundInTheEnd: true });
beforeAll(async () => {
  await hasPaymentsApp(world);
  shop = await hasRefunds(world);
  world.startSigner(shop.signerKeys);
});
afterAll(async () => {
  isOver = true;
  await Promise.all(
    [...waiting.values()].map(async (child) => {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    }),
  );
  fs.rmSync(dir, { recursive: true, force: true });
});

/** What the dead one had taken is free when its leases end, which is now. */
async function replace(role: Role): Promise<void> {
  const dead = working.get(role);
  if (dead === undefined) throw new Error(`nobody works as ${role}`);
  const gone = once(dead, 'exit');
  dead.kill('SIGKILL');
  await gone;
  if (role === 'server.ts') world.doors = await world.startDoors();
  else world.pools = [world.startPool()];
  const { pool } = world.db;
  for (const table of ['payment', 'invoice', 'shop', 'sighting', 'refund', 'reward_task']) {
    await pool.query(`update ${table} set lease_until = null where lease_until is not null`);
  }
  await pool.query('update node set stream_lease_until = now() where stream_holder is not null');
  await pool.query('update listening set alive_until = now()');
}

/** From here on whoever comes to this moment dies there, once. */
function dying(role: Role, moment: Moment): Promise<void> {
  const died = Promise.withResolvers<undefined>();
  died.promise.catch(() => undefined);
  let isDead = false;
  heard = () => {
    if (isDead) return;
    isDead = true;
    replace(role).then(() => died.resolve(undefined), died.reject);
  };
  tell(working.get(role), { stopAt: [moment] });
  return died.promise;
}

const isOf = (paymentId: string) => (it: { paymentId: string }) => it.paymentId === paymentId;

/** Its buyer claims until somebody answers, and has it in the end: once, and one refund. */
async function claimedOnce(paymentId: string, filter = ''): Promise<void> {
  const isIt = isOf(paymentId);
  const claimable = await refundShown(
    world,
    'it can be claimed',
    (it) => isIt(it) && it.state === 'claimable',
    { withinMs: longMs, filter },
  );
  const bill = shop.wallet.make({ amountMsat: BigInt(claimable.sats ?? 0) * 1_000n });
  await until(
    'the claim is taken',
    () =>
      claimOn(claimable.claimUrl ?? '', bill.request).then(
        ({ code }) => code === 303,
        () => false,
      ),
    longMs,
  );
  const isDone = (it: RefundShown): boolean => isIt(it) && it.state === 'done';
  await refundShown(world, 'it is done', isDone, { withinMs: longMs, filter });
  const rows = await world.db.prisma.refund.findMany({ where: { paymentId } });
  expect(rows).toMatchObject([{ state: 'done', reason: 'paid_out' }]);
  expect(leftNode(world).filter(({ hash }) => hash === bill.hash)).toMatchObject([
    { status: 'SUCCEEDED', tries: 1 },
  ]);
  const left = leftNode(world).reduce(
    (sum, { amountMsat, feeMsat }) => sum + amountMsat + feeMsat,
    0n,
  );
  expect(await bookedAsPaidOut(world)).toBe(left);
  expect(shop.wallet.paid()).toHaveLength(leftNode(world).length);
}

test.for<[Role, Moment]>([
  ['server.ts', 'sql sighting_see after'],
  ['worker.ts', 'sql refund_open after'],
  ['worker.ts', 'sql refund_price after'],
  ['server.ts', 'sql refund_claim_store before'],
  ['server.ts', 'sql refund_claim_store after'],
  ['worker.ts', 'sql refund_paid before'],
  ['worker.ts', 'sql refund_paid after'],
  ['worker.ts', 'sql refund_done before'],
])('refunded in Shopify, %s killed at %s', async ([role, moment]) => {
  const one = await oneReady(world, {}, longMs);
  await payInTheEnd(world, one.bolt11, longMs);
  await world.inState(one, 'resolved', longMs);
  const { id } = (await world.rowOf(one)) ?? { id: '' };
  const died = dying(role, moment);
  world.shopify.refund(one.orderId, { amount: '5.25' });
  await claimedOnce(id);
  await died;
});

test.for<[Role, Moment]>([
  ['server.ts', 'sql refund_open after'],
  ['worker.ts', 'call tell-refund.resolveRefund before'],
  ['worker.ts', 'call tell-refund.resolveRefund after'],
])('a session is refunded, %s killed at %s', async ([role, moment]) => {
  const { payments } = world.shopify;
  const session = await chosen(world, { amount: '21.00', currency: 'EUR' });
  await payInTheEnd(world, await world.invoiceOn(session.payUrl, longMs), longMs);
  await sessionIs(world, session, 'resolved', longMs);
  const gid = `gid://shopify/PaymentSession/${session.id}`;
  const { id } = await world.db.prisma.payment.findFirstOrThrow({ where: { originId: gid } });
  const died = dying(role, moment);
  const asked = await payments.refund(session.id, { amount: '7.00' });
  await until(
    'Shopify has an answer',
    async () => (await payments.askAgain(asked.id)).answer === '201',
    longMs,
  );
  await claimedOnce(id);
  await died;
  expect(payments.effects.count(asked.id, 'refund_resolved')).toBe(1);
  expect(payments.effects.count(asked.id, 'refund_rejected')).toBe(0);
});

test.for<[Role, Moment]>([
  ['worker.ts', 'sql reward_task_done after'],
  ['worker.ts', 'sql refund_open after'],
  ['worker.ts', 'sql reward_book before'],
  ['worker.ts', 'sql reward_book after'],
  ['worker.ts', 'sql reward_ready after'],
  ['server.ts', 'sql refund_claim_store before'],
  ['worker.ts', 'sql refund_paid before'],
])('a reward is booked and paid once, %s killed at %s', async ([role, moment]) => {
  const { prisma } = world.db;
  const { id: shopId } = await prisma.shop.findFirstOrThrow({
    where: { domain: shopName },
    orderBy: { id: 'asc' },
  });
  const terms = { rewardsOn: true, partBp: 1_000, waitDays: 0 };
  await prisma.rewardTerms.upsert({
    where: { shopId },
    create: { shopId, ...terms },
    update: terms,
  });
  const one = await oneReady(world, {}, longMs);
  const died = dying(role, moment);
  await payInTheEnd(world, one.bolt11, longMs);
  await world.inState(one, 'resolved', longMs);
  const { id } = (await world.rowOf(one)) ?? { id: '' };
  await claimedOnce(id, '?state=rewards');
  await died;
  await prisma.rewardTerms.update({ where: { shopId }, data: { rewardsOn: false } });
  expect(await prisma.reward.findMany({ where: { paymentId: id } })).toHaveLength(1);
  const booked = await prisma.posting.findMany({
    where: { paymentId: id, toAccount: { startsWith: 'rewarding:' } },
  });
  expect(booked).toHaveLength(1);
});
