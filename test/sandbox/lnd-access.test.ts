import { Client, credentials, Metadata } from '@grpc/grpc-js';
import type { ServiceError } from '@grpc/grpc-js';
import { X509Certificate } from 'node:crypto';
import {
  createInvoice,
  getInvoice,
  getInvoices,
  getWalletInfo,
  getWalletStatus,
  getChannels,
  grantAccess,
  revokeAccess,
  cancelHodlInvoice,
  pay,
  unauthenticatedLndGrpc,
} from 'lightning';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { constrainMacaroon, readMacaroon, startLnd } from '../../sandbox/lnd/index.ts';
import type { LndSimulator } from '../../sandbox/lnd/index.ts';
import { connect, follow, pause, refusalOf, until } from './lnd-client.ts';

let node: LndSimulator;

beforeAll(async () => {
  node = await startLnd({ seed: 'access', alias: 'shop' });
});
afterAll(() => node.stop({ how: 'kill' }));

const info = (macaroon: Buffer): Promise<unknown> =>
  getWalletInfo({ lnd: connect(node, macaroon) });
const said = async (macaroon: Buffer): Promise<string> => {
  const { grpcCode, details } = await refusalOf(info(macaroon));
  expect(grpcCode).toBe(2);
  return details;
};

test('the receive set creates, looks up, streams and cancels, and nothing else', async () => {
  const lnd = connect(node, node.macaroon('receive'));
  const stream = follow(lnd);
  await until(() => node.openStreams('SubscribeInvoices') === 1);
  const { id, request } = await createInvoice({ lnd, mtokens: '5000' });
  await node.pay(request);
  await until(() => stream.settled().length === 1);
  stream.close();
  expect(await getInvoice({ lnd, id })).toMatchObject({ is_confirmed: true });
  const other = await createInvoice({ lnd, mtokens: '5000' });
  await cancelHodlInvoice({ lnd, id: other.id });
  const denied = [
    () => getWalletInfo({ lnd }),
    () => getInvoices({ lnd }),
    () => getChannels({ lnd }),
    () => pay({ lnd, request: other.request, pathfinding_timeout: 1000 }),
    () => createInvoice({ lnd, tokens: 5, is_fallback_included: true }),
  ];
  for (const call of denied) {
    expect((await refusalOf(call())).details).toBe('permission denied');
  }
  const baking = grantAccess({ lnd, permissions: ['info:read'] });
  expect(await refusalOf(baking)).toMatchObject({
    code: 403,
    name: 'PermissionDeniedToBakeMacaroon',
  });
});

test("LND's own files: what they may, and that they stand on root key 0", async () => {
  const names = ['admin', 'readonly', 'invoice', 'invoices', 'router'] as const;
  for (const name of names) expect(readMacaroon(node.macaroon(name)).rootKeyId).toBe('0');
  await expect(info(node.macaroon('admin'))).resolves.toMatchObject({ alias: 'shop' });
  await expect(info(node.macaroon('readonly'))).resolves.toBeDefined();
  expect(await said(node.macaroon('invoice'))).toBe('permission denied');
  expect(readMacaroon(node.macaroon('receive')).rootKeyId).toBe('71');
});

test('every sentence for a macaroon that is no good', async () => {
  const admin = node.macaroon('admin');
  const damaged = Buffer.from(admin);
  damaged[damaged.length - 1] = (damaged.at(-1) ?? 0) ^ 1;
  expect(await said(damaged)).toBe(
    'verification failed: signature mismatch after caveat verification',
  );
  expect(await said(admin.subarray(0, -5))).toBe(
    'unmarshal v2: field data extends past end of buffer',
  );
  expect(await said(Buffer.from('rubbish'))).toBe(
    'cannot determine data format of binary-encoded macaroon',
  );
  const then = '2024-01-01T00:00:00.000000000Z';
  expect(await said(constrainMacaroon(admin, [`time-before ${then}`]))).toBe(
    `caveat "time-before ${then}" not satisfied: macaroon has expired`,
  );
  expect(await said(constrainMacaroon(admin, ['ipaddr 10.9.8.7']))).toBe(
    'caveat "ipaddr 10.9.8.7" not satisfied: macaroon locked to different IP address',
  );
  await expect(info(constrainMacaroon(admin, ['ipaddr 127.0.0.1']))).resolves.toBeDefined();
  expect(await said(constrainMacaroon(admin, ['lnd-custom account 1']))).toBe(
    'caveat "lnd-custom account 1" not satisfied: cannot accept macaroon with custom caveat ' +
      "'account', no middleware registered to handle it",
  );
  const stranger = await startLnd({ seed: 'stranger' });
  expect(await said(stranger.macaroon('admin'))).toMatch(/^verification failed/);
  await stranger.stop({ how: 'kill' });
});

