// The shop at a glance: whether it is set up, how many payments are where, what needs a person.
import { z } from 'zod';
import { paymentStates } from '../../core/payment.ts';
import * as views from '../../db/views.ts';
import type { NodeRow } from '../../db/views.ts';
import { nameMethod } from '../../flows/name-method.ts';
import type { MethodAnswer, Problem, ShopAnswer } from '../../frontend/shared/merchant-api.ts';
import { answerJson } from '../answers.ts';
import type { Doors, Route } from '../doors.ts';
import { merchantRoute, type Seen } from './door.ts';
import { freshNode, nodeAnswer } from './node.ts';

export const shopRoutes = (doors: Doors): Route[] => [
  merchantRoute(doors, { method: 'get', path: '/api/shop', policy: 'merchant' }, (seen) =>
    shopAnswer(doors, seen),
  ),
  merchantRoute(doors, { method: 'post', path: '/api/method', policy: 'merchant' }, (seen) =>
    methodAnswer(doors, seen),
  ),
];

async function shopAnswer(doors: Doors, { shop, response }: Seen): Promise<void> {
  const { db } = doors.deps;
  const [counts, node, attention] = await Promise.all([
    views.countsByState(db, shop.id),
    freshNode(doors, shop.id),
    views.listPayments(db, {
      shopId: shop.id,
      state: undefined,
      needsPerson: true,
      after: undefined,
      limit: 10,
    }),
  ]);
  const answer: ShopAnswer = {
    installed: true,
    shop: shop.domain,
    node: node === null ? null : nodeAnswer(doors, node),
    method: { name: shop.methodName },
    bake: doors.bakeLine(),
    counts,
    problems: [...attention.flatMap(problemOf), ...nodeProblems(node)],
  };
  answerJson(response, 200, answer);
}

function problemOf(line: views.PaymentLine): Problem[] {
  const about = { paymentId: line.id, orderName: line.order_name };
  if (line.attention === 'untold') {
    const sentence = `${line.order_name}: paid, and Shopify could not be told yet. Look at it.`;
    return [{ what: 'stranded', sentence, ...about }];
  }
  if (line.attention === 'stranded') {
    const sentence = `${line.order_name}: ${paymentStates.stranded}`;
    return [{ what: 'stranded', sentence, ...about }];
  }
  const sentence = `${line.order_name}: more was paid than the order owed. Give the rest back.`;
  return [{ what: 'overpaid', sentence, ...about }];
}

function nodeProblems(node: NodeRow | null): Problem[] {
  if (node === null) {
    return [{ what: 'no_node', sentence: 'Connect a node: shoppers cannot pay before.' }];
  }
  if (node.trouble !== null) {
    const sentence =
      `Your node at ${node.address} does not answer. Shoppers cannot pay until it does; ` +
      'what they have paid is not lost.';
    return [{ what: 'node_unreachable', sentence }];
  }
  if (node.receivableMsat === 0n) {
    const sentence = 'Your node cannot receive: open a channel with inbound liquidity.';
    return [{ what: 'nothing_receivable', sentence }];
  }
  return [];
}

async function methodAnswer(doors: Doors, { shop, request, response }: Seen): Promise<void> {
  const body = z.strictObject({ name: z.string().trim().max(100) }).safeParse(request.body);
  const name = body.success ? body.data.name : '';
  if (name === '') {
    const sentence = 'Give the exact name of the manual payment method, as Shopify shows it.';
    answerJson(response, 422, { ok: false, sentence } satisfies MethodAnswer);
    return;
  }
  await nameMethod(doors.deps, { shopId: shop.id, name });
  answerJson(response, 200, { ok: true, name } satisfies MethodAnswer);
}
