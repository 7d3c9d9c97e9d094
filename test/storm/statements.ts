// The way from the program to PostgreSQL, statement by statement: each waits for its moment on the
// timeline, and is carried out by the real server. One that waits for a lock there, because another
// transaction stands open, lets others go on; that it waits is asked of the server, so the run does
// not depend on how fast it is. Played processes share connections: what is of a session (advisory
// locks) has one of its own.
import fs from 'node:fs';
import pg from 'pg';
import type { Database } from '../../web/db/database.ts';
import { openDatabase } from '../../web/db/database.ts';
import type { Ask as LockAsk } from '../../web/db/locks.ts';
import { stormOptions } from './clone.ts';
import type { Draws } from './draws.ts';
import type { Owner, Timeline } from './time.ts';

type Link = { client: pg.Client; pid: number };
type Query = { text: string; name?: string; values?: unknown[]; rowMode?: string; types?: unknown };
type Answer = { ok: true; result: pg.QueryResult } | { ok: false; error: Error };
type Sent = {
  link: Link;
  answer: Answer | undefined;
  come: Promise<unknown>;
  deliver: (answer: Answer) => void;
};

export type Statements = {
  /** The database, as the process that asks has it. */
  db: Database;
  /** The connection that holds the advisory locks of one process. */
  asksFor: (owner: Owner) => Promise<LockAsk>;
  /** The storm's own questions: at once, and nobody else's task. */
  ask: <Row extends pg.QueryResultRow>(text: string, values?: unknown[]) => Promise<Row[]>;
  /** Ends what the dead process had open, at once or when the server notices. */
  bury: (owner: Owner, afterMs: number) => Promise<void>;
  counts: { statements: number; waited: number; cut: number };
  close: () => Promise<void>;
};

type Room = {
  readonly url: string;
  readonly timeline: Timeline;
  readonly draws: Draws;
  readonly say: (line: string) => void;
  /** Chance that a connection is cut while a statement is under way. */
  readonly cutChance: () => number;
  readonly clock: { fd: number; written: number };
  readonly free: Link[];
  readonly links: Set<Link>;
  readonly waiting: Sent[];
  /** Transactions that stand open, each with its process. */
  readonly open: Map<Link, Owner>;
  readonly sessions: Map<Owner, Link>;
  readonly names: Map<string, string>;
  readonly counts: Statements['counts'];
  watcher: pg.Client;
};

const realTimeout = globalThis.setTimeout;
const realClear = globalThis.clearTimeout;
/** Longer than `deadlock_timeout`: a deadlock has found its victim by then. */
const patienceMs = 18;
/** Of all transactions this share is taken apart, statement by statement. */
const apart = 0.05;

export async function openStatements(about: {
  url: string;
  clockFile: string;
  timeline: Timeline;
  draws: Draws;
  say: (line: string) => void;
  cutChance: () => number;
}): Promise<Statements> {
  const { url, timeline, draws, say, cutChance, clockFile } = about;
  const room: Room = {
    ...{ url, timeline, draws, say, cutChance, free: [], links: new Set(), waiting: [] },
    ...{ open: new Map(), sessions: new Map(), names: new Map() },
    counts: { statements: 0, waited: 0, cut: 0 },
    clock: { fd: fs.openSync(clockFile, 'r+'), written: 0 },
    watcher: (await connect(url)).client,
  };
  const own = await connect(url);
  return {
    db: sharedDatabase(room),
    asksFor: (owner) => asksFor(room, owner),
    ask: async <Row extends pg.QueryResultRow>(text: string, values: unknown[] = []) => {
      writeClock(room);
      return (await timeline.real(() => own.client.query<Row>(text, values))).rows;
    },
    bury: (owner, afterMs) => bury(room, owner, afterMs),
    counts: room.counts,
    close: async () => {
      fs.closeSync(room.clock.fd);
      const clients = [own, ...room.links].map(({ client }) => client);
      await Promise.all([...clients, room.watcher].map((client) => client.end()));
    },
  };
}

async function connect(url: string): Promise<Link> {
  const client = new pg.Client({ connectionString: url, options: stormOptions });
  client.on('error', () => undefined);
  await client.connect();
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  return { client, pid: rows[0]?.pid ?? 0 };
}

async function takeLink(room: Room): Promise<Link> {
  const had = room.free.pop();
  if (had !== undefined) return had;
  const link = await room.timeline.real(() => connect(room.url));
  room.links.add(link);
  return link;
}

/** 13 digits for two hundred years: the file is overwritten in place. */
function writeClock({ clock, timeline }: Room): void {
  const now = Math.floor(timeline.now());
  if (clock.written === now) return;
  clock.written = now;
  fs.writeSync(clock.fd, String(now), 0);
}

