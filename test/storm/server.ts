// The real server at the other end: one statement runs there at a time. One that meets a lock of a
// transaction that stands open waits there, as it would anywhere, and others go on. Two that wait
// would race when the lock is free: so only one waits at the server, and any further one is taken
// back and sent again when what stood in its way has ended. Who waits is asked of the server, and a
// deadlock is found here, by who waits for whom: nothing depends on how fast the machine is.
import fs from 'node:fs';
import pg from 'pg';
import { stormOptions } from './clone.ts';
import type { Timeline } from './time.ts';

export type Link = { client: pg.Client; pid: number; isBegun: boolean };
export type Query = {
  text: string;
  name?: string;
  values?: unknown[];
  rowMode?: string;
  types?: unknown;
};
export type Answer = { ok: true; result: pg.QueryResult } | { ok: false; error: Error };
type Sent = {
  readonly link: Link;
  readonly query: Query;
  readonly deliver: (answer: Answer) => void;
  answer: Answer | undefined;
  come: Promise<unknown>;
  /** Back ends that it waits for. */
  blockers: readonly number[];
};

export type Server = {
  connect: () => Promise<Link>;
  /** Sends one statement; gives its answer when it came, which may be many tasks later. */
  carryOut: (link: Link, query: Query) => Promise<Answer>;
  /** A statement of this connection waits for a lock. */
  waits: (link: Link) => boolean;
  counts: { statements: number; waited: number; deadlocks: number };
  /** What its back ends have computed for us, as far as this machine tells. */
  cpuMs: () => number;
  close: () => Promise<void>;
};

type Room = {
  readonly url: string;
  readonly timeline: Timeline;
  readonly watcher: Link;
  readonly links: Set<Link>;
  /** Transactions that stand open. */
  readonly open: Set<Link>;
  readonly counts: Server['counts'];
  /** The one that waits at the server. */
  waiting: Sent | undefined;
  /** Those that were taken back, in the order in which they came. */
  readonly held: Sent[];
  /** One after the other. */
  line: Promise<unknown>;
};

const realTimeout = globalThis.setTimeout;
const realClear = globalThis.clearTimeout;
/** An answer mostly comes sooner; then the server is asked whether it will. */
const patienceMs = 2;
/** Locks are kept beyond these, and free behind them. */
const frame = /^(begin|commit|rollback)$/;

/** `onSend` is called before each statement. */
export async function openServer(about: {
  url: string;
  timeline: Timeline;
  onSend: () => void;
}): Promise<Server> {
  const { url, timeline, onSend } = about;
  const room: Room = {
    ...{ url, timeline, watcher: await connect(url), links: new Set(), open: new Set() },
    ...{ counts: { statements: 0, waited: 0, deadlocks: 0 }, waiting: undefined, held: [] },
    line: Promise.resolve(),
  };
  return {
    connect: async () => {
      const link = await timeline.real(() => connect(url));
      room.links.add(link);
      return link;
    },
    carryOut: async (link, query) => {
      room.counts.statements += 1;
      const delivered = Promise.withResolvers<Answer>();
      const work = async (): Promise<void> => {
        onSend();
        const { resolve: deliver } = delivered;
        const blank = { answer: undefined, come: Promise.resolve(), blockers: [] };
        await tryOut(room, { link, query, deliver, ...blank });
      };
      await timeline.real(() => (room.line = room.line.then(work)));
      return delivered.promise;
    },
    waits: (link) => waitingOf(room, link.pid) !== undefined,
    counts: room.counts,
    cpuMs: () => [...room.links].reduce((all, { pid }) => all + cpuMsOf(pid), 0),
    close: async () => {
      const all = [room.watcher, ...room.links];
      await Promise.all(all.map(({ client }) => client.end()));
    },
  };
}

/** Of another process, on Linux: user and system time, in hundredths of a second. 0: not known. */
function cpuMsOf(pid: number): number {
  try {
    const told = fs
      .readFileSync(`/proc/${String(pid)}/stat`, 'utf8')
      .split(') ')[1]
      ?.split(' ');
    return (Number(told?.[11]) + Number(told?.[12])) * 10;
  } catch {
    return 0;
  }
}

/** Statements that are written behind each other go out together. */
async function connect(url: string): Promise<Link> {
  const about = { connectionString: url, options: stormOptions, pipeline: true };
  const client = new pg.Client(about);
  client.on('error', () => undefined);
  await client.connect();
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  return { client, pid: rows[0]?.pid ?? 0, isBegun: false };
}

const waitingOf = ({ waiting, held }: Room, pid: number): Sent | undefined =>
  waiting?.link.pid === pid ? waiting : held.find(({ link }) => link.pid === pid);

