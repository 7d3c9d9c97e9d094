// The shop at a glance: whether it is set up, how many payments are where, what needs a person.
import { z } from 'zod';
import * as views from '../../db/views.ts';
import { nameMethod } from '../../flows/name-method.ts';
import type { MethodAnswer, ShopAnswer } from '../../frontend/shared/merchant-api.ts';
import { answerJson } from '../answers.ts';
import type { Doors, Route } from '../doors.ts';
import { merchantRoute, type Seen } from './door.ts';
import { freshNode, nodeAnswer } from './node.ts';
import { problemsOf } from './problems.ts';
import { receiveOf } from './setup.ts';

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
  const [wantsHolds, counts, node, hasPassed] = await Promise.all([
    views.wantsHolds(db, shop.id),
    views.countsByState(db, shop.id),
    freshNode(doors, shop.id),
    views.hasPassedSelfTest(db, shop.id),
  ]);
  const answer: ShopAnswer = {
    installed: true,
    shop: shop.domain,
    node: node === null ? null : nodeAnswer(doors, node),
    method: { name: shop.methodName },
    bake: doors.bakeLine(wantsHolds),
    counts,
    setup: {
      node: node !== null,
      receive: node !== null && receiveOf(node).state !== 'nothing',
      method: shop.methodSeenAt !== null,
      block: shop.blockSeenAt !== null,
      test: hasPassed,
    },
    problems: await problemsOf(doors, { shop }),
  };
  answerJson(response, 200, answer);
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
