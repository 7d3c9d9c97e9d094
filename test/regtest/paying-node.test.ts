// The contract of a paying node, kept by the signer's adapter on real LND: alice pays, bob is paid.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInvoice, deleteForwardingReputations, pay } from 'lightning';
import { startNetwork } from '../../scripts/real-nodes.ts';
import { payingNodeContract, type PayingWorld } from '../contract/paying-node.ts';

async function realWorld(): Promise<PayingWorld> {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'zaptill-paying-'));
  const network = await startNetwork({ dir, say: () => undefined });
  const { alice, bob } = network;
  /** Right after a start the channel is not up yet, and a payment fails for want of balance. */
  const untilItPays = async (): Promise<void> => {
    for (const end = Date.now() + 60_000; ;) {
      const { request } = await createInvoice({ lnd: bob.lnd, mtokens: '1000' });
      const how = { request, max_fee_mtokens: '1000', pathfinding_timeout: 5_000 };
      const why = await pay({ lnd: alice.lnd, ...how }).then(
        () => undefined,
        (error: unknown) => JSON.stringify(error),
      );
      if (why === undefined) return;
      if (Date.now() > end) throw new Error(`alice cannot pay: ${why}`);
      await deleteForwardingReputations({ lnd: alice.lnd });
    }
  };
  await untilItPays();
  return {
    address: `127.0.0.1:${alice.rpcPort}`,
    certificatePem: () => fs.readFileSync(alice.certPath, 'utf8'),
    identity: alice.publicKey,
    owner: () => alice.lnd,
    payee: () => bob.lnd,
    tooMuchMsat: 9_000_000_000n,
    stop: () => alice.stop(),
    start: async () => {
      await alice.restart();
      await untilItPays();
    },
    close: async () => {
      await network.stop();
      fs.rmSync(dir, { recursive: true, force: true });
    },
  };
}

payingNodeContract('real LND', realWorld, { costs: false });
