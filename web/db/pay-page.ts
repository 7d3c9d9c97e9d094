// All that a buyer's page stands on, in one statement: the payment, its shop's words, the invoice
// that is shown with what is known of its node, and whether the purchase was paid in another tab.
import type { Currency } from '../core/money.ts';
import type { InvoiceState } from '../core/invoice.ts';
import type { Database } from './database.ts';
import { invoiceColumns, invoiceFrom, type InvoiceRow, type RawInvoice } from './invoices.ts';
import { paymentColumns, type PaymentRow } from './payments.ts';
import { record } from './records.ts';

export type PayPage = {
  payment: PaymentRow;
  shopDomain: string;
  /** Language -> what the shop says on top. */
  buyerWords: Record<string, string>;
  /** The settled one, else the newest. */
  invoice: InvoiceRow | undefined;
  /** Of the invoice's node, as `node.trouble`. */
  nodeTrouble: string | null;
  /** Another payment of the same purchase has been paid. An order has no such purchase. */
  isPaidElsewhere: boolean;
};

/** Three columns of the invoice are called as those of the payment are. */
type Raw = PaymentRow &
  Omit<RawInvoice, 'id' | 'state' | 'currency'> & {
    invoice_id: bigint | null;
    invoice_state: InvoiceState;
    invoice_currency: Currency;
    shop_domain: string;
    buyer_words: Record<string, string>;
    node_trouble: string | null;
    paid_elsewhere: boolean;
  };

const text = (condition: string): string => `
  select ${paymentColumns}, ${invoiceColumns({ prefix: 'invoice_' })}, s.domain as shop_domain,
    coalesce(c.buyer_words, '{}') as buyer_words, n.trouble as node_trouble,
    exists (
      select 1 from session_group g
      where g.shop_id = p.shop_id and g.group_key = p.group_key and g.payment_id <> p.id)
      as paid_elsewhere
  from payment p join shop s on s.id = p.shop_id
    left join settings c on c.shop_id = p.shop_id
    left join lateral (
      select * from invoice where payment_id = p.id
      order by (id = p.settled_invoice_id) desc nulls last, id desc limit 1) i on true
    left join quote q on q.id = i.quote_id
    left join node n on n.id = i.node_id
  where ${condition}`;

const byLink = { name: 'pay_page_by_link', text: text('p.link = $1') };
const byId = { name: 'pay_page_by_id', text: text('p.id = $1::uuid') };

/** Undefined: no payment has this link. */
export const payPageByLink = async (db: Database, link: string): Promise<PayPage | undefined> =>
  fromRaw(await record<Raw>(db.pool, byLink, [link]));

/** Undefined: there is no such payment. */
export const payPageById = async (db: Database, id: string): Promise<PayPage | undefined> =>
  fromRaw(await record<Raw>(db.pool, byId, [id]));

function fromRaw(raw: Raw | null): PayPage | undefined {
  if (raw === null) return undefined;
  const { invoice_id: id, invoice_state: state, invoice_currency: currency } = raw;
  return {
    payment: raw,
    shopDomain: raw.shop_domain,
    buyerWords: raw.buyer_words,
    invoice: id === null ? undefined : invoiceFrom({ ...raw, id, state, currency }),
    nodeTrouble: raw.node_trouble,
    isPaidElsewhere: raw.paid_elsewhere,
  };
}
