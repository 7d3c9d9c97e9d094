// The merchant's list of payments: its pages, its searches, its counts, and whose it is.
import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Database } from '../../web/db/database.ts';
import { rows } from '../../web/db/database.ts';
import {
  countPayments,
  everyPayment,
  everyListedPayment,
  knownHash,
  pageOfPayments,
  type ListedPayment,
  type PaymentCursor,
  type PaymentFilter,
} from '../../web/db/views.ts';
import { hashesOf, readFilter, readSearch } from '../../web/http/merchant/payment-filter.ts';
import { parseRequest } from '../../web/lightning/bolt11.ts';
import { aNode, anInvoice, aPayment, aSettledPayment, aShop } from '../builders.ts';
import { databaseOfFile } from '../database-of-file.ts';

let db: Database;
let shopId: number;
let otherShopId: number;
let nodeId: number;

databaseOfFile(
  (made) => {
    db = made;
  },
  { connections: 4 },
);
beforeAll(async () => {
  shopId = (await aShop(db)).id;
  otherShopId = (await aShop(db)).id;
  nodeId = await aNode(db, { shopId });
});
const hashOfRequest = (request: string): string | undefined => parseRequest(request)?.hash;
const about = { timeZone: 'Europe/Zurich', hashOfRequest };
const filterOf = (words: Record<string, string> = {}): PaymentFilter => {
  const read = readFilter(words, about);
  if (read === undefined) throw new Error(`unreadable: ${JSON.stringify(words)}`);
  return read;
};
const listed = async (words: Record<string, string>, shop = shopId): Promise<string[]> =>
  (await pageOfPayments(db, { shopId: shop, filter: filterOf(words), limit: 50 })).map(
    ({ id }) => id,
  );
const cursorOf = (line: ListedPayment | undefined): PaymentCursor => {
  if (line === undefined) throw new Error('the page is empty');
  return { openedAt: line.opened_at, id: line.id };
};

/** Rows by hand: many of one millisecond, and whatever else a builder does not make. */
async function insertPayments(
  many: { shopId: number; openedAt: string; more?: Record<string, unknown> }[],
): Promise<string[]> {
  const ids: string[] = [];
  for (const { shopId: shop, openedAt, more = {} } of many) {
    const row = {
      id: randomUUID(),
      link: randomUUID().replaceAll('-', '').slice(0, 22),
      shop_id: shop,
      origin_id: `gid://shopify/Order/${randomUUID()}`,
      sequence: 1,
      order_name: '#1',
      currency: 'EUR',
      owed_minor: '100',
      owed_at: openedAt,
      opened_at: openedAt,
      reason: 'order_seen',
      lane: `shop:${String(shop)}:admin`,
      tell_sales_before: [],
      ...more,
    };
    const names = Object.keys(row);
    const text = `insert into payment (${names.join(', ')})
      values (${names.map((_, index) => `$${String(index + 1)}`).join(', ')})`;
    await rows(db.pool, { name: '', text }, Object.values(row));
    ids.push(row.id);
  }
  return ids;
}

describe('pages', () => {
  test('no row is left out or given twice while others are inserted, both ways', async () => {
    const shop = (await aShop(db)).id;
    // Ten of each moment: the id decides within it.
    const moments = Array.from({ length: 12 }, (_, index) => new Date(1_700_000_000_000 + index));
    await insertPayments(
      moments.flatMap((at) =>
        Array.from({ length: 10 }, () => ({ shopId: shop, openedAt: at.toISOString() })),
      ),
    );
    const filter = filterOf();
    const before = (await pageOfPayments(db, { shopId: shop, filter, limit: 500 })).map(
      ({ id }) => id,
    );
    expect(before).toHaveLength(120);

    const down: string[] = [];
    const pages: ListedPayment[][] = [];
    for (let after: PaymentCursor | undefined; ;) {
      const page = await pageOfPayments(db, { shopId: shop, filter, after, limit: 7 });
      if (page.length === 0) break;
      pages.push(page);
      down.push(...page.map(({ id }) => id));
      after = cursorOf(page.at(-1));
      // As in life: what comes is newer than all that is there.
      await insertPayments([{ shopId: shop, openedAt: new Date().toISOString() }]);
    }
    expect(down).toEqual(before);

    const up: string[] = [];
    for (let from = cursorOf(pages.at(-1)?.[0]); ;) {
      const page = await pageOfPayments(db, { shopId: shop, filter, before: from, limit: 7 });
      if (page.length === 0) break;
      up.unshift(...page.map(({ id }) => id));
      from = cursorOf(page[0]);
    }
    const last = pages.at(-1)?.length ?? 0;
    expect(up.slice(-(120 - last))).toEqual(before.slice(0, 120 - last));
    expect(new Set(up).size).toBe(up.length);
    expect(up).toHaveLength(120 - last + pages.length);
  });

  test('all rows of an export come once, in batches', async () => {
    const shop = (await aShop(db)).id;
    const at = new Date().toISOString();
    const ids = await insertPayments(
      Array.from({ length: 23 }, () => ({ shopId: shop, openedAt: at })),
    );
    const seen: string[] = [];
    const every = everyListedPayment(db, { shopId: shop, filter: filterOf(), batch: 5 });
    for await (const batch of every) {
      expect(batch.length).toBeLessThanOrEqual(5);
      seen.push(...batch.map(({ id }) => id));
    }
    expect(seen.sort()).toEqual(ids.sort());
  });

  test('counting stops', async () => {
    const shop = (await aShop(db)).id;
    const at = new Date().toISOString();
    await insertPayments(Array.from({ length: 8 }, () => ({ shopId: shop, openedAt: at })));
    const count = (upTo: number) => countPayments(db, { shopId: shop, filter: filterOf(), upTo });
    expect([await count(10), await count(8), await count(5)]).toEqual([8, 8, 6]);
  });
});

