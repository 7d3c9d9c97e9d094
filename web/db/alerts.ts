// Alerts: one row for each thing and each way out. The database makes those of payments itself, in
// the statement that says that a person must look (`payment_alert`); those of nodes are made here.
import { alertRules, type AlertFacts } from '../core/alert.ts';
import type { Database } from './database.ts';
import { rows } from './database.ts';
import type { ClaimedRow } from './due.ts';
import { alertLane, nudge } from './lanes.ts';
import {
  countStuck,
  countSwitchedOff,
  countToApprove,
  countUnpaidReceivers,
  countUnseen,
  episodeOfUnseen,
} from './refunds-in-need.ts';
import { oldSecretsOfShop } from './settings.ts';

export type AlertRow = {
  id: string;
  shopId: number;
  what: string;
  channel: 'email' | 'url';
  about: AlertFacts;
  madeAt: Date;
  sentAt: Date | null;
  /** Where it goes at this moment; null: nowhere any more. */
  target: string | null;
  sealedSecret: Uint8Array | null;
  /** Sealed too: those that it has replaced, and that sign beside it for a while. */
  oldSecrets: readonly Uint8Array[];
  language: string | null;
  domain: string;
  clientId: string;
};

export async function alertById(db: Database, id: string): Promise<AlertRow | undefined> {
  const [row] = await rows<AlertRow>(
    db.pool,
    {
      name: 'alert_by_id',
      text: `
        select a.id::text, a.shop_id as "shopId", a.what, a.channel, a.about,
          a.made_at as "madeAt", a.sent_at as "sentAt",
          case a.channel when 'email' then s.alert_email else s.alert_url end as target,
          s.sealed_alert_secret as "sealedSecret", ${oldSecretsOfShop} as "oldSecrets",
          s.language, p.domain, r.client_id as "clientId"
        from alert a join shop p on p.id = a.shop_id join registration r on r.id = p.registration_id
          left join settings s on s.shop_id = a.shop_id
        where a.id = $1::bigint`,
    },
    [id],
  );
  return row;
}

/** It has arrived, as far as the next hop says. */
export async function alertIsSent(db: Database, row: ClaimedRow): Promise<void> {
  await rows(
    db.pool,
    {
      name: 'alert_sent',
      text: `
        update alert set sent_at = now(), trouble = null, due_at = null, lease_until = null
        where id = $1::bigint and lease_no = $2`,
    },
    [row.id, row.leaseNo],
  );
}

/** Why the last try did not get through. `isOver`: it is not tried again. */
export async function alertHasTrouble(
  db: Database,
  about: { row: ClaimedRow; trouble: string; isOver: boolean },
): Promise<void> {
  await rows(
    db.pool,
    {
      name: 'alert_trouble',
      text: `
        update alert set trouble = $3, due_at = case when $4 then null else due_at end,
          lease_until = case when $4 then null else lease_until end
        where id = $1::bigint and lease_no = $2`,
    },
    [about.row.id, about.row.leaseNo, about.trouble, about.isOver],
  );
}

/** What stands between a node's alert and the next of the same kind is in its key. */
const nodeAlerts = {
  node_unreachable: `
    select make_alert(n.shop_id, 'node_unreachable',
      'node:' || n.id || ':' || extract(epoch from n.trouble_at)::bigint,
      jsonb_build_object('address', n.address,
        'since', to_char(n.trouble_at, 'YYYY-MM-DD HH24:MI "UTC"'))) as made
    from node n join settings s on s.shop_id = n.shop_id
    where n.retired_at is null and n.trouble is not null
      and n.trouble_at < now() - $1 * interval '1 ms'`,
  receivable_low: `
    select make_alert(n.shop_id, 'receivable_low',
      'node:' || n.id || ':' || to_char(now(), 'IYYY-"W"IW'),
      jsonb_build_object('address', n.address, 'sats', (n.receivable_msat / 1000)::text)) as made
    from node n join settings s on s.shop_id = n.shop_id
    where n.retired_at is null and n.trouble is null
      and n.receivable_msat < coalesce(s.largest_msat, $1)`,
  credential_ending: `
    select make_alert(n.shop_id, 'credential_ending',
      'node:' || n.id || ':' || extract(epoch from n.credential_ends_at)::bigint || ':' || $1::int,
      jsonb_build_object('address', n.address,
        'ends', to_char(n.credential_ends_at, 'YYYY-MM-DD HH24:MI "UTC"'))) as made
    from node n join settings s on s.shop_id = n.shop_id
    where n.retired_at is null and n.credential_ends_at > now()
      and n.credential_ends_at < now() + $1::int * interval '1 day'`,
} as const;

