// The self-test: begun by the merchant, followed hop by hop until it ends.
import { selfTestEndsMs, selfTestHops } from '../../core/self-test.ts';
import { latestSelfTest, type SelfTestRow } from '../../db/views.ts';
import type { SelfTestAnswer, SelfTestRunAnswer } from '../../frontend/shared/setup-api.ts';
import { answerJson } from '../answers.ts';
import { makeBudget } from '../budget.ts';
import type { Doors, Route } from '../doors.ts';
import { merchantRoute, type Seen } from './door.ts';

/** Each run makes an order in the shop, and one of them at a time is under way. */
const runs = { calls: 10, perMs: 60_000, keysAtMost: 10_000 };

export function selfTestRoutes(doors: Doors): Route[] {
  const budget = makeBudget(runs);
  return [
    merchantRoute(doors, { method: 'get', path: '/api/self-test', policy: 'merchant' }, (seen) =>
      latestAnswer(doors, seen),
    ),
    merchantRoute(
      doors,
      { method: 'post', path: '/api/self-test', policy: 'merchant' },
      async (seen) => {
        if (!budget.spend(String(seen.shop.id))) {
          seen.response.set('Retry-After', '15');
          answerJson(seen.response, 429, { error: 'Try again in a moment.' });
          return;
        }
        // Not awaited: the page follows it.
        await doors.selfTest(seen.shop.id);
        await latestAnswer(doors, seen);
      },
    ),
  ];
}

async function latestAnswer(doors: Doors, { shop, response }: Seen): Promise<void> {
  const row = await latestSelfTest(doors.deps.db, shop.id);
  const run = row === null ? null : selfTestAnswer(row, doors.deps.clock());
  answerJson(response, 200, { run } satisfies SelfTestRunAnswer);
}

export function selfTestAnswer(row: SelfTestRow, now: Date): SelfTestAnswer {
  const isRunning =
    row.endedAt === null && now.getTime() - row.startedAt.getTime() < selfTestEndsMs;
  const failed = row.steps.some(({ state }) => state === 'failed');
  const ended = row.passed ? 'passed' : failed ? 'failed' : 'interrupted';
  const state = isRunning ? 'running' : ended;
  return {
    id: row.id.toString(),
    startedAt: row.startedAt.toISOString(),
    state,
    steps: selfTestHops.flatMap((hop) => {
      const step = row.steps.find((one) => one.hop === hop);
      if (step === undefined) return [];
      // Of a run that is over, nothing is under way.
      const isCut = !isRunning && (step.state === 'running' || step.state === 'waiting');
      const { ms, code, sentence, values = {} } = step;
      return [{ hop, state: isCut ? 'skipped' : step.state, ms, code, sentence, values }];
    }),
  };
}
