// Whoever is owed a refund knocks with its link: 128 random bits, which is the whole proof. Knowing
// it allows to see the amount and the state, and to say once where the sats are to go. Nothing is
// paid here. A wallet that scans the page's code knocks at the last two doors (LUD-03).
import express, { type Request, type Response } from 'express';
import { readPayAddress } from '../core/pay-address.ts';
import { refundByLink, type ClaimableRefund } from '../db/views.ts';
import { claimByAddress } from '../flows/claim-by-address.ts';
import { claimRefund } from '../flows/claim-refund.ts';
import { renderClaimPage, type Refused } from '../frontend/buyer/claim-page.ts';
import { renderMessage } from '../frontend/buyer/page.ts';
import { speech } from '../frontend/buyer/words.ts';
import { formatSats } from '../frontend/shared/amounts.ts';
import type { ClaimProblem } from '../frontend/shared/claim-view.ts';
import { answerJson } from './answers.ts';
import type { PayAssets } from './assets.ts';
import { makeBudget, type Budget } from './budget.ts';
import { claimView, k1Of } from './claim-view.ts';
import type { Doors, Route } from './doors.ts';
import { localeOf, sameOrigin } from './from-buyer.ts';

const linkForm = /^[A-Za-z0-9_-]{22}$/;
/** A buyer mistypes an address now and then; nobody does so ten times a minute. */
const ofLink = { calls: 10, perMs: 60_000, keysAtMost: 10_000 };
/** Each may make us ask a stranger's server twice. */
const ofShop = { calls: 60, perMs: 60_000, keysAtMost: 10_000 };
/** Longer than any BOLT11 that a wallet makes. */
const longest = 4_000;

type Claimants = { doors: Doors; assets: PayAssets; links: Budget; shops: Budget };
type Knock = Claimants & { request: Request; response: Response };

export function claimantRoutes(doors: Doors, about: { assets: PayAssets }): Route[] {
  const claimants: Claimants = {
    ...{ doors, assets: about.assets },
    ...{ links: makeBudget(ofLink), shops: makeBudget(ofShop) },
  };
  const route = (
    method: 'get' | 'post',
    path: string,
    answer: (knock: Knock, refund: ClaimableRefund | null) => Promise<void> | void,
  ): Route => ({
    ...{ method, path, policy: 'link' },
    ...(method === 'post'
      ? { before: [express.urlencoded({ extended: false, limit: '16kb' })] }
      : {}),
    answer: async (request, response) => {
      const knock = { ...claimants, request, response };
      await answer(knock, await refundOf(knock));
    },
  });
  return [
    route('get', '/refund/:link', page),
    route('get', '/refund/:link/status', status),
    route('post', '/refund/:link/claim', claim),
    route('get', '/refund/:link/lnurl', offerToWallet),
    route('get', '/refund/:link/lnurl/callback', takeFromWallet),
  ];
}

async function refundOf({ doors, request }: Knock): Promise<ClaimableRefund | null> {
  const link = request.params['link'];
  if (typeof link !== 'string' || !linkForm.test(link)) return null;
  return refundByLink(doors.deps.db, link);
}

function page(knock: Knock, refund: ClaimableRefund | null): void {
  if (refund === null) notFound(knock);
  else answerPage(knock, { refund, code: 200 });
}

function notFound({ request, response }: Knock): void {
  const { html, headers } = renderMessage({ locale: localeOf(request), message: 'no_refund' });
  response.status(404).set(headers).send(html);
}

function answerPage(
  { doors, assets, request, response }: Knock,
  about: { refund: ClaimableRefund; code: number; refused?: Refused },
): void {
  const { html, headers } = renderClaimPage(claimView(doors, about.refund), {
    locale: localeOf(request),
    assets,
    ...(about.refused === undefined ? {} : { refused: about.refused }),
  });
  response.status(about.code).set(headers).send(html);
}

function status({ doors, response }: Knock, refund: ClaimableRefund | null): void {
  if (refund === null) answerJson(response, 404, { error: 'There is no such refund.' });
  else answerJson(response, 200, claimView(doors, refund));
}

async function claim(knock: Knock, refund: ClaimableRefund | null): Promise<void> {
  const { doors, links, request, response } = knock;
  if (refund === null) {
    notFound(knock);
    return;
  }
  if (!sameOrigin(request, doors.appUrl)) {
    answerJson(response, 403, { error: 'Open the refund’s page and claim it there.' });
    return;
  }
  const body = (request.body ?? {}) as Record<string, unknown>;
  const given = body['destination'];
  const typed = typeof given === 'string' ? given.trim() : '';
  const problem = links.spend(refund.link)
    ? await problemOf(knock, { refund, typed })
    : 'too_often';
  if (problem === undefined) {
    response.redirect(303, `/refund/${refund.link}`);
    return;
  }
  // What became of it meanwhile is on the page too.
  const latest = (await refundByLink(doors.deps.db, refund.link)) ?? refund;
  const refused = { problem, typed: typed.slice(0, longest) };
  const code = problem === 'too_often' ? 429 : 422;
  answerPage(knock, { refund: latest, code, refused });
}

