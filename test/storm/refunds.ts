// Who gives money back, and who gets it. A merchant refunds some of what was paid: in Shopify or in
// our admin, whole, in parts, ten at once that are too much together, or one that is told twenty
// times. Its buyer claims with requests that must not be taken, with two at once, by the address of
// a server that lies, or never; and comes again where the wallet refused.
import { decimalOfCode, msat, type Currency } from '../../web/core/money.ts';
import type { AskPayAddress } from '../../web/core/pay-address.ts';
import { refundsOfPayment, toGiveBack, type ShownRefund } from '../../web/db/views/refunds.ts';
import { approveRefund } from '../../web/flows/approve-refund.ts';
import { claimByAddress } from '../../web/flows/claim-by-address.ts';
import { claimRefund } from '../../web/flows/claim-refund.ts';
import { giveBackAsRefund, openRefund } from '../../web/flows/open-refund.ts';
import { takeMoneyRequest, type MoneyAsked } from '../../web/flows/take-money-request.ts';
import { withdrawRefund } from '../../web/flows/withdraw-refund.ts';
import { ask, deliver, pauseFor, type Market, type ShopAt } from './buyers.ts';
import { aBadRequest, type Wallet } from './purse.ts';
import type { Statements } from './statements.ts';

export type Refunding = {
  market: Market;
  statements: Statements;
  wallet: Wallet;
  /** Private keys of the nodes, by shop. */
  keyOf: (shopId: number) => Uint8Array;
  /** How many refunds are still to be asked for, of how many buyers that are still to come. */
  left: { refunds: number; buyers: number };
};

type Paid = {
  id: string;
  origin_id: string;
  shop_id: number;
  state: 'resolved' | 'stranded';
  currency: Currency;
  minor: string;
  attention: string | null;
};
export type Seen = { paid: Paid; shop: ShopAt };

/** Asks for one request until a door answers; a request that was answered late is asked again. */
const staffId = '7';

/** What came of a purchase; undefined: nothing that could be given back. */
export async function paidBehind(
  { statements }: Refunding,
  shop: ShopAt,
  originId: string,
): Promise<Seen | undefined> {
  const [paid] = await statements.ask<Paid>(
    `select p.id, p.origin_id, p.shop_id, p.state::text, p.currency, p.attention,
       least(p.told_minor, q.fiat_minor)::text as minor
     from payment p join invoice i on i.id = p.settled_invoice_id join quote q on q.id = i.quote_id
     where p.shop_id = $1 and p.origin_id = $2 and p.state in ('resolved', 'stranded')
     order by p.sequence limit 1`,
    [shop.row.id, originId],
  );
  return paid && { paid, shop };
}

/** A refund or ten of what was paid for this. */
export async function refundSome(at: Refunding, shop: ShopAt, originId: string): Promise<void> {
  const { market, left } = at;
  const { draws, timeline } = market;
  await pauseFor(market, 2_000 + draws.around(10_000));
  const seen = await paidBehind(at, shop, originId);
  if (seen === undefined) return;
  const { paid } = seen;
  const owed = paid.attention === 'overpaid' || paid.state === 'stranded';
  if (owed && draws.chance(0.7)) {
    left.refunds -= 1;
    await giveBack(at, seen);
  } else if (paid.state === 'resolved') {
    await draws.pick(ways)(at, seen);
  } else return;
  await claimAll(at, seen, { untilMs: timeline.now() + 150_000, of: (its) => !isReward(its) });
}

async function giveBack({ market }: Refunding, { paid }: Seen): Promise<void> {
  market.fault('refund_of_too_much');
  const { id, shop_id: shopId, state } = paid;
  await ask(market, async ({ deps }) => {
    const seenMsat = await toGiveBack(deps.db, { paymentId: id, shopId, state });
    if (seenMsat === 0n) return;
    await giveBackAsRefund(deps, { shopId, paymentId: id, seenMsat: msat(seenMsat), staffId });
  });
}

type Way = (at: Refunding, seen: Seen) => Promise<void>;

const partOf = ({ paid }: Seen, share: bigint): bigint => {
  const part = (BigInt(paid.minor) * share) / 100n;
  return part > 0n ? part : 1n;
};