test('no macaroon: only the state may be asked; unknown methods are code 12', async () => {
  const cert = Buffer.from(node.certPem).toString('base64');
  const { lnd } = unauthenticatedLndGrpc({ cert, socket: node.socket });
  await expect(getWalletStatus({ lnd })).resolves.toMatchObject({ is_active: true });
  const client = new Client(node.socket, credentials.createSsl(Buffer.from(node.certPem)));
  const ask = (path: string): Promise<{ code: number; details: string }> =>
    new Promise((resolve) => {
      const plain = (bytes: Buffer): Buffer => bytes;
      client.makeUnaryRequest(path, plain, plain, Buffer.alloc(0), (error) => {
        resolve({ code: error?.code ?? 0, details: error?.details ?? '' });
      });
    });
  const details = 'expected 1 macaroon, got 0';
  expect(await ask('/lnrpc.Lightning/GetInfo')).toEqual({ code: 2, details });
  expect(await ask('/lnrpc.Lightning/Fly')).toMatchObject({ code: 12 });
  expect(await ask('/lnrpc.Plane/Fly')).toEqual({
    code: 12,
    details: 'unknown service lnrpc.Plane',
  });
  client.close();
});

test('bake with own root key, revoke it, and an open stream goes on', async () => {
  const admin = connect(node);
  const { macaroon } = await grantAccess({
    lnd: admin,
    id: '77',
    permissions: ['uri:/lnrpc.Lightning/SubscribeInvoices', 'uri:/lnrpc.Lightning/LookupInvoice'],
  });
  const baked = Buffer.from(macaroon, 'base64');
  expect(readMacaroon(baked)).toMatchObject({ rootKeyId: '77' });
  const lnd = connect(node, baked);
  const stream = follow(lnd);
  await until(() => node.openStreams('SubscribeInvoices') === 1);
  await revokeAccess({ lnd: admin, id: '77' });
  node.invoices.add({ amountMsat: 5000n });
  await until(() => stream.events.length === 1);
  stream.close();
  expect((await refusalOf(getInvoice({ lnd, id: '00'.repeat(32) }))).details).toBe(
    "cannot retrieve macaroon: cannot get macaroon: root key with id 77 doesn't exist",
  );
  const zero = await refusalOf(revokeAccess({ lnd: admin, id: '0' }));
  expect(zero.details).toBe('deleting the default root key ID 0 is not allowed');
});

test('only URIs and entities that exist can be baked', async () => {
  const lnd = connect(node);
  const bake = async (permission: string): Promise<string> =>
    (await refusalOf(grantAccess({ lnd, permissions: [permission] }))).details;
  expect(await bake('uri:/lnrpc.Lightning/Nothing')).toMatch(
    /^invalid permission action, must be an existing URI/,
  );
  expect(await bake('money:read')).toMatch(/^invalid permission entity/);
});

test('HtlcModifier is denied as soon as its stream opens', async () => {
  const client = new Client(node.socket, credentials.createSsl(Buffer.from(node.certPem)));
  const macaroon = new Metadata();
  macaroon.set('macaroon', node.macaroon('receive').toString('hex'));
  const plain = (bytes: Buffer): Buffer => bytes;
  const path = '/invoicesrpc.Invoices/HtlcModifier';
  const call = client.makeBidiStreamRequest(path, plain, plain, macaroon);
  const details = await new Promise<string>((resolve) => {
    call.on('error', (error: ServiceError) => {
      resolve(error.details);
    });
  });
  expect(details).toBe('permission denied');
  client.close();
});

