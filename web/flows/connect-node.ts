// A merchant connects a node. The credential is judged offline, then the node is reached and tried;
// only a credential that can receive and nothing else is sealed and stored.
import type { Advice } from '../core/advice.ts';
import type { SealedPlace, Sealer } from '../core/ports.ts';
import type { ConnectRefusal } from '../core/refusals.ts';
import type { Database } from '../db/database.ts';
import { wantsHolds } from '../db/holds.ts';
import { connectNode as store, type ConnectedNode, type NodeRow } from '../db/nodes.ts';
import { nodeLane, reopenLane } from '../db/lanes.ts';
import type { Log } from './flow.ts';

/** After this no process uses a connection that was opened with the credential of before. */
const oldConnectionsMs = 6_000;

/** What opens the connection again: sealed as one value. */
export type NodeCredential = {
  address: string;
  /** PEM; empty: the node's certificate is publicly trusted. */
  certificatePem: string;
  macaroonHex: string;
};

export type ConnectGiven =
  { lndconnect: string } | { host: string; certificate: string; macaroon: string };

export type ConnectRefused = {
  ok: false;
  refusal: ConnectRefusal;
  sentence: string;
  excess: readonly { permission: string; allows: string }[];
  bake: string;
};

export type NodeTested =
  | ({
      ok: true;
      credential: NodeCredential;
      advice: readonly Advice[];
    } & Omit<ConnectedNode, 'shopId'>)
  | ConnectRefused;

export type ConnectDeps = {
  db: Database;
  log: Log;
  sealer: Sealer;
  /**
   * Judges, reaches and tries the node, which must be the expected one where one is. Never throws
   * for what a merchant can mend.
   */
  testNode: (
    given: ConnectGiven,
    expected: { identity: string } | undefined,
    /** Its shop authorizes before it charges. */
    mustHold: boolean,
  ) => Promise<NodeTested>;
  /** Other processes and this one must open the node anew. */
  forgetConnection: (nodeId: number) => void;
};

/**
 * `replace`: every other node of the shop makes no more invoices. `add`: it stands in for those
 * that are there. `renew`: another credential of this node, and no other node; what it has
 * under way goes on, and the certificate that it was reached with need not be given again.
 */
export type ConnectHow =
  'replace' | 'add' | { renew: Pick<NodeRow, 'id' | 'identity' | 'sealedCredential'> };

export async function connectNode(
  deps: ConnectDeps,
  about: { shopId: number; given: ConnectGiven; how?: ConnectHow; forHolds?: boolean },
): Promise<{ ok: true; node: NodeRow; advice: readonly Advice[] } | ConnectRefused> {
  const { how = 'replace' } = about;
  const renewed = typeof how === 'string' ? undefined : how.renew;
  const expected = renewed && { identity: renewed.identity };
  const given = renewed === undefined ? about.given : withCertificate(deps, about.given, renewed);
  const mustHold = about.forHolds === true || (await wantsHolds(deps.db, about.shopId));
  const tested = await deps.testNode(given, expected, mustHold);
  if (!tested.ok) {
    deps.log.warn({ shopId: about.shopId, refusal: tested.refusal }, 'node.refused');
    return tested;
  }
  const { credential, advice, ok: _ok, ...node } = tested;
  const plain = Buffer.from(JSON.stringify(credential), 'utf8');
  const place = { shopId: about.shopId, how: how === 'replace' ? how : ('add' as const) };
  const stored = await store(deps.db, { ...node, ...place }, (nodeId) =>
    Uint8Array.from(deps.sealer.seal(plain, credentialPlace(nodeId))),
  );
  plain.fill(0);
  deps.forgetConnection(stored.id);
  await reopenLane(deps.db, { lane: nodeLane(stored.id), inMs: oldConnectionsMs });
  deps.log.info({ shopId: about.shopId, nodeId: stored.id }, 'node.connected');
  return { ok: true, node: stored, advice };
}

/** What bakes a credential prints no certificate: at the same address the known one counts. */
function withCertificate(
  { sealer }: Pick<ConnectDeps, 'sealer'>,
  given: ConnectGiven,
  { id, sealedCredential }: Pick<NodeRow, 'id' | 'sealedCredential'>,
): ConnectGiven {
  const isWhole = 'lndconnect' in given || given.certificate.trim() !== '';
  if (isWhole || sealedCredential === null) return given;
  const plain = sealer.open(sealedCredential, credentialPlace(id));
  const known = JSON.parse(Buffer.from(plain).toString('utf8')) as NodeCredential;
  plain.fill(0);
  if (known.address !== given.host.trim()) return given;
  return { ...given, certificate: known.certificatePem };
}

/** Where a credential is sealed: it opens for this node only. */
export const credentialPlace = (nodeId: number): SealedPlace => ({
  table: 'node',
  field: 'credential',
  shop: '',
  record: String(nodeId),
});
