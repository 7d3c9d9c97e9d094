// A pool says how it is, every few seconds, so that people can see it from outside: the doors are
// other processes. What it says is for eyes only.
import { isDatabaseAway } from '../db/database.ts';
import { endPoolReport, sayPoolReport } from '../db/pool-reports.ts';
import type { PoolReport } from '../db/pool-reports.ts';
import type { Deps } from '../flows/flow.ts';
import { every } from './every.ts';

/** What only wiring knows: the program, its mirrors of Shopify's buckets, and what was counted. */
export type Told = Pick<PoolReport, 'version' | 'buckets' | 'counters'>;

export type Reporting = { stop: () => Promise<void> };

const sayMs = 5_000;

export function startReporting(
  deps: Deps,
  about: {
    pool: string;
    told: () => Promise<Told>;
    brake: () => number;
    behind: () => ReadonlyMap<number, number>;
  },
): Reporting {
  const { pool, told, brake, behind } = about;
  const say = async (): Promise<void> => {
    const waiting = Object.fromEntries([...behind()].filter(([, events]) => events > 0));
    await sayPoolReport(deps.db, { pool, brake: brake(), behind: waiting, ...(await told()) });
  };
  const loop = every(
    sayMs,
    say,
    (error) => {
      if (!isDatabaseAway(error)) deps.log.warn({ err: error }, 'pool.not_reported');
    },
    1_000,
  );
  return {
    stop: async () => {
      await loop.stop();
      await endPoolReport(deps.db, pool).catch(() => undefined);
    },
  };
}
