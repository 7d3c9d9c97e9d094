import { Client, credentials, Metadata } from '@grpc/grpc-js';
import type { ServiceError } from '@grpc/grpc-js';
import { connect as connectTls } from 'node:tls';
import { createInvoice, getInvoice, getWalletInfo } from 'lightning';
import type { AuthenticatedLnd } from 'lightning';
import { createHash } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readRequest, startLnd } from '../../sandbox/lnd/index.ts';
import type { LndSimulator } from '../../sandbox/lnd/index.ts';
import { connect, follow, pause, refusalOf, until } from './lnd-client.ts';

let node: LndSimulator;
let lnd: AuthenticatedLnd;

beforeEach(async () => {
  node = await startLnd({ seed: 'faults' });
  lnd = connect(node);
});
afterEach(() => node.stop({ how: 'kill' }));

const secret = '11'.repeat(32);
const hash = createHash('sha256').update(Buffer.from(secret, 'hex')).digest('hex');
const make = (): Promise<{ id: string; request: string }> =>
  createInvoice({ lnd, mtokens: '5000', secret });
const opened = (): Promise<void> => until(() => node.openStreams('SubscribeInvoices') === 1);
const isSlowerThan = async (ms: number, work: () => Promise<unknown>): Promise<boolean> => {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt >= ms;
};

test('error before: nothing was done; error after: the work is done', async () => {
  node.faults.onMethod('AddInvoice', { kind: 'error-before', details: 'no' }, 1);
  expect((await refusalOf(make())).details).toBe('no');
  expect(node.invoices.get(hash)).toBeUndefined();
  node.faults.onMethod('AddInvoice', { kind: 'error-after', code: 14, details: 'gone' }, 1);
  expect(await refusalOf(make())).toMatchObject({ grpcCode: 14, details: 'gone' });
  expect(node.invoices.get(hash)?.state).toBe('OPEN');
  expect(await refusalOf(make())).toMatchObject({ code: 409 });
});

test('the answer of AddInvoice lost with its connection: the invoice exists', async () => {
  node.faults.onMethod('AddInvoice', { kind: 'cut-after' }, 1);
  expect(await refusalOf(make())).toMatchObject({ grpcCode: 14 });
  expect(node.invoices.get(hash)?.state).toBe('OPEN');
  await expect(getInvoice({ lnd: connect(node), id: hash })).resolves.toBeDefined();
});

test('a call that is never answered, with and without its work done', async () => {
  node.faults.onMethod('AddInvoice', { kind: 'never-answer', work: true }, 1);
  const hanging = make().then(
    () => 'answered',
    () => 'failed',
  );
  await until(() => node.invoices.get(hash) !== undefined);
  const outcome = await Promise.race([hanging, pause(150).then(() => 'still waiting')]);
  expect(outcome).toBe('still waiting');
});

test('delays: one method, every call, every chunk', async () => {
  const ask = (): Promise<unknown> => getWalletInfo({ lnd });
  await ask();
  node.faults.onMethod('GetInfo', { kind: 'delay', ms: 120 });
  expect(await isSlowerThan(119, ask)).toBe(true);
  node.faults.clearMethod();
  node.faults.set({ latencyMs: 80 });
  expect(await isSlowerThan(79, ask)).toBe(true);
  node.faults.reset();
  node.faults.set({ slowMs: 60 });
  expect(await isSlowerThan(119, ask)).toBe(true);
});

test('down: refused connections; up again: the same node on the same port', async () => {
  const { id } = await make();
  await node.faults.down();
  expect(await node.pay('x')).toEqual({ ok: false, why: 'this is not a Lightning request' });
  const refusal = await refusalOf(getWalletInfo({ lnd: connect(node) }));
  expect(refusal.details).toMatch(/ECONNREFUSED/);
  await node.faults.up();
  await expect(getInvoice({ lnd: connect(node), id })).resolves.toMatchObject({ id });
});

