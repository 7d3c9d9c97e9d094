// What buyers get back by rule: the terms, and what staff may change of them. The rewards
// themselves stand among the refunds.
import { z } from 'zod';
import { satsOf } from '../../core/money.ts';
import { rewardRefusals } from '../../core/reward.ts';
import { partText } from '../../core/share.ts';
import * as views from '../../db/views.ts';
import { changeRewardTerms, type RewardsChanged } from '../../flows/change-rewards.ts';
import type { RewardsAnswer, RewardsChangedAnswer } from '../../frontend/shared/rewards-api.ts';
import { answerJson } from '../answers.ts';
import type { Doors, Route } from '../doors.ts';
import { merchantRouteOf, type Seen } from './door.ts';

export function rewardRoutes(doors: Doors): Route[] {
  const route = merchantRouteOf(doors);
  return [
    route('get', '/api/rewards', rewardsAnswer),
    route('post', '/api/rewards/terms', termsAnswer),
  ];
}

async function rewardsAnswer(doors: Doors, { shop, response }: Seen): Promise<void> {
  const { db } = doors.deps;
  const [terms, canPay] = await Promise.all([
    views.rewardTermsOf(db, shop.id),
    views.hasPurse(db, shop.id),
  ]);
  const answer: RewardsAnswer = {
    isOn: terms.rewardsOn,
    percent: partText(terms.partBp),
    leastSats: satsOf(terms.leastMsat),
    mostSats: satsOf(terms.mostMsat),
    waitDays: String(terms.waitDays),
    claimDays: String(terms.claimDays),
    canPay,
  };
  answerJson(response, 200, answer);
}

const text = z.string().max(20);
const termsForm = z.strictObject({
  ...{ isOn: z.boolean(), percent: text, leastSats: text, mostSats: text, waitDays: text },
  claimDays: text,
});

async function termsAnswer(doors: Doors, seen: Seen): Promise<void> {
  const { shop, staffId, request, response } = seen;
  const given = termsForm.safeParse(request.body);
  const changed: RewardsChanged = given.success
    ? await changeRewardTerms(doors.deps, { ...given.data, shopId: shop.id, staffId })
    : { ok: false, refusal: 'unreadable' };
  const answer: RewardsChangedAnswer = changed.ok
    ? changed
    : { ...changed, sentence: rewardRefusals[changed.refusal] };
  answerJson(response, changed.ok ? 200 : 422, answer);
}
