// Shopify asks something of a payment that the payments app took: a refund, a capture, a void. It
// is written down once, bound to a payment of the same shop, and answered at once. Each opens a row
// of its own with it; no money moves here: what asks for money is never what pays it.
import { currencyOf, minorOf } from '../core/money.ts';
import { Trouble } from '../core/trouble.ts';
import { transaction } from '../db/database.ts';
import { openHoldRequestOn } from '../db/holds.ts';
import { openRefundOn, refundByOrigin } from '../db/refunds.ts';
import {
  paymentsShop,
  sessionRequest,
  storeMoneyRequest,
  type MoneyRequest,
  type RequestKind,
} from '../db/sessions.ts';
import { logOpened } from './open-refund.ts';
import {
  compared,
  hashOf,
  plainDecimal,
  type RequestDeps,
  type RequestTaken,
} from './open-session.ts';

export type MoneyAsked = {
  shopDomain: string;
  kind: Exclude<RequestKind, 'payment'>;
  id: string;
  gid: string;
  /** The id of the payment session: of an authorization, never of its capture. */
  paymentId: string;
  /** A void has none. */
  amount: string | undefined;
  currencyCode: string | undefined;
  test: boolean;
  proposedAt: Date;
};

const answer = '{}';

/** `unreadable`: an amount that is none. */
export async function takeMoneyRequest(
  deps: RequestDeps,
  asked: MoneyAsked,
): Promise<RequestTaken | { is: 'unreadable' }> {
  const { db, log } = deps;
  const shop = await paymentsShop(db, asked.shopDomain);
  if (shop === null) return { is: 'no_such_shop' };
  const key = { shopId: shop.id, kind: asked.kind, id: asked.id };
  const contentHash = hashOf(contentOf(asked));
  const before = await sessionRequest(db.pool, key);
  if (before !== undefined) return compared(deps, { key, contentHash, before });

  const paid = { shopId: shop.id, kind: 'payment', id: asked.paymentId } as const;
  const paymentId = (await sessionRequest(db.pool, paid))?.paymentId;
  if (paymentId == null) return { is: 'no_such_payment' };
  const currency = currencyOf(asked.currencyCode ?? '');
  const amountMinor =
    asked.amount === undefined || currency === undefined
      ? undefined
      : minorOf(asked.amount, currency);
  if (asked.amount !== undefined && (amountMinor ?? 0n) <= 0n) return { is: 'unreadable' };
  const stored = await store(deps, {
    ...{ ...key, gid: asked.gid, paymentId, contentHash, answer, test: asked.test },
    amountMinor: amountMinor ?? null,
    // A currency that we have no exponent for is kept as Shopify called it.
    currency: asked.currencyCode ?? null,
    proposedAt: asked.proposedAt,
  });
  if (stored) {
    log.info({ paymentId, shopId: shop.id, kind: asked.kind }, 'session.asked');
    return { is: 'answered', answer };
  }
  const first = await sessionRequest(db.pool, key);
  return first === undefined
    ? { is: 'other_content' }
    : compared(deps, { key, contentHash, before: first });
}

const tooEarly = { from: 'shop', then: 'retry' } as const;

/** Both are stored or neither is: whoever asks again after a kill is a first one then. */
async function store({ db, log }: RequestDeps, asked: MoneyRequest): Promise<boolean> {
  const { shopId, paymentId, kind, gid: originId, amountMinor, currency } = asked;
  if (kind !== 'refund') {
    return transaction(db, async (on) => {
      if (!(await storeMoneyRequest(on, asked))) return false;
      await openHoldRequestOn(on, { shopId, paymentId, kind, originId, amountMinor, currency });
      return true;
    });
  }
  const key = { shopId, origin: 'refund_session', originId } as const;
  const opened = await transaction(db, async (on) => {
    // By this very question; or by another id, and then one of the two is not Shopify's.
    if ((await refundByOrigin(on, key)) !== null) return undefined;
    if (!(await storeMoneyRequest(on, asked))) return undefined;
    const refund = await openRefundOn(on, {
      ...{ ...key, paymentId, currencyCode: currency ?? '', openedBy: undefined, note: undefined },
      ...{ amountMinor: amountMinor ?? undefined, keepsRefused: true },
    });
    // Shopify has the verdict, and its answer is not here yet: it asks again, and nothing is
    // stored.
    if (refund.is === 'too_early') throw new Trouble('verdict_under_way', { ...tooEarly });
    return refund;
  });
  if (opened === undefined) return false;
  if (opened.is === 'opened') logOpened(log, opened);
  return true;
}

const contentOf = (asked: MoneyAsked): readonly string[] => [
  ...[asked.kind, asked.id, asked.gid, asked.paymentId],
  ...[plainDecimal(asked.amount ?? ''), asked.currencyCode ?? '', String(asked.test)],
  asked.proposedAt.toISOString(),
];
