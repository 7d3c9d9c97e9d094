// What a book of a million payments costs in memory, beside one of ten thousand: each is written by
// `zaptill export` as an operator starts it, twice, and the two files have to be the same bytes.
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import pg from 'pg';
import { exactly, judged, type Bench, type Run } from './bench.ts';
import { peakBytesOf } from './machine.ts';
import { millionDatabase } from './million.ts';

const books = [
  ['payments', 'csv'],
  ['payments', 'jsonl'],
  ['ledger', 'csv'],
  ['tax', 'csv'],
] as const;
const shops = { ours: 'big.myshopify.com', peer: 'small.myshopify.com' } as const;
const megabyte = 1_000_000;
/** The kernel keeps the peak, and forgets it with the process: so it is read as often. */
const readEveryMs = 50;

type Written = { peakMb: number; seconds: number; rows: number; digest: string };
type Ask = { url: string; dir: string; shop: string; what: string; format: string };

const root = path.join(import.meta.dirname, '../..');

/** As `npm run zaptill` starts it, with its options of Node. */
function wordsOfCommand(): string[] {
  const text = fs.readFileSync(path.join(root, 'package.json'), 'utf8');
  const { scripts } = JSON.parse(text) as { scripts: { zaptill: string } };
  return scripts.zaptill.split(' ').slice(2);
}

async function digestOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(fs.createReadStream(file), hash);
  return hash.digest('hex');
}

/** One export by a process of its own. */
async function written({ url, dir, shop, what, format }: Ask): Promise<Written> {
  const out = path.join(dir, `${what}.${format}`);
  const words = ['export', '--shop', shop, '--what', what, '--format', format, '--out', out];
  const startedAt = performance.now();
  const child = spawn(process.execPath, [...wordsOfCommand(), ...words], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...{ PATH: process.env['PATH'] ?? '', HOME: dir, DATA_DIR: dir, DATABASE_URL: url },
      ...{ APP_URL: 'http://127.0.0.1:9', LOG_LEVEL: 'error' },
      VAULT_KEYS: `1:${randomBytes(32).toString('base64')}`,
    },
  });
  let said = '';
  for (const from of [child.stdout, child.stderr]) {
    from.on('data', (piece: Buffer) => {
      said += piece.toString('utf8');
    });
  }
  let peakBytes = 0;
  const reading = setInterval(() => {
    try {
      peakBytes = Math.max(peakBytes, peakBytesOf(child.pid ?? 0));
    } catch {
      // It ended between two looks.
    }
  }, readEveryMs);
  const [code] = (await once(child, 'close')) as [number | null];
  clearInterval(reading);
  const rows = /Exported (\d+) rows/.exec(said)?.[1];
  if (code !== 0 || rows === undefined) throw new Error(`${what} of ${shop}: ${said}`);
  const seconds = Math.round(performance.now() - startedAt) / 1_000;
  const digest = await digestOf(out);
  fs.rmSync(out);
  return { peakMb: peakBytes / megabyte, seconds, rows: Number(rows), digest };
}

async function measured(run: Run, about: { url: string; dir: string }) {
  const found: Record<string, { ours: Written; peer: Written; isSame: boolean }> = {};
  for (const [what, format] of books) {
    const ask = { ...about, what, format };
    const ours = await written({ ...ask, shop: shops.ours });
    const peer = await written({ ...ask, shop: shops.peer });
    const again = await written({ ...ask, shop: shops.ours });
    const isSame = again.digest === ours.digest && again.rows === ours.rows;
    const peakMb = Math.max(ours.peakMb, again.peakMb);
    found[`${what} ${format}`] = { ours: { ...ours, peakMb }, peer, isSame };
    run.say(
      `${what} ${format}: ${String(ours.rows)} rows in ${String(ours.seconds)} s, ` +
        `${peakMb.toFixed(0)} MB (${String(peer.rows)} rows: ${peer.peakMb.toFixed(0)} MB), ` +
        `${isSame ? 'the same' : 'OTHER'} bytes again`,
    );
  }
  return found;
}

async function versionOf(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ server_version: string }>('show server_version');
    return rows[0]?.server_version ?? '';
  } finally {
    await client.end();
  }
}

export const exports: Bench = {
  name: 'export',
  about: 'memory for the books of a million payments, beside those of ten thousand',
  run: async (run) => {
    const { BENCH_DIR: keepIn, BENCH_PAYMENTS: payments = '1000000' } = process.env;
    const made = await millionDatabase({ payments: Number(payments), keepIn, say: run.say });
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'zaptill-export-'));
    try {
      const found = Object.values(await measured(run, { url: made.url, dir }));
      const most = (of: 'ours' | 'peer'): number =>
        Math.max(...found.map((each) => each[of].peakMb));
      const [ours, peer] = [most('ours'), most('peer')];
      const same = found.filter(({ isSame }) => isSame).length / found.length;
      const rows = found.map((each) => each.ours.rows);
      return {
        ...{ figure: 'most megabytes in memory', unit: 'MB', judged: 'ours', ours, peer },
        ...{ ratio: exactly(ours / peer), must: 200, aim: null },
        bars: [
          judged('megabytes, at most', exactly(ours), { way: 'at_most', must: 200 }),
          judged('files with the same bytes again', exactly(same), { way: 'at_least', must: 1 }),
        ],
        ...{ pairs: found.length, voidPairs: 0, unsound: false },
        postgres: await versionOf(made.url),
        more: { payments: made.million.payments, rows },
      };
    } finally {
      fs.rmSync(dir, { recursive: true, force: true });
      await made.close();
    }
  },
};
