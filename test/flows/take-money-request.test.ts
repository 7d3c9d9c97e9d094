// Shopify asks for a refund, and does not hear us at once: whoever is asked at the same moment
// writes it down once, and gives one answer.
import { expect, test } from 'vitest';
import { minor } from '../../web/core/money.ts';
import type { Database } from '../../web/db/database.ts';
import { storeMoneyRequest, type MoneyRequest } from '../../web/db/sessions.ts';
import { openSession } from '../../web/flows/open-session.ts';
import { takeMoneyRequest, type MoneyAsked } from '../../web/flows/take-money-request.ts';
import { aShop } from '../builders.ts';
import { databaseOfFile } from '../database-of-file.ts';
import { depsOn } from '../worker/play.ts';

let db: Database;
const proposedAt = new Date('2026-11-21T12:00:00Z');
databaseOfFile(
  (made) => {
    db = made;
  },
  { connections: 20 },
);
/** A shop of the payments app with one session. */
async function aSession(): Promise<{ shopDomain: string; paymentId: string }> {
  const { domain: shopDomain, registrationId } = await aShop(db, { clientId: 'payments-app' });
  await db.prisma.registration.update({
    where: { id: registrationId },
    data: { kind: 'payments' },
  });
  const paymentId = `session-${shopDomain}`;
  const opened = await openSession(
    { ...depsOn(db), payUrlOf: (link) => `https://pay.example/${link}` },
    {
      ...{ shopDomain, id: paymentId, gid: `gid://shopify/PaymentSession/${paymentId}` },
      ...{ group: 'a-group', sessionId: 's', amount: '23.00', currencyCode: 'EUR', test: false },
      ...{ kind: 'sale', merchantLocale: 'en', cancelUrl: undefined, proposedAt },
    },
  );
  expect(opened).toMatchObject({ is: 'answered' });
  return { shopDomain, paymentId };
}
const aRefund = (of: { shopDomain: string; paymentId: string }): MoneyAsked => ({
  ...of,
  ...{ kind: 'refund', id: 'refund-1', gid: 'gid://shopify/RefundSession/1' },
  ...{ amount: '5.00', currencyCode: 'EUR', test: false, proposedAt },
});

test('twenty at once ask for one refund: it is written down once', async () => {
  const asked = aRefund(await aSession());
  const takers = Array.from({ length: 20 }, () => takeMoneyRequest(depsOn(db), asked));
  const answers = await Promise.all(takers);
  expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
  expect(answers[0]).toMatchObject({ is: 'answered' });
  const stored = await db.prisma.sessionRequest.findMany({ where: { id: 'refund-1' } });
  expect(stored).toMatchObject([{ id: 'refund-1', amountMinor: 500n }]);
});

test('whoever saw nothing, and is late with it, writes nothing', async () => {
  const of = await aSession();
  const { id: paymentId, shopId } = await db.prisma.payment.findFirstOrThrow({
    where: { orderName: of.paymentId },
  });
  const written: MoneyRequest = {
    kind: 'refund',
    ...{ shopId, paymentId, id: 'refund-3', gid: 'gid://shopify/RefundSession/3' },
    ...{ contentHash: new Uint8Array(32), answer: '{}', amountMinor: minor(500n) },
    ...{ currency: 'EUR', test: false, proposedAt },
  };
  expect(await storeMoneyRequest(db.pool, written)).toBe(true);
  expect(await storeMoneyRequest(db.pool, written)).toBe(false);
  expect(await db.prisma.sessionRequest.count({ where: { id: 'refund-3' } })).toBe(1);
});

test('of twenty who ask for different amounts under one id, one is taken', async () => {
  const of = await aSession();
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_none, n) =>
      takeMoneyRequest(depsOn(db), {
        ...aRefund(of),
        id: 'refund-2',
        amount: `${String(n + 1)}.00`,
      }),
    ),
  );
  expect(answers.filter(({ is }) => is === 'answered')).toHaveLength(1);
  expect(answers.filter(({ is }) => is === 'other_content')).toHaveLength(19);
});
