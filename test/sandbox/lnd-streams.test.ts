import { createInvoice, createHodlInvoice, settleHodlInvoice } from 'lightning';
import type { AuthenticatedLnd } from 'lightning';
import { createHash, randomBytes } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startLnd } from '../../sandbox/lnd/index.ts';
import type { LndSimulator } from '../../sandbox/lnd/index.ts';
import { connect, follow, pause, until } from './lnd-client.ts';

let node: LndSimulator;
let lnd: AuthenticatedLnd;

beforeEach(async () => {
  node = await startLnd({ seed: 'streams' });
  lnd = connect(node);
});
afterEach(() => node.stop({ how: 'kill' }));

const make = async (mtokens = '5000'): Promise<{ id: string; request: string }> =>
  createInvoice({ lnd, mtokens });
const settle = async (count: number): Promise<string[]> => {
  const hashes: string[] = [];
  for (let made = 0; made < count; made += 1) {
    const { id, request } = await make();
    expect(await node.pay(request)).toMatchObject({ ok: true });
    hashes.push(id);
  }
  return hashes;
};
const opened = (count: number): Promise<void> =>
  until(() => node.openStreams('SubscribeInvoices') === count);
const indexes = (events: { settle_index: string }[]): string[] =>
  events.map(({ settle_index }) => settle_index);

test('live: every add and settle, nothing of held or canceled invoices', async () => {
  const live = follow(lnd);
  await opened(1);
  const { request } = await make();
  await node.pay(request);
  const canceled = await make();
  node.invoices.cancel(canceled.id);
  const held = await createHodlInvoice({ lnd, tokens: 5 });
  void node.pay(held.request);
  await until(() => node.invoices.find(held.id).state === 'ACCEPTED');
  await pause(50);
  expect(live.events.map(({ state }) => state)).toEqual(['OPEN', 'SETTLED', 'OPEN', 'OPEN']);
  expect(live.events[1]).toMatchObject({ settle_index: '1', amt_paid_msat: '5000' });
});

test('replay: only above the index, none from 0, none from ahead', async () => {
  await settle(5);
  const [from2, from0, ahead] = ['2', '0', '100'].map((settle_index) =>
    follow(lnd, { settle_index }),
  );
  await opened(3);
  await make();
  await until(() => (from0?.events.length ?? 0) === 1);
  expect(indexes(from2?.settled() ?? [])).toEqual(['3', '4', '5']);
  expect(from0?.settled()).toEqual([]);
  expect(ahead?.settled()).toEqual([]);
});

test('a cursor that is ahead hides every settle until the counter passes it', async () => {
  const ahead = follow(lnd, { settle_index: '3' });
  const live = follow(lnd);
  await opened(2);
  await settle(4);
  await until(() => live.settled().length === 4);
  expect(indexes(ahead.settled())).toEqual(['4']);
});

test('an add replay shows the present state, and leaves canceled and held ones out', async () => {
  await make();
  await settle(1);
  const canceled = await make();
  node.invoices.cancel(canceled.id);
  await make();
  const both = follow(lnd, { add_index: '1', settle_index: '0' });
  await until(() => both.events.length === 2);
  await pause(30);
  expect(both.events.map(({ add_index, state }) => [add_index, state])).toEqual([
    ['2', 'SETTLED'],
    ['4', 'OPEN'],
  ]);
});

test('fence: an invoice that is added later comes after the whole replay', async () => {
  await settle(300);
  const replay = follow(lnd, { settle_index: '1' });
  await opened(1);
  const fence = await make();
  const isFence = ({ r_hash }: { r_hash: Buffer }): boolean => r_hash.toString('hex') === fence.id;
  await until(() => replay.events.some(isFence));
  expect(replay.events.findIndex(isFence)).toBe(299);
});

test('bbolt replays by settle index, native SQL by add index', async () => {
  await settle(1);
  const secrets = [randomBytes(32), randomBytes(32), randomBytes(32)];
  const payers = [];
  for (const secret of secrets) {
    const id = createHash('sha256').update(secret).digest('hex');
    const { request } = await createHodlInvoice({ lnd, id, tokens: 5 });
    payers.push(node.pay(request));
    await until(() => node.invoices.find(id).state === 'ACCEPTED');
  }
  for (const which of [2, 0, 1]) {
    await settleHodlInvoice({ lnd, secret: secrets[which]?.toString('hex') ?? '' });
  }
  await Promise.all(payers);
  const bolt = follow(lnd, { settle_index: '1' });
  await until(() => bolt.events.length === 3);
  expect(indexes(bolt.events)).toEqual(['2', '3', '4']);

  await node.migrate();
  lnd = connect(node);
  const sql = follow(lnd, { settle_index: '1' });
  await until(() => sql.events.length === 3);
  expect(indexes(sql.events)).toEqual(['3', '4', '2']);
});