const one =
  (name: string, share: (at: Refunding) => bigint, times: number): Way =>
  async (at, seen) => {
    at.market.fault(name);
    at.left.refunds -= 1;
    await inShopify(at, seen, { amountMinor: partOf(seen, share(at)), times });
  };

const ways: readonly Way[] = [
  one('refund_whole', () => 100n, 1),
  one('refund_part', ({ market }) => BigInt(1 + market.draws.below(99)), 1),
  one('refund_told_20_times', () => 60n, 20),
  async (at, seen) => {
    at.market.fault('refund_in_three');
    for (const share of [33n, 33n, 34n]) {
      at.left.refunds -= 1;
      await inShopify(at, seen, { amountMinor: partOf(seen, share), times: 1 });
      await pauseFor(at.market, at.market.draws.around(3_000));
    }
  },
  // Together three times of what was paid, and at once.
  async (at, seen) => {
    at.market.fault('refund_ten_at_once');
    at.left.refunds -= 3;
    const amountMinor = partOf(seen, 30n);
    const key = (n: number): string => `${seen.paid.id}-${String(n)}`;
    await Promise.all(
      Array.from({ length: 10 }, (_, n) => inAdmin(at, seen, { amountMinor, key: key(n) })),
    );
  },
  async (at, seen) => {
    at.market.fault('refund_clicked_twice');
    at.left.refunds -= 1;
    const asked = { amountMinor: partOf(seen, 50n), key: `${seen.paid.id}-again` };
    await Promise.all([inAdmin(at, seen, asked), inAdmin(at, seen, asked)]);
  },
];

/** By the merchant's hand in Shopify: of an order, or of a session, as the shop has it. */
async function inShopify(
  at: Refunding,
  { paid, shop }: Seen,
  of: { amountMinor: bigint; times: number },
): Promise<void> {
  const { market } = at;
  const { draws, timeline } = market;
  const order = shop.played.orders.get(paid.origin_id);
  if (order !== undefined) {
    const before = shop.played.refund(order, of.amountMinor);
    if (!before) return;
    for (let n = 1; n < of.times; n += 1) {
      const again = { ...order, updatedAt: order.updatedAt + n };
      timeline.plan(draws.around(2_000), undefined, () =>
        deliver(market, shop, 'refunds/create', again),
      );
    }
    return;
  }
  const id = shop.played.refundSession(paid.origin_id);
  const asked: MoneyAsked = {
    ...{ shopDomain: shop.row.domain, kind: 'refund' as const },
    id: id.slice(id.lastIndexOf('/') + 1),
    ...{ gid: id, paymentId: paid.origin_id.slice(paid.origin_id.lastIndexOf('/') + 1) },
    ...{ amount: decimalOfCode(of.amountMinor as never, paid.currency) },
    ...{ currencyCode: paid.currency, test: false, proposedAt: new Date(timeline.now()) },
  };
  const knock = () => ask(market, ({ deps }) => takeMoneyRequest(deps, asked));
  await Promise.all(Array.from({ length: of.times }, knock));
}

async function inAdmin(
  { market }: Refunding,
  { paid }: Seen,
  of: { amountMinor: bigint; key: string },
): Promise<void> {
  await ask(market, ({ deps }) =>
    openRefund(deps, {
      ...{ shopId: paid.shop_id, paymentId: paid.id, origin: 'admin', originId: of.key, staffId },
      amount: decimalOfCode(of.amountMinor as never, paid.currency),
      ...{ currencyCode: paid.currency, note: undefined },
    }),
  );
}

export const isReward = ({ origin }: ShownRefund): boolean => origin === 'reward';
const isOver = ({ state }: ShownRefund): boolean => state === 'done' || state === 'withdrawn';

