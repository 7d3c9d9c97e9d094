import express from 'express';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { nodeControls, readRequest, startControl, startLnd } from '../../sandbox/lnd/index.ts';
import type { LndSimulator } from '../../sandbox/lnd/index.ts';
import { walletPages } from '../../sandbox/wallet/index.ts';
import { payee } from '../../sandbox/wallet/payee.ts';
import { until } from './lnd-client.ts';

let node: LndSimulator;
let server: Server;
let origin: string;
const handedOver: string[] = [];

beforeAll(async () => {
  node = await startLnd({ seed: 'wallet', alias: 'shop' });
  const app = express();
  const payer = (request: string): Promise<{ ok: true; preimage: string }> => {
    handedOver.push(request);
    return Promise.resolve({ ok: true, preimage: '00' });
  };
  app.use('/wallet', walletPages({ nodes: () => [node], payer }));
  app.use(
    '/desk',
    nodeControls(() => [node]),
  );
  server = await new Promise<Server>((resolve) => {
    const started = app.listen(0, '127.0.0.1', () => {
      resolve(started);
    });
  });
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await node.stop({ how: 'kill' });
});

type Answer = { id: string; isOver: boolean; outcomes: { ok: boolean }[]; error?: string };
const post = (path: string, body: object): Promise<Response> =>
  fetch(origin + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
const pay = async (body: object): Promise<Answer> =>
  (await post('/wallet/pay', body)).json() as Promise<Answer>;
const ask = (memo = ''): string => node.invoices.add({ amountMsat: 1_234_500n, memo }).request;

test('a request is shown with amount, words, expiry, and four ways to pay', async () => {
  const request = ask('2 <b>mugs</b>');
  const response = await fetch(`${origin}/wallet?request=lightning:${request.toUpperCase()}`);
  const html = await response.text();
  expect(response.status).toBe(200);
  expect(html).toContain('1\u2009234.5 sat');
  expect(html).toContain('2 &lt;b&gt;mugs&lt;/b&gt;');
  expect(html).toMatch(/Expires<\/dt><dd>in 23 hours/);
  expect(html.match(/name="how"/g)).toHaveLength(4);
  expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
});

test('a form pays and leads to a page that says so', async () => {
  const request = ask();
  const response = await fetch(`${origin}/wallet/pay`, {
    method: 'POST',
    body: new URLSearchParams({ request, how: 'now', amountSat: '' }),
  });
  expect(response.url).toMatch(/\/wallet\/attempts\//);
  const page = await fetch(response.url);
  expect(await page.text()).toContain('<strong>Paid.</strong>');
});

test('JSON: now, twice, never, another amount', async () => {
  const request = ask();
  expect(await pay({ request })).toMatchObject({ isOver: true, outcomes: [{ ok: true }] });
  expect(await pay({ request: ask(), how: 'twice' })).toMatchObject({
    outcomes: [{ ok: true }, { ok: false, why: 'INCORRECT_OR_UNKNOWN_PAYMENT_DETAILS' }],
  });
  expect(await pay({ request: ask(), how: 'never' })).toMatchObject({ outcomes: [] });
  expect(await pay({ request: ask(), amountMsat: '1000' })).toMatchObject({
    outcomes: [{ ok: false }],
  });
});

test('late: waits for the expiry, and the node refuses', async () => {
  const { hash, request } = node.invoices.add({ amountMsat: 5000n, expirySeconds: 60 });
  const { id } = await pay({ request, how: 'late', wait: false });
  const see = async (): Promise<Answer> => {
    const headers = { accept: 'application/json' };
    return (await fetch(`${origin}/wallet/attempts/${id}`, { headers })).json() as Promise<Answer>;
  };
  expect(await see()).toMatchObject({ isOver: false });
  node.clock.advance(63_000);
  await until(() => node.ledger.of(hash).some(({ outcome }) => outcome === 'refused'));
  expect(await see()).toMatchObject({ isOver: true, outcomes: [{ ok: false }] });
});

test("a stranger's request goes to the payer that was handed in; rubbish is a 400", async () => {
  const stranger = await startLnd({ seed: 'elsewhere' });
  const { request } = stranger.invoices.add({ amountMsat: 5000n });
  await stranger.stop({ how: 'kill' });
  expect(await pay({ request })).toMatchObject({ outcomes: [{ ok: true, preimage: '00' }] });
  expect(handedOver).toEqual([request]);
  expect((await post('/wallet/pay', { request: 'lnbc1rubbish' })).status).toBe(400);
  expect((await post('/wallet/pay', { request, how: 'maybe' })).status).toBe(400);
  expect((await post('/wallet/pay', { request, amountMsat: '-5' })).status).toBe(400);
  expect((await fetch(`${origin}/wallet/?request=rubbish`)).status).toBe(400);
});

test('the switches over HTTP: state, faults, deeds, payments, and clear refusals', async () => {
  const json = async (path: string): Promise<unknown> => (await fetch(origin + path)).json();
  expect(await json('/desk/nodes')).toMatchObject([{ alias: 'shop', isUp: true }]);
  expect((await post('/desk/nodes/shop/do', { action: 'down' })).status).toBe(200);
  expect(await json('/desk/nodes/shop')).toMatchObject({ isUp: false });
  await post('/desk/nodes/shop/do', { action: 'up' });
  await post('/desk/nodes/shop/faults', { silentStreams: true, latencyMs: 5 });
  const fault = { kind: 'error-after', details: 'lost' };
  await post('/desk/nodes/shop/method', { method: 'AddInvoice', fault, times: 2 });
  expect(await json('/desk/nodes/shop')).toMatchObject({
    faults: { silentStreams: true, latencyMs: 5 },
    methodFaults: [{ method: 'AddInvoice', fault, left: 2 }],
  });
  await post('/desk/nodes/shop/do', { action: 'reset' });
  const paid = await post('/desk/nodes/shop/pay', { request: ask() });
  expect(await paid.json()).toMatchObject({ ok: true });
  expect(await json('/desk/nodes/shop/lndconnect?macaroon=receive')).toMatchObject({
    uri: expect.stringMatching(/^lndconnect:\/\/127/) as string,
  });
  for (const [path, body] of [
    ['do', { action: 'explode' }],
    ['faults', { gremlins: true }],
    ['method', { method: 'AddInvoice', fault: { kind: 'odd' } }],
    ['lie', { hash: '*', state: 'RICH' }],
  ] as const) {
    expect((await post(`/desk/nodes/shop/${path}`, body)).status).toBe(400);
  }
  expect((await post('/desk/nodes/nobody/do', { action: 'up' })).status).toBe(404);
});

test('the switches have a page, and can be served by themselves', async () => {
  const html = await (await fetch(`${origin}/desk/`)).text();
  expect(html).toContain('Freeze the network');
  const alone = await startControl({ nodes: () => [node] });
  const response = await fetch(`http://127.0.0.1:${alone.port}/nodes`);
  expect(await response.json()).toHaveLength(1);
  alone.close();
});

test('it makes a request of its own, which the node pays once', async () => {
  const own = payee();
  node.reaches(own);
  const app = express();
  app.use('/wallet', walletPages({ own }));
  const started = await new Promise<Server>((resolve) => {
    const at = app.listen(0, '127.0.0.1', () => {
      resolve(at);
    });
  });
  const at = `http://127.0.0.1:${(started.address() as AddressInfo).port}/wallet/receive`;
  expect(await (await fetch(at)).text()).toContain('Scanned code (LNURL)');
  const send = async (fields: Record<string, string>): Promise<string> => {
    const answer = await fetch(at, { method: 'POST', body: new URLSearchParams(fields) });
    return answer.text();
  };
  const [request = ''] = /lnbcrt1[a-z0-9]+|lnbcrt[0-9]+[munp]1[a-z0-9]+/.exec(
    await send({ sats: '21000' }),
  ) ?? [''];
  const read = readRequest(request);
  expect(read).toMatchObject({ amountMsat: 21_000_000n, payee: own.publicKey });
  const part = { hash: read.hash, amountMsat: 21_000_000n };
  expect(await own.receive({ ...part, amountMsat: 20_999_999n })).toMatchObject({ ok: false });
  expect(await own.receive(part)).toMatchObject({ ok: true });
  expect(await own.receive(part)).toMatchObject({ ok: false });
  expect(own.paid()).toEqual([read.hash]);
  expect(await send({ lnurl: 'lnurl1nonsense' })).toContain('role="alert"');
  started.closeAllConnections();
  started.close();
});
