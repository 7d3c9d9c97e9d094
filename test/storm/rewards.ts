// Sats by rule, beside the refunds: in some of the shops each payment that Shopify accepted earns
// its buyer a part of it, which is claimed as a refund is, by some before and by some while the
// merchant gives back of the same payment. At the end: what the rule promised was booked, once, and
// nobody has more by it than a fifth of what the node received.
import type { Violation } from '../../web/db/audit.ts';
import { usualRewardTerms, type RewardTerms } from '../../web/core/reward.ts';
import { msat } from '../../web/core/money.ts';
import { refundsOfPayment } from '../../web/db/views/refunds.ts';
import { claimRefund } from '../../web/flows/claim-refund.ts';
import { ask, pauseFor, type ShopAt } from './buyers.ts';
import type { PlayedNode } from './node.ts';
import type { Outflow } from './refund-checks.ts';
import { claimAll, isReward, paidBehind, refundSome, type Refunding } from './refunds.ts';

const usual = { ...usualRewardTerms, rewardsOn: true, waitDays: 0, mostMsat: msat(10n ** 12n) };
/**
 * By the name of the shop: an ordinary one, one of the largest part with a bound, and one that
 * rewards large payments, after weeks.
 */
export const rewardTerms: ReadonlyMap<string, RewardTerms> = new Map([
  ['merchant0', { ...usual, partBp: 1_000 }],
  ['payments0', { ...usual, partBp: 2_000, mostMsat: msat(60_000_000n) }],
  ['merchant2', { ...usual, partBp: 500, leastMsat: msat(380_000_000n), waitDays: 14 }],
]);

/** Behind a purchase: mostly nothing, now and then a refund or ten, or a claim of its reward. */
export async function giveSome(at: Refunding, shop: ShopAt, originId: string): Promise<void> {
  const { market, left } = at;
  const { draws } = market;
  const share = Math.min(1, (1.2 * left.refunds) / Math.max(1, left.buyers));
  left.buyers -= 1;
  if (left.refunds <= 0) return;
  const isRefunded = draws.chance(share);
  const claims = rewardTerms.has(shop.played.name) && draws.chance(Math.min(0.8, 1.5 * share));
  if (isRefunded && claims) market.fault('reward_beside_a_refund');
  await Promise.all([
    isRefunded ? refundSome(at, shop, originId) : undefined,
    claims ? claimReward(at, shop, originId) : undefined,
  ]);
}

async function claimReward(at: Refunding, shop: ShopAt, originId: string): Promise<void> {
  const { market } = at;
  const { draws, timeline } = market;
  await pauseFor(market, 1_000 + draws.around(6_000));
  const seen = await paidBehind(at, shop, originId);
  if (seen?.paid.state !== 'resolved') return;
  const order = shop.played.orders.get(originId);
  if (order !== undefined && draws.chance(0.1)) {
    market.fault('reward_order_cancelled');
    timeline.plan(draws.around(4_000), undefined, () => shop.played.cancel(order));
  }
  const waits = (rewardTerms.get(shop.played.name)?.waitDays ?? 0) > 0;
  if (waits) await claimTooEarly(at, seen.paid.id);
  else await claimAll(at, seen, { untilMs: timeline.now() + 150_000, of: isReward });
}

/** Its days are not over: whatever is given, it is not taken. */
async function claimTooEarly({ market, wallet }: Refunding, paymentId: string): Promise<void> {
  const seen = await ask(market, ({ deps }) => refundsOfPayment(deps.db, paymentId));
  const reward = seen?.find(isReward);
  if (reward === undefined || reward.amountMsat === null) return;
  market.fault('reward_claimed_early');
  const { id: refundId, link, amountMsat } = reward;
  const { request } = wallet.make({ refundId, amountMsat });
  const give = { link, request, kind: 'invoice' } as const;
  const taken = await ask(market, ({ deps }) => claimRefund(deps, give), 4);
  if (taken?.ok === true) market.broke(new Error('a reward was claimed before its days are over'));
}

const broken = (says: string, all: readonly string[]): Violation[] =>
  all.map((what) => ({ rule: 'I15', says, what }));

export async function checkRewards(
  flow: Outflow & { nodes: ReadonlyMap<number, PlayedNode> },
): Promise<Violation[]> {
  return [...(await asPromised(flow)), ...(await withinAFifth(flow))];
}

/** Payment by payment of which nothing was given back: the part that was promised, or nothing. */
async function asPromised({ statements, shops }: Outflow): Promise<Violation[]> {
  const wrong: string[] = [];
  for (const { row, played } of shops) {
    const rule = rewardTerms.get(played.name);
    const payments = await statements.ask<{
      id: string;
      origin_id: string;
      accepted: string;
      booked: string | null;
      given_back: boolean;
    }>(
      `select p.id, p.origin_id, (select coalesce(sum(b.amount_msat), 0)::text from posting b
           where b.payment_id = p.id and b.journal = 'verdict:' || p.id::text
             and b.to_account = 'resolved:' || p.shop_id::text) as accepted,
         w.base_msat::text as booked, exists (select 1 from refund r
           where r.payment_id = p.id and r.origin <> 'reward') as given_back
       from payment p left join reward w on w.payment_id = p.id
       where p.shop_id = $1 and p.state = 'resolved' order by p.id`,
      [row.id],
    );
    for (const { id, origin_id: originId, accepted, booked, given_back: givenBack } of payments) {
      const isOver = givenBack || played.orders.get(originId)?.cancelled === true;
      const part = (BigInt(accepted) * BigInt(rule?.partBp ?? 0)) / 10_000n;
      const most = rule?.mostMsat ?? 0n;
      const isSmall = BigInt(accepted) < (rule?.leastMsat ?? 0n);
      const whole = isSmall ? 0n : ((part < most ? part : most) / 1_000n) * 1_000n;
      // One that was given back may have been so before its reward was booked.
      const fits = BigInt(booked ?? 0) === whole || (isOver && BigInt(booked ?? 0) < whole);
      if (!fits) wrong.push(`${id}: ${booked ?? 'nothing'} booked, ${String(whole)} promised`);
    }
  }
  return broken('A buyer is owed what the rule of the shop promised.', wrong);
}

/** By the wallets' and the nodes' own records. */
async function withinAFifth({
  statements,
  wallet,
  nodes,
}: Outflow & { nodes: ReadonlyMap<number, PlayedNode> }): Promise<Violation[]> {
  const came = new Map(
    [...wallet.received.values()].map(({ refundId, amountMsat }) => [refundId, amountMsat]),
  );
  const rows = await statements.ask<{ id: string; node_id: number; hash: string }>(
    `select r.id, i.node_id, encode(i.hash, 'hex') as hash
     from refund r join payment p on p.id = r.payment_id join invoice i
       on i.id = p.settled_invoice_id
     where r.origin = 'reward' and r.id = any($1::uuid[]) order by r.id`,
    [[...came.keys()]],
  );
  return broken(
    'Nobody has more by rule than a fifth of what the node received.',
    rows
      .filter(({ id, node_id: nodeId, hash }) => {
        const received = nodes.get(nodeId)?.received.get(hash) ?? 0n;
        return (came.get(id) ?? 0n) * 5n > received;
      })
      .map(({ id }) => id),
  );
}