/** Why what was typed is not taken; undefined: it is. */
async function problemOf(
  knock: Knock,
  about: { refund: ClaimableRefund; typed: string },
): Promise<ClaimProblem | undefined> {
  const { doors, shops } = knock;
  const { refund, typed } = about;
  const address = readPayAddress(typed);
  if (address !== undefined && !shops.spend(String(refund.shopId))) return 'too_often';
  const { link } = refund;
  const taken =
    address === undefined
      ? await claimRefund(doors.deps, { link, request: typed, kind: 'invoice' })
      : await claimByAddress(
          { ...doors.deps, askPayAddress: doors.askPayAddress },
          { link, address },
        );
  if (taken.ok) return undefined;
  return taken.refusal === 'unknown_refund' ? 'refund_not_claimable' : taken.refusal;
}

/** A wallet shows the reason to its owner, so it is said in their language. */
function refuseWallet(
  { request, response }: Knock,
  about: { code: number; problem?: ClaimProblem; sats?: string },
): void {
  const { say, locale } = speech(localeOf(request));
  const sats = about.sats === undefined ? '' : formatSats(about.sats, locale);
  const reason =
    about.problem === undefined
      ? say('message.no_refund.head')
      : say(`refund.problem.${about.problem}`, { sats });
  toWallet(response, about.code, { status: 'ERROR', reason });
}

/** Wallets in a browser ask from a page of their own. */
function toWallet(response: Response, code: number, body: object): void {
  response.set('Access-Control-Allow-Origin', '*');
  answerJson(response, code, body);
}

/** LUD-03, step 3. What cannot be claimed is refused in words: a zero would say nothing. */
function offerToWallet(knock: Knock, refund: ClaimableRefund | null): void {
  const { doors, response } = knock;
  if (refund === null) {
    refuseWallet(knock, { code: 404 });
    return;
  }
  const view = claimView(doors, refund);
  if (view.state !== 'claimable' || view.lnurlAt === undefined || refund.amountMsat === null) {
    const problem = view.state === 'claimed' ? 'claim_exists' : 'refund_not_claimable';
    refuseWallet(knock, { code: 200, problem });
    return;
  }
  // JSON has no larger whole numbers, and no refund is of 90,000 bitcoin.
  const amount = Number(refund.amountMsat);
  toWallet(response, 200, {
    tag: 'withdrawRequest',
    callback: `${view.lnurlAt}/callback`,
    k1: k1Of(refund),
    defaultDescription: `${view.shopName} ${view.orderName}`,
    minWithdrawable: amount,
    maxWithdrawable: amount,
  });
}

/** LUD-03, step 5: the one call by GET that changes something, because wallets call it so. */
async function takeFromWallet(knock: Knock, refund: ClaimableRefund | null): Promise<void> {
  const { doors, links, request, response } = knock;
  const { k1, pr } = request.query;
  if (refund === null) {
    refuseWallet(knock, { code: 404 });
    return;
  }
  if (request.method !== 'GET') {
    response.status(405).set('Allow', 'GET').end();
    return;
  }
  const { sats } = claimView(doors, refund);
  const refuse = (problem: ClaimProblem): void => {
    refuseWallet(knock, { code: 200, problem, ...(sats === undefined ? {} : { sats }) });
  };
  if (!links.spend(refund.link)) {
    refuse('too_often');
    return;
  }
  const hasKnown = k1 === k1Of(refund);
  const given = typeof pr === 'string' ? pr : '';
  // The very same call again is answered as it was; with an old code nothing else is taken.
  const isRepeated = !hasKnown && doors.deps.readRequest(given)?.hash === refund.claimHash;
  if (!hasKnown && !isRepeated) {
    refuse(refund.state === 'claimed' ? 'claim_exists' : 'refund_not_claimable');
    return;
  }
  const { link } = refund;
  const taken = await claimRefund(doors.deps, { link, request: given, kind: 'lnurlw' });
  if (taken.ok) toWallet(response, 200, { status: 'OK' });
  else refuse(taken.refusal === 'unknown_refund' ? 'refund_not_claimable' : taken.refusal);
}
