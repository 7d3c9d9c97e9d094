// A lane's turn: one process takes the lane, works its due rows as many at once as its width
// allows, and after a moment gives it back, so that a lane with ten thousand rows holds up nobody.
// The lane's lock keeps its width in one process; its lease sees that a row is worked once.
import { inOrder, costsDiffer } from '../core/order.ts';
import { wakePools } from '../db/announce.ts';
import { openLane, laneTables, nudge, parseLane, pauseOf } from '../db/lanes.ts';
import type { DueTable, Lane, LanePause } from '../db/lanes.ts';
import type { ClaimedRow, WaitingRow } from '../db/due.ts';
import { claim, claimAndLook, claimThese, dueTables, giveBack, peekDue } from '../db/due.ts';
import { freeLaneLock, tryLaneLock } from '../db/locks.ts';
import { nodeAnswered } from '../db/nodes.ts';
import type { Deps } from '../flows/flow.ts';
import type { Alive } from './alive.ts';
import type { StepOf } from './steps.ts';
import type { Time } from './time.ts';
import { realTime } from './time.ts';
import type { KnownLane, LaneBook } from './width.ts';
import { costOf, laneBook, operationOf, widthOf, widthOfProcess } from './width.ts';
import type { LanePaused } from './work-row.ts';
import { workRow } from './work-row.ts';
import { isDatabaseAway } from '../db/database.ts';

export type TurnOptions = {
  stepOf: StepOf;
  /** How long a turn uses its slot and claims rows. */
  turnMs: number;
  /** While a turn's calls are slow, it goes on claiming beside them for this long, without slot. */
  slowTurnMs: number;
  /** After this a step is taken for stuck. */
  stepMs: number;
  /** Turns at once in this process; left out: any number. */
  slots?: number;
  /** For tests that play time and chance. */
  time?: Time;
  /** A part of one by which all widths shrink while the process is late. */
  brake?: () => number;
  /** Instead of what was learned: how many calls at once, and which due rows next. */
  width?: (lane: Lane) => number;
  order?: (waiting: WaitingRow[]) => WaitingRow[];
};

export type Turns = {
  /** Gives the lane a turn. Resolves when its slot is free; never rejects. */
  take: (lane: Lane) => Promise<void>;
  /**
   * Rows of the lane were made due in this process: it gets a turn at once if a slot is free.
   * False: there is none, and the rows wait for their nudge.
   */
  touch: (lane: Lane) => boolean;
  /** No claims from here on. Resolves with the number of calls that were still out at the end. */
  drain: (withinMs: number) => Promise<number>;
};

type Turn = {
  readonly lane: Lane;
  readonly known: KnownLane;
  /** When each call that is out began. */
  readonly calls: Set<{ since: number }>;
  /** Due rows that were seen and are not claimed yet, in the order in which they are to go. */
  readonly seen: Map<DueTable, Seen>;
  /** Somebody nudged the lane, or a row came back due: look once more. */
  again: boolean;
  /** The last claim took all that it asked for. */
  more: boolean;
  /** When rows were last claimed, or none was found. */
  lookedAt: number;
  /** The lane was paused, and one row is to show whether it answers again. */
  probing: boolean;
  /** Of this table before all. */
  probeFrom: DueTable | undefined;
  /** Nothing more is claimed. */
  over: 'no' | 'paused' | 'stopping' | 'database_away';
  /** Its job may have been used up by this turn, while that waited for calls to come back. */
  pausedUntil: Date | undefined;
  wake: () => void;
};

/** `beyond`: there may be more due rows than were seen. */
type Seen = { waiting: WaitingRow[]; beyond: boolean };

type Room = {
  readonly deps: Deps;
  readonly alive: Alive;
  readonly options: TurnOptions;
  readonly time: Time;
  readonly book: LaneBook;
  readonly turns: Map<Lane, Turn>;
  /** Slots in use, of each shop. */
  readonly slots: Map<number | undefined, number>;
  slotsUsed: number;
  storedAt: number;
  callsOut: number;
  stopping: boolean;
};

/** Why a rest ends early. Without a reason of ours each end makes an error, with its stack. */
const over = 'over';
/** What was learned is stored this often at most. */
const storeMs = 5_000;
/** Due rows among which the next one is chosen. */
const windowRows = 64;
/** Calls that a lane may begin in its turn while others wait: so many turns' worth of time. */
const creditTurns = 4;

