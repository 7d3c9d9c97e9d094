// One claim from its reservation to its end. In this order, so that a process may die between any
// two lines: set aside, written down as sent, sent, written down as ended. Whoever finds a payout
// that was written down as sent asks the node first. Only the node's own word ends one.
import { createHash } from 'node:crypto';
import type { Clock, Sealer } from '../core/ports.ts';
import { Trouble } from '../core/trouble.ts';
import type { Database } from '../db/database.ts';
import {
  claimWaits,
  endPayout,
  originalsOf,
  payoutById,
  payoutIsSent,
  payoutWaits,
  refuseClaim,
  reservePayout,
  type OpenClaim,
  type PayoutRow,
} from '../db/payouts.ts';
import { purseMet, purseOf, type PurseRow } from '../db/purses.ts';
import { parseRequest } from '../lightning/bolt11.ts';
import type { Payer, PayerOptions, Tracked } from './pay.ts';
import { judgePurse } from './credential.ts';
import { ceilingsOf, feeLimitMsat, mostToPayBackMsat, openPurse, type Purse } from './purse.ts';
import type { PayoutWord } from './words.ts';

export type SignerLog = Record<'info' | 'warn' | 'error', (facts: object, event: string) => void>;

/** All in milliseconds. */
export type Timing = {
  /** A look for work, when nobody has said that there is some. */
  pollMs: number;
  /** Longer than the longest work on one payout. */
  leaseMs: number;
  /** After this no asking to pay can still be on its way to the node. */
  settleMs: number;
  /** What the node has no record of is sent again. */
  resendMs: number;
  /** A claim that cannot be begun is looked at again. */
  againMs: number;
  /** A payment that is on its way is asked for again. */
  inFlightMs: number;
};
export const usualTiming: Timing = {
  pollMs: 2_000,
  leaseMs: 120_000,
  settleMs: 120_000,
  resendMs: 5_000,
  againMs: 20_000,
  inFlightMs: 10_000,
};

export type SignerDeps = {
  db: Database;
  log: SignerLog;
  sealer: Sealer;
  clock: Clock;
  timing: Timing;
  payerOf: (options: Pick<PayerOptions, 'address' | 'certificatePem' | 'macaroonHex'>) => Payer;
};

/** A request must live so long when it is sent, by the clock of the payee's wallet. */
const leastLifeMs = 60_000;
/** The clocks of node and wallet may be so far apart: before that nobody says that it ran out. */
const clocksApartMs = 10 * 60_000;
/** So often no way was found: the buyer may give another request. */
const mostAttempts = 8;
export const longestAgainMs = 15 * 60_000;
/** What waits for money in the channels: each asking leaves an invoice at the node for weeks. */
const longestUnpaidMs = 60 * 60_000;
/** A claim that waits for a person, or for tomorrow, is looked at so often at least. */
const longestWaitMs = 5 * 60_000;

/** A request that could not be paid for so long is given back to its buyer. */
const longestReservedMs = 7 * 24 * 3_600_000;
/** Between the writing down of a sending and the sending. */
const longestStillMs = 10_000;

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const isLate = (deps: SignerDeps, expiresAt: Date): boolean =>
  expiresAt.getTime() - deps.clock().getTime() < leastLifeMs;

/** What is wrong with the request itself; undefined: it may be paid. */
export function faultOf(
  deps: SignerDeps,
  claim: Pick<OpenClaim, 'request' | 'hash' | 'amountMsat'>,
  purse: Purse,
): { fault: PayoutWord } | { expiresAt: Date } {
  const read = parseRequest(claim.request);
  if (read === undefined) return { fault: 'request_unreadable' };
  if (read.network !== purse.network) return { fault: 'other_network' };
  if (read.amountMsat !== claim.amountMsat) return { fault: 'wrong_amount' };
  if (read.hash !== hex(claim.hash)) return { fault: 'wrong_hash' };
  if (read.payee === purse.identity) return { fault: 'own_invoice' };
  if (isLate(deps, read.expiresAt)) return { fault: 'request_expired' };
  return { expiresAt: read.expiresAt };
}

