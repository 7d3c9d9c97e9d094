// The shop's refunds: the list with its filter, those of one payment, and what staff may do: ask
// for one, approve it, take it back, send its link. Where the sats go is never told.
import { z } from 'zod';
import { decimalOfCode, msat, satsOf, type Minor } from '../../core/money.ts';
import { leftOf, refundReasons, refundStates } from '../../core/refund.ts';
import * as views from '../../db/views.ts';
import { approveRefund } from '../../flows/approve-refund.ts';
import { mailClaimLink } from '../../flows/mail-claim-link.ts';
import { giveBackAsRefund, openRefund } from '../../flows/open-refund.ts';
import { previewRefund } from '../../flows/preview-refund.ts';
import { withdrawRefund } from '../../flows/withdraw-refund.ts';
import { speech } from '../../frontend/buyer/words.ts';
import { formatSats } from '../../frontend/shared/amounts.ts';
import {
  refundStateNames,
  type PaymentRefundsAnswer,
  type RefundOpenedAnswer,
  type RefundPreview,
  type RefundRefused,
  type RefundsAnswer,
  type RefundShown,
  type RefundStateName,
} from '../../frontend/shared/refunds-api.ts';
import { answerJson } from '../answers.ts';
import { makeBudget } from '../budget.ts';
import type { Doors, Route } from '../doors.ts';
import { iso, merchantRouteOf, type Seen } from './door.ts';
import { readCursor } from './payment-filter.ts';

const pageSize = 25;
/** Letters to buyers, for each shop. */
const letters = { calls: 60, perMs: 3_600_000, keysAtMost: 10_000 };

export function refundRoutes(doors: Doors): Route[] {
  const mail = makeBudget(letters);
  const route = merchantRouteOf(doors);
  return [
    route('get', '/api/refunds', listAnswer),
    route('get', '/api/payments/:id/refunds', ofPaymentAnswer),
    route('post', '/api/payments/:id/refunds/preview', previewAnswer),
    route('post', '/api/payments/:id/refunds', openAnswer),
    route('post', '/api/payments/:id/give-back', giveBackAnswer),
    route('post', '/api/refunds/:id/approve', approveAnswer),
    route('post', '/api/refunds/:id/withdraw', withdrawAnswer),
    route('post', '/api/refunds/:id/mail', async (on, seen) => {
      if (mail.spend(String(seen.shop.id))) await mailAnswer(on, seen);
      else tooOften(seen);
    }),
  ];
}

/** What staff read of each refusal. */
const sentences = {
  unknown_payment: 'There is no such payment in this shop.',
  unknown_refund: 'There is no such refund in this shop.',
  nothing_captured: 'Shopify has recorded nothing of this payment, so nothing can be refunded.',
  more_than_captured: 'That is more than what is left of what was paid.',
  other_currency: 'That is another currency than that of the payment.',
  amount_unreadable: 'Give an amount above zero, such as 12.30.',
  refund_exists_with_other_content: 'This refund was asked for before, with another amount.',
  nothing_to_give_back: 'There is nothing to give back any more. Look at the payment again.',
  not_approvable: 'This refund does not wait for approval any more. Look at it again.',
  not_withdrawable: 'Its buyer has claimed it, so it may be on its way. It was not withdrawn.',
  refund_not_claimable: 'This refund cannot be claimed at the moment, so no link was sent.',
  no_mail: 'No mail server is set up. Copy the link and send it yourself.',
  no_price: 'There is no price at the moment. A refund that you make waits for one.',
  too_small: 'It is worth less than one satoshi.',
  unreadable: 'Something in it cannot be read.',
} as const;
type Refusal = keyof typeof sentences;

const idForm = z.guid();
const idOf = ({ request }: Seen): string => idForm.safeParse(request.params['id']).data ?? noId;
/** Leads to nothing. */
const noId = '00000000-0000-0000-0000-000000000000';

