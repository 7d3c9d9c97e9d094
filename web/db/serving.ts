// Who may serve a payment: its shop, the same shop's rows of other apps behind it, their nodes and
// what their merchants have chosen. One statement, because every price begins with it.
import type { Settings } from '../core/settings.ts';
import { rows, type Database } from './database.ts';
import { chosenColumns, chosenFrom, type RawChosen } from './settings.ts';

export type ServingNode = {
  id: number;
  network: string;
  /** A word of the error table; null: it answered. */
  trouble: string | null;
  /** Its credential may make and settle hold invoices. */
  canHold: boolean;
  /** Until when its lane is paused. */
  pausedUntil: Date | null;
};

export type ServingShop = {
  /** 0: nothing was chosen, and everything is as it comes. */
  version: number;
  settings: Settings;
  /** What is paid for an order is held until the merchant charges it. */
  holdsOn: boolean;
  /** Those that work, the preferred one first. */
  nodes: ServingNode[];
};

type Raw = RawChosen & {
  shop_id: number;
  holds_on: boolean;
  paused_until: Date | null;
  trouble: string | null;
} & ({ node_id: number; network: string; can_hold: boolean } | { node_id: null });

/** Each shop and each of its nodes are at most twenty. */
const text = `
  with mine as (select id, domain from shop where id = $1),
  serving as (
    select id, true as own from mine
    union all (
      select other.id, false from mine join shop other
        on other.domain = mine.domain and other.id <> mine.id
      where $2 and other.uninstalled_at is null order by other.id limit 20))
  select p.id as shop_id, p.holds_on, ${chosenColumns}, n.id as node_id, n.network, n.can_hold,
    n.trouble, l.paused_until
  from serving v join shop p on p.id = v.id
    left join settings s on s.shop_id = p.id
    left join lateral (
      select id, network, can_hold, trouble, rank from node
      where shop_id = p.id and retired_at is null order by rank, id limit 20) n on true
    left join lane l on l.name = 'node:' || n.id
  order by v.own desc, v.id, n.rank, n.id`;

/** The shop first; then, if asked so, the other installed rows of the same shop. */
export async function servingShops(
  db: Database,
  of: { shopId: number; withOthers: boolean },
): Promise<ServingShop[]> {
  const found = await rows<Raw>(db.pool, { name: 'serving_shops', text }, [
    of.shopId,
    of.withOthers,
  ]);
  const shops = new Map<number, ServingShop>();
  for (const raw of found) {
    const shop = shops.get(raw.shop_id) ?? {
      ...chosenFrom(raw),
      ...{ holdsOn: raw.holds_on, nodes: [] },
    };
    shops.set(raw.shop_id, shop);
    if (raw.node_id === null) continue;
    const { node_id: id, network, can_hold: canHold, trouble, paused_until: pausedUntil } = raw;
    shop.nodes.push({ id, network, canHold, trouble, pausedUntil });
  }
  return [...shops.values()];
}
