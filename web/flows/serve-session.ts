// What a payment of the payments app needs of the same shop's other apps: the node that was
// connected there, and what the merchant has chosen there. Its own come first.
import type { StoredSettings } from '../db/settings.ts';
import { settingsOf } from '../db/settings.ts';
import { siblingsOf } from '../db/sessions.ts';
import type { NodeRow } from '../db/nodes.ts';
import type { PaymentRow } from '../db/payments.ts';
import type { Deps } from './flow.ts';
import { nodesToAsk, type NodesToAsk } from './order-nodes.ts';

type For = Pick<PaymentRow, 'shopId' | 'origin' | 'test'>;

/** The rows of the shop that count for this payment; the first one that has something serves. */
const shopsFor = async (deps: Pick<Deps, 'db'>, payment: For): Promise<number[]> =>
  payment.origin === 'order'
    ? [payment.shopId]
    : [payment.shopId, ...(await siblingsOf(deps.db, payment.shopId))];

type Suits = (node: NodeRow) => boolean;
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

/** The nodes that may be asked for an invoice of this payment. */
export async function nodesFor(
  deps: Pick<Deps, 'db' | 'clock' | 'realMoneyOnly'>,
  payment: For,
): Promise<NodesToAsk> {
  const shopIds = await shopsFor(deps, payment);
  for (const suits of kindsFor(deps, payment)) {
    for (const shopId of shopIds) {
      const found = await nodesToAsk(deps, shopId, suits);
      if (found.isConnected) return found;
    }
  }
  return { nodes: [], isConnected: false };
}

/** What the merchant has chosen for this payment. */
export async function settingsFor(
  deps: Pick<Deps, 'db'>,
  payment: For,
): Promise<StoredSettings['settings']> {
  const own = await settingsOf(deps.db, payment.shopId);
  if (own.version > 0) return own.settings;
  for (const shopId of (await shopsFor(deps, payment)).slice(1)) {
    const theirs = await settingsOf(deps.db, shopId);
    if (theirs.version > 0) return theirs.settings;
  }
  return own.settings;
}
