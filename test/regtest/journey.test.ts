// The whole journey on real LND: alice's node is the merchant's, bob pays over a channel. What a
// buyer has paid is what bob's node says; our books and the shop must agree with it.
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parsePaymentRequest } from 'invoices';
import {
  createInvoice,
  getChannels,
  getClosedChannels,
  getHeight,
  getInvoice,
  getPayments,
  pay,
  payViaPaymentDetails,
} from 'lightning';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readRequest } from '../../sandbox/lnd/index.ts';
import { startNetwork, type Network } from '../../scripts/real-nodes.ts';
import { testDatabase, type TestDatabase } from '../database.ts';
import { allPaidOnce, allReady, isSound, payInTheEnd } from '../journey/paid-once.ts';
import {
  bookedAsPaidOut,
  claimOn,
  claimStatus,
  connectPurse,
  refundShown,
  switchRefundsOn,
} from '../journey/refund-shop.ts';
import { startWorld, until, type Bought, type LightningSide, type World } from '../world.ts';

let dir: string;
let network: Network;
let place: TestDatabase;
let world: World;

/**
 * Whether it is paid in the end. "Already paid" is what a second try of a paid one says; and what
 * bob's LND calls failed because alice died in the middle may go through when she is back.
 */
const payFromBob: LightningSide['pay'] = async (request) => {
  const { alice, bob } = network;
  const limits = { max_fee_mtokens: '1000000', pathfinding_timeout: 15_000 };
  try {
    const { secret } = await pay({ lnd: bob.lnd, request, ...limits });
    return { ok: true, preimage: secret };
  } catch (error) {
    const why = JSON.stringify(error);
    if (/AlreadyPaid/i.test(why)) return { ok: true };
    const { hash } = readRequest(request);
    const atPayee = await getInvoice({ lnd: alice.lnd, id: hash }).catch(() => undefined);
    return atPayee?.is_confirmed === true ? { ok: true } : { ok: false, why };
  }
};

const total = { total: '5.00' };

beforeAll(async () => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'zaptill-regtest-'));
  network = await startNetwork({ dir, say: () => undefined });
  place = await testDatabase();
  world = await startWorld({
    databaseUrl: place.url,
    notInstalled: true,
    lightning: { lndconnect: '', pay: payFromBob },
  });
});
afterAll(async () => {
  await world.close();
  await place.close();
  await network.stop();
  fs.rmSync(dir, { recursive: true, force: true });
});

const credential = (macaroon: string) => ({
  host: `127.0.0.1:${String(network.alice.rpcPort)}`,
  certificate: fs.readFileSync(network.alice.certPath, 'utf8'),
  macaroon,
});

test('the admin macaroon is refused with a line to run, whose print is taken', async () => {
  const { alice } = network;
  const admin = fs.readFileSync(alice.adminMacaroonPath).toString('hex');
  const no = await world.api('POST', '/api/node', credential(admin));
  expect(no).toMatchObject({ status: 422, body: { ok: false, refusal: 'credential_can_spend' } });
  const excess = no.body['excess'] as { permission: string }[];
  expect(excess.map(({ permission }) => permission)).toContain('offchain:write');
  const [program, ...words] = String(no.body['bake']).split(' ');
  expect(program).toBe('lncli');
  const baked = (await alice.lncli(...words)).trim();
  expect(baked).toMatch(/^[0-9a-f]{100,}$/);
  const yes = await world.api('POST', '/api/node', credential(baked));
  expect(yes).toMatchObject({ status: 200, body: { ok: true } });
  expect(yes.body['node']).toMatchObject({ identity: alice.publicKey, network: 'regtest' });
  const shop = await world.api('GET', '/api/shop');
  expect(shop.body['node']).toMatchObject({ health: 'reachable', channels: { active: 1, all: 1 } });
});

