// The payments app's own page. Who is signed in is a cookie that only its browser has; every form
// carries a word that only its page has; every answer is drawn anew from what is stored.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Request, Response } from 'express';
import { z } from 'zod';
import { msat } from '../../core/money.ts';
import {
  paymentsAppOf,
  refundTermsOf,
  settingsOf,
  shopById,
  siblingsOf,
  type NodeRow,
  type ShopRow,
} from '../../db/views.ts';
import type { ConnectRefused } from '../../flows/connect-node.ts';
import { answerAttention } from '../../flows/answer-attention.ts';
import { approveRefund } from '../../flows/approve-refund.ts';
import { changeSettings } from '../../flows/change-settings.ts';
import { giveBackAsRefund } from '../../flows/open-refund.ts';
import { settleByHand } from '../../flows/settle-by-hand.ts';
import { changeRewardTerms } from '../../flows/change-rewards.ts';
import { signedInShop, signOut } from '../../flows/sign-in.ts';
import { switchHolds as holdsTo } from '../../flows/switch-holds.ts';
import { switchRefunds as refundsTo } from '../../flows/switch-refunds.ts';
import { tellReady as sayReady } from '../../flows/tell-ready.ts';
import { withdrawRefund } from '../../flows/withdraw-refund.ts';
import { renderSettings } from '../../frontend/payments/page.ts';
import type { SettingsView, ShownNode, ShownRefusal } from '../../frontend/payments/view.ts';
import { gatewaySettingsUrl, proveAddress } from '../../shopify/oauth.ts';
import { shopDomain } from '../../shopify/shop-domain.ts';
import { statusOfConnectRefusal } from '../answers.ts';
import type { Doors, Registration } from '../doors.ts';
import { freshNode, nodeAnswer } from '../merchant/node.ts';
import { beginGrant, queryOf } from './auth.ts';
import { dropCookie, readCookie } from './cookies.ts';
import { refusedRewards, rewardsForm, shownRewards, type RefusedRewards } from './rewards-form.ts';
import { settingsForm, settingsMeant, typedAgain } from './settings-form.ts';
import { shownPayments } from './shown-payments.ts';
import { shownSettings, wrongFields, type SavedSettings } from './shown-settings.ts';
import { languageOf, show, showMessage } from './show.ts';

type SignedIn = { shop: ShopRow; app: Registration; token: string };
type Knock = { doors: Doors; request: Request; response: Response };

/** Who is signed in here; undefined: nobody. */
async function signedIn({ doors, request }: Knock): Promise<SignedIn | undefined> {
  const token = readCookie(request, 'zaptill_page', doors.appUrl);
  const shopId = await signedInShop(doors.deps, token);
  if (shopId === undefined || token === undefined) return undefined;
  const shop = await shopById(doors.deps.db, shopId);
  const app = (await doors.registrations('payments')).find(({ id }) => id === shop?.registrationId);
  return shop === null || app === undefined ? undefined : { shop, app, token };
}

/**
 * Shopify opens this address with the shop in it, signed. A browser that is signed in for that shop
 * sees the page; any other is sent to Shopify, which says who it is.
 */
export async function openPage(knock: Knock): Promise<void> {
  const { doors, request, response } = knock;
  const seen = await signedIn(knock);
  const query = queryOf(request);
  const asked = query.getAll('shop').length === 1 ? shopDomain(query.get('shop') ?? '') : undefined;
  if (seen !== undefined && (asked === undefined || asked === seen.shop.domain)) {
    const justConnected = query.get('connected') === '1';
    const saved = query.get('saved') === '1' ? 'saved' : undefined;
    await showSettings(knock, seen, { status: 200, justConnected, saved });
    return;
  }
  const apps = await doors.registrations('payments');
  const [first] = apps;
  if (asked === undefined || first === undefined) {
    showMessage(request, { response, message: 'not_signed_in', status: 401 });
    return;
  }
  // The signature only names the app here: to begin a grant proves nothing and gives nothing.
  const proof = proveAddress(query, { apps, now: doors.deps.clock() });
  beginGrant(doors, { app: proof.ok ? proof.app : first, shop: asked, response });
}

