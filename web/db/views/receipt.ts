// All that a receipt says of a paid payment, in one statement.
import type { Database } from '../database.ts';
import { rows } from '../database.ts';

export type ReceiptRow = {
  shop_domain: string;
  order_name: string;
  payment_id: string;
  link: string;
  test: boolean;
  settled_at: Date;
  fiat_minor: string;
  currency: string;
  amount_msat: string;
  paid_msat: string;
  price_e8: string;
  price_at: Date;
  evidence: {
    sources: { source: string; price: string; at: string }[];
    adjustmentBasisPoints?: number;
  };
  hash: string;
  preimage: string;
  request: string;
  identity: string;
  network: string;
};

/** Undefined: no payment has this link, or it is not paid. */
export async function receiptByLink(db: Database, link: string): Promise<ReceiptRow | undefined> {
  const [found] = await rows<ReceiptRow>(
    db.pool,
    {
      name: 'view_receipt',
      text: `
        select s.domain as shop_domain, p.order_name, p.id as payment_id, p.link, p.test,
          coalesce(i.settled_at, i.recorded_at) as settled_at, q.fiat_minor, q.currency,
          i.amount_msat, i.paid_msat, q.price_e8::text, q.made_at as price_at, q.evidence,
          encode(i.hash, 'hex') as hash, encode(i.preimage, 'hex') as preimage, i.request,
          n.identity, n.network
        from payment p join shop s on s.id = p.shop_id
          join invoice i on i.id = p.settled_invoice_id and i.state = 'settled'
          join quote q on q.id = i.quote_id join node n on n.id = i.node_id
        where p.link = $1 and i.request is not null`,
    },
    [link],
  );
  return found;
}
