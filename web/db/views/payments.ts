// The merchant's list of payments: pages by keyset, a count that stops, rows for an export. A shop
// may have a million of them, so every condition that is alone selective has an index that gives
// rows in the list's order, and each such condition is an arm of its own: PostgreSQL reads a page
// from each arm and puts them together.
import { currenciesWithExponent, dividedRoundedUp, knownExponents } from '../../core/money.ts';
import type { PaymentState, Reason } from '../../core/payment.ts';
import { rows, type Database } from '../database.ts';

/** Where a page ends: the list goes downwards by both. */
export type PaymentCursor = { openedAt: Date; id: string };

/** What a merchant looks for; a payment is found by any of them. */
export type PaymentSearch = {
  orderNames: readonly string[];
  /** Thousandths of a unit of whatever currency the payment is in: 12.34 is 12340n. */
  mills: bigint | undefined;
  /** Only amounts of this currency. */
  currency: string | undefined;
  msat: bigint | undefined;
  /** Payment hash, 32 bytes in lower-case hex. */
  hash: string | undefined;
  paymentId: string | undefined;
  /** Shopify's global ids that it may be, of an order or of a payment session. */
  originIds: readonly string[];
};

export type PaymentFilter = {
  /** Empty: all. */
  states: readonly PaymentState[];
  needsPerson: boolean;
  /** Days of the shop, YYYY-MM-DD, both included. */
  since: string | undefined;
  until: string | undefined;
  /** IANA name: where the shop's days begin. */
  timeZone: string;
  test: boolean | undefined;
  /** Thousandths of a currency unit, both included. */
  atLeastMills: bigint | undefined;
  atMostMills: bigint | undefined;
  /** An invoice of the payment is at this node. */
  nodeId: number | undefined;
  search: PaymentSearch | undefined;
  /** Only these, however many they are. */
  ids: readonly string[] | undefined;
};

export const everyPayment: Omit<PaymentFilter, 'timeZone'> = {
  states: [],
  needsPerson: false,
  since: undefined,
  until: undefined,
  test: undefined,
  atLeastMills: undefined,
  atMostMills: undefined,
  nodeId: undefined,
  search: undefined,
  ids: undefined,
};

/** How many payments of one exact amount in sats a search looks at: the newest. */
const sameSatsLimit = 5_000;

/** Takes a value and gives its place in the statement. */
type Put = (value: unknown) => string;

const hasExponent = (put: Put, exponent: number): string =>
  `p.currency = any (${put(currenciesWithExponent(exponent))}::text[])`;

const millsPerUnit = (exponent: number): bigint => 10n ** BigInt(3 - exponent);

/** The range in the units of each currency: one of these holds. None: there is no range. */
function amountRange(put: Put, filter: PaymentFilter): string[] {
  const { atLeastMills: least, atMostMills: most } = filter;
  if (least === undefined && most === undefined) return [];
  return knownExponents.map((exponent) => {
    const by = millsPerUnit(exponent);
    return [
      hasExponent(put, exponent),
      ...(least === undefined ? [] : [`p.owed_minor >= ${put(dividedRoundedUp(least, by))}`]),
      ...(most === undefined ? [] : [`p.owed_minor <= ${put(most / by)}`]),
    ].join(' and ');
  });
}

function nodeConditions(put: Put, nodeId: number | undefined): string[] {
  if (nodeId === undefined) return [];
  const node = put(nodeId);
  return [
    `exists (select 1 from invoice i where i.payment_id = p.id and i.node_id = ${node})`,
    // A payment is older than its invoices: a node that was retired long ago begins further down.
    `p.opened_at <= (select made_at from invoice where node_id = ${node}
      order by made_at desc limit 1)`,
  ];
}

/** What holds in every arm. */
function conditions(put: Put, ask: { shopId: number; filter: PaymentFilter }): string[] {
  const { shopId, filter } = ask;
  const { since, until, test, timeZone } = filter;
  const midnight = (day: string): string => `((${day})::timestamp at time zone ${put(timeZone)})`;
  return [
    `p.shop_id = ${put(shopId)}`,
    ...(filter.needsPerson ? ['p.attention is not null'] : []),
    ...(since === undefined ? [] : [`p.opened_at >= ${midnight(`${put(since)}::date`)}`]),
    ...(until === undefined ? [] : [`p.opened_at < ${midnight(`${put(until)}::date + 1`)}`]),
    ...(test === undefined ? [] : [test ? 'p.test' : 'not p.test']),
    ...nodeConditions(put, filter.nodeId),
    ...(filter.ids === undefined ? [] : [`p.id = any (${put(filter.ids)}::uuid[])`]),
  ];
}