test('a silent stream stays open, says nothing, and the settle is only in the lookup', async () => {
  const { request, id } = await make();
  const stream = follow(lnd);
  await opened();
  node.faults.set({ silentStreams: true });
  expect(await node.pay(request)).toMatchObject({ ok: true });
  await pause(100);
  expect([stream.events, stream.ends]).toEqual([[], []]);
  await expect(getInvoice({ lnd, id })).resolves.toMatchObject({ is_confirmed: true });
});

test('a frozen socket moves no byte until it thaws', async () => {
  await getWalletInfo({ lnd });
  node.faults.freeze();
  const asked = getWalletInfo({ lnd }).then(() => 'answered');
  const fresh = new Promise<string>((resolve) => {
    const socket = connectTls({ port: node.port, rejectUnauthorized: false });
    socket.on('secureConnect', () => {
      resolve('handshake');
    });
    socket.on('error', () => undefined);
  });
  const first = await Promise.race([asked, fresh, pause(200).then(() => 'nothing')]);
  expect(first).toBe('nothing');
  node.faults.thaw();
  expect(await asked).toBe('answered');
});

test('a rotated certificate is refused by a client that pinned the old one', async () => {
  const before = node.certPem;
  await node.faults.rotateCertificate();
  expect(node.certPem).not.toBe(before);
  await expect(getWalletInfo({ lnd: connect(node) })).resolves.toBeDefined();
  const refusal = await refusalOf(getWalletInfo({ lnd }));
  expect(refusal).toMatchObject({ grpcCode: 14 });
  expect(refusal.details).toMatch(/self-signed certificate/);
});

test('too many pings: the stream ends with code 8', async () => {
  const stream = follow(lnd);
  await opened();
  node.faults.cutForPings();
  await until(() => stream.ends.length > 0);
  expect(stream.ends[0]).toEqual({
    code: 8,
    details: 'Bandwidth exhausted or memory limit exceeded',
  });
});

test('a client that pings more often than allowed is sent away by itself', async () => {
  const strict = await startLnd({ seed: 'pings', pings: { shortestMs: 500, forgiven: 2 } });
  const pinging = (intervalMs: number) => {
    const credential = credentials.createSsl(Buffer.from(strict.certPem));
    const client = new Client(strict.socket, credential, {
      'grpc.keepalive_time_ms': intervalMs,
      'grpc.use_local_subchannel_pool': 1,
    });
    const macaroon = new Metadata();
    macaroon.set('macaroon', strict.macaroon('receive').toString('hex'));
    const plain = (bytes: Buffer): Buffer => bytes;
    const path = '/lnrpc.Lightning/SubscribeInvoices';
    const codes: number[] = [];
    const call = client.makeServerStreamRequest(path, plain, plain, Buffer.alloc(0), macaroon);
    call.on('error', (error: ServiceError) => codes.push(error.code));
    return { codes, client };
  };
  const [hasty, calm] = [pinging(100), pinging(700)];
  await until(() => hasty.codes.length > 0);
  expect(hasty.codes).toEqual([8]);
  await pause(2500);
  expect(calm.codes).toEqual([]);
  calm.client.close();
  hasty.client.close();
  await strict.stop({ how: 'kill' });
});

test('a lost settle counter: old numbers come again, and an old cursor misses them', async () => {
  const settle = async (): Promise<void> => {
    const { request } = await createInvoice({ lnd, mtokens: '5000' });
    await node.pay(request);
  };
  for (let count = 0; count < 3; count += 1) await settle();
  node.faults.loseSettleIndex();
  const live = follow(lnd);
  const behind = follow(lnd, { settle_index: '3' });
  await until(() => node.openStreams('SubscribeInvoices') === 2);
  await settle();
  await until(() => live.settled().length === 1);
  expect(live.settled()[0]?.settle_index).toBe('1');
  expect(behind.settled()).toEqual([]);
});

