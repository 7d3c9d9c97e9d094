// What needs a person, worst first; for each the page has one button that does the next right
// thing. The sentences are English; a page in another language has its own for each word.
import { troubleWithApi, type ApiTrouble } from '../../core/api-version.ts';
import { msat, satsOf } from '../../core/money.ts';
import { breakSaid } from '../../core/reconcile-words.ts';
import { missingScopes } from '../../core/scopes.ts';
import * as views from '../../db/views.ts';
import type { BreakLine, HeldLine, NodeRow, PaymentForPerson, ShopRow } from '../../db/views.ts';
import type { Problem } from '../../frontend/shared/merchant-api.ts';
import type { Doors } from '../doors.ts';

/** A credential's end is told this long before. */
const credentialWarnDays = 14;
const dayMs = 86_400_000;
const shownPayments = 20;

export async function problemsOf(doors: Doors, about: { shop: ShopRow }): Promise<Problem[]> {
  const { shop } = about;
  const { db } = doors.deps;
  const now = doors.deps.clock();
  const [held, nodes, payments, largestMsat, words, breaks, refunds] = await Promise.all([
    views.heldOrders(db, { shopId: shop.id, limit: shownPayments }),
    views.workingNodes(db, shop.id),
    views.paymentsForPerson(db, { shopId: shop.id, limit: shownPayments }),
    views.largestRecentMsat(db, shop.id),
    views.apiNotices(db, now),
    views.certainBreaks(db, { shopId: shop.id, limit: shownPayments }),
    views.refundsInNeed(db, shop.id),
  ]);
  const asked = doors.shopify.apiVersion;
  const ofPayments = payments.map(problemOfPayment);
  const isStuck = ({ what }: Problem): boolean => what === 'stranded' || what === 'untold';
  return [
    ...ofPayments.filter(isStuck),
    ...held.map(problemOfHeld),
    ...breaks.map(problemOfBreak),
    ...problemsOfShop(doors, shop),
    ...problemsOfRefunds(refunds),
    ...problemsOfNodes({ nodes, largestMsat, now }),
    ...ofPayments.filter((problem) => !isStuck(problem)),
    ...troubleWithApi({ asked, words, now }).slice(0, 3).map(problemOfApi),
  ];
}

/** Order and money do not agree, and nothing but a person helps. */
function problemOfBreak({ id, what, about, paymentId }: BreakLine): Problem {
  const { sentence, todo } = breakSaid(what, about);
  return {
    what: 'unmatched',
    sentence: `${sentence} ${todo}`,
    ...(paymentId === null ? {} : { paymentId }),
    ...(about['orderName'] === undefined ? {} : { orderName: about['orderName'] }),
    values: { ...about, break: what, breakId: id },
  };
}

/** It is given back by itself if nobody decides. */
function problemOfHeld({ id, order_name: orderName, hold_ends_at: endsAt }: HeldLine): Problem {
  const until = endsAt.toISOString();
  const clock = `${until.slice(0, 10)} ${until.slice(11, 16)} UTC`;
  const sentence =
    `${orderName}: paid, and held until you charge it or let it go. On ${clock} it goes back to ` +
    'the buyer by itself.';
  return { what: 'held', sentence, paymentId: id, orderName, values: { until: clock } };
}

/** What needs no more than to be said, behind the name of the order. */
const asked = {
  marked_too_much:
    'made larger in the moment in which it was marked as paid. Shopify takes all of it for paid. ' +
    'Look at the order before you send the goods.',
  too_little:
    'the node calls its invoice settled with less than it asked for. Nothing was booked: look at ' +
    'the node.',
  cancelled_paid:
    'cancelled because it was not paid in time, and paid in another way in that very moment. ' +
    'Give the money back in Shopify.',
  not_cancelled:
    'not paid in time, and Shopify did not cancel it for some hours. It stands as it is. Open ' +
    'the order and decide.',
  node_gone:
    'its node has been away for two weeks. Only it knows whether somebody paid: look there, or ' +
    'connect it again.',
  hold_lost:
    'its node has forgotten the money that it held, as after a restore from an old backup. Look ' +
    'at its channels, then say whether the money came.',
  not_charged:
    'it was to be charged, and its time was over before: the buyer has the money back. Look at ' +
    'the order before you send the goods.',
  refund_untold:
    'a refund of it is over, and Shopify does not take our word for it. Look at the refund here, ' +
    'and at the order in Shopify.',
  refund_undone:
    'a refund of it came to nothing, and its buyer got no sats for it. The refund says why: look ' +
    'whether something is still to be given back.',
  refund_unread:
    'something of it was refunded in Shopify, which does not show us an order that old. If its ' +
    'buyer is to have sats back, give them back here.',
  look: 'somebody has to look at it.',
} as const satisfies Partial<Record<Problem['what'], string>>;
const isAsked = (attention: string): attention is keyof typeof asked =>
  Object.hasOwn(asked, attention);

