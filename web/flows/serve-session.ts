// What a payment of the payments app needs of the same shop's other apps: the node that was
// connected there, and what the merchant has chosen there. Its own come first.
import type { SessionKind } from '../core/payment-session.ts';
import type { Settings } from '../core/settings.ts';
import { assert } from '../core/trouble.ts';
import type { PaymentRow } from '../db/payments.ts';
import { servingShops, type ServingNode, type ServingShop } from '../db/serving.ts';
import type { Deps } from './flow.ts';

type For = Pick<PaymentRow, 'shopId' | 'origin' | 'test'> & { kind?: SessionKind };

export type NodesToAsk = { nodes: readonly ServingNode[]; isConnected: boolean };
/** Who makes the invoice, and on which terms. */
export type Serving = NodesToAsk & {
  settings: Settings;
  /** The node is to hold what the buyer pays until the merchant charges it. */
  hold: boolean;
};

type Suits = (node: ServingNode) => boolean;
const isMainnet: Suits = ({ network }) => network === 'mainnet';
const isAny: Suits = () => true;

/**
 * Which nodes suit the payment; the first kind of which the shop has any, serves. A test session
 * moves no money, so it is none of a mainnet node's business. The coins of every other network are
 * free: whoever owes real money never pays with them where a mainnet node is, even while that node
 * is away, and in production not at all.
 */
function kindsFor(deps: Pick<Deps, 'realMoneyOnly'>, payment: For): readonly Suits[] {
  if (payment.test) {
    return payment.origin === 'payment_session' ? [(node) => !isMainnet(node)] : [isAny];
  }
  return deps.realMoneyOnly ? [isMainnet] : [isMainnet, isAny];
}

/** The nodes that may be asked for an invoice of this payment, and what its merchant has chosen. */
export async function serviceFor(
  deps: Pick<Deps, 'db' | 'clock' | 'realMoneyOnly'>,
  payment: For,
): Promise<Serving> {
  const { shopId, origin } = payment;
  const withOthers = origin === 'payment_session';
  // The rows of the shop that count; the first one that has something serves.
  const shops = await servingShops(deps.db, { shopId, withOthers });
  const [own] = shops;
  assert(own !== undefined, 'the payment of a shop that is not there');
  const { settings } = shops.find(({ version }) => version > 0) ?? own;
  const hold = withOthers ? payment.kind === 'authorization' : own.holdsOn;
  for (const suits of kindsFor(deps, payment)) {
    // What is to be held needs a credential that may hold.
    const suitsKind: Suits = (node) => suits(node) && (!hold || node.canHold);
    for (const shop of shops) {
      const found = nodesToAsk(shop, suitsKind, deps.clock());
      if (found.isConnected) return { ...found, settings, hold };
    }
  }
  return { nodes: [], isConnected: false, settings, hold };
}

/**
 * What the merchant has chosen for the shop, in whichever of our apps: a refund is priced as its
 * payment was.
 */
export async function settingsServing(deps: Pick<Deps, 'db'>, shopId: number) {
  const shops = await servingShops(deps.db, { shopId, withOthers: true });
  const [own] = shops;
  assert(own !== undefined, 'the refund of a shop that is not there');
  return (shops.find(({ version }) => version > 0) ?? own).settings;
}

/**
 * The shop's nodes that may be asked now, in the order in which they are to be asked. One that is
 * known to be away is left out: its lane's probe finds it when it is back. One that had trouble and
 * is not paused comes after those without.
 */
function nodesToAsk(shop: ServingShop, suits: Suits, now: Date): NodesToAsk {
  const working = shop.nodes.filter(suits);
  const open = working.filter(({ pausedUntil }) => pausedUntil === null || pausedUntil <= now);
  const nodes = [
    ...open.filter(({ trouble }) => trouble === null),
    ...open.filter(({ trouble }) => trouble !== null),
  ];
  return { nodes, isConnected: working.length > 0 };
}
