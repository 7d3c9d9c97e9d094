// The merchant's node: how it is, and connecting it.
import { z } from 'zod';
import { workingNode, type NodeRow } from '../../db/views.ts';
import type { ConnectAnswer, NodeAnswer } from '../../frontend/shared/merchant-api.ts';
import { answerJson, statusOfConnectRefusal } from '../answers.ts';
import type { Doors, Route } from '../doors.ts';
import { iso, merchantRoute, type Seen } from './door.ts';

/** How old the node's word about itself may be when a merchant looks. */
const nodeFreshMs = 30_000;

export const nodeRoutes = (doors: Doors): Route[] => [
  merchantRoute(doors, { method: 'post', path: '/api/node', policy: 'merchant' }, (seen) =>
    connectAnswer(doors, seen),
  ),
];

export async function freshNode(doors: Doors, shopId: number): Promise<NodeRow | null> {
  const node = await workingNode(doors.deps.db, shopId);
  if (node === null) return null;
  const asked = Math.max(node.reachableAt?.getTime() ?? 0, node.troubleAt?.getTime() ?? 0);
  if (doors.deps.clock().getTime() - asked < nodeFreshMs) return node;
  await doors.refreshNode(node);
  return workingNode(doors.deps.db, shopId);
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

const connectForm = z.union([
  z.strictObject({ lndconnect: z.string().min(1).max(8_192) }),
  z.strictObject({
    host: z.string().min(1).max(300),
    certificate: z.string().max(8_192),
    macaroon: z.string().min(1).max(8_192),
  }),
]);

async function connectAnswer(doors: Doors, { shop, request, response }: Seen): Promise<void> {
  const given = connectForm.safeParse(request.body);
  if (!given.success) {
    answerJson(response, 400, {
      error: 'Give a lndconnect link, or host, certificate and macaroon.',
    });
    return;
  }
  const connected = await doors.connect({ shopId: shop.id, given: given.data });
  if (!connected.ok) {
    answerJson(response, statusOfConnectRefusal, connected satisfies ConnectAnswer);
    return;
  }
  const node = { ...nodeAnswer(doors, connected.node), advice: connected.advice };
  answerJson(response, 200, { ok: true, node } satisfies ConnectAnswer);
}
