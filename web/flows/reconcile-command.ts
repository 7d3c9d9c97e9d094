// The operator's command: reconciles a shop, or waits for the run under way, and says what it came
// to. The shop may have both apps; each has a run of its own.
import { setTimeout as pause } from 'node:timers/promises';
import { reconcileRules } from '../core/reconcile.ts';
import { breakSaid } from '../core/reconcile-words.ts';
import { appOfShop } from '../db/registrations.ts';
import { certainBreaks, reconciliationById, type ReconciliationLine } from '../db/views.ts';
import type { ShopRow } from '../db/shops.ts';
import type { Deps } from './flow.ts';
import { reconcileNow } from './reconcile-begin.ts';

const lookAgainMs = 250;
const shownAtMost = 1_000;

export type ReconcileReport = {
  app: string;
  run: ReconciliationLine;
  breaks: { what: string; order: string; sentence: string; todo: string; since: string }[];
};

/**
 * Runs it and waits for its end. Undefined: the app was removed, or it did not end within that
 * time; then the pools go on with it.
 */
export async function reconcileAndWait(
  deps: Pick<Deps, 'db' | 'log'>,
  about: { shop: ShopRow; since: Date | undefined; withinMs: number },
): Promise<ReconcileReport | undefined> {
  const { shop, since, withinMs } = about;
  const until = performance.now() + withinMs;
  for (;;) {
    const ask = { shopId: shop.id, because: 'operator' as const, since };
    const begun = await reconcileNow(deps, ask);
    if (begun === undefined) return undefined;
    const run = await ended(deps, { id: begun.id, until });
    if (run === undefined) return undefined;
    // Somebody else's run that goes back less far does not answer what was asked.
    if (!begun.begun && run.since > (since ?? usualSince(shop))) continue;
    return reportOf(deps, { shop, run });
  }
}

/** As far back as a run goes whose beginning nobody names, unless the app is younger. */
function usualSince({ installedAt }: ShopRow): Date {
  const monthAgo = Date.now() - reconcileRules.askedMs;
  return new Date(Math.max(monthAgo, installedAt.getTime()));
}

async function ended(
  deps: Pick<Deps, 'db'>,
  about: { id: string; until: number },
): Promise<ReconciliationLine | undefined> {
  while (performance.now() < about.until) {
    const run = await reconciliationById(deps.db, about.id);
    if (run === undefined || run.state === 'stopped') return undefined;
    if (run.endedAt !== null) return run;
    await pause(lookAgainMs);
  }
  return undefined;
}

async function reportOf(
  deps: Pick<Deps, 'db'>,
  about: { shop: ShopRow; run: ReconciliationLine },
): Promise<ReconcileReport> {
  const { shop, run } = about;
  const open = await certainBreaks(deps.db, { shopId: shop.id, limit: shownAtMost });
  return {
    app: await appOfShop(deps.db, shop.id),
    run,
    breaks: open.map(({ what, about: facts, firstSeenAt }) => ({
      what,
      order: facts['orderName'] ?? '',
      ...breakSaid(what, facts),
      since: firstSeenAt.toISOString(),
    })),
  };
}
