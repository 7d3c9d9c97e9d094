// A buyer's Lightning address is a web address that a stranger chose. Its server is played over
// HTTP, honest and not; what must not be reached is refused before anything is connected to.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { generate } from 'selfsigned';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { addressPages, LIES, PAY_ADDRESS_HOST as host } from '../../sandbox/wallet/address.ts';
import { payee } from '../../sandbox/wallet/payee.ts';
import { msat } from '../../web/core/money.ts';
import { readPayAddress, type AskPayAddress } from '../../web/core/pay-address.ts';
import { parseRequest } from '../../web/lightning/bolt11.ts';
import { openPayAddresses } from '../../web/lnurl/pay-address.ts';
import { NoAnswer } from '../../web/outbound.ts';
import { getFromGiven, type GetFromGiven } from '../../web/outbound-given.ts';

const amountMsat = msat(21_000_000n);

describe('a Lightning address', () => {
  test.each([
    ['anna@wallet.example.com', 'anna', 'wallet.example.com'],
    ['  Anna+shop@Wallet.Example.COM ', 'anna+shop', 'wallet.example.com'],
    ['lightning:a_b-c.d@x.io', 'a_b-c.d', 'x.io'],
    ['⚡anna@x.io', 'anna', 'x.io'],
  ])('%s', (text, name, domain) => {
    expect(readPayAddress(text)).toEqual({ name, domain });
  });

  test.each([
    ...['', 'anna', 'anna@', '@x.io', 'anna@localhost', 'anna@x.io:8443', 'anna@x.io/y'],
    ...['..@x.io', '.@x.io', 'an na@x.io', 'a/b@x.io', 'a%2fb@x.io', 'anna@@x.io', 'a@b@x.io'],
    ...['anna@[::1]', 'anna@x.io#y', 'anna@x.io?y=1', 'anna@xn.io\n', 'änna@x.io', 'anna@ü.io'],
    ...['anna@.x.io', 'anna@x..io', `${'a'.repeat(65)}@x.io`, `a@${'x.'.repeat(200)}io`],
    ...['lnbcrt1qqqq', 'anna\\@x.io', 'user:pw@x.io'],
  ])('%j is none', (text) => {
    // A line's end around the whole is what a paste brings along.
    if (text.endsWith('\n')) expect(readPayAddress(text)?.domain).toBe('xn.io');
    else expect(readPayAddress(text)).toBeUndefined();
  });
});