/** `originalMsat`: the most that may be paid back; null: nobody can say. */
type Seen = { originalMsat: bigint | null } | { word: PayoutWord };

/**
 * What the node itself says was received for the payment: a row of ours that somebody forged is
 * not enough. A purse on a node of its own has nothing to ask.
 */
async function lookAtOriginals(
  deps: SignerDeps,
  paymentId: string,
  of: { purse: Purse; payer: Payer; isReward?: boolean },
): Promise<Seen> {
  const { purse, payer, isReward = false } = of;
  if (!purse.looksAtOriginal) return { originalMsat: null };
  const originals = await originalsOf(deps.db, paymentId);
  const here = originals.filter(({ identity }) => identity === purse.identity);
  if (originals.length === 0) return { word: 'original_unknown' };
  if (here.length === 0) return { word: 'original_elsewhere' };
  const seen = await Promise.all(here.map(({ hash }) => payer.lookOriginal(hex(hash))));
  if (seen.some(({ is }) => is === 'unknown')) return { word: 'original_unknown' };
  if (seen.some(({ is }) => is === 'unpaid')) return { word: 'original_unpaid' };
  const paid = seen.filter((each) => each.is === 'paid');
  const receivedMsat = paid.reduce((sum, each) => sum + each.receivedMsat, 0n);
  // A reward is a part of what came, and owes nothing to the price of today.
  return { originalMsat: isReward ? receivedMsat : mostToPayBackMsat(purse.limits, receivedMsat) };
}

const given = (word: PayoutWord): Trouble =>
  new Trouble(word, { from: 'node', then: 'give_up', away: true });

/** @throws {Trouble} when the purse cannot be opened, or its row names another node. */
export function pursesPayer(deps: SignerDeps, row: PurseRow): { purse: Purse; payer: Payer } {
  const purse = openPurse(deps.sealer, row);
  if (purse.identity !== row.identity) throw given('purse_changed');
  return { purse, payer: deps.payerOf(purse) };
}

/**
 * As `pursesPayer`, where something is to be begun. @throws {Trouble} also for a credential that
 * has ended, or was connected when fewer methods were asked for: nothing is set aside for it.
 */
export function beginningPayer(deps: SignerDeps, row: PurseRow): { purse: Purse; payer: Payer } {
  const both = pursesPayer(deps, row);
  const credential = Buffer.from(both.purse.macaroonHex, 'hex');
  if (!judgePurse(credential, deps.clock()).ok) throw given('purse_short');
  return both;
}

/** Begins to pay a claim, refuses it for good, or leaves it waiting with a word. */
export async function workClaim(deps: SignerDeps, claim: OpenClaim): Promise<void> {
  const { db, timing } = deps;
  const row = await purseOf(db, claim.shopId);
  if (row === null) return;
  const wait = async (word: string): Promise<void> => {
    deps.log.warn({ claimId: claim.id.toString(), shop: claim.shopId, word }, 'payout.waits');
    const times = { dueInMs: timing.againMs, atMostMs: longestWaitMs };
    await claimWaits(db, { claim, word, ...times });
  };
  try {
    const { purse, payer } = beginningPayer(deps, row);
    const request = faultOf(deps, claim, purse);
    if ('fault' in request) {
      deps.log.info({ claimId: claim.id.toString(), word: request.fault }, 'payout.refused');
      await refuseClaim(db, { claim, because: request.fault });
      return;
    }
    if (claim.test && purse.network === 'mainnet') {
      await wait('test_money');
      return;
    }
    const { paymentId, isReward } = claim;
    const seen = await lookAtOriginals(deps, paymentId, { purse, payer, isReward });
    await purseMet(db, { shopId: claim.shopId, trouble: null });
    if ('word' in seen) {
      await wait(seen.word);
      return;
    }
    const reserved = await reservePayout(db, {
      claim,
      ...request,
      feeLimitMsat: feeLimitMsat(purse.limits, claim.amountMsat),
      originalMsat: seen.originalMsat,
      ceilings: ceilingsOf(purse.limits),
      leaseMs: timing.leaseMs,
    });
    if (reserved.payoutId === null) {
      await wait(reserved.word);
      return;
    }
    const payout = await payoutById(db, reserved.payoutId);
    if (payout !== null) await workPayout(deps, payout);
  } catch (error) {
    if (!(error instanceof Trouble) || error.from !== 'node') throw error;
    await purseMet(db, { shopId: claim.shopId, trouble: error.what });
    await wait(error.what);
  }
}

