// Payments as a file: no cell is a formula, a hundred thousand rows need no more memory than a few,
// and whoever gets a part of the file notices.
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, test } from 'vitest';
import { rows } from '../../web/db/database.ts';
import { installShop } from '../../web/db/shops.ts';
import { columnsOf } from '../../web/flows/export-books.ts';
import { rowsOf } from '../../web/frontend/shared/export-end.ts';
import { aPayment } from '../builders.ts';
import { shopName, until, type World } from '../world.ts';
import { worldOfFile } from '../world-of-file.ts';

const exportColumns = columnsOf.payments;
const root = path.join(import.meta.dirname, '../..');
const node24 = path.join(root, 'node_modules/node/bin/node');
const many = 100_000;

let world: World;
let shopId: number;
worldOfFile(
  (made) => {
    world = made;
  },
  // With this little room for objects, whoever kept all rows would fall over.
  { pools: 0, env: { NODE_OPTIONS: '--max-old-space-size=96' } },
);

/** What a spreadsheet would take for a formula, and what would break a row. */
const nasty = [
  '=HYPERLINK("http://evil.example","x")',
  ...['+1+1', '-2+3', '@SUM(A1)', '\t=1', '\r=1', '＝1+1', '＋1', '－1', '＠x'],
  ...['a,b', 'say "hi"', 'two\nlines', 'طلب-١٠٠١', '1001;2', ' =1', 'x;=1+1', 'x; @y'],
  ...['x\n=1+1;', 'x;\r\n @y'],
];

async function insert(about: { count: number; names?: readonly string[]; daysAgo: number }) {
  const { count, names = [], daysAgo } = about;
  await rows(
    world.db.pool,
    {
      name: '',
      text: `
        insert into payment (id, link, shop_id, origin_id, sequence, order_name, currency,
          owed_minor, owed_at, opened_at, reason, lane, tell_sales_before)
        select gen_random_uuid(), $5 || n, $1::int, 'gid://shopify/Order/' || $5 || n, 1,
          coalesce(($2::text[])[n], '#' || n), 'EUR', n, now(),
          now() - make_interval(days => $4::int) - n * interval '1 ms', 'order_seen',
          'shop:' || $1::int || ':admin', '{}'
        from generate_series(1, $3::int) n`,
    },
    [shopId, names, count, daysAgo, randomBytes(6).toString('hex')],
  );
}

beforeAll(async () => {
  shopId = (await world.db.prisma.shop.findFirstOrThrow({ where: { domain: shopName } })).id;
  await insert({ count: nasty.length, names: nasty, daysAgo: 1 });
  // The books are kept by triggers: in parts, each within the time of a statement.
  for (let day = 30; day < 50; day += 1) await insert({ count: many / 20, daysAgo: day });
  await rows(world.db.pool, { name: '', text: 'analyze payment' }, []);
}, 120_000);

const ask = (words: Record<string, string>): Promise<Response> =>
  fetch(`${world.appUrl}/api/payments/export?${new URLSearchParams(words).toString()}`, {
    headers: { Authorization: `Bearer ${world.adminToken()}` },
  });
const dayAgo = (days: number): string =>
  new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10);
const few = { format: 'csv', since: dayAgo(2) };

/** RFC 4180, as a spreadsheet reads it. */
function cellsOf(csv: string): string[][] {
  const found: string[][] = [[]];
  for (const [, quoted, plain, mark] of csv.matchAll(
    /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|$)/g,
  )) {
    found.at(-1)?.push(quoted?.replaceAll('""', '"') ?? plain ?? '');
    if (mark === '\r\n') found.push([]);
    if (mark === '') break;
  }
  return found.slice(0, -1);
}