export function laneTurns(deps: Deps, about: { alive: Alive; options: TurnOptions }): Turns {
  const time = about.options.time ?? realTime;
  const room: Room = {
    ...{ deps, ...about, time, book: laneBook(deps, time), turns: new Map<Lane, Turn>() },
    ...{ slots: new Map<number, number>(), slotsUsed: 0, storedAt: time.ms() },
    ...{ callsOut: 0, stopping: false },
  };
  return {
    take: (lane) => take(room, lane),
    touch: (lane) => {
      const mayBegin = !isFull(room) && !shopIsFull(room, room.book.of(lane).shopId);
      if (room.stopping || !(room.turns.has(lane) || mayBegin)) return false;
      void take(room, lane);
      return true;
    },
    drain: (withinMs) => drain(room, withinMs),
  };
}

const isFull = ({ slotsUsed, options }: Room): boolean => slotsUsed >= (options.slots ?? Infinity);

/** One shop's lanes together have at most a quarter of a process: others must not wait for it. */
function shopIsFull({ slots, options }: Room, shopId: number | undefined): boolean {
  if (shopId === undefined || options.slots === undefined) return false;
  return (slots.get(shopId) ?? 0) >= Math.max(1, Math.ceil(options.slots / 4));
}

async function take(room: Room, lane: Lane): Promise<void> {
  if (room.stopping) return;
  const had = room.turns.get(lane);
  if (had !== undefined) {
    had.again = true;
    had.wake();
    return;
  }
  const known = room.book.of(lane);
  if (shopIsFull(room, known.shopId)) {
    await nudgeLater(room, lane);
    return;
  }
  const turn: Turn = {
    ...{ lane, known, calls: new Set<{ since: number }>(), seen: new Map<never, never>() },
    ...{ again: false, more: true, probing: false, probeFrom: undefined, over: 'no' },
    ...{ lookedAt: -Infinity, pausedUntil: undefined, wake: () => undefined },
  };
  room.turns.set(lane, turn);
  const free = takeSlot(room, known.shopId);
  // The slot is free at the end of the turn's time, even while slow calls keep the lane.
  const ended = new AbortController();
  const slot = room.time.rest(room.options.turnMs, ended.signal);
  await Promise.race([hold(room, turn), slot]);
  ended.abort(over);
  free();
}

function takeSlot(room: Room, shopId: number | undefined): () => void {
  const { slots } = room;
  const add = (n: number): void => {
    room.slotsUsed += n;
    const used = (slots.get(shopId) ?? 0) + n;
    if (used > 0) slots.set(shopId, used);
    else slots.delete(shopId);
  };
  add(1);
  return () => add(-1);
}

function nudgeLater({ deps, alive, options }: Room, lane: Lane): Promise<void> {
  const at = new Date(alive.now().getTime() + options.turnMs);
  return nudge(deps.db.pool, [lane], at).catch(() => undefined);
}

/** Takes the lane's lock, works, gives it back. Never rejects: the due-sweep mends what is lost. */
async function hold(room: Room, turn: Turn): Promise<void> {
  const { deps, alive } = room;
  const { lane } = turn;
  let nudgeAt: Date | 'now' | undefined;
  try {
    const lock = await lockLane(room, lane);
    if (lock.is === 'taken') {
      // Whoever has it may have looked before our row was there.
      nudgeAt = new Date(alive.now().getTime() + room.options.turnMs);
      void wakeThen(room);
    } else if (lock.is === 'ours') {
      try {
        nudgeAt = await workOn(room, { turn, pause: lock.pause, session: alive.session() });
      } finally {
        await freeLaneLock(alive.ask, lane);
        void storeLearned(room);
      }
    }
  } catch (error) {
    if (!isDatabaseAway(error)) deps.log.error({ lane, err: error }, 'turn.failed');
  } finally {
    room.turns.delete(lane);
  }
  if (turn.over === 'paused') nudgeAt = turn.pausedUntil;
  const wanted = turn.again && (turn.over === 'no' || turn.over === 'stopping');
  if (wanted && !(nudgeAt instanceof Date)) nudgeAt = 'now';
  if (nudgeAt === undefined) return;
  const at = nudgeAt === 'now' ? undefined : nudgeAt;
  await nudge(deps.db.pool, [lane], at).catch(() => undefined);
}

