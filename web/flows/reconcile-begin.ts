// A reconciliation begins: in a shop's night, after a long outage, on the merchant's click, or by
// the operator's command. It only writes rows; the pools of the shop's lanes do the work.
import { reconcileRules } from '../core/reconcile.ts';
import {
  acceptBreak as accept,
  beginReconciliation,
  forgetReconciliations,
  mendReconciliations,
  nightIsBegun,
  takeNights,
  type Night,
  type RunReason,
} from '../db/reconciliations.ts';
import type { Deps } from './flow.ts';

/**
 * Begins a run of the shop, or gives the one that is under way. Undefined: the app was removed.
 * `since`: leave out what has not changed since then.
 */
export async function reconcileNow(
  deps: Pick<Deps, 'db' | 'log'>,
  about: { shopId: number; because: RunReason; since?: Date | undefined },
): Promise<{ id: string; begun: boolean } | undefined> {
  const isNight = about.because === 'night' || about.because === 'outage';
  const atLeastMs = isNight ? reconcileRules.nightMs : reconcileRules.askedMs;
  const run = await beginReconciliation(deps.db, { ...about, atLeastMs });
  if (run?.begun === true) {
    const { shopId, because } = about;
    deps.log.info({ shopId, because, run: run.id }, 'reconcile.begun');
  }
  return run;
}

/**
 * Whose night it is; what was lost on the way; what is old. Repeating it changes nothing. One shop
 * that fails is in nobody's way, and is tried again; the first error is thrown in the end.
 */
export async function reconcileNights(deps: Pick<Deps, 'db' | 'log'>): Promise<void> {
  const failures: unknown[] = [];
  for (const night of await takeNights(deps.db)) {
    await beginNight(deps, night).catch((error: unknown) => failures.push(error));
  }
  await mendReconciliations(deps.db);
  await forgetReconciliations(deps.db);
  if (failures.length > 0) throw failures[0];
}

async function beginNight(deps: Pick<Deps, 'db' | 'log'>, night: Night): Promise<void> {
  const { shopId, because, until } = night;
  await reconcileNow(deps, { shopId, because });
  await nightIsBegun(deps.db, { shopId, until });
}

/** A person has looked at a break and says that it is right as it is. */
export async function acceptBreak(
  deps: Pick<Deps, 'db' | 'log'>,
  about: { shopId: number; id: string; staffId: string | undefined },
): Promise<boolean> {
  const accepted = await accept(deps.db, about);
  const { shopId, id } = about;
  if (accepted) deps.log.info({ shopId, break: id }, 'reconcile.accepted');
  return accepted;
}