/** Bound to the cookie, so that a form of another site or another sign-in does not fit. */
const formTokenOf = (token: string): string =>
  createHash('sha256').update(`form ${token}`).digest('base64url');

/** The signed-in merchant whose own page has sent this form; else answers and is undefined. */
async function formOf(knock: Knock): Promise<(SignedIn & { body: unknown }) | undefined> {
  const { doors, request, response } = knock;
  const seen = await signedIn(knock);
  if (seen === undefined) {
    doors.countRefusedProof('page');
    showMessage(request, { response, message: 'not_signed_in', status: 401 });
    return undefined;
  }
  const body: unknown = request.body;
  const given = z.object({ form_token: z.string().max(100) }).safeParse(body).data?.form_token;
  const [ours, theirs] = [Buffer.from(formTokenOf(seen.token)), Buffer.from(given ?? '')];
  const isOurs = ours.length === theirs.length && timingSafeEqual(ours, theirs);
  const origin = request.get('origin') ?? doors.appUrl;
  if (!isOurs || origin !== doors.appUrl) {
    doors.countRefusedProof('page');
    showMessage(request, { response, message: 'form_old', status: 403, isSignedIn: true });
    return undefined;
  }
  return { ...seen, body };
}

const linkForm = z.object({ lndconnect: z.string().trim().min(1).max(8_192) });
const partsForm = z.object({
  host: z.string().trim().min(1).max(300),
  certificate: z.string().max(8_192),
  macaroon: z.string().trim().min(1).max(8_192),
});

/** Connects a node: the same flow as in the merchant app, for this shop of the payments app. */
export async function connectNode(knock: Knock): Promise<void> {
  const seen = await formOf(knock);
  if (seen === undefined) return;
  const { doors, request, response } = knock;
  const link = linkForm.safeParse(seen.body).data;
  const parts = partsForm.safeParse(seen.body).data;
  const given = link ?? parts;
  if (given === undefined) {
    showMessage(request, { response, message: 'form_old', status: 400, isSignedIn: true });
    return;
  }
  const connected = await doors.connect({ shopId: seen.shop.id, given });
  if (connected.ok) {
    response.set('Cache-Control', 'no-store').redirect(303, '/payments?connected=1');
    return;
  }
  const typed = {
    way: link === undefined ? 'parts' : 'link',
    host: parts?.host ?? '',
    certificate: parts?.certificate ?? '',
  } as const;
  await showSettings(knock, seen, {
    status: statusOfConnectRefusal,
    refused: shownRefusal(connected, typed),
  });
}

const shownRefusal = (refused: ConnectRefused, typed: ShownRefusal['typed']): ShownRefusal => ({
  refusal: refused.refusal,
  sentence: refused.sentence,
  excess: refused.excess,
  bake: refused.bake,
  typed,
});

/** Tells Shopify that the shop is ready, and leads back to it, as requirement 5.2.7 wants it. */
export async function tellReady(knock: Knock): Promise<void> {
  const seen = await formOf(knock);
  if (seen === undefined) return;
  const { doors, response } = knock;
  const node = await nodeOf(doors, seen.shop);
  if (node === null) {
    await showSettings(knock, seen, { status: 409 });
    return;
  }
  const told = await sayReady(doors.deps, seen.shop);
  if (told === 'told') {
    response.set('Cache-Control', 'no-store').redirect(303, settingsAtShopify(doors, seen));
    return;
  }
  await showSettings(knock, seen, { status: told === 'away' ? 503 : 409, readyFailure: told });
}

/** Nothing was changed. What this shop does not have, the form of an older page may name. */
function refuse(
  { request, response }: Knock,
  why: 'changed_meanwhile' | 'order_still_owes',
  { isUnknown }: { isUnknown: boolean },
): void {
  const [status, message] = isUnknown ? ([404, 'form_old'] as const) : ([409, why] as const);
  showMessage(request, { response, message, status, isSignedIn: true });
}

