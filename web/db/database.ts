// REMEMBERS. The only room that knows Prisma and SQL. It never decides and never calls outside: a
// transaction here holds locks for as long as PostgreSQL works, and not a moment longer. What moves
// money is one statement with its history, its postings and its nudge.
import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { Trouble } from '../core/trouble.ts';
import { PrismaClient } from './generated/client.ts';

export type Database = {
  /** Ordinary records. */
  prisma: PrismaClient;
  /** Statements that move money, claim rows or hold locks. */
  pool: pg.Pool;
  url: string;
  close: () => Promise<void>;
};

/** One connection inside a transaction, or the pool: whatever can run one statement. */
export type Queryable = Pick<pg.ClientBase, 'query'>;

/** Every session speaks UTC (Prisma reads times so) and none waits for ever. */
export const sessionOptions =
  '-c timezone=UTC -c statement_timeout=10000 -c lock_timeout=5000 ' +
  '-c idle_in_transaction_session_timeout=10000 ' +
  '-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3';

/**
 * What the server cannot say: that it is gone, host and all. A connection over which nothing comes
 * is given up some seconds after the server itself would have ended the statement.
 */
export const answerWithinMs = 15_000;
export const connectionOptions = {
  connectionTimeoutMillis: 5_000,
  query_timeout: answerWithinMs,
  keepAlive: true,
  keepAliveInitialDelayMillis: 10_000,
} as const;

/**
 * Opens one pool for Prisma and raw statements. Connects lazily: a database that is away is no
 * error here.
 */
export function openDatabase(about: {
  url: string;
  connections?: number;
  onError?: (error: Error) => void;
}): Database {
  const pool = new pg.Pool({
    connectionString: about.url,
    max: about.connections ?? 10,
    options: sessionOptions,
    ...connectionOptions,
    // Each connection plans every statement anew, which costs more than to carry it out.
    idleTimeoutMillis: 600_000,
  });
  // An error of a connection that nobody listens to would end the process.
  const listen = (error: Error): void => about.onError?.(error);
  pool.on('error', listen);
  pool.on('connect', (client) => client.on('error', listen));
  const prisma = withTrouble(new PrismaClient({ adapter: new PrismaPg(pool) }));
  return {
    prisma,
    pool,
    url: about.url,
    close: async () => {
      await prisma.$disconnect();
      if (!pool.ended) await pool.end();
    },
  };
}

/** What Prisma throws while the database is away is told as Trouble, as for our own statements. */
function withTrouble(prisma: PrismaClient): PrismaClient {
  const extended = prisma.$extends({
    query: {
      $allOperations: async ({ args, query }) => {
        try {
          return await (query as (args: unknown) => Promise<unknown>)(args);
        } catch (error) {
          throw asTrouble(error);
        }
      },
    },
  });
  // An extension of queries changes no type but the client's name.
  return extended as unknown as PrismaClient;
}

const lostCodes = new Set([
  ...['P1001', 'P1002', 'P1017'],
  ...['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN'],
  ...['57P01', '57P02', '57P03', '57P05', '08000', '08001', '08003', '08006', '53300'],
  // It only reads, as one does that was the first before; its disk or its memory is full.
  ...['25006', '53100', '53200', '58030'],
]);
const lostText = new RegExp(
  'Connection terminated|timeout exceeded when trying to connect|timeout expired|' +
    'Query read timeout|not queryable|' +
    "Can't reach database",
);
/** Prisma's own: cannot reach the server; the server closed the connection. */
const prismaLostCodes = new Set(['P1001', 'P1017']);
const clashCodes = new Set(['40001', '40P01']);
/** A statement that waited too long, for a lock or for the server. */
const tooLongCodes = new Set(['55P03', '57014']);

const codeOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';

