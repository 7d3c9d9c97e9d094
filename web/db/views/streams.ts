// How the settle streams and the certificates of nodes stand, as the pools say that follow them:
// for the operator's metrics.
import { rows, type Database } from '../database.ts';
import { poolSilentMs } from '../pool-reports.ts';

/** Labels of more would be a burden of their own. */
const mostLabels = 100;

export type NodeTold = {
  nodeId: number;
  /** Runs of settle indexes that are missing below what is recorded. */
  holes: number;
  /** Since the stream last told a settle; undefined: its owner has heard none. */
  heardSecondsAgo: number | undefined;
  /** Until the certificate ends that the node shows; undefined: none was seen. */
  certificateDaysLeft: number | undefined;
};

/** Those with holes first, then those whose certificate ends first. */
export async function nodesTold(db: Database): Promise<NodeTold[]> {
  const found = await rows<{
    id: number;
    holes: number;
    heard: number | null;
    days: number | null;
  }>(
    db.pool,
    {
      name: 'view_nodes_told',
      text: `
        select id, holes, greatest(extract(epoch from now() - heard_at), 0)::float8 as heard,
          (extract(epoch from ends_at - now()) / 86400)::float8 as days
        from (
          select n.key::int as id, max((n.value->>'holes')::int) as holes,
            max((n.value->>'heardAt')::timestamptz) as heard_at,
            min((n.value->>'certificateEndsAt')::timestamptz) as ends_at
          from pool_report p, jsonb_each(p.nodes) n
          where p.said_at > now() - $2 * interval '1 ms' group by 1) told
        order by holes desc, ends_at nulls last, id limit $1`,
    },
    [mostLabels, poolSilentMs],
  );
  return found.map(({ id, holes, heard, days }) => ({
    nodeId: id,
    holes,
    heardSecondsAgo: heard ?? undefined,
    certificateDaysLeft: days ?? undefined,
  }));
}
