// Shopify in a process of its own, as thin as it can be: the documents that the pool sends are
// answered in Shopify's shape after a fixed time, each shop with its bucket where one is asked for.
// What it is asked, and when, is the truth that a measurement reads.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { market, pricePages } from '../../sandbox/prices/index.ts';
import { answer } from './child.ts';
import { sharedMs } from './machine.ts';

type Bucket = { size: number; perSecond: number; points: number; at: number };
export type Told = {
  /** When each payment's verdict arrived, by the id that Shopify gave it. */
  at: Record<string, number>;
  calls: number;
  throttled: number;
  /** Points that were spent, by shop. */
  spent: Record<string, number>;
};

let delayMs = 120;
let terms: { size: number; perSecond: number } | undefined;
const buckets = new Map<string, Bucket>();
let told: Told = { at: {}, calls: 0, throttled: 0, spent: {} };

const documentCost = 15;

function bucketOf(shop: string): Bucket | undefined {
  if (terms === undefined) return undefined;
  const now = sharedMs();
  const had = buckets.get(shop) ?? { ...terms, points: terms.size, at: now };
  const restored = ((now - had.at) / 1_000) * had.perSecond;
  const bucket = { ...had, points: Math.min(had.size, had.points + restored), at: now };
  buckets.set(shop, bucket);
  return bucket;
}

const statusOf = (bucket: Bucket | undefined) => ({
  requestedQueryCost: documentCost,
  actualQueryCost: documentCost,
  throttleStatus: {
    maximumAvailable: bucket?.size ?? 27_300,
    currentlyAvailable: bucket?.points ?? 27_300,
    restoreRate: bucket?.perSecond ?? 27_300,
  },
});

type Asked = { query: string; variables: { id?: string } };

/** Each of our documents names itself; what is not one of them is a mistake of the measurement. */
function contentFor({ query, variables: { id = '' } }: Asked): object {
  const name = /^\s*(?:mutation|query) (\w+)/.exec(query)?.[1] ?? '';
  if (name === 'PaymentSessionResolve') {
    told.at[id] ??= sharedMs();
    return { paymentSessionResolve: { paymentSession: { id }, userErrors: [] } };
  }
  if (name === 'PaymentsAppConfigure') {
    const paymentsAppConfiguration = { externalHandle: 'bench', ready: true };
    return { paymentsAppConfigure: { paymentsAppConfiguration, userErrors: [] } };
  }
  if (name === 'ApiVersions') return { publicApiVersions: [] };
  throw new Error(`nobody plays ${name}`);
}

function bodyFor(shop: string, asked: Asked): object {
  const bucket = bucketOf(shop);
  told.calls += 1;
  if (bucket !== undefined && bucket.points < documentCost) {
    told.throttled += 1;
    const error = { message: 'Throttled', extensions: { code: 'THROTTLED' } };
    return { errors: [error], extensions: { cost: statusOf(bucket) } };
  }
  const data = contentFor(asked);
  if (bucket !== undefined) bucket.points -= documentCost;
  told.spent[shop] = (told.spent[shop] ?? 0) + documentCost;
  return { data, extensions: { cost: statusOf(bucket) } };
}

function takeGraphql(request: IncomingMessage, response: ServerResponse): void {
  const shop = request.url?.split('/')[1] ?? '';
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const body = bodyFor(shop, JSON.parse(Buffer.concat(chunks).toString('utf8')) as Asked);
    setTimeout(() => {
      response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
    }, delayMs);
  });
}

const prices = express();
const priceDelayMs = 30;
prices.use((_request, _response, next) => {
  setTimeout(next, priceDelayMs);
});
prices.use(pricePages(market()));

const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  if (request.url?.endsWith('/graphql.json') === true) takeGraphql(request, response);
  else prices(request, response);
});

answer({
  start: async (): Promise<string> => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  },
  delay: (ms: number) => {
    delayMs = ms;
  },
  buckets: (given: typeof terms) => {
    terms = given;
    buckets.clear();
  },
  /** What it was told since the last time. */
  told: (): Told => {
    const before = told;
    told = { at: {}, calls: 0, throttled: 0, spent: {} };
    return before;
  },
  count: (): number => Object.keys(told.at).length,
});