/** Its buyer and the staff look after all of them until they are over, or for long enough. */
export async function claimAll(
  at: Refunding,
  { paid }: Seen,
  { untilMs, of }: { untilMs: number; of: (refund: ShownRefund) => boolean },
): Promise<void> {
  const { market } = at;
  const patience = new Map<string, number>();
  for (let seen = 0; market.timeline.now() < untilMs && market.isStormy();) {
    await pauseFor(market, 2_000 + market.draws.around(4_000));
    const all = await ask(market, ({ deps }) => refundsOfPayment(deps.db, paid.id));
    if (all === undefined) continue;
    const refunds = all.filter(of);
    seen += 1;
    if (refunds.length === 0 && seen > 12) return;
    if (refunds.length > 0 && refunds.every(isOver)) return;
    for (const refund of refunds) {
      const tries = patience.get(refund.id) ?? market.draws.below(6);
      if (refund.state === 'asked' && refund.reason === 'approval_wanted') {
        await decide(at, refund);
      } else if (refund.state === 'claimable' && tries > 0) {
        patience.set(refund.id, tries - 1);
        await claim(at, refund);
      }
    }
  }
}

async function decide({ market }: Refunding, refund: ShownRefund): Promise<void> {
  const about = { shopId: refund.shopId, refundId: refund.id, staffId };
  const isNo = market.draws.chance(0.2);
  market.fault(isNo ? 'refund_taken_back' : 'refund_approved');
  await ask<unknown>(market, ({ deps }) =>
    isNo ? withdrawRefund(deps, { ...about, because: 'taken_back' }) : approveRefund(deps, about),
  );
}

async function claim(at: Refunding, refund: ShownRefund): Promise<void> {
  const { market, wallet, keyOf } = at;
  const { draws } = market;
  const { id: refundId, link, amountMsat } = refund;
  if (amountMsat === null) return;
  const wish = { refundId, amountMsat };
  const give = (request: string) =>
    ask(market, ({ deps }) => claimRefund(deps, { link, request, kind: 'invoice' }), 4);
  if (draws.chance(0.35)) {
    const bad = aBadRequest(wallet, { ...wish, draws, nodeKey: keyOf(refund.shopId) });
    market.fault(`claim_${bad.kind}`);
    const taken = await give(bad.request);
    if (taken?.ok === true) market.broke(new Error(`a claim was taken: ${bad.kind}`));
  }
  const odd = draws.next();
  if (odd < 0.06) {
    market.fault('claim_withdrawn');
    const because = draws.pick(['taken_back', 'given_back_otherwise'] as const);
    const about = { shopId: refund.shopId, refundId, because, staffId };
    await Promise.all([
      ask(market, ({ deps }) => withdrawRefund(deps, about), 2),
      draws.chance(0.5) ? give(wallet.make(wish).request) : undefined,
    ]);
  } else if (odd < 0.2) {
    market.fault('claim_two_tabs');
    await Promise.all([give(wallet.make(wish).request), give(wallet.make(wish).request)]);
  } else if (odd < 0.3) {
    market.fault('claim_refused_by_wallet');
    await give(wallet.make({ ...wish, refuses: true }).request);
  } else if (odd < 0.38) {
    market.fault('claim_short');
    await give(wallet.make({ ...wish, expirySeconds: 135 }).request);
  } else if (odd < 0.55) {
    await byAddress(at, refund);
  } else await give(wallet.make(wish).request);
}

/** The server of the address says what it is asked for, or something else, or nothing. */
async function byAddress(
  { market, wallet }: Refunding,
  { id: refundId, link, amountMsat }: ShownRefund,
): Promise<void> {
  const { draws } = market;
  const lies = draws.chance(0.5);
  if (lies) market.fault('claim_address_lies');
  const askPayAddress: AskPayAddress = async (asked) => {
    await pauseFor(market, draws.around(300));
    const wrong = draws.pick([1_000n, -1_000n, BigInt(asked.amountMsat)]);
    const amount = lies ? BigInt(asked.amountMsat) + wrong : BigInt(asked.amountMsat);
    if (lies && draws.chance(0.3)) return { ok: false, refusal: 'address_silent' };
    return { ok: true, request: wallet.make({ refundId, amountMsat: amount }).request };
  };
  const address = { name: 'buyer', domain: 'wallet.example' };
  const taken = await ask(
    market,
    ({ deps }) => claimByAddress({ ...deps, askPayAddress }, { link, address }),
    2,
  );
  if (lies && taken?.ok === true && amountMsat !== null) {
    market.broke(new Error('what a lying address said was taken'));
  }
}
