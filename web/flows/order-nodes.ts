// A merchant has several nodes: one makes the invoices, the others stand in for it. Which one is
// preferred, and which one goes, is the merchant's word; who stands in is decided per invoice.
import { nodeLane, pauseOf } from '../db/lanes.ts';
import { preferNode as prefer, retireNode as retire, workingNodes } from '../db/nodes.ts';
import type { NodeRow } from '../db/nodes.ts';
import type { Deps } from './flow.ts';

export type NodesToAsk = { nodes: readonly NodeRow[]; isConnected: boolean };

type OneNode = { shopId: number; nodeId: number };

/** Puts a node before the others. False: the shop has no such node. */
export async function preferNode(deps: Pick<Deps, 'db' | 'log'>, of: OneNode): Promise<boolean> {
  const isThere = await prefer(deps.db, of);
  if (isThere) deps.log.info(of, 'node.preferred');
  return isThere;
}

/**
 * Takes a node out of the shop. Its invoices are canceled and watched to their end; only then is
 * its credential wiped. False: the shop has no such node.
 */
export async function retireNode(deps: Pick<Deps, 'db' | 'log'>, of: OneNode): Promise<boolean> {
  const isThere = await retire(deps.db, of);
  if (isThere) deps.log.info(of, 'node.retired');
  return isThere;
}

/**
 * The nodes that may be asked for an invoice now, in the order in which they are to be asked. One
 * that is known to be away is left out: its lane's probe finds it when it is back. One that had
 * trouble and is not paused comes after those without. `suits`: only these count at all.
 */
export async function nodesToAsk(
  deps: Pick<Deps, 'db' | 'clock'>,
  shopId: number,
  suits: (node: NodeRow) => boolean = () => true,
): Promise<NodesToAsk> {
  const working = (await workingNodes(deps.db, shopId)).filter(suits);
  const pauses = await Promise.all(working.map(({ id }) => pauseOf(deps.db, nodeLane(id))));
  const isOpen = (_node: NodeRow, at: number): boolean => {
    const pause = pauses[at];
    return pause === undefined || pause.until <= deps.clock();
  };
  const open = working.filter(isOpen);
  const nodes = [
    ...open.filter(({ trouble }) => trouble === null),
    ...open.filter(({ trouble }) => trouble !== null),
  ];
  return { nodes, isConnected: working.length > 0 };
}
