// What this process knows of each lane: how wide it may be worked, what its operations take, and
// how much it has had of its turn. Learned as calls come back, kept in one row per lane, so that a
// restart or another process begins warm. It is about when and in which order, never whether.
import type { Costs } from '../core/order.ts';
import { learnCost, newCosts, predictedMs } from '../core/order.ts';
import type { Pace } from '../core/pace.ts';
import { callEnded, learnedOf, newPace, warmPace, widthOfPace } from '../core/pace.ts';
import { readLane, writeLanes } from '../db/lane-state.ts';
import { isDatabaseAway } from '../db/database.ts';
import { parseLane, type Lane } from '../db/lanes.ts';
import type { Deps } from '../flows/flow.ts';
import type { Time } from './time.ts';

/** Calls at once of one process, over all lanes: what hangs must not use up its sockets. */
export const widthOfProcess = 1_000;

/** This long after a lane's last turn here, another process may have learned more of it. */
const ownMs = 5_000;
/** After so long a busy lane's node is looked at again too: it may live elsewhere since. */
const sameNodeMs = 15_000;

export type KnownLane = {
  readonly lane: Lane;
  pace: Pace;
  costs: Costs;
  /** Undefined: not known yet, or the node is gone. */
  shopId: number | undefined;
  identity: string;
  /** Predicted milliseconds of calls that the lane may still begin in its turn. */
  credit: number;
  readAt: number | undefined;
  turnAt: number;
  changed: boolean;
};

export type LaneBook = {
  of: (lane: Lane) => KnownLane;
  /** Reads what is stored, when it may be more than what is known here. Never rejects. */
  refresh: (known: KnownLane) => Promise<void>;
  /** Learns from a call that is over. `lost`: no answer came. */
  learn: (known: KnownLane, call: CallEnd) => void;
  /** Stores what was learned since the last time, all in one statement. Never rejects. */
  store: () => Promise<void>;
};

export type CallEnd = { operation: string; tookMs: number; out: number; lost: boolean };

export const operationOf = (row: { table: string; state: string }): string =>
  row.state === '' ? row.table : `${row.table}:${row.state}`;

export const widthOf = (known: KnownLane): number => widthOfPace(known.pace);
export const costOf = (known: KnownLane, operation: string): number =>
  predictedMs(known.costs, operation);

export function laneBook(deps: Deps, time: Time): LaneBook {
  const lanes = new Map<Lane, KnownLane>();
  const onError = (error: unknown): void => {
    if (!isDatabaseAway(error)) deps.log.warn({ err: error }, 'lane.not_remembered');
  };
  return {
    of: (lane) => {
      const known = lanes.get(lane) ?? unknown(lane);
      lanes.set(lane, known);
      return known;
    },
    refresh: async (known) => {
      const now = time.ms();
      const { readAt, turnAt, changed } = known;
      const ours = changed || (readAt !== undefined && now - turnAt < ownMs);
      known.turnAt = now;
      if (ours && readAt !== undefined && now - readAt < sameNodeMs) return;
      await refresh(deps, known, { now, ours }).catch(onError);
    },
    learn: (known, { operation, tookMs, out, lost }) => {
      callEnded(known.pace, { now: time.ms(), tookMs, operation, out, lost });
      if (!lost) learnCost(known.costs, operation, tookMs);
      known.turnAt = time.ms();
      known.changed = true;
    },
    store: async () => {
      const changed = [...lanes.values()].filter((known) => known.changed);
      for (const known of changed) known.changed = false;
      const states = changed.map(({ lane, identity, pace, costs }) => {
        const byOperation = Object.fromEntries(costs.byOperation);
        return { lane, identity, ...learnedOf(pace), costs: byOperation };
      });
      await writeLanes(deps.db, states).catch(onError);
    },
  };
}

function unknown(lane: Lane): KnownLane {
  const of = parseLane(lane);
  return {
    ...{ lane, pace: newPace(), costs: newCosts(), identity: '' },
    shopId: of?.kind === 'node' ? undefined : of?.id,
    ...{ credit: 0, readAt: undefined, turnAt: -Infinity, changed: false },
  };
}

/** `ours`: what is known here is more than what is stored, unless it is of another node. */
async function refresh(
  deps: Deps,
  known: KnownLane,
  { now, ours }: { now: number; ours: boolean },
): Promise<void> {
  const { shopId, identity, state } = await readLane(deps.db, known.lane);
  const another = known.readAt !== undefined && identity !== known.identity;
  Object.assign(known, { shopId, identity, readAt: now });
  if (ours && !another) return;
  if (state !== undefined) {
    known.pace = warmPace(state);
    known.costs = newCosts(state.costs);
  } else if (another) {
    known.pace = newPace();
    known.costs = newCosts();
  }
}