test('an order is paid over Lightning and marked paid, once', async () => {
  const [one] = await allReady(world, 1, total);
  if (one === undefined) throw new Error('nobody is ready');
  const paid = await payFromBob(one.bolt11);
  expect(paid.ok).toBe(true);
  await until('the page says paid', async () => (await world.status(one.payUrl)).state !== 'open');
  await allPaidOnce(world, [one]);
  const atNode = await getInvoice({ lnd: network.alice.lnd, id: one.hash });
  expect(atNode).toMatchObject({ is_confirmed: true, secret: paid.preimage });
  const row = await world.db.prisma.invoice.findFirst({ where: { state: 'settled' } });
  expect(row?.paidMsat).toBe(BigInt(atNode.received_mtokens));
  expect(row?.amountMsat).toBe(readRequest(one.bolt11).amountMsat);
});

test('an order is edited, and cancelled: LND itself refuses the invoices of before', async () => {
  const [edited, cancelled] = await allReady(world, 2, total);
  if (edited === undefined || cancelled === undefined) throw new Error('nobody is ready');
  world.shopify.edit(edited.orderId, { total: '3.00' });
  world.shopify.cancel(cancelled.orderId);
  await until('the node canceled both', async () =>
    (await Promise.all([edited, cancelled].map(({ hash }) => isCanceled(hash)))).every(Boolean),
  );
  expect((await payFromBob(edited.bolt11)).ok).toBe(false);
  expect((await payFromBob(cancelled.bolt11)).ok).toBe(false);
  await world.inState(cancelled, 'lapsed', 60_000);
  const fresh = await world.invoiceOn(edited.payUrl);
  expect(readRequest(fresh).hash).not.toBe(edited.hash);
  expect((await payFromBob(fresh)).ok).toBe(true);
  await world.inState(edited, 'resolved', 60_000);
  expect(world.shopify.order(edited.orderId)).toMatchObject({ outstanding: '0.00' });
  expect(world.shopify.effects.payments(edited.orderId)).toBe(1);
  await isSound(world);
}, 180_000);

type Routed = ReturnType<typeof parsePaymentRequest> & {
  payment: string;
  features: { bit: number }[];
  cltv_delta: number;
};

test('more is paid than was asked: LND takes it, and the rest is to be given back', async () => {
  const [one] = await allReady(world, 1, total);
  if (one === undefined) throw new Error('nobody is ready');
  // A wallet's own routing may send more; by the request alone LND sends what it asks for.
  const asked = parsePaymentRequest({ request: one.bolt11 }) as Routed;
  const { destination, id, payment, features, cltv_delta } = asked;
  const { amountMsat } = readRequest(one.bolt11);
  const mtokens = String(amountMsat + 7_000n);
  const limits = { max_fee_mtokens: '1000000', pathfinding_timeout: 15_000 };
  const wish = { destination, id, payment, features, cltv_delta, mtokens, ...limits };
  await payViaPaymentDetails({ lnd: network.bob.lnd, ...wish });
  await world.inState(one, 'resolved', 60_000);
  expect(await world.rowOf(one)).toMatchObject({ attention: 'overpaid' });
  const row = await world.db.prisma.invoice.findFirstOrThrow({
    where: { hash: Buffer.from(one.hash, 'hex') },
  });
  expect((row.paidMsat ?? 0n) - row.amountMsat).toBe(7_000n);
  await isSound(world);
}, 120_000);

test('the node is restarted, and killed, while 20 buyers pay', async () => {
  const bought = await allReady(world, 20, total);
  const paying = Promise.all(
    bought.map(async ({ bolt11 }, at) => {
      await pause(at * 150);
      await payInTheEnd(world, bolt11, 120_000);
    }),
  );
  await pause(800);
  await network.alice.restart();
  await pause(500);
  await network.alice.kill9();
  await network.alice.restart();
  await paying;
  await allPaidOnce(world, bought, 90_000);
}, 280_000);