const settleForm = z.object({ payment: z.uuid(), confirmed: z.literal('yes') });

/** A stuck payment of this shop was settled with its buyer. The page shows what became of it. */
export async function settlePayment(knock: Knock): Promise<void> {
  const seen = await formOf(knock);
  if (seen === undefined) return;
  const { doors, request, response } = knock;
  const said = settleForm.safeParse(seen.body).data;
  if (said === undefined) {
    showMessage(request, { response, message: 'form_old', status: 400, isSignedIn: true });
    return;
  }
  const about = { shopId: seen.shop.id, paymentId: said.payment, staffId: undefined };
  const settled = await settleByHand(doors.deps, about);
  if (!settled.ok && settled.refusal === 'unknown_payment') {
    showMessage(request, { response, message: 'form_old', status: 404, isSignedIn: true });
    return;
  }
  response.set('Cache-Control', 'no-store').redirect(303, '/payments');
}

const answerForm = z.object({
  payment: z.uuid(),
  attention: z.string().max(40),
  answer: z.enum(['given_back', 'kept', 'seen_to', 'never_paid', 'seen_paid']),
  overpaid: z.string().regex(/^\d{1,18}$/),
  confirmed: z.literal('yes'),
});

/** A person says what became of what a payment asked. The page shows whether it still asks. */
export async function answerPayment(knock: Knock): Promise<void> {
  const seen = await formOf(knock);
  if (seen === undefined) return;
  const { doors, request, response } = knock;
  const said = answerForm.safeParse(seen.body).data;
  if (said === undefined) {
    showMessage(request, { response, message: 'form_old', status: 400, isSignedIn: true });
    return;
  }
  const { payment: paymentId, attention, answer } = said;
  const about = { attention, answer, seenMsat: msat(BigInt(said.overpaid)), staffId: undefined };
  const answered = await answerAttention(doors.deps, {
    ...{ ...about, paymentId },
    shopId: seen.shop.id,
  });
  if (!answered.ok) {
    refuse(
      knock,
      answered.refusal === 'order_still_owes' ? answered.refusal : 'changed_meanwhile',
      {
        isUnknown: answered.refusal === 'unknown_payment',
      },
    );
    return;
  }
  response.set('Cache-Control', 'no-store').redirect(303, '/payments');
}

const giveBackForm = z.object({
  payment: z.uuid(),
  overpaid: z.string().regex(/^\d{1,18}$/),
  confirmed: z.literal('yes'),
});

/** What nobody owed becomes a refund that its buyer claims: the page shows its link. */
export async function giveBack(knock: Knock): Promise<void> {
  const seen = await formOf(knock);
  if (seen === undefined) return;
  const { doors, request, response } = knock;
  const said = giveBackForm.safeParse(seen.body).data;
  if (said === undefined) {
    showMessage(request, { response, message: 'form_old', status: 400, isSignedIn: true });
    return;
  }
  const about = { paymentId: said.payment, seenMsat: msat(BigInt(said.overpaid)) };
  const opened = await giveBackAsRefund(doors.deps, {
    ...{ ...about, shopId: seen.shop.id },
    staffId: undefined,
  });
  if (!opened.ok) {
    refuse(knock, 'changed_meanwhile', { isUnknown: opened.refusal === 'unknown_payment' });
    return;
  }
  response.set('Cache-Control', 'no-store').redirect(303, '/payments');
}

const refundForm = z.object({ refund: z.uuid(), confirmed: z.literal('yes') });
type Judged = { ok: true } | { ok: false; refusal: string };

/** Whether a refund that is above what goes out by itself is given. */
const judging =
  (judge: (deps: Doors['deps'], about: { shopId: number; refundId: string }) => Promise<Judged>) =>
  async (knock: Knock): Promise<void> => {
    const seen = await formOf(knock);
    if (seen === undefined) return;
    const { doors, request, response } = knock;
    const said = refundForm.safeParse(seen.body).data;
    if (said === undefined) {
      showMessage(request, { response, message: 'form_old', status: 400, isSignedIn: true });
      return;
    }
    const judged = await judge(doors.deps, { shopId: seen.shop.id, refundId: said.refund });
    if (!judged.ok) {
      refuse(knock, 'changed_meanwhile', { isUnknown: judged.refusal === 'unknown_refund' });
      return;
    }
    response.set('Cache-Control', 'no-store').redirect(303, '/payments');
  };

