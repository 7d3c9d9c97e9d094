// What a refund would be worth at this moment, by the merchant's policy. It promises nothing: the
// refund gets its price when it is made.
import { leftOf, wantsApproval, whyNotRefundable } from '../core/refund.ts';
import type { Minor, Msat } from '../core/money.ts';
import type { RefundReason } from '../core/refund.ts';
import type { RefundRefusal } from '../core/refusals.ts';
import { paidSatsOf, refundable, refundTermsOf } from '../db/refunds.ts';
import { amountOf } from './open-refund.ts';
import { worthNow } from './price-refund.ts';
import type { Deps } from './flow.ts';

export type Previewed =
  | {
      ok: true;
      amountMsat: Msat;
      used: 'fiat_today' | 'sats_paid';
      wantsApproval: boolean;
    }
  | {
      ok: false;
      refusal: RefundRefusal | Extract<RefundReason, 'no_price' | 'too_small'>;
      /** With `more_than_captured`. */
      leftMinor?: Minor;
    };

export async function previewRefund(
  deps: Deps,
  asked: { shopId: number; paymentId: string; amount: string },
): Promise<Previewed> {
  const { shopId, paymentId } = asked;
  const payment = await refundable(deps.db.pool, { shopId, paymentId });
  if (payment === null) return { ok: false, refusal: 'unknown_payment' };
  const { currency } = payment;
  const amountMinor = amountOf({ amount: asked.amount, currencyCode: currency });
  const why = whyNotRefundable({ amountMinor, currencyCode: currency }, payment);
  if (why !== undefined || amountMinor === undefined) {
    const leftMinor = leftOf(payment);
    const left = why === 'more_than_captured' ? { leftMinor } : {};
    return { ok: false, refusal: why ?? 'amount_unreadable', ...left };
  }
  const [paid, terms] = await Promise.all([
    paidSatsOf(deps.db, paymentId),
    refundTermsOf(deps.db, shopId),
  ]);
  if (paid === undefined) return { ok: false, refusal: 'nothing_captured' };
  const priced = await worthNow(deps, { refund: { shopId, currency, amountMinor }, paid, terms });
  if (!priced.ok) return { ok: false, refusal: priced.because };
  const { amountMsat, evidence } = priced;
  const approval = wantsApproval(amountMsat, terms.approvalMsat);
  return { ok: true, amountMsat, used: evidence.used, wantsApproval: approval };
}