function searchArms(put: Put, shopId: number, search: PaymentSearch): string[] {
  const { orderNames, mills, currency, msat, hash, paymentId, originIds } = search;
  const arms: string[] = [];
  if (orderNames.length > 0) arms.push(`p.order_name = any (${put(orderNames)}::text[])`);
  for (const exponent of mills === undefined ? [] : knownExponents) {
    const by = millsPerUnit(exponent);
    if (mills === undefined || mills % by !== 0n) continue;
    const only =
      currency === undefined ? hasExponent(put, exponent) : `p.currency = ${put(currency)}`;
    const isIts = currency === undefined ? '' : ` and ${hasExponent(put, exponent)}`;
    arms.push(`p.owed_minor = ${put(mills / by)} and ${only}${isIts}`);
  }
  if (msat !== undefined) {
    arms.push(`p.id = any (array(
      select i.payment_id from invoice i
      where i.node_id = any (array(select id from node where shop_id = ${put(shopId)}))
        and i.amount_msat = ${put(msat)} order by i.id desc limit ${String(sameSatsLimit)}))`);
  }
  if (hash !== undefined) {
    arms.push(`p.id = (select payment_id from invoice where hash = decode(${put(hash)}, 'hex'))`);
  }
  if (paymentId !== undefined) arms.push(`p.id = ${put(paymentId)}::uuid`);
  if (originIds.length > 0) arms.push(`p.origin_id = any (${put(originIds)}::text[])`);
  return arms;
}

/** Each of these with each of those; without those, these. */
const both = (these: readonly string[], those: readonly string[]): string[] =>
  those.length === 0
    ? [...these]
    : these.flatMap((one) => those.map((other) => `${one} and ${other}`));

/** Conditions of which one must hold, each with an index of its own. */
function armsOf(put: Put, ask: { shopId: number; filter: PaymentFilter }): string[] {
  const { states, search, needsPerson, test, nodeId, ids } = ask.filter;
  const few = needsPerson || test === true || nodeId !== undefined || ids !== undefined;
  const inStates = (): string[] =>
    states.length === 0 ? [] : [`p.state = any (${put(states)}::payment_state[])`];
  const range = amountRange(put, ask.filter);
  if (search !== undefined) {
    const arms = searchArms(put, ask.shopId, search);
    const ranged = range.length === 0 ? [] : [`((${range.join(') or (')}))`];
    return both(both(arms.length === 0 ? ['false'] : arms, inStates()), ranged);
  }
  const wide = few ? inStates() : states.map((state) => `p.state = ${put(state)}::payment_state`);
  return both(wide.length === 0 ? ['true'] : wide, range);
}

type Ask = {
  shopId: number;
  filter: PaymentFilter;
  /** Older than this one. */
  after?: PaymentCursor | undefined;
  /** Newer than this one. */
  before?: PaymentCursor | undefined;
  limit: number;
};

/** The ids of a page in the list's order, or upwards from `before`. */
function foundBy(put: Put, ask: Ask): string {
  const way = ask.before === undefined ? 'desc' : 'asc';
  const cursor = ask.before ?? ask.after;
  const limit = put(ask.limit);
  const beyond =
    cursor === undefined
      ? []
      : [
          `(p.opened_at, p.id) ${way === 'asc' ? '>' : '<'} ` +
            `(${put(cursor.openedAt)}::timestamptz, ${put(cursor.id)}::uuid)`,
        ];
  const always = [...conditions(put, ask), ...beyond].join(' and ');
  const arms = armsOf(put, ask).map(
    (arm) => `(select p.id, p.opened_at from payment p where ${always} and ${arm}
      order by p.opened_at ${way}, p.id ${way} limit ${limit})`,
  );
  return `select id, opened_at from (${arms.join(' union ')}) arms
    order by opened_at ${way}, id ${way} limit ${limit}`;
}

/** Without a name: the plan is made for these very values, and a rare state is not a common one. */
async function ask<Row extends Record<string, unknown>>(
  db: Database,
  write: (put: Put) => string,
): Promise<Row[]> {
  const values: unknown[] = [];
  const text = write((value) => `$${String(values.push(value))}`);
  return rows<Row>(db.pool, { name: '', text }, values);
}

