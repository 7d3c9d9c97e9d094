// What a buyer is shown of a refund, made from its row.
import { createHash } from 'node:crypto';
import { decimalOfCode, satsOf } from '../core/money.ts';
import type { ClaimableRefund } from '../db/views.ts';
import type { ClaimState, ClaimView } from '../frontend/shared/claim-view.ts';
import type { Doors } from './doors.ts';

export function claimView(doors: Doors, refund: ClaimableRefund): ClaimView {
  const { link, shopDomain: domain, amountMinor, amountMsat, currency, claimEndsAt } = refund;
  const { claimableAt } = refund;
  const now = doors.deps.clock();
  const state = stateOf(refund, now);
  const claimUrl = `${doors.appUrl}/refund/${link}`;
  const isClaimable = state === 'claimable';
  const view: Omit<ClaimView, 'revision'> = {
    state,
    final: state === 'paid' || state === 'withdrawn' || state === 'expired',
    now: now.toISOString(),
    claimUrl,
    id: link,
    shopName: domain.replace(/\.myshopify\.com$/, ''),
    orderName: refund.orderName,
    test: refund.test,
    ...(refund.origin === 'reward' ? { reward: true as const } : {}),
    ...(state === 'preparing' && claimableAt !== null
      ? { claimableAt: claimableAt.toISOString() }
      : {}),
    ...(amountMinor > 0n
      ? { fiat: { amount: decimalOfCode(amountMinor, currency), currency } }
      : {}),
    ...(amountMsat === null ? {} : { sats: satsOf(amountMsat) }),
    ...(isClaimable && claimEndsAt !== null ? { claimEndsAt: claimEndsAt.toISOString() } : {}),
    ...(state === 'claimed' && isSlow(refund, now) ? { slow: true as const } : {}),
    ...(isClaimable && refund.claimState === 'failed' ? { failedBefore: true as const } : {}),
    ...(isClaimable ? { lnurlAt: `${claimUrl}/lnurl` } : {}),
    backUrl: doors.outsideUrl(`https://${domain}/account`),
    reference: refund.paymentId.slice(0, 8),
  };
  const shown = JSON.stringify({ ...view, now: '' });
  const revision = createHash('sha256').update(shown).digest('base64url').slice(0, 16);
  return { ...view, revision };
}

/** After so long nobody reads that it takes seconds: a signer or a node is away, or waits. */
const slowMs = 120_000;

const isSlow = ({ claimGivenAt }: ClaimableRefund, now: Date): boolean =>
  claimGivenAt !== null && now.getTime() - claimGivenAt.getTime() > slowMs;

function stateOf(refund: ClaimableRefund, now: Date): ClaimState {
  const { state, reason, claimEndsAt } = refund;
  if (state === 'asked') return 'preparing';
  if (state === 'claimable') {
    return claimEndsAt !== null && claimEndsAt > now ? 'claimable' : 'expired';
  }
  if (state === 'claimed') return 'claimed';
  if (state === 'paid' || reason === 'paid_out') return 'paid';
  return reason === 'claim_time_over' ? 'expired' : 'withdrawn';
}

/**
 * What a wallet has to bring back with its invoice (LUD-03). Whoever knows the link may make it;
 * once a claim has been given it is another one, so that a code that was scanned before is over.
 */
export function k1Of({ link, claimId }: ClaimableRefund): string {
  const round = claimId === null ? '' : String(claimId);
  return createHash('sha256').update(`withdraw ${link} ${round}`).digest('hex');
}
