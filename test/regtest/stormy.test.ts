// Real payments on real LND while everything falls over: the merchant's node is stopped and killed
// again and again, our pools and doors are killed -9 at drawn moments. Who has paid is what the
// buyers' node says; Shopify's own record, our books and the merchant's node must agree with it.
//
//   PAYMENTS=1000 SEED=7 npm run regtest -- test/regtest/stormy.test.ts
//
// Without SEED one is drawn and printed. The seed fixes who pays how, and after how many payments
// each stroke comes; what the processes are doing at that moment is the machine's.
import { execFile } from 'node:child_process';
import { randomInt } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startNetwork, type Network } from '../../scripts/real-nodes.ts';
import { isSound } from '../journey/paid-once.ts';
import { drawsFrom, type Draws } from '../storm/draws.ts';
import { testDatabase, type TestDatabase } from '../database.ts';
import { startWorld, until, type World } from '../world.ts';
import { buy, kindFrom, type Buyer, type Kind } from './stormy-buyers.ts';
import { paidBy, receivedBy, sumOf, tryOnce, type Paid } from './stormy-wallet.ts';
import { storm, type Progress } from './stormy-weather.ts';

/** From the environment, as the runs by hand give it. */
function numberIn(name: 'PAYMENTS' | 'SEED', otherwise: number): number {
  const text = process.env[name] ?? String(otherwise);
  if (!/^\d{1,9}$/.test(text)) throw new Error(`${name} is a whole number`);
  return Number(text);
}

const payments = numberIn('PAYMENTS', 250);
const seed = numberIn('SEED', randomInt(1_000_000_000));
/** So many pay at once; whoever waits for the price to run out is not one of them. */
const payers = 16;
const pools = 3;
/** Of a hundred buyers, those who leave without paying, beside those who pay. */
const goneOfHundred = 3;
const settledWithinMs = 5 * 60_000;
const hourMs = 60 * 60_000;

let dir: string;
let network: Network;
let place: TestDatabase;
let world: World;
/** Settled before the shop was there. */
let before: Paid;

beforeAll(async () => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'zaptill-stormy-'));
  network = await startNetwork({ dir, say: () => undefined });
  before = await receivedBy(network.alice.lnd);
  place = await testDatabase();
  world = await startWorld({
    databaseUrl: place.url,
    pools,
    notInstalled: true,
    lightning: {
      lndconnect: '',
      pay: async (request) => ({ ok: await tryOnce(network.bob.lnd, request) }),
    },
    env: { QUOTE_SECONDS: '60' },
  });
  await connect();
});
afterAll(async () => {
  await world.close();
  await place.close();
  await network.stop();
  fs.rmSync(dir, { recursive: true, force: true });
});

/** The merchant gives the node, with the credential that the refusal of the admin's asks for. */
async function connect(): Promise<void> {
  const { alice } = network;
  await world.api('GET', '/api/shop');
  const credential = (macaroon: string) => ({
    host: `127.0.0.1:${String(alice.rpcPort)}`,
    certificate: fs.readFileSync(alice.certPath, 'utf8'),
    macaroon,
  });
  const admin = fs.readFileSync(alice.adminMacaroonPath).toString('hex');
  const no = await world.api('POST', '/api/node', credential(admin));
  const [, ...words] = String(no.body['bake']).split(' ');
  const baked = (await alice.lncli(...words)).trim();
  const yes = await world.api('POST', '/api/node', credential(baked));
  expect(yes).toMatchObject({ status: 200, body: { ok: true } });
}

/** A bounded number at a time, one after the other; the late ones wait beside them. */
async function allBuy(draws: Draws, progress: Progress): Promise<Buyer[]> {
  const lnd = network.bob.lnd;
  const gone = Math.ceil((payments * goneOfHundred) / 100);
  const kinds = Array.from({ length: payments }, () => kindFrom(draws));
  const all = [...kinds, ...Array.from({ length: gone }, () => 'gone' as const)]
    .map((kind, at) => ({ kind, at, place: draws.next() }))
    .sort((one, other) => one.place - other.place);
  const buyers: Promise<Buyer>[] = [];
  const begin = async (kind: Buyer['kind'], at: number): Promise<Buyer> => {
    const buyer = await buy({ world, lnd, draws: draws.branch(`buyer ${String(at)}`) }, kind);
    if (kind !== 'gone') progress.paid += 1;
    return buyer;
  };
  const till = async (): Promise<void> => {
    for (let next = all.shift(); next !== undefined; next = all.shift()) {
      const buyer = begin(next.kind, next.at);
      // Of a late one that fails is told in the end.
      buyer.catch(() => undefined);
      buyers.push(buyer);
      if (next.kind !== 'late') await buyer;
    }
  };
  await Promise.all(Array.from({ length: payers }, till));
  return Promise.all(buyers);
}

type Audited = {
  ok: boolean;
  violations: unknown[];
  nodes: { settled: number; notAsked: unknown[] };
};

