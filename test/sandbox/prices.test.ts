import express from 'express';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { market, priceControls, pricePages } from '../../sandbox/prices/index.ts';

const prices = market();
let server: Server;
let origin: string;

beforeAll(async () => {
  const app = express();
  app.use(pricePages(prices));
  app.use('/prices', priceControls(prices));
  server = await new Promise<Server>((resolve) => {
    const started = app.listen(0, '127.0.0.1', () => {
      resolve(started);
    });
  });
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  prices.reset();
});

const get = (path: string): Promise<Response> => fetch(origin + path);
const json = async (path: string): Promise<unknown> => (await get(path)).json();
const set = async (wish: object): Promise<number> => {
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify(wish);
  return (await fetch(`${origin}/prices`, { method: 'POST', headers, body })).status;
};

test('Kraken answers under its own name, with strings in arrays and no time', async () => {
  const answer = (await json('/api.kraken.com/0/public/Ticker?pair=XBTEUR')) as {
    error: string[];
    result: Record<string, Record<'a' | 'b' | 'c', string[]>>;
  };
  expect(answer.error).toEqual([]);
  expect(Object.keys(answer.result)).toEqual(['XXBTZEUR']);
  expect(answer.result['XXBTZEUR']?.c[0]).toMatch(/^\d{5}\.\d{5}$/);
  expect(JSON.stringify(answer)).not.toMatch(/time/);
});

test('Kraken keeps some names short, and an unknown pair is HTTP 200 with an error', async () => {
  const franc = (await json('/api.kraken.com/0/public/Ticker?pair=XBTCHF')) as { result: object };
  expect(Object.keys(franc.result)).toEqual(['XBTCHF']);
  const response = await get('/api.kraken.com/0/public/Ticker?pair=XBTKWD');
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual({ error: ['EQuery:Unknown asset pair'] });
});

test('Kraken and Bitstamp trade some currencies against dollars, too', async () => {
  const kraken = async (pair: string): Promise<number> => {
    const path = `/api.kraken.com/0/public/Ticker?pair=${pair}`;
    const { result } = (await json(path)) as { result: Record<string, { c: [string] }> };
    return Number(Object.values(result)[0]?.c[0]);
  };
  const euro = '/www.bitstamp.net/api/v2/ticker/eurusd/';
  const bitstamp = Number(((await json(euro)) as { last: string }).last);
  const { data } = (await json('/api.coinbase.com/v2/exchange-rates')) as {
    data: { rates: Record<string, string> };
  };
  expect(bitstamp / (await kraken('EURUSD'))).toBeCloseTo(1, 2);
  expect((await kraken('USDJPY')) / Number(data.rates['JPY'])).toBeCloseTo(1, 2);
  expect(1 / (await kraken('EURUSD')) / Number(data.rates['EUR'])).toBeCloseTo(1, 2);
});

test('Coinbase prices nearly every currency, with the places that the currency has', async () => {
  const spot = async (pair: string): Promise<unknown> =>
    json(`/api.coinbase.com/v2/prices/${pair}/spot`);
  expect(await spot('BTC-EUR')).toEqual({
    data: {
      amount: expect.stringMatching(/^\d{5}\.\d{3}$/) as string,
      base: 'BTC',
      currency: 'EUR',
    },
  });
  for (const currency of ['KWD', 'BHD', 'JPY', 'KRW']) {
    expect(await spot(`BTC-${currency}`)).toMatchObject({ data: { currency } });
  }
  const unknown = await get('/api.coinbase.com/v2/prices/BTC-ZZZ/spot');
  expect(unknown.status).toBe(404);
  expect(await unknown.json()).toEqual({
    errors: [{ id: 'not_found', message: 'Invalid currency' }],
  });
});

