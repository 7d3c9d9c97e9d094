// What Shopify asks in the name of a person's privacy: written down when it comes, done in one
// transaction with its report. We keep no name, address or e-mail of anybody; what could lead to a
// person is the buyer's link and the addresses of a checkout.
import type { Database, Queryable } from './database.ts';
import { rows, transaction } from './database.ts';
import { marginMinutes } from './nodes.ts';

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

/** Who was never tried comes first, and then who was not tried for longest. */
export const openPrivacyRequests = (db: Database, limit: number): Promise<PrivacyRow[]> =>
  db.prisma.privacyRequest.findMany({
    where: { doneAt: null },
    orderBy: [{ triedAt: { sort: 'asc', nulls: 'first' } }, { receivedAt: 'asc' }],
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

/** Whatever becomes of it, others have their turn before it is tried again. */
export async function privacyIsTried(db: Database, id: string): Promise<void> {
  const text = 'update privacy_request set tried_at = now() where id = $1 and done_at is null';
  await rows(db.pool, { name: 'privacy_tried', text }, [id]);
}

/** Why a request is not done: payments are under way, or buyers are still linked. */
export type NotYet = 'later' | 'links_left';

/**
 * Does a request: what `work` changes and its report become true together, once. Where `work` gives
 * no report it has changed nothing. `elsewhere`: it was done before, or somebody else is at it.
 */
export async function doPrivacyRequest(
  db: Database,
  id: string,
  work: (on: Queryable) => Promise<PrivacyReport | NotYet>,
): Promise<'done' | 'elsewhere' | NotYet> {
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
    if (open.length === 0) return 'elsewhere';
    const report = await work(on);
    if (typeof report === 'string') return report;
    await rows(
      on,
      {
        name: 'privacy_done',
        text: 'update privacy_request set done_at = now(), report = $2::jsonb where id = $1',
      },
      [id, JSON.stringify(report)],
    );
    return 'done';
  });
}

/** The orders of a request; all of the shop when none is named. */
export type OrdersOf = { shopId: number; orderIds: readonly string[] | undefined };

/** Two statements and not one: each is planned for what it looks for. */
const whose = ({ orderIds }: OrdersOf): { of: string; where: string } =>
  orderIds === undefined
    ? { of: 'shop', where: 'shop_id = $1 and $2::text[] is null' }
    : { of: 'orders', where: 'shop_id = $1 and origin_id = any($2::text[])' };

export type PaymentsHeld = { payments: number; underWay: number; settled: number };

/**
 * What we hold of these orders. Under way is what can be paid, is being closed, or was paid and not
 * told yet: an order that nobody pays may stay open for ever, and is not.
 */
export async function paymentsHeld(on: Queryable, of: OrdersOf): Promise<PaymentsHeld> {
  const { of: name, where } = whose(of);
  const [row] = await rows<{ payments: number; under_way: number; settled: number }>(
    on,
    {
      name: `privacy_held_${name}`,
      text: `
        select count(*)::int as payments,
          count(*) filter (where state in ('held', 'closing', 'settled')
            or state = 'open' and exists (
            select 1 from invoice i where i.payment_id = payment.id
              and i.state in ('made', 'live')))::int as under_way,
          count(settled_at)::int as settled
        from payment where ${where}`,
    },
    [of.shopId, of.orderIds ?? null],
  );
  return {
    payments: row?.payments ?? 0,
    underWay: row?.under_way ?? 0,
    settled: row?.settled ?? 0,
  };
}

/** A later request for the same order forgets whoever came by the new link. */
const stillLinked = '(unlinked_at is null or unlinked_at < $3)';

/** Whether a payment is linked that was not unlinked since the request came. */
export async function linksLeft(on: Queryable, of: OrdersOf & { since: Date }): Promise<boolean> {
  const { of: name, where } = whose(of);
  const found = await rows(
    on,
    {
      name: `privacy_links_left_${name}`,
      text: `select id from payment where ${where} and ${stillLinked} limit 1`,
    },
    [of.shopId, of.orderIds ?? null, of.since],
  );
  return found.length > 0;
}

/** Payments of one statement: the tally's trigger reads each, and its time has a limit. */
const portion = 500;
type Place = { openedAt: Date | null; id: string | null };

/**
 * Takes from payments what could lead to a person: the buyer's link opens nothing any more, the
 * checkout's addresses and the proof of its buyer are gone, and so is the answer to Shopify that
 * told the link. Amounts, hashes and postings stay. Each portion stands for itself, so whoever
 * repeats this goes on where it ended.
 */
