// What a merchant is told who pastes the wrong thing, or the right thing of a node that is ill.
import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import tls from 'node:tls';
import * as grpc from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { startLnd } from '../../sandbox/lnd/index.ts';
import type { LndSimulator } from '../../sandbox/lnd/index.ts';
import { testNode, testPasted } from '../../web/lightning/connect.ts';
import type { TestOptions } from '../../web/lightning/connect.ts';
import type { NodeCredential } from '../../web/lightning/lndconnect.ts';
import { strangersCertificate, strangersKey, tcpProxy } from '../contract/tcp-proxy.ts';

let lnd: LndSimulator;
beforeAll(async () => {
  lnd = await startLnd({ seed: 'connect' });
});
afterAll(() => lnd.stop());
const open: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of open.splice(0)) await close();
  lnd.faults.reset();
  lnd.setPhase('SERVER_ACTIVE');
});

const now = new Date();
const good = (): NodeCredential => ({
  address: lnd.socket,
  certificatePem: lnd.certPem,
  macaroonHex: lnd.macaroon('receive-useful').toString('hex'),
});
const options: TestOptions = { allowPrivate: true, now };
const refusalOf = async (
  changes: Partial<NodeCredential>,
  more: Partial<TestOptions> = {},
): Promise<[refusal: string, sentence: string]> => {
  const tested = await testNode({ ...good(), ...changes }, { ...options, ...more });
  if (tested.ok) return ['none', ''];
  expect(tested.bake).toMatch(/^lncli bakemacaroon --root_key_id \d+ uri:/);
  expect(tested.sentence.length).toBeGreaterThan(20);
  return [tested.refusal, tested.sentence];
};

/** Listens like a node and does what `answer` does. */
const listening = async (server: net.Server): Promise<string> => {
  const sockets = new Set<net.Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
  });
  server.on('tlsClientError', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  open.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `127.0.0.1:${(server.address() as net.AddressInfo).port}`;
};
const stranger = { cert: strangersCertificate, key: strangersKey };

describe('a node that can be connected', () => {
  test('from a link, and nothing is left behind on it', async () => {
    const lndconnect = lnd.lndconnect(lnd.macaroon('receive-useful'));
    const tested = await testPasted({ lndconnect }, options);
    expect(tested).toMatchObject({
      ok: true,
      address: lnd.socket,
      identity: lnd.publicKey,
      alias: 'lnd',
      network: 'regtest',
      rootKeyId: '71',
      advice: [],
      credentialEndsAt: null,
      credential: { address: lnd.socket },
    });
    expect(lnd.openStreams()).toBe(0);
    if (tested.ok) expect(await testNode(tested.credential, options)).toMatchObject({ ok: true });
  });

  test('from its parts', async () => {
    const { address: host, certificatePem: certificate, macaroonHex: macaroon } = good();
    expect(await testPasted({ host, certificate, macaroon }, options)).toMatchObject({ ok: true });
  });

  test('the end of its credential is told, and advised when near', async () => {
    const timeBefore = new Date(now.getTime() + 5 * 86_400_000);
    const macaroonHex = lnd.macaroon('receive-useful', { timeBefore }).toString('hex');
    const tested = await testNode({ ...good(), macaroonHex }, options);
    expect(tested).toMatchObject({ ok: true, credentialEndsAt: timeBefore });
    if (tested.ok)
      expect(tested.advice.map(({ sentence }) => sentence).join()).toMatch(/bake a new one soon/);
  });

  test.each([
    ['no channels', [], /no channels yet/],
    ['no active channels', [{ local: 0n, remote: 1_000n, active: false }], /None of the channels/],
    ['full channels', [{ local: 1_000_000n, remote: 10_000n }], /full on your side/],
  ])('with %s it is connected, with advice', async (_what, channels, sentence) => {
    const other = await startLnd({ seed: 'channels', channels });
    open.push(() => other.stop());
    const tested = await testPasted(
      { lndconnect: other.lndconnect(other.macaroon('receive-useful')) },
      options,
    );
    expect(tested).toMatchObject({
      ok: true,
      advice: [{ sentence: expect.stringMatching(sentence) as string }],
    });
  });

  test('an old version, and one that is behind the chain', async () => {
    const other = await startLnd({ seed: 'old', version: '0.18.3-beta' });
    open.push(() => other.stop());
    other.setSyncedToChain(false);
    const lndconnect = other.lndconnect(other.macaroon('receive-useful'));
    const tested = await testPasted({ lndconnect }, options);
    if (!tested.ok) throw new Error(tested.sentence);
    expect(tested.advice.map(({ sentence }) => sentence)).toEqual([
      expect.stringMatching(/Update LND: with version 0\.18\.3/),
      expect.stringMatching(/catching up/),
    ]);
  });
});