test('after a migration old numbers stay, new ones start at 1 and are withheld', async () => {
  await settle(6);
  await node.migrate();
  lnd = connect(node);
  const old = follow(lnd, { settle_index: '6' });
  const live = follow(lnd);
  await opened(2);
  await settle(7);
  await until(() => live.settled().length === 7);
  expect(indexes(live.settled())).toEqual(['1', '2', '3', '4', '5', '6', '7']);
  expect(indexes(old.settled())).toEqual(['7']);
  const overflow = follow(lnd, { settle_index: (2n ** 63n - 1n).toString() });
  await until(() => overflow.events.length === 13);
});

test('AMP leaves a hole without a number; keysend and foreign invoices appear', async () => {
  await settle(1);
  const live = follow(lnd);
  await opened(1);
  node.receiveAmp(60_000n);
  node.receiveKeysend(60_000n);
  await settle(1);
  await until(() => live.settled().length === 3);
  expect(indexes(live.settled())).toEqual(['0', '3', '4']);
  expect(live.settled()[0]?.r_hash).toHaveLength(0);
  expect(live.settled()[1]?.is_keysend).toBe(true);
});

test('a clean stop ends streams with status 0, a kill or drop with error 14', async () => {
  await settle(1);
  const first = follow(lnd);
  await opened(1);
  await node.stop({ how: 'clean' });
  await until(() => first.ends.length > 0);
  expect(first.ends).toEqual(['end']);
  await node.restart();

  lnd = connect(node);
  const second = follow(lnd);
  await opened(1);
  await node.faults.down();
  await until(() => second.ends.length > 0);
  expect(second.ends[0]).toMatchObject({ code: 14 });
  await node.faults.up();

  lnd = connect(node);
  const third = follow(lnd);
  await opened(1);
  await node.restart({ how: 'drop' });
  await until(() => third.ends.length > 0);
  expect(third.ends[0]).toMatchObject({ code: 14 });
  lnd = connect(node);
  await settle(1);
  const replay = follow(lnd, { settle_index: '1' });
  await until(() => replay.events.length === 1);
  expect(indexes(replay.events)).toEqual(['2']);
});

test('a restore brings both counters and the invoices back to the past', async () => {
  const [kept] = await settle(1);
  const past = node.snapshot();
  const [lost] = await settle(1);
  await node.restore(past);
  lnd = connect(node);
  expect(node.invoices.get(kept ?? '')).toBeDefined();
  expect(node.invoices.get(lost ?? '')).toBeUndefined();
  const live = follow(lnd);
  await opened(1);
  await settle(1);
  await until(() => live.settled().length === 1);
  expect(indexes(live.settled())).toEqual(['2']);
});

test('garbage collection on the fly makes a canceled invoice unknown', async () => {
  const tidy = await startLnd({ seed: 'gc', garbageCollection: 'fly' });
  const invoice = tidy.invoices.add({ amountMsat: 5000n });
  tidy.invoices.cancel(invoice.hash);
  expect(tidy.invoices.get(invoice.hash)).toBeUndefined();
  expect(await tidy.pay(invoice.request)).toMatchObject({ ok: false });
  await tidy.stop({ how: 'kill' });
});

test('5,000 settles in a burst reach the stream, each once, in order', async () => {
  const live = follow(lnd);
  await opened(1);
  const invoices = Array.from({ length: 5000 }, () => node.invoices.add({ amountMsat: 2000n }));
  const paid = await Promise.all(invoices.map(({ request }) => node.pay(request)));
  await until(() => live.settled().length === 5000, 60_000);
  expect(paid.every(({ ok }) => ok)).toBe(true);
  expect(indexes(live.settled())).toEqual(invoices.map((_, index) => String(index + 1)));
  expect(node.ledger.totalMsat()).toBe(10_000_000n);
}, 120_000);
