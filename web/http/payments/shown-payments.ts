// The payments of the payments app's own shop, as its page shows them.
import { decimalOfCode, minor } from '../../core/money.ts';
import { listPayments, type PaymentLine } from '../../db/views.ts';
import type { SettingsView, ShownPayment } from '../../frontend/payments/view.ts';
import type { Doors } from '../doors.ts';

const latestAtMost = 20;
const needingAtMost = 5;

export async function shownPayments(
  doors: Doors,
  shopId: number,
): Promise<SettingsView['payments']> {
  const [needing, latest] = await Promise.all([
    listPayments(doors.deps.db, { shopId, needsPerson: true, limit: needingAtMost }),
    listPayments(doors.deps.db, { shopId, needsPerson: false, limit: latestAtMost }),
  ]);
  return {
    needing: needing.map(shownPayment),
    latest: latest.map(shownPayment),
    shownAtMost: latestAtMost,
  };
}

const shownPayment = (line: PaymentLine): ShownPayment => ({
  id: line.id,
  reference: line.order_name,
  state: line.state,
  attention: line.attention,
  amount: decimalOfCode(minor(BigInt(line.owed_minor)), line.currency),
  currency: line.currency,
  amountMsat: line.amount_msat,
  openedAt: line.opened_at.toISOString(),
  test: line.test,
});