/** The engine hears of a job when it is made, and looks by itself once a second. */
async function wakeThen({ deps, time, options }: Room): Promise<void> {
  await time.rest(options.turnMs);
  wakePools(deps.db.pool, 1);
}

type Lock = { is: 'ours'; pause: LanePause | undefined } | { is: 'taken' | 'away' };

async function lockLane(room: Room, lane: Lane): Promise<Lock> {
  const askedMs = Date.now();
  const tried = await tryLaneLock(room.alive.ask, lane);
  if (tried === undefined) return { is: 'away' };
  room.alive.compare({ saidMs: tried.saidMs, askedMs, answeredMs: Date.now() });
  return tried.got ? { is: 'ours', pause: tried.pause } : { is: 'taken' };
}

async function storeLearned(room: Room): Promise<void> {
  const now = room.time.ms();
  if (now - room.storedAt < storeMs) return;
  room.storedAt = now;
  await room.book.store();
}

/**
 * Works the lane, one turn after the other for as long as nobody else wants its place: its calls
 * need not come back in between. Says when it is to be nudged next.
 */
async function workOn(room: Room, lane: LockedLane): Promise<Date | 'now' | undefined> {
  const { turn } = lane;
  for (let { pause } = lane; ;) {
    await room.book.refresh(turn.known);
    const end = await work(room, { ...lane, pause });
    if (end === 'goes_on') {
      pause = await pauseOf(room.deps.db, turn.lane);
      continue;
    }
    while (turn.calls.size > 0) await change(room, turn, room.options.stepMs);
    // An empty lane saves nothing up.
    if (!turn.more) turn.known.credit = 0;
    if (end !== 'over') return end;
    return turn.more && (turn.over === 'no' || turn.over === 'stopping') ? 'now' : undefined;
  }
}

/** `session`: of the connection that has the lane's lock. */
type LockedLane = { turn: Turn; pause: LanePause | undefined; session: number };

/** One turn. A moment: the lane is paused until then. */
async function work(room: Room, about: LockedLane): Promise<Date | 'goes_on' | 'over'> {
  const { deps, alive, time } = room;
  const { turn, pause, session } = about;
  // The job that was to wake the lane at its pause's end may be the one that brought us here.
  if (pause !== undefined && pause.until > alive.now()) return pause.until;
  turn.probing = pause !== undefined;
  turn.probeFrom = pause && probeFrom(pause);
  // A lane that was full has room again: there is nothing to be tried.
  if (pause?.because === 'throttled') await open(deps, turn);

  const startedAt = time.ms();
  turn.known.credit = Math.min(0, turn.known.credit) + creditTurns * room.options.turnMs;
  let first = true;
  while (turn.over === 'no') {
    if (room.stopping) turn.over = 'stopping';
    // Our lock is gone: another process may work the lane.
    if (alive.session() !== session) turn.over = 'database_away';
    if (turn.over !== 'no') break;
    if (isLate(room, turn, startedAt)) {
      const wants = turn.more || turn.again || turn.calls.size > 0;
      return wants && !isCrowded(room) ? 'goes_on' : 'over';
    }
    const free = freePlaces(room, turn);
    // What another process made due is told to whoever of the pools has time, and only the lane's
    // holder can claim it: while its calls are slow it looks by itself.
    const looks = time.ms() - turn.lookedAt >= room.options.turnMs;
    if (free > 0 && (turn.more || turn.again || looks)) {
      if (turn.again || looks) turn.seen.clear();
      turn.again = false;
      turn.lookedAt = time.ms();
      const claimed = await claimRows(room, { turn, free, first });
      first = false;
      // Rows that came meanwhile may be in a table that was looked at before.
      if (claimed > 0 || isAskedAgain(turn)) continue;
    }
    if (turn.calls.size === 0) break;
    await change(room, turn, room.options.turnMs);
  }
  return 'over';
}

/**
 * Where Shopify refuses our token the app may have been removed, and only that word, a sighting,
 * ends what waits: every second probe looks there, the first one too.
 */
const probeFrom = ({ because, failures }: LanePause): DueTable | undefined =>
  because === 'token_refused' && failures % 2 === 1 ? 'sighting' : undefined;