/** Goes on with a payout that was set aside or sent before, by this process or another. */
export async function workPayout(deps: SignerDeps, payout: PayoutRow): Promise<void> {
  const row = await purseOf(deps.db, payout.shopId);
  const wait = (because: string, dueInMs: number): Promise<void> => {
    const state = payout.state === 'reserved' ? 'reserved' : 'sent';
    return payoutWaits(deps.db, payout, { state, because, dueInMs });
  };
  try {
    if (row === null) throw given('purse_unreadable');
    const { purse, payer } = pursesPayer(deps, row);
    const from = { payer, purse, isPaused: row.pausedAt !== null };
    if (payout.state === 'reserved') {
      await sendReserved(deps, payout, from);
    } else if (payout.sentTo !== purse.identity) {
      // What another node does not know of is no word: it may be on its way, or have arrived.
      await wait('sent_elsewhere' satisfies PayoutWord, deps.timing.againMs);
    } else await settle(deps, payout, { ...from, isFresh: false });
  } catch (error) {
    if (!(error instanceof Trouble) || error.from !== 'node') throw error;
    deps.log.warn({ payoutId: payout.id.toString(), word: error.what }, 'payout.unsure');
    await purseMet(deps.db, { shopId: payout.shopId, trouble: error.what });
    await wait(error.what, deps.timing.againMs);
  }
}

/** What pays. Paused: what is on its way is followed, and nothing is sent. */
type From = { payer: Payer; purse: Purse; isPaused: boolean };

/** What a node answers, or the trouble with it. */
const orTrouble = <T>(asked: Promise<T>): Promise<T | Trouble> =>
  asked.catch((error: unknown) => {
    if (error instanceof Trouble && error.from === 'node') return error;
    throw error;
  });

async function sendReserved(deps: SignerDeps, payout: PayoutRow, from: From): Promise<void> {
  const { db, timing } = deps;
  if (isLate(deps, payout.expiresAt)) {
    await end(deps, payout, { is: 'failed', because: 'request_expired' });
    return;
  }
  // What is set aside binds the ceilings, for as long as a request lives that the buyer chose.
  if (deps.clock().getTime() - payout.reservedAt.getTime() > longestReservedMs) {
    await end(deps, payout, { is: 'failed', because: 'tried_for_long' });
    return;
  }
  if (from.isPaused) {
    const wait = { state: 'reserved', because: 'paused', dueInMs: timing.againMs } as const;
    await payoutWaits(db, payout, wait);
    return;
  }
  await sendNow(deps, payout, from);
}

/**
 * Asks the node to pay, after it was left a mark and that was written down. The same request again
 * is harmless: LND pays no hash twice.
 *
 * @throws {Trouble} when the node takes no mark: then it is not asked to pay.
 */
async function sendNow(deps: SignerDeps, payout: PayoutRow, from: From): Promise<void> {
  const { db, timing } = deps;
  const { id, attempts, request } = payout;
  const sentTo = from.purse.identity;
  const mark = Buffer.from(await from.payer.leaveMark(), 'hex');
  const since = deps.clock().getTime();
  const { leaseMs } = timing;
  if (!(await payoutIsSent(db, { id, attempts, sentTo, mark, leaseMs }))) return;
  // A machine that stood still meanwhile sends nothing that others have taken over.
  if (deps.clock().getTime() - since > longestStillMs) {
    deps.log.warn({ payoutId: id.toString() }, 'payout.stood_still');
    return;
  }
  const sent = await from.payer.pay({ request, feeLimitMsat: payout.feeLimitMsat });
  const now: PayoutRow = {
    ...payout,
    ...{ state: 'sent', attempts: attempts + 1 },
    ...{ sentTo, mark, sentAt: deps.clock() },
  };
  if (sent.is === 'paid') {
    await paid(deps, now, sent);
    return;
  }
  if (sent.is === 'refused' && attempts === 0) {
    await end(deps, now, { is: 'failed', because: sent.because });
    return;
  }
  deps.log.info({ payoutId: id.toString(), ...('because' in sent ? sent : {}) }, 'payout.sent');
  await settle(deps, now, { ...from, isFresh: sent.is === 'answered' && attempts === 0 });
}

