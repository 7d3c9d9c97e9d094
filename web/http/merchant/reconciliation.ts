// Whether orders and money agree: the last comparison, the one under way, and the merchant's word
// that something is right as it is.
import { z } from 'zod';
import * as views from '../../db/views.ts';
import type { ReconciliationLine } from '../../db/views.ts';
import { acceptBreak, reconcileNow } from '../../flows/reconcile-begin.ts';
import type {
  AcceptBreakAnswer,
  ReconciliationAnswer,
  RunShown,
} from '../../frontend/shared/reconcile-api.ts';
import { answerJson } from '../answers.ts';
import { makeBudget } from '../budget.ts';
import type { Doors, Route } from '../doors.ts';
import { merchantRoute, type Seen } from './door.ts';

/** A run reads a month of orders, and one of them at a time is under way. */
const runs = { calls: 5, perMs: 10 * 60_000, keysAtMost: 10_000 };
const countedAtMost = 1_000;
const lastNightMs = 20 * 3_600_000;

export function reconciliationRoutes(doors: Doors): Route[] {
  const budget = makeBudget(runs);
  const path = '/api/reconciliation';
  return [
    merchantRoute(doors, { method: 'get', path, policy: 'merchant' }, (seen) =>
      latestAnswer(doors, seen),
    ),
    merchantRoute(doors, { method: 'post', path, policy: 'merchant' }, async (seen) => {
      const shopId = seen.shop.id;
      const { running } = await views.latestReconciliations(doors.deps.db, shopId);
      if (running === undefined && !budget.spend(String(shopId))) {
        seen.response.set('Retry-After', '120');
        answerJson(seen.response, 429, { error: 'Try again in some minutes.' });
        return;
      }
      await reconcileNow(doors.deps, { shopId, because: 'merchant' });
      await latestAnswer(doors, seen);
    }),
    merchantRoute(
      doors,
      { method: 'post', path: `${path}/breaks/:id/accept`, policy: 'merchant' },
      (seen) => acceptAnswer(doors, seen),
    ),
  ];
}

async function latestAnswer(doors: Doors, { shop, response }: Seen): Promise<void> {
  const { db } = doors.deps;
  const [{ running, last }, unmatched] = await Promise.all([
    views.latestReconciliations(db, shop.id),
    views.countBreaks(db, { shopId: shop.id, limit: countedAtMost }),
  ]);
  const endedAt = last?.endedAt;
  const agoMs = doors.deps.clock().getTime() - (endedAt?.getTime() ?? 0);
  answerJson(response, 200, {
    running: running === undefined ? null : shown(running),
    last:
      last === undefined || !endedAt ? null : { ...shown(last), endedAt: endedAt.toISOString() },
    isLastNight: last?.because === 'night' && agoMs < lastNightMs,
    unmatched,
    timeZone: shop.timeZone,
  } satisfies ReconciliationAnswer);
}

const shown = (run: ReconciliationLine): RunShown => ({
  id: run.id,
  because: run.because,
  since: run.since.toISOString(),
  startedAt: run.startedAt.toISOString(),
  readsOrders: run.readsOrders,
  isWhole: run.state !== 'partly',
  orders: run.orders,
  payments: run.payments,
  invoices: run.invoices,
  healed: run.healed,
});

async function acceptAnswer(doors: Doors, seen: Seen): Promise<void> {
  const { shop, staffId, request, response } = seen;
  const id = z
    .string()
    .regex(/^[1-9]\d{0,17}$/)
    .safeParse(request.params['id']).data;
  const ok = id !== undefined && (await acceptBreak(doors.deps, { shopId: shop.id, id, staffId }));
  answerJson(response, ok ? 200 : 404, { ok } satisfies AcceptBreakAnswer);
}
