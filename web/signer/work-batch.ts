// One batch of shares from its reservation to what `workPayout` goes on with, as a claim of a
// refund is begun. The node is asked about each payment of which a part is sent on: of none of them
// does a batch pay more than the node has received for it, whatever the rows say.
import { Trouble } from '../core/trouble.ts';
import { claimWaits, payoutById } from '../db/payouts.ts';
import { purseMet, purseOf } from '../db/purses.ts';
import {
  refuseBatch,
  reserveBatch,
  sharedPaymentsOf,
  type OpenBatch,
  type SharedPayment,
} from '../db/share-batches.ts';
import type { Payer } from './pay.ts';
import { ceilingsOf, feeLimitMsat, type Purse } from './purse.ts';
import type { PayoutWord } from './words.ts';
import { beginningPayer, faultOf, longestAgainMs, workPayout, type SignerDeps } from './work.ts';

/** So many of its payments the node is asked about at once. */
const lookedAtOnce = 8;

/** What is wrong with one payment of a batch; undefined: the node has received what is shared. */
async function faultOfPayment(
  { sharedMsat, originals }: SharedPayment,
  of: { purse: Purse; payer: Payer },
): Promise<PayoutWord | undefined> {
  const here = originals.filter(({ identity }) => identity === of.purse.identity);
  if (originals.length === 0) return 'original_unknown';
  if (here.length === 0) return 'original_elsewhere';
  const seen = await Promise.all(here.map(({ hash }) => of.payer.lookOriginal(hash)));
  if (seen.some(({ is }) => is === 'unknown')) return 'original_unknown';
  if (seen.some(({ is }) => is === 'unpaid')) return 'original_unpaid';
  const receivedMsat = seen
    .filter((each) => each.is === 'paid')
    .reduce((sum, each) => sum + each.receivedMsat, 0n);
  return sharedMsat > receivedMsat ? 'above_received' : undefined;
}

/** The first thing that is wrong, and all payments of which something is. */
async function faultOfPayments(
  payments: readonly SharedPayment[],
  of: { purse: Purse; payer: Payer },
): Promise<{ word: PayoutWord; paymentIds: string[] } | undefined> {
  if (payments.length === 0) return { word: 'original_unknown', paymentIds: [] };
  const found: { word: PayoutWord; id: string }[] = [];
  for (let from = 0; from < payments.length; from += lookedAtOnce) {
    const some = payments.slice(from, from + lookedAtOnce);
    const faults = await Promise.all(
      some.map(async (payment) => ({ id: payment.id, word: await faultOfPayment(payment, of) })),
    );
    for (const { id, word } of faults) if (word !== undefined) found.push({ id, word });
  }
  const [first] = found;
  return first && { word: first.word, paymentIds: found.map(({ id }) => id) };
}

/** Begins to pay a batch, refuses it for good, or leaves it waiting with a word. */
export async function workBatch(deps: SignerDeps, batch: OpenBatch): Promise<void> {
  const { db, timing } = deps;
  const row = await purseOf(db, batch.shopId);
  if (row === null) return;
  const wait = async (word: string, paymentIds?: readonly string[]): Promise<void> => {
    const facts = { batchId: batch.batchId, shop: batch.shopId, word, paymentIds };
    deps.log.warn(facts, 'payout.waits');
    const times = { dueInMs: timing.againMs, atMostMs: longestAgainMs };
    await claimWaits(db, { claim: batch, word, paymentIds, ...times });
  };
  try {
    const { purse, payer } = beginningPayer(deps, row);
    const request = faultOf(deps, batch, purse);
    if ('fault' in request) {
      deps.log.info({ batchId: batch.batchId, word: request.fault }, 'payout.refused');
      await refuseBatch(db, { batch, because: request.fault });
      return;
    }
    const payments = purse.looksAtOriginal ? await sharedPaymentsOf(db, batch.batchId) : undefined;
    const fault = payments && (await faultOfPayments(payments, { purse, payer }));
    await purseMet(db, { shopId: batch.shopId, trouble: null });
    if (fault !== undefined) {
      await wait(fault.word, fault.paymentIds);
      return;
    }
    const reserved = await reserveBatch(db, {
      ...{ batch, ...request, seen: payments !== undefined, leaseMs: timing.leaseMs },
      feeLimitMsat: feeLimitMsat(purse.limits, batch.amountMsat),
      ceilings: ceilingsOf(purse.limits),
    });
    if (reserved.payoutId === null) {
      await wait(reserved.word, []);
      return;
    }
    const payout = await payoutById(db, reserved.payoutId);
    if (payout !== null) await workPayout(deps, payout);
  } catch (error) {
    if (!(error instanceof Trouble) || error.from !== 'node') throw error;
    await purseMet(db, { shopId: batch.shopId, trouble: error.what });
    await wait(error.what);
  }
}