/**
 * Asks what became of it. `isFresh`: the node has just said no to the only asking there was, so
 * that none can be on its way.
 */
async function settle(
  deps: SignerDeps,
  payout: PayoutRow,
  how: From & { isFresh: boolean },
): Promise<void> {
  const { timing } = deps;
  const seen = await orTrouble(how.payer.track(hex(payout.hash)));
  const wait = (because: string, dueInMs: number, recordedBy?: string): Promise<void> =>
    payoutWaits(deps.db, payout, { state: 'sent', because, dueInMs, recordedBy });
  const { identity } = how.purse;
  if (seen instanceof Trouble) {
    await purseMet(deps.db, { shopId: payout.shopId, trouble: seen.what });
    await wait(seen.what, timing.againMs);
    return;
  }
  await purseMet(deps.db, { shopId: payout.shopId, trouble: null });
  if (seen.is === 'paid') {
    await paid(deps, payout, seen);
    return;
  }
  if (seen.is === 'in_flight') {
    await wait('in_flight', timing.inFlightMs, identity);
    return;
  }
  if (seen.is === 'not_recorded') {
    await notRecorded(deps, payout, how);
    return;
  }
  const sinceMs = deps.clock().getTime() - (payout.sentAt?.getTime() ?? 0);
  if (!how.isFresh && sinceMs < timing.settleMs) {
    const leftMs = timing.settleMs - sinceMs + 100;
    await wait(seen.because, Math.min(leftMs, timing.settleMs), identity);
    return;
  }
  // What it says may be of an earlier asking, and the latest one be lost with its records.
  const forgot = !how.isFresh && (await orTrouble(lacksMark(payout, how.payer)));
  if (forgot instanceof Trouble) await wait(forgot.what, timing.againMs, identity);
  else if (forgot) await nodeForgot(deps, payout);
  else await failed(deps, payout, { ...seen, identity });
}

async function nodeForgot(deps: SignerDeps, payout: PayoutRow): Promise<void> {
  deps.log.error({ payoutId: payout.id.toString() }, 'payout.node_forgot');
  const because = 'node_forgot' satisfies PayoutWord;
  const wait = { state: 'sent', because, dueInMs: longestAgainMs, isForgotten: true } as const;
  await payoutWaits(deps.db, payout, wait);
}

/**
 * LND writes a payment down before it sends anything: it was never begun, and may be yet. A node
 * that has lost what it wrote, as one that was restored from its seed, says the same.
 */
async function notRecorded(deps: SignerDeps, payout: PayoutRow, from: From): Promise<void> {
  const { timing } = deps;
  const wait = (because: string, dueInMs: number): Promise<void> =>
    payoutWaits(deps.db, payout, { state: 'sent', because, dueInMs });
  const forgot = await orTrouble(hasForgotten(payout, from));
  if (forgot instanceof Trouble) {
    await wait(forgot.what, timing.againMs);
    return;
  }
  if (forgot) {
    await nodeForgot(deps, payout);
    return;
  }
  const next = afterNotBegun(deps, payout, from.isPaused);
  if (next === 'send') await sendNow(deps, payout, from);
  else if ('is' in next) await end(deps, payout, next);
  else await wait(next.word, next.dueInMs);
}

