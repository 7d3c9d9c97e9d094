// Follows the payment of an order: asks, tells, waits, asks again, until nothing can change.
import { ask, type Answer, type Order } from './ask.ts';

export type Followed = {
  /** The order and its checkout token; undefined while the page does not know both. */
  order: () => Order | undefined;
  /** A session token that is good now. */
  token: () => Promise<string>;
};

/** How the asking has gone until this answer. */
export type Progress = {
  /** How often it has been looked, this time included. */
  looks: number;
  /** How often in a row nobody could be reached, this time included. */
  failures: number;
  /** For how long the same has been shown. */
  unchangedMs: number;
};

const minuteMs = 60_000;
const never = null;

/** Milliseconds until the next look; null when nothing will change any more. */
export function nextLookMs(answer: Answer, progress: Progress): number | null {
  const ownMs = ownPaceMs(answer, progress);
  return ownMs === never ? never : Math.max(ownMs, answer.retryAfterMs ?? 0);
}

function ownPaceMs(answer: Answer, { looks, failures, unchangedMs }: Progress): number | null {
  switch (answer.at) {
    case 'not_ours':
      return never;
    case 'offline':
    case 'shop_unreachable':
      return failures <= 5 ? 3_000 : 10_000;
    case 'not_yet':
      if (looks <= 10) return 1_000;
      return unchangedMs < 10 * minuteMs ? 5_000 : minuteMs;
    case 'payment': {
      const { final, state, expired, refusal } = answer.payment;
      if (final) return never;
      // A page that is left open for hours has a buyer who is not looking.
      if (unchangedMs > 60 * minuteMs) return minuteMs;
      const resting = expired || refusal !== undefined || state === 'stranded';
      return resting || unchangedMs > 4 * minuteMs ? 10_000 : 3_000;
    }
  }
}

const shownBy = (answer: Answer): string =>
  answer.at === 'payment' ? `payment ${answer.payment.revision}` : answer.at;

/**
 * Tells of every answer until the returned function is called. Without a checkout token the server
 * is not asked: it would answer "not yet", as we do here.
 */
export function follow(
  followed: Followed,
  tell: (answer: Answer, progress: Progress) => void,
): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let over = false;
  let shown = '';
  let shownSince = Date.now();
  let looks = 0;
  let failures = 0;
  const look = async (): Promise<void> => {
    const order = followed.order();
    const answer: Answer =
      order === undefined ? { at: 'not_yet' } : await ask(order, followed.token);
    if (over) return;
    looks += 1;
    const failed = answer.at === 'offline' || answer.at === 'shop_unreachable';
    failures = failed ? failures + 1 : 0;
    if (!failed && shownBy(answer) !== shown) {
      shown = shownBy(answer);
      shownSince = Date.now();
    }
    const progress = { looks, failures, unchangedMs: Date.now() - shownSince };
    tell(answer, progress);
    const waitMs = nextLookMs(answer, progress);
    if (waitMs !== null) timer = setTimeout(() => void look(), waitMs);
  };
  void look();
  return () => {
    over = true;
    clearTimeout(timer);
  };
}