/** Right after a restart the channel may not be there yet. */
const channelWorks = (): Promise<unknown> =>
  until(
    'bob can pay alice',
    async () => {
      const { request } = await createInvoice({ lnd: network.alice.lnd, mtokens: '1000' });
      return (await payFromBob(request)).ok;
    },
    60_000,
  );

test('20 buyers pay while their orders are cancelled: the wallet is right', async () => {
  await channelWorks();
  const bought = await allReady(world, 20, total);
  const wins = await Promise.all(
    bought.map(async (one, at) => {
      await pause(at * 100);
      // From half a second before the order is cancelled to some seconds after it.
      const paying = pause(at * at * 14).then(() => payFromBob(one.bolt11));
      const canceling = pause(500).then(() => world.shopify.cancel(one.orderId));
      const [{ ok }] = await Promise.all([paying, canceling]);
      return ok;
    }),
  );
  expect(wins).toContain(true);
  expect(wins).toContain(false);
  for (const [at, one] of bought.entries()) {
    const paid = wins[at] === true;
    const atNode = await getInvoice({ lnd: network.alice.lnd, id: one.hash });
    expect(atNode.is_confirmed).toBe(paid);
    const told = world.shopify.effects.payments(one.orderId);
    // Whoever paid before the order was cancelled has it paid; whoever paid after is not forgotten.
    if (!paid) await world.inState(one, 'lapsed', 60_000);
    else await world.inState(one, told === 1 ? 'resolved' : 'stranded', 60_000);
    expect(world.shopify.effects.payments(one.orderId)).toBeLessThanOrEqual(paid ? 1 : 0);
  }
  await isSound(world);
}, 120_000);

const answerOf = async (one: Bought, what: 'charge' | 'let_go'): Promise<unknown> => {
  const id = (await world.rowOf(one))?.id ?? '';
  return world.api('POST', `/api/payments/${id}/hold`, { do: what });
};
const isCanceled = async (hash: string): Promise<boolean> =>
  (await getInvoice({ lnd: network.alice.lnd, id: hash })).is_canceled === true;

test('what a shop confirms first is held: charged it is paid, let go it is back', async () => {
  await channelWorks();
  const { body } = await world.api('GET', '/api/holds');
  expect(body).toMatchObject({ isOn: false, nodeCanHold: false });
  const [, ...words] = String(body['bake']).split(' ');
  const macaroon = (await network.alice.lncli(...words)).trim();
  const connected = await world.api('POST', '/api/node', {
    ...credential(macaroon),
    forHolds: true,
  });
  expect(connected).toMatchObject({ status: 200, body: { ok: true } });
  const on = await world.api('POST', '/api/holds', { on: true });
  expect(on).toMatchObject({ status: 200, body: { ok: true, isOn: true } });
  const [charged, freed] = await allReady(world, 2, total);
  if (charged === undefined || freed === undefined) throw new Error('nobody is ready');
  const paying = [payFromBob(charged.bolt11), payFromBob(freed.bolt11)];
  for (const one of [charged, freed]) await world.inState(one, 'held', 60_000);
  expect(world.shopify.effects.payments(charged.orderId)).toBe(0);
  expect(await answerOf(freed, 'let_go')).toMatchObject({ status: 200 });
  expect(await answerOf(charged, 'charge')).toMatchObject({ status: 200 });
  await allPaidOnce(world, [charged]);
  await world.inState(freed, 'lapsed', 60_000);
  expect((await Promise.all(paying)).map(({ ok }) => ok)).toEqual([true, false]);
  expect(await isCanceled(freed.hash)).toBe(true);
  expect(world.shopify.effects.payments(freed.orderId)).toBe(0);
}, 180_000);

