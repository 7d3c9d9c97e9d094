// claimable -> claimed: the buyer of a refund says where the sats are to go. What is given is read
// and compared with what is owed before anything is stored; nothing is paid here, and nothing here
// could pay. The signer reads what is stored and looks again.
import { whyNotClaimed } from '../core/refund.ts';
import type { Msat } from '../core/money.ts';
import type { ClaimRefusal } from '../core/refusals.ts';
import { storeClaim, type ClaimKind } from '../db/refunds.ts';
import { refundByLink } from '../db/views/refunds.ts';
import type { Deps } from './flow.ts';

export type ClaimTaken =
  | { ok: true }
  | {
      ok: false;
      refusal: ClaimRefusal;
      /** With `wrong_amount` and `any_amount`: what the BOLT11 has to ask for, in msat. */
      amountMsat?: Msat;
    };

/** Longer than any BOLT11 that a wallet makes. */
const longestRequest = 4_000;
/** A signer that is well wakes the row itself. */
const lookInMs = 60_000;

export async function claimRefund(
  deps: Pick<Deps, 'db' | 'clock' | 'log' | 'readRequest'>,
  given: {
    link: string;
    /** BOLT11, with or without `lightning:` before it. */
    request: string;
    kind: ClaimKind;
    sealedAddress?: Uint8Array;
  },
): Promise<ClaimTaken> {
  const refund = await refundByLink(deps.db, given.link);
  if (refund === null) return { ok: false, refusal: 'unknown_refund' };
  const request = given.request
    .trim()
    .replace(/^lightning:/i, '')
    .toLowerCase();
  const read = request.length > longestRequest ? undefined : deps.readRequest(request);
  // Who sends the same again had no answer, and gets the one that it would have been.
  if (read !== undefined && read.hash === refund.claimHash && refund.claimState !== 'failed') {
    return { ok: true };
  }
  if (refund.state === 'claimed') return { ok: false, refusal: 'claim_exists' };
  const { amountMsat, claimEndsAt, network, ownIdentities } = refund;
  const now = deps.clock();
  const isOpen = refund.state === 'claimable' && claimEndsAt !== null && claimEndsAt > now;
  if (!isOpen || amountMsat === null || network === null) {
    return { ok: false, refusal: 'refund_not_claimable' };
  }
  const refusal = whyNotClaimed(read, { amountMsat, network, ownIdentities, now });
  if (refusal !== undefined || read === undefined) {
    const asked = refusal === 'wrong_amount' || refusal === 'any_amount' ? { amountMsat } : {};
    return { ok: false, refusal: refusal ?? 'request_unreadable', ...asked };
  }
  const { hash, expiresAt } = read;
  const stored = await storeClaim(deps.db, {
    ...{ refundId: refund.id, request, hash, amountMsat, expiresAt, kind: given.kind },
    ...{ sealedAddress: given.sealedAddress ?? null, lookInMs },
  });
  const { id, paymentId, shopId } = refund;
  if (stored === 'stored') {
    deps.log.info({ refundId: id, paymentId, shopId, kind: given.kind }, 'refund.claimed');
    return { ok: true };
  }
  if (stored === 'used_before') return { ok: false, refusal: 'request_used_before' };
  // Somebody was faster, perhaps with this very request.
  const now2 = await refundByLink(deps.db, given.link);
  if (now2?.state === 'claimed') {
    return now2.claimHash === hash ? { ok: true } : { ok: false, refusal: 'claim_exists' };
  }
  return { ok: false, refusal: 'refund_not_claimable' };
}
