// What a buyer is shown of a payment, made from the rows. The page, its status and the thank-you
// block all show this one shape.
import { createHash } from 'node:crypto';
import { latestHoldEnd } from '../core/hold.ts';
import { decimalOfCode, satsOf, type Currency } from '../core/money.ts';
import { isUnpaid } from '../core/payment.ts';
import type { QuoteRefusal } from '../core/refusals.ts';
import {
  claimableOfPayment,
  latestPayment,
  rewardOfPayment,
  surplusOf,
  whyClosed,
  type InvoiceRow,
  type PaymentRow,
  type PayPage,
  type RewardSeen,
} from '../db/views.ts';
import type { PayInvoice, PayReward, PayView } from '../frontend/shared/pay-view.ts';
import type { Quoted } from '../flows/quote-invoice.ts';
import type { Doors } from './doors.ts';

/** An invoice that the node has not confirmed after this long: the node is slow or away. */
const slowNodeMs = 4_000;

const overs = ['order_cancelled', 'order_paid_otherwise', 'order_owes_nothing'] as const;
/** The same to a buyer: another tab of the same checkout paid. */
const paidElsewhere = 'group_paid_otherwise';

/** `quoted`: what became of asking for a price, right before. */
export async function payView(doors: Doors, page: PayPage, quoted?: Quoted): Promise<PayView> {
  const { payment, invoice, shopDomain: domain, buyerWords: shopWords } = page;
  const now = doors.deps.clock();
  const surplus = await surplusParts(doors, payment);
  const reward = await rewardOf(doors, payment);
  const view: Omit<PayView, 'revision'> = {
    state: payment.state,
    final: isFinal(payment) && reward?.isComing !== true,
    now: now.toISOString(),
    payUrl: `${doors.appUrl}/pay/${payment.link}`,
    id: payment.link,
    shopName: domain.replace(/\.myshopify\.com$/, ''),
    orderName: payment.orderName,
    test: payment.test,
    fiat: {
      amount: decimalOfCode(payment.owedMinor, payment.currency),
      currency: payment.currency,
    },
    backUrl: doors.outsideUrl(`https://${domain}/account`),
    reference: payment.id.slice(0, 8),
    ...(Object.keys(shopWords).length > 0 ? { shopWords } : {}),
    ...(payment.origin === 'payment_session' ? sessionParts(doors, page) : {}),
    ...invoiceOf(payment, invoice),
    ...(payment.state === 'open' ? openParts({ page, quoted, now }) : {}),
    ...holdOf(page),
    ...(payment.attention === 'overpaid' ? { overpaid: true } : {}),
    ...surplus,
    ...(payment.state === 'closing' || isUnpaid(payment.state) ? await overOf(doors, payment) : {}),
    ...(payment.state === 'stranded' ? strandedParts(payment) : {}),
    ...(payment.state === 'resolved' ? await resolvedParts(doors, payment) : {}),
    ...(payment.settledAt === null ? {} : { settledAt: payment.settledAt.toISOString() }),
    ...(payment.settledAt === null && surplus.surplus === undefined
      ? {}
      : await refundOf(doors, payment)),
    ...(reward === null ? {} : rewardParts(doors, { reward, now })),
  };
  return { ...view, revision: revisionOf(view) };
}

/** A verdict that is still to be told brings the way back with it. */
const isFinal = ({ state, verdictWanted }: PaymentRow): boolean =>
  state === 'resolved' || state === 'rejected' || (state === 'lapsed' && verdictWanted === null);

/**
 * What came and was not owed. Of a payment that is over it may be all that came, so it is looked at
 * whether or not a person is asked about it.
 */
async function surplusParts(
  { deps: { db } }: Doors,
  { id: paymentId, shopId, state, attention }: PaymentRow,
): Promise<Pick<PayView, 'surplus'> & { final?: false }> {
  if (attention !== 'overpaid' && !isUnpaid(state)) return {};
  const { cameMsat, owedMsat, keptMsat } = await surplusOf(db, { shopId, paymentId });
  if (cameMsat === 0n) return {};
  if (owedMsat > 0n) return { surplus: { sats: satsOf(owedMsat), became: 'owed' }, final: false };
  const became = keptMsat > 0n ? 'kept' : 'given_back';
  return { surplus: { sats: satsOf(cameMsat), became } };
}

