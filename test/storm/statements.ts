// The way from the program to PostgreSQL, statement by statement: each waits for its moment on the
// timeline, and is carried out by the real server (server.ts). Played processes share connections:
// what is of a session (advisory locks) has one of its own.
import fs from 'node:fs';
import pg from 'pg';
import type { Database } from '../../web/db/database.ts';
import { openDatabase } from '../../web/db/database.ts';
import type { Ask as LockAsk } from '../../web/db/locks.ts';
import { stormOptions } from './clone.ts';
import type { Draws } from './draws.ts';
import { openServer, type Answer, type Link, type Query, type Server } from './server.ts';
import type { Owner, Timeline } from './time.ts';

export type Statements = {
  /** The database, as the process that asks has it. */
  db: Database;
  /** The connection that holds the advisory locks of one process. */
  asksFor: (owner: Owner) => Promise<LockAsk>;
  /** The storm's own questions: at once, and nobody else's task. */
  ask: <Row extends pg.QueryResultRow>(
    text: string | { name: string; text: string },
    values?: unknown[],
  ) => Promise<Row[]>;
  /** Ends what the dead process had open, at once or when the server notices. */
  bury: (owner: Owner, afterMs: number) => Promise<void>;
  counts: Server['counts'];
  cpuMs: () => number;
  close: () => Promise<void>;
};

type Room = {
  readonly url: string;
  readonly timeline: Timeline;
  readonly draws: Draws;
  readonly say: (line: string) => void;
  /** Chance that a connection of this process is cut while a statement is under way. */
  readonly cutChance: (owner: Owner) => number;
  readonly pass: Pass;
  readonly server: Server;
  readonly free: Link[];
  /** Transactions that stand open, each with its process. */
  readonly open: Map<Link, Owner>;
  readonly sessions: Map<Owner, Link>;
  readonly names: Map<string, string>;
};

/** Told around each statement: whoever asks may be dead behind it. */
export type Pass = (owner: Owner, name: string, side: 'before' | 'after') => void;

/** Of all transactions this share is taken apart, statement by statement. */
const apart = 0.05;

export async function openStatements(about: {
  url: string;
  clockFile: string;
  /** The clock's beginning. */
  startMs: number;
  timeline: Timeline;
  draws: Draws;
  say: (line: string) => void;
  cutChance: (owner: Owner) => number;
  pass: Pass;
}): Promise<Statements> {
  const { url, timeline, draws, say, cutChance, pass } = about;
  const clock = { fd: fs.openSync(about.clockFile, 'r+'), written: 0, startMs: about.startMs };
  const onSend = (): void => writeClock(clock, timeline);
  const server = await openServer({ url, timeline, onSend });
  const room: Room = {
    ...{ url, timeline, draws, say, cutChance, pass, server, free: [] },
    ...{ open: new Map(), sessions: new Map(), names: new Map() },
  };
  const own = new pg.Client({ connectionString: url, options: stormOptions });
  await own.connect();
  return {
    db: sharedDatabase(room),
    asksFor: (owner) => asksFor(room, owner),
    ask: async <Row extends pg.QueryResultRow>(
      asked: string | { name: string; text: string },
      values: unknown[] = [],
    ) => {
      onSend();
      const query = { ...(typeof asked === 'string' ? { text: asked } : asked), values };
      return (await timeline.real(() => own.query<Row>(query))).rows;
    },
    bury: (owner, afterMs) => bury(room, owner, afterMs),
    ...{ counts: server.counts, cpuMs: server.cpuMs },
    close: async () => {
      fs.closeSync(clock.fd);
      await Promise.all([own.end(), server.close()]);
    },
  };
}

/** The longer the file, the later it is (clone.ts). */
function writeClock(
  clock: { fd: number; written: number; startMs: number },
  timeline: Timeline,
): void {
  const now = Math.floor(timeline.now()) - clock.startMs;
  if (clock.written === now) return;
  clock.written = now;
  fs.ftruncateSync(clock.fd, now);
}

const takeLink = (room: Room): Link | Promise<Link> => room.free.pop() ?? room.server.connect();

/** How a statement is called in the log. Prisma's have no name: they get one, and a kept plan. */
function named(room: Room, query: Query): Query & { name: string } {
  if (query.name !== undefined && query.name !== '') return { ...query, name: query.name };
  const had = room.names.get(query.text);
  const name = had ?? `p${String(room.names.size)}`;
  room.names.set(query.text, name);
  return { ...query, name };
}

/** Asked each time anew: it may have died meanwhile. */
const isDead = ({ alive }: Owner): boolean => !alive;

const cutError = (): Error => new Error('Connection terminated unexpectedly');

/** One statement that is a transaction of its own. */
function alone(room: Room, owner: Owner, given: Query): Promise<pg.QueryResult> {
  const { timeline, draws } = room;
  const query = named(room, given);
  return new Promise((resolve, reject) => {
    timeline.plan(latencyMs(draws), owner, async () => {
      const cut = draws.chance(room.cutChance(owner))
        ? draws.pick(['before', 'after'] as const)
        : '';
      if (cut === 'before') {
        room.say(`${owner.name} ${query.name} cut`);
        reject(cutError());
        return;
      }
      room.pass(owner, query.name, 'before');
      if (!owner.alive) return;
      const link = await takeLink(room);
      const answer = room.server.carryOut(link, query);
      void answer.then((came) => {
        room.free.push(link);
        room.say(`${owner.name} ${query.name} ${cut} ${sizeOf(came)}`);
        room.pass(owner, query.name, 'after');
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
      const whole: Whole = { owner, link, isApart: draws.chance(apart), did: [] };
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
  await room.server.carryOut(link, { text: 'rollback' });
  room.free.push(link);
}

/** One transaction. One that had to wait goes on by the timeline, like all others. */
type Whole = { owner: Owner; link: Link; isApart: boolean; did: string[] };

function inTransaction(room: Room, whole: Whole, given: Query): Promise<pg.QueryResult> {
  const { owner, link } = whole;
  const { draws, timeline, server } = room;
  const isEnd = given.text === 'commit';
  const query = /^(begin|commit|rollback)$/.test(given.text) ? given : named(room, given);
  const cut = isEnd && draws.chance(room.cutChance(owner)) ? draws.pick(['before', 'after']) : '';
  const work = async (): Promise<pg.QueryResult> => {
    const name = query.name ?? query.text;
    // What a transaction did is over with its commit.
    if (!isEnd) whole.did.push(name);
    room.pass(owner, name, 'before');
    if (isDead(owner)) return new Promise<never>(() => undefined);
    const sent = cut === 'before' ? { text: 'rollback' } : query;
    const waitedBefore = server.counts.waited;
    const answer = await server.carryOut(link, sent);
    whole.isApart ||= server.counts.waited > waitedBefore;
    room.say(`${owner.name} ${query.name ?? query.text} ${cut} ${sizeOf(answer)}`);
    if (isEnd && answer.ok && cut !== 'before') {
      for (const did of whole.did) room.pass(owner, did, 'after');
    }
    if (isDead(owner)) {
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
        const answer = await room.server.carryOut(link, named(room, { text, values: [...values] }));
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
    await room.server.carryOut(session, { text: 'select pg_advisory_unlock_all()' });
    room.free.push(session);
  }
  for (const [link, whose] of [...room.open]) {
    if (whose !== owner || room.server.waits(link)) continue;
    // It stays open, with its locks, until the server has noticed.
    room.timeline.plan(afterMs, undefined, async () => {
      if (!room.open.delete(link)) return;
      await rollBack(room, link);
    });
  }
}
