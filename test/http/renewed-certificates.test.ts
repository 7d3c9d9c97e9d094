// The certificates of the mTLS door are renewed in their files while it is open.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import type { TLSSocket } from 'node:tls';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import {
  makeCertificates,
  serverCertificate,
  type Certificates,
  type Pair,
} from '../../sandbox/shopify/payments/certificates.ts';
import { readConfig, type PaymentsDoor } from '../../web/config.ts';
import { openMutualTls, type MutualTls } from '../../web/http/mutual-tls.ts';
import { keepRenewed } from '../../web/http/renewed-certificates.ts';
import { aLog } from '../worker/play.ts';

let known: Certificates;
let first: Pair;
let second: Pair;
beforeAll(async () => {
  [known, first, second] = await Promise.all([
    makeCertificates(),
    serverCertificate(),
    serverCertificate(),
  ]);
});

let dir: string;
let door: PaymentsDoor;
let server: MutualTls;
let stop: () => void;
let log: ReturnType<typeof aLog>;
const file = (name: string): string => path.join(dir, name);
const write = (name: 'cert' | 'key' | 'ca', text: string): void => {
  writeFileSync(file(name), text);
};
const configured = (cert: string, key: string, ca: string) =>
  readConfig({
    APP_URL: 'http://127.0.0.1:3000',
    VAULT_KEYS: `1:${randomBytes(32).toString('base64')}`,
    ...{ PAYMENTS_API_KEY: 'payments-client', PAYMENTS_API_SECRET: 'shpss_payments' },
    ...{ PAYMENTS_PORT: '3443', PAYMENTS_TLS_CERT: cert, PAYMENTS_TLS_KEY: key },
    PAYMENTS_CLIENT_CA: ca,
  });
beforeEach(async () => {
  dir = mkdtempSync(path.join(os.tmpdir(), 'zaptill-door-'));
  write('cert', first.cert);
  write('key', first.key);
  write('ca', known.bundles.current);
  const { paymentsDoor } = configured(file('cert'), file('key'), file('ca'));
  if (paymentsDoor === undefined) throw new Error('there is no door');
  door = paymentsDoor;
  server = openMutualTls(door, (_request, response) => response.end('in'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  log = aLog();
  stop = keepRenewed({ log, renew: server.renew }, door, 20);
});
afterEach(() => {
  stop();
  server.close();
  server.closeAllConnections();
  rmSync(dir, { recursive: true });
});

/** Knocks with a client's certificate, and gives the server's. */
const knock = (who: 'current' | 'old' | 'leaf', agent: Agent | false = false): Promise<string> =>
  new Promise((resolve, reject) => {
    const { port } = server.address() as AddressInfo;
    const call = request({
      ...{ host: '127.0.0.1', port, agent, rejectUnauthorized: false },
      ...known.pairs[who],
    });
    call.on('response', (answer) => {
      const { fingerprint256 } = (answer.socket as TLSSocket).getPeerCertificate();
      answer.resume().on('end', () => {
        resolve(fingerprint256);
      });
    });
    call.on('error', reject);
    call.end();
  });
const said =
  (what: string): (() => number) =>
  () =>
    log.said(`payments_door.${what}`).length;
const soon = { timeout: 30_000, interval: 20 };

test('a renewed certificate is shown without a restart', async () => {
  const before = await knock('current');
  expect(await knock('current')).toBe(before);
  write('cert', second.cert);
  write('key', second.key);
  await expect.poll(said('renewed'), soon).toBe(1);
  expect(await knock('current')).not.toBe(before);
});

test('a broken file, or one without its key, is said, and the old one stays', async () => {
  const before = await knock('current');
  write('cert', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
  await expect.poll(said('not_renewed'), soon).toBe(1);
  write('cert', second.cert);
  await expect.poll(said('not_renewed'), soon).toBe(2);
  const [broken, lonely] = log.said('payments_door.not_renewed');
  expect(broken?.about['because']).toMatch(/^PAYMENTS_TLS_CERT is wrong/);
  expect(lonely?.about['because']).toMatch(/^PAYMENTS_TLS_KEY is wrong/);
  expect(await knock('current')).toBe(before);
  write('key', second.key);
  await expect.poll(said('renewed'), soon).toBe(1);
  expect(await knock('current')).not.toBe(before);
});

test('who is known is renewed too: authorities, and clients by their own certificate', async () => {
  await expect(knock('old')).rejects.toThrow();
  write('ca', known.bundles.both);
  await expect.poll(said('renewed'), soon).toBe(1);
  expect(await knock('old')).toBe(await knock('current'));
  write('ca', known.bundles.leaf);
  await expect.poll(said('renewed'), soon).toBe(2);
  await knock('leaf');
  for (const who of ['old', 'current'] as const) await expect(knock(who)).rejects.toThrow();
  rmSync(file('ca'));
  await expect.poll(said('not_renewed'), soon).toBe(1);
  await knock('leaf');
  await expect(knock('current')).rejects.toThrow();
});

test('a connection that was let in before does not outlive what let it in', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  await knock('current', agent);
  write('ca', known.bundles.old);
  await expect.poll(said('renewed'), soon).toBe(1);
  await expect(knock('current', agent)).rejects.toThrow();
  agent.destroy();
});

test('only files are looked at: a text that was given stays what it is', () => {
  expect(door.files).toEqual([file('cert'), file('key'), file('ca')]);
  const { paymentsDoor } = configured(first.cert, first.key, known.bundles.current);
  expect(paymentsDoor?.files).toEqual([]);
});
