// A merchant has several nodes: one makes the invoices, the others stand in for it. Which one is
// preferred, and which one goes, is the merchant's word; who stands in is decided per invoice.
import { preferNode as prefer, retireNode as retire } from '../db/nodes.ts';
import type { Deps } from './flow.ts';

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