test('a replay that is cut in the middle, and events that come twice', async () => {
  for (let count = 0; count < 5; count += 1) {
    const { request } = await createInvoice({ lnd, mtokens: '5000' });
    await node.pay(request);
  }
  node.faults.set({ cutReplayAfter: 2 });
  const torn = follow(lnd, { settle_index: '1' });
  await until(() => torn.ends.length > 0);
  expect(torn.events.map(({ settle_index }) => settle_index)).toEqual(['2', '3']);
  expect(torn.ends[0]).toMatchObject({ code: 14 });
  node.faults.reset();
  node.faults.set({ eventCopies: 2 });
  const twice = follow(connect(node), { settle_index: '3' });
  await until(() => twice.events.length === 4);
  expect(twice.events.map(({ settle_index }) => settle_index)).toEqual(['4', '4', '5', '5']);
});

test('a hostile node: too little, a wrong secret, a canceled hash, another payee', async () => {
  const { id, request } = await make();
  const stream = follow(lnd);
  await opened();
  node.faults.lie(id, { state: 'SETTLED', receivedMsat: 1n, secret: '22'.repeat(32) });
  node.faults.announce(id);
  await until(() => stream.settled().length === 1);
  expect(stream.settled()[0]).toMatchObject({ state: 'SETTLED', amt_paid_msat: '1' });
  expect(stream.settled()[0]?.r_preimage.toString('hex')).toBe('22'.repeat(32));
  expect(node.invoices.find(id).state).toBe('OPEN');
  node.faults.lie(id, null);
  expect(readRequest(request).payee).toBe(node.publicKey);
  node.faults.set({ signsWithOtherKey: true });
  const other = await createInvoice({ lnd, mtokens: '5000' });
  expect(readRequest(other.request).payee).not.toBe(node.publicKey);
  node.faults.set({ garbageRequests: true });
  await expect(createInvoice({ lnd, mtokens: '5000' })).rejects.toBeDefined();
});

test('a payer sees no balance for a while after a start', async () => {
  const slow = await startLnd({ seed: 'warm', warmUpMs: 2000 });
  const { request } = slow.invoices.add({ amountMsat: 5000n });
  expect(await slow.pay(request)).toEqual({ ok: false, why: 'NO_ROUTE' });
  slow.clock.advance(2000);
  expect(await slow.pay(request)).toMatchObject({ ok: true });
  await slow.stop({ how: 'kill' });
});

test('the same seed gives the same node, secrets and requests', async () => {
  const twins = [await startLnd({ seed: 'twin' }), await startLnd({ seed: 'twin' })];
  const [mine, theirs] = twins.map((twin) => twin.invoices.add({ amountMsat: 5000n }));
  expect(twins[0]?.publicKey).toBe(twins[1]?.publicKey);
  expect(theirs?.secret).toBe(mine?.secret);
  expect(theirs?.secret).toHaveLength(64);
  for (const twin of twins) await twin.stop({ how: 'kill' });
});

test.each(['clean', 'kill'] as const)(
  'a payment under way at a %s stop waits in the channel until the node is back',
  async (how) => {
    const slow = await startLnd({
      ...{ seed: 'under way', warmUpMs: 50 },
      settleDelayMs: { low: 100, high: 100 },
    });
    const { request } = slow.invoices.add({ amountMsat: 2_000n });
    const late = slow.invoices.add({ amountMsat: 2_000n });
    const paying = slow.pay(request);
    const stopping = slow.stop({ how });
    // Who begins while nobody is there has no channel to send it over.
    expect(await slow.pay(late.request)).toEqual({ ok: false, why: 'NODE_OFFLINE' });
    await stopping;
    const early = await Promise.race([paying, pause(300).then(() => 'still under way')]);
    expect(early).toBe('still under way');
    expect(await slow.pay(request)).toEqual({ ok: false, why: 'payment is in transition' });
    await slow.restart();
    expect(await paying).toMatchObject({ ok: true });
    expect(slow.invoices.get(readRequest(request).hash)?.state).toBe('SETTLED');
    await slow.stop({ how: 'kill' });
  },
);