/** Waits until it is answered, or waits for a lock that somebody who is parked holds. */
async function answeredOrWaits(room: Room, sent: Sent): Promise<'answered' | 'waits'> {
  if (room.open.size === 0 && room.waiting.length === 0) {
    await sent.come;
    return 'answered';
  }
  for (;;) {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise((go) => (timer = realTimeout(go, patienceMs)));
    await Promise.race([sent.come, late]);
    realClear(timer);
    if (sent.answer !== undefined) return 'answered';
    const { rows } = await room.watcher.query<{ waits: boolean }>(
      'select cardinality(pg_blocking_pids($1)) > 0 as waits',
      [sent.link.pid],
    );
    if (isUnanswered(sent) && rows[0]?.waits === true) return 'waits';
  }
}

/** It may have come while the server was asked. */
const isUnanswered = (sent: Sent): boolean => sent.answer === undefined;

/** Sends one statement; gives its answer when it came, which may be many tasks later. */
async function carryOut(room: Room, link: Link, query: Query): Promise<Answer> {
  const { timeline, waiting, counts } = room;
  writeClock(room);
  counts.statements += 1;
  const delivered = Promise.withResolvers<Answer>();
  const sent: Sent = {
    ...{ link, answer: undefined, deliver: delivered.resolve },
    come: link.client.query(query as pg.QueryConfig).then(
      (result) => void (sent.answer = { ok: true, result }),
      (error: unknown) => void (sent.answer = { ok: false, error: error as Error }),
    ),
  };
  const state = await timeline.real(() => answeredOrWaits(room, sent));
  if (state === 'waits') {
    counts.waited += 1;
    waiting.push(sent);
    return delivered.promise;
  }
  await letThrough(room);
  return sent.answer ?? { ok: false, error: new Error('no answer') };
}

/** A statement ended: those that waited for its locks go on, in the order in which they came. */
async function letThrough(room: Room): Promise<void> {
  const { waiting } = room;
  if (waiting.length === 0) return;
  const through: Sent[] = [];
  for (const sent of [...waiting]) {
    const state = await room.timeline.real(() => answeredOrWaits(room, sent));
    if (state === 'answered') through.push(sent);
  }
  for (const sent of through) {
    waiting.splice(waiting.indexOf(sent), 1);
    if (sent.answer !== undefined) sent.deliver(sent.answer);
  }
}

/** How a statement is called in the log. Prisma's have no name: they get one, and a kept plan. */
function named(room: Room, query: Query): Query & { name: string } {
  if (query.name !== undefined && query.name !== '') return { ...query, name: query.name };
  const had = room.names.get(query.text);
  const name = had ?? `p${String(room.names.size)}`;
  room.names.set(query.text, name);
  return { ...query, name };
}

const cutError = (): Error => new Error('Connection terminated unexpectedly');

/** One statement that is a transaction of its own. */
function alone(room: Room, owner: Owner, given: Query): Promise<pg.QueryResult> {
  const { timeline, draws, counts } = room;
  const query = named(room, given);
  return new Promise((resolve, reject) => {
    timeline.plan(latencyMs(draws), owner, async () => {
      const cut = draws.chance(room.cutChance()) ? draws.pick(['before', 'after'] as const) : '';
      if (cut !== '') counts.cut += 1;
      if (cut === 'before') {
        room.say(`${owner.name} ${query.name} cut`);
        reject(cutError());
        return;
      }
      const link = await takeLink(room);
      const answer = carryOut(room, link, query);
      void answer.then((came) => {
        room.free.push(link);
        room.say(`${owner.name} ${query.name} ${cut} ${sizeOf(came)}`);
        if (!owner.alive) return;
        if (cut === 'after') reject(cutError());
        else if (came.ok) resolve(came.result);
        else reject(came.error);
      });
    });
  });
}

const sizeOf = (answer: Answer): string =>
  answer.ok ? String(answer.result.rowCount) : codeOf(answer.error);
const codeOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'failed';

/** To the server and back; now and then it takes its time. */
const latencyMs = (draws: Draws): number =>
  draws.chance(0.002) ? draws.between(50, 4_000) : draws.around(1.5);

/** A connection for a transaction. Most run through at once, some are taken apart. */
function transactionOn(room: Room, owner: Owner): Promise<pg.PoolClient> {
  const { timeline, draws } = room;
  return new Promise((resolve) => {
    timeline.plan(latencyMs(draws), owner, async () => {
      const link = await takeLink(room);
      room.open.set(link, owner);
      const whole: Whole = { owner, link, isApart: draws.chance(apart) };
      const query = (given: Query | string, values?: unknown[]): Promise<pg.QueryResult> => {
        const asked =
          typeof given === 'string' ? { text: given, ...(values && { values }) } : given;
        return inTransaction(room, whole, asked);
      };
      const release = (broken?: Error | boolean): void => {
        if (!room.open.delete(link)) return;
        if (broken) void rollBack(room, link);
        else room.free.push(link);
      };
      resolve({ query, release, on: () => undefined } as unknown as pg.PoolClient);
    });
  });
}

