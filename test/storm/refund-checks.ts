// What left the nodes and what came to the buyers' wallets, against our books: no refund is paid
// twice, none is more than what was captured, and the books have what the nodes' lists have.
import type { Violation } from '../../web/db/audit.ts';
import type { ShopAt } from './buyers.ts';
import type { Purse, Wallet } from './purse.ts';
import type { Statements } from './statements.ts';

export type Outflow = {
  statements: Statements;
  wallet: Wallet;
  /** By the shop whose node it is. */
  purses: ReadonlyMap<number, Purse>;
  shops: readonly ShopAt[];
};

type Row = {
  id: string;
  shop_id: number;
  origin: string;
  origin_id: string;
  state: string;
  reason: string;
  msat: string | null;
  minor: string;
};

const broken = (says: string, all: readonly string[]): Violation[] =>
  all.map((what) => ({ rule: 'I15', says, what }));

export async function checkRefunds(flow: Outflow): Promise<Violation[]> {
  const rows = await flow.statements.ask<Row>(
    `select id, shop_id, origin, origin_id, state::text, reason, amount_msat::text as msat,
       amount_minor::text as minor from refund order by id`,
  );
  return [
    ...paidOnce(flow, rows),
    ...(await withinCaptured(flow)),
    ...(await asTheNodesSay(flow)),
    ...oneForEachOfShopifys(flow, rows),
    ...toldAsItEnded(flow, rows),
  ];
}

/** By the wallets' own record. */
function paidOnce({ wallet }: Outflow, rows: readonly Row[]): Violation[] {
  const came = new Map<string, bigint[]>();
  for (const { refundId, amountMsat } of wallet.received.values()) {
    came.set(refundId, [...(came.get(refundId) ?? []), amountMsat]);
  }
  const byId = new Map(rows.map((row) => [row.id, row]));
  return [
    ...broken(
      'No buyer has a refund twice.',
      [...came].filter(([, all]) => all.length > 1).map(([id]) => id),
    ),
    ...broken(
      'A buyer has what was owed, and our books say so.',
      [...came]
        .filter(([id, [amount]]) => {
          const row = byId.get(id);
          return row?.reason !== 'paid_out' || row.msat !== String(amount);
        })
        .map(([id]) => id),
    ),
    ...broken(
      'What we call paid has come.',
      rows.filter(({ id, reason }) => reason === 'paid_out' && !came.has(id)).map(({ id }) => id),
    ),
  ];
}

/** What buyers have, in the money of the shop, is at most what Shopify recorded from us. */
async function withinCaptured({ statements, wallet }: Outflow): Promise<Violation[]> {
  const paid = [...wallet.received.values()].map(({ refundId }) => refundId);
  const rows = await statements.ask<{ what: string }>(
    `select p.id::text as what from refund r join payment p on p.id = r.payment_id
     where r.id = any($1::uuid[]) group by p.id
     having sum(r.amount_minor) > coalesce(p.told_minor, 0)`,
    [paid],
  );
  return broken(
    'Nobody has back more than was captured.',
    rows.map(({ what }) => what),
  );
}

/** Node by node: what it sent and what the ways cost is what our books say has left. */
async function asTheNodesSay({ statements, purses }: Outflow): Promise<Violation[]> {
  const violations: Violation[] = [];
  for (const [shopId, purse] of purses) {
    const paid = purse.sentList().filter(({ state }) => state === 'paid');
    const [row] = await statements.ask<{ msat: string; hashes: string[] | null }>(
      `select coalesce(sum(amount_msat), 0)::text as msat,
         (select array_agg(encode(hash, 'hex')) from payout where shop_id = $1 and state = 'paid')
           as hashes
       from posting where to_account = 'paid_out:' || $1::int`,
      [shopId],
    );
    const whole = paid.reduce((sum, { amountMsat, feeMsat }) => sum + amountMsat + feeMsat, 0n);
    const ours = (row?.hashes ?? []).sort().join();
    const its = paid.map(({ hash }) => hash).sort();
    if (row?.msat !== String(whole) || ours !== its.join()) {
      const what = `shop ${String(shopId)}: ${String(whole)} left, booked ${row?.msat ?? ''}`;
      violations.push(...broken('The books have what the node has sent.', [what]));
    }
  }
  return violations;
}

/** However often it was told, a refund of Shopify's is one of ours, over at most its amount. */
function oneForEachOfShopifys({ shops }: Outflow, rows: readonly Row[]): Violation[] {
  const of = new Map<string, bigint>();
  const seen = new Set<string>();
  const twice: string[] = [];
  for (const { shop_id: shopId, origin, origin_id: id, minor } of rows) {
    const key = `${String(shopId)} ${origin} ${id}`;
    if (seen.has(key)) twice.push(key);
    seen.add(key);
    const [gid = ''] = id.split('#');
    if (origin === 'order_refund') of.set(gid, (of.get(gid) ?? 0n) + BigInt(minor));
  }
  const asked = new Map(
    shops.flatMap(({ played }) =>
      [...played.orders.values()].flatMap(({ refunds }) =>
        refunds.map(({ id, amountMinor }) => [id, amountMinor] as const),
      ),
    ),
  );
  return broken('What Shopify refunded once is owed once.', [
    ...twice,
    ...[...of].filter(([gid, minor]) => minor > (asked.get(gid) ?? 0n)).map(([gid]) => gid),
  ]);
}

/** A refund session ends at Shopify as the refund ended here. */
function toldAsItEnded({ shops }: Outflow, rows: readonly Row[]): Violation[] {
  const sessions = new Map(
    shops.flatMap(({ played }) => [...played.refundSessions].map(([gid, its]) => [gid, its.state])),
  );
  const hasMoney = new Set(['paid_out', 'given_back_otherwise', 'is_test']);
  return broken(
    'A refund session ends at Shopify as it ended here.',
    rows
      .filter(({ origin, origin_id: gid, state, reason }) => {
        if (origin !== 'refund_session') return false;
        const ends = hasMoney.has(reason) ? 'resolved' : 'rejected';
        return sessions.get(gid) !== (state === 'done' ? ends : 'open');
      })
      .map(({ id }) => id),
  );
}
