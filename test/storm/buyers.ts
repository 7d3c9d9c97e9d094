// Those who buy, and the merchant. A buyer comes, asks for an invoice - from one tab or from fifty
// - and pays: once, twice, late, too much, in parts that never meet, or never. A merchant cancels,
// edits, and takes cash for what was on its way.
import type { Currency } from '../../web/core/money.ts';
import { Trouble } from '../../web/core/trouble.ts';
import { paymentByLink } from '../../web/db/payments.ts';
import type { ShopRow } from '../../web/db/shops.ts';
import { askToWait } from '../../web/flows/ask-to-wait.ts';
import { lookAtOrderNow } from '../../web/flows/look-at-order.ts';
import { noticeOrder } from '../../web/flows/notice-order.ts';
import { openSession, type SessionAsked } from '../../web/flows/open-session.ts';
import { quoteInvoice } from '../../web/flows/quote-invoice.ts';
import { takeWebhook } from '../../web/flows/take-webhook.ts';
import type { Draws } from './draws.ts';
import type { PlayedNode } from './node.ts';
import type { Process } from './processes.ts';
import type { Order, PlayedShop } from './shop.ts';
import type { Timeline } from './time.ts';

export type Market = {
  timeline: Timeline;
  draws: Draws;
  fault: (what: string) => void;
  /** A door failed with something that is no trouble of an outsider: we are wrong. */
  broke: (error: unknown) => void;
  isStormy: () => boolean;
  /** A door that is open; undefined: none is, at this moment. */
  doors: () => Process | undefined;
  /** Answers that Shopify got for a session: all of them must be the same. */
  answers: Map<string, Set<string>>;
  nodeOf: (nodeId: number) => PlayedNode;
  /** How many buyers are on their way. */
  busy: { buyers: number };
};
export type ShopAt = { row: ShopRow; played: PlayedShop };

const currencies = ['EUR', 'EUR', 'USD', 'USD', 'JPY', 'KWD'] as Currency[];
const amountFor = (draws: Draws, currency: Currency): bigint =>
  BigInt(1 + draws.below(currency === 'JPY' ? 20_000 : 20_000)) + 100n;

export const pauseFor = (market: Market, ms: number): Promise<void> =>
  new Promise((go) => void market.timeline.plan(ms, undefined, go));

/**
 * Asks a door, again and again until one answers; whoever asked is not ours and outlives the door.
 * Undefined: nobody answered.
 */
export async function ask<T>(
  market: Market,
  work: (doors: Process) => Promise<T>,
  tries = 12,
): Promise<T | undefined> {
  for (let at = 0; at < tries; at += 1) {
    const doors = market.doors();
    if (doors !== undefined) {
      const came = await answerOf(market, doors, work);
      if (came !== undefined) return came.value;
    }
    await pauseFor(market, 500 + market.draws.around(2_000));
  }
  return undefined;
}

/** Undefined: it failed, or nothing came in time. */
function answerOf<T>(
  market: Market,
  doors: Process,
  work: (doors: Process) => Promise<T>,
): Promise<{ value: T } | undefined> {
  return new Promise((resolve) => {
    const late = market.timeline.plan(12_000, undefined, () => resolve(undefined));
    const end = (came: { value: T } | undefined): void => {
      late.cancel();
      resolve(came);
    };
    market.timeline
      .as(doors.owner, () => work(doors))
      .then(
        (value) => end({ value }),
        (error: unknown) => {
          if (!(error instanceof Trouble)) market.broke(error);
          end(undefined);
        },
      );
  });
}

/** Shopify tells of an order: lost, doubled, late, in any order; again when nobody took it. */
export function deliver(market: Market, shop: ShopAt, topic: string, order: Order): void {
  const { draws, timeline, fault } = market;
  if (market.isStormy() && draws.chance(0.08)) {
    fault('webhook_lost');
    return;
  }
  const id = `${topic}-${order.id}-${String(order.updatedAt)}`;
  const body = {
    ...{ admin_graphql_api_id: order.id, order_id: order.id },
    payment_gateway_names: [order.gatewayName],
  };
  const webhook = { id, topic, shop: shop.row, body };
  const send = (): void => void ask(market, ({ deps }) => takeWebhook(deps, webhook), 6);
  timeline.plan(draws.around(400), undefined, send);
  if (!market.isStormy() || !draws.chance(0.05)) return;
  fault('webhook_twice');
  timeline.plan(draws.around(5_000), undefined, send);
}

