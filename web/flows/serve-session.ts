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

/** A test moves no money, so it is none of a mainnet node's business. */
const suitsTest = (node: NodeRow): boolean => node.network !== 'mainnet';

/** The nodes that may be asked for an invoice of this payment. */
export async function nodesFor(
  deps: Pick<Deps, 'db' | 'clock'>,
  payment: For,
): Promise<NodesToAsk> {
  const onlyTest = payment.test && payment.origin === 'payment_session';
  for (const shopId of await shopsFor(deps, payment)) {
    const found = await nodesToAsk(deps, shopId, onlyTest ? suitsTest : undefined);
    if (found.isConnected) return found;
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