function refuse(seen: Seen, refusal: Refusal, left?: RefundRefused['left']): void {
  const known = refusal !== 'unknown_payment' && refusal !== 'unknown_refund';
  const answer: RefundRefused = { ok: false, refusal, sentence: sentences[refusal] };
  const body = left === undefined ? answer : { ...answer, left };
  answerJson(seen.response, known ? 422 : 404, body);
}

function tooOften({ response }: Seen): void {
  response.set('Retry-After', '600');
  answerJson(response, 429, { error: 'Too many letters. Wait a little.' });
}

/** All of them, with one question for what the signer waits for. */
async function shown(doors: Doors, refunds: readonly views.ShownRefund[]): Promise<RefundShown[]> {
  const claimIds = refunds.flatMap(({ state, claimId }) =>
    state === 'claimed' && claimId !== null ? [claimId] : [],
  );
  const words = await views.wordsOfClaims(doors.deps.db, claimIds);
  return refunds.map((refund) => {
    const { state, claimId } = refund;
    const isClaimed = state === 'claimed' && claimId !== null;
    return shownWith(doors, refund, isClaimed ? words.get(claimId) : undefined);
  });
}

/** `word`: for what the signer waits. */
function shownWith(doors: Doors, refund: views.ShownRefund, word: string | undefined): RefundShown {
  const { state, reason, amountMinor, currency, amountMsat, claimKind, claimGivenAt } = refund;
  const isOpen = state === 'claimable' || state === 'claimed';
  return {
    ...{ id: refund.id, paymentId: refund.paymentId, orderName: refund.orderName },
    ...{ state, sentence: refundStates[state], origin: refund.origin, note: refund.note },
    because: { code: reason, sentence: refundReasons[reason] },
    fiat: amountMinor > 0n ? { amount: decimalOfCode(amountMinor, currency), currency } : null,
    sats: amountMsat === null ? null : satsOf(amountMsat),
    test: refund.test,
    openedAt: refund.openedAt.toISOString(),
    claimEndsAt: state === 'claimable' ? iso(refund.claimEndsAt) : null,
    claimUrl: isOpen ? `${doors.appUrl}/refund/${refund.link}` : null,
    claim:
      claimKind === null || claimGivenAt === null
        ? null
        : { kind: claimKind, givenAt: claimGivenAt.toISOString() },
    waits: word === undefined ? null : { code: word, sentence: doors.sayPayout(word) },
    mayApprove: state === 'asked' && reason === 'approval_wanted',
    mayWithdraw: state === 'asked' || state === 'claimable',
  };
}

const filters: Readonly<Record<string, readonly RefundStateName[]>> = {
  open: ['asked', 'claimable', 'claimed'],
  asked: ['asked'],
  claimable: ['claimable'],
  claimed: ['claimed'],
  over: ['paid', 'done', 'withdrawn'],
};

async function listAnswer(doors: Doors, { shop, request, response }: Seen): Promise<void> {
  const { state, after: afterText } = request.query;
  const after = readCursor(afterText);
  const states = typeof state === 'string' && Object.hasOwn(filters, state) ? filters[state] : [];
  const rewards = state === 'rewards';
  const isWrong =
    (state !== undefined && states?.length === 0 && !rewards) ||
    (afterText !== undefined && !after);
  if (isWrong || states === undefined) {
    answerJson(response, 400, { error: 'The filter cannot be read.' });
    return;
  }
  const { db } = doors.deps;
  const [found, counts, { refundsOn: isOn }] = await Promise.all([
    views.refundsOfShop(db, { shopId: shop.id, states, rewards, after, limit: pageSize + 1 }),
    views.countRefunds(db, shop.id),
    views.refundTermsOf(db, shop.id),
  ]);
  const page = found.slice(0, pageSize);
  const last = page.at(-1);
  const answer: RefundsAnswer = {
    refunds: await shown(doors, page),
    older:
      found.length > pageSize && last !== undefined
        ? `${String(last.openedAt.getTime())}_${last.id}`
        : null,
    counts: countsOf(counts),
    isOn,
    timeZone: shop.timeZone,
  };
  answerJson(response, 200, answer);
}

