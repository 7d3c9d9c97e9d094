/**
 * The wallet's tries to pay: now, a little late, twice, or not at all.
 */
import { randomUUID } from 'node:crypto';

export const WAYS = ['now', 'late', 'twice', 'never'] as const;
export type Way = (typeof WAYS)[number];
export const isWay = (way: unknown): way is Way => WAYS.some((known) => known === way);

export type Outcome = { ok: true; preimage: string } | { ok: false; why: string };
export type PayTerms = {
  /** Another amount than the request's, in millisatoshi. */
  amountMsat?: bigint;
  /** Milliseconds after the expiry at which to pay, whatever the wallet thinks of it. */
  late?: number;
  /** Also when the wallet has paid this request before. */
  again?: boolean;
};
/** Whatever can pay a BOLT11 text: a simulated node's buyers, or a real node. */
export type Payer = (request: string, terms: PayTerms) => Promise<Outcome>;

export type Attempt = {
  id: string;
  request: string;
  way: Way;
  startedAtMs: number;
  /** One per payment that has ended. */
  outcomes: Outcome[];
  isOver: boolean;
  over: Promise<void>;
};

/** How late "a little late" is: after the node has canceled, which takes it up to a second. */
const LATE_MS = 2000;
const REMEMBERED = 50;

export type Attempts = ReturnType<typeof walletAttempts>;

export const walletAttempts = (payer: Payer) => {
  const attempts = new Map<string, Attempt>();

  const pay = async (request: string, terms: PayTerms): Promise<Outcome> => {
    try {
      return await payer(request, terms);
    } catch (error) {
      return { ok: false, why: error instanceof Error ? error.message : 'the wallet failed' };
    }
  };
  const carryOut = async (attempt: Attempt, terms: PayTerms): Promise<void> => {
    const { request, way, outcomes } = attempt;
    if (way === 'now') outcomes.push(await pay(request, terms));
    if (way === 'late') outcomes.push(await pay(request, { late: LATE_MS, ...terms }));
    if (way === 'twice') {
      outcomes.push(await pay(request, terms));
      outcomes.push(await pay(request, { ...terms, again: true }));
    }
    attempt.isOver = true;
  };
  return {
    begin: (request: string, way: Way, terms: PayTerms = {}): Attempt => {
      const attempt: Attempt = {
        id: randomUUID(),
        request,
        way,
        startedAtMs: Date.now(),
        outcomes: [],
        isOver: false,
        over: Promise.resolve(),
      };
      attempt.over = carryOut(attempt, terms);
      attempts.set(attempt.id, attempt);
      const [oldest] = attempts.keys();
      if (attempts.size > REMEMBERED && oldest !== undefined) attempts.delete(oldest);
      return attempt;
    },
    get: (id: string): Attempt | undefined => attempts.get(id),
    /** Newest first. */
    all: (): Attempt[] => [...attempts.values()].reverse(),
  };
};
