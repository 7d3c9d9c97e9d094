// Each of the books in each form, through the merchant's door and by the operator's command.
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { minor } from '../../web/core/money.ts';
import { transaction } from '../../web/db/database.ts';
import { insertRefund } from '../../web/db/refunds.ts';
import { columnsOf, exportKinds } from '../../web/flows/export-books.ts';
import { rowsOf } from '../../web/frontend/shared/export-end.ts';
import { aNode, aPayment, aSettledPayment, aShop } from '../builders.ts';
import { shopName, type World } from '../world.ts';
import { worldOfFile } from '../world-of-file.ts';

const root = path.join(import.meta.dirname, '../..');
const node24 = path.join(root, 'node_modules/node/bin/node');
const formula = '=HYPERLINK("http://evil.example")';
const types = { csv: 'text/csv; charset=utf-8', jsonl: 'application/x-ndjson; charset=utf-8' };

let world: World;
let paymentId: string;
worldOfFile(
  (made) => {
    world = made;
  },
  { pools: 0 },
);
beforeAll(async () => {
  const { prisma } = world.db;
  const { id: shopId } = await prisma.shop.findFirstOrThrow({ where: { domain: shopName } });
  const nodeId = await aNode(world.db, { shopId });
  ({
    payment: { id: paymentId },
  } = await aSettledPayment(world.db, { shopId, nodeId }));
  await prisma.payment.update({ where: { id: paymentId }, data: { orderName: formula } });
  await aPayment(world.db, { shopId });
  // What cannot be is a refund as well: it is written down, and stands in the file.
  await transaction(world.db, (on) =>
    insertRefund(on, {
      ...{ shopId, paymentId, origin: 'order_refund', originId: 'gid://shopify/Refund/1' },
      ...{ currencyCode: 'EUR', amountMinor: minor(500n), source: 'resolved', test: false },
      ...{ openedBy: undefined, note: undefined, never: 'nothing_captured' },
    }),
  );
  // Shopify has not accepted it yet, so nobody but a test could have booked a share of it.
  await world.db.pool.query(`
    begin;
    alter table share disable trigger share_cap;
    insert into share_receiver (shop_id, name, address, lane)
    values (${String(shopId)}, 'Anna', 'anna@wallet.example.com', 'shop:${String(shopId)}:share');
    insert into share_rule (shop_id, receiver_id, part_bp)
    select shop_id, id, 1000 from share_receiver;
    insert into share (payment_id, shop_id, rule_id, receiver_id, base_msat, amount_msat,
      captured_minor, refunded_minor)
    select '${paymentId}', shop_id, id, receiver_id, 1230000, 1230000, 1230, 0 from share_rule;
    alter table share enable trigger share_cap;
    commit;`);
});

const ask = (words: Record<string, string>): Promise<Response> =>
  fetch(`${world.appUrl}/api/payments/export?${new URLSearchParams(words).toString()}`, {
    headers: { Authorization: `Bearer ${world.adminToken()}` },
  });
/** Payments that were opened, refunds, shares, postings, and payments that were paid. */
const ofPayments = exportKinds.filter((kind) => kind !== 'balances');
const rowCount = { payments: 2, refunds: 1, shares: 1, ledger: 1, tax: 1 };

describe.each(ofPayments)('%s', (what) => {
  test('as CSV: named columns, no formula, and its end', async () => {
    const answer = await ask({ what, format: 'csv' });
    expect(answer.headers.get('content-type')).toBe(types.csv);
    expect(answer.headers.get('content-disposition')).toContain(`"${what}.csv"`);
    const text = await answer.text();
    expect(text.split('\r\n')[0]).toBe(columnsOf[what].join(','));
    expect(text).toContain(`,"'=HYPERLINK(""http://evil.example"")",`);
    expect(rowsOf(text, 'csv')).toBe(String(rowCount[what]));
  });

  test('as JSON Lines: the same columns, amounts as text, and its end', async () => {
    const answer = await ask({ what, format: 'jsonl' });
    expect(answer.headers.get('content-type')).toBe(types.jsonl);
    expect(answer.headers.get('content-disposition')).toContain(`"${what}.jsonl"`);
    const text = await answer.text();
    expect(rowsOf(text, 'jsonl')).toBe(String(rowCount[what]));
    const parsed = text.split('\n', rowCount[what]).map((line) => JSON.parse(line) as object);
    const line = parsed.find((each) => JSON.stringify(each).includes(paymentId)) ?? {};
    expect(Object.keys(line)).toEqual(columnsOf[what]);
    expect(line).toMatchObject({ payment_id: paymentId, order: formula, currency: 'EUR' });
    expect(Object.values(line).filter((value) => typeof value !== 'string')).toEqual([]);
  });
});

