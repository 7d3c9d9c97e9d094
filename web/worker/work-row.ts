// One claimed row: its step is run, and what comes of it decides when the row is due again. Here is
// the one place where Trouble turns into waiting.
import { setTimeout as pause } from 'node:timers/promises';
import { spreadMs, tellAgainMs } from '../core/retry.ts';
import { Trouble } from '../core/trouble.ts';
import { isContention, isDatabaseAway } from '../db/database.ts';
import type { ClaimedRow } from '../db/due.ts';
import { giveBack, leaseMs, renewLease } from '../db/due.ts';
import type { Lane, LanePause } from '../db/lanes.ts';
import { parseLane, pauseLane } from '../db/lanes.ts';
import { nodeHasTrouble } from '../db/nodes.ts';
import type { Deps, StepEnd } from '../flows/flow.ts';
import type { StepOf } from './steps.ts';

/** What a row's end says of its lane. */
export type RowEnd =
  /** The outside answered, be it with a no. `again`: the row is due at once. */
  | { is: 'answered'; again: boolean }
  /** Nothing is known of the outside; `lost`: it was asked, and no answer came. */
  | { is: 'unknown'; again: boolean; lost?: boolean }
  /** The outside is away or full, and its lane is paused: `onPaused` was told. */
  | { is: 'away'; because: string }
  /** We cannot write: leases run out by themselves. */
  | { is: 'database_away' };

const giveUpAgainMs = 60 * 60_000;
const defectAgainMs = 60_000;
const returnAgainMs = 500;

export type RowWork = {
  lane: Lane;
  row: ClaimedRow;
  stepOf: StepOf;
  stepMs: number;
  /** Called before the row is given back, so that nobody here claims it meanwhile. */
  onPaused: (paused: LanePaused) => void;
};
/** `final`: until a person acts. */
export type LanePaused = LanePause & { final: boolean };

/** Never rejects. */
export async function workRow(deps: Deps, about: RowWork): Promise<RowEnd> {
  const { lane, row } = about;
  try {
    const step = about.stepOf(row);
    if (step === null) {
      await giveBack(deps.db.pool, row, { dueInMs: undefined, attempt: false });
      return { is: 'unknown', again: false };
    }
    const end = await withDeadline(deps, { row, stepMs: about.stepMs, work: step(deps, row) });
    if (end === 'stuck') {
      deps.log.error({ lane, table: row.table, id: row.id, ms: about.stepMs }, 'step.stuck');
      return { is: 'unknown', again: false, lost: true };
    }
    if (end !== 'stored') await giveBack(deps.db.pool, row, end);
    const again = end !== 'stored' && end.dueInMs === 0;
    const asked = end === 'stored' || end.asked !== false;
    return { is: asked ? 'answered' : 'unknown', again };
  } catch (error) {
    return afterError(deps, about, error).catch((failure: unknown) => {
      if (!isDatabaseAway(failure)) deps.log.error({ lane, err: failure }, 'step.not_given_back');
      return { is: 'database_away' };
    });
  }
}

/** Keeps the row while its step runs. What is stuck is left to whoever claims it next. */
async function withDeadline(
  deps: Deps,
  about: { row: ClaimedRow; stepMs: number; work: Promise<StepEnd> },
): Promise<StepEnd | 'stuck'> {
  const late = Promise.withResolvers<'stuck'>();
  const keeping = setInterval(() => {
    renewLease(deps.db, about.row).catch(() => undefined);
  }, leaseMs / 3);
  const timer = setTimeout(() => late.resolve('stuck'), about.stepMs);
  try {
    return await Promise.race([about.work, late.promise]);
  } finally {
    clearInterval(keeping);
    clearTimeout(timer);
    // If it ends after the deadline nobody is there to hear how.
    about.work.catch(() => undefined);
  }
}

async function afterError(deps: Deps, about: RowWork, error: unknown): Promise<RowEnd> {
  const { lane, row } = about;
  const where = { lane, table: row.table, id: row.id, attempts: row.attempts };
  if (isDatabaseAway(error)) {
    void returnWhenBack(deps, row);
    return { is: 'database_away' };
  }
  if (error instanceof Trouble) return afterTrouble(deps, about, error);
  if (isContention(error)) {
    deps.log.warn({ ...where, err: error }, 'step.waited_too_long');
    return againLater(
      deps,
      row,
      spreadMs(Math.max(tellAgainMs(row.attempts), 1_000), Math.random()),
    );
  }
  deps.log.error({ ...where, err: error }, 'step.defect');
  return againLater(deps, row, defectAgainMs);
}

async function afterTrouble(deps: Deps, about: RowWork, trouble: Trouble): Promise<RowEnd> {
  const { lane, row } = about;
  const of = parseLane(lane);
  const ours = of?.kind === trouble.from;
  if (ours && (trouble.away || trouble.then === 'give_up') && of.kind === 'node') {
    await nodeHasTrouble(deps.db, of.id, trouble.what);
  }
  if (ours && trouble.away) {
    const { what: because, waitMs } = trouble;
    const pausing = { because, draw: Math.random(), ...(waitMs === undefined ? {} : { waitMs }) };
    const paused = await pauseLane(deps.db, lane, pausing);
    about.onPaused({ ...paused, final: trouble.then === 'give_up' });
    await giveBack(deps.db.pool, row, { dueInMs: 0, attempt: false });
    return { is: 'away', because };
  }
  const facts = {
    ...{ lane, table: row.table, id: row.id, attempts: row.attempts },
    ...{ what: trouble.what, from: trouble.from, then: trouble.then, why: trouble.message },
  };
  if (trouble.then === 'give_up') {
    deps.log.error(facts, 'step.gave_up');
    await againLater(deps, row, giveUpAgainMs);
    return { is: ours ? 'answered' : 'unknown', again: false };
  }
  deps.log.warn(facts, 'step.again');
  const dueInMs = spreadMs(tellAgainMs(row.attempts), Math.random());
  const end = await againLater(deps, row, Math.max(dueInMs, trouble.waitMs ?? 0));
  return end.is === 'unknown' ? { ...end, lost: ours } : end;
}

/** A connection that was cut is soon replaced: then nobody has to wait for the lease to end. */
async function returnWhenBack(deps: Deps, row: ClaimedRow): Promise<void> {
  for (let waitedMs = 0; waitedMs < leaseMs; waitedMs += returnAgainMs) {
    await pause(returnAgainMs, undefined, { ref: false });
    try {
      await giveBack(deps.db.pool, row, { dueInMs: 0, attempt: false });
      return;
    } catch {
      // Still away. If it stays so, the lease ends.
    }
  }
}

async function againLater(deps: Deps, row: ClaimedRow, dueInMs: number): Promise<RowEnd> {
  await giveBack(deps.db.pool, row, { dueInMs, attempt: true });
  return { is: 'unknown', again: dueInMs === 0 };
}
