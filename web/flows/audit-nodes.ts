// The nodes are asked for their own lists of settled invoices, and these are compared with what is
// recorded. Nothing is mended here and nothing changes: what differs is named for the operator, and
// a node that cannot be asked is named too, for it has not been checked.
import { Trouble } from '../core/trouble.ts';
import type { Violation } from '../db/audit.ts';
import { auditNodeList, nodesToAudit, type SettledAtNode } from '../db/audit-outside.ts';
import type { Deps } from './flow.ts';

const mostPerPage = 1_000;

export type NodesAudited = {
  violations: Violation[];
  /** How many settled invoices the nodes listed, others' among them. */
  settled: number;
  /** Nodes that were not checked to the end, each with a word for why. */
  notAsked: { nodeId: number; why: string }[];
};

/** Invoices made since then, at most so many pages of 1,000 per node. One node after the other. */
export async function auditNodes(
  deps: Pick<Deps, 'db' | 'nodes' | 'clock'>,
  about: { createdSince: Date; pagesAtMost: number },
): Promise<NodesAudited> {
  const audited: NodesAudited = { violations: [], settled: 0, notAsked: [] };
  for (const { id: nodeId, mayAsk } of await nodesToAudit(deps.db, about.createdSince)) {
    if (!mayAsk) {
      audited.notAsked.push({ nodeId, why: 'no_credential' });
      continue;
    }
    try {
      const left = await auditNode(deps, { ...about, nodeId }, audited);
      if (left !== undefined) audited.notAsked.push({ nodeId, why: left });
    } catch (error) {
      if (!(error instanceof Trouble)) throw error;
      audited.notAsked.push({ nodeId, why: error.what });
    }
  }
  return audited;
}

/** Undefined: its whole list was compared. */
async function auditNode(
  deps: Pick<Deps, 'db' | 'nodes' | 'clock'>,
  about: { nodeId: number; createdSince: Date; pagesAtMost: number },
  audited: NodesAudited,
): Promise<string | undefined> {
  const { nodeId, createdSince, pagesAtMost } = about;
  const node = await deps.nodes.of(nodeId);
  let after: bigint | undefined = 0n;
  for (let pages = 0; after !== undefined; pages += 1) {
    if (pages === pagesAtMost) return 'too_many_invoices';
    const page = await node.listInvoices({ after, createdSince, most: mostPerPage });
    if (page === undefined) return 'may_not_list';
    const settled = page.invoices
      .filter(({ state }) => state === 'settled')
      .map(({ hash, receivedMsat, settleIndex, settledAt }): SettledAtNode => ({
        ...{ hash, receivedMsat, settleIndex, settledAt },
      }));
    audited.settled += settled.length;
    const broken = await auditNodeList(deps.db, { nodeId, settled, now: deps.clock() });
    audited.violations.push(...broken);
    after = page.after;
  }
  return undefined;
}
