// The merchant's nodes: how they are, connecting them, and which one comes first.
import { z } from 'zod';
import {
  endingNodes,
  wantsHolds,
  workingNode,
  workingNodes,
  type NodeRow,
} from '../../db/views.ts';
import type { ConnectHow } from '../../flows/connect-node.ts';
import { preferNode, retireNode } from '../../flows/order-nodes.ts';
import type { ConnectAnswer, NodeAnswer } from '../../frontend/shared/merchant-api.ts';
import type { NodesAnswer } from '../../frontend/shared/setup-api.ts';
import { answerJson, statusOfConnectRefusal } from '../answers.ts';
import type { Doors, Route } from '../doors.ts';
import { iso, merchantRoute, type Seen } from './door.ts';

/** How old the node's word about itself may be when a merchant looks. */
const nodeFreshMs = 30_000;

export const nodeRoutes = (doors: Doors): Route[] => [
  merchantRoute(doors, { method: 'post', path: '/api/node', policy: 'merchant' }, (seen) =>
    connectAnswer(doors, seen),
  ),
  merchantRoute(doors, { method: 'get', path: '/api/nodes', policy: 'merchant' }, (seen) =>
    nodesAnswer(doors, seen),
  ),
  ...(['prefer', 'retire'] as const).map((what) =>
    merchantRoute(
      doors,
      { method: 'post', path: `/api/nodes/:id/${what}`, policy: 'merchant' },
      (seen) => changeAnswer(doors, { seen, what }),
    ),
  ),
];

/** The preferred node of the shop, as it is at this moment. */
export async function freshNode(
  doors: Doors,
  shopId: number,
  freshMs = nodeFreshMs,
): Promise<NodeRow | null> {
  const node = await workingNode(doors.deps.db, shopId);
  if (node === null || isFresh(doors, { node, freshMs })) return node;
  await doors.refreshNode(node);
  return workingNode(doors.deps.db, shopId);
}

function isFresh(doors: Doors, about: { node: NodeRow; freshMs: number }): boolean {
  const { node, freshMs } = about;
  const asked = Math.max(node.reachableAt?.getTime() ?? 0, node.troubleAt?.getTime() ?? 0);
  return doors.deps.clock().getTime() - asked < freshMs;
}

async function nodesAnswer(doors: Doors, { shop, response }: Seen): Promise<void> {
  const { db } = doors.deps;
  const known = await workingNodes(db, shop.id);
  const stale = known.filter((node) => !isFresh(doors, { node, freshMs: nodeFreshMs }));
  await Promise.all(stale.map((node) => doors.refreshNode(node)));
  answerJson(response, 200, await nodesOf(doors, shop.id));
}

async function nodesOf(doors: Doors, shopId: number): Promise<NodesAnswer> {
  const { db } = doors.deps;
  const [nodes, ending, holds] = await Promise.all([
    workingNodes(db, shopId),
    endingNodes(db, shopId),
    wantsHolds(db, shopId),
  ]);
  return {
    nodes: nodes.map((node, at) => ({
      ...nodeAnswer(doors, node),
      isPreferred: at === 0,
      rootKeyId: node.rootKeyId,
      credentialDaysLeft: daysUntil(doors, node.credentialEndsAt),
    })),
    ending,
    bake: doors.bakeLine(holds),
  };
}

const dayMs = 86_400_000;
const daysUntil = (doors: Doors, end: Date | null): number | null =>
  end === null ? null : Math.floor((end.getTime() - doors.deps.clock().getTime()) / dayMs);

/** Another shop's node is as unknown here as one that never was. */
async function changeAnswer(
  doors: Doors,
  about: { seen: Seen; what: 'prefer' | 'retire' },
): Promise<void> {
  const { shop, request, response } = about.seen;
  const id = /^[1-9]\d{0,8}$/.exec(String(request.params['id']))?.[0];
  const of = { shopId: shop.id, nodeId: Number(id ?? 0) };
  const change = about.what === 'prefer' ? preferNode : retireNode;
  if (id === undefined || !(await change(doors.deps, of))) {
    answerJson(response, 404, { error: 'There is no such node in this shop.' });
    return;
  }
  answerJson(response, 200, await nodesOf(doors, shop.id));
}

export function nodeAnswer(doors: Doors, node: NodeRow): NodeAnswer {
  return {
    id: node.id,
    address: node.address,
    alias: node.alias,
    identity: node.identity,
    network: node.network as NodeAnswer['network'],
    version: node.version,
    connectedAt: node.connectedAt.toISOString(),
    health: healthOf(node),
    healthSince: iso(node.troubleAt ?? node.reachableAt),
    receivableMsat: node.receivableMsat?.toString() ?? null,
    largestPartMsat: node.largestPartMsat?.toString() ?? null,
    channels:
      node.channels === null ? null : { active: node.activeChannels ?? 0, all: node.channels },
    credentialEndsAt: iso(node.credentialEndsAt),
    advice: doors.adviceOf(node),
  };
}

function healthOf(node: NodeRow): NodeAnswer['health'] {
  if (node.trouble === null) return node.reachableAt === null ? 'not_asked' : 'reachable';
  return node.trouble === 'wallet_locked' ? 'locked' : 'unreachable';
}

const more = {
  how: z.enum(['replace', 'add']).optional(),
  /** The node of the shop whose credential it is. */
  renews: z.int().positive().optional(),
  /** It is to hold what buyers pay: see `/api/holds`. */
  forHolds: z.boolean().optional(),
};
const connectForm = z.union([
  z.strictObject({ lndconnect: z.string().min(1).max(8_192), ...more }),
  z.strictObject({
    host: z.string().min(1).max(300),
    certificate: z.string().max(8_192),
    macaroon: z.string().min(1).max(8_192),
    ...more,
  }),
]);

async function connectAnswer(doors: Doors, { shop, request, response }: Seen): Promise<void> {
  const form = connectForm.safeParse(request.body);
  if (!form.success) {
    answerJson(response, 400, {
      error: 'Give a lndconnect link, or host, certificate and macaroon.',
    });
    return;
  }
  const { how = 'replace', renews, forHolds = false, ...given } = form.data;
  const renewed = renews === undefined ? undefined : await nodeOfShop(doors, shop.id, renews);
  if (renews !== undefined && renewed === undefined) {
    answerJson(response, 404, { error: 'There is no such node in this shop.' });
    return;
  }
  const wanted: ConnectHow = renewed === undefined ? how : { renew: renewed };
  const connected = await doors.connect({ shopId: shop.id, given, how: wanted, forHolds });
  if (!connected.ok) {
    answerJson(response, statusOfConnectRefusal, connected satisfies ConnectAnswer);
    return;
  }
  const node = { ...nodeAnswer(doors, connected.node), advice: connected.advice };
  answerJson(response, 200, { ok: true, node } satisfies ConnectAnswer);
}

const nodeOfShop = async (
  doors: Doors,
  shopId: number,
  nodeId: number,
): Promise<NodeRow | undefined> =>
  (await workingNodes(doors.deps.db, shopId)).find(({ id }) => id === nodeId);
