// One payment as its page shows it: its invoices with their promises and nodes, and its bookings.
import { accountOf } from '../../core/ledger.ts';
import { msat, type Msat } from '../../core/money.ts';
import { rows, type Database } from '../database.ts';

export type ShownInvoice = {
  hash: string;
  preimage: string | null;
  state: 'made' | 'live' | 'settled' | 'canceled';
  ending: string | null;
  request: string | null;
  amount_msat: string;
  paid_msat: string | null;
  made_at: Date;
  expires_at: Date;
  held_at: Date | null;
  settled_at: Date | null;
  recorded_at: Date | null;
  via: string | null;
  is_of_order: boolean;
  fiat_minor: string;
  currency: string;
  price_e8: string;
  quoted_at: Date;
  lapses_at: Date;
  evidence: {
    sources: readonly { source: string; price: string; at: string }[];
    spreadBasisPoints?: number;
    adjustmentBasisPoints?: number;
    alone?: { beforeE8: string; beforeAt: string; driftBasisPoints: number };
  };
  node_id: number;
  node_alias: string;
  node_identity: string;
  network: string;
  node_retired_at: Date | null;
};

/** The newest 50 invoices of a payment, the newest first. */
export async function invoicesOfPayment(db: Database, paymentId: string): Promise<ShownInvoice[]> {
  return rows<ShownInvoice>(
    db.pool,
    {
      name: 'view_invoices_of_payment',
      text: `
        select encode(i.hash, 'hex') as hash, encode(i.preimage, 'hex') as preimage,
          i.state::text, i.ending, i.request, i.amount_msat, i.paid_msat, i.made_at, i.expires_at,
          i.held_at, i.settled_at, i.recorded_at, i.via,
          coalesce(i.id = p.settled_invoice_id, false) as is_of_order,
          q.fiat_minor, q.currency, q.price_e8::text, q.made_at as quoted_at,
          q.lapses_at, q.evidence, n.id as node_id, n.alias as node_alias,
          n.identity as node_identity, n.network, n.retired_at as node_retired_at
        from invoice i join payment p on p.id = i.payment_id join quote q on q.id = i.quote_id
          join node n on n.id = i.node_id
        where i.payment_id = $1::uuid order by i.id desc limit 50`,
    },
    [paymentId],
  );
}

export type ShownPosting = {
  at: Date;
  journal: string;
  from_account: string;
  to_account: string;
  amount_msat: string;
};

/** The first 200 bookings of a payment, the oldest first. */
export async function postingsOfPayment(db: Database, paymentId: string): Promise<ShownPosting[]> {
  return rows<ShownPosting>(
    db.pool,
    {
      name: 'view_postings_of_payment',
      text: `
        select at, journal, from_account, to_account, amount_msat from posting
        where payment_id = $1::uuid order by id limit 200`,
    },
    [paymentId],
  );
}

/** What of a payment nobody owed: all that came so, what is to be given back, what is kept. */
export async function surplusOf(
  db: Database,
  about: { shopId: number; paymentId: string },
): Promise<{ cameMsat: Msat; owedMsat: Msat; keptMsat: Msat }> {
  const { shopId, paymentId } = about;
  const [row] = await rows<{ came: string; owed: string; kept: string }>(
    db.pool,
    {
      name: 'view_surplus',
      text: `
        select
          coalesce(sum(amount_msat) filter (where to_account = $2), 0)::text as came,
          coalesce(sum(case when to_account = $2 then amount_msat else -amount_msat end), 0)::text
            as owed,
          coalesce(sum(amount_msat) filter (where to_account = $3), 0)::text as kept
        from posting where payment_id = $1::uuid and $2 in (to_account, from_account)`,
    },
    [paymentId, accountOf('overpaid', shopId), accountOf('kept', shopId)],
  );
  const of = (amount: string | undefined): Msat => msat(BigInt(amount ?? 0));
  return { cameMsat: of(row?.came), owedMsat: of(row?.owed), keptMsat: of(row?.kept) };
}

export type NamedNode = {
  id: number;
  alias: string;
  identity: string;
  network: string;
  retired: boolean;
};

/** Every node that the shop has or had, the present ones first. */
export async function nodesOfShop(db: Database, shopId: number): Promise<NamedNode[]> {
  return rows<NamedNode>(
    db.pool,
    {
      name: 'view_nodes_of_shop',
      text: `
        select id, alias, identity, network, retired_at is not null as retired from node
        where shop_id = $1 order by retired_at desc nulls first, rank, id limit 100`,
    },
    [shopId],
  );
}
