// The shop's sweep: what the merchant's policy does about money that came wrongly, without a
// person. What came late is taken for an order that still stands and owes as much; what nobody owed
// becomes a refund that its buyer claims. Where the merchant chose neither, a person is asked.
import { decideLate, type LateVerdict } from '../core/late.ts';
import { currencyOf } from '../core/money.ts';
import type { OrderReading } from '../core/payment.ts';
import { byPolicy } from '../core/refund.ts';
import type { Settings } from '../core/settings.ts';
import { note } from '../db/history.ts';
import { latePayments, takeLate, wrongPayments, type LatePayment } from '../db/late.ts';
import { sourceOf } from '../db/refunds.ts';
import { settingsOf } from '../db/settings.ts';
import { methodNamesOf } from '../db/unpaid.ts';
import { agreedNow } from './agree-now.ts';
import type { Deps } from './flow.ts';
import { giveBackAsRefund } from './open-refund.ts';

/** What one sweep looks at. The rest has its turn in a later one. */
const paymentsAtOnce = 50;

export async function seeToWrongMoney(deps: Deps, shopId: number): Promise<void> {
  const { settings } = await settingsOf(deps.db, shopId);
  const driftBp = settings.lateDriftBp;
  if (driftBp !== null) await takeWhatIsLate(deps, { shopId, settings, driftBp });
  if (settings.refundsOn && settings.refundsWrong) {
    await giveBack(deps, { shopId, takesLate: driftBp !== null });
  }
}

async function takeWhatIsLate(
  deps: Deps,
  about: { shopId: number; settings: Settings; driftBp: number },
): Promise<void> {
  const { shopId, settings, driftBp } = about;
  const ask = { shopId, limit: paymentsAtOnce, sweep: deps.clock() };
  const late = await latePayments(deps.db, ask);
  if (late.length === 0) return;
  const storefront = await deps.storefronts.of(shopId);
  const orders = await storefront.readOrders(late.map(({ originId }) => originId));
  const byId = new Map(orders.map((order) => [order.originId, order]));
  for (const payment of late) {
    const order = byId.get(payment.originId) ?? 'gone';
    const verdict = await decide(deps, { shopId, settings, driftBp, payment, order });
    // Of the others nothing can be said at the moment.
    if (verdict.do !== 'wait') await conclude(deps, { shopId, payment, verdict });
  }
}

async function decide(
  deps: Deps,
  about: {
    shopId: number;
    settings: Settings;
    driftBp: number;
    payment: LatePayment;
    order: OrderReading | 'gone';
  },
): Promise<LateVerdict> {
  const { shopId, settings, driftBp, payment, order } = about;
  const { came, methodName: opened } = payment;
  if (came === undefined) return { do: 'leave', because: 'nothing_whole' };
  const { money, at: cameAt } = came;
  const names = { shopId, present: settings.methodName, opened };
  const currency = currencyOf(money.currency);
  return decideLate(order, {
    ...{ money, driftBp },
    methodNames: await methodNamesOf(deps.db, names),
    agreed: currency && (await agreedNow(deps, { settings, currency })),
    cameAgoMs: deps.clock().getTime() - cameAt.getTime(),
  });
}

async function conclude(
  deps: Deps,
  about: {
    shopId: number;
    payment: LatePayment;
    verdict: Exclude<LateVerdict, { do: 'wait' }>;
  },
): Promise<void> {
  const { shopId, payment, verdict } = about;
  const { id: paymentId } = payment;
  if (verdict.do === 'leave') {
    await note(deps.db.pool, paymentId, { what: 'late_left', because: verdict.because });
    deps.log.info({ paymentId, shopId, because: verdict.because }, 'payment.late_left');
    return;
  }
  // Another payment of the order may just be being told to Shopify: it waits for the next sweep.
  if (!(await takeLate(deps.db, { shopId, paymentId, by: byPolicy }))) return;
  deps.log.info({ paymentId, shopId, because: 'taken_late', to: 'settled' }, 'payment.settled');
}

async function giveBack(deps: Deps, about: { shopId: number; takesLate: boolean }): Promise<void> {
  const ask = { ...about, limit: paymentsAtOnce, sweep: deps.clock() };
  for (const payment of await wrongPayments(deps.db, ask)) {
    const source = await sourceOf(deps.db.pool, payment);
    if (source === undefined) continue;
    await giveBackAsRefund(deps, {
      ...{ shopId: payment.shopId, paymentId: payment.id, seenMsat: source.leftMsat },
      staffId: byPolicy,
    });
  }
}
