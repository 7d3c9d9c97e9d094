// What a node can receive changes with every payment, and nobody may be looking. Each connected
// node is asked now and then, so that a merchant hears of too little before a shopper does. Nothing
// that a shopper waits for hangs on it: trouble here leaves what is known as it was, and whether
// the node is away is for those to say who need it.
import { Trouble } from '../core/trouble.ts';
import { nodeAnswered, takeNodesToLookAt } from '../db/nodes.ts';
import type { Deps } from './flow.ts';

/** A node is asked this often, give or take a fifth. */
const everyMs = 10 * 60_000;
/** Asked at once in one round; the others wait for the next. */
const nodesAtOnce = 50;

export async function lookAtNodes(deps: Pick<Deps, 'db' | 'log' | 'nodes'>): Promise<void> {
  const taken = await takeNodesToLookAt(deps.db, { everyMs, limit: nodesAtOnce });
  await Promise.all(taken.map((nodeId) => lookAtNode(deps, nodeId)));
}

async function lookAtNode(deps: Pick<Deps, 'db' | 'log' | 'nodes'>, nodeId: number): Promise<void> {
  try {
    const node = await deps.nodes.of(nodeId);
    // Undefined: its credential may not ask, and the node was not asked.
    const receivable = await node.receivable();
    if (receivable !== undefined) await nodeAnswered(deps.db, nodeId, receivable);
  } catch (error) {
    if (!(error instanceof Trouble)) throw error;
    deps.log.warn({ nodeId, what: error.what }, 'node.not_looked_at');
  }
}