/** Makes the alerts that no statement of a payment makes. Repeating it changes nothing. */
export async function makeNodeAlerts(db: Database): Promise<void> {
  const make = (what: keyof typeof nodeAlerts, limit: unknown): Promise<unknown> =>
    rows(db.pool, { name: `alert_${what}`, text: nodeAlerts[what] }, [limit]);
  await make('node_unreachable', alertRules.unreachableMs);
  await make('receivable_low', alertRules.receivableLowMsat);
  for (const days of alertRules.credentialDays) await make('credential_ending', days);
}

/** Of the rows of a shop with somewhere to send an alert one: that of the merchant app first. */
const toldShops = `
  select s.shop_id as id from settings s join shop own on own.id = s.shop_id
  where own.uninstalled_at is null and coalesce(s.alert_email, s.alert_url) is not null
    and told_shop(s.shop_id) = s.shop_id`;

const today = `to_char(now() at time zone 'UTC', 'YYYY-MM-DD')`;
const thisWeek = `to_char(now() at time zone 'UTC', 'IYYY-"W"IW')`;
const refundAlerts = {
  refunds_to_approve: { count: countToApprove, key: () => today },
  refunds_unseen: { count: countUnseen, key: episodeOfUnseen },
  refunds_stuck: { count: countStuck, key: () => today },
  refunds_off: { count: countSwitchedOff, key: () => thisWeek },
  shares_unpaid: { count: countUnpaidReceivers, key: () => thisWeek },
} as const satisfies Record<string, Record<'count' | 'key', (shop: string) => string>>;

/**
 * Refunds wait for approval, or claims cannot be paid: told once a day, with how many. Claims wait
 * and no signer works on them: told once for as long as it lasts. Shares cannot be paid out: told
 * once a week. Repeating it changes nothing.
 */
export async function makeRefundAlerts(db: Database): Promise<void> {
  for (const [what, { count, key }] of Object.entries(refundAlerts)) {
    const text = `
      select make_alert(told.id, '${what}', ${key('told.id')},
        jsonb_build_object('count', counted.n::text))
      from (${toldShops}) told cross join lateral (select (${count('told.id')}) as n) counted
      where counted.n > 0`;
    await rows(db.pool, { name: `alert_${what}`, text }, []);
  }
}

/**
 * The money of an order is held: told once, and once more when its end is near. Whoever decided
 * that it is charged or given back needs not be told any more. Repeating it changes nothing.
 */
export async function makeHoldAlerts(
  db: Database,
  about: { paymentId: string; soonMs: number },
): Promise<void> {
  await rows(
    db.pool,
    {
      name: 'alert_held',
      text: `
        select make_alert(p.shop_id, word.what, p.id::text,
          jsonb_build_object('orderName', p.order_name, 'paymentId', p.id::text,
            'until', to_char(p.hold_ends_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI "UTC"')))
        from payment p
          cross join lateral (values ('held', true),
            ('hold_ends', p.hold_ends_at < now() + $2 * interval '1 ms')) word (what, due)
        where p.id = $1::uuid and p.state = 'held' and word.due
          and not exists (
            select 1 from hold_request r where r.payment_id = p.id and r.state <> 'done')`,
    },
    [about.paymentId, about.soonMs],
  );
}

export type AlertLine = {
  what: string;
  channel: 'email' | 'url';
  about: AlertFacts;
  madeAt: Date;
  sentAt: Date | null;
  trouble: string | null;
  isOver: boolean;
};

/** The shop's newest alerts. */
export async function latestAlerts(
  db: Database,
  ask: { shopId: number; limit: number },
): Promise<AlertLine[]> {
  return rows<AlertLine>(
    db.pool,
    {
      name: 'alert_latest',
      text: `
        select what, channel, about, made_at as "madeAt", sent_at as "sentAt", trouble,
          sent_at is null and due_at is null as "isOver"
        from alert where shop_id = $1 order by id desc limit $2`,
    },
    [ask.shopId, ask.limit],
  );
}

/** The merchant gave another address: what waits is tried there at once. */
export async function wakeAlerts(db: Database, shopId: number): Promise<void> {
  await rows(
    db.pool,
    {
      name: 'alert_wake',
      text: 'update alert set due_at = now() where shop_id = $1 and due_at > now()',
    },
    [shopId],
  );
  await nudge(db.pool, [alertLane(shopId)]);
}