test('no cell begins as a formula, and every row has every column', async () => {
  const answer = await ask(few);
  expect(answer.headers.get('content-type')).toBe('text/csv; charset=utf-8');
  expect(answer.headers.get('content-disposition')).toContain('payments.csv');
  const bytes = Buffer.from(await answer.arrayBuffer());
  // A spreadsheet reads UTF-8 only after this mark.
  expect(bytes.subarray(0, 3).toString('hex')).toBe('efbbbf');
  const [head, ...lines] = cellsOf(bytes.subarray(3).toString('utf8'));
  const end = lines.pop();
  expect(head).toEqual(exportColumns);
  expect(lines).toHaveLength(nasty.length);
  expect(end?.slice(0, 2)).toEqual(['END', String(nasty.length)]);
  for (const line of [...lines, end]) expect(line).toHaveLength(exportColumns.length);
  const cells = lines.flat();
  expect(cells.length).toBeGreaterThan(300);
  expect(cells.filter((cell) => /^[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]/.test(cell))).toEqual([]);
  // Nor where a spreadsheet parts cells at semicolons, and rows at any break.
  const parts = cells.flatMap((cell) => cell.split(/[;\r\n]+/));
  expect(parts.filter((part) => /^\s*[=+\-@]/.test(part) && part !== ' =1')).toEqual([]);
  const names = lines.map((line) => line[1]);
  // The newest first, as they were made; the apostrophe is what a spreadsheet hides.
  expect(names.map((name) => name?.replace(/(^|[;\r\n])'/g, '$1'))).toEqual(nasty);
  const cents = nasty.map((_, index) => `0.${String(index + 1).padStart(2, '0')}`);
  expect(lines.map((line) => line[11])).toEqual(cents);
});

test('JSON Lines say the same, each line by itself', async () => {
  const lines = (await (await ask({ ...few, format: 'jsonl' })).text()).trimEnd().split('\n');
  const parsed = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(parsed.pop()).toEqual({ end: true, rows: String(nasty.length) });
  expect(parsed.map(({ order }) => order)).toEqual(nasty);
  expect(Object.keys(parsed[0] ?? {})).toEqual(exportColumns);
});

/** The most memory that the process ever had, in megabytes. */
const peakMb = (pid: number): number => {
  const [, kb = '0'] =
    /VmHWM:\s+(\d+) kB/.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Math.round(Number(kb) / 1_024);
};

test('a hundred thousand rows are streamed in bounded memory', async () => {
  await (await ask(few)).text();
  const before = peakMb(world.doors.pid);
  const answer = await ask({ format: 'csv' });
  let [bytes, lines, end] = [0, 0, ''];
  const decoder = new TextDecoder();
  for await (const chunk of answer.body ?? []) {
    const text = decoder.decode(chunk as Uint8Array, { stream: true });
    bytes += (chunk as Uint8Array).length;
    lines += text.split('\n').length - 1;
    end = (end + text).slice(-200);
  }
  const grown = peakMb(world.doors.pid) - before;
  const rowCount = many + nasty.length;
  expect(rowsOf(end, 'csv')).toBe(String(rowCount));
  // The columns' names, the end, and the line breaks inside cells.
  expect(lines).toBe(rowCount + 2 + nasty.join('').split('\n').length - 1);
  expect(bytes).toBeGreaterThan(20_000_000);
  process.stdout.write(`export: ${String(bytes)} bytes, peak memory grew by ${String(grown)} MB\n`);
  // The file alone, or its rows as objects, would be more than this.
  expect(grown).toBeLessThan(120);
}, 300_000);

test('a file that breaks off is a failed fetch, and has no end', async () => {
  const answer = await ask({ format: 'csv' });
  expect(answer.status).toBe(200);
  const reader = answer.body?.getReader();
  let got = Buffer.from((await reader?.read())?.value ?? []).toString('utf8');
  // The doors wait for us with the rest: from here on they find no table.
  const rename = (from: string, to: string) =>
    rows(world.db.pool, { name: '', text: `alter table ${from} rename to ${to}` }, []);
  await rename('payment', 'payment_away');
  try {
    const rest = async (): Promise<void> => {
      for (;;) {
        const piece = await reader?.read();
        if (piece?.done !== false) return;
        got = (got + Buffer.from(piece.value).toString('utf8')).slice(-400);
      }
    };
    await expect(rest()).rejects.toThrow();
    expect(rowsOf(got, 'csv')).toBeUndefined();
  } finally {
    await rename('payment_away', 'payment');
  }
  await until('it is written down', () => world.doors.output().includes('export.cut_off'));
});

test('who leaves in the middle costs nothing, and others go on', async () => {
  const answer = await ask({ format: 'csv' });
  const reader = answer.body?.getReader();
  await reader?.read();
  await reader?.cancel();
  expect((await (await ask(few)).text()).length).toBeGreaterThan(1_000);
});

test('selected rows; another shop’s are not there; what cannot be read is refused', async () => {
  const [mine] = await world.db.prisma.payment.findMany({ where: { shopId }, take: 1 });
  const { registrationId } = await world.db.prisma.shop.findUniqueOrThrow({
    where: { id: shopId },
  });
  const domain = 'other.myshopify.com';
  const { shop: other } = await installShop(world.db, { registrationId, domain });
  const theirs = await aPayment(world.db, { shopId: other.id });
  const ids = [mine?.id ?? '', theirs.id].join(',');
  const lines = cellsOf(await (await ask({ format: 'csv', ids })).text());
  expect(lines).toHaveLength(3);
  expect(lines[1]?.[0]).toBe(mine?.id);
  for (const words of [
    { format: 'xlsx' },
    { format: 'csv', ids: 'x' },
    { format: 'csv', ids: '' },
    { format: 'csv', state: 'paid' },
    { format: 'csv', since: 'yesterday' },
    {},
  ] as Record<string, string>[]) {
    expect([words, (await ask(words)).status]).toEqual([words, 400]);
  }
});

test('the operator’s export is the same file', async () => {
  const env = { PATH: process.env['PATH'] ?? '', HOME: os.tmpdir(), ...world.env };
  const zaptill = (...words: string[]) =>
    promisify(execFile)(node24, [path.join(root, 'web/cli.ts'), 'export', ...words], { env });
  const { stdout } = await zaptill('--shop', shopName, '--from', few.since);
  expect(stdout).toBe(`\ufeff${await (await ask(few)).text()}`);
  const lines = await zaptill('--shop', shopName, '--from', few.since, '--format', 'jsonl');
  expect(lines.stdout.trimEnd().split('\n')).toHaveLength(nasty.length + 1);
  await expect(zaptill('--shop', 'nobody.myshopify.com')).rejects.toMatchObject({ code: 1 });
  await expect(zaptill('--shop', shopName, '--from', 'May')).rejects.toMatchObject({ code: 2 });
}, 300_000);
