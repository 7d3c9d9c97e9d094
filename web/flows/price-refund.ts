// asked -> claimable: a refund gets its price, once refunds are switched on and enough price
// sources agree; above the merchant's threshold it then waits for a person. The sats do not change
// afterwards.
import { needsPrice, priceRefund as price, wantsApproval, type Priced } from '../core/refund.ts';
import {
  paidSatsOf,
  refundById,
  refundIsPriced,
  refundTermsOf,
  refundWaits,
  wasRefundedByStaff,
  withdrawRefund,
  type RefundRow,
  type RefundTerms,
} from '../db/refunds.ts';
import { agreedNow } from './agree-now.ts';
import type { Deps, Step, StepEnd } from './flow.ts';
import { releaseReward } from './release-reward.ts';
import { settingsServing } from './serve-session.ts';

/** Prices are asked for again after so long. */
const priceAgainMs = 60_000;
/**
 * Switching refunds on wakes those that wait for it; this is for a shop that comes by another way.
 */
const offAgainMs = 24 * 3_600_000;

export const priceRefund: Step = async (deps, row) => {
  const refund = await refundById(deps.db.pool, row.id);
  if (refund?.state !== 'asked') return { dueInMs: undefined, attempt: false };
  const { id, paymentId, shopId } = refund;
  const { leaseNo } = row;
  // Its sats are certain, and it has terms of its own: refunds need not be switched on for it.
  if (refund.origin === 'reward') return releaseReward(deps, { refund, leaseNo });
  if (refund.test) return withdraw(deps, { refund, leaseNo, because: 'is_test' });
  const terms = await refundTermsOf(deps.db, shopId);
  if (!terms.refundsOn) {
    await refundWaits(deps.db, { id, leaseNo, because: 'refunds_off' });
    return { dueInMs: offAgainMs, attempt: false, asked: false };
  }
  const priced = await pricedNow(deps, refund, terms);
  if (!priced.ok && priced.because === 'no_price') {
    await refundWaits(deps.db, { id, leaseNo, because: 'no_price' });
    deps.log.warn({ refundId: id, paymentId, shopId, because: 'no_price' }, 'refund.waits');
    return { dueInMs: priceAgainMs, attempt: true, asked: false };
  }
  if (!priced.ok) return withdraw(deps, { refund, leaseNo, because: 'too_small' });
  const { amountMsat, evidence } = priced;
  const approvalWanted =
    wantsApproval(amountMsat, terms.approvalMsat) || (await maybeMeantTwice(deps, refund));
  const { claimDays } = terms;
  const known = { refund, leaseNo, amountMsat, evidence, approvalWanted, claimDays };
  await refundIsPriced(deps.db, known);
  deps.log.info({ refundId: id, paymentId, shopId, approvalWanted }, 'refund.priced');
  return 'stored';
};

/** Shopify hears nothing of what staff give back here, and they may write it down there as well. */
const maybeMeantTwice = async (deps: Deps, { origin, paymentId }: RefundRow): Promise<boolean> =>
  (origin === 'order_refund' || origin === 'refund_session') &&
  (await wasRefundedByStaff(deps.db, paymentId));

async function withdraw(
  deps: Deps,
  about: { refund: RefundRow; leaseNo: number; because: 'is_test' | 'too_small' },
): Promise<StepEnd> {
  const { refund, leaseNo, because } = about;
  const { id, paymentId, shopId } = refund;
  await withdrawRefund(deps.db, { id, paymentId, because, leaseNo });
  deps.log.info({ refundId: id, paymentId, shopId, because, to: 'withdrawn' }, 'refund.withdrawn');
  return 'stored';
}

async function pricedNow(deps: Deps, refund: RefundRow, terms: RefundTerms) {
  const { amountMsat, amountMinor, paymentId, shopId, currency } = refund;
  if (amountMsat !== null) return { ok: true, amountMsat, evidence: undefined } as const;
  const paid = await paidSatsOf(deps.db, paymentId);
  // No price helps where nothing came: the row was written by hand, and a person has to look.
  if (paid === undefined) throw new Error('a refund of a payment to which no money came');
  return worthNow(deps, { refund: { shopId, currency, amountMinor }, paid, terms });
}

/** What so much of a payment is worth at this moment, by the merchant's policy. */
export async function worthNow(
  deps: Deps,
  about: {
    refund: Pick<RefundRow, 'shopId' | 'currency' | 'amountMinor'>;
    paid: NonNullable<Awaited<ReturnType<typeof paidSatsOf>>>;
    terms: RefundTerms;
  },
): Promise<Priced> {
  const { refund, paid, terms } = about;
  const { shopId, currency, amountMinor } = refund;
  const { pricing } = terms;
  const agreed = needsPrice(pricing)
    ? await agreedNow(deps, { settings: await settingsServing(deps, shopId), currency })
    : undefined;
  const { adjustmentBp } = paid;
  return price(amountMinor, { pricing, paid, agreed, adjustmentBp });
}
