// The whole way of a refund, with every process there is: paid, refunded in Shopify, priced,
// claimed by its buyer on the page, paid by the signer, told; and what left the node is what the
// books say, once.
import { beforeAll, expect, test } from 'vitest';
import { auditChain } from '../../web/flows/audit-chain.ts';
import { parseVaultKeys } from '../../web/vault/keys.ts';
import { makeStamp } from '../../web/vault/stamp.ts';
import { app, shopName, until, type World } from '../world.ts';
import { worldOfFile } from '../world-of-file.ts';
import { chosen, hasPaymentsApp, sessionIs } from './offsite-shop.ts';
import { isQuiet, isSound, oneReady, payInTheEnd } from './paid-once.ts';
import {
  bookedAsPaidOut,
  claimOn,
  claimStatus,
  hasRefunds,
  leftNode,
  refundShown,
  type Refunding,
} from './refund-shop.ts';

const longMs = 120_000;
let world: World;
let shop: Refunding;
worldOfFile((made) => (world = made), { payments: true });
beforeAll(async () => {
  await hasPaymentsApp(world);
  shop = await hasRefunds(world);
}, 240_000);

/** Every timeline is what was written, and every rule holds. */
async function isAllSound(): Promise<void> {
  await isSound(world);
  const stamp = makeStamp(parseVaultKeys(world.vaultKeys) ?? []);
  const chains = await auditChain({ db: world.db, stamp });
  expect(chains).toMatchObject({ faults: [] });
  const left = leftNode(world);
  const whole = left.reduce((sum, { amountMsat, feeMsat }) => sum + amountMsat + feeMsat, 0n);
  expect(await bookedAsPaidOut(world)).toBe(whole);
  expect(left).toEqual(left.map((each) => ({ ...each, status: 'SUCCEEDED', tries: 1 })));
  expect(shop.wallet.paid().toSorted()).toEqual(left.map(({ hash }) => hash).toSorted());
}

const msatOf = (sats: string | null): bigint => BigInt(sats ?? 0) * 1_000n;
const refundsOf = (paymentId: string) => world.db.prisma.refund.findMany({ where: { paymentId } });

test('an order is refunded in Shopify, and its buyer has the sats', async () => {
  const one = await oneReady(world);
  await payInTheEnd(world, one.bolt11, longMs);
  await world.isPaid(one, longMs);
  await world.inState(one, 'resolved', longMs);
  world.shopify.refund(one.orderId, { amount: '5.25' });
  // Shopify tells of it again and again, all at once.
  const told = { topic: 'refunds/create', shop: shopName, app: app.name };
  const body = JSON.stringify({ order_id: Number(one.orderId.replace(/\D/g, '')) });
  const heard = await Promise.all(
    Array.from({ length: 20 }, () => world.shopify.sendWebhook({ ...told, body })),
  );
  expect(new Set(heard)).toEqual(new Set(['200']));
  const asked = await refundShown(world, 'it can be claimed', (it) => it.state === 'claimable');
  expect(asked).toMatchObject({ origin: 'order_refund', fiat: { amount: '5.25' } });
  const claimUrl = asked.claimUrl ?? '';
  const amountMsat = msatOf(asked.sats);
  const page = await (await fetch(claimUrl)).text();
  expect(page).toContain(`action="/refund/`);
  const tooMuch = shop.wallet.make({ amountMsat: amountMsat + 1_000n });
  expect((await claimOn(claimUrl, tooMuch.request)).code).toBe(422);
  const right = shop.wallet.make({ amountMsat });
  expect((await claimOn(claimUrl, right.request)).code).toBe(303);
  expect(await claimStatus(claimUrl)).toMatchObject({ state: 'claimed' });
  const other = shop.wallet.make({ amountMsat });
  expect((await claimOn(claimUrl, other.request)).code).toBe(422);
  // Nobody could pay until here: the purse's process begins.
  expect(leftNode(world)).toEqual([]);
  world.startSigner(shop.signerKeys);
  await until(
    'its page says paid',
    async () => (await claimStatus(claimUrl)).state === 'paid',
    longMs,
  );
  const done = await refundShown(world, 'it is done', (it) => it.id === asked.id);
  await refundShown(world, 'it is done', (it) => it.id === asked.id && it.state === 'done');
  expect(shop.wallet.paid()).toEqual([right.hash]);
  expect(leftNode(world)).toMatchObject([{ hash: right.hash, amountMsat }]);
  expect(await refundsOf(done.paymentId)).toHaveLength(1);
  await isQuiet(world);
  await isAllSound();
}, 240_000);

test('a session is refunded at Shopify, which hears that the buyer has the money', async () => {
  const { payments } = world.shopify;
  const session = await chosen(world, { amount: '21.00', currency: 'EUR' });
  await payInTheEnd(world, await world.invoiceOn(session.payUrl, longMs), longMs);
  await sessionIs(world, session, 'resolved', longMs);
  const asked = await payments.refund(session.id, { amount: '7.00' });
  const again = await Promise.all(Array.from({ length: 4 }, () => payments.askAgain(asked.id)));
  expect(again.map(({ answer }) => answer)).toEqual(['201', '201', '201', '201']);
  const isIt = (state: string) => (it: { origin: string; state: string }) =>
    it.origin === 'refund_session' && it.state === state;
  const refund = await refundShown(world, 'it can be claimed', isIt('claimable'));
  const claimUrl = refund.claimUrl ?? '';
  const bill = shop.wallet.make({ amountMsat: msatOf(refund.sats) });
  expect((await claimOn(claimUrl, bill.request)).code).toBe(303);
  await refundShown(world, 'it is done', isIt('done'));
  expect(payments.effects.count(asked.id, 'refund_resolved')).toBe(1);
  expect(payments.effects.count(asked.id, 'refund_rejected')).toBe(0);
  expect(await refundsOf(refund.paymentId)).toHaveLength(1);
  expect(await claimStatus(claimUrl)).toMatchObject({ state: 'paid', final: true });
  await isAllSound();
}, 240_000);
