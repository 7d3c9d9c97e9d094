// An order that was paid and of which something is owed back: as the flows make it, up to the
// moment in which its buyer may claim it.
import { randomUUID } from 'node:crypto';
import { refundById, type RefundRow } from '../web/db/refunds.ts';
import { openRefund } from '../web/flows/open-refund.ts';
import { lookAtInvoice } from '../web/flows/look-at-invoice.ts';
import { tellShopify } from '../web/flows/tell-shopify.ts';
import type { InProcess, Open } from './in-process.ts';

/** Paid by its buyer, and Shopify knows. */
export async function aPaidOrder(our: InProcess): Promise<Open> {
  const open = await our.anOrder();
  const { id, request } = await our.quoted(open.payment.id);
  const paid = await our.lnd.pay(request);
  if (!paid.ok) throw new Error(`not paid: ${paid.why}`);
  await our.runStep(lookAtInvoice, { table: 'invoice', id, lane: our.nodeLane(our.node.id) });
  const at = { table: 'payment', id: open.payment.id, lane: our.shopLane(our.shop.id) } as const;
  await our.runStep(tellShopify, at);
  return { ...open, payment: await our.read(open.payment.id) };
}

/** A refund of a part of it, as a member of staff asks for it. */
export async function anAskedRefund(
  our: InProcess,
  about: { open?: Open; amount?: string } = {},
): Promise<RefundRow> {
  const { payment } = about.open ?? (await aPaidOrder(our));
  const opened = await openRefund(our.deps, {
    ...{ shopId: payment.shopId, paymentId: payment.id, origin: 'admin', originId: randomUUID() },
    ...{ amount: about.amount ?? '5.25', currencyCode: payment.currency },
    ...{ staffId: '7', note: undefined },
  });
  if (!opened.ok) throw new Error(`no refund: ${opened.refusal}`);
  return opened.refund;
}

export const refundMsat = 8_750_000n;

/** The same with a price, which the test chooses, and with time to claim it. */
export async function aClaimableRefund(
  our: InProcess,
  about: { open?: Open; amount?: string } = {},
): Promise<RefundRow> {
  const { id } = await anAskedRefund(our, about);
  await our.db.pool.query(
    `update refund set state = 'claimable', reason = 'priced', amount_msat = $2, due_at = null,
       claim_ends_at = now() + interval '30 days' where id = $1`,
    [id, refundMsat],
  );
  return readRefund(our, id);
}

export async function readRefund(our: InProcess, id: string): Promise<RefundRow> {
  const row = await refundById(our.db.pool, id);
  if (row === null) throw new Error('the refund is gone');
  return row;
}