describe('filters', () => {
  test('states, a person, tests, and a period in the days of the shop', async () => {
    const shop = (await aShop(db)).id;
    const [late = '', early = '', lapsed = '', tested = ''] = await insertPayments([
      // Half past eleven in Zurich, on the 10th; half past twelve at night on the 11th.
      { shopId: shop, openedAt: '2026-03-10T22:30:00Z' },
      { shopId: shop, openedAt: '2026-03-10T23:30:00Z', more: { attention: 'overpaid' } },
      { shopId: shop, openedAt: '2026-03-12T12:00:00Z', more: { state: 'lapsed' } },
      { shopId: shop, openedAt: '2026-03-13T12:00:00Z', more: { test: true } },
    ]);
    expect(await listed({ since: '2026-03-11', until: '2026-03-11' }, shop)).toEqual([early]);
    expect(await listed({ until: '2026-03-10' }, shop)).toEqual([late]);
    expect(await listed({ state: 'lapsed' }, shop)).toEqual([lapsed]);
    expect(await listed({ state: 'lapsed,open', until: '2026-03-12' }, shop)).toEqual([
      lapsed,
      early,
      late,
    ]);
    expect(await listed({ view: 'needs_person' }, shop)).toEqual([early]);
    expect(await listed({ test: 'yes' }, shop)).toEqual([tested]);
    expect(await listed({ test: 'no', state: 'open' }, shop)).toEqual([early, late]);
    expect(await listed({ view: 'needs_person', state: 'lapsed' }, shop)).toEqual([]);
  });

  test('an amount range counts in units of each currency', async () => {
    const shop = (await aShop(db)).id;
    const [yen = '', euro = '', dinar = '', dollars = ''] = await insertPayments([
      { shopId: shop, openedAt: '2026-03-10T01:00:00Z', more: { currency: 'JPY', owed_minor: 13 } },
      { shopId: shop, openedAt: '2026-03-10T02:00:00Z', more: { owed_minor: 1_234 } },
      {
        shopId: shop,
        openedAt: '2026-03-10T03:00:00Z',
        more: { currency: 'KWD', owed_minor: 12_345 },
      },
      {
        shopId: shop,
        openedAt: '2026-03-10T04:00:00Z',
        more: { currency: 'USD', owed_minor: 9_999_999_999 },
      },
    ]);
    expect(await listed({ min: '12.34', max: '13' }, shop)).toEqual([dinar, euro, yen]);
    expect(await listed({ min: '12.345', max: '12.345' }, shop)).toEqual([dinar]);
    expect(await listed({ min: '12.346' }, shop)).toEqual([dollars, yen]);
    expect(await listed({ min: '99999999.99', max: '99999999.99' }, shop)).toEqual([dollars]);
    expect(await listed({ max: '0.01' }, shop)).toEqual([]);
  });

  test('of a node are the payments that have an invoice at it', async () => {
    const shop = (await aShop(db)).id;
    const node = await aNode(db, { shopId: shop });
    const { payment } = await aSettledPayment(db, { shopId: shop, nodeId: node });
    await aPayment(db, { shopId: shop });
    expect(await listed({ node: String(node) }, shop)).toEqual([payment.id]);
    expect(await listed({ node: String(nodeId) }, shop)).toEqual([]);
  });

  test.each([
    { state: 'paid' },
    { since: '2026-02-30' },
    { min: '-1' },
    { min: '1e3' },
    { node: '1 or 1=1' },
    { q: `a${String.fromCharCode(0)}` },
    { test: 'maybe' },
  ])('what cannot be read is not guessed: %j', (words) => {
    expect(readFilter(words, about)).toBeUndefined();
  });
});

