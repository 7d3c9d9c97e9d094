// Somebody told us of an order: Shopify is asked what is true of it. Webhooks, the thank-you block,
// a page and the sweep all lead here, in any order, any number of times, and make one payment.
import { createHash } from 'node:crypto';
import { currencyOf, minor, type Currency } from '../core/money.ts';
import { isUnpaid, stillDue, usesMethod, type OrderReading, type Reason } from '../core/payment.ts';
import { lookForOrderAgainMs, lookForOrderMs } from '../core/retry.ts';
import { isSelfTestOrder } from '../core/self-test.ts';
import { releaseHeld, wasLetGo } from '../db/holds.ts';
import { knownOrder } from '../db/known-order.ts';
import type { PaymentRow } from '../db/payments.ts';
import {
  askForPerson,
  changeOwed,
  closePayment,
  latestPayment,
  openPayment,
} from '../db/payments.ts';
import { methodWasSeen, shopById } from '../db/shops.ts';
import { wasMadeBySelfTest } from '../db/self-tests.ts';
import { sightingById, sightingIsDone } from '../db/sightings.ts';
import type { Deps, Step } from './flow.ts';
import { installationOrigin, lookAtInstallation } from './forget-shop.ts';
import { openOrderRefunds } from './open-order-refunds.ts';
import { takeBackRewards } from './take-back-rewards.ts';

export type LookedAt =
  /** Shopify does not return it: early, invented, or another shop's. */
  | { is: 'not_yet' }
  /** It is there, and not by our method. */
  | ({ is: 'not_ours' } & BuyersSecrets)
  /** By our method, and nothing was ever to be paid through us. */
  | ({ is: 'nothing_owed'; because: Reason } & BuyersSecrets)
  /** `hasRefunds`: something of the order was given back, by whatever method. */
  | ({ is: 'payment'; payment: PaymentRow; hasRefunds: boolean } & BuyersSecrets);

/** What only its buyer knows of an order, beside Shopify and the shop. An old one lacks both. */
export type BuyersSecrets = Pick<OrderReading, 'checkoutToken' | 'confirmationNumber'>;

/**
 * Reads the order and brings our payment in line with it: opened, another amount, or closed.
 * Throws Trouble when Shopify cannot be asked. For whoever is not its buyer an order is not there,
 * and nothing is opened or changed.
 */
export async function lookAtOrderNow(
  deps: Deps,
  at: { shopId: number; originId: string },
  isBuyer: (secrets: BuyersSecrets) => boolean = () => true,
): Promise<LookedAt> {
  // What we know is read before what Shopify says: a payment that comes in between makes our insert
  // lose against it, and never the other way round.
  const stored = await knownOrder(deps.db, at);
  if (stored === null || stored.shop.uninstalledAt !== null) return { is: 'not_yet' };
  const { shop, payment: known } = stored;
  const storefront = await deps.storefronts.of(at.shopId);
  const readAt = deps.clock();
  const order = await storefront.readOrder(at.originId);
  if (order === 'gone') return { is: 'not_yet' };
  const { checkoutToken, confirmationNumber } = order;
  const secrets: BuyersSecrets = { checkoutToken, confirmationNumber };
  if (!isBuyer(secrets)) return { is: 'not_yet' };
  const hasRefunds = order.refundedMinor > 0n;
  if (order.cancelled && known !== null) await takeBackRewards(deps, at);
  // The self-test's own order is nobody's: it owes nobody and is looked after where it was made.
  if (isSelfTestOrder(order) && known === null) return { is: 'not_ours', ...secrets };
  if (shop.methodSeenAt === null && usesMethod(order, shop.methodName)) {
    await methodWasSeen(deps.db, { shopId: shop.id, methodName: shop.methodName });
  }
  const open = known !== null && ['open', 'held', 'closing'].includes(known.state);
  // An order of zero names no method at all. It is nobody's, and owes nothing.
  const free = order.namesNoMethod && stillDue(order).is === 'over';
  if (!usesMethod(order, shop.methodName) && !open && !(free && known === null)) {
    if (known === null) return { is: 'not_ours', ...secrets };
    return { is: 'payment', payment: known, hasRefunds, ...secrets };
  }
  const { methodName } = shop;
  const payment = await followOrder(deps, { shopId: at.shopId, methodName, order, readAt, known });
  if (payment !== null) return { is: 'payment', payment, hasRefunds, ...secrets };
  const due = stillDue(order);
  return {
    is: 'nothing_owed',
    because: due.is === 'over' ? due.because : 'order_owes_nothing',
    ...secrets,
  };
}

/**
 * Everything that the order names is collected by other apps, one of which may call its method by
 * our very name: its buyer is not to be asked twice. An order of a manual method has that name
 * still, whatever the merchant renamed since.
 */
const isOfOtherApps = (order: OrderReading): boolean =>
  order.gatewayNames.length === 0 && !order.namesNoMethod;

/**
 * Brings the payment of an order in line with a reading. Null: there is none, and none is needed.
 */
