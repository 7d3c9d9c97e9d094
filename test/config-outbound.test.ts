import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Defect } from '../web/core/trouble.ts';
import { NoAnswer, outbound } from '../web/outbound.ts';

const seen: { url: string; method: string; headers: IncomingMessage['headers']; body: string }[] =
  [];
const answers: Record<string, (response: ServerResponse) => void> = {
  '/api.kraken.com/plain': (response) => response.end('{"ok":true}'),
  '/api.kraken.com/moved': (response) => {
    response.writeHead(302, { location: '/api.kraken.com/plain' }).end();
  },
  '/api.kraken.com/large': (response) => response.end('x'.repeat(10_000)),
  '/api.kraken.com/silent': () => undefined,
  '/api.kraken.com/slow-body': (response) => void response.write('first'),
  '/api.kraken.com/cut': (response) => {
    response.writeHead(200, { 'content-length': '100' }).write('first');
    setTimeout(() => response.destroy(), 20);
  },
};
const server = createServer((request, response) => {
  const chunks: Uint8Array[] = [];
  request.on('data', (chunk: Uint8Array) => chunks.push(chunk));
  request.on('end', () => {
    const [url = '', method = ''] = [request.url, request.method];
    seen.push({ url, method, headers: request.headers, body: Buffer.concat(chunks).toString() });
    (answers[url.split('?')[0] ?? ''] ?? ((gone: ServerResponse) => gone.writeHead(404).end('no')))(
      response,
    );
  });
});
let origin = '';

beforeAll(async () => {
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  origin = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((closed) => server.close(closed));
});

const kraken = (path: string) => `https://api.kraken.com${path}`;

async function failureOf(path: string, limits: { timeoutMs: number; maxBytes?: number }) {
  const { fetchOutside } = outbound({ origin });
  return fetchOutside(kraken(path), limits).then(
    () => 'answered',
    (error: unknown) => (error instanceof NoAnswer ? error.failure : String(error)),
  );
}

describe('a call to the outside', () => {
  test('goes to the stand-in with host, path and query', async () => {
    const { fetchOutside, outsideUrl } = outbound({ origin });
    const answer = await fetchOutside('https://shop1.myshopify.com/admin/x?a=1&b=%20c', {
      method: 'POST',
      headers: { 'X-Shopify-Access-Token': 't' },
      body: '{"é":1}',
      timeoutMs: 2_000,
    });
    expect(answer).toMatchObject({ status: 404, text: 'no' });
    expect(seen.at(-1)).toMatchObject({
      url: '/shop1.myshopify.com/admin/x?a=1&b=%20c',
      method: 'POST',
      body: '{"é":1}',
    });
    expect(seen.at(-1)?.headers['x-shopify-access-token']).toBe('t');
    expect(outsideUrl('https://admin.shopify.com/store/s?x=1')).toBe(
      `${origin}/admin.shopify.com/store/s?x=1`,
    );
    expect(outbound({ origin: undefined }).outsideUrl('https://admin.shopify.com/store/s')).toBe(
      'https://admin.shopify.com/store/s',
    );
  });

  test('follows no redirect', async () => {
    const { fetchOutside } = outbound({ origin });
    const before = seen.length;
    expect((await fetchOutside(kraken('/moved'), { timeoutMs: 2_000 })).status).toBe(302);
    expect(seen.length).toBe(before + 1);
  });

  test('ends in time and in size, and says how', async () => {
    expect(await failureOf('/plain', { timeoutMs: 2_000 })).toBe('answered');
    expect(await failureOf('/silent', { timeoutMs: 100 })).toBe('timeout');
    expect(await failureOf('/slow-body', { timeoutMs: 100 })).toBe('timeout');
    expect(await failureOf('/cut', { timeoutMs: 2_000 })).toBe('cut');
    expect(await failureOf('/large', { timeoutMs: 2_000, maxBytes: 9_999 })).toBe('too_large');
    expect(await failureOf('/large', { timeoutMs: 2_000, maxBytes: 10_000 })).toBe('answered');
  });

  test('knows when nobody was there to hear it', async () => {
    const closed = createServer();
    await new Promise<void>((listening) => closed.listen(0, '127.0.0.1', listening));
    const { port } = closed.address() as AddressInfo;
    await new Promise((done) => closed.close(done));
    const { fetchOutside } = outbound({ origin: `http://127.0.0.1:${String(port)}` });
    const error: unknown = await fetchOutside(kraken('/plain?secret=canary'), {
      timeoutMs: 2_000,
    }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ failure: 'unreachable' });
    expect(String(error)).not.toContain('canary');
  });

  test.each([
    'https://example.com/',
    'https://myshopify.com/',
    'https://evil.com/.myshopify.com',
    'https://a.myshopify.com.evil.com/',
    'https://a_b.myshopify.com/',
    'https://x.y.myshopify.com/',
    'https://a.myshopify.com:8443/',
    'http://api.kraken.com/',
    'https://user:pass@api.kraken.com/',
    'https://127.0.0.1/',
    'https://169.254.169.254/latest',
    'file:///etc/passwd',
    'no address',
  ])('to %s is refused', async (url) => {
    const before = seen.length;
    const { fetchOutside } = outbound({ origin });
    await expect(fetchOutside(url, { timeoutMs: 500 })).rejects.toThrow(Defect);
    expect(() => outbound({ origin: undefined }).outsideUrl(url)).toThrow(Defect);
    expect(seen.length).toBe(before);
  });
});