const countsOf = (counts: ReadonlyMap<string, number>): RefundsAnswer['counts'] =>
  Object.fromEntries(refundStateNames.map((name) => [name, counts.get(name) ?? 0])) as Record<
    RefundStateName,
    number
  >;

async function ofPaymentAnswer(doors: Doors, seen: Seen): Promise<void> {
  const { db, alertWays } = doors.deps;
  const paymentId = idOf(seen);
  const payment = await views.refundableOfShop(db, { shopId: seen.shop.id, paymentId });
  if (payment === null) {
    refuse(seen, 'unknown_payment');
    return;
  }
  const [refunds, terms, giveBackMsat] = await Promise.all([
    views.refundsOfPayment(db, paymentId),
    views.refundTermsOf(db, payment.shopId),
    views.toGiveBack(db, payment),
  ]);
  const answer: PaymentRefundsAnswer = {
    refunds: await shown(doors, refunds),
    isOn: terms.refundsOn,
    pricing: terms.pricing,
    claimDays: terms.claimDays,
    left: payment.capturedMinor === null ? null : fiatOf(leftOf(payment), payment.currency),
    giveBackMsat: String(giveBackMsat),
    canMail: alertWays.email !== undefined,
  };
  answerJson(seen.response, 200, answer);
}

const fiatOf = (amount: Minor, currency: string): { amount: string; currency: string } => ({
  amount: decimalOfCode(amount, currency),
  currency,
});

const amountForm = z.string().max(40);
const previewForm = z.strictObject({ amount: amountForm });

/** The payment with the row of the shop to which it belongs, and what is still to be read of it. */
async function paymentOf(doors: Doors, seen: Seen) {
  const about = { shopId: seen.shop.id, paymentId: idOf(seen) };
  const payment = await views.refundableOfShop(doors.deps.db, about);
  if (payment === null) refuse(seen, 'unknown_payment');
  return payment;
}

async function previewAnswer(doors: Doors, seen: Seen): Promise<void> {
  const given = previewForm.safeParse(seen.request.body);
  const payment = await paymentOf(doors, seen);
  if (payment === null) return;
  if (!given.success) {
    refuse(seen, 'amount_unreadable');
    return;
  }
  const { shopId, paymentId, currency } = payment;
  const { amount } = given.data;
  const previewed = await previewRefund(doors.deps, { shopId, paymentId, amount });
  if (!previewed.ok) {
    const { refusal, leftMinor } = previewed;
    refuse(seen, refusal, leftMinor === undefined ? undefined : fiatOf(leftMinor, currency));
    return;
  }
  const { amountMsat, used, wantsApproval } = previewed;
  const answer: RefundPreview = { ok: true, sats: satsOf(amountMsat), used, wantsApproval };
  answerJson(seen.response, 200, answer);
}

const openForm = z.strictObject({
  /** Made by the page, once for each dialog: a double click is one refund. */
  key: z.guid(),
  amount: amountForm,
  note: z.string().max(500),
});

async function openAnswer(doors: Doors, seen: Seen): Promise<void> {
  const given = openForm.safeParse(seen.request.body);
  const payment = await paymentOf(doors, seen);
  if (payment === null) return;
  if (!given.success) {
    refuse(seen, 'unreadable');
    return;
  }
  const { shopId, paymentId, currency } = payment;
  const { key: originId, amount, note } = given.data;
  const opened = await openRefund(doors.deps, {
    ...{ shopId, paymentId, origin: 'admin', originId, amount, note },
    ...{ currencyCode: currency, staffId: seen.staffId },
  });
  if (!opened.ok) {
    const { refusal, leftMinor } = opened;
    refuse(seen, refusal, leftMinor === undefined ? undefined : fiatOf(leftMinor, currency));
    return;
  }
  await answerOpened(doors, seen, opened.refund.id);
}

