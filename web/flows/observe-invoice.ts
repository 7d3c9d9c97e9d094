// A node says something of an invoice. The stream and the lookups come through this one door: here
// money is recorded, or an invoice is found dead. Only `settled` is money, only the node's own
// "canceled" ends an invoice, and what cannot be true changes nothing and is told to a person.
import { createHash } from 'node:crypto';
import type { InvoiceDecision, Observation } from '../core/invoice.ts';
import { decideFromNode } from '../core/invoice.ts';
import type { InvoiceRow, Recorded, RecordedSettle, Recorder } from '../db/invoices.ts';
import { invoiceIsCanceled, recordSettlements } from '../db/invoices.ts';
import { note } from '../db/history.ts';
import { nudge, shopLane } from '../db/lanes.ts';
import { askForPerson } from '../db/payments.ts';
import { takeGroup } from '../db/sessions.ts';
import type { Deps } from './flow.ts';

/**
 * Settles of a node's stream, in one statement. Foreign hashes move the cursor and leave no trace.
 */
export async function recordStream(
  deps: Deps,
  about: { nodeId: number; observations: readonly Observation[]; recorder: Recorder },
): Promise<Recorded> {
  const trusted = about.observations.filter(
    (seen) => seen.state === 'settled' && provesItself(seen),
  );
  const recorded = await recordSettlements(deps.db.pool, {
    ...about,
    observations: trusted,
    nudgeInMs: nudgeInMs(deps),
  });
  await wasSettled(deps, recorded, about.recorder.via);
  for (const paymentId of recorded.ofOtherNodes) {
    deps.log.warn({ paymentId, nodeId: about.nodeId }, 'node.reported_foreign_invoice');
  }
  return recorded;
}

/** What a lookup of one of our invoices said. True: the row is at rest. */
export async function observeInvoice(
  deps: Deps,
  about: { invoice: InvoiceRow; seen: Observation },
): Promise<{ rests: boolean; decision: InvoiceDecision }> {
  const { invoice, seen } = about;
  const decision =
    seen.state === 'settled' && !provesItself(seen)
      ? ({ do: 'distrust', why: 'preimage_does_not_fit' } as const)
      : decideFromNode(invoice, seen);
  switch (decision.do) {
    case 'settle': {
      const recorded = await recordSettlements(deps.db.pool, {
        nodeId: invoice.nodeId,
        observations: [seen],
        recorder: { via: 'lookup' },
        nudgeInMs: nudgeInMs(deps),
      });
      await wasSettled(deps, recorded, 'lookup');
      return { rests: true, decision };
    }
    case 'cancel': {
      const { id, paymentId } = invoice;
      await invoiceIsCanceled(deps.db, { id, paymentId, because: 'node_says_canceled' });
      return { rests: true, decision };
    }
    case 'distrust':
      deps.log.error({ paymentId: invoice.paymentId, why: decision.why }, 'node.distrusted');
      await note(deps.db.pool, invoice.paymentId, { what: 'distrusted', because: decision.why });
      if (decision.why === 'settled_with_too_little') {
        await askForPerson(deps.db, invoice.paymentId, 'too_little');
      }
      return { rests: false, decision };
    case 'wait':
      return { rests: false, decision };
  }
}

function provesItself(seen: Observation): boolean {
  if (seen.preimage === undefined) return false;
  return createHash('sha256').update(seen.preimage, 'hex').digest('hex') === seen.hash;
}

/** The other tabs of a purchase close in the moment in which one is paid, whoever is to be told. */
async function wasSettled(deps: Deps, { settled }: Recorded, via: string): Promise<void> {
  for (const each of settled) logSettled(deps, each, via);
  for (const { paymentId, shopId, groupKey, firstOfPayment, hasPurchase } of settled) {
    // A tab that opened in that very moment is seen when Shopify is told, and gets no price before.
    if (groupKey === null || !firstOfPayment || hasPurchase) continue;
    await takeGroup(deps.db, { shopId, groupKey, paymentId });
  }
  if (deps.touched === undefined) return;
  const { touched } = deps;
  const shops = new Set(settled.map(({ shopId }) => shopId));
  const left = [...shops].map(shopLane).filter((lane) => !touched(lane));
  // What finds no slot here is another pool's at once, or ours when a slot is free.
  await nudge(deps.db.pool, left).catch(() => undefined);
}

/** A pool works at once what it settles; were it to die, others do after so long. */
const nudgeInMs = ({ touched }: Deps): number => (touched === undefined ? 0 : 1_000);

function logSettled(deps: Deps, settled: RecordedSettle, via: string): void {
  const { paymentId, shopId, firstOfPayment } = settled;
  if (firstOfPayment) deps.log.info({ paymentId, shopId, via, to: 'settled' }, 'payment.settled');
  else deps.log.error({ paymentId, shopId, via }, 'payment.paid_again');
}
