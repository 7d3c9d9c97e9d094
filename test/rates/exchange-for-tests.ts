// Exchanges of a made-up day, in their real answer shapes: what each lists is written down in the
// test. The sandbox's exchanges list no currencies against each other; these may.
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Listed = {
  /** Pairs as Kraken names them when asked: XBTEUR, USDCHF, AUDUSD. */
  kraken: Record<string, string>;
  /** BTC-EUR, and units of a currency for one dollar under USD. */
  coinbase: { prices: Record<string, string>; dollar: Record<string, string> };
  /** btceur, eurusd. */
  bitstamp: Record<string, string>;
};

export type TestExchanges = {
  origin: string;
  listed: Listed;
  /** Paths that were asked for, in order. */
  asked: string[];
  close: () => Promise<void>;
};

const json = (response: ServerResponse, status: number, body: unknown): void =>
  void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));

function answer(listed: Listed, url: URL, response: ServerResponse): void {
  const [, host = '', ...path] = url.pathname
    .split('/')
    .filter((part, n) => n === 0 || part !== '');
  if (host === 'api.kraken.com') {
    const pair = url.searchParams.get('pair') ?? '';
    const price = listed.kraken[pair];
    if (price === undefined) {
      json(response, 200, { error: ['EQuery:Unknown asset pair'] });
      return;
    }
    json(response, 200, {
      error: [],
      // Nobody has traded for long: the last price says nothing of now.
      result: { [`X${pair}`]: { a: [price, '1', '1.0'], b: [price, '1', '1.0'], c: ['1', '0.1'] } },
    });
    return;
  }
  if (host === 'api.coinbase.com' && path[1] === 'exchange-rates') {
    json(response, 200, { data: { currency: 'USD', rates: listed.coinbase.dollar } });
    return;
  }
  if (host === 'api.coinbase.com') {
    const amount = listed.coinbase.prices[path[2] ?? ''];
    const [, currency] = (path[2] ?? '').split('-');
    if (amount !== undefined) {
      json(response, 200, { data: { amount, base: 'BTC', currency } });
      return;
    }
    json(response, 404, { errors: [{ id: 'not_found', message: 'Invalid currency' }] });
    return;
  }
  const price = listed.bitstamp[path[3] ?? ''];
  if (price === undefined) return void response.writeHead(404).end('<html>404</html>');
  const timestamp = String(Math.floor(Date.now() / 1_000));
  json(response, 200, { last: '1', timestamp, bid: price, ask: price });
}

export async function openExchanges(listed: Listed): Promise<TestExchanges> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://exchange');
    asked.push(`${url.pathname}${url.search}`);
    answer(listed, url, response);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    origin: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    listed,
    asked,
    close: async () => {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}
