// What a refund would be worth at this moment, by the merchant's policy. It promises nothing: the
// refund gets its price when it is made.
import { agreePrice } from '../core/quote.ts';
import { needsPrice, priceRefund, wantsApproval, whyNotRefundable } from '../core/refund.ts';
import type { Minor, Msat } from '../core/money.ts';
import { leftOf } from '../core/refund.ts';
import type { RefundReason } from '../core/refund.ts';
import type { RefundRefusal } from '../core/refusals.ts';
import { termsOf } from '../core/settings.ts';
import { paidSatsOf, refundable, refundTermsOf } from '../db/refunds.ts';
import { settingsOf } from '../db/settings.ts';
import { amountOf } from './open-refund.ts';
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
  const [paid, terms, { settings }] = await Promise.all([
    paidSatsOf(deps.db, paymentId),
    refundTermsOf(deps.db, shopId),
    settingsOf(deps.db, shopId),
  ]);
  if (paid === undefined) return { ok: false, refusal: 'nothing_captured' };
  const { pricing, approvalMsat } = terms;
  const { policy, sources } = termsOf(deps, settings);
  const prices = needsPrice(pricing) ? await deps.rates.pricesFor(currency, sources) : [];
  const agreed = agreePrice(prices, { currency, now: deps.clock(), policy });
  const priced = priceRefund(amountMinor, {
    ...{ pricing, paid, adjustmentBp: paid.adjustmentBp },
    agreed: agreed.ok ? agreed.agreed : undefined,
  });
  if (!priced.ok) return { ok: false, refusal: priced.because };
  const { amountMsat, evidence } = priced;
  const approval = wantsApproval(amountMsat, approvalMsat);
  return { ok: true, amountMsat, used: evidence.used, wantsApproval: approval };
}
