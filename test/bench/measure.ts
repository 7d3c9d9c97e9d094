// One question to the database, asked many times: how long it takes, and what its plans read. The
// statements are caught on their way to PostgreSQL, so that the plans are of what the program
// really asks, and not of a copy of it.
import type { Database } from '../../web/db/database.ts';
import { rows } from '../../web/db/database.ts';
import type { Say } from './million.ts';

export type Question = { name: string; ask: () => Promise<unknown>; times?: number };

/** A sequential scan over one of these reads a million rows. */
const bigTables = ['payment', 'quote', 'invoice', 'history', 'posting'];
const limitMs = 200;
const warmUps = 10;

type Caught = { text: string; values: readonly unknown[] };
type Plan = {
  'Node Type': string;
  'Relation Name'?: string;
  'Index Name'?: string;
  'Actual Rows'?: number;
  'Rows Removed by Filter'?: number;
  Plans?: Plan[];
};

/** Asks, prints one line and one for each plan, and gives what is wrong in words. */
export async function measure(db: Database, question: Question, say: Say): Promise<string[]> {
  const { name, ask, times = 100 } = question;
  const caught = await catching(db, ask);
  for (let n = 0; n < warmUps; n += 1) await ask();
  const tookMs: number[] = [];
  for (let n = 0; n < times; n += 1) {
    const startedAt = performance.now();
    await ask();
    tookMs.push(performance.now() - startedAt);
  }
  tookMs.sort((a, b) => a - b);
  const at = (share: number): number =>
    tookMs[Math.min(tookMs.length - 1, Math.floor(tookMs.length * share))] ?? 0;
  say(`${name}: p50 ${at(0.5).toFixed(1)} ms, p99 ${at(0.99).toFixed(1)} ms, ${String(times)} x`);
  const faults: string[] = [];
  if (caught.length === 0) faults.push(`${name}: no statement was seen`);
  if (at(0.99) > limitMs) faults.push(`${name}: its p99 is above ${String(limitMs)} ms`);
  for (const statement of caught) faults.push(...(await planOf(db, { name, statement, say })));
  return faults;
}

/** The statements of one call, with their values; Prisma's go through the same pool. */
async function catching(db: Database, ask: () => Promise<unknown>): Promise<Caught[]> {
  const seen: Caught[] = [];
  const { pool } = db;
  const plain = pool.query.bind(pool);
  const spy = (given: unknown, values?: unknown, ...rest: unknown[]): unknown => {
    const { text, values: inside } =
      typeof given === 'object' && given !== null
        ? (given as { text?: string; values?: unknown[] })
        : { text: String(given), values: [] };
    const list = inside ?? (Array.isArray(values) ? values : []);
    if (text !== undefined) seen.push({ text, values: list as unknown[] });
    return (plain as (...all: unknown[]) => unknown)(given, values, ...rest);
  };
  pool.query = spy as typeof pool.query;
  try {
    await ask();
  } finally {
    pool.query = plain;
  }
  return seen.filter(({ text }) => /^\s*(select|with)\b/i.test(text));
}

async function planOf(
  db: Database,
  about: { name: string; statement: Caught; say: Say },
): Promise<string[]> {
  const { name, statement, say } = about;
  const [answer] = await rows<{ 'QUERY PLAN': { Plan: Plan }[] }>(
    db.pool,
    { name: '', text: `explain (analyze, format json) ${statement.text}` },
    statement.values,
  );
  const [whole] = answer?.['QUERY PLAN'] ?? [];
  const scans = whole === undefined ? [] : scansIn(whole.Plan);
  const words = scans.map((scan) => {
    const over = scan['Index Name'] ?? scan['Relation Name'] ?? '';
    return `${scan['Node Type']} ${over} (${String(scan['Actual Rows'] ?? 0)} rows)`;
  });
  say(`  ${words.join(', ') || 'no table is read'}`);
  return scans
    .filter(
      (scan) =>
        scan['Node Type'].endsWith('Seq Scan') && bigTables.includes(scan['Relation Name'] ?? ''),
    )
    .map((scan) => `${name}: a sequential scan over ${scan['Relation Name'] ?? ''}`);
}

const scansIn = (plan: Plan): Plan[] => [
  ...(/Scan$/.test(plan['Node Type']) ? [plan] : []),
  ...(plan.Plans ?? []).flatMap(scansIn),
];
