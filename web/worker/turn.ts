// A lane's turn: one process takes the lane, works its due rows as many at once as its width
// allows, and after a moment gives it back, so that a lane with ten thousand rows holds up nobody.
// The lane's lock keeps its width in one process; its lease sees that a row is worked once.
import { openLane, laneTables, nudge, parseLane, pauseOf } from '../db/lanes.ts';
import type { Lane } from '../db/lanes.ts';
import type { ClaimedRow } from '../db/due.ts';
import { claim, giveBack } from '../db/due.ts';
import { freeLaneLock, tryLaneLock } from '../db/locks.ts';
import { nodeAnswered } from '../db/nodes.ts';
import type { Deps } from '../flows/flow.ts';
import type { Alive } from './alive.ts';
import type { StepOf } from './steps.ts';
import { widthOf, widthOfProcess } from './width.ts';
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
};

export type Turns = {
  /** Gives the lane a turn. Resolves when its slot is free; never rejects. */
  take: (lane: Lane) => Promise<void>;
  /** No claims from here on. Resolves with the number of calls that were still out at the end. */
  drain: (withinMs: number) => Promise<number>;
};

type Turn = {
  readonly lane: Lane;
  /** When each call that is out began. */
  readonly calls: Set<{ since: number }>;
  /** Somebody nudged the lane, or a row came back due: look once more. */
  again: boolean;
  /** The last claim took all that it asked for. */
  more: boolean;
  /** The lane was paused, and one row is to show whether it answers again. */
  probing: boolean;
  /** Nothing more is claimed. */
  over: 'no' | 'paused' | 'stopping' | 'database_away';
  wake: () => void;
};

type Room = {
  readonly deps: Deps;
  readonly alive: Alive;
  readonly options: TurnOptions;
  readonly turns: Map<Lane, Turn>;
  callsOut: number;
  stopping: boolean;
};

export function laneTurns(deps: Deps, about: { alive: Alive; options: TurnOptions }): Turns {
  const room: Room = {
    ...{ deps, ...about, turns: new Map<Lane, Turn>() },
    ...{ callsOut: 0, stopping: false },
  };
  return {
    take: (lane) => take(room, lane),
    drain: (withinMs) => drain(room, withinMs),
  };
}

async function take(room: Room, lane: Lane): Promise<void> {
  if (room.stopping) return;
  const had = room.turns.get(lane);
  if (had !== undefined) {
    had.again = true;
    had.wake();
    return;
  }
  const turn: Turn = {
    ...{ lane, calls: new Set<{ since: number }>(), again: false, more: true, probing: false },
    ...{ over: 'no', wake: () => undefined },
  };
  room.turns.set(lane, turn);
  // The slot is free at the end of the turn's time, even while slow calls keep the lane.
  const slot = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => slot.resolve(undefined), room.options.turnMs);
  await Promise.race([hold(room, turn), slot.promise]);
  clearTimeout(timer);
}

/** Takes the lane's lock, works, gives it back. Never rejects: the due-sweep mends what is lost. */
async function hold(room: Room, turn: Turn): Promise<void> {
  const { deps, alive } = room;
  const { lane } = turn;
  let nudgeAt: Date | 'now' | undefined;
  try {
    const lock = await lockLane(room, lane);
    if (lock === 'taken') {
      // Whoever has it may have looked before our row was there.
      nudgeAt = new Date(alive.now().getTime() + room.options.turnMs);
    } else if (lock === 'taken_by_us') {
      try {
        nudgeAt = await work(room, turn);
      } finally {
        await freeLaneLock(alive.ask, lane);
      }
    }
  } catch (error) {
    if (!isDatabaseAway(error)) deps.log.error({ lane, err: error }, 'turn.failed');
  } finally {
    room.turns.delete(lane);
  }
  const wanted = turn.again && (turn.over === 'no' || turn.over === 'stopping');
  if (wanted && !(nudgeAt instanceof Date)) nudgeAt = 'now';
  if (nudgeAt === undefined) return;
  const at = nudgeAt === 'now' ? undefined : nudgeAt;
  await nudge(deps.db.pool, [lane], at).catch(() => undefined);
}

async function lockLane(room: Room, lane: Lane): Promise<'taken_by_us' | 'taken' | 'away'> {
  const askedMs = Date.now();
  const tried = await tryLaneLock(room.alive.ask, lane);
  if (tried === undefined) return 'away';
  room.alive.compare({ saidMs: tried.saidMs, askedMs, answeredMs: Date.now() });
  return tried.got ? 'taken_by_us' : 'taken';
}