async function followOrder(
  deps: Deps,
  about: {
    shopId: number;
    methodName: string;
    order: OrderReading;
    readAt: Date;
    known: PaymentRow | null;
  },
): Promise<PaymentRow | null> {
  const { shopId, methodName, order, readAt, known } = about;
  const due = stillDue(order);
  if (due.is === 'over' || isOfOtherApps(order)) {
    if (known?.state !== 'open' && known?.state !== 'held') return known;
    const because = due.is === 'over' ? due.because : 'other_app';
    const { id: paymentId } = known;
    // What is held was not charged, and is not to be any more, whatever was wished before.
    await (known.state === 'held'
      ? releaseHeld(deps.db, { paymentId, because, evenIfCharging: true })
      : closePayment(deps.db, { paymentId, because }));
    deps.log.info({ paymentId: known.id, shopId, because }, 'payment.closing');
    return latestPayment(deps.db, { shopId, originId: order.originId });
  }
  const owedMinor = due.is === 'owed' ? due.amountMinor : minor(0n);
  // An unknown currency is kept as its code: the page says so, and no quote is made for it.
  const currency = currencyOf(order.currencyCode) ?? (order.currencyCode as Currency);
  if (known !== null && known.state !== 'resolved' && !isUnpaid(known.state)) {
    if (known.state !== 'open') return known;
    if (due.is === 'owed' && (known.owedMinor !== owedMinor || known.currency !== currency)) {
      await changeOwed(deps.db, { paymentId: known.id, owedMinor, currency, at: readAt });
      return latestPayment(deps.db, { shopId, originId: order.originId });
    }
    return known;
  }
  // Its order is being cancelled: nobody shall pay for it meanwhile.
  if (known?.state === 'lapsed' && known.verdictWanted === 'cancel_order') return known;
  // The merchant had the money, and let it go: the order is not to be paid here.
  if (known?.state === 'lapsed' && (await wasLetGo(deps.db, known.id))) return known;
  const { payment, opened } = await openPayment(deps.db, {
    shopId,
    originId: order.originId,
    sequence: (known?.sequence ?? 0) + 1,
    orderName: order.name,
    methodName: usesMethod(order, methodName) ? methodName : undefined,
    checkoutTokenHash: hashIfThere(order.checkoutToken),
    confirmationHash: hashIfThere(order.confirmationNumber),
    test: order.test,
    currency,
    owedMinor,
    owedAt: readAt,
  });
  if (opened) deps.log.info({ paymentId: payment.id, shopId, to: 'open' }, 'payment.opened');
  return payment;
}

/** A checkout token is a secret between the buyer and Shopify: only its hash is kept. */
export const hashToken = (token: string): Uint8Array =>
  createHash('sha256').update(token, 'utf8').digest();

const hashIfThere = (token: string | undefined): Uint8Array | undefined =>
  token === undefined ? undefined : hashToken(token);

const refundsAgainMs = 30_000;
/** The topic of a webhook: whoever says so is Shopify itself. */
const refunded = 'refunds/create';

async function isInstalled(deps: Deps, shopId: number): Promise<boolean> {
  const shop = await shopById(deps.db, shopId);
  return shop !== null && shop.uninstalledAt === null;
}

/** The step of a sighting: looks until Shopify knows the order, for at least an hour. */
export const lookAtOrder: Step = async (deps, row) => {
  const sighting = await sightingById(deps.db, row.id);
  if (sighting === null) return { dueInMs: undefined, attempt: false };
  if (sighting.originId === installationOrigin) return lookAtInstallation(deps, sighting);
  const seen = await lookAtOrderNow(deps, sighting);
  if (seen.is === 'not_yet') {
    // Gone because its self-test has taken it away: nobody looks for it any more.
    if (await wasMadeBySelfTest(deps.db, sighting)) {
      await sightingIsDone(deps.db, sighting);
      return 'stored';
    }
    const dueInMs = lookForOrderAgainMs(row.attempts + 1);
    // Tries may have had no answer at all: the time counts as well.
    const lookedMs = deps.clock().getTime() - sighting.seenAt.getTime();
    if (dueInMs === undefined && lookedMs < lookForOrderMs) {
      return { dueInMs: lookForOrderMs - lookedMs, attempt: false };
    }
    if (dueInMs === undefined) {
      const known = await latestPayment(deps.db, sighting);
      if (known?.state === 'open') {
        await closePayment(deps.db, { paymentId: known.id, because: 'order_gone' });
      }
      // An app may read the orders of the last sixty days, and older ones can be refunded as well.
      const isRefunded = known?.state === 'resolved' && sighting.because === refunded;
      if (isRefunded && !known.test && (await isInstalled(deps, sighting.shopId))) {
        await askForPerson(deps.db, known.id, 'refund_unread');
        deps.log.warn({ paymentId: known.id, shopId: known.shopId }, 'refund.unread');
      }
    }
    return { dueInMs, attempt: true };
  }
  if (seen.is === 'payment' && seen.hasRefunds) {
    const opened = await openOrderRefunds(deps, sighting);
    // The order is looked at again when it is known what Shopify has recorded. It was found, so
    // that nothing of the time for which it is looked for is used up.
    if (opened === 'wait') return { dueInMs: refundsAgainMs, attempt: false };
  }
  await sightingIsDone(deps.db, sighting);
  return 'stored';
};
