// Sightings: somebody told us to look at an order. A webhook, a page or a sweep may be early, late,
// repeated or forged: a sighting only says where to look, and Shopify says what is true.
import { wakePools } from './announce.ts';
import type { Database, Queryable } from './database.ts';
import { rows } from './database.ts';
import { shopLane } from './lanes.ts';
import { columnsOf, record, type Fields } from './records.ts';

/** One delivery of a webhook. */
export type Delivery = { id: string; topic: string; shopDomain: string };

/**
 * Notes that the order is to be looked at now, and wakes the shop's lane. With `waitingAtMost`, an
 * order that was never seen is left out while the shop has that many sightings to look after: who
 * invents orders shall not fill the table. With a `delivery` it is marked in the same breath, and
 * one that was marked before is not looked at again. False: it was.
 */
export async function sight(
  on: Queryable,
  seen: {
    shopId: number;
    originId: string;
    because: string;
    waitingAtMost?: number;
    delivery?: Delivery;
  },
): Promise<boolean> {
  const { delivery } = seen;
  const [row] = await rows<{ fresh: number; nudged: number }>(
    on,
    {
      name: 'sighting_see',
      text: `
        with due as (
          -- Whether the app is still there decides about all that waits for its shop. With a dead
          -- token one call is tried at a time, the oldest row's, and this one is to be it.
          select now() - case when $3::text like 'app/%' then interval '1 minute'
            else '0' end as at),
        fresh as (
          insert into delivery (id, topic, shop_domain)
          select $6::text, $7::text, $8::text where $6::text is not null
          on conflict (id) do nothing returning id),
        seen as (
          insert into sighting (shop_id, origin_id, because, heard_at, lane, due_at)
          select $1::int, $2::text, $3::text, case when $3::text like 'orders/%' then now() end,
            $4::text, due.at from due
          where ($6::text is null or exists (select 1 from fresh)) and ($5::int is null or $5 > (
              select count(*) from sighting where lane = $4 and due_at is not null)
            or exists (select 1 from sighting where shop_id = $1 and origin_id = $2))
          on conflict (shop_id, origin_id) do update set
            -- The word of a removal, or of a refund, is not overwritten by what came after it.
            because = case when sighting.due_at is not null
                and sighting.because in ('app/uninstalled', 'refunds/create')
              then sighting.because else excluded.because end,
            heard_at = coalesce(sighting.heard_at, excluded.heard_at),
            times = sighting.times + 1, seen_at = now(), due_at = excluded.due_at,
            lease_no = sighting.lease_no + 1, lease_until = null, attempts = 0
          returning lane),
        nudged as (select nudge(array_agg(lane)) as n from seen having count(*) > 0)
        select (select count(*) from fresh)::int as fresh,
          (select coalesce(sum(n), 0) from nudged)::int as nudged`,
    },
    [
      ...[seen.shopId, seen.originId, seen.because, shopLane(seen.shopId)],
      ...[seen.waitingAtMost ?? null, delivery?.id ?? null],
      ...[delivery?.topic ?? null, delivery?.shopDomain ?? null],
    ],
  );
  wakePools(on, row?.nudged ?? 0);
  return delivery === undefined || row?.fresh === 1;
}

export type SightingRow = {
  id: bigint;
  shopId: number;
  originId: string;
  because: string;
  times: number;
  seenAt: Date;
};

const fields: Fields<SightingRow> = {
  ...{ id: true, shopId: true, originId: true, because: true, times: true, seenAt: true },
};
const byIdText = `select ${columnsOf('g', fields)} from sighting g where g.id = $1::bigint`;
export const sightingById = (db: Database, id: string): Promise<SightingRow | null> =>
  record<SightingRow>(db.pool, { name: 'sighting_by_id', text: byIdText }, [id]);

/** The order was looked at. If it was seen again meanwhile, it stays due. */
export async function sightingIsDone(
  db: Database,
  about: { id: bigint; times: number },
): Promise<void> {
  await rows(
    db.pool,
    {
      name: 'sighting_done',
      text: `
        update sighting set due_at = case when times = $2 then null else now() end,
          lease_until = null, attempts = 0
        where id = $1`,
    },
    [about.id, about.times],
  );
}

/** Forgets deliveries and sightings that nobody needs after a week, some at a time. */
export async function forgetOldDeliveries(db: Database): Promise<void> {
  await rows(
    db.pool,
    {
      name: 'delivery_forget',
      text: `
        with sightings as (
          delete from sighting where id in (
            select id from sighting
            where due_at is null and seen_at < now() - interval '7 days' limit 1000))
        delete from delivery where id in (
          select id from delivery where received_at < now() - interval '7 days' limit 1000)`,
    },
    [],
  );
}