test('the books are of the whole shop, by whichever app it was paid, and of no other', async () => {
  const booksOf = async () => {
    const text = await (await ask({ what: 'ledger', format: 'jsonl' })).text();
    const lines = text.trimEnd().split('\n').slice(0, -1);
    return lines.map((line) => (JSON.parse(line) as { payment_id: string }).payment_id);
  };
  const at = async (domain: string) => {
    const { id: shopId } = await aShop(world.db, { domain });
    const nodeId = await aNode(world.db, { shopId });
    return (await aSettledPayment(world.db, { shopId, nodeId })).payment;
  };
  const [before, byOtherApp] = [await booksOf(), await at(shopName)];
  await at('stranger.myshopify.com');
  try {
    expect((await booksOf()).sort()).toEqual([...before, byOtherApp.id].sort());
  } finally {
    const { shopId } = byOtherApp;
    // An app that was removed leaves its books.
    await world.db.pool.query('update shop set uninstalled_at = now() where id = $1', [shopId]);
    expect((await booksOf()).sort()).toEqual([...before, byOtherApp.id].sort());
    await world.db.pool.query(`update shop set domain = 'other.myshopify.com' where id = $1`, [
      shopId,
    ]);
  }
});

test('days choose; what chooses payments, and what cannot be read, is refused', async () => {
  const yearZero = { what: 'payments', format: 'csv', since: '0000-01-01' };
  expect((await ask(yearZero)).status).toBe(400);
  for (const what of ['refunds', 'shares', 'ledger', 'tax']) {
    const rowsIn = async (words: Record<string, string>) =>
      rowsOf(await (await ask({ what, format: 'csv', ...words })).text(), 'csv');
    expect(await rowsIn({ since: '2020-01-01', until: '2999-12-31' })).toBe('1');
    expect(await rowsIn({ since: '2999-01-01' })).toBe('0');
    expect(await rowsIn({ until: '2020-01-01' })).toBe('0');
    for (const words of [
      ...[{ since: 'May' }, { until: '2026-02-30' }, { since: '2026-02-02', until: '2026-02-01' }],
      ...[{ state: 'open' }, { ids: paymentId }, { q: '#1001' }, { format: 'xlsx' }],
      ...[{ since: '0000-01-01' }, { until: '0000-12-31' }],
    ] as Record<string, string>[]) {
      expect([words, (await ask({ what, format: 'csv', ...words })).status]).toEqual([words, 400]);
    }
  }
  expect((await ask({ what: 'receipts', format: 'csv' })).status).toBe(400);
  const unsigned = await fetch(`${world.appUrl}/api/payments/export?what=ledger&format=csv`);
  expect(unsigned.status).toBe(401);
});

describe('the operator’s command', () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'zaptill-export-'));
  afterAll(() => fs.rmSync(folder, { recursive: true }));

  const zaptill = (...words: string[]) =>
    new Promise<{ exitCode: number; out: string; says: string }>((resolve) => {
      const env = { PATH: process.env['PATH'] ?? '', HOME: os.tmpdir(), ...world.env };
      const cli = path.join(root, 'web/cli.ts');
      execFile(node24, [cli, 'export', ...words], { env }, (error, out, says) => {
        resolve({ exitCode: error === null ? 0 : Number(error.code), out, says });
      });
    });

  test('gives the same file to stdout, or under a name when it is whole', async () => {
    const ledger = await (await ask({ what: 'ledger', format: 'csv' })).text();
    const { out } = await zaptill('--shop', shopName, '--what', 'ledger');
    expect(out).toBe(`\ufeff${ledger}`);
    const file = path.join(folder, 'tax.jsonl');
    fs.writeFileSync(file, 'of last year');
    const ran = await zaptill(
      ...['--shop', shopName, '--what', 'tax', '--format', 'jsonl'],
      ...['--from', '2020-01-01', '--until', '2999-12-31', '--out', file],
    );
    expect(ran).toEqual({ exitCode: 0, out: `Exported 1 rows to ${file}.\n`, says: '' });
    const tax = await (await ask({ what: 'tax', format: 'jsonl' })).text();
    expect(fs.readFileSync(file, 'utf8')).toBe(tax);
    expect(fs.readdirSync(folder)).toEqual(['tax.jsonl']);
    expect(fs.statSync(file).mode & 0o777).toBe(0o600);
  });

  test.each([
    [
      ['--what', 'receipts'],
      'The export is of payments, refunds, shares, ledger, balances or tax.',
    ],
    [['--format', 'xlsx'], 'The format is csv or jsonl.'],
    [['--from', '2026-02-30'], 'A day is such as 2026-11-21.'],
    [['--from', '2026-03-01', '--until', '2026-02-01'], '2026-03-01 is after 2026-02-01'],
    [['--out', path.join(folder, 'nowhere', 'x.csv')], 'x.csv cannot be written: ENOENT.'],
  ])('refuses %j with a sentence', async (words, sentence) => {
    const ran = await zaptill('--shop', shopName, ...words);
    expect(ran).toMatchObject({ exitCode: 2, out: '' });
    expect(ran.says).toContain(sentence);
  });

  test('explains every column in --help', async () => {
    const { out } = await zaptill('--help');
    for (const name of exportKinds.flatMap((kind) => columnsOf[kind])) {
      expect(out).toMatch(new RegExp(`^  ${name} +\\S`, 'm'));
    }
  });
});