describe('a credential that is not enough, or not honoured', () => {
  test.each([
    ['admin', 'credential_can_spend'],
    ['invoices', 'credential_can_spend'],
  ] as const)('%s', async (name, refusal) => {
    const calls = lnd.callsOf('LookupInvoice');
    const tested = await testNode(
      { ...good(), macaroonHex: lnd.macaroon(name).toString('hex') },
      options,
    );
    expect(tested).toMatchObject({ ok: false, refusal });
    if (!tested.ok) expect(tested.excess.length).toBeGreaterThan(0);
    expect(lnd.callsOf('LookupInvoice')).toBe(calls);
  });

  test('of another node, ended, locked to another address', async () => {
    const other = await startLnd({ seed: 'another' });
    open.push(() => other.stop());
    const macaroonOf = (of: LndSimulator, bake = {}): { macaroonHex: string } => ({
      macaroonHex: of.macaroon('receive-useful', bake).toString('hex'),
    });
    const [foreign, why] = await refusalOf(macaroonOf(other));
    expect(foreign).toBe('credential_refused_by_node');
    expect(why).toMatch(/another node|damaged|does not know/);
    const ended = macaroonOf(lnd, { timeBefore: new Date(now.getTime() - 1) });
    expect((await refusalOf(ended))[0]).toBe('credential_expired');
    const locked = macaroonOf(lnd, { ipAddress: '203.0.113.9' });
    expect((await refusalOf(locked))[0]).toBe('credential_refused_by_node');
  });

  test('a node that answers anybody', async () => {
    const seen: string[] = [];
    const address = await openToAll(seen);
    const certificatePem = strangersCertificate;
    const [refusal, sentence] = await refusalOf({ address, certificatePem });
    expect(refusal).toBe('node_without_macaroons');
    expect(sentence).toMatch(/--no-macaroons/);
    expect(seen).toContain('/lnrpc.Lightning/LookupInvoice');
  });
});

/** A gRPC server that knows every invoice lookup and asks nobody who he is. */
async function openToAll(seen: string[]): Promise<string> {
  const server = new grpc.Server();
  const bytes = (value: unknown): Buffer => value as Buffer;
  const method = (path: string): grpc.ServiceDefinition[string] => ({
    path,
    requestStream: false,
    responseStream: false,
    requestSerialize: bytes,
    requestDeserialize: (value: Buffer) => value,
    responseSerialize: bytes,
    responseDeserialize: (value: Buffer) => value,
  });
  const [state, lookup] = ['/lnrpc.State/GetState', '/lnrpc.Lightning/LookupInvoice'];
  server.addService(
    { state: method(state), lookup: method(lookup) },
    {
      // SERVER_ACTIVE is 4 in field 1.
      state: (_call: unknown, done: grpc.sendUnaryData<Buffer>) => {
        done(null, Buffer.from([8, 4]));
      },
      lookup: (_call: unknown, done: grpc.sendUnaryData<Buffer>) => {
        seen.push(lookup);
        done({ code: grpc.status.NOT_FOUND, details: 'unable to locate invoice' });
      },
    },
  );
  const [private_key, cert_chain] = [Buffer.from(strangersKey), Buffer.from(strangersCertificate)];
  const credentials = grpc.ServerCredentials.createSsl(null, [{ private_key, cert_chain }]);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', credentials, (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
  open.push(() => server.forceShutdown());
  return `127.0.0.1:${port}`;
}

