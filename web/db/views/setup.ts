// What the setup and node pages read.
import type { Database } from '../database.ts';
import { rows } from '../database.ts';

export type EndingNode = { id: number; alias: string; address: string; payable: number };

/** Nodes that were taken out and still have invoices that somebody may pay. */
export const endingNodes = (db: Database, shopId: number): Promise<EndingNode[]> =>
  rows<EndingNode>(
    db.pool,
    {
      name: 'view_ending_nodes',
      text: `
        select n.id, n.alias, n.address, i.payable
        from node n cross join lateral (
          select count(*)::int as payable from invoice
          where node_id = n.id and state in ('made', 'live')) i
        where n.shop_id = $1 and n.retired_at is not null and i.payable > 0
        order by n.id desc limit 20`,
    },
    [shopId],
  );
