// The books as files, against the rows that they are of: every posting once, every paid invoice
// once, whose shop and which days; and never more than one page at a time.
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { accountOf, type AccountKind } from '../../web/core/ledger.ts';
import { minor, msat } from '../../web/core/money.ts';
import { audit } from '../../web/db/audit.ts';
import { openDatabase, rows, type Database } from '../../web/db/database.ts';
import { invoiceIsCanceled, recordSettlements } from '../../web/db/invoices.ts';
import { closePayment, movePayment } from '../../web/db/payments.ts';
import { everyPaidInvoice, everyPosting, type Period } from '../../web/db/views/export.ts';
import { exportBooks, type ExportKind } from '../../web/flows/export-books.ts';
import { aNode, anInvoice, aPayment, aSettle, aSettledPayment, aShop } from '../builders.ts';
import { databaseOfFile } from '../database-of-file.ts';

let db: Database;
let url: string;
let shopId: number;
let otherId: number;
let nodeId: number;
databaseOfFile((made, place) => {
  db = made;
  url = place.url;
});
const always: Period = { since: undefined, until: undefined, timeZone: 'UTC' };

/** The lines of a file, by the names of its columns, and how many it says that there are. */
async function linesOf(
  what: Exclude<ExportKind, 'payments'>,
  shopIds = [shopId],
  period = always,
): Promise<Record<string, string>[]> {
  const pieces: string[] = [];
  const ask = { shopIds, books: { what, period }, format: 'jsonl' } as const;
  for await (const piece of exportBooks({ db }, ask)) pieces.push(piece);
  const lines = pieces.join('').trimEnd().split('\n');
  const parsed = lines.map((line) => JSON.parse(line) as Record<string, string>);
  expect(parsed.pop()).toEqual({ end: true, rows: String(parsed.length) });
  return parsed;
}

/** A payment of 12.30 that was paid at this moment, with so many msat too much. */
async function paid(about: { moreMsat?: bigint; settledAt?: Date; of?: number } = {}) {
  const payment = await aPayment(db, { shopId: about.of ?? shopId });
  const invoice = await anInvoice(db, { payment, nodeId });
  const receivedMsat = msat(invoice.amountMsat + (about.moreMsat ?? 0n));
  const settledAt = about.settledAt ?? new Date();
  const observations = [{ ...aSettle(invoice), receivedMsat, settledAt }];
  await recordSettlements(db.pool, { nodeId, observations, recorder: { via: 'lookup' } });
  return { id: payment.id, invoice };
}
const isCanceled = (id: bigint, paymentId: string) =>
  invoiceIsCanceled(db, { id, paymentId, because: 'node_says_canceled' });
/** What a person says became of what was too much. */
async function answered(paymentId: string, kind: 'given_back' | 'kept', amountMsat: bigint) {
  const text = `
    insert into posting (payment_id, journal, from_account, to_account, amount_msat)
    values ($1::uuid, 'answer:' || $1, $2, $3, $4)`;
  const accounts = [accountOf('overpaid', shopId), accountOf(kind, shopId)];
  await rows(db.pool, { name: '', text }, [paymentId, ...accounts, amountMsat]);
  const data = { attention: null };
  await db.prisma.payment.update({ where: { id: paymentId }, data });
}
/** Shopify took 10.00 of the 12.30, so 2.30 was nobody's. */
const told = (paymentId: string) =>
  movePayment(db.pool, {
    paymentId,
    move: { from: 'settled', to: 'resolved' },
    because: 'told_shopify',
    toldMinor: minor(1_000n),
    journal: `verdict:${paymentId}`,
    postings: (['resolved', 'overpaid'] as const).map((kind) => ({
      from: accountOf('awaiting', shopId),
      to: accountOf(kind, shopId),
      amountMsat: msat(kind === 'resolved' ? 10_000_000n : 2_300_000n),
    })),
  });

beforeAll(async () => {
  otherId = (await aShop(db)).id;
  const otherNode = await aNode(db, { shopId: otherId });
  await aSettledPayment(db, { shopId: otherId, nodeId: otherNode });
});
beforeEach(async () => {
  shopId = (await aShop(db)).id;
  nodeId = await aNode(db, { shopId });
});