/** What is done with a request that the node surely has not begun to pay. */
function afterNotBegun(
  deps: SignerDeps,
  payout: PayoutRow,
  isPaused: boolean,
): 'send' | { is: 'failed'; because: PayoutWord } | { word: PayoutWord; dueInMs: number } {
  const { timing } = deps;
  const now = deps.clock().getTime();
  if (isLate(deps, payout.expiresAt)) {
    // Run out for certain, by everybody's clock, so that LND refuses what might still come to it.
    const overMs = payout.expiresAt.getTime() + clocksApartMs - now;
    return overMs > 0
      ? { word: 'request_expired', dueInMs: Math.min(overMs, longestAgainMs) }
      : { is: 'failed', because: 'request_expired' };
  }
  const sinceMs = now - (payout.sentAt?.getTime() ?? 0);
  // As what was never sent: a request may live for as long as its buyer chose.
  const isOld = now - payout.reservedAt.getTime() > longestReservedMs;
  if (isOld && sinceMs >= timing.settleMs) return { is: 'failed', because: 'tried_for_long' };
  // What was asked a moment ago may be on its way: no reason for a second asking beside it.
  if (sinceMs < timing.resendMs) {
    return { word: 'not_recorded', dueInMs: timing.resendMs - sinceMs };
  }
  if (payout.attempts >= mostAttempts) {
    // It refuses the request for a reason that we do not know: the buyer may give another.
    return sinceMs < timing.settleMs
      ? { word: 'not_begun', dueInMs: timing.settleMs - sinceMs + 100 }
      : { is: 'failed', because: 'not_begun' };
  }
  return isPaused ? { word: 'paused', dueInMs: timing.againMs } : 'send';
}

/** It had this payment before, or does not know the mark that it was left when it was asked. */
const hasForgotten = async (payout: PayoutRow, { payer, purse }: From): Promise<boolean> =>
  payout.forgotAt !== null ||
  payout.recordedBy === purse.identity ||
  (await lacksMark(payout, payer));

/** What was sent without one says nothing. */
const lacksMark = async ({ mark }: PayoutRow, payer: Payer): Promise<boolean> =>
  mark === null || (await payer.lookOriginal(hex(mark))).is === 'unknown';

/** Every part is back at the node. The same request may be tried again, within limits. */
async function failed(
  deps: SignerDeps,
  payout: PayoutRow,
  seen: Extract<Tracked, { is: 'failed' }> & { identity: string },
): Promise<void> {
  const { because, identity } = seen;
  const tooOften = because === 'no_route' && payout.attempts >= mostAttempts;
  if (!seen.again || tooOften || isLate(deps, payout.expiresAt)) {
    await end(deps, payout, { is: 'failed', because });
    return;
  }
  deps.log.warn({ payoutId: payout.id.toString(), word: because }, 'payout.again');
  await payoutWaits(deps.db, payout, {
    ...{ state: 'reserved', because, recordedBy: identity },
    dueInMs: Math.min(deps.timing.againMs * 2 ** (payout.attempts - 1), longestUnpaidMs),
  });
}

async function paid(
  deps: SignerDeps,
  payout: PayoutRow,
  seen: Extract<Tracked, { is: 'paid' }>,
): Promise<void> {
  const { preimage, feeMsat } = seen;
  const proves = createHash('sha256').update(preimage).digest('hex') === hex(payout.hash);
  if (!proves) {
    deps.log.error({ payoutId: payout.id.toString() }, 'payout.preimage_wrong');
    const { againMs } = deps.timing;
    const wait = { state: 'sent', because: 'preimage_wrong', dueInMs: againMs } as const;
    await payoutWaits(deps.db, payout, wait);
    return;
  }
  if (feeMsat > payout.feeLimitMsat) {
    deps.log.error({ payoutId: payout.id.toString() }, 'payout.fee_above_limit');
  }
  await end(deps, payout, { is: 'paid', preimage, feeMsat });
}

async function end(
  deps: SignerDeps,
  payout: PayoutRow,
  how: Parameters<typeof endPayout>[2],
): Promise<void> {
  const facts = { payoutId: payout.id.toString(), shop: payout.shopId, attempts: payout.attempts };
  if (await endPayout(deps.db, payout, how)) {
    const because = how.is === 'failed' ? { because: how.because } : {};
    deps.log.info({ ...facts, ...because }, `payout.${how.is}`);
  }
}
