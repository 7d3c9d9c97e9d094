// The payments of the payments app's own shop, as its page shows them.
import { answersTo, isAnswerable } from '../../core/attention.ts';
import { decimalOfCode, minor } from '../../core/money.ts';
import {
  listPayments,
  overpaidOf,
  refundsToApprove,
  refundsUnderWay,
  timeline,
  toGiveBack,
  waitingRefunds,
  wordsOfClaims,
  type PaymentLine,
} from '../../db/views.ts';
import type { AskingPayment, SettingsView, ShownPayment } from '../../frontend/payments/view.ts';
import type { Doors } from '../doors.ts';
import { caseShown } from '../merchant/payments.ts';

const latestAtMost = 20;
const needingAtMost = 5;
const refundsAtMost = 20;

export async function shownPayments(
  doors: Doors,
  shopId: number,
): Promise<SettingsView['payments']> {
  const { db } = doors.deps;
  const ask = { shopId, limit: refundsAtMost };
  const [needing, latest, refunds, toApprove, underWay] = await Promise.all([
    listPayments(db, { shopId, needsPerson: true, limit: needingAtMost }),
    listPayments(db, { shopId, needsPerson: false, limit: latestAtMost }),
    waitingRefunds(db, ask),
    refundsToApprove(db, ask),
    refundsUnderWay(db, ask),
  ]);
  const words = await wordsOfClaims(
    db,
    underWay.map(({ claimId }) => claimId),
  );
  return {
    needing: await Promise.all(needing.map((line) => askingPayment(doors, { shopId, line }))),
    latest: latest.map(shownPayment),
    shownAtMost: latestAtMost,
    refunds: refunds.map(({ reference, amountMsat, link, claimEndsAt, test }) => ({
      ...{ reference, amountMsat, test, claimUrl: `${doors.appUrl}/refund/${link}` },
      claimEndsAt: claimEndsAt.toISOString(),
    })),
    toApprove: toApprove.map(({ openedAt, ...line }) => ({
      ...{ ...line, openedAt: openedAt.toISOString() },
    })),
    underWay: underWay.map(({ claimId, givenAt, ...line }) => {
      const word = words.get(claimId);
      return {
        ...{ ...line, givenAt: givenAt.toISOString() },
        waits: word === undefined ? null : { word, sentence: doors.sayPayout(word) },
      };
    }),
  };
}

async function askingPayment(
  { deps: { db } }: Doors,
  { shopId, line }: { shopId: number; line: PaymentLine },
): Promise<AskingPayment> {
  const { id, state, attention, hash } = line;
  const [lines, { owedMsat }, giveBackMsat] = await Promise.all([
    timeline(db, id),
    overpaidOf(db.pool, { shopId, paymentId: id }),
    toGiveBack(db, { shopId, paymentId: id, state }),
  ]);
  // What is stuck is settled by hand, whatever else it asks.
  const isAsked = attention !== null && isAnswerable(attention) && state !== 'stranded';
  return {
    ...shownPayment(line),
    case: caseShown(state, lines),
    overpaidMsat: owedMsat.toString(),
    giveBackMsat: giveBackMsat.toString(),
    hash,
    answers: isAsked ? answersTo[attention] : [],
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