/** What a buyer holds: something that a wallet can pay. */
type Bill = { nodeId: number; hash: string; lapsesAt: number };

/** Asks until there is something to pay. Undefined: there never is. */
async function bill(market: Market, paymentId: string, tabs: number): Promise<Bill | undefined> {
  for (let at = 0; at < 14; at += 1) {
    const asks = Array.from({ length: at === 0 ? tabs : 1 }, () =>
      ask(market, ({ deps }) => quoteInvoice(deps, paymentId)),
    );
    const answers = await Promise.all(asks);
    const payable = answers.find((answer) => answer?.is === 'payable');
    if (payable?.is === 'payable') {
      const { nodeId, hash, lapsesAt } = payable.invoice;
      return { nodeId, hash, lapsesAt: lapsesAt.getTime() };
    }
    if (answers.some((answer) => answer?.is === 'not_open')) return undefined;
    await pauseFor(market, 1_000 + market.draws.around(2_000));
  }
  return undefined;
}

type Way = { moreMsat: bigint; holdMs?: number };

/** A wallet tries some times: the node may be away for a moment. */
async function pay(market: Market, { nodeId, hash }: Bill, way: Way): Promise<boolean> {
  for (let at = 0; at < 5; at += 1) {
    const outcome = market.nodeOf(nodeId).pay(hash, way);
    if (outcome !== 'refused') return outcome === 'paid';
    await pauseFor(market, market.draws.around(1_500));
  }
  return false;
}

/** From the first look at the page to the last try of the wallet. */
async function buy(market: Market, paymentId: string): Promise<void> {
  const { draws, fault } = market;
  const odd = market.isStormy() ? draws.next() : 1;
  const tabs = draws.chance(0.005) ? 50 : draws.chance(0.06) ? 2 : 1;
  if (tabs > 2) fault('fifty_tabs');
  const first = await bill(market, paymentId, tabs);
  if (first === undefined) return;
  await pauseFor(market, 300 + draws.around(6_000));
  const plain = { moreMsat: 0n };
  const untilEnd = (): number => first.lapsesAt - market.timeline.now();
  if (odd < 0.06) {
    fault('never_pays');
    if (draws.chance(0.3)) await ask(market, ({ deps }) => askToWait(deps, paymentId));
  } else if (odd < 0.13) {
    fault('pays_late');
    await pauseFor(market, untilEnd() + draws.between(-300, 6_000));
    if (await pay(market, first, plain)) return;
    const second = await bill(market, paymentId, 1);
    if (second !== undefined) await pay(market, second, plain);
  } else if (odd < 0.17) {
    fault('pays_twice');
    await pauseFor(market, untilEnd() + draws.between(-100, 500));
    const [second] = await Promise.all([bill(market, paymentId, 1), pay(market, first, plain)]);
    if (second !== undefined && second.hash !== first.hash) await pay(market, second, plain);
  } else if (odd < 0.21) {
    fault('pays_more');
    await pay(market, first, { moreMsat: BigInt(1 + draws.below(5_000_000)) });
  } else if (odd < 0.24) {
    fault('half_comes');
    await pay(market, first, { moreMsat: 0n, holdMs: draws.between(2_000, 60_000) });
    await pauseFor(market, draws.between(2_000, 70_000));
    await pay(market, first, plain);
  } else if (odd < 0.26) {
    fault('two_wallets');
    await Promise.all([pay(market, first, plain), pay(market, first, plain)]);
  } else if (!(await pay(market, first, plain))) {
    const second = await bill(market, paymentId, 1);
    if (second !== undefined) await pay(market, second, plain);
  }
}