async function rollBack(room: Room, link: Link): Promise<void> {
  await carryOut(room, link, { text: 'rollback' });
  room.free.push(link);
}

/** One transaction. One that had to wait goes on by the timeline, like all others. */
type Whole = { owner: Owner; link: Link; isApart: boolean };

function inTransaction(room: Room, whole: Whole, given: Query): Promise<pg.QueryResult> {
  const { owner, link } = whole;
  const { draws, timeline, counts } = room;
  const isEnd = given.text === 'commit';
  const query = /^(begin|commit|rollback)$/.test(given.text) ? given : named(room, given);
  const cut = isEnd && draws.chance(room.cutChance()) ? draws.pick(['before', 'after']) : '';
  const work = async (): Promise<pg.QueryResult> => {
    if (cut !== '') counts.cut += 1;
    const sent = cut === 'before' ? { text: 'rollback' } : query;
    const waitedBefore = counts.waited;
    const answer = await carryOut(room, link, sent);
    whole.isApart ||= counts.waited > waitedBefore;
    room.say(`${owner.name} ${query.name ?? query.text} ${cut} ${sizeOf(answer)}`);
    if (!owner.alive) {
      // It died while its statement waited.
      if (room.open.delete(link)) await rollBack(room, link);
      return new Promise<never>(() => undefined);
    }
    if (cut !== '') throw cutError();
    if (!answer.ok) throw answer.error;
    return answer.result;
  };
  if (!whole.isApart) return timeline.as(owner, work);
  return new Promise((resolve, reject) => {
    timeline.plan(latencyMs(draws), owner, () => void work().then(resolve, reject));
  });
}

/** One pool for all played processes: whoever asks is the owner of the task that runs. */
function sharedDatabase(room: Room): Database {
  const db = openDatabase({ url: room.url });
  const asking = (): Owner => {
    const owner = room.timeline.owner();
    if (owner === undefined) throw new Error('a statement of nobody');
    return owner;
  };
  const query = (given: Query | string, values?: unknown[]): Promise<pg.QueryResult> =>
    alone(
      room,
      asking(),
      typeof given === 'string' ? { text: given, ...(values && { values }) } : given,
    );
  const connectOne = (): Promise<pg.PoolClient> => transactionOn(room, asking());
  Object.assign(db.pool, { query, connect: connectOne });
  return { ...db, prisma: eager(db.prisma) };
}

type Lazy = { then: (yes: (value: unknown) => void, no: (error: unknown) => void) => void };
type Ask = (...given: unknown[]) => Lazy;

/**
 * Prisma begins when its promise is awaited, and V8 forgets there whose task it was: so it begins
 * at once.
 */
function eager<T extends object>(prisma: T): T {
  const models = new Map<unknown, unknown>();
  const atOnce = (model: object): object =>
    new Proxy(model, {
      get: (target, name): unknown => {
        const ask: unknown = Reflect.get(target, name);
        if (typeof ask !== 'function') return ask;
        return (...given: unknown[]) =>
          new Promise((yes, no) => {
            (ask as Ask).apply(target, given).then(yes, no);
          });
      },
    });
  return new Proxy(prisma, {
    get: (target, name): unknown => {
      const model: unknown = Reflect.get(target, name);
      if (typeof model !== 'object' || model === null) return model;
      const had = models.get(name) ?? atOnce(model);
      models.set(name, had);
      return had;
    },
  });
}

async function asksFor(room: Room, owner: Owner): Promise<LockAsk> {
  const link = await takeLink(room);
  room.sessions.set(owner, link);
  return <Row extends Record<string, unknown>>(text: string, values: readonly unknown[]) =>
    new Promise<Row[] | undefined>((resolve, reject) => {
      room.timeline.plan(latencyMs(room.draws), owner, async () => {
        const answer = await carryOut(room, link, named(room, { text, values: [...values] }));
        room.say(`${owner.name} alive ${sizeOf(answer)}`);
        if (answer.ok) resolve(answer.result.rows as Row[]);
        else reject(answer.error);
      });
    });
}

/** The server notices that a process is gone: open transactions end, its locks are free. */
async function bury(room: Room, owner: Owner, afterMs: number): Promise<void> {
  const session = room.sessions.get(owner);
  room.sessions.delete(owner);
  if (session !== undefined) {
    await carryOut(room, session, { text: 'select pg_advisory_unlock_all()' });
    room.free.push(session);
  }
  for (const [link, whose] of [...room.open]) {
    if (whose !== owner || room.waiting.some((sent) => sent.link === link)) continue;
    // It stays open, with its locks, until the server has noticed.
    room.timeline.plan(afterMs, undefined, async () => {
      if (!room.open.delete(link)) return;
      await rollBack(room, link);
    });
  }
}
