import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { market, pricePages } from '../../sandbox/prices/index.ts';
import { currencyOf, type Currency } from '../../web/core/money.ts';
import type { RateSource } from '../../web/core/ports.ts';
import { agreePrice, quotePolicy } from '../../web/core/quote.ts';
import { Trouble } from '../../web/core/trouble.ts';
import { outbound } from '../../web/outbound.ts';
import { makeRates } from '../../web/rates/agreed.ts';
import { bitstamp } from '../../web/rates/bitstamp.ts';
import { coinbase } from '../../web/rates/coinbase.ts';
import { kraken } from '../../web/rates/kraken.ts';

const prices = market();
let server: Server;
let sources: RateSource[];
const clock = (): Date => new Date();
const of = (code: string): Currency => currencyOf(code) as Currency;

beforeAll(async () => {
  server = createServer(express().use(pricePages(prices)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  const { fetchOutside } = outbound({ origin });
  sources = [kraken, coinbase, bitstamp].map((source) => source({ fetchOutside, clock }));
});
afterEach(() => prices.reset());
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((closed) => server.close(closed));
});

const names = ['kraken', 'coinbase', 'bitstamp'] as const;
const sourceOf = (name: string): RateSource => {
  const found = sources.find((source) => source.name === name);
  if (found === undefined) throw new Error(`no source ${name}`);
  return found;
};

describe.each(names)('%s', (name) => {
  test('tells a price of a bitcoin with its source, its currency and its time', async () => {
    const before = Date.now() - 2_000;
    const price = await sourceOf(name).price(of('EUR'));
    expect(price).toMatchObject({ source: name, currency: 'EUR' });
    expect(price?.price).toMatch(/^\d{5}(\.\d+)?$/);
    expect(price?.at.getTime()).toBeGreaterThan(before);
    expect(price?.at.getTime()).toBeLessThanOrEqual(Date.now());
  });

  test('does not list every currency', async () => {
    expect(await sourceOf(name).price(of('ERN'))).toBeUndefined();
  });

  test.each([
    ['unavailable', 'exchange_failing'],
    ['too-many', 'throttled'],
    ['garbage', 'answer_unexpected'],
  ] as const)('in trouble (%s) it is left alone', async (fault, what) => {
    prices.fault(name, fault);
    const error: unknown = await sourceOf(name)
      .price(of('EUR'))
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(Trouble);
    expect(error).toMatchObject({ from: 'rates', then: 'retry', what });
  });

  test('its silence ends by our clock', async () => {
    prices.fault(name, 'silence');
    await expect(sourceOf(name).price(of('EUR'))).rejects.toMatchObject({ what: 'timeout' });
  });

  test('never makes an old answer young', async () => {
    prices.fault(name, 'stale');
    const price = await sourceOf(name).price(of('EUR'));
    expect(Date.now() - (price?.at.getTime() ?? Date.now())).toBeGreaterThan(590_000);
  });
});

describe('what core/quote makes of the three', () => {
  const judged = async (code: string) => {
    const rates = makeRates({ sources, clock });
    const found = await rates.pricesFor(of(code));
    return agreePrice(found, { currency: of(code), now: clock(), policy: quotePolicy });
  };

  test.each(['EUR', 'USD', 'GBP', 'JPY', 'CHF'])('%s has a price', async (code) => {
    const answer = await judged(code);
    expect(answer.ok).toBe(true);
  });

  test('a currency that one of them lists and nobody crosses has none', async () => {
    expect(await judged('PLN')).toMatchObject({ ok: false, refusal: 'rates_unavailable' });
  });

  test.each(['zero', 'negative', 'absurd', 'stale'] as const)(
    'one source that is %s does not move the price, two of another kind end it',
    async (fault) => {
      const honest = await judged('EUR');
      prices.fault('kraken', fault);
      const answer = await judged('EUR');
      if (!answer.ok || !honest.ok) return expect.unreachable('two of three are honest');
      const moved = Number(answer.agreed.priceE8) / Number(honest.agreed.priceE8);
      expect(Math.abs(moved - 1)).toBeLessThan(0.001);
      prices.fault('bitstamp', fault === 'zero' ? 'absurd' : 'zero');
      expect((await judged('EUR')).ok).toBe(false);
    },
  );

  test('two that lie apart are refused, and the reason is named', async () => {
    prices.lie('kraken', 300);
    prices.lie('bitstamp', -300);
    expect(await judged('EUR')).toMatchObject({ ok: false, refusal: 'rates_apart' });
  });

  test('one that is silent costs two seconds once, not at every quote', async () => {
    prices.fault('coinbase', 'silence');
    const rates = makeRates({ sources, clock });
    const first = Date.now();
    expect(await rates.pricesFor(of('EUR'))).toHaveLength(2);
    const second = Date.now();
    expect(await rates.pricesFor(of('EUR'))).toHaveLength(2);
    expect(Date.now() - second).toBeLessThan((second - first) / 2);
  });
});
