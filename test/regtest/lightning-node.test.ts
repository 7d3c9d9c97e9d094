// The contract of a Lightning node, kept by the adapter on real LND, with a second LND that pays.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {
  createInvoice,
  decodePaymentRequest,
  pay,
  payViaPaymentDetails,
  type AuthenticatedLnd,
} from 'lightning';
import { startNetwork } from '../../scripts/real-nodes.ts';
import type { RealNode } from '../../scripts/real-nodes.ts';
import { lightningNodeContract } from '../contract/lightning-node.ts';
import type { Paid, World } from '../contract/lightning-node.ts';

const max_fee_mtokens = '1000000';

/** The amount of the request, or any other: LND's own wallet would refuse that by itself. */
async function payFrom(lnd: AuthenticatedLnd, request: string, mtokens?: string): Promise<void> {
  if (mtokens === undefined) {
    await pay({ lnd, request, max_fee_mtokens, pathfinding_timeout: 15_000 });
    return;
  }
  const { id, destination, payment, cltv_delta } = await decodePaymentRequest({ lnd, request });
  if (payment === undefined || cltv_delta === undefined) throw new Error('an odd request');
  const to = { id, destination, payment, cltv_delta };
  await payViaPaymentDetails({ lnd, ...to, mtokens, max_fee_mtokens });
}

/** Right after a start the channel is not up yet, and a payment fails for want of balance. */
async function untilPayable(alice: RealNode, bob: RealNode): Promise<void> {
  for (const end = Date.now() + 60_000; ;) {
    const { request } = await createInvoice({ lnd: alice.lnd, mtokens: '1000' });
    const result = await payFrom(bob.lnd, request).then(
      () => 'paid',
      (error: unknown) => JSON.stringify(error),
    );
    if (result === 'paid') return;
    if (Date.now() > end) throw new Error(`alice cannot be paid: ${result}`);
  }
}

async function realWorld(): Promise<World> {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'zaptill-contract-'));
  const network = await startNetwork({ dir, say: () => undefined });
  const { alice, bob } = network;
  return {
    address: `127.0.0.1:${alice.rpcPort}`,
    certificatePem: () => fs.readFileSync(alice.certPath, 'utf8'),
    identity: alice.publicKey,
    owner: () => alice.lnd,
    pay: (request, amountMsat) =>
      payFrom(bob.lnd, request, amountMsat?.toString()).then(
        (): Paid => ({ paid: true }),
        (error: unknown): Paid => ({ paid: false, why: JSON.stringify(error) }),
      ),
    amp: async (amountMsat) => {
      const added = await alice.lncli('addinvoice', '--amp', `--amt_msat=${amountMsat}`);
      const { payment_request } = JSON.parse(added) as { payment_request: string };
      await bob.lncli('payinvoice', '--amp', '--force', '--json', payment_request);
    },
    stop: (how) => (how === 'kill' ? alice.kill9() : alice.stop()),
    start: async () => {
      await alice.restart();
      await untilPayable(alice, bob);
    },
    races: 300,
    close: async () => {
      await network.stop();
      fs.rmSync(dir, { recursive: true, force: true });
    },
  };
}

lightningNodeContract('real LND', realWorld);
