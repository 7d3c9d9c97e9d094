// A shopper chose our method at checkout, and Shopify asks the payments app for a payment session:
// where to send the buyer. It asks again when it does not hear us, so the answer is stored with the
// request and stays the same for ever. No node, no price source and no Shopify is asked here.
import { createHash } from 'node:crypto';
import { judgeSession, type SessionKind } from '../core/payment-session.ts';
import type { Database } from '../db/database.ts';
import { takesHolds } from '../db/holds.ts';
import { paymentsShop, sessionRequest, storeSession } from '../db/sessions.ts';
import type { StoredSession } from '../db/sessions.ts';
import type { Deps } from './flow.ts';

export type SessionAsked = {
  shopDomain: string;
  id: string;
  gid: string;
  group: string;
  sessionId: string;
  /** A decimal, whatever the locale. */
  amount: string;
  currencyCode: string;
  test: boolean;
  kind: SessionKind;
  merchantLocale: string;
  /** Where the buyer goes who does not pay; undefined: it may not be followed, or there is none. */
  cancelUrl: string | undefined;
  proposedAt: Date;
};

export type RequestTaken =
  /** The body, byte for byte the one that this id was answered with before. */
  | { is: 'answered'; answer: string }
  /** The shop never had the payments app, or has it no more. */
  | { is: 'no_such_shop' }
  | { is: 'no_such_payment' }
  /** Its buyer was forgotten, as Shopify asked: the answer is gone with the link in it. */
  | { is: 'forgotten' }
  /** The id stands for something else: a bug at Shopify's, or a forgery. Nothing was changed. */
  | { is: 'other_content' };

export type RequestDeps = { db: Database; clock: Deps['clock']; log: Deps['log'] };

export async function openSession(
  deps: RequestDeps & { payUrlOf: (link: string) => string },
  asked: SessionAsked,
): Promise<RequestTaken> {
  const { db, log } = deps;
  const contentHash = hashOf(contentOf(asked));
  const mayHold = asked.kind === 'authorization' && (await takesHolds(db, asked.shopDomain));
  const { currency, owedMinor, never } = judgeSession({ ...asked, mayHold });
  const stored = await storeSession(db, {
    ...{ shopDomain: asked.shopDomain, id: asked.id, gid: asked.gid, groupKey: asked.group },
    ...{ kind: asked.kind, test: asked.test, currency, owedMinor, never, contentHash },
    cancelUrl: asked.cancelUrl ?? null,
    proposedAt: asked.proposedAt,
    receivedAt: deps.clock(),
    answerOf: (link) => JSON.stringify({ redirect_url: deps.payUrlOf(link) }),
  }).catch((error: unknown) => {
    // Another id was opened with this gid: one of the two is not Shopify's.
    if (isTwice(error)) return 'gid_taken' as const;
    throw error;
  });
  if (stored === 'gid_taken') {
    const shop = await paymentsShop(db, asked.shopDomain);
    return otherContent(deps, { shopId: shop?.id ?? 0, kind: 'payment', id: asked.id });
  }
  const { shopId, paymentId, answer } = stored;
  if (shopId === undefined) return { is: 'no_such_shop' };
  if (paymentId === undefined) return answeredBefore(deps, { shopId, asked, contentHash, stored });
  log.info({ paymentId, shopId, to: 'open' }, 'payment.opened');
  if (never !== undefined) log.warn({ paymentId, shopId, never }, 'session.never_payable');
  return { is: 'answered', answer };
}

/** Nothing was stored: the id is taken, or the shop has removed the app. */
async function answeredBefore(
  deps: RequestDeps,
  about: { shopId: number; asked: SessionAsked; contentHash: Uint8Array; stored: StoredSession },
): Promise<RequestTaken> {
  const { shopId, asked, contentHash, stored } = about;
  const key = { shopId, kind: 'payment', id: asked.id } as const;
  // Whoever was faster in that very moment is seen by the next statement only.
  const before = stored.before ?? (await sessionRequest(deps.db.pool, key));
  return before === undefined
    ? { is: 'no_such_shop' }
    : compared(deps, { key, contentHash, before });
}

/** All that decides what is paid, and nothing of the buyer. One spelling for equal amounts. */
const contentOf = (asked: SessionAsked): readonly string[] => [
  ...[asked.id, asked.gid, asked.group, asked.sessionId],
  ...[plainDecimal(asked.amount), asked.currencyCode, String(asked.test), asked.kind],
  ...[asked.merchantLocale, asked.cancelUrl ?? '', asked.proposedAt.toISOString()],
];

/** `"010.50"` and `"10.5"` are one amount. */
export function plainDecimal(decimal: string): string {
  const [whole = '', fraction = ''] = decimal.split('.');
  const rest = fraction.replace(/0+$/, '');
  return `${whole.replace(/^0+(?=\d)/, '')}${rest === '' ? '' : `.${rest}`}`;
}

export const hashOf = (content: readonly string[]): Uint8Array =>
  createHash('sha256').update(JSON.stringify(content), 'utf8').digest();

type Key = { shopId: number; kind: string; id: string };

/** The stored answer, if it was given to the same question. */
export function compared(
  deps: Pick<RequestDeps, 'log'>,
  about: { key: Key; contentHash: Uint8Array; before: { contentHash: Uint8Array; answer: string } },
): RequestTaken {
  const { key, contentHash, before } = about;
  const same = Buffer.from(before.contentHash).equals(contentHash);
  if (!same) return otherContent(deps, key);
  return before.answer === '' ? { is: 'forgotten' } : { is: 'answered', answer: before.answer };
}

function otherContent(deps: Pick<RequestDeps, 'log'>, key: Key): RequestTaken {
  const { shopId, kind, id } = key;
  deps.log.error({ shopId, kind, session: id }, 'session.other_content');
  return { is: 'other_content' };
}

const isTwice = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === '23505';
