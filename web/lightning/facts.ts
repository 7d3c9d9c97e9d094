// What a node says of itself. It is believed in nothing: an invoice's signature says who it is.
import type { Network } from './bolt11.ts';
import type { Connection } from './connection.ts';
import { plain } from './plain.ts';

export type NodeFacts = {
  /** 33 bytes hex. */
  identity: string;
  alias: string;
  version: string;
  network: Network | undefined;
  syncedToChain: boolean;
  /** Of the chain as the node sees it, in blocks. */
  height: number;
};

const networkNames: ReadonlySet<string> = new Set(['mainnet', 'testnet', 'signet', 'regtest']);
export async function readFacts(connection: Connection): Promise<NodeFacts> {
  const raw = await connection.getInfo();
  const { identity_pubkey, alias, version, chains, synced_to_chain, block_height } = raw;
  const network = chains.find((one) => networkNames.has(one.network))?.network;
  return {
    identity: identity_pubkey.slice(0, 66),
    alias: plain(alias, 32),
    version: plain(version, 60),
    network: network as Network | undefined,
    syncedToChain: synced_to_chain,
    height: block_height,
  };
}
