// What Shopify asks in the name of a person's privacy: written down when it comes, done in one
// transaction with its report. We keep no name, address or e-mail of anybody; what could lead to a
// person is the buyer's link and the addresses of a checkout.
import type { Database, Queryable } from './database.ts';
import { rows, transaction } from './database.ts';

/** Topics that every app must answer within thirty days. Source: Shopify, privacy webhooks. */
export const privacyTopics = ['customers/data_request', 'customers/redact', 'shop/redact'] as const;
export type PrivacyTopic = (typeof privacyTopics)[number];

export type PrivacyRow = {
  id: string;
  topic: PrivacyTopic;
  shopDomain: string;
  shopId: number | null;
  orderIds: string[];
  receivedAt: Date;
  dueBy: Date;
  doneAt: Date | null;
  report: PrivacyReport | Record<string, never>;
};

/** What was found, deleted and kept, in words that a merchant can hand on. */
export type PrivacyReport = {
  found: readonly string[];
  deleted: readonly string[];
  kept: readonly string[];
};

/** False: this request was taken before. */
export async function takePrivacyRequest(
  db: Database,
  asked: {
    id: string;
    topic: PrivacyTopic;
    shopDomain: string;
    shopId: number | undefined;
    orderIds: readonly string[];
    dueInDays: number;
  },
): Promise<boolean> {
  const taken = await rows(
    db.pool,
    {
      name: 'privacy_take',
      text: `
        insert into privacy_request (id, topic, shop_domain, shop_id, order_ids, due_by)
        values ($1, $2, $3, $4, $5, now() + $6 * interval '1 day')
        on conflict (id) do nothing returning id`,
    },
    [
      ...[asked.id, asked.topic, asked.shopDomain],
      ...[asked.shopId ?? null, asked.orderIds, asked.dueInDays],
    ],
  );
  return taken.length === 1;
}

export const openPrivacyRequests = (db: Database, limit: number): Promise<PrivacyRow[]> =>
  db.prisma.privacyRequest.findMany({
    where: { doneAt: null },
    orderBy: { receivedAt: 'asc' },
    take: limit,
  }) as unknown as Promise<PrivacyRow[]>;

/** The newest first; of one shop, or of all. */
export const privacyRequests = (
  db: Database,
  of: { shopId?: number; shopDomain?: string | undefined; limit: number },
): Promise<PrivacyRow[]> =>
  db.prisma.privacyRequest.findMany({
    where: {
      ...(of.shopId === undefined ? {} : { shopId: of.shopId }),
      ...(of.shopDomain === undefined ? {} : { shopDomain: of.shopDomain }),
    },
    orderBy: { receivedAt: 'desc' },
    take: of.limit,
  }) as unknown as Promise<PrivacyRow[]>;

/**
 * Does a request: what `work` changes and its report become true together, once. Undefined from
 * `work`: it cannot be done yet, and nothing is changed. False: done before, or not yet.
 */
export async function doPrivacyRequest(
  db: Database,
  id: string,
  work: (on: Queryable) => Promise<PrivacyReport | undefined>,
): Promise<boolean> {
  return transaction(db, async (on) => {
    const open = await rows(
      on,
      {
        name: 'privacy_lock',
        text: `
          select id from privacy_request where id = $1 and done_at is null
          for no key update skip locked`,
      },
      [id],
    );
    if (open.length === 0) return false;
    const report = await work(on);
    if (report === undefined) return false;
    await rows(
      on,
      {
        name: 'privacy_done',
        text: 'update privacy_request set done_at = now(), report = $2::jsonb where id = $1',
      },
      [id, JSON.stringify(report)],
    );
    return true;
  });
}

export type PaymentsHeld = { payments: number; underWay: number; settled: number };

/** What we hold of these orders; of all orders of the shop when none is named. */
export async function paymentsHeld(
  on: Queryable,
  of: { shopId: number; orderIds: readonly string[] | undefined },
): Promise<PaymentsHeld> {
  const [row] = await rows<{ payments: number; under_way: number; settled: number }>(
    on,
    {
      name: 'privacy_held',
      text: `
        select count(*)::int as payments,
          count(*) filter (where state in ('open', 'closing', 'settled'))::int as under_way,
          count(settled_at)::int as settled
        from payment where shop_id = $1 and ($2::text[] is null or origin_id = any($2))`,
    },
    [of.shopId, of.orderIds ?? null],
  );
  return {
    payments: row?.payments ?? 0,
    underWay: row?.under_way ?? 0,
    settled: row?.settled ?? 0,
  };
}

/**
 * Takes from payments what could lead to a person: the buyer's link opens nothing any more, the
 * checkout's addresses and the proof of its buyer are gone. Amounts, hashes and postings stay.
 */
export async function unlinkPayments(
  on: Queryable,
  of: { shopId: number; orderIds: readonly string[] | undefined },
): Promise<void> {
  await rows(
    on,
    {
      name: 'privacy_unlink',
      text: `
        update payment set checkout_token_hash = null, cancel_url = null, return_url = null,
          -- 128 bits of two random uuids, in base64url.
          link = rtrim(translate(encode(substring(sha256(
            uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())) for 16),
            'base64'), '+/', '-_'), '=')
        where shop_id = $1 and ($2::text[] is null or origin_id = any($2))`,
    },
    [of.shopId, of.orderIds ?? null],
  );
  await rows(
    on,
    {
      name: 'privacy_forget_sightings',
      text: `
        delete from sighting
        where shop_id = $1 and due_at is null and ($2::text[] is null or origin_id = any($2))`,
    },
    [of.shopId, of.orderIds ?? null],
  );
}

/** False: the shop has the app installed (again), or an invoice of it could still be paid. */
export async function mayForgetShop(on: Queryable, shopId: number): Promise<boolean> {
  const found = await rows(
    on,
    {
      name: 'privacy_may_forget_shop',
      text: `
        select id from shop where id = $1 and uninstalled_at is not null and not exists (
          select 1 from invoice i join node n on n.id = i.node_id
          where n.shop_id = $1 and i.state in ('made', 'live'))
        for no key update`,
    },
    [shopId],
  );
  return found.length === 1;
}

const ownTables = [
  ...(['settings', 'alert', 'saved_view', 'self_test', 'page_session', 'sighting'] as const),
];

/** Everything of a shop but its books: settings, alerts, views, tests, sign-ins, node addresses. */
export async function forgetShop(on: Queryable, shopId: number): Promise<void> {
  for (const table of ownTables) {
    const text = `delete from ${table} where shop_id = $1`;
    await rows(on, { name: `privacy_forget_${table}`, text }, [shopId]);
  }
  await rows(
    on,
    {
      name: 'privacy_forget_nodes',
      text: `
        update node set sealed_credential = null, address = '', alias = '', version = '',
          root_key_id = '', retired_at = coalesce(retired_at, now())
        where shop_id = $1`,
    },
    [shopId],
  );
  await rows(
    on,
    {
      name: 'privacy_forget_shop',
      text: `
        update shop set sealed_access_token = null, sealed_refresh_token = null, scopes = '',
          method_name = default, currency = null, time_zone = default, due_at = null
        where id = $1`,
    },
    [shopId],
  );
}