describe('its server', () => {
  let server: Server;
  let origin = '';
  const asked: string[] = [];
  const missed: string[] = [];
  const of = payee('regtest');
  let ask: AskPayAddress;

  beforeAll(async () => {
    const app = express();
    app.use((request, _response, next) => {
      asked.push(request.originalUrl);
      next();
    });
    app.use(addressPages({ payee: of }));
    server = createServer(app).listen(0, '127.0.0.1');
    await once(server, 'listening');
    origin = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
    const get: GetFromGiven = (about) =>
      // Nobody waits six seconds for a test; a stall has no other end.
      getFromGiven({ origin })({ ...about, timeoutMs: patienceMs });
    ask = openPayAddresses({ get, readInvoice: parseRequest, missed: (m) => missed.push(m.why) });
  });
  let patienceMs = 30_000;
  afterEach(() => {
    patienceMs = 30_000;
    missed.length = 0;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  const answerOf = (name: string) => ask({ address: { name, domain: host }, amountMsat });

  test.each(['anna', 'hashless'])('%s gets an invoice over exactly the amount', async (name) => {
    const answer = await answerOf(name);
    const read = parseRequest(answer.ok ? answer.request : '');
    expect(read).toMatchObject({ amountMsat, payee: of.publicKey, network: 'regtest' });
    expect(missed).toEqual([]);
  });

  test('an invoice of another network, or an old one, is for others to judge', async () => {
    const [other, old] = [await answerOf('other_network'), await answerOf('old')];
    expect(parseRequest(other.ok ? other.request : '')?.network).toBe('testnet');
    expect(parseRequest(old.ok ? old.request : '')?.expiresAt.getTime()).toBeLessThan(Date.now());
  });

  const refused: Record<string, [refusal: string, why?: string]> = {
    nobody: ['address_refuses'],
    refusing: ['address_refuses'],
    late: ['address_refuses'],
    small: ['address_limits'],
    large: ['address_limits'],
    page: ['address_silent', 'not_json'],
    other: ['address_silent', 'not_its_form'],
    moved: ['address_silent', 'redirect'],
    poured: ['address_silent', 'too_large'],
    stalled: ['address_silent', 'timeout'],
    silent: ['address_silent', 'timeout'],
    inside: ['address_silent', 'unreachable'],
    plain: ['address_silent', 'unreachable'],
    other_amount: ['address_differs'],
    any_amount: ['address_differs'],
    other_hash: ['address_differs'],
    garbage: ['address_differs'],
  };
  test.each(Object.entries(refused))('%s is refused', async (name, [refusal, why]) => {
    if (why === 'timeout') patienceMs = 400;
    expect(await answerOf(name)).toEqual({ ok: false, refusal });
    expect(missed).toEqual(why === undefined ? [] : [why]);
    if (name === 'moved') expect(asked.at(-1)).toContain('/.well-known/lnurlp/moved');
  });

  test('every lie of the played server is looked at', () => {
    const taken = ['hashless', 'other_network', 'old'];
    expect(Object.keys(LIES).sort()).toEqual([...Object.keys(refused), ...taken].sort());
  });

  test('its callback stays what it was, with the amount behind it', async () => {
    await answerOf('anna');
    expect(asked.at(-1)).toBe(`/${host}/lnurlp/anna/make?from=zaptill&amount=21000000`);
  });
});

describe('an address inside our network', () => {
  const refusedHosts = [
    ...['127.0.0.1', '10.0.0.5', '169.254.169.254', '192.168.1.1', '100.64.0.1', '0.0.0.0'],
    ...['2130706433', '0x7f.1', '127.1', '0177.0.0.1'],
    ...['metadata.internal', 'db.localhost', 'printer.local', 'nas.home.arpa', 'abc.onion'],
  ];
  const names: Record<string, readonly string[]> = {
    'good.example.com': ['93.184.216.34'],
    'bad.example.com': ['10.0.0.7'],
    'mixed.example.com': ['93.184.216.34', '::1'],
    'six.example.com': ['::ffff:127.0.0.1'],
    'nat.example.com': ['64:ff9b::7f00:1'],
    'none.example.com': [],
  };
  const get = getFromGiven({
    origin: undefined,
    resolve: (name) => Promise.resolve(names[name] ?? []),
  });
  const failure = (url: string) =>
    get({ url, headers: {}, timeoutMs: 5_000, maxBytes: 10 }).then(
      () => 'answered',
      (error: unknown) => (error instanceof NoAnswer ? error.failure : String(error)),
    );

  test.each(refusedHosts)('%s is not connected to', async (name) => {
    expect(await failure(`https://${name}/.well-known/lnurlp/anna`)).toBe('unreachable');
  });
  test.each(Object.keys(names).filter((name) => name !== 'good.example.com'))(
    '%s, by what its name leads to, is not connected to',
    async (name) => {
      expect(await failure(`https://${name}/x`)).toBe('unreachable');
    },
  );
  test.each([
    ...['http://good.example.com/x', 'ftp://good.example.com/x', 'https://a:b@good.example.com/x'],
    ...['https://good.example.com/x#y', 'https://good.example.com\\@evil/x', 'file:///etc/passwd'],
    ...['https://good.example.com:5432/x', 'https://good.example.com:22/x', ' https://good/x', ''],
    'https://good.example.com/\tx',
  ])('%j is not of the form', async (url) => {
    expect(await failure(url)).toBe('unreachable');
  });
});

describe('an answer over TLS', () => {
  test('is read to its limit, from the checked address and under its name only', async () => {
    const made = await generate([{ name: 'commonName', value: 'good.example.com' }], {
      extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: 'good.example.com' }] }],
    });
    const server = createHttpsServer(
      { key: made.private, cert: made.cert },
      (request, response) => {
        if (request.url === '/moved') response.writeHead(302, { Location: '/x' }).end();
        else if (request.url === '/cut') {
          response.writeHead(200, { 'Content-Length': '50' });
          response.write('x', () => response.destroy());
        } else if (request.url === '/stall') response.write('x');
        else response.end('x'.repeat(20));
      },
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const get = getFromGiven({
      origin: undefined,
      resolve: () => Promise.resolve(['93.184.216.34']),
      instead: { ip: '127.0.0.1', ca: made.cert },
    });
    const at = (
      path: string,
      more: { maxBytes?: number; timeoutMs?: number; name?: string } = {},
    ) =>
      get({
        url: `https://${more.name ?? 'good.example.com'}:${String(port)}${path}`,
        headers: {},
        timeoutMs: more.timeoutMs ?? 30_000,
        maxBytes: more.maxBytes ?? 20,
      });
    expect(await at('/x')).toEqual({ status: 200, text: 'x'.repeat(20) });
    expect(await at('/moved')).toEqual({ status: 302, text: '' });
    await expect(at('/x', { maxBytes: 19 })).rejects.toMatchObject({ failure: 'too_large' });
    await expect(at('/cut')).rejects.toMatchObject({ failure: 'cut' });
    await expect(at('/stall', { timeoutMs: 400 })).rejects.toMatchObject({ failure: 'timeout' });
    await expect(at('/x', { name: 'other.example.com' })).rejects.toBeInstanceOf(NoAnswer);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
});
