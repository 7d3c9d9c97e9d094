// Real nodes for the regtest suite and for `npm start -- --real-node`: LND and btcd, built once
// from their Go modules (scripts/nodes). A network is two LND nodes on a private chain: alice, who
// is the merchant's, and bob, who has a channel to her and pays.
//
// A network is made anew each time: btcd forgets a regtest chain whenever it starts. LND ends
// before btcd, or it waits for its chain. Everything is awaited by asking, nothing by sleeping.
import fs from 'node:fs';
import path from 'node:path';
import {
  addPeer,
  createChainAddress,
  createInvoice,
  getChannels,
  openChannel,
  pay,
} from 'lightning';
import { lastWill } from './last-will.ts';
import { buildNodes, type Say } from './nodes/build.ts';
import { Chain } from './nodes/chain.ts';
import { Lnd, type RealNode } from './nodes/lnd.ts';
import { freePorts, until } from './nodes/program.ts';

export { buildNodes, findGo } from './nodes/build.ts';
export type { RealNode } from './nodes/lnd.ts';

export type Network = {
  /** The merchant's: has 2,000,000 sat on her side, so that she can pay back. */
  alice: RealNode;
  /** The buyer's: has about 8,000,000 sat to pay with. */
  bob: RealNode;
  /** Returns once every running node has the height. */
  mine(blocks: number): Promise<void>;
  /** Ends everything; the folder stays, for its logs. */
  stop(): Promise<void>;
};

const CHANNEL_SAT = 10_000_000;
const ALICES_SAT = 2_000_000;
/** An address that nobody has the key of: its blocks are thrown away again. */
const NOBODY = 'bcrt1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqdku202';
/** Segwit is active from here on. */
const SEGWIT_BLOCKS = 438;
/** A block's coins can be spent after a hundred more. */
const RIPE_BLOCKS = 101;
const AFTER_A_KILL = 'for file in "$1"/*.pid; do kill -KILL "$(cat "$file")"; done';

/**
 * A network with a channel of 10,000,000 sat from bob to alice over which one payment has gone.
 * `dir` is emptied first. About 11 s.
 */
export async function startNetwork({ dir, say }: { dir: string; say: Say }): Promise<Network> {
  const { binDir } = await buildNodes({ say });
  fs.rmSync(dir, { recursive: true, force: true });
  fs.mkdirSync(dir, { recursive: true });
  const will = lastWill(AFTER_A_KILL, [path.resolve(dir)]);
  const [chainRpc, chainP2p, aliceRpc, aliceP2p, bobRpc, bobP2p] = await sixPorts();
  const chain = new Chain({ binDir, dir, rpcPort: chainRpc, p2pPort: chainP2p });
  const shared = { binDir, dir, chain };
  const alice = new Lnd({ ...shared, name: 'alice', rpcPort: aliceRpc, p2pPort: aliceP2p });
  const bob = new Lnd({ ...shared, name: 'bob', rpcPort: bobRpc, p2pPort: bobP2p });
  const parts = { chain, alice, bob };
  const stop = async (): Promise<void> => {
    await Promise.all([alice.stop(), bob.stop()]);
    await chain.stop();
    will.drop();
  };
  const mine = (blocks: number): Promise<void> => mineAndWait(parts, blocks);
  try {
    say('Starting a private chain with two LND nodes ...');
    await startWithCoins(parts);
    await openFunded(parts, mine);
    say('Both nodes are up, and the channel works.');
  } catch (error) {
    await stop();
    throw error;
  }
  return { alice, bob, mine, stop };
}

type Parts = { chain: Chain; alice: Lnd; bob: Lnd };
type SixPorts = [number, number, number, number, number, number];
const sixPorts = async (): Promise<SixPorts> => (await freePorts(6)) as SixPorts;

async function mineAndWait({ chain, alice, bob }: Parts, blocks: number): Promise<void> {
  await chain.generate(blocks);
  const height = await chain.height();
  const running = [alice, bob].filter((node) => node.runs);
  await Promise.all(running.map((node) => until(`height ${height}`, () => node.follows(height))));
}

/**
 * btcd mines to the one address that it was started with, and forgets its chain at every start. So
 * bob is started once to learn an address; then btcd starts anew with it, and bob follows along.
 */
async function startWithCoins({ chain, alice, bob }: Parts): Promise<void> {
  await chain.start(NOBODY);
  await chain.generate(1);
  await bob.start();
  const { address } = await until('bob to have an address', () =>
    createChainAddress({ lnd: bob.lnd, format: 'p2wpkh' }),
  );
  await bob.stop();
  await chain.stop();
  await chain.start(address);
  await chain.generate(SEGWIT_BLOCKS);
  await Promise.all([bob.start(), alice.start()]);
  await mineAndWait({ chain, alice, bob }, RIPE_BLOCKS);
}

async function openFunded({ alice, bob }: Parts, mine: Network['mine']): Promise<void> {
  const socket = `127.0.0.1:${alice.p2pPort}`;
  const public_key = alice.publicKey;
  await until('bob to reach alice', () =>
    addPeer({ lnd: bob.lnd, public_key, socket }).then(() => true),
  );
  await until('bob to open a channel', () =>
    openChannel({
      lnd: bob.lnd,
      partner_public_key: public_key,
      local_tokens: CHANNEL_SAT,
      give_tokens: ALICES_SAT,
    }),
  );
  await mine(6);
  for (const node of [alice, bob]) {
    await until('the channel to be active on both sides', async () => {
      const { channels } = await getChannels({ lnd: node.lnd, is_active: true });
      return channels.length === 1;
    });
  }
  // Right after "active" a payment may still fail for want of balance.
  const { request } = await createInvoice({ lnd: alice.lnd, mtokens: '1000' });
  await until('a first payment', () => pay({ lnd: bob.lnd, request, max_fee: 10 }));
}
