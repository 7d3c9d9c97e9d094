// The case table on real LND: alice's node is the merchant's, bob pays over a channel. The plays
// are those of the simulator, and so is what is asked of each: state, accounts, question, way out.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {
  createInvoice,
  decodePaymentRequest,
  deleteForwardingReputations,
  getInvoice,
  getPayment,
  pay,
  payViaPaymentDetails,
} from 'lightning';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startNetwork, type Network } from '../../scripts/real-nodes.ts';
import type { CaseName } from '../../web/core/cases.ts';
import { bakeLine } from '../../web/lightning/gate.ts';
import { allIsSound, inItsWays, playsAsTheTableSays } from '../flows/cases-played.ts';
import { openShop, type OtherNode, type Shop } from '../flows/cases-shop.ts';

const backup =
  'A node that is set back to its past has broken channels: its peer takes what is in them.';

/** Why the case is not played here; null: it is. A case without a line does not compile. */
const whyNot: Record<CaseName, string | null> = {
  exact: null,
  too_little: null,
  too_little_by_the_node: 'LND never calls an invoice settled with less than it asked for.',
  too_much: null,
  older_paid: backup,
  paid_twice: backup,
  second_tab: null,
  after_its_price: null,
  after_lapse: backup,
  after_rejection: backup,
  after_unpaid: backup,
  late_by_policy: backup,
  after_cancel: null,
  after_card: null,
  card_while_marked: null,
  edited_up: null,
  edited_down: null,
  edited_up_while_marked: null,
  edited_up_before: null,
  edited_down_before: null,
  gift_card_before: null,
  rest_paid: null,
  rest_of_gift_card: null,
  cancelled_unpaid: null,
  order_gone: null,
  not_taken: null,
  session_over: null,
  uninstalled: null,
  before_live: 'Both answers of LND would have to be lost on the way, at the moment of the test.',
  heard_twice: null,
  retired_node: null,
  node_gone: null,
  told_by_another_node: null,
  foreign_invoice: null,
};

let dir: string;
let network: Network;
let shop: Shop;

const limits = { max_fee_mtokens: '1000000', pathfinding_timeout: 15_000 };

/** Sends the amount of the request, or another one, as a wallet with a routing of its own may. */
async function send(request: string, mtokens: string | undefined): Promise<void> {
  const { lnd } = network.bob;
  if (mtokens === undefined) {
    await pay({ lnd, request, ...limits });
    return;
  }
  const { id, destination, payment, cltv_delta } = await decodePaymentRequest({ lnd, request });
  if (payment === undefined || cltv_delta === undefined) throw new Error('an odd request');
  await payViaPaymentDetails({ lnd, id, destination, payment, cltv_delta, mtokens, ...limits });
}

/** Only bob's own word says what he has paid. */
const pays: OtherNode['pays'] = async (hash, { amountMsat }) => {
  const { alice, bob } = network;
  const { request } = await getInvoice({ lnd: alice.lnd, id: hash });
  if (request === undefined) throw new Error('LND has no request for its invoice');
  try {
    await send(request, amountMsat?.toString());
    return true;
  } catch {
    // Nothing is held against alice, or the next payment would fail for this one.
    await deleteForwardingReputations({ lnd: bob.lnd });
    const known = await getPayment({ lnd: bob.lnd, id: hash }).catch(() => undefined);
    return known?.is_confirmed === true;
  }
};

async function realNode(): Promise<OtherNode> {
  const { alice } = network;
  const [, ...words] = bakeLine().split(' ');
  return {
    credential: {
      host: `127.0.0.1:${String(alice.rpcPort)}`,
      certificate: fs.readFileSync(alice.certPath, 'utf8'),
      macaroon: (await alice.lncli(...words)).trim(),
    },
    pays,
    issues: async ({ amountMsat, memo }) => {
      const mtokens = amountMsat.toString();
      return (await createInvoice({ lnd: alice.lnd, mtokens, description: memo })).id;
    },
  };
}

beforeAll(async () => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'zaptill-cases-'));
  network = await startNetwork({ dir, say: () => undefined });
  shop = await openShop({ node: await realNode() });
});
afterAll(async () => {
  try {
    await allIsSound(shop);
  } finally {
    await shop.close();
    await network.stop();
    fs.rmSync(dir, { recursive: true, force: true });
  }
});

const played = inItsWays.filter(([name]) => whyNot[name] === null);

test('the node is the real one, and it can produce most of the table', () => {
  expect(shop.node.identity).toBe(network.alice.publicKey);
  expect(played.length).toBeGreaterThanOrEqual(30);
  expect(played.length).toBeGreaterThan((inItsWays.length * 2) / 3);
});

test.each(played)('%s: %s', (name, way) => playsAsTheTableSays(shop, name, way), 120_000);