test('Coinbase exchange rates agree with its spot price, from either side', async () => {
  const rates = async (currency: string): Promise<Record<string, string>> => {
    const path = `/api.coinbase.com/v2/exchange-rates?currency=${currency}`;
    const answer = (await json(path)) as { data: { currency: string; rates: object } };
    expect(answer.data.currency).toBe(currency);
    return answer.data.rates as Record<string, string>;
  };
  const inBitcoin = await rates('BTC');
  const inDollars = await rates('USD');
  expect(inBitcoin['BTC']).toBe('1');
  expect(inBitcoin['KWD']).toMatch(/^\d{5}\.\d{8}$/);
  expect(Number(inBitcoin['USD']) * Number(inDollars['BTC'])).toBeCloseTo(1, 2);
  expect(inDollars['EUR']).toMatch(/^0\.90/);
  const bad = await get('/api.coinbase.com/v2/exchange-rates?currency=ZZZ');
  expect(bad.status).toBe(400);
});

test('Bitstamp lists three currencies and tells the time; another pair is a page', async () => {
  const ticker = (await json('/www.bitstamp.net/api/v2/ticker/btceur/')) as Record<string, string>;
  expect(ticker['last']).toMatch(/^\d{5}$/);
  expect(Math.abs(Number(ticker['timestamp']) - Date.now() / 1000)).toBeLessThan(60);
  const unknown = await get('/www.bitstamp.net/api/v2/ticker/btcjpy/');
  expect(unknown.status).toBe(404);
  expect(unknown.headers.get('content-type')).toContain('html');
});

test('the three agree within a tenth of a per cent until one of them lies', async () => {
  const kraken = async (): Promise<number> => {
    const path = '/api.kraken.com/0/public/Ticker?pair=XBTUSD';
    const { result } = (await json(path)) as { result: { XXBTZUSD: { c: [string, string] } } };
    return Number(result.XXBTZUSD.c[0]);
  };
  const coinbase = async (): Promise<number> => {
    const path = '/api.coinbase.com/v2/prices/BTC-USD/spot';
    return Number(((await json(path)) as { data: { amount: string } }).data.amount);
  };
  expect((await kraken()) / (await coinbase())).toBeCloseTo(1, 3);
  expect(await set({ lie: { source: 'kraken', basisPoints: 500 } })).toBe(200);
  expect((await kraken()) / (await coinbase())).toBeCloseTo(1.05, 3);
});

test('the switches: 503, 429, rubbish, zero, negative, absurd, stale', async () => {
  const bitstamp = '/www.bitstamp.net/api/v2/ticker/btcusd/';
  const fault = (kind: string | null): Promise<number> =>
    set({ fault: { source: 'bitstamp', kind } });
  const last = async (): Promise<number> =>
    Number(((await json(bitstamp)) as { last: string }).last);
  const honest = await last();
  for (const [kind, status] of [
    ['unavailable', 503],
    ['too-many', 429],
  ] as const) {
    await fault(kind);
    expect((await get(bitstamp)).status).toBe(status);
  }
  await fault('garbage');
  await expect(json(bitstamp)).rejects.toThrow(SyntaxError);
  await fault('zero');
  expect(await last()).toBe(0);
  await fault('negative');
  expect(await last()).toBeLessThan(-50_000);
  await fault('absurd');
  expect(await last()).toBeGreaterThan(honest * 900);
  await fault('stale');
  const { timestamp } = (await json(bitstamp)) as { timestamp: string };
  expect(Date.now() / 1000 - Number(timestamp)).toBeGreaterThan(590);
  await fault(null);
  expect(await last()).toBe(honest);
  expect(await fault('tired')).toBe(400);
  expect(await set({ dollarsPerBitcoin: 'much' })).toBe(400);
});

test('a silent source accepts the request and never answers', async () => {
  await set({ fault: { source: 'coinbase', kind: 'silence' } });
  const asked = fetch(`${origin}/api.coinbase.com/v2/prices/BTC-USD/spot`, {
    signal: AbortSignal.timeout(300),
  });
  await expect(asked).rejects.toThrow(/timeout/);
});

test('a drift moves the market with time, and a stale source stays behind', () => {
  let now = 1_700_000_000_000;
  const moving = market({ now: () => now });
  moving.drift(50);
  const before = moving.price('kraken', 'USD');
  moving.fault('bitstamp', 'stale');
  const old = moving.price('bitstamp', 'USD');
  now += 120_000;
  expect((moving.price('kraken', 'USD') * 10_000n) / before).toBe(10_100n);
  expect(moving.price('bitstamp', 'USD')).toBe(old);
});