test('the ledger’s sums are those of the postings, account by account, msat for msat', async () => {
  const back = await paid({ moreMsat: 700n });
  const kept = await paid({ moreMsat: 900n });
  const tellable = await paid();
  await paid();
  expect(await told(tellable.id)).toBe(true);
  await answered(back.id, 'given_back', 700n);
  await answered(kept.id, 'kept', 900n);
  const lines = await linesOf('ledger');
  const sums = new Map<string, bigint>();
  const add = (account = '', amount = 0n): void => {
    sums.set(account, (sums.get(account) ?? 0n) + amount);
  };
  for (const { from_account, to_account, amount_msat } of lines) {
    add(to_account, BigInt(amount_msat ?? ''));
    add(from_account, -BigInt(amount_msat ?? ''));
  }
  const booked = await rows<{ account: string; sum: string }>(
    db.pool,
    {
      name: '',
      text: `
        select account, sum(amount)::text as sum from (
          select b.to_account as account, b.amount_msat as amount, b.payment_id from posting b
          union all select b.from_account, -b.amount_msat, b.payment_id from posting b) sides
        join payment p on p.id = sides.payment_id where p.shop_id = $1 group by account`,
    },
    [shopId],
  );
  const expected = booked.map(({ account, sum }): [string, bigint] => [account, BigInt(sum)]);
  expect(sums).toEqual(new Map(expected));
  const of = (kind: AccountKind) => sums.get(accountOf(kind, shopId));
  expect([of('overpaid'), of('given_back'), of('kept')]).toEqual([2_300_000n, 700n, 900n]);
  const ids = lines.map(({ posting_id }) => posting_id);
  expect(new Set(ids).size).toBe(10);
  expect(await audit(db)).toEqual([]);
});

test('a posting is worth what was promised for it, to the coin', async () => {
  const { id, invoice } = await paid({ moreMsat: 6_150_000n });
  await told(id);
  const lines = await linesOf('ledger');
  const worth = lines.map(({ journal, to_account, amount_sats, fiat_value }) => [
    ...[journal, to_account?.split(':')[0], amount_sats, fiat_value],
  ]);
  const settle = `settle:${invoice.hash}`;
  expect(worth.sort()).toEqual([
    [settle, 'awaiting', '12300', '12.30'],
    [settle, 'overpaid', '6150', '6.15'],
    [`verdict:${id}`, 'overpaid', '2300', '2.30'],
    [`verdict:${id}`, 'resolved', '10000', '10.00'],
  ]);
  expect(lines[0]).toMatchObject({
    ...{ payment_id: id, currency: 'EUR', price_of_one_bitcoin: '100000.00', test: 'no' },
  });
});

test('the tax view has each paid invoice once, with its worth and what became of it', async () => {
  const settledAt = new Date('2026-03-29T00:30:00.123Z');
  const { id, invoice } = await paid({ moreMsat: 700n, settledAt });
  await aPayment(db, { shopId });
  await told(id);
  await answered(id, 'given_back', 2_300_700n);
  const discounted = await paid({ moreMsat: 5n });
  const text = `
    update quote set evidence = evidence || '{"adjustmentBasisPoints": -250}'
    where payment_id = $1::uuid`;
  await db.pool.query('alter table quote disable trigger quote_append_only');
  await rows(db.pool, { name: '', text }, [discounted.id]);
  await db.pool.query('alter table quote enable trigger quote_append_only');
  const [line, second, ...more] = await linesOf('tax', [shopId], {
    ...always,
    timeZone: 'Europe/Zurich',
  });
  expect(line).toMatchObject({
    ...{ payment_id: id, state: 'resolved', currency: 'EUR', network: 'regtest' },
    received_at: '2026-03-29T00:30:00.123Z',
    received_in_shop_time: '2026-03-29 01:30:00',
    ...{ received_msat: '12300700', received_sats: '12300.7', fiat_value_at_receipt: '12.30' },
    ...{ price_of_one_bitcoin: '100000.00', price_sources: 'kraken 100000; bitstamp 100000' },
    ...{
      price_adjustment: '',
      amount_told_to_shopify: '10.00',
      overpaid_msat: '2300700',
      to_give_back_msat: '0',
    },
    ...{ given_back_msat: '2300700', kept_msat: '0', payment_hash: invoice.hash },
  });
  expect(second).toMatchObject({
    price_adjustment: 'discount 2.50%',
    ...{ state: 'settled', amount_told_to_shopify: '', told_to_shopify_at: '' },
    ...{ overpaid_msat: '5', to_give_back_msat: '5', given_back_msat: '0' },
  });
  expect(more).toEqual([]);
});

