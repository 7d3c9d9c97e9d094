// A payable invoice is due: it was never acknowledged, nobody has heard of it for a while, or its
// time is over. The settle stream is an accelerator; this is the truth.
import type { Preimage } from '../core/invoice.ts';
import {
  lookAfterCreateMs,
  lookAfterExpiryMs,
  lookAfterStreamMs,
  lookWhileLiveMs,
  lookWhileToldMs,
  sampleStreamMs,
  spreadMs,
} from '../core/retry.ts';
import { invoiceById, invoiceIsCanceled, invoiceIsLive, type InvoiceRow } from '../db/invoices.ts';
import { coverOfStream, nodeAnswered, putOffTold } from '../db/nodes.ts';
import { fewInvoices, sampleStream } from './look-at-all.ts';
import { closeInvoice, lookNow } from './close-invoice.ts';
import { lookAtHold, lookForHoldMs } from './look-at-hold.ts';
import type { Deps, Step, StepEnd } from './flow.ts';
import { memoOfInvoice, placeOfPreimage } from './quote-invoice.ts';

export const lookAtInvoice: Step = async (deps, row) => {
  const invoice = await invoiceById(deps.db, row.id);
  if (invoice === undefined) return { dueInMs: undefined, attempt: false };
  if (invoice.state === 'settled') return { dueInMs: undefined, attempt: false };
  if (invoice.state === 'canceled') return askAgainToCancel(deps, invoice);
  const end = await (invoice.state === 'made'
    ? lookAtMade(deps, invoice)
    : lookAtLive(deps, invoice, row.attempts));
  const asked = end === 'stored' || end.asked !== false;
  if (asked) await nodeAnswered(deps.db, invoice.nodeId);
  return end;
};

/** It ended while its node was away, and the node may have made it. Nobody has seen it. */
async function askAgainToCancel(deps: Deps, invoice: InvoiceRow): Promise<StepEnd> {
  const node = await deps.nodes.of(invoice.nodeId);
  await node.askToCancel(invoice.hash);
  await nodeAnswered(deps.db, invoice.nodeId);
  return { dueInMs: undefined, attempt: false };
}

/** Stored, and the node's answer was lost or never came. */
async function lookAtMade(deps: Deps, invoice: InvoiceRow): Promise<StepEnd> {
  const wanted = invoice.ending === null && invoice.lapsesAt > deps.clock();
  if (wanted) {
    await issueInvoice(deps, invoice, await memoOfInvoice(deps, invoice));
    return 'stored';
  }
  const node = await deps.nodes.of(invoice.nodeId);
  const seen = await node.lookInvoice(invoice.hash);
  if (seen === 'not_found') {
    // A create call that is still under way ends within its deadline, long before this. Its request
    // was never shown, so nobody can pay it even then.
    const ageMs = deps.clock().getTime() - invoice.madeAt.getTime();
    if (ageMs < 2 * lookAfterCreateMs) {
      return { dueInMs: 2 * lookAfterCreateMs - ageMs, attempt: false };
    }
    await node.askToCancel(invoice.hash);
    const { id, paymentId } = invoice;
    await invoiceIsCanceled(deps.db, { id, paymentId, because: 'never_issued' });
    return 'stored';
  }
  if (seen.state === 'open' || seen.state === 'accepted') {
    const { id } = invoice;
    const { request, addIndex, expiresAt } = seen;
    await invoiceIsLive(deps.db, { id, request, addIndex, expiresAt, lookInMs: 0 });
  }
  return (await lookNow(deps, invoice)) ? 'stored' : { dueInMs: 0, attempt: false };
}

async function lookAtLive(deps: Deps, invoice: InvoiceRow, looks: number): Promise<StepEnd> {
  if (invoice.hold) return lookAtHold(deps, invoice, looks);
  const leftMs = invoice.lapsesAt.getTime() - deps.clock().getTime();
  // An attempt that failed, or a look at all, wants the node's own word.
  const maybeTold = invoice.ending === null && looks === 0;
  const told = maybeTold ? await toldByStream(deps, invoice, leftMs) : undefined;
  if (told !== undefined) return told;
  if (invoice.ending === null && leftMs > 0) {
    if (await lookNow(deps, invoice)) return 'stored';
    return { dueInMs: Math.min(lookWhileLiveMs, leftMs + 100), attempt: false, afresh: true };
  }
  if (await closeInvoice(deps, invoice, 'quote_over')) return 'stored';
  return { dueInMs: lookAfterExpiryMs(looks), attempt: true };
}

/**
 * What the node's stream tells, it need not be asked: after an outage the calls grow with what was
 * settled meanwhile, not with what is open. Undefined: it is to be asked.
 */
async function toldByStream(
  deps: Deps,
  invoice: InvoiceRow,
  leftMs: number,
): Promise<StepEnd | undefined> {
  const { nodeId } = invoice;
  const about = { nodeId, sampleMs: sampleStreamMs, few: fewInvoices };
  const cover = await coverOfStream(deps.db, about);
  const notAsked = { attempt: false, asked: false };
  if (cover === 'coming') return { ...notAsked, dueInMs: lookAfterStreamMs };
  if (cover === 'none' || leftMs <= 0) return undefined;
  // One that is looked at sees only itself; a page sees them all.
  const asked = cover === 'sample' && (await sampleStream(deps, nodeId));
  if (cover === 'sample' && !asked) return undefined;
  // A node has a hundred thousand of them as soon as one.
  await putOffTold(deps.db, { nodeId, laterMs: lookWhileToldMs });
  const laterMs = spreadMs(lookWhileToldMs, Math.random());
  return { attempt: false, asked, dueInMs: Math.min(laterMs, leftMs + 100) };
}

/** What is known of a stored quote when its node is asked. */
export type ToIssue = Pick<
  InvoiceRow,
  'id' | 'paymentId' | 'nodeId' | 'hash' | 'sealedPreimage' | 'hold' | 'amountMsat' | 'lapsesAt'
>;

/**
 * Asks the node for the invoice of a stored quote, again and again with the same secret: it makes
 * one invoice, and gives it when it is live. `memo`: what the wallet shows. Throws Trouble; the row
 * stays and is looked at again.
 */
export async function issueInvoice(
  deps: Deps,
  invoice: ToIssue,
  memo: string,
): Promise<InvoiceRow | undefined> {
  if (invoice.sealedPreimage === null) return undefined;
  const node = await deps.nodes.of(invoice.nodeId);
  const secret = deps.sealer.open(invoice.sealedPreimage, placeOfPreimage(invoice));
  const leftMs = invoice.lapsesAt.getTime() - deps.clock().getTime();
  const issued = await node.createInvoice({
    hash: invoice.hash,
    preimage: Buffer.from(secret).toString('hex') as Preimage,
    hold: invoice.hold,
    amountMsat: invoice.amountMsat,
    memo,
    expirySeconds: Math.max(1, Math.round(leftMs / 1_000)),
  });
  const laterMs = invoice.hold ? lookForHoldMs : lookWhileLiveMs;
  const lookInMs = Math.min(laterMs, Math.max(0, leftMs) + 100);
  const live = await invoiceIsLive(deps.db, { id: invoice.id, ...issued, lookInMs });
  if (live !== undefined) return live;
  // Somebody else was faster, or it had ended before the node answered.
  const stored = await invoiceById(deps.db, invoice.id.toString());
  if (stored?.state === 'canceled') await node.askToCancel(invoice.hash);
  return stored?.state === 'live' ? stored : undefined;
}