/** Why the order could not take the money. */
function strandedParts({ reason }: PaymentRow): Pick<PayView, 'over'> {
  if (reason === 'order_cancelled' || reason === 'order_paid_otherwise') return { over: reason };
  return { over: reason === paidElsewhere ? 'order_paid_otherwise' : 'other' };
}

/** What Shopify took as a part leads to the payment for the rest, as soon as there is one. */
async function resolvedParts(
  { deps: { db }, appUrl }: Doors,
  { id, shopId, originId, reason }: PaymentRow,
): Promise<Pick<PayView, 'byHand' | 'part' | 'rest'> & { final?: false }> {
  if (reason === 'settled_by_hand') return { byHand: true };
  if (reason !== 'told_part') return {};
  const latest = await latestPayment(db, { shopId, originId });
  if (latest === null || latest.id === id) return { part: true, final: false };
  if (latest.state !== 'open') return {};
  const fiat = {
    amount: decimalOfCode(latest.owedMinor, latest.currency),
    currency: latest.currency,
  };
  return { part: true, rest: { payUrl: `${appUrl}/pay/${latest.link}`, fiat }, final: false };
}

type SessionParts = Pick<PayView, 'session' | 'mayWait' | 'waits' | 'returnUrl'> & {
  backUrl?: string;
};

/** The ways between the page and the checkout that the buyer comes from. */
function sessionParts(doors: Doors, page: PayPage): SessionParts {
  const { payment, invoice, nodeTrouble } = page;
  const { state, cancelUrl, returnUrl, verdictWanted } = payment;
  const isOpen = state === 'open';
  const waits = isOpen && verdictWanted === 'pending';
  const isHeld = state === 'held' && payment.holdToldAt !== null;
  const isTold = state === 'resolved' || state === 'rejected' || isHeld || waits;
  const leads = isTold && returnUrl !== null && doors.mayBeFollowed(returnUrl);
  const hasMoney = payment.settledAt !== null || payment.holdEndsAt !== null;
  const mayWait = isOpen && !waits && invoice?.state === 'live' && nodeTrouble !== null;
  return {
    session: true,
    ...(mayWait ? { mayWait } : {}),
    ...(waits ? { waits } : {}),
    ...(leads ? { returnUrl } : {}),
    ...(cancelUrl !== null && !hasMoney && doors.mayBeFollowed(cancelUrl)
      ? { backUrl: cancelUrl }
      : {}),
  };
}

/** A refund that waits for its buyer to say where it is to go. */
async function refundOf(doors: Doors, payment: PaymentRow): Promise<Pick<PayView, 'refundUrl'>> {
  const refund = await claimableOfPayment(doors.deps.db, payment.id);
  if (refund?.state !== 'claimable') return {};
  return { refundUrl: `${doors.appUrl}/refund/${refund.link}` };
}

/** Only what Shopify accepted earns one. */
async function rewardOf(doors: Doors, { id, state }: PaymentRow): Promise<RewardSeen | null> {
  return state === 'resolved' ? rewardOfPayment(doors.deps.db, id) : null;
}

/** What is to be said of it; nothing once it is over, or taken back. */
export function rewardParts(
  doors: Doors,
  { reward, now }: { reward: RewardSeen; now: Date },
): Pick<PayView, 'reward'> {
  const { link, state, reason, amountMsat, claimableAt, claimEndsAt } = reward;
  if (link === null || amountMsat === null) return {};
  const of = (
    kind: PayReward['state'],
    more: Partial<PayReward> = {},
  ): Pick<PayView, 'reward'> => ({
    reward: { state: kind, sats: satsOf(amountMsat), ...more },
  });
  if (state === 'asked') return claimableAt === null ? {} : of('waiting', isoAt(claimableAt));
  if (state === 'claimable') {
    if (claimEndsAt === null || claimEndsAt <= now) return {};
    return of('claimable', { ...isoAt(claimEndsAt), url: `${doors.appUrl}/refund/${link}` });
  }
  if (state === 'claimed') return of('claimed');
  return reason === 'paid_out' ? of('paid') : {};
}
const isoAt = (at: Date): { at: string } => ({ at: at.toISOString() });

