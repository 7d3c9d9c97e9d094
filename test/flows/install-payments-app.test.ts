// The payments app comes back with tokens that work: what waited for them goes on at once.
import { expect, test } from 'vitest';
import type { Database } from '../../web/db/database.ts';
import { pauseLane, pauseOf, shopLane } from '../../web/db/lanes.ts';
import { storeRegistration } from '../../web/db/registrations.ts';
import { installPaymentsApp } from '../../web/flows/install-payments-app.ts';
import { aNode, aSettledPayment } from '../builders.ts';
import { databaseOfFile } from '../database-of-file.ts';
import { depsOn } from '../worker/play.ts';

let db: Database;
databaseOfFile((made) => {
  db = made;
});
test('the lane that was paused for a refused token is open, and its payment is due', async () => {
  const { id: registrationId } = await storeRegistration(db, {
    ...{ kind: 'payments', name: 'payments', clientId: 'payments' },
    sealedSecret: new Uint8Array([1]),
  });
  const { log, sealer } = depsOn(db);
  const exchangeCode = () =>
    Promise.resolve({
      ...{ accessToken: 'a', accessTokenEndsAt: null, refreshToken: 'r', refreshTokenEndsAt: null },
      scopes: 'write_payment_gateways,write_payment_sessions',
    });
  const grant = { registrationId, domain: 'alpine.myshopify.com', code: 'a-code' };
  const install = () => installPaymentsApp({ db, log, sealer, exchangeCode }, grant);
  const { id: shopId } = await install();

  const nodeId = await aNode(db, { shopId });
  const { payment } = await aSettledPayment(db, { shopId, nodeId });
  const lane = shopLane(shopId);
  await pauseLane(db, lane, { because: 'token_refused', waitMs: 3_600_000, draw: 0.5 });
  const dueAt = new Date(Date.now() + 3_600_000);
  await db.prisma.payment.update({ where: { id: payment.id }, data: { dueAt, attempts: 4 } });

  await install();
  expect(await pauseOf(db, lane)).toBeUndefined();
  const after = await db.prisma.payment.findUniqueOrThrow({ where: { id: payment.id } });
  expect(after.dueAt?.getTime()).toBeLessThanOrEqual(Date.now() + 1_000);
});