/** Sends it, and gives its answer if there is nothing to wait for. */
async function tryOut(room: Room, sent: Sent): Promise<void> {
  const { link, query } = sent;
  if (query.text === 'begin') {
    // It goes out with the first statement, and holds nothing until then.
    link.isBegun = true;
    room.open.add(link);
    sent.deliver({ ok: true, result: { rowCount: null, rows: [] } as unknown as pg.QueryResult });
    return;
  }
  const isFrame = frame.test(query.text);
  const others = room.open.size - (room.open.has(link) ? 1 : 0);
  send(room, sent);
  if (isFrame || (others === 0 && room.waiting === undefined)) await sent.come;
  else if ((await answeredOrWaits(room, sent)) === 'waits') {
    await wait(room, sent);
    return;
  }
  if (isFrame) room.open.delete(link);
  deliver(sent);
  // A statement that fails lets go of its transaction's locks at once.
  if (isFrame || sent.answer?.ok !== true) await ended(room, link);
}

const deliver = (sent: Sent): void =>
  sent.deliver(sent.answer ?? { ok: false, error: new Error('no answer') });

function send(room: Room, sent: Sent): void {
  const { link, query } = sent;
  const { client } = link;
  const ignore = (): void => undefined;
  if (link.isBegun) client.query('begin').catch(ignore);
  link.isBegun = false;
  // What is taken back must not take its transaction along.
  const isWithin = room.open.has(link) && !frame.test(query.text);
  if (isWithin && room.waiting !== undefined) client.query('savepoint storm').catch(ignore);
  sent.answer = undefined;
  sent.come = client.query(query as pg.QueryConfig).then(
    (result) => void (sent.answer = { ok: true, result }),
    (error: unknown) => void (sent.answer = { ok: false, error: error as Error }),
  );
}

/** Waits until it is answered, or waits for a lock that somebody who is parked holds. */
async function answeredOrWaits(room: Room, sent: Sent): Promise<'answered' | 'waits'> {
  for (;;) {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise((go) => (timer = realTimeout(go, patienceMs)));
    await Promise.race([sent.come, late]);
    realClear(timer);
    if (sent.answer !== undefined) return 'answered';
    const { rows } = await room.watcher.client.query<{ pids: number[] }>({
      ...{ name: 'blockers', text: 'select pg_blocking_pids($1) as pids' },
      values: [sent.link.pid],
    });
    const pids = rows[0]?.pids ?? [];
    // It may have come while the server was asked.
    if (isUnanswered(sent) && pids.length > 0) {
      sent.blockers = pids;
      return 'waits';
    }
  }
}

const isUnanswered = (sent: Sent): boolean => sent.answer === undefined;

/** Leaves it at the server, or takes it back; or breaks the ring that it would close. */
async function wait(room: Room, sent: Sent): Promise<void> {
  const { waiting, counts } = room;
  counts.waited += 1;
  if (closesRing(room, sent)) {
    counts.deadlocks += 1;
    await takeBack(room, sent);
    const error = Object.assign(new Error('deadlock detected'), { code: '40P01' });
    sent.deliver({ ok: false, error });
    await ended(room, sent.link);
    return;
  }
  if (waiting === undefined) {
    room.waiting = sent;
    return;
  }
  await takeBack(room, sent);
  if (room.open.has(sent.link)) await sent.link.client.query('rollback to savepoint storm');
  room.held.push(sent);
}

async function takeBack({ watcher }: Room, sent: Sent): Promise<void> {
  await watcher.client.query('select pg_cancel_backend($1)', [sent.link.pid]);
  await sent.come;
}

/** Whether somebody that it waits for waits for it, directly or not. */
function closesRing(room: Room, sent: Sent): boolean {
  const seen = new Set<number>();
  const next = [...sent.blockers];
  for (let pid = next.pop(); pid !== undefined; pid = next.pop()) {
    if (pid === sent.link.pid) return true;
    if (seen.has(pid)) continue;
    seen.add(pid);
    next.push(...(waitingOf(room, pid)?.blockers ?? []));
  }
  return false;
}

/** The locks of this connection are free: those who waited for them go on, as they came. */
async function ended(room: Room, link: Link): Promise<void> {
  const over = [link.pid];
  for (let pid = over.shift(); pid !== undefined; pid = over.shift()) {
    const gone = pid;
    const { waiting } = room;
    if (waiting?.blockers.includes(gone) && (await answeredOrWaits(room, waiting)) === 'answered') {
      room.waiting = undefined;
      deliver(waiting);
      // Its row may be free for the next, whether its transaction is over or not.
      over.push(waiting.link.pid);
    }
    for (const sent of room.held.filter(({ blockers }) => blockers.includes(gone))) {
      const at = room.held.indexOf(sent);
      if (at < 0) continue;
      room.held.splice(at, 1);
      await again(room, sent);
    }
  }
}

async function again(room: Room, sent: Sent): Promise<void> {
  send(room, sent);
  if ((await answeredOrWaits(room, sent)) === 'waits') await wait(room, sent);
  else deliver(sent);
}