/** Works the lane, and says when it is to be nudged next. */
async function work(room: Room, turn: Turn): Promise<Date | 'now' | undefined> {
  const { deps, alive } = room;
  const pause = await pauseOf(deps.db, turn.lane);
  // The job that was to wake the lane at its pause's end may be the one that brought us here.
  if (pause !== undefined && pause.until > alive.now()) return pause.until;
  turn.probing = pause !== undefined;

  const session = alive.session();
  const startedAt = performance.now();
  let first = true;
  while (turn.over === 'no') {
    if (room.stopping) turn.over = 'stopping';
    // Our lock is gone: another process may work the lane.
    if (alive.session() !== session) turn.over = 'database_away';
    if (turn.over !== 'no' || isLate(room, turn, startedAt)) break;
    const free = freePlaces(room, turn);
    if (free > 0 && (turn.more || turn.again)) {
      turn.again = false;
      const { lane, probing } = turn;
      const rows = await claimRows(deps, { lane, free, first, probing });
      first = false;
      turn.more = rows.full;
      for (const row of rows.claimed) {
        // The lane was paused while we claimed.
        if (isOver(turn)) await giveBack(deps.db.pool, row, { dueInMs: 0, attempt: false });
        else begin(room, turn, row);
      }
      if (rows.claimed.length > 0) continue;
    }
    if (turn.calls.size === 0) break;
    await change(turn, room.options.turnMs);
  }
  while (turn.calls.size > 0) await change(turn, room.options.stepMs);
  return turn.more && (turn.over === 'no' || turn.over === 'stopping') ? 'now' : undefined;
}

const isOver = (turn: Turn): boolean => turn.over !== 'no';

/**
 * A turn is over after its time. Only when one of its calls is slow it goes on, so that the lane's
 * other places do not stand idle meanwhile; but not when the process is busy.
 */
function isLate(room: Room, turn: Turn, startedAt: number): boolean {
  const { turnMs, slowTurnMs } = room.options;
  const ageMs = performance.now() - startedAt;
  if (ageMs <= turnMs) return false;
  const slow = [...turn.calls].some(({ since }) => performance.now() - since > turnMs / 2);
  return !slow || ageMs > slowTurnMs || room.callsOut > widthOfProcess / 2;
}

function freePlaces(room: Room, turn: Turn): number {
  if (turn.probing) return turn.calls.size === 0 ? 1 : 0;
  return Math.min(widthOf(turn.lane) - turn.calls.size, widthOfProcess - room.callsOut);
}

/** Waits until a call is back, the lane was nudged, or the time is over. */
function change(turn: Turn, withinMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, withinMs);
    turn.wake = () => {
      clearTimeout(timer);
      resolve();
    };
  });
}

/**
 * Due rows, the most urgent table first. Once in a turn a place is kept for the tables below, so
 * that a backlog of verdicts does not hide the orders of buyers who wait.
 */
async function claimRows(
  deps: Deps,
  about: { lane: Lane; free: number; first: boolean; probing: boolean },
): Promise<{ claimed: ClaimedRow[]; full: boolean }> {
  const kind = parseLane(about.lane)?.kind;
  const urgent = kind === undefined ? [] : laneTables[kind];
  // A row that only finds the lane closed must not keep the other tables from being tried: a
  // verdict that Shopify refuses would hide the word that the app was removed.
  const from = about.probing ? Math.floor(Math.random() * urgent.length) : 0;
  const tables = [...urgent.slice(from), ...urgent.slice(0, from)];
  const claimed: ClaimedRow[] = [];
  let full = false;
  for (const [at, table] of tables.entries()) {
    const places = about.free - claimed.length;
    if (places <= 0) break;
    const keep = about.first && at < tables.length - 1 && places > 1 ? 1 : 0;
    const limit = places - keep;
    const rows = await claim(deps.db, { table, lane: about.lane, limit });
    full ||= rows.length === limit;
    claimed.push(...rows);
  }
  return { claimed, full };
}

function begin(room: Room, turn: Turn, row: ClaimedRow): void {
  const call = { since: performance.now() };
  const probe = turn.probing;
  turn.calls.add(call);
  room.callsOut += 1;
  const { stepOf, stepMs } = room.options;
  const { deps } = room;
  const onPaused = (paused: LanePaused): void => {
    if (turn.over === 'no') tellPause(deps, turn.lane, paused);
    turn.over = 'paused';
  };
  void workRow(deps, { lane: turn.lane, row, stepOf, stepMs, onPaused })
    .then(async (end) => {
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
  room.stopping = true;
  const until = performance.now() + withinMs;
  for (const turn of room.turns.values()) turn.wake();
  while (room.turns.size > 0 && performance.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return room.callsOut;
}