test('who paid twice stands in the days of both, and no earlier line is changed', async () => {
  const payment = await aPayment(db, { shopId });
  const canceled = await anInvoice(db, { payment, nodeId });
  await isCanceled(canceled.id, payment.id);
  // A node that was restored forgot the cancellation.
  const invoices = [await anInvoice(db, { payment, nodeId }), canceled] as const;
  const pays = (n: 0 | 1, more: bigint, settledAt: string) => {
    const invoice = invoices[n];
    const receivedMsat = msat(invoice.amountMsat + more);
    const observations = [{ ...aSettle(invoice), receivedMsat, settledAt: new Date(settledAt) }];
    return recordSettlements(db.pool, { nodeId, observations, recorder: { via: 'lookup' } });
  };
  const december = { ...always, until: '2025-12-31' };
  const january = { ...always, since: '2026-01-01' };
  await pays(0, 700n, '2025-12-31T12:00:00.000Z');
  const [before, ...none] = await linesOf('tax', [shopId], december);
  expect(none).toEqual([]);
  expect(before).toMatchObject({
    ...{ received_msat: '12300700', overpaid_msat: '700', to_give_back_msat: '700' },
  });
  await pays(1, 0n, '2026-01-05T12:00:00.000Z');
  expect(await linesOf('tax', [shopId], december)).toEqual([before]);
  const [second, ...more] = await linesOf('tax', [shopId], january);
  expect(second).toMatchObject({
    ...{ payment_id: payment.id, payment_hash: invoices[1].hash, received_msat: '12300000' },
    ...{ overpaid_msat: '12300000', to_give_back_msat: '12300000', shared_msat: '0' },
    ...{ amount_told_to_shopify: '', fiat_value_at_receipt: '12.30' },
  });
  expect(more).toEqual([]);
  // Of what was too much the oldest goes back first: all of the first, and 300 of the second.
  await answered(payment.id, 'given_back', 1_000n);
  await answered(payment.id, 'kept', 9_000n);
  const becameOf = (await linesOf('tax')).map((line) => [
    ...[line['to_give_back_msat'], line['given_back_msat'], line['kept_msat']],
  ]);
  expect(becameOf).toEqual([
    ['0', '700', '0'],
    ['12290700', '300', '9000'],
  ]);
});

test('money for a payment that a person had ended is in the tax view', async () => {
  const payment = await aPayment(db, { shopId });
  const invoice = await anInvoice(db, { payment, nodeId });
  await closePayment(db, { paymentId: payment.id, because: 'order_cancelled' });
  await isCanceled(invoice.id, payment.id);
  await recordSettlements(db.pool, {
    ...{ nodeId, observations: [aSettle(invoice)], recorder: { via: 'lookup' } },
  });
  expect(await linesOf('tax')).toMatchObject([
    { payment_id: payment.id, state: 'lapsed', overpaid_msat: '12300000', received_sats: '12300' },
  ]);
});

test('days begin and end by the clock of the shop, also where it is turned', async () => {
  // In Zurich 29 March 2026 has 23 hours: from 23:00 UTC of the 28th to 22:00 UTC of the 29th.
  const moments = ['28T22:59:59.999', '28T23:00:00.000', '29T21:59:59.999', '29T22:00:00.000'];
  for (const moment of moments) await paid({ settledAt: new Date(`2026-03-${moment}Z`) });
  const of = async (since: string | undefined, until: string | undefined) => {
    const lines = await linesOf('tax', [shopId], { since, until, timeZone: 'Europe/Zurich' });
    return lines.map(({ received_at }) => received_at?.slice(8, -1));
  };
  expect(await of('2026-03-29', '2026-03-29')).toEqual(moments.slice(1, 3));
  expect(await of('2026-03-29', undefined)).toEqual(moments.slice(1));
  expect(await of(undefined, '2026-03-28')).toEqual(moments.slice(0, 1));
  expect(await of(undefined, undefined)).toEqual(moments);
  // The ledger's days are those of the booking, which is of this moment.
  const booked = await linesOf('ledger', [shopId], { ...always, until: '2020-01-01' });
  expect([booked.length, (await linesOf('ledger')).length]).toEqual([0, moments.length]);
});

test('another shop’s books are not in it; of two shops both are', async () => {
  const mine = await paid();
  for (const what of ['ledger', 'tax'] as const) {
    const own = await linesOf(what);
    expect(own.map(({ payment_id }) => payment_id)).toEqual([mine.id]);
    const theirs = await linesOf(what, [otherId]);
    expect(theirs).toHaveLength(1);
    expect(await linesOf(what, [shopId, otherId])).toEqual([...own, ...theirs]);
  }
});

