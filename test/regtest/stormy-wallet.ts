// What stands on a node's own books, read page by page, and a wallet on one: it says of a payment
// only what the node says in the end, however long that takes.
import { setTimeout as pause } from 'node:timers/promises';
import {
  decodePaymentRequest,
  getInvoices,
  getPayment,
  getPayments,
  pay,
  payViaPaymentDetails,
  type AuthenticatedLnd,
} from 'lightning';
import { readRequest } from '../../sandbox/lnd/index.ts';

const limits = { max_fee_mtokens: '1000000', pathfinding_timeout: 10_000 };
const pageOf = 500;

/** Payment hash, lower-case hex, and what was paid for it, in msat. */
export type Paid = Map<string, bigint>;

/**
 * How a request is paid. `bare`: as a wallet that looks at no expiry, for any amount; the payee
 * decides about both.
 */
export type How = { bare?: { amountMsat: bigint } };

async function send(lnd: AuthenticatedLnd, request: string, { bare }: How): Promise<void> {
  if (bare === undefined) {
    await pay({ lnd, request, ...limits });
    return;
  }
  const { id, destination, payment, cltv_delta } = await decodePaymentRequest({ lnd, request });
  if (payment === undefined || cltv_delta === undefined) throw new Error('an odd request');
  const mtokens = String(bare.amountMsat);
  await payViaPaymentDetails({ lnd, id, destination, payment, cltv_delta, mtokens, ...limits });
}

/** Waits while a part of it is under way. False: it failed for good, or was never sent. */
async function isSettled(lnd: AuthenticatedLnd, id: string): Promise<boolean> {
  for (;;) {
    const known = await getPayment({ lnd, id }).catch((error: unknown) => {
      if (/SentPaymentNotFound/.test(JSON.stringify(error))) return { is_failed: true as const };
      throw error;
    });
    if ('is_confirmed' in known && known.is_confirmed) return true;
    if (known.is_failed) return false;
    await pause(250);
  }
}

/** One try. True: the node says that it is settled. False: nothing is under way any more. */
export async function tryOnce(
  lnd: AuthenticatedLnd,
  request: string,
  how: How = {},
): Promise<boolean> {
  try {
    await send(lnd, request, how);
    return true;
  } catch {
    return isSettled(lnd, readRequest(request).hash);
  }
}

/** What the payer's node says that it has paid. */
export async function paidBy(lnd: AuthenticatedLnd): Promise<Paid> {
  const paid: Paid = new Map();
  let token: string | undefined;
  do {
    const page = await getPayments({
      lnd,
      ...(token === undefined ? { limit: pageOf } : { token }),
    });
    for (const one of page.payments) {
      if (one.is_confirmed) paid.set(one.id, BigInt(one.mtokens));
    }
    token = page.next;
  } while (token !== undefined);
  return paid;
}

/** What the payee's node says that it has received. */
export async function receivedBy(lnd: AuthenticatedLnd): Promise<Paid> {
  const received: Paid = new Map();
  let token: string | undefined;
  do {
    const page = await getInvoices({
      lnd,
      ...(token === undefined ? { limit: pageOf } : { token }),
    });
    for (const one of page.invoices) {
      if (one.is_confirmed) received.set(one.id, BigInt(one.received_mtokens));
    }
    token = page.next;
  } while (token !== undefined);
  return received;
}

export const sumOf = (paid: Paid): bigint => [...paid.values()].reduce((sum, one) => sum + one, 0n);
