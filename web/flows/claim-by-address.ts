// claimable -> claimed, by a Lightning address: its server is asked for an invoice over what is
// owed, and that invoice is then given as any other. The address is kept sealed: it says who the
// buyer is.
import type { AddressRefusal, AskPayAddress, PayAddress } from '../core/pay-address.ts';
import { payAddressText } from '../core/pay-address.ts';
import type { SealedPlace } from '../core/ports.ts';
import { refundByLink } from '../db/views/refunds.ts';
import { claimRefund, type ClaimTaken } from './claim-refund.ts';
import type { Deps } from './flow.ts';

export type AddressTaken = ClaimTaken | { ok: false; refusal: AddressRefusal };

export async function claimByAddress(
  deps: Pick<Deps, 'db' | 'clock' | 'log' | 'readRequest' | 'sealer'> & {
    askPayAddress: AskPayAddress;
  },
  given: { link: string; address: PayAddress },
): Promise<AddressTaken> {
  const { link, address } = given;
  const refund = await refundByLink(deps.db, link);
  if (refund === null) return { ok: false, refusal: 'unknown_refund' };
  // Nobody's server is asked for an invoice that could not be taken.
  if (refund.state === 'claimed') return { ok: false, refusal: 'claim_exists' };
  if (refund.state !== 'claimable' || refund.amountMsat === null) {
    return { ok: false, refusal: 'refund_not_claimable' };
  }
  const answer = await deps.askPayAddress({ address, amountMsat: refund.amountMsat });
  if (!answer.ok) return answer;
  const plain = Buffer.from(payAddressText(address), 'utf8');
  const sealedAddress = deps.sealer.seal(plain, placeOfPayAddress(refund));
  return claimRefund(deps, { link, request: answer.request, kind: 'address', sealedAddress });
}

/** Where the address of a claim is sealed: it opens for this refund of this shop only. */
const placeOfPayAddress = ({ id, shopId }: { id: string; shopId: number }): SealedPlace => ({
  table: 'refund_claim',
  field: 'address',
  shop: String(shopId),
  record: id,
});