async function answerOpened(doors: Doors, seen: Seen, id: string): Promise<void> {
  const row = await views.refundOfShop(doors.deps.db, { shopId: seen.shop.id, id });
  if (row === null) {
    refuse(seen, 'unknown_refund');
    return;
  }
  for (const refund of await shown(doors, [row])) {
    const answer: RefundOpenedAnswer = { ok: true, refund };
    answerJson(seen.response, 200, answer);
  }
}

const giveBackForm = z.strictObject({ overpaidMsat: z.string().regex(/^\d{1,18}$/) });

/** What nobody owed, as a refund that its buyer claims. */
async function giveBackAnswer(doors: Doors, seen: Seen): Promise<void> {
  const given = giveBackForm.safeParse(seen.request.body);
  const payment = await paymentOf(doors, seen);
  if (payment === null) return;
  if (!given.success) {
    refuse(seen, 'unreadable');
    return;
  }
  const { shopId, paymentId } = payment;
  const seenMsat = msat(BigInt(given.data.overpaidMsat));
  const asked = { shopId, paymentId, seenMsat, staffId: seen.staffId };
  const opened = await giveBackAsRefund(doors.deps, asked);
  if (opened.ok) await answerOpened(doors, seen, opened.refund.id);
  else refuse(seen, opened.refusal);
}

async function approveAnswer(doors: Doors, seen: Seen): Promise<void> {
  const { shop, staffId, response } = seen;
  const asked = { shopId: shop.id, refundId: idOf(seen), staffId };
  const approved = await approveRefund(doors.deps, asked);
  if (approved.ok) answerJson(response, 200, { ok: true });
  else refuse(seen, approved.refusal);
}

const withdrawForm = z.strictObject({ because: z.enum(['given_back_otherwise', 'taken_back']) });

async function withdrawAnswer(doors: Doors, seen: Seen): Promise<void> {
  const { shop, staffId, request, response } = seen;
  const given = withdrawForm.safeParse(request.body);
  if (!given.success) {
    refuse(seen, 'unreadable');
    return;
  }
  const { because } = given.data;
  const asked = { shopId: shop.id, refundId: idOf(seen), because, staffId };
  const withdrawn = await withdrawRefund(doors.deps, asked);
  if (withdrawn.ok) answerJson(response, 200, { ok: true });
  else refuse(seen, withdrawn.refusal);
}

const mailForm = z.strictObject({ to: z.email().max(254), language: z.string().max(35) });

async function mailAnswer(doors: Doors, seen: Seen): Promise<void> {
  const { shop, request, response } = seen;
  const given = mailForm.safeParse(request.body);
  if (!given.success) {
    refuse(seen, 'unreadable');
    return;
  }
  const { to, language } = given.data;
  const about = { shopId: shop.id, id: idOf(seen) };
  const refund = await views.refundOfShop(doors.deps.db, about);
  const letter = letterOf(doors, { shop: shop.domain, refund, language });
  const asked = { shopId: shop.id, refundId: about.id, to, letter };
  const mailed = await mailClaimLink(doors.deps, asked);
  if (mailed.ok) answerJson(response, 200, { ok: true });
  else refuse(seen, mailed.refusal);
}

function letterOf(
  doors: Doors,
  about: { shop: string; refund: views.ShownRefund | null; language: string },
): { subject: string; text: string } {
  const { refund } = about;
  const { say, locale } = speech(about.language);
  const kind = refund?.origin === 'reward' ? 'reward' : 'refund';
  const values = {
    shop: about.shop.replace(/\.myshopify\.com$/, ''),
    order: refund?.orderName ?? '',
    sats: refund?.amountMsat == null ? '' : formatSats(satsOf(refund.amountMsat), locale),
    link: `${doors.appUrl}/refund/${refund?.link ?? ''}`,
  };
  return { subject: say(`${kind}.letter.subject`, values), text: say(`${kind}.letter`, values) };
}