export type ListedPayment = {
  id: string;
  link: string;
  origin: string;
  order_name: string;
  origin_id: string;
  test: boolean;
  state: PaymentState;
  reason: Reason;
  attention: string | null;
  currency: string;
  owed_minor: string;
  opened_at: Date;
  settled_at: Date | null;
  told_at: Date | null;
  told_minor: string | null;
  amount_msat: string | null;
  paid_msat: string | null;
  hash: string | null;
  preimage: string | null;
  price_e8: string | null;
  node_alias: string | null;
  node_identity: string | null;
  network: string | null;
};

const columns = `
  p.id, p.link, p.origin, p.order_name, p.origin_id, p.test, p.state::text, p.reason, p.attention,
  p.currency, p.owed_minor, p.opened_at, p.settled_at, p.told_at, p.told_minor, i.amount_msat,
  i.paid_msat, encode(i.hash, 'hex') as hash, encode(i.preimage, 'hex') as preimage,
  q.price_e8::text, n.alias as node_alias, n.identity as node_identity, n.network`;
/** With the invoice that was paid, or else the newest. */
const joins = `
  left join lateral (
    select * from invoice where payment_id = p.id
    order by (id = p.settled_invoice_id) desc nulls last, id desc limit 1) i on true
  left join quote q on q.id = i.quote_id
  left join node n on n.id = i.node_id`;

/**
 * At most `limit` payments of the shop, the newest first, after or before a cursor. A row that
 * comes in between is newer than every cursor: no row is left out or given twice.
 */
export async function pageOfPayments(db: Database, page: Ask): Promise<ListedPayment[]> {
  return ask<ListedPayment>(
    db,
    (put) => `
      select ${columns} from (${foundBy(put, page)}) found
        join payment p on p.id = found.id ${joins}
      order by p.opened_at desc, p.id desc`,
  );
}

/** How many there are, as long as they are at most `upTo`; `upTo + 1` stands for more. */
export async function countPayments(
  db: Database,
  about: { shopId: number; filter: PaymentFilter; upTo: number },
): Promise<number> {
  const { shopId, filter, upTo } = about;
  const [row] = await ask<{ n: number }>(
    db,
    (put) => `select count(*)::int as n from (
      ${foundBy(put, { shopId, filter, limit: upTo + 1 })}) counted`,
  );
  return row?.n ?? 0;
}

/**
 * The whole list, `batch` rows at a time, from the newest that is there at the beginning to the
 * oldest. Holds one batch and, between two, no connection.
 */
export async function* everyListedPayment(
  db: Database,
  about: { shopId: number; filter: PaymentFilter; batch: number },
): AsyncGenerator<readonly ListedPayment[]> {
  const { shopId, filter, batch } = about;
  let after: PaymentCursor | undefined;
  for (;;) {
    const page = await pageOfPayments(db, { shopId, filter, after, limit: batch });
    if (page.length > 0) yield page;
    const last = page.at(-1);
    if (last === undefined || page.length < batch) return;
    after = { openedAt: last.opened_at, id: last.id };
  }
}

/** One payment of the shop; undefined for another shop's. */
export async function listedPayment(
  db: Database,
  about: { shopId: number; id: string },
): Promise<ListedPayment | undefined> {
  const [line] = await rows<ListedPayment>(
    db.pool,
    {
      name: 'view_listed_payment',
      text: `select ${columns} from payment p ${joins} where p.shop_id = $1 and p.id = $2::uuid`,
    },
    [about.shopId, about.id],
  );
  return line;
}

/**
 * The row to which the payment belongs: this shop's own, or that of another of our apps in the same
 * shop. Undefined: the payment is none of this shop's.
 */
export async function ownerOfPayment(
  db: Database,
  about: { shopId: number; id: string },
): Promise<number | undefined> {
  const [found] = await rows<{ shop_id: number }>(
    db.pool,
    {
      name: 'view_owner_of_payment',
      text: `
        select p.shop_id from payment p join shop o on o.id = p.shop_id
        where p.id = $2::uuid and o.domain = (select domain from shop where id = $1)`,
    },
    [about.shopId, about.id],
  );
  return found?.shop_id;
}

/** Which of these is the payment hash of an invoice of the shop. */
export async function knownHash(
  db: Database,
  about: { shopId: number; hashes: readonly string[] },
): Promise<string | undefined> {
  const [found] = await rows<{ hash: string }>(
    db.pool,
    {
      name: 'view_known_hash',
      text: `
        select encode(i.hash, 'hex') as hash from invoice i join payment p on p.id = i.payment_id
        where i.hash = any (array(select decode(h, 'hex') from unnest($2::text[]) h))
          and p.shop_id = $1`,
    },
    [about.shopId, about.hashes],
  );
  return found?.hash;
}