test('the certificate is like the one that LND makes', () => {
  const certificate = new X509Certificate(node.certPem);
  expect(certificate.subject).toContain('O=lnd autogenerated cert');
  expect(certificate.ca).toBe(true);
  expect(certificate.publicKey.asymmetricKeyDetails?.namedCurve).toBe('prime256v1');
  expect(certificate.subjectAltName).toContain('DNS:localhost');
  expect(certificate.verify(certificate.publicKey)).toBe(true);
  const days = (certificate.validToDate.getTime() - Date.now()) / 86_400_000;
  expect(Math.round(days)).toBe(420);
});

test('the lndconnect address carries certificate and macaroon', () => {
  const uri = new URL(node.lndconnect(node.macaroon('receive')));
  expect([uri.protocol, uri.host]).toEqual(['lndconnect:', node.socket]);
  const der = Buffer.from(uri.searchParams.get('cert') ?? '', 'base64url');
  expect(new X509Certificate(der).toString()).toBe(new X509Certificate(node.certPem).toString());
  const macaroon = Buffer.from(uri.searchParams.get('macaroon') ?? '', 'base64url');
  expect(readMacaroon(macaroon).operations).toHaveLength(4);
});

test('start-up phases and the locked wallet, in the words of LND', async () => {
  const lnd = connect(node);
  for (const [phase, words] of [
    ['WAITING_TO_START', 'waiting to start, RPC services not available'],
    ['NON_EXISTING', 'wallet not created, create one to enable full RPC access'],
    ['LOCKED', 'wallet locked, unlock it to enable full RPC access'],
    [
      'UNLOCKED',
      'the RPC server is in the process of starting up, but not yet ready to accept calls',
    ],
  ] as const) {
    node.setPhase(phase);
    expect(await refusalOf(getWalletInfo({ lnd }))).toMatchObject({ grpcCode: 2, details: words });
  }
  node.setPhase('SERVER_ACTIVE');
  await expect(getWalletInfo({ lnd })).resolves.toBeDefined();
});

test('channels: complete fields, none at all, and what can be received', async () => {
  const lnd = connect(node);
  const terms = { local: 2_000_000n, remote: 8_000_000n };
  node.setChannels([terms, { ...terms, private: true, active: false }]);
  const { channels } = await getChannels({ lnd });
  expect(channels.map(({ is_active, is_private }) => [is_active, is_private])).toEqual([
    [true, false],
    [false, true],
  ]);
  const [channel] = channels;
  expect(channel).toMatchObject({ remote_balance: 8_000_000, remote_reserve: 100_000 });
  // Measured on real LND, partner opened: remote balance less reserve less 458.
  const most = 8_000_000n - 100_000n - 458n;
  const { request } = await createInvoice({ lnd, mtokens: '1000' });
  const tooMuch = (most + 1n) * 1000n;
  expect(await node.pay(request, { amountMsat: tooMuch })).toEqual({ ok: false, why: 'NO_ROUTE' });
  expect(await node.pay(request, { amountMsat: most * 1000n })).toMatchObject({ ok: true });

  node.setChannels([]);
  const next = await createInvoice({ lnd, mtokens: '5000' });
  expect((await getChannels({ lnd })).channels).toEqual([]);
  expect(await node.pay(next.request)).toEqual({ ok: false, why: 'NO_ROUTE' });
});

test('a node kept in a folder is the same node after a second start', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'lnd-'));
  try {
    const first = await startLnd({ dir });
    const macaroon = first.macaroon('receive');
    const lnd = connect(first, macaroon);
    const open = await createInvoice({ lnd, mtokens: '5000' });
    const paid = await createInvoice({ lnd, mtokens: '7000' });
    await first.pay(paid.request);
    const before = { port: first.port, certPem: first.certPem, publicKey: first.publicKey };
    await first.stop();

    const second = await startLnd({ dir });
    expect({ port: second.port, certPem: second.certPem, publicKey: second.publicKey }).toEqual(
      before,
    );
    const again = connect(second, macaroon);
    expect(await getInvoice({ lnd: again, id: paid.id })).toMatchObject({
      is_confirmed: true,
      received_mtokens: '7000',
      confirmed_index: 1,
    });
    expect(await second.pay(open.request)).toMatchObject({ ok: true });
    expect(await getInvoice({ lnd: again, id: open.id })).toMatchObject({ confirmed_index: 2 });
    await pause(10);
    await second.stop({ how: 'kill' });
  } finally {
    rmSync(dir, { recursive: true });
  }
});
