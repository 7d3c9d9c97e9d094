// A hold invoice is due. The node's stream says nothing of money that it holds, so it is asked
// every few seconds while a buyer may pay: the lookup is the guarantee, whoever dies between. What
// is held is charged by telling the node the secret, or given back before the node would do so by
// itself; either only its next word makes true. What a node has forgotten a person ends.
import { holdEndsAt, isHoldOver, isHoldPast, orderFreshMs, staleWishMs } from '../core/hold.ts';
import { isHeardWell, type Observation, type Preimage } from '../core/invoice.ts';
import { lookAfterExpiryMs } from '../core/retry.ts';
import { assert } from '../core/trouble.ts';
import { holdIsLost, holdPayment, mayCharge, releaseHeld } from '../db/holds.ts';
import type { InvoiceRow } from '../db/invoices.ts';
import { paymentById } from '../db/payments.ts';
import { closeInvoice, evidenceAt, lookNow } from './close-invoice.ts';
import type { Deps, StepEnd } from './flow.ts';
import { observeInvoice } from './observe-invoice.ts';
import { placeOfPreimage } from './quote-invoice.ts';

/** While its buyer may pay it at any moment. */
export const lookForHoldMs = 2_000;
/** While it is held: a block comes every ten minutes. */
const lookWhileHeldMs = 60_000;
/** A charge that the node has not answered is asked about again. */
const lookAfterChargeMs = 2_000;

export async function lookAtHold(deps: Deps, invoice: InvoiceRow, looks: number): Promise<StepEnd> {
  if (invoice.ending !== null) return giveBack(deps, invoice, looks);
  const node = await deps.nodes.of(invoice.nodeId);
  const seen = await node.lookInvoice(invoice.hash);
  if (seen === 'not_found') {
    if (await lookNow(deps, invoice)) return 'stored';
    await askIfLost(deps, invoice);
    return { dueInMs: lookWhileHeldMs, attempt: true };
  }
  if (seen.state === 'accepted') return isHeld(deps, invoice, seen);
  if ((await observeInvoice(deps, { invoice, seen })).rests) return 'stored';
  if (invoice.heldAt !== null) return { dueInMs: lookWhileHeldMs, attempt: true };
  const leftMs = invoice.lapsesAt.getTime() - deps.clock().getTime();
  if (leftMs <= 0) return giveBack(deps, invoice, looks);
  return { dueInMs: Math.min(lookForHoldMs, leftMs + 100), attempt: false, afresh: true };
}

/** Its price ran out before anybody paid, or what was held is not wanted. */
async function giveBack(deps: Deps, invoice: InvoiceRow, looks: number): Promise<StepEnd> {
  if (await closeInvoice(deps, invoice, 'quote_over')) return 'stored';
  if (invoice.heldAt !== null) {
    const node = await deps.nodes.of(invoice.nodeId);
    if ((await node.lookInvoice(invoice.hash)) === 'not_found') await askIfLost(deps, invoice);
  }
  return { dueInMs: lookAfterExpiryMs(looks), attempt: true };
}

/**
 * The node knows nothing of what it held, as after a restore from an old backup. Once it must have
 * timed out nothing more is to come by itself, and whether the money came a person has to say; the
 * node is asked as before, and its own word ends the question.
 */
async function askIfLost(deps: Deps, invoice: InvoiceRow): Promise<void> {
  const { paymentId, nodeId, hash, heldUntilHeight } = invoice;
  if (heldUntilHeight === null) return;
  const node = await deps.nodes.of(nodeId);
  if (!isHoldPast({ heldUntilHeight, height: await node.height() })) return;
  // A healthy node may delete what it has canceled: that is its word, a minute later.
  const evidence = await evidenceAt(deps, invoice);
  if (!evidence.restoreSuspected && !isHeardWell(evidence, deps.clock())) return;
  if (!(await holdIsLost(deps.db, { paymentId, hash }))) return;
  deps.log.error({ paymentId, nodeId }, 'hold.lost');
}

/** All parts are in, and the node waits for our word. */
async function isHeld(deps: Deps, invoice: InvoiceRow, seen: Observation): Promise<StepEnd> {
  const { paymentId, nodeId } = invoice;
  const tooLittle = seen.receivedMsat < invoice.amountMsat || seen.hash !== invoice.hash;
  const { heldUntilHeight } = seen;
  if (tooLittle || heldUntilHeight === undefined) {
    deps.log.error({ paymentId, nodeId, why: 'held_without_end' }, 'node.distrusted');
    return giveBack(deps, invoice, 0);
  }
  const isWished = invoice.captureWantedAt !== null;
  // A node that was away for long is not charged before the order was read once more.
  const mayBe = { invoiceId: invoice.id, freshMs: orderFreshMs };
  if (isWished && (await mayCharge(deps.db, mayBe))) return charge(deps, invoice);
  const node = await deps.nodes.of(nodeId);
  const height = await node.height();
  const now = deps.clock();
  const payment = await paymentById(deps.db, paymentId);
  if (payment?.state === 'open') {
    const endsAt = holdEndsAt({ heldUntilHeight, height, now });
    const about = { invoiceId: invoice.id, paymentId, heldUntilHeight, endsAt };
    if (await holdPayment(deps.db, about)) {
      deps.log.info({ paymentId, shopId: payment.shopId, to: 'held' }, 'payment.held');
      deps.touched?.(`shop:${String(payment.shopId)}:admin`);
    }
    return { dueInMs: 0, attempt: false };
  }
  const endsAt = payment?.holdEndsAt ?? now;
  if (payment?.state === 'held' && isHoldOver({ heldUntilHeight, height, endsAt, now })) {
    const because = 'hold_over';
    // A wish that was made anew in this moment goes first.
    if (
      await releaseHeld(deps.db, { paymentId, because, evenIfCharging: { forMs: staleWishMs } })
    ) {
      deps.log.warn({ paymentId, shopId: payment.shopId, because }, 'payment.closing');
      return { dueInMs: 0, attempt: false };
    }
  }
  const dueInMs = isWished ? orderFreshMs : lookWhileHeldMs;
  return { dueInMs, attempt: false, afresh: true };
}

/** The secret is the merchant's word that it is charged: it leaves the vault here only. */
async function charge(deps: Deps, invoice: InvoiceRow): Promise<StepEnd> {
  const { sealedPreimage } = invoice;
  assert(sealedPreimage !== null, 'the secret of what is held is kept until it is charged');
  const secret = deps.sealer.open(sealedPreimage, placeOfPreimage(invoice));
  const node = await deps.nodes.of(invoice.nodeId);
  await node.settleHeld(Buffer.from(secret).toString('hex') as Preimage);
  if (await lookNow(deps, invoice)) return 'stored';
  return { dueInMs: lookAfterChargeMs, attempt: true };
}
