// A pool says how it is, every few seconds, so that people can see it from outside: the doors are
// other processes. What it says is for eyes only.
import { isDatabaseAway } from '../db/database.ts';
import { endPoolReport, sayPoolReport } from '../db/pool-reports.ts';
import type { NodeReport, PoolReport } from '../db/pool-reports.ts';
import type { Deps } from '../flows/flow.ts';
import { every } from './every.ts';
import type { Listener } from './listener.ts';

/** What only wiring knows: the program, its mirrors of Shopify's buckets, and what was counted. */
export type Told = Pick<PoolReport, 'version' | 'buckets' | 'counters'> & {
  /** Node -> when the certificate ends that it showed last. */
  certificates: ReadonlyMap<number, Date>;
};

export type Reporting = { stop: () => Promise<void> };

const sayMs = 5_000;

export function startReporting(
  deps: Deps,
  about: {
    pool: string;
    told: () => Promise<Told>;
    brake: () => number;
    behind: () => ReadonlyMap<number, number>;
    standing: Listener['standing'];
  },
): Reporting {
  const { pool, told, brake, behind, standing } = about;
  const say = async (): Promise<void> => {
    const waiting = Object.fromEntries([...behind()].filter(([, events]) => events > 0));
    const { certificates, ...rest } = await told();
    const nodes = nodesTold(standing(), certificates);
    await sayPoolReport(deps.db, { pool, brake: brake(), behind: waiting, nodes, ...rest });
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

/** Of more nodes nothing is told: what pools say must stay small. */
const mostNodes = 200;

/** Those with holes first, then those whose certificate ends first. */
function nodesTold(
  standing: ReturnType<Listener['standing']>,
  certificates: Told['certificates'],
): Record<string, NodeReport> {
  const all = [...standing].map(([id, { holes, heardAt }]) => {
    const endsAt = certificates.get(id);
    const heard = heardAt === undefined ? {} : { heardAt: heardAt.toISOString() };
    const ends = endsAt === undefined ? {} : { certificateEndsAt: endsAt.toISOString() };
    const report: NodeReport = { holes, ...heard, ...ends };
    return { id: String(id), report, endsMs: endsAt?.getTime() ?? Number.MAX_SAFE_INTEGER };
  });
  all.sort((a, b) => b.report.holes - a.report.holes || a.endsMs - b.endsMs);
  return Object.fromEntries(all.slice(0, mostNodes).map(({ id, report }) => [id, report]));
}