test('held to its end it is given back before a channel would be closed for it', async () => {
  const { alice, bob } = network;
  const [one] = await allReady(world, 1, total);
  if (one === undefined) throw new Error('nobody is ready');
  const paying = payFromBob(one.bolt11);
  await world.inState(one, 'held', 60_000);
  const { heldUntilHeight } = await world.db.prisma.invoice.findFirstOrThrow({
    where: { hash: Buffer.from(one.hash, 'hex') },
  });
  const height = async (): Promise<number> =>
    (await getHeight({ lnd: alice.lnd })).current_block_height;
  // LND would give it back 18 blocks before its HTLC times out; we do it six before that.
  await network.mine((heldUntilHeight ?? 0) - 24 - (await height()));
  expect(await isCanceled(one.hash)).toBe(false);
  await world.inState(one, 'lapsed', 120_000);
  expect((await paying).ok).toBe(false);
  expect(await isCanceled(one.hash)).toBe(true);
  expect((heldUntilHeight ?? 0) - (await height())).toBe(24);
  const { channels } = await getChannels({ lnd: bob.lnd });
  expect(channels).toMatchObject([{ is_active: true, pending_payments: [] }]);
  expect((await getClosedChannels({ lnd: bob.lnd })).channels).toEqual([]);
  expect(world.shopify.effects.payments(one.orderId)).toBe(0);
  expect(await world.api('POST', '/api/holds', { on: false })).toMatchObject({ status: 200 });
  await isSound(world);
}, 240_000);

test('an order is refunded: the signer pays the BOLT11 of the buyer, once', async () => {
  const { alice, bob } = network;
  const signerKeys = `1:${randomBytes(32).toString('base64')}`;
  const place = ['--host', `127.0.0.1:${String(alice.rpcPort)}`, '--certificate'];
  const words = [...place, `@${alice.certPath}`, '--macaroon'];
  const admin = fs.readFileSync(alice.adminMacaroonPath).toString('hex');
  const no = await connectPurse(world, { signerKeys, words: [...words, admin] });
  expect(no.ok).toBe(false);
  const line = /lncli (bakemacaroon .*)/.exec(no.said)?.[1] ?? '';
  const baked = (await alice.lncli(...line.trim().split(' '))).trim();
  const yes = await connectPurse(world, { signerKeys, words: [...words, baked] });
  expect(yes).toMatchObject({ ok: true });
  await switchRefundsOn(world);
  const [one] = await allReady(world, 1, total);
  if (one === undefined) throw new Error('nobody is ready');
  expect((await payFromBob(one.bolt11)).ok).toBe(true);
  await world.inState(one, 'resolved', 60_000);
  world.shopify.refund(one.orderId, { amount: '2.00' });
  const asked = await refundShown(
    world,
    'it can be claimed',
    ({ state, fiat }) => state === 'claimable' && fiat?.amount === '2.00',
  );
  const claimUrl = asked.claimUrl ?? '';
  const mtokens = `${asked.sats ?? ''}000`;
  const { id, request } = await createInvoice({ lnd: bob.lnd, mtokens });
  expect((await claimOn(claimUrl, request)).code).toBe(303);
  expect((await getInvoice({ lnd: bob.lnd, id })).is_confirmed).toBe(false);
  world.startSigner(signerKeys);
  const isPaid = async (): Promise<boolean> => (await claimStatus(claimUrl)).state === 'paid';
  await until('its page says paid', isPaid, 60_000);
  await refundShown(world, 'it is done', (it) => it.id === asked.id && it.state === 'done');
  const atBuyer = await getInvoice({ lnd: bob.lnd, id });
  expect(atBuyer).toMatchObject({ is_confirmed: true, received_mtokens: mtokens });
  const payouts = await world.db.prisma.payout.findMany();
  expect(payouts).toMatchObject([{ state: 'paid', amountMsat: BigInt(mtokens) }]);
  expect(Buffer.from(payouts[0]?.preimage ?? []).toString('hex')).toBe(atBuyer.secret);
  const { payments } = await getPayments({ lnd: alice.lnd });
  expect(payments).toMatchObject([{ id, is_confirmed: true }]);
  expect(await bookedAsPaidOut(world)).toBe(BigInt(mtokens) + (payouts[0]?.feeMsat ?? 0n));
  await isSound(world);
}, 180_000);