export const approve = judging((deps, about) =>
  approveRefund(deps, { ...about, staffId: undefined }),
);
/** The buyer gets nothing, and Shopify hears so. */
export const withdraw = judging((deps, about) =>
  withdrawRefund(deps, { ...about, because: 'taken_back', staffId: undefined }),
);

const switchForm = z.object({ on: z.enum(['yes', 'no']) });
type Switch = (deps: Doors['deps'], about: { shopId: number; on: boolean }) => Promise<void>;

const switching =
  (to: Switch) =>
  async (knock: Knock): Promise<void> => {
    const seen = await formOf(knock);
    if (seen === undefined) return;
    const { doors, request, response } = knock;
    const said = switchForm.safeParse(seen.body).data;
    if (said === undefined) {
      showMessage(request, { response, message: 'form_old', status: 400, isSignedIn: true });
      return;
    }
    await to(doors.deps, { shopId: seen.shop.id, on: said.on === 'yes' });
    response.set('Cache-Control', 'no-store').redirect(303, '/payments');
  };

/** Whether purchases may be authorized first. */
export const switchHolds = switching(holdsTo);
/** Whether buyers get refunds, where no settings of the shop say so. */
export const switchRefunds = switching(refundsTo);

/** The merchant of a shop that has the payments app alone chooses how it asks and gives back. */
export async function saveSettings(knock: Knock): Promise<void> {
  const seen = await formOf(knock);
  if (seen === undefined) return;
  const { doors, request, response } = knock;
  const form = settingsForm.safeParse(seen.body).data;
  if (form === undefined) {
    showMessage(request, { response, message: 'form_old', status: 400, isSignedIn: true });
    return;
  }
  const { deps } = doors;
  const { id: shopId } = seen.shop;
  const [{ settings: was }, terms] = await Promise.all([
    settingsOf(deps.db, shopId),
    refundTermsOf(deps.db, shopId),
  ]);
  if (terms.from === 'admin') {
    refuse(knock, 'changed_meanwhile', { isUnknown: false });
    return;
  }
  // The switch of refunds is a form of its own.
  const settings = { ...settingsMeant(form, was), refundsOn: terms.refundsOn };
  const wish = { shopId, version: form.version, was, settings };
  const changed = await changeSettings(deps, wish);
  if (changed.is === 'wrong') {
    const saved = { typed: typedAgain(form), wrong: wrongFields(changed.wrong), ...wish };
    await showSettings(knock, seen, { status: 422, saved });
  } else if (changed.is === 'changed_meanwhile') {
    refuse(knock, 'changed_meanwhile', { isUnknown: false });
  } else {
    response.set('Cache-Control', 'no-store').redirect(303, '/payments?saved=1#settings');
  }
}

/** What buyers of a shop that has the payments app alone get back. */
export async function saveRewards(knock: Knock): Promise<void> {
  const seen = await formOf(knock);
  if (seen === undefined) return;
  const { doors, request, response } = knock;
  const form = rewardsForm.safeParse(seen.body).data;
  if (form === undefined) {
    showMessage(request, { response, message: 'form_old', status: 400, isSignedIn: true });
    return;
  }
  const { deps } = doors;
  const { id: shopId } = seen.shop;
  if ((await siblingsOf(deps.db, shopId)).length > 0) {
    refuse(knock, 'changed_meanwhile', { isUnknown: false });
    return;
  }
  const { on, ...typed } = form;
  const wish = { ...typed, isOn: on === 'yes' };
  const changed = await changeRewardTerms(deps, { ...wish, shopId, staffId: undefined });
  if (changed.ok) {
    response.set('Cache-Control', 'no-store').redirect(303, '/payments#rewards');
    return;
  }
  const rewards = refusedRewards({ typed, isOn: wish.isOn, refusal: changed.refusal });
  await showSettings(knock, seen, { status: 422, rewards });
}

