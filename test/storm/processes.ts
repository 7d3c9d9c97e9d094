// Our processes, played in one: pools and doors, each with its own database, locks, listener, turns
// and sweeps, all of them the program's own code. One that is killed leaves its leases and what it
// had sent; what it was about to do is never done. The job engine is played: it hands each due
// nudge to a pool once, and a nudge in the hands of a dead pool is lost.
import { databaseClockMs } from '../../web/db/locks.ts';
import type { Lane } from '../../web/db/lanes.ts';
import type { Deps, Log } from '../../web/flows/flow.ts';
import type { Alive } from '../../web/worker/alive.ts';
import { startListener } from '../../web/worker/listener.ts';
import { stepOf } from '../../web/worker/steps.ts';
import { startSweeps } from '../../web/worker/sweep.ts';
import { laneTurns, type TurnOptions, type Turns } from '../../web/worker/turn.ts';
import type { Draws } from './draws.ts';
import type { Statements } from './statements.ts';
import type { Owner, Timeline } from './time.ts';

export type Place = {
  timeline: Timeline;
  statements: Statements;
  say: (line: string) => void;
  /** Order and width by chance instead of what was learned; undefined: as learned. */
  chance: Draws | undefined;
  /** What every process has beside its database. */
  outside: Omit<Deps, 'db' | 'clock' | 'log'>;
  /** A line at the level of errors. */
  error: (what: string, about: Record<string, unknown>) => void;
};
export type Process = { owner: Owner; deps: Deps };
export type Pool = Process & { turns: Turns };
/** `slow`: nothing happens any more, and nobody needs to be quick. */
export type Pace = 'quick' | 'slow';

function processOf(place: Place, name: string): Process {
  const { timeline, statements, say, error, outside } = place;
  const owner: Owner = { name, alive: true, stoppedUntil: 0 };
  const { db } = statements;
  const log: Log = {
    info: () => undefined,
    warn: (_about, what) => say(`${name} ${what}`),
    error: (about, what) => {
      say(`${name} ! ${what}`);
      error(what, about);
    },
  };
  const clock = (): Date => new Date(timeline.now());
  return { owner, deps: { ...outside, db, clock, log } };
}

export const startDoors = (place: Place, name: string): Process => processOf(place, name);

export async function startPool(place: Place, name: string, pace: Pace): Promise<Pool> {
  const { timeline, statements } = place;
  const { owner, deps } = processOf(place, name);
  const alive = await aliveOf(place, owner);
  const quick = pace === 'quick';
  const turns = timeline.as(owner, () => {
    const touching: Deps = { ...deps, touched: (lane) => its.touch(lane) };
    const options = { stepOf, turnMs: 250, slowTurnMs: 10_000, stepMs: 60_000, slots: 10 };
    const its = laneTurns(touching, { alive, options: { ...options, ...byChance(place.chance) } });
    startSweeps(deps, {
      alive,
      options: {
        ...{ graceMs: 3_000, deadPoolsMs: 120_000, dueMs: quick ? 2_000 : 5_000 },
        ...{ housekeepingMs: 60_000, nodesMs: 300_000 },
      },
    });
    startListener(touching, {
      ...{ holder: name, now: alive.now },
      options: quick
        ? { takeMs: 2_500 }
        : { takeMs: 10_000, leaseMs: 60_000, keepMs: 15_000, closeMs: 45_000 },
    });
    return its;
  });
  place.say(`${name} started ${String(statements.counts.statements)}`);
  return { owner, deps, turns };
}

/** A scheduler that knows nothing: any width within its limits, and any order. */
function byChance(chance: Draws | undefined): Pick<TurnOptions, 'width' | 'order'> {
  if (chance === undefined) return {};
  return {
    width: () => 1 + chance.below(20),
    order: (waiting) =>
      waiting
        .map((row) => ({ row, draw: chance.next() }))
        .sort((a, b) => a.draw - b.draw)
        .map(({ row }) => row),
  };
}

async function aliveOf({ timeline, statements }: Place, owner: Owner): Promise<Alive> {
  const ask = await statements.asksFor(owner);
  const now = (): Date => new Date(timeline.now());
  const said = timeline.as(owner, () => databaseClockMs(ask));
  said.catch(() => undefined);
  return {
    ...{ ask, now, session: () => 1, hold: () => Promise.resolve() },
    ...{ letGo: () => Promise.resolve(), compare: () => undefined, stop: () => undefined },
  };
}

/** The job engine: hands out the nudges that are due, each to one pool that is alive. */
export async function handOut(
  place: Place,
  pools: readonly Pool[],
  pick: (of: readonly Pool[]) => Pool,
): Promise<void> {
  const { statements, timeline } = place;
  const there = pools.filter(({ owner }) => owner.alive && owner.stoppedUntil <= timeline.now());
  if (there.length === 0) return;
  const jobs = await statements.ask<{ lane: Lane }>({
    name: 'hand_out',
    text: `
    with taken as (
      delete from graphile_worker._private_jobs where id = any(array(
        select id from graphile_worker._private_jobs
        where is_available and run_at <= now() order by run_at, id limit 40
        for update skip locked))
      returning id, payload ->> 'lane' as lane)
    select lane from taken order by id`,
  });
  for (const { lane } of jobs) {
    const { owner, turns } = pick(there);
    place.say(`${owner.name} turn ${lane}`);
    timeline.as(owner, () => void turns.take(lane));
  }
}
