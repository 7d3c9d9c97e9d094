// What a receiver is owed, from the shares to their end: its Lightning address is asked for one
// invoice over many of them, the signer pays it, and what the signer wrote is taken over. Nothing
// is paid here. The server of an address is believed nothing: a wrong, slow or missing answer
// leaves everything owed, and it is asked again later, each time after twice as long.
import { readPayAddress } from '../core/pay-address.ts';
import { leastLifeMs } from '../core/refund.ts';
import { askAgainMs } from '../core/share.ts';
import type { ClaimedRow } from '../db/due.ts';
import {
  batchIsOver,
  batchIsPaid,
  hasGivenBatch,
  receiverById,
  receiverRests,
  receiverWaits,
  sharesToPayOut,
  storeBatch,
  type ReceiverRow,
  type ToPayOut,
} from '../db/share-batches.ts';
import type { Deps, Step, StepEnd } from './flow.ts';

/** For a signer that was killed between its word and the nudge. */
const lookAgainMs = 60_000;
/** For whatever makes something payable that could not be, and nudges nobody. */
const lookAtOwedMs = 6 * 3_600_000;
/** Something came between: everything is looked at afresh. */
const soonMs = 1_000;

export const payOutShares: Step = async (deps, row) => {
  const receiver = await receiverById(deps.db, row.id);
  if (receiver === null) return { dueInMs: undefined, attempt: false, asked: false };
  if (await hasGivenBatch(deps.db, receiver.id)) return takeOver(deps, row, receiver);
  const owed = await sharesToPayOut(deps.db, receiver.id);
  if (owed === null) {
    const { id, dueAt: seenDueAt } = receiver;
    const { leaseNo } = row;
    await receiverRests(deps.db, { id, leaseNo, seenDueAt, lookInMs: lookAtOwedMs });
    return 'stored';
  }
  return askForInvoice(deps, { row, receiver, owed });
};

/** What the signer says of the batch that is out. */
async function takeOver(deps: Deps, row: ClaimedRow, receiver: ReceiverRow): Promise<StepEnd> {
  const about = { receiverId: receiver.id, leaseNo: row.leaseNo };
  const facts = { receiverId: receiver.id.toString(), shopId: receiver.shopId };
  const paid = await batchIsPaid(deps.db, about);
  if (paid !== undefined) {
    deps.log.info({ ...facts, batchId: paid.batchId }, 'shares.paid');
    return 'stored';
  }
  const againMs = askAgainMs(row.attempts);
  const because = await batchIsOver(deps.db, { ...about, againMs });
  if (because !== undefined) {
    deps.log.warn({ ...facts, because }, 'shares.unpaid');
    return 'stored';
  }
  return { dueInMs: lookAgainMs, attempt: false, asked: false };
}

async function askForInvoice(
  deps: Deps,
  about: { row: ClaimedRow; receiver: ReceiverRow; owed: ToPayOut },
): Promise<StepEnd> {
  const { row, receiver, owed } = about;
  const { id, shopId } = receiver;
  const { leaseNo } = row;
  const wait = async (word: string): Promise<StepEnd> => {
    deps.log.warn({ receiverId: id.toString(), shopId, word }, 'shares.wait');
    const dueInMs = askAgainMs(row.attempts);
    await receiverWaits(deps.db, { id, leaseNo, word, dueInMs });
    return 'stored';
  };
  const address = readPayAddress(receiver.address);
  if (address === undefined) return wait('address_silent');
  const answer = await deps.askPayAddress({ address, amountMsat: owed.amountMsat });
  if (!answer.ok) return wait(answer.refusal);
  const read = deps.readRequest(answer.request);
  const fits =
    read?.amountMsat === owed.amountMsat &&
    read.network === owed.network &&
    read.payee !== owed.identity;
  if (!fits) return wait('address_differs');
  if (read.expiresAt.getTime() - deps.clock().getTime() < leastLifeMs) {
    return wait('request_expired');
  }
  const stored = await storeBatch(deps.db, {
    ...{ receiverId: id, leaseNo, shopId: owed.shopId, shareIds: owed.shareIds },
    ...{ amountMsat: owed.amountMsat, request: answer.request, hash: read.hash },
    ...{ expiresAt: read.expiresAt, lookInMs: lookAgainMs },
  });
  if (stored === 'used_before') return wait('address_differs');
  if (stored === 'moved') return { dueInMs: soonMs, attempt: false };
  const facts = { receiverId: id.toString(), shopId, shares: owed.shareIds.length };
  deps.log.info({ ...facts, amountMsat: owed.amountMsat.toString() }, 'shares.given');
  return 'stored';
}