export async function unlinkPayments(
  db: Database,
  of: OrdersOf & { since: Date; portionsAtMost: number },
): Promise<void> {
  let after: Place | undefined = { openedAt: null, id: null };
  for (let done = 0; done < of.portionsAtMost && after !== undefined; done += 1) {
    after = await unlinkPortion(db, of, after);
  }
}

/** 128 bits of two random uuids, in base64url. */
const randomLink = `rtrim(translate(encode(substring(sha256(
  uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())) for 16), 'base64'),
  '+/', '-_'), '=')`;

/** The newest first. Undefined: there was no whole portion left. */
function unlinkPortion(
  db: Database,
  of: OrdersOf & { since: Date },
  after: Place,
): Promise<Place | undefined> {
  const { of: name, where } = whose(of);
  const text = `
    with portion as (
      select id, opened_at from payment
      where ${where} and ${stillLinked} and (opened_at, id) < (
        coalesce($4::timestamptz, 'infinity'),
        coalesce($5::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
      order by opened_at desc, id desc limit ${String(portion)}
      for no key update),
    gone as (
      update payment set checkout_token_hash = null, confirmation_hash = null, cancel_url = null,
        return_url = null, unlinked_at = now(),
        link = ${randomLink}
      from portion where payment.id = portion.id returning payment.id),
    answers as (
      update session_request set answer = ''
      from gone where payment_id = gone.id and kind = 'payment'),
    addresses as (
      update refund_claim c set sealed_address = null from refund r, gone
      where r.payment_id = gone.id and c.refund_id = r.id and c.sealed_address is not null),
    -- What is still owed to a buyer can be claimed as before: else it could never be.
    refunds as (
      update refund r set note = null, link = case
        when r.state in ('withdrawn', 'done') then ${randomLink} else r.link end
      from gone where r.payment_id = gone.id)
    select opened_at, id from portion order by opened_at desc, id desc`;
  const values = [of.shopId, of.orderIds ?? null, of.since, after.openedAt, after.id];
  return transaction(db, async (on) => {
    const statement = { name: `privacy_unlink_${name}`, text };
    const done = await rows<{ opened_at: Date; id: string }>(on, statement, values);
    const last = done.length < portion ? undefined : done.at(-1);
    return last && { openedAt: last.opened_at, id: last.id };
  });
}

/** What is over and would still name these orders. */
export async function forgetSightings(on: Queryable, of: OrdersOf): Promise<void> {
  const { of: name, where } = whose(of);
  const text = `delete from sighting where ${where} and due_at is null`;
  await rows(on, { name: `privacy_forget_sightings_${name}`, text }, [
    of.shopId,
    of.orderIds ?? null,
  ]);
}

/**
 * False: the shop has the app installed (again), or an invoice of it could still be paid. What has
 * expired on a node whose credential is gone nobody can ask about: it holds up nobody.
 */
export async function mayForgetShop(on: Queryable, shopId: number): Promise<boolean> {
  const found = await rows(
    on,
    {
      name: 'privacy_may_forget_shop',
      text: `
        select id from shop where id = $1 and uninstalled_at is not null and not exists (
          select 1 from invoice i join node n on n.id = i.node_id
          where n.shop_id = $1 and i.state in ('made', 'live') and (
            n.sealed_credential is not null
            or i.expires_at > now() - $2::int * interval '1 minute'))
        for no key update`,
    },
    [shopId, marginMinutes],
  );
  return found.length === 1;
}

const ownTables = [
  ...(['settings', 'alert', 'saved_view', 'self_test', 'page_session', 'sighting'] as const),
  ...(['reconcile_break', 'reconciliation'] as const),
];

/**
 * Everything of a shop but its books: settings, alerts, views, tests, sign-ins, node addresses, and
 * who its receivers of shares are. A payout that is out is followed to its end.
 */
export async function forgetShop(on: Queryable, shopId: number): Promise<void> {
  for (const table of ownTables) {
    const text = `delete from ${table} where shop_id = $1`;
    await rows(on, { name: `privacy_forget_${table}`, text }, [shopId]);
  }
  await rows(
    on,
    {
      name: 'privacy_forget_shares',
      text: `
        with terms as (delete from share_terms where shop_id = $1),
        reward_terms as (delete from reward_terms where shop_id = $1),
        ended as (
          update share_rule set ended_at = now() where shop_id = $1 and ended_at is null)
        update share_receiver r set name = '', address = 'forgotten ' || r.id, word = null,
          due_at = case when exists (select 1 from share_batch b
            where b.receiver_id = r.id and b.state = 'given') then r.due_at end
        where r.shop_id = $1`,
    },
    [shopId],
  );
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