/** Everything that is shown except the clock. */
function revisionOf(view: Omit<PayView, 'revision'>): string {
  const shown = JSON.stringify({ ...view, now: '' });
  return createHash('sha256').update(shown).digest('base64url').slice(0, 16);
}

function invoiceOf(
  payment: PaymentRow,
  invoice: InvoiceRow | undefined,
): { invoice?: PayInvoice; fiat?: { amount: string; currency: string } } {
  const shown =
    invoice !== undefined &&
    (payment.state === 'open'
      ? invoice.state === 'live' && invoice.ending === null
      : payment.settledAt !== null);
  if (!shown) return {};
  const payable = payment.state === 'open' && invoice.request !== null;
  return {
    // The amounts belong together: what this invoice was promised for, not what is owed by now.
    fiat: {
      amount: decimalOfCode(invoice.fiatMinor, invoice.currency),
      currency: invoice.currency,
    },
    invoice: {
      ...(payable && invoice.request !== null ? { request: invoice.request } : {}),
      amountMsat: invoice.amountMsat.toString(),
      sats: satsOf(invoice.amountMsat),
      lapsesAt: invoice.lapsesAt.toISOString(),
      price: priceOf(invoice.priceE8, invoice.currency),
      ...(invoice.adjustmentBp === 0 ? {} : { adjustmentBp: invoice.adjustmentBp }),
      sources: invoice.sources,
    },
  };
}

/** Currency units for one BTC, cut to the decimals of the currency. */
function priceOf(priceE8: bigint, currency: Currency): string {
  const whole = (priceE8 / 100_000_000n).toString();
  if (priceE8 >= 100_000_000_000n) return whole;
  const cents = ((priceE8 % 100_000_000n) / 1_000_000n).toString().padStart(2, '0');
  return currency === 'JPY' ? whole : `${whole}.${cents}`;
}

/** Of an order: Shopify's own page tells who chose at checkout. */
function holdOf({ payment, invoice }: PayPage): Pick<PayView, 'holdEndsAt'> {
  const { state, origin, holdEndsAt } = payment;
  if (origin !== 'order') return {};
  if (state === 'held') return holdEndsAt === null ? {} : { holdEndsAt: holdEndsAt.toISOString() };
  const isShown = state === 'open' && invoice?.hold === true && invoice.state === 'live';
  return isShown ? { holdEndsAt: latestHoldEnd(invoice.lapsesAt).toISOString() } : {};
}

type OpenParts = Pick<PayView, 'expired' | 'preparing' | 'checking' | 'refusal'>;

/** An open payment without a payable invoice says why, and what happens next. */
function openParts(about: { page: PayPage; quoted: Quoted | undefined; now: Date }): OpenParts {
  const { page, quoted, now } = about;
  const { invoice, nodeTrouble } = page;
  if (invoice?.state === 'live') {
    if (invoice.ending === null && invoice.lapsesAt > now) return {};
    return { checking: true };
  }
  if (quoted?.is === 'refused') return { refusal: quoted.refusal };
  if (invoice?.state === 'made') {
    const ageMs = now.getTime() - invoice.madeAt.getTime();
    const away = nodeTrouble !== null || ageMs > slowNodeMs;
    return away ? { refusal: 'node_unreachable' satisfies QuoteRefusal } : { preparing: true };
  }
  if (needsTap(invoice)) return { expired: true };
  return { preparing: true };
}

/**
 * A price that ran out is made anew on request only; whatever else ended an invoice is not the
 * buyer's doing.
 */
export const needsTap = (invoice: InvoiceRow | undefined): boolean =>
  invoice?.state === 'canceled' && invoice.ending === 'quote_over';

async function overOf(doors: Doors, payment: PaymentRow): Promise<Pick<PayView, 'over'>> {
  const because = await whyClosed(doors.deps.db, payment.id);
  if (payment.holdEndsAt !== null) return { over: 'given_back' };
  if (because === paidElsewhere) return { over: 'order_paid_otherwise' };
  const known = overs.find((over) => over === because);
  return { over: known ?? 'other' };
}
