// The end of all open payments of a shop at once. Each moves and is written down as one that closes
// alone; what differs is how many go into one statement.
import type { Reason } from '../core/payment.ts';
import { sayMoved, wakePools } from './announce.ts';
import { count } from './counted.ts';
import type { Queryable } from './database.ts';
import { rows } from './database.ts';
import { releaseAllOfShop } from './holds.ts';
import { nodeLane, nudge, type Lane } from './lanes.ts';

/** So many payments in one statement: well within the time that a statement may take. */
const atOnce = 500;

/**
 * Closes all open payments of a shop, as a part of the caller's transaction: their invoices are to
 * be canceled at the node, and where none is out that anybody could pay, they lapse at once. Gives
 * how many there were.
 */
export async function closeOpenOfShop(
  on: Queryable,
  about: { shopId: number; because: Reason },
): Promise<number> {
  const { shopId, because } = about;
  const lanes = new Set<Lane>();
  for (let closed = 0; ;) {
    const open = await lockOpen(on, shopId);
    if (open.length === 0) {
      await releaseAllOfShop(on, about);
      await nudge(on, [...lanes]);
      return closed;
    }
    await moveAll(on, { ids: open, from: 'open', to: 'closing', because });
    const ending = await endInvoicesOfAll(on, open);
    for (const { nodeId } of ending) lanes.add(nodeLane(nodeId));
    const issued = new Set(ending.map(({ paymentId }) => paymentId));
    const never = open.filter((id) => !issued.has(id));
    await moveAll(on, { ids: never, from: 'closing', to: 'lapsed', because: 'never_issued' });
    closed += open.length;
  }
}

/**
 * Locked before they are looked at, always in the same order: whoever makes an invoice for one of
 * them has done so, or finds it closed.
 */
async function lockOpen(on: Queryable, shopId: number): Promise<string[]> {
  const open = await rows<{ id: string }>(
    on,
    {
      name: 'closing_lock_open',
      text: `
        select id from payment where shop_id = $1 and state = 'open'
        order by id limit $2 for no key update`,
    },
    [shopId, atOnce],
  );
  const ids = open.map(({ id }) => id);
  // Before the first line is written: see `closePaymentOn`.
  const text = `
    select id from invoice where payment_id = any($1::uuid[]) and state in ('made', 'live')
    order by payment_id, id for no key update`;
  if (ids.length > 0) await rows(on, { name: 'closing_lock_invoices', text }, [ids]);
  return ids;
}

type Moves = { ids: readonly string[]; because: Reason } & (
  { from: 'open'; to: 'closing' } | { from: 'closing'; to: 'lapsed' }
);

/** As `movePayment` moves one without money: with its line, its next step and the page's word. */
async function moveAll(on: Queryable, { ids, from, to, because }: Moves): Promise<void> {
  if (ids.length === 0) return;
  const moved = await rows<{ link: string; nudged: number }>(
    on,
    {
      name: 'closing_move',
      text: `
        with moved as (
          update payment set state = $3::payment_state, reason = $4, lease_until = null,
            attempts = 0,
            attention = case when attention = 'untold' then null
              -- That its order is over does not answer what only the node knows.
              when attention in ('node_gone', 'hold_lost', 'too_little') and $3 <> 'closing'
                then null
              else attention end,
            -- A verdict that is wanted is told as soon as it is certain that no money comes.
            due_at = case when $3 = 'lapsed' and verdict_wanted is not null then now() end
          where id = any($1::uuid[]) and state = $2::payment_state
          returning id, lane, link, due_at),
        line as (
          insert into history (payment_id, what, "from", "to", because, details)
          select id, 'moved', $2::payment_state, $3::payment_state, $4, '{}' from moved
          order by id),
        nudged as (
          select nudge(array_agg(distinct lane)) as n from moved where due_at is not null
          having count(*) > 0)
        select link, (select coalesce(sum(n), 0) from nudged)::int as nudged from moved`,
    },
    [ids, from, to, because],
  );
  if (moved.length > 0) count(on, { is: 'moved', from, to, times: moved.length });
  sayMoved(
    on,
    moved.map(({ link }) => link),
  );
  wakePools(on, moved[0]?.nudged ?? 0);
}

async function endInvoicesOfAll(
  on: Queryable,
  paymentIds: readonly string[],
): Promise<{ paymentId: string; nodeId: number }[]> {
  return rows<{ paymentId: string; nodeId: number }>(
    on,
    {
      name: 'closing_end_invoices',
      text: `
        with ended as (
          update invoice set ending = coalesce(ending, 'order_over'),
            ending_at = coalesce(ending_at, now()), due_at = now(), lease_until = null,
            lease_no = lease_no + 1, attempts = 0
          where payment_id = any($1::uuid[]) and state in ('made', 'live')
          returning payment_id, node_id, hash),
        line as (
          insert into history (payment_id, what, because, details)
          select payment_id, 'invoice_ending', 'order_over',
            jsonb_build_object('hash', encode(hash, 'hex')) from ended order by payment_id)
        select payment_id as "paymentId", node_id as "nodeId" from ended`,
    },
    [paymentIds],
  );
}