describe('search', () => {
  test('by order name, amount, sats, hash, id, order id and request', async () => {
    const payment = await aPayment(db, { shopId, owedMinor: 777_734n });
    const made = await anInvoice(db, { payment, nodeId, amountMsat: 7_777_001_000n });
    const bare = payment.orderName.slice(1);
    const asked = [
      ...[payment.orderName, bare, ` ${bare} `],
      ...['7777.34', '7,777.34', '7.777,34', '7777,34 EUR', '€7777.34', '7’777.34'],
      ...['7777001', '7777001 sats', '7,777,001', '7 777 001 sat'],
      ...[made.hash, made.hash.toUpperCase(), payment.id, payment.id.toUpperCase()],
      payment.originId,
    ];
    for (const q of asked) expect([q, await listed({ q })]).toEqual([q, [payment.id]]);
    for (const q of ['7777.35', '7777.34 USD', '7777002', '#0', 'ab'.repeat(32)]) {
      expect([q, await listed({ q })]).toEqual([q, []]);
    }
    expect(await listed({ q: bare, state: 'lapsed' })).toEqual([]);
    for (const q of asked) expect([q, await listed({ q }, otherShopId)]).toEqual([q, []]);
  });

  test('by a name in Arabic, and by the smallest and the largest amount', async () => {
    const shop = (await aShop(db)).id;
    const [small, large] = await insertPayments([
      {
        shopId: shop,
        openedAt: '2026-03-10T01:00:00Z',
        more: { order_name: 'طلب-١٠٠١', owed_minor: 1 },
      },
      { shopId: shop, openedAt: '2026-03-10T01:00:01Z', more: { owed_minor: 9_999_999_999 } },
    ]);
    expect(await listed({ q: 'طلب-١٠٠١' }, shop)).toEqual([small]);
    expect(await listed({ q: '0.01' }, shop)).toEqual([small]);
    expect(await listed({ q: '99,999,999.99' }, shop)).toEqual([large]);
  });

  test('a preimage is known by its hash, and only in its own shop', async () => {
    const { invoice } = await aSettledPayment(db, { shopId, nodeId });
    const { itself, ofPreimage } = hashesOf(invoice.preimage);
    expect([itself, ofPreimage]).toEqual([invoice.preimage, invoice.hash]);
    const hashes = [itself, ofPreimage];
    expect(await knownHash(db, { shopId, hashes })).toBe(invoice.hash);
    expect(await knownHash(db, { shopId: otherShopId, hashes })).toBeUndefined();
  });

  test('a BOLT11 is known by the hash in it', () => {
    // Source: BOLT 11, "Examples".
    const request =
      'lnbc1pvjluezsp5zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zygspp5qqqsyqcyq5rqwzqf' +
      'qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqdpl2pkx2ctnv5sxxmmwwd5kgetjypeh2ursdae8g6twvus8g6rfw' +
      'vs8qun0dfjkxaq9qrsgq357wnc5r2ueh7ck6q93dj32dlqnls087fxdwk8qakdyafkq3yap9us6v52vjjsrvywa6' +
      'rt52cm9r9zqt8r2t7mlcwspyetp5h2tztugp9lfyql';
    const hash = '0001020304050607080900010203040506070809000102030405060708090102';
    expect(readSearch(request, hashOfRequest).hash).toBe(hash);
    expect(readSearch(`LIGHTNING:${request.toUpperCase()}`, hashOfRequest).hash).toBe(hash);
    const broken = readSearch(`${request.slice(0, -1)}q`, hashOfRequest);
    expect(broken).toEqual({ ...broken, hash: undefined, orderNames: [] });
  });
});

test('two shops never see each other', async () => {
  const { payment } = await aSettledPayment(db, { shopId, nodeId });
  const filter = { ...everyPayment, timeZone: 'UTC' };
  const of = async (shop: number, more: Partial<PaymentFilter> = {}): Promise<string[]> =>
    (await pageOfPayments(db, { shopId: shop, filter: { ...filter, ...more }, limit: 500 })).map(
      ({ id }) => id,
    );
  expect(await of(shopId)).toContain(payment.id);
  expect(await of(otherShopId)).toEqual([]);
  expect(await of(otherShopId, { ids: [payment.id] })).toEqual([]);
  expect(await of(otherShopId, { nodeId })).toEqual([]);
  expect(await of(otherShopId, { states: ['resolved', 'settled', 'open'] })).toEqual([]);
  expect(await countPayments(db, { shopId: otherShopId, filter, upTo: 10 })).toBe(0);
});

test('a number beyond count finds nothing by its amount, and its order all the same', async () => {
  const long = '9'.repeat(24);
  const [named] = await insertPayments([
    { shopId, openedAt: new Date().toISOString(), more: { order_name: `#${long}` } },
  ]);
  expect(await listed({ q: long })).toEqual([named]);
  for (const q of [`${long.slice(1)} EUR`, `€${long}`, `${long} sats`, '9223372036854775.808']) {
    expect(await listed({ q })).toEqual([]);
  }
});