function problemOfPayment(payment: PaymentForPerson): Problem {
  const { id: paymentId, order_name: orderName, attention, state } = payment;
  const about = { paymentId, orderName };
  if (attention === 'stranded') {
    const sentence =
      `${orderName}: we hold money that Shopify will not take for this order. ` +
      'Agree with the buyer, then say that it is settled.';
    return { what: 'stranded', sentence, ...about };
  }
  if (attention === 'untold') {
    const sentence = `${orderName}: paid, and Shopify could not be told yet. We keep trying.`;
    return { what: 'untold', sentence, ...about };
  }
  if (attention === 'overpaid' && (state === 'lapsed' || state === 'rejected')) {
    const sentence = `${orderName}: paid after it was over. Say what becomes of the money.`;
    return { what: 'paid_late', sentence, ...about };
  }
  if (attention === 'overpaid') {
    const sentence = `${orderName}: more was paid than the order owed. Give the rest back.`;
    return { what: 'overpaid', sentence, ...about };
  }
  const asks = isAsked(attention) ? attention : 'look';
  return { what: asks, sentence: `${orderName}: ${asked[asks]}`, ...about };
}

/** In the order in which they are shown. */
const inNeed = [
  [
    ...(['refunds_unseen', 'unseen'] as const),
    'Buyers have claimed refunds on which nobody has worked for ten minutes: the signer is not ' +
      'running, is paused, or has no node to pay from. Nothing is lost. Tell whoever runs this ' +
      'server for you.',
  ],
  [
    ...(['refunds_stuck', 'stuck'] as const),
    'Buyers have claimed refunds that could not be paid for six hours. Each says what it waits ' +
      'for: a ceiling, the balance of the paying node, or a way to the buyer. Nothing is lost, ' +
      'and each is tried again by itself.',
  ],
  [
    ...(['refunds_to_approve', 'toApprove'] as const),
    'Refunds that are larger than what goes out by itself wait for you: approve each, or ' +
      'withdraw it. Their buyers get nothing before.',
  ],
  [
    ...(['refunds_off', 'switchedOff'] as const),
    'Refunds wait because refunds by Lightning are switched off: their buyers get nothing ' +
      'before. Switch them on in the settings, or withdraw each and say what became of it.',
  ],
  [
    ...(['shares_unpaid', 'unpaidReceivers'] as const),
    'Receivers of shares could not be paid for a day. What they are owed stands on their page, ' +
      'with the reason: an address that does not answer, a ceiling, or the balance of the node.',
  ],
] as const satisfies readonly [Problem['what'], keyof views.RefundsInNeed, string][];

const problemsOfRefunds = (needs: views.RefundsInNeed): Problem[] =>
  inNeed
    .filter(([, need]) => needs[need] > 0)
    .map(([what, need, sentence]) => ({ what, sentence, values: { count: String(needs[need]) } }));

function problemsOfShop(doors: Doors, shop: ShopRow): Problem[] {
  const missing = missingScopes({ granted: shop.scopes, needed: doors.shopify.scopes });
  if (shop.tokenRefusedAt !== null) {
    const sentence =
      'Shopify refuses our access to your shop. Open the app again to give it anew: what was ' +
      'paid waits until then, and is not lost.';
    return [{ what: 'token_refused', sentence }];
  }
  if (shop.sealedAccessToken !== null && missing.length > 0) {
    const scopes = missing.join(', ');
    const sentence =
      `The app may not do all that it needs to: ${scopes}. Until you approve it, orders may not ` +
      'be marked as paid.';
    return [{ what: 'scopes_missing', sentence, values: { scopes } }];
  }
  return [];
}