describe('an address that is wrong', () => {
  test('private, where that is not allowed: nothing is connected to', async () => {
    const calls = lnd.callsOf('GetState');
    const [refusal] = await refusalOf({}, { allowPrivate: false });
    expect(refusal).toBe('address_forbidden');
    const rebound = { address: 'node.example:10009' };
    const resolve = (): Promise<string[]> => Promise.resolve(['9.9.9.9', '127.0.0.1']);
    expect((await refusalOf(rebound, { allowPrivate: false, resolve }))[0]).toBe(
      'address_forbidden',
    );
    expect(lnd.callsOf('GetState')).toBe(calls);
  });

  test('a name that does not exist, a port where nobody listens', async () => {
    const resolve = (): Promise<string[]> => Promise.reject(new Error('ENOTFOUND'));
    expect(await refusalOf({ address: 'node.example' }, { resolve })).toEqual([
      'node_unreachable',
      expect.stringMatching(/Nothing answers/),
    ]);
    const address = await listening(net.createServer());
    await open.pop()?.();
    expect((await refusalOf({ address }))[0]).toBe('node_unreachable');
  });

  test('a peer that accepts and is silent', async () => {
    const address = await listening(net.createServer());
    const before = Date.now();
    const [refusal, sentence] = await refusalOf({ address }, { stepMs: 1_000 });
    expect(refusal).toBe('node_silent');
    expect(sentence).toMatch(/10009/);
    expect(Date.now() - before).toBeLessThan(20_000);
  });

  test('a peer that hangs up, as a peer port does', async () => {
    const address = await listening(net.createServer((socket) => socket.destroy()));
    expect((await refusalOf({ address }))[0]).toBe('node_not_lnd');
  });

  test('a web server without TLS', async () => {
    const address = await listening(http.createServer((_request, response) => response.end('hi')));
    expect((await refusalOf({ address }))[0]).toBe('node_not_lnd');
  });

  test('a web server with the certificate of the node, as its REST port has', async () => {
    const certificatePem = strangersCertificate;
    const rest = https.createServer(stranger, (_request, response) => {
      response.writeHead(404, { 'content-type': 'application/json' });
      response.end('{"code":5}');
    });
    const address = await listening(rest);
    expect((await refusalOf({ address, certificatePem }))[0]).toBe('node_not_lnd');
  });

  test('a certificate that is not the pinned one: not a byte is said to it', async () => {
    let said = 0;
    const server = tls.createServer({ ...stranger, ALPNProtocols: ['h2'] }, (socket) => {
      socket.on('data', (bytes: Buffer) => {
        said += bytes.length;
      });
    });
    const address = await listening(server);
    const [refusal, sentence] = await refusalOf({ address });
    expect(refusal).toBe('certificate_wrong');
    expect(sentence).toMatch(/tls\.cert/);
    const [none, advice] = await refusalOf({ address, certificatePem: '' });
    expect(none).toBe('certificate_wrong');
    expect(advice).toMatch(/not of a public authority/);
    expect(said).toBe(0);
  });
});

describe('a node that is not well', () => {
  test.each([
    ['LOCKED', 'wallet_locked', /unlock/],
    ['NON_EXISTING', 'wallet_locked', /unlock/],
    ['UNLOCKED', 'node_unreachable', /starting up/],
    ['WAITING_TO_START', 'node_unreachable', /starting up/],
  ] as const)('%s', async (phase, refusal, words) => {
    lnd.setPhase(phase);
    expect(await refusalOf({})).toEqual([refusal, expect.stringMatching(words)]);
  });

  test.each([
    ['AddInvoice', 'node_silent'],
    ['LookupInvoice', 'node_silent'],
    ['GetInfo', 'node_silent'],
  ])('one that never answers %s', async (method, refusal) => {
    lnd.faults.onMethod(method, { kind: 'never-answer', work: true });
    expect((await refusalOf({}, { stepMs: 400 }))[0]).toBe(refusal);
  });

  test('one that does not announce its invoices', async () => {
    lnd.faults.set({ silentStreams: true });
    const [refusal, sentence] = await refusalOf({}, { stepMs: 2_000 });
    expect(refusal).toBe('test_invoice_failed');
    expect(sentence).toMatch(/announce/);
    lnd.faults.reset();
    const open_ = [...lnd.invoices.all()].filter((invoice) => invoice.state === 'OPEN');
    expect(open_).toEqual([]);
  });

  test('one that does not cancel, and one that lies about it', async () => {
    lnd.faults.onMethod('CancelInvoice', { kind: 'error-before', details: 'no' });
    expect(await refusalOf({})).toEqual(['test_invoice_failed', expect.stringMatching(/"no"/)]);
    lnd.faults.reset();
    lnd.faults.lie('*', { state: 'OPEN' });
    expect((await refusalOf({}))[0]).toBe('test_invoice_failed');
  });

  test('one that signs with another key, and one that writes rubbish', async () => {
    lnd.faults.set({ signsWithOtherKey: true });
    expect((await refusalOf({}))[0]).toBe('test_invoice_failed');
    expect((await refusalOf({}, { expected: { identity: lnd.publicKey } }))[0]).toBe(
      'identity_changed',
    );
    lnd.faults.reset();
    lnd.faults.set({ garbageRequests: true });
    expect((await refusalOf({}))[0]).toBe('test_invoice_failed');
  });

  test('one on another network', async () => {
    const [refusal, sentence] = await refusalOf({}, { expected: { network: 'mainnet' } });
    expect(refusal).toBe('network_wrong');
    expect(sentence).toMatch(/mainnet/);
  });

  test('one that is slow in everything: the whole ends in time', async () => {
    lnd.faults.set({ latencyMs: 4_000 });
    const before = Date.now();
    expect((await refusalOf({}, { wholeMs: 1_500 }))[0]).toBe('node_silent');
    // Call by call it would be half a minute.
    expect(Date.now() - before).toBeLessThan(20_000);
  });

  test('one that freezes after the handshake', async () => {
    const proxy = await tcpProxy(lnd.socket);
    open.push(proxy.close);
    proxy.loseAnswers();
    expect((await refusalOf({ address: proxy.address }, { stepMs: 500 }))[0]).toBe('node_silent');
  });
});