test('the other app of the same shop, with the same node, has its own lines', async () => {
  const { domain } = await db.prisma.shop.findUniqueOrThrow({ where: { id: shopId } });
  const { id: sibling } = await aShop(db, { domain, clientId: 'the-other-app' });
  const at = (n: number): Date => new Date(Date.UTC(2026, 4, 1, 10, n));
  const mine: string[] = [];
  const theirs: string[] = [];
  for (let n = 0; n < 12; n += 1) {
    const isMine = n % 4 === 3;
    const { id } = await paid({ of: isMine ? shopId : sibling, settledAt: at(n) });
    (isMine ? mine : theirs).push(id);
  }
  for (const [of, ids] of [
    [shopId, mine],
    [sibling, theirs],
  ] as const) {
    const found: string[] = [];
    const pages = everyPaidInvoice(db, { shopId: of, period: always, batch: 3 });
    for await (const page of pages) found.push(...page.map(({ id }) => id));
    expect(found).toEqual(ids);
  }
});

/** Many postings of one moment, in several accounts: only their number puts them in order. */
async function aMomentOf(count: number): Promise<void> {
  const { id } = await paid();
  await rows(
    db.pool,
    {
      name: '',
      text: `
        insert into posting (payment_id, journal, from_account, to_account, amount_msat, at)
        select $1::uuid, 'try:' || $1 || n, 'awaiting:' || $2::text,
          (array['resolved', 'overpaid', 'kept'])[1 + n % 3] || ':' || $2::text, n,
          '2026-05-01T10:00:00Z'
        from generate_series(1, $3::int) n`,
    },
    [id, String(shopId), count],
  );
}

test('every posting of one moment is there once, whatever the size of a page', async () => {
  await aMomentOf(20);
  const whole = (await linesOf('ledger')).map(({ posting_id }) => posting_id);
  expect(new Set(whole).size).toBe(21);
  for (const batch of [1, 3, 7, 21]) {
    const ids: string[] = [];
    for await (const page of everyPosting(db, { shopId, period: always, batch })) {
      expect(page.length).toBeLessThanOrEqual(batch);
      ids.push(...page.map(({ id }) => id));
    }
    expect(ids).toEqual(whole);
  }
});

test('paid invoices of one moment, likewise', async () => {
  const settledAt = new Date('2026-05-01T10:00:00Z');
  for (let n = 0; n < 7; n += 1) await paid({ settledAt });
  const ids: bigint[] = [];
  for await (const page of everyPaidInvoice(db, { shopId, period: always, batch: 3 })) {
    ids.push(...page.map(({ invoice_id: id }) => BigInt(id)));
  }
  expect(ids).toEqual([...new Set(ids)].sort((one, other) => Number(one - other)));
  expect(ids).toHaveLength(7);
});

test('a page is asked for when the one before it was taken, and no connection waits', async () => {
  await aMomentOf(250);
  // Nobody else asks here: what announces a payment does so in its own time.
  const alone = openDatabase({ url, connections: 1 });
  let asked = 0;
  alone.pool.on('acquire', () => {
    asked += 1;
  });
  try {
    const books = { what: 'ledger', period: always } as const;
    const pieces = exportBooks({ db: alone }, { shopIds: [shopId], books, format: 'csv' });
    const seen: [number, number][] = [];
    for await (const piece of pieces) seen.push([piece.split('\r\n').length - 1, asked]);
    // The names of the columns; three pages, before the first of which the days are asked for; the
    // end. Each line of it is there when as many questions were asked, and not one more.
    expect(seen).toEqual([
      [1, 0],
      [100, 2],
      [100, 3],
      [51, 4],
      [1, 4],
    ]);
    expect(alone.pool.idleCount).toBe(alone.pool.totalCount);
  } finally {
    await alone.close();
  }
});

test('the file of a time that is over is the same, byte for byte', async () => {
  await aMomentOf(30);
  await paid({ moreMsat: 7n });
  for (const what of ['ledger', 'tax'] as const) {
    for (const format of ['csv', 'jsonl'] as const) {
      const once = async (): Promise<string> => {
        let text = '';
        const ask = { shopIds: [shopId], books: { what, period: always }, format };
        for await (const piece of exportBooks({ db }, ask)) text += piece;
        return text;
      };
      expect(await once()).toBe(await once());
    }
  }
});