/** A row that only finds the lane closed must not keep the other tables from being tried. */
function probeAt({ time }: Room, turn: Turn, tables: readonly DueTable[]): number {
  const at = tables.findIndex((table) => table === turn.probeFrom);
  return at >= 0 ? at : Math.floor(time.draw() * tables.length);
}

const isOver = (turn: Turn): boolean => turn.over !== 'no';
const isAskedAgain = (turn: Turn): boolean => turn.again;

/** Others wait for a slot of this process, or may soon wait for its sockets. */
const isCrowded = (room: Room): boolean => isFull(room) || isBusy(room);
const isBusy = ({ callsOut }: Room): boolean => callsOut > widthOfProcess / 2;

/**
 * A turn is over after its time, and when others wait for a slot, after its credit. Only when one
 * of its calls is slow it goes on, so that the lane's other places do not stand idle meanwhile; but
 * not when the process is busy. Where nobody waits, another turn follows at once.
 */
function isLate(room: Room, turn: Turn, startedAt: number): boolean {
  const { turnMs, slowTurnMs } = room.options;
  const now = room.time.ms();
  const ageMs = now - startedAt;
  if (turn.known.credit <= 0 && isFull(room)) return true;
  if (ageMs <= turnMs) return false;
  const slow = [...turn.calls].some(({ since }) => now - since > turnMs / 2);
  return !slow || ageMs > slowTurnMs || isBusy(room);
}

function widthNow({ options }: Room, { lane, known }: Turn): number {
  const width = options.width?.(lane) ?? widthOf(known);
  return Math.max(1, Math.floor(width * (options.brake?.() ?? 1)));
}

function freePlaces(room: Room, turn: Turn): number {
  if (turn.probing) return turn.calls.size === 0 ? 1 : 0;
  return Math.min(widthNow(room, turn) - turn.calls.size, widthOfProcess - room.callsOut);
}

/** Waits until a call is back, the lane was nudged, or the time is over. */
function change({ time }: Room, turn: Turn, withinMs: number): Promise<void> {
  const woken = new AbortController();
  turn.wake = () => woken.abort(over);
  return time.rest(withinMs, woken.signal);
}

/**
 * Begins due rows, the most urgent table first, and gives how many. Once in a turn a place is kept
 * for the tables below, so that a backlog of verdicts does not hide the orders of buyers who wait.
 */
async function claimRows(
  room: Room,
  about: { turn: Turn; free: number; first: boolean },
): Promise<number> {
  const { turn, free, first } = about;
  const { db } = room.deps;
  const kind = parseLane(turn.lane)?.kind;
  const urgent = kind === undefined ? [] : laneTables[kind];
  const from = turn.probing ? probeAt(room, turn, urgent) : 0;
  const tables = [...urgent.slice(from), ...urgent.slice(0, from)];
  let below: readonly DueTable[] | undefined;
  let begun = 0;
  let full = false;
  turn.more = false;
  for (const [at, table] of tables.entries()) {
    const places = free - begun;
    if (places <= 0) {
      // The tables below were not even looked at.
      full = true;
      break;
    }
    // Most often the tables below are empty, and one look at all of them says so.
    if (at > 0) below ??= await dueTables(db, { lane: turn.lane, tables: tables.slice(at) });
    if (below?.includes(table) === false) continue;
    const keep = first && at < tables.length - 1 && places > 1 ? 1 : 0;
    const look = at === 0 ? tables.slice(1) : [];
    const rows = await claimNext(room, turn, { table, limit: places - keep, look });
    below ??= rows.below;
    full ||= rows.full;
    begun += rows.claimed.length;
    for (const row of rows.claimed) {
      // The lane was paused while we claimed.
      if (isOver(turn)) await giveBack(db.pool, row, { dueInMs: 0, attempt: false });
      else begin(room, turn, row);
    }
  }
  if (full) turn.more = true;
  return begun;
}

/** `below`: those of the tables to look into that have due rows; undefined: not looked. */
type ClaimedRows = { claimed: ClaimedRow[]; full: boolean; below?: DueTable[] };

