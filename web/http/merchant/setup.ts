// Setting the shop up, as facts: each step is done when the program has seen it work.
import {
  hasPassedSelfTest,
  latestSelfTest,
  shopById,
  wantsHolds,
  type NodeRow,
} from '../../db/views.ts';
import type { SetupAnswer } from '../../frontend/shared/setup-api.ts';
import { answerJson } from '../answers.ts';
import type { Doors, Route } from '../doors.ts';
import { iso, merchantRoute, type Seen } from './door.ts';
import { freshNode, nodeAnswer } from './node.ts';
import { selfTestAnswer } from './self-test.ts';

/** 100,000 sats: less than that is used up by some ordinary orders. */
const lowBelowMsat = 100_000_000n;

export const setupRoutes = (doors: Doors): Route[] => [
  merchantRoute(doors, { method: 'get', path: '/api/setup', policy: 'merchant' }, (seen) =>
    setupAnswer(doors, { seen, node: freshNode(doors, seen.shop.id) }),
  ),
  merchantRoute(doors, { method: 'post', path: '/api/setup/look', policy: 'merchant' }, (seen) =>
    setupAnswer(doors, { seen, node: freshNode(doors, seen.shop.id, 0) }),
  ),
];

async function setupAnswer(
  doors: Doors,
  about: { seen: Seen; node: Promise<NodeRow | null> },
): Promise<void> {
  const { seen } = about;
  const { db } = doors.deps;
  const [node, holds, shop, latest, hasPassed] = await Promise.all([
    about.node,
    wantsHolds(db, seen.shop.id),
    shopById(db, seen.shop.id),
    latestSelfTest(db, seen.shop.id),
    hasPassedSelfTest(db, seen.shop.id),
  ]);
  const { methodName, methodSeenAt, blockSeenAt } = shop ?? seen.shop;
  const receive = receiveOf(node);
  const answer: SetupAnswer = {
    shop: seen.shop.domain,
    done:
      node !== null &&
      receive.state !== 'nothing' &&
      methodSeenAt !== null &&
      blockSeenAt !== null &&
      hasPassed,
    bake: doors.bakeLine(holds),
    node: node === null ? null : nodeAnswer(doors, node),
    receive,
    method: { name: methodName, seenAt: iso(methodSeenAt) },
    block: { seenAt: iso(blockSeenAt) },
    selfTest: latest === null ? null : selfTestAnswer(latest, doors.deps.clock()),
    hasPassed,
  };
  answerJson(seen.response, 200, answer);
}

/** What the node can receive, and why it is too little. */
export function receiveOf(
  node: Pick<NodeRow, 'receivableMsat' | 'channels' | 'activeChannels'> | null,
): SetupAnswer['receive'] {
  const limits = { lowBelowMsat: lowBelowMsat.toString() };
  if (node === null) return { ...limits, state: 'no_node', because: null, inactive: 0 };
  const { receivableMsat, channels, activeChannels } = node;
  const inactive = (channels ?? 0) - (activeChannels ?? 0);
  if (receivableMsat === null) return { ...limits, state: 'unknown', because: null, inactive };
  if (receivableMsat > 0n) {
    const state = receivableMsat < lowBelowMsat ? 'low' : 'enough';
    return { ...limits, state, because: null, inactive };
  }
  const because =
    channels === 0 ? 'no_channels' : activeChannels === 0 ? 'none_active' : 'all_full';
  return { ...limits, state: 'nothing', because, inactive };
}
