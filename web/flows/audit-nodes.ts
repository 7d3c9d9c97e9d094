// The nodes are asked for their own lists of settled invoices, and these are compared with what is
// recorded, both ways: each settle of theirs is recorded, and each of ours is theirs. Nothing is
// mended here and nothing changes: what differs is named for the operator, and a node that could
// not be asked is named too, for it has not been checked.
import type { PaymentHash } from '../core/invoice.ts';
import { Trouble } from '../core/trouble.ts';
import type { Violation } from '../db/audit.ts';
import {
  auditNodeList,
  nodesToAudit,
  settledHere,
  type SettledAtNode,
  type SettledHere,
} from '../db/audit-outside.ts';
import type { Deps } from './flow.ts';

const mostPerPage = 1_000;
/** The clocks of a node and of the database may be so far apart. */
const clocksApartMs = 3_600_000;
/** So many that a node does not list are asked about one by one. */
const mostMissing = 100;

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
  const listed = new Set<string>();
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
    for (const { hash } of settled) listed.add(hash);
    const broken = await auditNodeList(deps.db, { nodeId, settled, now: deps.clock() });
    audited.violations.push(...broken);
    after = page.after;
  }
  const { broken, isWhole } = await notAtNode(deps, { nodeId, createdSince, listed });
  audited.violations.push(...broken);
  return isWhole ? undefined : 'too_many_missing';
}

/**
 * Of what we recorded as settled, what the node has not: its list does not name it, and asked for
 * it alone it says anything else. What was settled since its list was read it names then.
 */
async function notAtNode(
  deps: Pick<Deps, 'db' | 'nodes'>,
  about: { nodeId: number; createdSince: Date; listed: ReadonlySet<string> },
): Promise<{ broken: Violation[]; isWhole: boolean }> {
  const { nodeId, createdSince, listed } = about;
  const node = await deps.nodes.of(nodeId);
  const madeSince = new Date(createdSince.getTime() + clocksApartMs);
  const broken: Violation[] = [];
  let after: SettledHere | undefined;
  for (let asked = 0; ;) {
    const page = await settledHere(deps.db, { nodeId, madeSince, after, limit: mostPerPage });
    for (const { hash } of page.filter((each) => !listed.has(each.hash))) {
      asked += 1;
      if (asked > mostMissing) return { broken, isWhole: false };
      const seen = await node.lookInvoice(hash as PaymentHash);
      if (seen !== 'not_found' && seen.state === 'settled') continue;
      const says = 'What is recorded as settled its node has as settled.';
      broken.push({ rule: 'I3', says, what: `${hash} at node ${String(nodeId)}` });
    }
    after = page.at(-1);
    if (after === undefined || page.length < mostPerPage) return { broken, isWhole: true };
  }
}