export async function endPageSession(knock: Knock): Promise<void> {
  const seen = await formOf(knock);
  if (seen === undefined) return;
  const { doors, request, response } = knock;
  await signOut(doors.deps, seen.token);
  dropCookie(response, 'zaptill_page', doors.appUrl);
  response.set('Clear-Site-Data', '"cache"');
  const shop = seen.shop.domain;
  showMessage(request, { response, message: 'signed_out', status: 200, shop });
}

const settingsAtShopify = (doors: Doors, { shop, app }: SignedIn): string =>
  doors.outsideUrl(gatewaySettingsUrl({ shop: shop.domain, clientId: app.clientId }));

/** Its own, or the one that serves the same shop in another app, as its payments find it. */
async function nodeOf(doors: Doors, shop: ShopRow): Promise<NodeRow | null> {
  for (const shopId of [shop.id, ...(await siblingsOf(doors.deps.db, shop.id))]) {
    const node = await freshNode(doors, shopId);
    if (node !== null) return node;
  }
  return null;
}

async function showSettings(
  { doors, request, response }: Knock,
  seen: SignedIn,
  about: {
    status: number;
    saved?: SavedSettings | 'saved' | undefined;
    rewards?: RefusedRewards;
  } & Pick<SettingsView, 'refused' | 'justConnected' | 'readyFailure'>,
): Promise<void> {
  const { status, saved, rewards, ...more } = about;
  const { shop } = seen;
  const [node, told, payments, terms, stored, given] = await Promise.all([
    nodeOf(doors, shop),
    paymentsAppOf(doors.deps.db, shop.id),
    shownPayments(doors, shop.id),
    refundTermsOf(doors.deps.db, shop.id),
    settingsOf(doors.deps.db, shop.id),
    shownRewards(doors, shop.id),
  ]);
  const setInAdmin = terms.from === 'admin';
  const view: SettingsView = {
    shop: shop.domain,
    formToken: formTokenOf(seen.token),
    node: node === null ? null : shownNode(doors, { node, shop }),
    bake: doors.bakeLine(told.holdsOn),
    holds: { on: told.holdsOn, nodeCanHold: node?.canHold ?? false },
    refunds: { on: terms.refundsOn, setInAdmin },
    settings: shownSettings(doors, { stored, setInAdmin, saved }),
    rewards: { ...given, ...rewards },
    readyToldAt: told.readyToldAt?.toISOString() ?? null,
    firstSessionAt: told.firstSessionAt?.toISOString() ?? null,
    payments,
    gatewaySettingsUrl: settingsAtShopify(doors, seen),
    ...(shop.tokenRefusedAt === null ? {} : { readyFailure: 'signed_off' }),
    ...more,
  };
  // The shop's settings may lead on to the admin, or to where one signs in to it.
  const outside = (url: string): string => new URL(doors.outsideUrl(url)).origin;
  const atShopify = outside(`https://${shop.domain}/`);
  const isPlayed = atShopify !== `https://${shop.domain}`;
  const mayGoTo = [atShopify, ...(isPlayed ? [] : ['https://*.shopify.com'])];
  show(response, status, renderSettings(view, { locale: languageOf(request), mayGoTo }));
}

function shownNode(doors: Doors, about: { node: NodeRow; shop: ShopRow }): ShownNode {
  const { node, shop } = about;
  const answer = nodeAnswer(doors, node);
  return {
    alias: answer.alias,
    address: answer.address,
    network: answer.network,
    version: answer.version,
    health: answer.health,
    healthSince: answer.healthSince,
    receivableMsat: answer.receivableMsat,
    largestPartMsat: answer.largestPartMsat,
    credentialEndsAt: answer.credentialEndsAt,
    advice: answer.advice,
    isShared: node.shopId !== shop.id,
  };
}