type AboutNodes = { nodes: readonly NodeRow[]; largestMsat: bigint | null; now: Date };

/** Each node of the shop, by its name: the preferred one first, then those that stand in for it. */
function problemsOfNodes({ nodes, largestMsat, now }: AboutNodes): Problem[] {
  if (nodes.length === 0) {
    return [{ what: 'no_node', sentence: 'Connect a node: shoppers cannot pay before.' }];
  }
  const isOneThere = nodes.some(({ trouble }) => trouble === null);
  return nodes.flatMap((node) => [
    ...(node.trouble === null
      ? tooLittle({ node, largestMsat })
      : [problemOfAway(node, isOneThere ? 'others_serve' : 'nobody_serves')]),
    ...endOfCredential({ node, now }),
  ]);
}

/** As the page of the nodes calls it. */
const nameOf = ({ alias, address }: NodeRow): string => (alias === '' ? address : alias);

function problemOfAway(node: NodeRow, meanwhile: 'others_serve' | 'nobody_serves'): Problem {
  const { address } = node;
  const name = nameOf(node);
  const values = { node: name, address };
  if (meanwhile === 'nobody_serves') {
    const sentence =
      `Your node ${name} at ${address} does not answer. Shoppers cannot pay until it does; ` +
      'what they have paid is not lost.';
    return { what: 'node_unreachable', sentence, values };
  }
  const sentence =
    `Your node ${name} at ${address} does not answer. Your other nodes take the payments ` +
    'meanwhile; what was paid is not lost.';
  return { what: 'one_node_unreachable', sentence, values };
}

function tooLittle(about: { node: NodeRow; largestMsat: bigint | null }): Problem[] {
  const { node, largestMsat } = about;
  const { receivableMsat } = node;
  const name = nameOf(node);
  if (receivableMsat === 0n) {
    const sentence = `Your node ${name} cannot receive: open a channel with inbound liquidity.`;
    return [{ what: 'nothing_receivable', sentence, values: { node: name } }];
  }
  if (receivableMsat === null || largestMsat === null || receivableMsat >= largestMsat) return [];
  const values = {
    node: name,
    receivable: satsOf(msat(receivableMsat)),
    largest: satsOf(msat(largestMsat)),
  };
  const sentence =
    `Your node ${name} can receive ${values.receivable} sats, and an order of late was ` +
    `${values.largest} sats. Get more inbound liquidity before one like it comes again.`;
  return [{ what: 'receivable_low', sentence, values }];
}

function endOfCredential(about: { node: NodeRow; now: Date }): Problem[] {
  const { node, now } = about;
  const { credentialEndsAt } = node;
  const leftMs = credentialEndsAt === null ? Infinity : credentialEndsAt.getTime() - now.getTime();
  if (leftMs > credentialWarnDays * dayMs) return [];
  const values = { node: nameOf(node), days: String(Math.max(0, Math.floor(leftMs / dayMs))) };
  const sentence =
    `The credential of your node ${values.node} ends in ${values.days} days. Connect the node ` +
    'again with a fresh one: no payment is missed meanwhile.';
  return [{ what: 'credential_ends', sentence, values }];
}

function problemOfApi(trouble: ApiTrouble): Problem {
  switch (trouble.is) {
    case 'retires': {
      const values = { version: trouble.version, days: String(trouble.days) };
      const sentence =
        `Shopify may stop answering version ${values.version} of its interface in ` +
        `${values.days} days. Install the newest Zaptill before.`;
      return { what: 'api_retires', sentence, values };
    }
    case 'differs': {
      const values = { asked: trouble.asked, answered: trouble.answered };
      const sentence =
        `Shopify answers with version ${values.answered} of its interface, and Zaptill asks for ` +
        `${values.asked}. Install the newest Zaptill soon.`;
      return { what: 'api_differs', sentence, values };
    }
    case 'deprecated': {
      const values = { operation: trouble.operation, reason: trouble.reason };
      const sentence =
        `Shopify says that ${values.operation} uses what will go: ${values.reason}. ` +
        'Install the newest Zaptill soon.';
      return { what: 'api_deprecated', sentence, values };
    }
  }
}