/** One order at a shop of the merchant app. */
export async function buyByOrder(market: Market, shop: ShopAt, n: number): Promise<void> {
  const { draws } = market;
  const currency = draws.pick(currencies);
  const order = shop.played.place({
    ...{ id: `gid://shopify/Order/${String(1_000_000 + n)}`, name: `#${String(n)}`, currency },
    totalMinor: amountFor(draws, currency),
  });
  merchantActs(market, shop, order);
  await pauseFor(market, draws.around(2_500));
  const at = { shopId: shop.row.id, originId: order.id };
  for (let tries = 0; tries < 10; tries += 1) {
    if (draws.chance(0.3)) {
      await ask(market, ({ deps }) => noticeOrder(deps, { ...at, because: 'block' }));
    }
    const seen = await ask(market, ({ deps }) => lookAtOrderNow(deps, at));
    if (seen?.is === 'payment') {
      await buy(market, seen.payment.id);
      return;
    }
    if (seen?.is === 'nothing_owed') return;
    await pauseFor(market, 1_000 + draws.around(3_000));
  }
}

function merchantActs(market: Market, shop: ShopAt, order: Order): void {
  const { draws, timeline, fault } = market;
  const odd = draws.next();
  if (!market.isStormy() || odd > 0.09) return;
  const what = odd < 0.03 ? 'cancels' : odd < 0.06 ? 'edits' : 'takes_cash';
  const more = draws.chance(0.5);
  timeline.plan(draws.around(25_000), undefined, () => {
    fault(`merchant_${what}`);
    const { played } = shop;
    if (what === 'cancels') played.cancel(order);
    else if (what === 'takes_cash') played.payOtherwise(order);
    else played.edit(order, more ? order.totalMinor + 700n : (order.totalMinor * 3n) / 4n + 1n);
  });
}

/** One payment session of the payments app, or two for one purchase. */
export async function buyBySession(market: Market, shop: ShopAt, n: number): Promise<void> {
  const { draws, fault } = market;
  const group = `group-${String(n)}`;
  const currency = draws.pick(currencies);
  const amount = amountFor(draws, currency);
  const twice = market.isStormy() && draws.chance(0.08);
  if (twice) fault('two_sessions');
  const tabs = twice ? [0, 1] : [0];
  await Promise.all(
    tabs.map(async (tab) => {
      await pauseFor(market, draws.around(2_000) * (tab + 1));
      await oneSession(market, shop, {
        id: `s${String(n)}-${String(tab)}`,
        group,
        amount,
        currency,
      });
    }),
  );
}

async function oneSession(
  market: Market,
  shop: ShopAt,
  about: { id: string; group: string; amount: bigint; currency: Currency },
): Promise<void> {
  const { draws, timeline } = market;
  const { id, group, amount, currency } = about;
  const digits = currency === 'JPY' ? 0 : currency === 'KWD' ? 3 : 2;
  const text = amount.toString().padStart(digits + 1, '0');
  const cut = text.length - digits;
  const gid = `gid://shopify/PaymentSession/${id}`;
  const asked: SessionAsked = {
    ...{ shopDomain: shop.row.domain, id, gid, group, sessionId: id, currencyCode: currency },
    amount: digits === 0 ? text : `${text.slice(0, cut)}.${text.slice(cut)}`,
    ...{ test: false, kind: 'sale', merchantLocale: 'en', cancelUrl: undefined },
    proposedAt: new Date(timeline.now()),
  };
  shop.played.sessions.set(gid, { gid, group, state: 'open' });
  const post = async (): Promise<string | undefined> => {
    const taken = await ask(market, ({ deps }) =>
      openSession({ ...deps, payUrlOf: (link) => `https://pay.example/${link}` }, asked),
    );
    if (taken?.is !== 'answered') return undefined;
    const known = market.answers.get(id) ?? new Set();
    market.answers.set(id, known.add(taken.answer));
    return taken.answer;
  };
  if (draws.chance(0.1)) timeline.plan(draws.around(20_000), undefined, () => void post());
  const posts = draws.chance(0.05) ? [post(), post()] : [post()];
  const answer = (await Promise.all(posts)).find((each) => each !== undefined);
  if (answer === undefined) return;
  const { redirect_url: to } = JSON.parse(answer) as { redirect_url: string };
  const link = to.slice(to.lastIndexOf('/') + 1);
  await pauseFor(market, draws.around(2_000));
  const payment = await ask(market, ({ deps }) => paymentByLink(deps.db, link));
  if (payment) await buy(market, payment.id);
}
