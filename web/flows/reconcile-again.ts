// What did not fit in a reconciliation is looked at again before anybody hears of it: most of it
// was on its way, or has been put right by the look that was asked for.
import { reconcileRules } from '../core/reconcile.ts';
import type { ClaimedRow } from '../db/due.ts';
import {
  openBreaks,
  storeReconcilePage,
  type FoundBreak,
  type OpenBreak,
  type PartRow,
} from '../db/reconciliations.ts';
import type { Deps, StepEnd } from './flow.ts';

/** Between two pages others have their turn. */
export const nextPageMs = 200;
/** Between two looks at what has not healed yet. */
const lookAgainMs = 1_500;

/** What a page of a part is worked with. */
export type PartWork = { part: PartRow; row: ClaimedRow };

/** What came of looking again at one break: what is found in its place, if it is still there. */
export type LookedAgain = { open: OpenBreak; still: FoundBreak | undefined };

/**
 * A page of what did not fit, looked at again. What is gone has healed. What is not is certain once
 * there was time to put it right, or when nothing but a person helps. The first round looks at all
 * that is open, the next ones at what is not certain yet; after the last one comes `end`.
 */
export async function checkBreaks(
  deps: Deps,
  work: PartWork,
  about: {
    limit: number;
    lookAgain: (open: readonly OpenBreak[]) => Promise<LookedAgain[]>;
    end: () => Promise<StepEnd>;
  },
): Promise<StepEnd> {
  const { part, row } = work;
  const { limit } = about;
  const now = deps.clock();
  const { checkedFrom = now.toISOString(), after, round = 1 } = part.place;
  const ask = { shopId: part.shopId, nodeId: part.nodeId, isNotCertain: round > 1 };
  const open = await openBreaks(deps.db, { ...ask, after, limit });
  const looked = open.length === 0 ? [] : await about.lookAgain(open);
  const isOver = now.getTime() - Date.parse(checkedFrom) >= reconcileRules.healWithinMs;
  const healed = looked.filter(({ still }) => still === undefined).map((each) => each.open.id);
  const certain = looked.flatMap(({ open: { id, confirmedAt }, still }) =>
    still !== undefined && (isOver || confirmedAt !== null || still.heal === 'person')
      ? [{ id, still, isOld: confirmedAt !== null }]
      : [],
  );
  const last = open.length < limit ? undefined : open.at(-1)?.id;
  const page = {
    ...{ part, leaseNo: row.leaseNo, healed },
    confirmed: certain.map(({ id }) => id),
    // What is open since another night is tried to be put right once more.
    found: certain.filter(({ isOld }) => isOld).map(({ still }) => still),
  };
  const check = { phase: 'check', checkedFrom } as const;
  if (last !== undefined) {
    const next = { ...check, round, after: last };
    await storeReconcilePage(deps.db, { ...page, next, dueInMs: nextPageMs });
    return 'stored';
  }
  const next = { ...check, round: round + 1 };
  if (!(await storeReconcilePage(deps.db, { ...page, next, dueInMs: lookAgainMs }))) {
    return 'stored';
  }
  const left = await openBreaks(deps.db, {
    ...{ ...ask, isNotCertain: true, after: undefined, limit: 1 },
  });
  return left.length === 0 ? about.end() : 'stored';
}