/** Whether the error says that the database is away, and not that the statement is wrong. */
export function isDatabaseAway(error: unknown): boolean {
  if (error instanceof Trouble) return error.from === 'database';
  if (typeof error !== 'object' || error === null) return false;
  if (lostCodes.has(codeOf(error)) || prismaLostCodes.has(codeOf(error))) return true;
  if (error instanceof Error && lostText.test(error.message)) return true;
  // Prisma hides PostgreSQL's word for it in the cause of `meta.driverAdapterError`.
  const said: Wrapped = error;
  if (typeof said.originalCode === 'string' && lostCodes.has(said.originalCode)) return true;
  return isDatabaseAway(said.cause) || isDatabaseAway(said.meta?.driverAdapterError);
}

type Wrapped = {
  cause?: unknown;
  originalCode?: unknown;
  meta?: { driverAdapterError?: unknown };
};

/** The statement did nothing, and will do when it is tried again: it lost, or waited too long. */
export function isContention(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false;
  const isOf = (code: string): boolean => clashCodes.has(code) || tooLongCodes.has(code);
  const said: Wrapped = error;
  if (isOf(codeOf(error))) return true;
  if (typeof said.originalCode === 'string' && isOf(said.originalCode)) return true;
  return isContention(said.cause) || isContention(said.meta?.driverAdapterError);
}

/** Away or too slow at this moment: whoever asked may ask again. */
export const isDatabaseBusy = (error: unknown): boolean =>
  isDatabaseAway(error) || isContention(error);

/** A lost connection told as Trouble; whether the statement was carried out is not known then. */
export function asTrouble(error: unknown): unknown {
  if (error instanceof Trouble || !isDatabaseAway(error)) return error;
  return new Trouble('database_away', {
    from: 'database',
    then: 'ask_again',
    away: true,
    cause: error,
  });
}

type Late = { works: ((pool: Queryable) => void)[] };
/** Connections that are in a transaction, with what is done after it. */
const open = new WeakMap<Queryable, Late>();

/** How often work that a deadlock or a serialization failure rolled back is tried. */
const triesOfClash = 5;
const mayTryAgain = (error: unknown, attempt: number): boolean =>
  clashCodes.has(codeOf(error)) && attempt < triesOfClash;

/**
 * Runs one statement and gives its rows. Named, so that PostgreSQL keeps its plan. Outside of
 * `transaction` it is one by itself: what a deadlock undid is tried again.
 */
export async function rows<Row extends pg.QueryResultRow>(
  on: Queryable,
  statement: { name: string; text: string },
  values: readonly unknown[],
  /** Of a statement that was given more time than usual: its answer may come as late. */
  answerMs?: number,
): Promise<Row[]> {
  const longer = answerMs === undefined ? {} : { query_timeout: answerMs };
  for (let attempt = 1; ; attempt += 1) {
    try {
      const result = await on.query<Row>({ ...statement, values: [...values], ...longer });
      return result.rows;
    } catch (error) {
      if (open.has(on) || !mayTryAgain(error, attempt)) throw asTrouble(error);
    }
  }
}

/**
 * Does it once what was asked here is committed, and never when it is rolled back: at once outside
 * of `transaction`. `work` gets the pool, and must not throw.
 */
export function afterCommit(on: Queryable, work: (pool: Queryable) => void): void {
  const late = open.get(on);
  if (late === undefined) work(on);
  else late.works.push(work);
}

/**
 * Runs statements that belong together. A deadlock or a serialization failure is tried again, so
 * `work` must not touch anything but the database. Never call outside from here.
 */
export async function transaction<T>(
  db: Database,
  work: (on: Queryable) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    const client = await db.pool.connect().catch((error: unknown) => {
      throw asTrouble(error);
    });
    let broken: Error | undefined;
    const late: Late = { works: [] };
    open.set(client, late);
    try {
      await client.query('begin');
      const result = await work(client);
      await client.query('commit');
      for (const each of late.works) each(db.pool);
      return result;
    } catch (error) {
      // A server that is away rolls back by itself, and would not answer this either.
      if (isDatabaseAway(error)) broken = new Error('the database is away');
      else {
        await client.query('rollback').catch((failure: unknown) => {
          broken = failure instanceof Error ? failure : new Error('rollback failed');
        });
      }
      if (!mayTryAgain(error, attempt)) throw asTrouble(error);
    } finally {
      open.delete(client);
      client.release(broken);
    }
  }
}
