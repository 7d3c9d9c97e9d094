// What mends: jobs of pools that died, lanes whose nudge was lost, things to be forgotten, and
// nodes and refunds that a merchant must hear of.
// Every pool does all of it; doing it twice changes nothing.
import { makeNodeAlerts, makeRefundAlerts } from '../db/alerts.ts';
import { count } from '../db/counted.ts';
import { wakeVerdicts } from '../db/due.ts';
import { forgetOldLanes } from '../db/lane-state.ts';
import { forgottenLanes, nudge } from '../db/lanes.ts';
import { deadPools, freeJobsOf, freeSelfTestLock, trySelfTestLock } from '../db/locks.ts';
import { wipeGoneCredentials, wipeIdleCredentials } from '../db/nodes.ts';
import { wipeOldSecrets } from '../db/settings.ts';
import { forgetOldDeliveries } from '../db/sightings.ts';
import { askForUntold, askForUntoldRefunds } from '../db/telling.ts';
import type { Deps } from '../flows/flow.ts';
import { endAllUnissued } from '../flows/end-unissued.ts';
import { lookAtNodes } from '../flows/look-at-nodes.ts';
import { honourPrivacy } from '../flows/honour-privacy.ts';
import { reconcileNights } from '../flows/reconcile-begin.ts';
import { sealChains } from '../flows/seal-chains.ts';
import { cleanUpSelfTests } from '../flows/self-test-clean-up.ts';
import type { SelfTestDeps } from '../flows/self-test.ts';
import type { Alive } from './alive.ts';
import type { Loop } from './every.ts';
import { every } from './every.ts';
import { isDatabaseAway } from '../db/database.ts';

/** For so long what is settled may wait for Shopify before a person hears of it. */
const untoldMs = 3_600_000;

export type SweepOptions = {
  /** How long a pool's lock must have been free before its jobs are taken from it. */
  graceMs: number;
  deadPoolsMs: number;
  dueMs: number;
  housekeepingMs: number;
  /** How often some nodes are asked what they can receive; each is asked far less often. */
  nodesMs: number;
};

/** Wakes every lane that has due rows and no waiting job. */
export async function sweepDue(deps: Deps): Promise<number> {
  const lanes = await forgottenLanes(deps.db);
  if (lanes.length > 0) count(deps.db.pool, { is: 'nudges_mended', lanes: lanes.length });
  await nudge(deps.db.pool, lanes);
  return lanes.length;
}

/** Frees the jobs of pools that have been dead for the grace time. Remembers between its calls. */
export function deadPoolSweep(
  deps: Deps,
  about: { alive: Alive; graceMs: number },
): () => Promise<string[]> {
  const deadSince = new Map<string, number>();
  return async () => {
    const seen = await deadPools(about.alive.ask);
    if (seen === undefined) return [];
    const dead = new Set(seen);
    for (const id of deadSince.keys()) if (!dead.has(id)) deadSince.delete(id);
    const now = performance.now();
    for (const id of dead) if (!deadSince.has(id)) deadSince.set(id, now);
    const over = [...dead].filter((id) => now - (deadSince.get(id) ?? now) >= about.graceMs);
    if (over.length === 0) return [];
    await freeJobsOf(about.alive.ask, over);
    deps.log.warn({ pools: over }, 'pool.died');
    return over;
  };
}

/** Takes away what self-tests left, in one pool at a time. Remembers between its calls. */
export function selfTestSweep(
  deps: Deps,
  about: { alive: Pick<Alive, 'ask'>; testOrders: SelfTestDeps['testOrders'] },
): () => Promise<void> {
  const { alive, testOrders } = about;
  let after = 0n;
  return async () => {
    if (!(await trySelfTestLock(alive.ask))) return;
    try {
      after = await cleanUpSelfTests({ ...deps, testOrders }, after);
    } finally {
      await freeSelfTestLock(alive.ask);
    }
  };
}

/** What tells a person comes first. */
const housekeeping = (deps: Deps): readonly (() => Promise<unknown>)[] => [
  () => wakeVerdicts(deps.db),
  async () => {
    const untold = await askForUntold(deps.db, untoldMs);
    if (untold > 0) deps.log.error({ payments: untold }, 'payment.untold');
    const refunds = await askForUntoldRefunds(deps.db, untoldMs);
    if (refunds > 0) deps.log.error({ refunds }, 'refund.untold');
  },
  () => makeNodeAlerts(deps.db),
  () => makeRefundAlerts(deps.db),
  () => endAllUnissued(deps),
  () => wipeIdleCredentials(deps.db),
  async () => {
    const gone = await wipeGoneCredentials(deps.db);
    if (gone.length > 0) deps.log.error({ nodes: gone }, 'node.gone');
  },
  () => wipeOldSecrets(deps.db),
  () => honourPrivacy(deps),
  () => reconcileNights(deps),
  () => sealChains(deps),
  () => forgetOldDeliveries(deps.db),
  () => forgetOldLanes(deps.db),
];

export function startSweeps(
  deps: Deps,
  about: {
    alive: Alive;
    options: SweepOptions;
    testOrders?: SelfTestDeps['testOrders'] | undefined;
  },
): { stop: () => Promise<void> } {
  const { alive, options, testOrders } = about;
  const { graceMs } = options;
  const onError = (error: unknown): void => {
    if (!isDatabaseAway(error)) deps.log.error({ err: error }, 'sweep.failed');
  };
  const freeDead = deadPoolSweep(deps, { alive, graceMs });
  const loops: Loop[] = [
    every(
      options.deadPoolsMs,
      async () => {
        await freeDead();
      },
      onError,
    ),
    every(
      options.dueMs,
      async () => {
        await sweepDue(deps);
      },
      onError,
    ),
    every(
      options.housekeepingMs,
      async () => {
        for (const work of housekeeping(deps)) {
          await work().catch((error: unknown) => {
            // One that fails keeps none of the others from its work.
            if (isDatabaseAway(error)) throw error;
            onError(error);
          });
        }
      },
      onError,
    ),
  ];
  // On its own: nodes may be slow, and what is due elsewhere must not wait for them.
  loops.push(every(options.nodesMs, () => lookAtNodes(deps), onError));
  if (testOrders !== undefined) {
    const cleanUp = selfTestSweep(deps, { alive, testOrders });
    loops.push(every(options.housekeepingMs, cleanUp, onError));
  }
  return {
    stop: async () => {
      await Promise.all(loops.map((loop) => loop.stop()));
    },
  };
}
