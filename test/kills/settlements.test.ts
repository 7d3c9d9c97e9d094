// Eight pools, each a process of its own, tell Shopify of what buyers pay at the node, and are
// killed at random all the time: as many verdicts as settlements, one each. PAYMENTS says how many;
// KILLS_SEED draws the same pools again.
import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { PaymentHash } from '../../web/core/invoice.ts';
import { msat } from '../../web/core/money.ts';
import { invoiceIsLive, makeInvoice } from '../../web/db/invoices.ts';
import { aPayment, anAgreedPrice } from '../builders.ts';
import { testDatabase, type TestDatabase } from '../database.ts';
import { isSound, payInTheEnd } from '../journey/paid-once.ts';
import { startWorld, until, type World } from '../world.ts';
import { draws, drawnSeed } from './plan.ts';

const payments = Number(process.env['PAYMENTS'] ?? 240);
const pools = 8;
/** Deaths in all: one whenever so many more verdicts were told. */
const deaths = Math.max(12, Math.floor(payments / 100));
const amountMsat = 21_000_000n;
const dayMs = 86_400_000;
const minuteMs = 60_000;
const seed = drawnSeed();

let place: TestDatabase | undefined;
let opened: World | undefined;
let world: World;
beforeAll(async () => {
  place = await testDatabase();
  // Nobody but the stream is to bring what was paid.
  const env = { LOG_LEVEL: 'info', SWEEP_SECONDS: '3600' };
  world = opened = await startWorld({ databaseUrl: place.url, pools: 0, env });
  for (let n = 0; n < pools; n += 1) await onePool();
}, 10 * minuteMs);
afterAll(async () => {
  await opened?.close();
  await place?.close();
});

async function onePool(): Promise<void> {
  const pool = world.startPool();
  await until('the pool works', () => pool.output().includes('"pool.open"'), 2 * minuteMs);
  world.pools.push(pool);
}

async function inGroups<T>(all: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  const left = [...all];
  const one = async (): Promise<void> => {
    for (let next = left.pop(); next !== undefined; next = left.pop()) await work(next);
  };
  await Promise.all(Array.from({ length: 16 }, one));
}

type Bought = { orderId: string; request: string };

/** An order and its invoice, as after a visit to the pay page. */
async function aBought(about: { shopId: number; nodeId: number }): Promise<Bought> {
  const { db, lnd } = world;
  const { orderId } = world.buy({ total: '12.30' });
  const payment = await aPayment(db, { shopId: about.shopId, originId: orderId });
  const secret = randomBytes(32).toString('hex');
  const invoice = lnd?.invoices.add({ secret, amountMsat, expirySeconds: dayMs / 1_000 });
  if (invoice === undefined) throw new Error('there is no node');
  const hash = createHash('sha256').update(secret, 'hex').digest('hex') as PaymentHash;
  const lapsesAt = new Date(Date.now() + dayMs);
  const id = await makeInvoice(db, {
    ...{ paymentId: payment.id, nodeId: about.nodeId, hash, sealedPreimage: new Uint8Array([1]) },
    ...{ fiatMinor: payment.owedMinor, currency: payment.currency, amountMsat: msat(amountMsat) },
    ...{ agreed: anAgreedPrice, adjustmentBp: 0, madeAt: new Date(), lapsesAt, lookInMs: dayMs },
  });
  if (id === undefined) throw new Error('the payment takes no invoice');
  const addIndex = BigInt(invoice.addIndex);
  const { request } = invoice;
  await invoiceIsLive(db, { id, request, addIndex, expiresAt: lapsesAt, lookInMs: dayMs });
  return { orderId, request };
}

async function allBought(): Promise<Bought[]> {
  const mute = world.shopify.faults.add({ kind: 'webhook-never', times: payments });
  const shop = await world.db.prisma.shop.findFirstOrThrow();
  const node = await world.db.prisma.node.findFirstOrThrow();
  const bought: Bought[] = [];
  await inGroups([...Array(payments).keys()], async () => {
    bought.push(await aBought({ shopId: shop.id, nodeId: node.id }));
  });
  mute.remove();
  return bought;
}

const verdicts = (): number =>
  world.shopify.effects.all().filter(({ what }) => what === 'marked_paid').length;

/** Waits for an end that may be far, as long as it comes nearer. */
async function reaches(count: number): Promise<void> {
  for (let seen = verdicts(); seen < count; seen = verdicts()) {
    const from = seen;
    const more = until('', () => verdicts() > from, 3 * minuteMs);
    await more.catch(async () => {
      throw new Error(`no more than ${String(from)} verdicts: ${await standing()}`);
    });
  }
}

async function standing(): Promise<string> {
  const states = await world.db.prisma.payment.groupBy({ by: ['state'], _count: true });
  const paid = world.lnd?.invoices.all().filter(({ state }) => state === 'SETTLED').length;
  const said = world.pools.map((pool) => pool.output().slice(-1_000)).join('\n');
  return `${String(paid)} paid at the node, ${JSON.stringify(states)}\n${said}`;
}

async function killAtRandom(): Promise<number> {
  const draw = draws(seed);
  let killed = 0;
  for (; killed < deaths; killed += 1) {
    await reaches(Math.floor((payments * killed) / deaths));
    const alive = world.pools.filter((pool) => pool.isAlive());
    const victim = alive[Math.floor(draw() * alive.length)];
    await victim?.kill('SIGKILL');
    world.pools = [...alive.filter((pool) => pool !== victim), world.startPool()];
  }
  return killed;
}

test(
  `${String(payments)} settlements, ${String(pools)} pools and their deaths, seed ${String(seed)}`,
  async () => {
    const start = performance.now();
    const bought = await allBought();
    const killing = killAtRandom();
    await inGroups(bought, ({ request }) => payInTheEnd(world, request, 5 * minuteMs));
    const killed = await killing;
    await reaches(payments);
    await until(
      'all is resolved',
      async () => (await world.db.prisma.payment.count({ where: { state: 'settled' } })) === 0,
      5 * minuteMs,
    );
    const times = new Map<number, number>();
    for (const { orderId, what } of world.shopify.effects.all()) {
      if (what === 'marked_paid') times.set(orderId, (times.get(orderId) ?? 0) + 1);
    }
    const resolved = await world.db.prisma.payment.count({ where: { state: 'resolved' } });
    const line = {
      ...{ seed, payments, pools, killed, verdicts: verdicts(), orders: times.size, resolved },
      double: [...times.values()].filter((count) => count > 1).length,
      seconds: Math.round((performance.now() - start) / 1_000),
    };
    process.stdout.write(`\n${JSON.stringify(line)}\n`);
    expect(killed).toBe(deaths);
    expect(times.size).toBe(payments);
    expect(verdicts()).toBe(payments);
    expect(resolved).toBe(payments);
    await isSound(world);
  },
  120 * minuteMs,
);