/** `zaptill audit --nodes`, as the operator runs it. */
function zaptillAudit(): Promise<Audited> {
  const root = path.join(import.meta.dirname, '../..');
  const node24 = path.join(root, 'node_modules/node/bin/node');
  const env = { PATH: process.env['PATH'] ?? '', HOME: os.tmpdir(), ...world.env };
  const words = [path.join(root, 'web/cli.ts'), 'audit', '--nodes', '--json'];
  return new Promise((resolve, reject) => {
    execFile(node24, words, { cwd: root, env }, (error, stdout, stderr) => {
      const line = stdout.trim();
      if (line.startsWith('{')) resolve(JSON.parse(line) as Audited);
      else reject(new Error(`${stdout}${stderr}`, { cause: error }));
    });
  });
}

/** Whether the payee's node says that one of the requests before him is paid. */
const hasPaid = (received: Paid, { hashes }: Buyer): boolean =>
  [...hashes].some((hash) => received.has(hash));
const timesPaid = ({ orderId }: Buyer): number => world.shopify.effects.payments(orderId);

/** Orders without their payment, and those with one too many or nobody's. */
function judge(buyers: readonly Buyer[], received: Paid): { lost: string[]; double: string[] } {
  const lost = buyers.filter((buyer) => hasPaid(received, buyer) && timesPaid(buyer) === 0);
  const double = buyers.filter((buyer) => timesPaid(buyer) > (hasPaid(received, buyer) ? 1 : 0));
  const named = ({ orderId, kind }: Buyer): string => `${orderId} (${kind})`;
  return { lost: lost.map(named), double: double.map(named) };
}

/** How the first try of each kind of buyer ended: what real LND takes, and what it does not. */
function firstTries(buyers: readonly Buyer[]) {
  const ends: Partial<Record<Kind, { paid: number; refused: number }>> = {};
  for (const { kind, first } of buyers) {
    if (first === undefined) continue;
    const end = (ends[kind] ??= { paid: 0, refused: 0 });
    end[first ? 'paid' : 'refused'] += 1;
  }
  return ends;
}

/** What the books say that the nodes received, in msat. */
async function booked(): Promise<{ posted: bigint; invoiced: bigint }> {
  const [postings, invoices] = await Promise.all([
    world.db.prisma.posting.aggregate({
      where: { fromAccount: { startsWith: 'node:' } },
      _sum: { amountMsat: true },
    }),
    world.db.prisma.invoice.aggregate({
      where: { state: 'settled' },
      _sum: { paidMsat: true },
    }),
  ]);
  return { posted: postings._sum.amountMsat ?? 0n, invoiced: invoices._sum.paidMsat ?? 0n };
}

const say = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

test(
  `${String(payments)} payments while node, pools and doors fall`,
  async () => {
    const beganAt = Date.now();
    say({ seed, payments });
    const draws = drawsFrom(seed);
    const progress: Progress = { paid: 0, over: false };
    const falling = storm({ world, network, draws: draws.branch('weather'), progress });
    const buying = allBuy(draws.branch('buyers'), progress).finally(() => {
      progress.over = true;
    });
    const [buyers, weather] = await Promise.all([buying, falling]);

    // Everybody's own word: the payer's node, the payee's, Shopify's record. A payer's LND may call
    // a payment failed that the payee's death interrupted, and that goes through later.
    const paid = await paidBy(network.bob.lnd);
    const received = await receivedBy(network.alice.lnd);
    for (const hash of before.keys()) {
      paid.delete(hash);
      received.delete(hash);
    }
    const waiting = (): Promise<number> =>
      world.db.prisma.payment.count({ where: { state: 'settled' } });
    const told = (): boolean => judge(buyers, received).lost.length === 0;
    const settling = async (): Promise<boolean> => told() && (await waiting()) === 0;
    await until('everything is told', settling, settledWithinMs).catch(() => undefined);

    const { lost, double } = judge(buyers, received);
    const audited = await zaptillAudit();
    const seconds = Math.round((Date.now() - beganAt) / 1_000);
    const counts = { ...weather, lost: lost.length, double: double.length, seconds };
    const msat = String(sumOf(received));
    const unsaid = received.size - paid.size;
    say({ seed, payments: received.size, unsaid, ...counts, msat, firstTries: firstTries(buyers) });
    say({ audit: audited });

    expect({ lost, double }).toEqual({ lost: [], double: [] });
    expect(buyers.filter((buyer) => hasPaid(received, buyer))).toHaveLength(payments);
    expect(received.size).toBe(payments);
    for (const [hash, msat] of paid) expect(received.get(hash)).toBe(msat);
    expect(await booked()).toEqual({ posted: sumOf(received), invoiced: sumOf(received) });
    expect(audited).toMatchObject({ ok: true, violations: [], nodes: { notAsked: [] } });
    expect(weather.restarts).toBeGreaterThanOrEqual(Math.floor(payments / 100));
    expect(weather.kills).toBeGreaterThanOrEqual(Math.floor(payments / 100));
    // A node that falls and comes back is no restored one, and too little is taken by none.
    const node = await world.db.prisma.node.findFirst();
    expect(node).toMatchObject({ restoreSuspectedAt: null, streamEpoch: 0, trouble: null });
    expect(firstTries(buyers).under?.paid ?? 0).toBe(0);
    await isSound(world);
  },
  hourMs,
);