/** The oldest due rows; or, where it makes a difference, those that are soonest done. */
async function claimNext(
  room: Room,
  turn: Turn,
  about: { table: DueTable; limit: number; look: readonly DueTable[] },
): Promise<ClaimedRows> {
  const { db } = room.deps;
  const { lane, known, seen } = turn;
  const { table, limit, look } = about;
  const { order } = room.options;
  if (order === undefined && !costsDiffer(known.costs, `${table}:`)) {
    if (look.length === 0) {
      const claimed = await claim(db, { table, lane, limit });
      return { claimed, full: claimed.length === limit };
    }
    const { claimed, below } = await claimAndLook(db, { table, lane, limit, below: look });
    return { claimed, full: claimed.length === limit, below };
  }
  let { waiting, beyond } = seen.get(table) ?? { waiting: [], beyond: false };
  if (waiting.length < limit) {
    const found = await peekDue(db, { table, lane, limit: windowRows });
    beyond = found.length === windowRows;
    const now = room.alive.now();
    const width = widthNow(room, turn);
    const asked = found.map((row) => ({ ...row, operation: operationOf({ table, ...row }) }));
    waiting = order?.(found) ?? inOrder(asked, { costs: known.costs, now, width });
  }
  const next = waiting.slice(0, limit);
  const rest = waiting.slice(limit);
  seen.set(table, { waiting: rest, beyond });
  const ids = next.map(({ id }) => id);
  const claimed = await claimThese(db, { table, lane, ids });
  return { claimed, full: beyond || rest.length > 0 };
}

function begin(room: Room, turn: Turn, row: ClaimedRow): void {
  const { deps, time, book } = room;
  const { known } = turn;
  const call = { since: time.ms() };
  const probe = turn.probing;
  const operation = operationOf(row);
  charge(room, known, row);
  turn.calls.add(call);
  room.callsOut += 1;
  const { stepOf, stepMs } = room.options;
  const onPaused = (paused: LanePaused): void => {
    if (turn.over === 'no') tellPause(deps, turn.lane, paused);
    turn.over = 'paused';
    turn.pausedUntil = paused.until;
  };
  void workRow(deps, { lane: turn.lane, row, stepOf, stepMs, onPaused })
    .then(async (end) => {
      const lost = end.is === 'away' ? end.because !== 'throttled' : 'lost' in end && end.lost;
      if (lost || end.is === 'answered') {
        const tookMs = time.ms() - call.since;
        book.learn(known, { operation, tookMs, out: turn.calls.size, lost: lost });
      }
      if ('again' in end && end.again) turn.again = true;
      if (end.is === 'database_away') turn.over = 'database_away';
      // Only a call that began after the pause shows that the outside is back.
      if (end.is === 'answered' && probe) await open(deps, turn);
    })
    .catch((error: unknown) => {
      turn.over = 'database_away';
      if (!isDatabaseAway(error)) deps.log.error({ lane: turn.lane, err: error }, 'turn.failed');
    })
    .finally(() => {
      turn.calls.delete(call);
      room.callsOut -= 1;
      turn.wake();
    });
}

/**
 * A call costs what it is expected to take. One turn begins many at once: the debt is as large as
 * one turn's credit at most, so that the next turn but one can claim again, whatever is urgent by
 * then. Pages of a reconciliation are long, and buyers of the same node must not pay for them.
 */
function charge({ options }: Room, known: KnownLane, row: ClaimedRow): void {
  if (row.table === 'reconcile_part') return;
  const credit = known.credit - costOf(known, operationOf(row));
  known.credit = Math.max(credit, -creditTurns * options.turnMs);
}

function tellPause(deps: Deps, lane: Lane, paused: LanePaused): void {
  const { because, failures, until, final } = paused;
  const about = { lane, because, failures, until };
  // A person is called once, at the first of the probes that fail in a row.
  if (final && failures === 1) deps.log.error(about, 'lane.paused');
  else deps.log.warn(about, 'lane.paused');
}

async function open(deps: Deps, turn: Turn): Promise<void> {
  const of = parseLane(turn.lane);
  if (await openLane(deps.db, turn.lane)) deps.log.info({ lane: turn.lane }, 'lane.open');
  if (of?.kind === 'node') await nodeAnswered(deps.db, of.id);
  turn.probing = false;
  turn.more = true;
}

async function drain(room: Room, withinMs: number): Promise<number> {
  const { time } = room;
  room.stopping = true;
  const until = time.ms() + withinMs;
  for (const turn of room.turns.values()) turn.wake();
  while (room.turns.size > 0 && time.ms() < until) await time.rest(20);
  await room.book.store();
  return room.callsOut;
}
