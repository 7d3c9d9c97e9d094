// A refund from its first word to its end, in the real database, with the shop and the node played:
// however often and from how many sides it is asked for, priced, claimed, paid and told, it is one,
// and never more than was captured.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { audit } from '../../web/db/audit.ts';
import { approveRefund } from '../../web/flows/approve-refund.ts';
import { changeSettings } from '../../web/flows/change-settings.ts';
import { claimThese, giveBack } from '../../web/db/due.ts';
import { recordSettlements } from '../../web/db/invoices.ts';
import { settingsOf } from '../../web/db/settings.ts';
import { sight } from '../../web/db/sightings.ts';
import { lookAtOrder } from '../../web/flows/look-at-order.ts';
import { openOrderRefunds } from '../../web/flows/open-order-refunds.ts';
import { giveBackAsRefund } from '../../web/flows/open-refund.ts';
import { endClaimTime, withdrawRefund } from '../../web/flows/withdraw-refund.ts';
import { minor, msat } from '../../web/core/money.ts';
import { anInvoice, aPayment, aSettle } from '../builders.ts';
import { fileOf, startRefunds, type RefundsShop } from './refunds-shop.ts';

let here: RefundsShop;
beforeAll(async () => {
  here = await startRefunds();
});
afterAll(async () => {
  // Whose step is run by hand here rests the others of its lane.
  const { pool } = here.our.db;
  await pool.query(`update invoice set due_at = now() where state in ('made', 'live')`);
  await pool.query(`update refund set due_at = now() where state <> 'done'`);
  await pool.query(`update payment set due_at = now() where state = 'settled'`);
  expect(await audit(here.our.db)).toEqual([]);
  await here.close();
});
beforeEach(async () => {
  await here.say(`refunds_on = true, refund_pricing = 'sats_paid', refund_approval_msat = null,
    refund_claim_days = 30`);
});
const twenty = <T>(work: (n: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: 20 }, (_none, n) => work(n)));

test('what went out and is booked as another amount, or not at all, is named', async () => {
  const { payment } = await here.aPaidOrder();
  const refund = await here.aRefund(payment.id, '10.50');
  await here.step(refund.id);
  await here.signer.pays(refund.id, await here.aClaim(refund), 2_000n);
  const { pool } = here.our.db;
  const account = `paid_out:${String(here.our.shop.id)}`;
  const named = async (): Promise<string[]> =>
    (await audit(here.our.db)).map(({ what }) => what).filter((what) => what.startsWith(account));
  // The signer has paid, and nobody has taken it over.
  expect(await named()).toEqual([]);
  await here.step(refund.id);
  expect(await named()).toEqual([]);
  const change = (by: number, from: string): Promise<unknown> =>
    pool.query(
      `update posting set amount_msat = amount_msat + $1
       where journal = $2 and from_account like $3`,
      [by, `refund:${refund.id}:paid`, `${from}:%`],
    );
  await pool.query('alter table posting disable trigger posting_append_only');
  for (const [from, part] of [
    ['refunding', ':'],
    ['fees', ' (fees):'],
  ] as const) {
    await change(-1, from);
    const broken = await named();
    expect(broken).toHaveLength(1);
    expect(broken[0]).toMatch(/: booked \d+ of \d+$/);
    expect(broken[0]?.startsWith(account + part)).toBe(true);
    await change(1, from);
  }
  await pool.query('alter table posting enable trigger posting_append_only');
  expect(await named()).toEqual([]);
});

test('from the click to the end: every sat is in an account', async () => {
  const { payment } = await here.aPaidOrder();
  const refund = await here.aRefund(payment.id, '10.50');
  expect(refund).toMatchObject({ state: 'asked', reason: 'staff_asked', amountMsat: null });
  await here.step(refund.id);
  const { amountMsat } = await here.read(refund.id);
  const before = await here.accounts(payment.id);
  expect(before['refunding']).toBe(amountMsat);
  expect(await here.read(refund.id)).toMatchObject({ state: 'claimable', reason: 'priced' });

  const preimage = await here.aClaim(refund);
  expect(await here.step(refund.id)).toMatchObject({ attempt: false, asked: false });
  expect((await here.read(refund.id)).state).toBe('claimed');
  await here.signer.pays(refund.id, preimage, 2_000n);
  await here.step(refund.id);
  expect(await here.read(refund.id)).toMatchObject({ state: 'paid', reason: 'paid_out' });
  const after = await here.accounts(payment.id);
  expect(after).toEqual({
    ...{ node: before['node'], resolved: before['resolved'], fees: -2_000n },
    paid_out: (amountMsat ?? 0n) + 2_000n,
  });
  await here.step(refund.id);
  expect(await here.read(refund.id)).toMatchObject({ state: 'done', reason: 'paid_out' });
  expect(
    (
      await here.our.db.prisma.refundClaim.findFirstOrThrow({
        where: { refundId: refund.id },
      })
    ).state,
  ).toBe('paid');
});

describe('asked in Shopify', () => {
  test('twenty who hear of one refund at once open one', async () => {
    const open = await here.aPaidOrder();
    here.our.shopify.refund(open.orderId, { amount: '5.00' });
    const at = { shopId: here.our.shop.id, originId: open.orderId };
    await twenty(() => openOrderRefunds(here.our.deps, at));
    await here.lookAtOrderOf(open);
    expect(await here.refundsOf(open.payment.id)).toMatchObject([
      { origin: 'order_refund', state: 'asked', amountMinor: 500n, currency: 'EUR' },
    ]);
  });

  test('what went back by another manual method of the shop is not ours', async () => {
    const open = await here.aPaidOrder();
    const { shopify, db, deps } = here.our;
    const { shopId, originId } = open.payment;
    const storefront = await deps.storefronts.of(shopId);
    shopify.edit(open.orderId, { add: [{ title: 'A further one', price: '9.00' }] });
    const store = here.our.shop.domain.replace('.myshopify.com', '');
    const methods = (...names: string[]): Promise<unknown> =>
      fetch(`${shopify.origin}/admin.shopify.com/store/${store}/settings/payments`, {
        ...{ method: 'POST', redirect: 'manual' },
        body: new URLSearchParams({ methods: names.join('\n') }),
      });
    const byStaff = { amountMinor: minor(900n), currency: open.payment.currency };
    await methods('Bitcoin (Lightning)', 'manual');
    const part = { ...byStaff, methodName: 'manual', paidAt: new Date() };
    expect(await storefront.recordPart(originId, part)).toMatchObject({ is: 'done' });
    await methods('Bitcoin (Lightning)');
    shopify.refund(open.orderId, { amount: '5.00' });
    expect(await storefront.readRefunds(originId)).toMatchObject([
      { parts: [{ gateway: 'manual', amountMinor: 500n }] },
    ]);
    await openOrderRefunds(deps, { shopId, originId });
    expect(await here.refundsOf(open.payment.id)).toEqual([]);
    // Where no sale stands under our name, ours stands there without one.
    const named = (name: string): Promise<unknown> =>
      db.pool.query(
        `with s as (update shop set method_name = $2 where id = $3)
         update payment set method_name = $2, tell_method = null where id = $1::uuid`,
        [open.payment.id, name, shopId],
      );
    await named('Another');
    await openOrderRefunds(deps, { shopId, originId });
    await named('Bitcoin (Lightning)');
    expect(await here.refundsOf(open.payment.id)).toMatchObject([{ amountMinor: 500n }]);
  });

  test('after staff gave a part back here, it waits for a person: it may be the same', async () => {
    const open = await here.aPaidOrder();
    const staffs = await here.aRefund(open.payment.id, '5.00');
    await here.step(staffs.id);
    expect((await here.read(staffs.id)).state).toBe('claimable');
    here.our.shopify.refund(open.orderId, { amount: '5.00' });
    expect(await here.lookAtOrderOf(open)).toBe('stored');
    const [, asked] = await here.refundsOf(open.payment.id);
    if (asked === undefined) throw new Error('no refund was opened');
    await here.step(asked.id);
    expect(await here.read(asked.id)).toMatchObject({
      ...{ origin: 'order_refund', state: 'asked', reason: 'approval_wanted' },
    });
    // Without one of ours that counts, it goes out by itself.
    const { id: refundId } = staffs;
    const shopId = here.our.shop.id;
    const taken = { shopId, refundId, staffId: '8', because: 'taken_back' } as const;
    expect(await withdrawRefund(here.our.deps, taken)).toEqual({ ok: true });
    here.our.shopify.refund(open.orderId, { amount: '4.00' });
    expect(await here.lookAtOrderOf(open)).toBe('stored');
    const more = (await here.refundsOf(open.payment.id)).at(-1);
    await here.step(more?.id ?? '');
    expect((await here.read(more?.id ?? '')).state).toBe('claimable');
  });

  test('a payment that is just being told is waited for', async () => {
    const open = await here.aPaidOrder();
    here.our.shopify.refund(open.orderId, { amount: '5.00' });
    const { pool } = here.our.db;
    const played = `update payment set state = $2::payment_state where id = $1::uuid`;
    await pool.query('alter table payment disable trigger payment_arrow');
    await pool.query(played, [open.payment.id, 'settled']);
    expect(await here.lookAtOrderOf(open)).toEqual({ dueInMs: 30_000, attempt: false });
    await pool.query(played, [open.payment.id, 'resolved']);
    await pool.query('alter table payment enable trigger payment_arrow');
    expect(await here.lookAtOrderOf(open)).toBe('stored');
    expect(await here.refundsOf(open.payment.id)).toHaveLength(1);
  });

  test('more than is known to be captured waits while the rest is just being told', async () => {
    const open = await here.aPaidOrder();
    const { shopId, originId } = open.payment;
    const { db } = here.our;
    const rest = await aPayment(db, { shopId, originId, sequence: 2 });
    const { id: nodeId } = await db.prisma.node.findFirstOrThrow({ where: { shopId } });
    const invoice = await anInvoice(db, { payment: rest, nodeId });
    const told = { nodeId, observations: [aSettle(invoice)], recorder: { via: 'lookup' } } as const;
    await recordSettlements(db.pool, told);
    await here.aRefund(open.payment.id, '20.00');
    here.our.shopify.refund(open.orderId, { amount: '5.00' });
    expect(await here.lookAtOrderOf(open)).toEqual({ dueInMs: 30_000, attempt: false });
    expect(await here.refundsOf(open.payment.id)).toHaveLength(1);
  });

  test('several of one order are each its own, and no more than was captured', async () => {
    const open = await here.aPaidOrder();
    for (const amount of ['5.00', '6.00', '10.00']) {
      here.our.shopify.refund(open.orderId, { amount });
    }
    await here.lookAtOrderOf(open);
    const rows = await here.refundsOf(open.payment.id);
    expect(rows.map((row) => row.amountMinor).sort()).toEqual([1_000n, 500n, 600n]);
    expect(await here.asks(open.payment.id, '0.01')).toEqual({
      ...{ ok: false, refusal: 'more_than_captured', leftMinor: 0n },
    });
  });

  test('more than is left is written down as withdrawn, with the reason', async () => {
    const open = await here.aPaidOrder();
    await here.aRefund(open.payment.id, '20.00');
    here.our.shopify.refund(open.orderId, { amount: '5.00' });
    await here.lookAtOrderOf(open);
    const [, second] = await here.refundsOf(open.payment.id);
    expect(second).toMatchObject({ state: 'withdrawn', reason: 'more_than_captured' });
    await here.step(second?.id ?? '');
    expect((await here.read(second?.id ?? '')).state).toBe('done');
    // Staff wrote in Shopify what they gave back here: nobody is told to give it back again.
    expect(await here.our.read(open.payment.id)).toMatchObject({ attention: null });
  });

  test('each that comes to nothing is told of, whatever its payment asks', async () => {
    await here.say(`alert_email = 'm@shop.example'`);
    const open = await here.aPaidOrder();
    const { our } = here;
    const { id: paymentId } = open.payment;
    await our.db.prisma.payment.update({
      where: { id: paymentId },
      data: { attention: 'overpaid' },
    });
    for (const amount of ['5.00', '6.00']) our.shopify.refund(open.orderId, { amount });
    await here.lookAtOrderOf(open);
    const tooLate = our.later(366 * 86_400_000);
    for (const { id } of await here.refundsOf(paymentId)) {
      await here.step(id);
      await here.step(id, tooLate);
      await here.step(id);
      expect((await here.read(id)).state).toBe('done');
    }
    expect((await our.read(paymentId)).attention).toBe('overpaid');
    const told = await our.db.prisma.alert.findMany({ where: { what: 'refund_undone' } });
    expect(told.filter(({ about }) => JSON.stringify(about).includes(paymentId))).toHaveLength(2);
    // One whose payment asks nothing else is told of once as well.
    const alone = await here.aPaidOrder();
    const { id } = await here.aRefund(alone.payment.id, '5.00');
    await here.step(id);
    await here.step(id, tooLate);
    await here.step(id);
    expect((await our.read(alone.payment.id)).attention).toBe('refund_undone');
    const once = { what: 'refund_undone', key: `refund:${id}` };
    expect(await our.db.prisma.alert.count({ where: once })).toBe(1);
    expect(await our.db.prisma.alert.count({ where: { what: 'refund_undone' } })).toBe(3);
    await here.say('alert_email = null');
  });

  test('not claimed in time asks the merchant, and taken back by staff does not', async () => {
    const asksFor = async (then: (id: string) => Promise<unknown>): Promise<string | null> => {
      const open = await here.aPaidOrder();
      here.our.shopify.refund(open.orderId, { amount: '5.00' });
      await here.lookAtOrderOf(open);
      const [refund] = await here.refundsOf(open.payment.id);
      const id = refund?.id ?? '';
      await here.step(id);
      expect((await here.read(id)).state).toBe('claimable');
      await then(id);
      await here.step(id);
      expect((await here.read(id)).state).toBe('done');
      return (await here.our.read(open.payment.id)).attention;
    };
    const tooLate = here.our.later(366 * 86_400_000);
    expect(await asksFor((id) => here.step(id, tooLate))).toBe('refund_undone');
    // What staff opened asks as well: they take it for given back.
    const ofStaff = await here.aPaidOrder();
    const { id: opened } = await here.aRefund(ofStaff.payment.id, '5.00');
    await here.step(opened);
    await here.step(opened, tooLate);
    await here.step(opened);
    expect((await here.our.read(ofStaff.payment.id)).attention).toBe('refund_undone');
    const { shop, deps } = here.our;
    const byStaff = { shopId: shop.id, because: 'taken_back', staffId: '8' } as const;
    expect(await asksFor((refundId) => withdrawRefund(deps, { ...byStaff, refundId }))).toBeNull();
  });

  test('of an order that Shopify does not show any more a person is asked', async () => {
    const open = await here.aPaidOrder();
    const { our } = here;
    our.shopify.remove(open.orderId);
    const at = { shopId: our.shop.id, originId: open.payment.originId };
    const hour = 3_700_000;
    const looked = async (...topics: string[]): Promise<string | null> => {
      for (const because of topics) await sight(our.db.pool, { ...at, because });
      const { id } = await our.db.prisma.sighting.findFirstOrThrow({ where: at });
      await our.db.pool.query('update sighting set attempts = 99 where id = $1', [id]);
      const lane = our.shopLane(our.shop.id);
      const end = await our.runStep(lookAtOrder, { table: 'sighting', id, lane }, our.later(hour));
      expect(end).toEqual({ dueInMs: undefined, attempt: true });
      return (await our.read(open.payment.id)).attention;
    };
    expect(await looked('orders/updated')).toBeNull();
    // Shopify sends both at once, in any order.
    await our.db.pool.query('update sighting set due_at = null');
    expect(await looked('refunds/create', 'orders/updated')).toBe('refund_unread');
  });
});

describe('asked in our admin', () => {
  test('a double click is one; the same key with another amount is refused', async () => {
    const { payment } = await here.aPaidOrder();
    const opened = await twenty(() => here.asks(payment.id, '3.00', { originId: 'one-click' }));
    expect(opened.filter((each) => each.ok && each.opened)).toHaveLength(1);
    expect(opened.every((each) => each.ok)).toBe(true);
    expect(await here.asks(payment.id, '4.00', { originId: 'one-click' })).toEqual({
      ...{ ok: false, refusal: 'refund_exists_with_other_content' },
    });
  });

  test('three parts and ten who race: never more than was captured', async () => {
    const { payment } = await here.aPaidOrder();
    for (const amount of ['1.00', '2.00', '3.00']) await here.aRefund(payment.id, amount);
    const raced = await Promise.all(
      Array.from({ length: 10 }, () => here.asks(payment.id, '4.00')),
    );
    // 15.00 are left, so that three of 4.00 find a place.
    expect(raced.filter(({ ok }) => ok)).toHaveLength(3);
    expect(raced.filter((each) => !each.ok && each.refusal === 'more_than_captured')).toHaveLength(
      7,
    );
    const rows = await here.refundsOf(payment.id);
    expect(rows.reduce((sum, row) => sum + row.amountMinor, 0n)).toBe(1_800n);
  });

  test('the database itself refuses what the program would forget', async () => {
    const { payment } = await here.aPaidOrder();
    const insert = (shopId: number, minor: number) =>
      here.our.db.pool.query(
        `insert into refund (id, link, shop_id, payment_id, origin, origin_id, currency,
           amount_minor, pricing, source, reason, lane)
         values (gen_random_uuid(), gen_random_uuid(), $1, $2, 'admin', gen_random_uuid(), 'EUR',
           $3, 'sats_paid', 'resolved', 'staff_asked', 'shop:1:admin')`,
        [shopId, payment.id, minor],
      );
    await expect(insert(here.our.shop.id, 2_101)).rejects.toMatchObject({ code: 'ZP005' });
    await insert(here.our.shop.id, 2_100);
    await expect(insert(here.our.shop.id, 1)).rejects.toMatchObject({ code: 'ZP005' });
    const { id: stranger } = await here.our.db.prisma.shop.create({
      data: { registrationId: here.our.shop.registrationId, domain: 'x.myshopify.com', lane: 'x' },
    });
    await expect(insert(stranger, 1)).rejects.toMatchObject({ code: 'ZP005' });
    const set = (change: string) =>
      here.our.db.pool.query(`update refund set ${change} where payment_id = $1`, [payment.id]);
    await expect(set(`state = 'done'`)).rejects.toMatchObject({ code: 'ZP003' });
    await expect(set('amount_minor = 1')).rejects.toMatchObject({ code: 'ZP004' });
    await expect(set(`state = 'claimable'`)).rejects.toMatchObject({ code: '23514' });
    const all = here.our.db.pool.query('delete from refund where payment_id = $1', [payment.id]);
    await expect(all).rejects.toMatchObject({ code: 'ZP001' });
    await set(`state = 'withdrawn', reason = 'taken_back', due_at = now(),
      lane = 'shop:' || shop_id || ':admin'`);
    await here.our.db.pool.query(
      `insert into history (payment_id, what, because, details)
       select payment_id, 'refund', reason,
         jsonb_build_object('refund', id::text, 'to', state::text)
       from refund where payment_id = $1`,
      [payment.id],
    );
    await here.our.db.prisma.shop.delete({ where: { id: stranger } });
  });

  test.each([
    ['9.99', 'USD', 'other_currency'],
    ['9.999', 'EUR', 'amount_unreadable'],
    ['-1', 'EUR', 'amount_unreadable'],
    ['0', 'EUR', 'amount_unreadable'],
    ['21.01', 'EUR', 'more_than_captured'],
  ])('%s %s is refused: %s', async (amount, currencyCode, refusal) => {
    const { payment } = await here.aPaidOrder();
    expect(await here.asks(payment.id, amount, { currencyCode })).toMatchObject({
      ...{ ok: false, refusal },
    });
    expect(await here.refundsOf(payment.id)).toEqual([]);
  });

  test('nothing is given back of what was not paid, or is of another shop', async () => {
    const { payment } = await here.our.anOrder();
    expect(await here.asks(payment.id, '1.00')).toEqual({ ok: false, refusal: 'nothing_captured' });
    const paid = await here.aPaidOrder();
    const foreign = { shopId: here.our.shop.id + 1 };
    expect(await here.asks(paid.payment.id, '1.00', foreign)).toEqual({
      ...{ ok: false, refusal: 'unknown_payment' },
    });
  });
});

describe('its price', () => {
  test('waits for refunds to be switched on, and goes on at once when they are', async () => {
    await here.say('refunds_on = false');
    const { payment } = await here.aPaidOrder();
    const refund = await here.aRefund(payment.id, '5.00');
    await here.step(refund.id);
    await here.step(refund.id);
    expect(await here.read(refund.id)).toMatchObject({ state: 'asked', reason: 'refunds_off' });
    const { settings, version } = await settingsOf(here.our.db, here.our.shop.id);
    const wish = { ...settings, refundsOn: true };
    const shopId = here.our.shop.id;
    await changeSettings(here.our.deps, { shopId, version, was: settings, settings: wish });
    const { dueAt } = await here.our.db.prisma.refund.findUniqueOrThrow({
      where: { id: refund.id },
    });
    expect(dueAt?.getTime()).toBeLessThanOrEqual(Date.now() + 1_000);
    await here.step(refund.id);
    expect((await here.read(refund.id)).state).toBe('claimable');
  });

  test('of today waits while no two sources agree, and comes later with its evidence', async () => {
    await here.say(`refund_pricing = 'fiat_today'`);
    const { payment } = await here.aPaidOrder();
    const refund = await here.aRefund(payment.id, '21.00');
    const silent = { pricesFor: () => Promise.resolve([]) };
    const end = await here.step(refund.id, { ...here.our.deps, rates: silent });
    expect(end).toMatchObject({ attempt: true, asked: false });
    expect(await here.read(refund.id)).toMatchObject({ state: 'asked', reason: 'no_price' });
    await here.step(refund.id);
    const row = await here.our.db.prisma.refund.findUniqueOrThrow({ where: { id: refund.id } });
    expect(row).toMatchObject({ state: 'claimable', pricing: 'fiat_today' });
    expect(row.evidence).toMatchObject({
      ...{ pricing: 'fiat_today', used: 'fiat_today' },
      agreed: { currency: 'EUR', sources: [{}, {}, {}] },
    });
  });

  test.each([
    ['fiat_today', 'half', 'more', 'fiat_today'],
    ['fiat_today', 'twice', 'less', 'fiat_today'],
    ['lower', 'half', 'same', 'sats_paid'],
    ['lower', 'twice', 'less', 'fiat_today'],
    ['sats_paid', 'twice', 'same', 'sats_paid'],
  ] as const)('%s when a coin costs %s: %s sats than came', async (pricing, times, is, used) => {
    await here.say(`refund_pricing = '${pricing}', refund_approval_msat = ${String(10n ** 12n)}`);
    const { payment } = await here.aPaidOrder();
    const came = (await here.accounts(payment.id))['resolved'] ?? 0n;
    const refund = await here.aRefund(payment.id, '21.00');
    await here.step(refund.id, here.costing(times));
    const row = await here.our.db.prisma.refund.findUniqueOrThrow({ where: { id: refund.id } });
    const amount = row.amountMsat ?? 0n;
    expect(amount > came ? 'more' : amount === came ? 'same' : 'less').toBe(is);
    expect(row.evidence).toMatchObject({ used });
    const held = await here.accounts(payment.id);
    expect(held['refunding']).toBe(amount);
    expect(held['topped_up'] ?? 0n).toBe(amount > came ? came - amount : 0n);
    // In the books it is worth what is refunded, by the price of its own moment.
    const quote = await here.our.db.prisma.quote.findFirstOrThrow({
      where: { paymentId: payment.id },
    });
    const { agreed } = row.evidence as { agreed?: { priceE8: string } };
    const priceE8 = used === 'sats_paid' ? quote.priceE8 : BigInt(agreed?.priceE8 ?? 0);
    const booked = (await here.ledger()).filter(({ journal }) => journal === `refund:${refund.id}`);
    const worth = booked.map((line) => Number(line['fiat_value']?.replace('.', '')));
    const cents = worth.reduce((sum, each) => sum + each, 0);
    // Each of the two accounts to the nearest cent.
    expect(Math.abs(cents - 2_100)).toBeLessThanOrEqual(booked.length - 1);
    for (const line of booked) {
      expect(Number(line['price_of_one_bitcoin'])).toBeCloseTo(Number(priceE8) / 1e8, 1);
    }
  });

  test('above the threshold it waits for a person, who approves it once', async () => {
    await here.say('refund_approval_msat = 0');
    const open = await here.aPaidOrder();
    here.our.shopify.refund(open.orderId, { amount: '5.00' });
    await here.lookAtOrderOf(open);
    const [row] = await here.refundsOf(open.payment.id);
    const refundId = row?.id ?? '';
    await here.step(refundId);
    expect(await here.read(refundId)).toMatchObject({ state: 'asked', reason: 'approval_wanted' });
    const asked = { shopId: here.our.shop.id, refundId, staffId: '8' };
    const said = await twenty(() => approveRefund(here.our.deps, asked));
    expect(said.filter(({ ok }) => ok)).toHaveLength(1);
    expect(await here.read(refundId)).toMatchObject({ state: 'claimable', approvedBy: '8' });
    expect(await approveRefund(here.our.deps, { ...asked, shopId: 0 })).toEqual({
      ...{ ok: false, refusal: 'unknown_refund' },
    });
  });

  test('two processes at once price it once', async () => {
    const { payment } = await here.aPaidOrder();
    const refund = await here.aRefund(payment.id, '5.00');
    await twenty(() => here.step(refund.id).catch(() => undefined));
    expect((await here.read(refund.id)).state).toBe('claimable');
    const booked = await here.our.db.prisma.posting.count({
      where: { journal: `refund:${refund.id}` },
    });
    expect(booked).toBe(1);
  });
});

describe('withdrawn', () => {
  test('frees its amount and puts the sats back; what the buyer has stays counted', async () => {
    const { payment } = await here.aPaidOrder();
    const before = await here.accounts(payment.id);
    const refund = await here.aRefund(payment.id, '21.00');
    await here.step(refund.id);
    const asked = { shopId: here.our.shop.id, refundId: refund.id, staffId: '8' };
    const said = await twenty(() =>
      withdrawRefund(here.our.deps, { ...asked, because: 'taken_back' }),
    );
    expect(said.filter(({ ok }) => ok)).toHaveLength(1);
    expect(await here.accounts(payment.id)).toEqual(before);
    const again = await here.aRefund(payment.id, '21.00');
    await withdrawRefund(here.our.deps, {
      ...{ ...asked, refundId: again.id, because: 'given_back_otherwise' },
    });
    expect(await here.asks(payment.id, '1.00')).toMatchObject({ refusal: 'more_than_captured' });
  });

  test('beside a step that saw it before is not left without its end', async () => {
    const { payment } = await here.aPaidOrder();
    const refund = await here.aRefund(payment.id, '5.00');
    await here.step(refund.id);
    const { our, lane } = here;
    await our.db.pool.query(`update refund set due_at = now() - interval '1 ms' where id = $1`, [
      refund.id,
    ]);
    const [row] = await claimThese(our.db, { table: 'refund', lane, ids: [refund.id] });
    if (row === undefined) throw new Error('it is not due');
    const asked = { shopId: our.shop.id, refundId: refund.id, staffId: '8' };
    await withdrawRefund(our.deps, { ...asked, because: 'taken_back' });
    const end = await endClaimTime(our.deps, row);
    expect(end).toEqual({ dueInMs: undefined, attempt: false });
    if (end !== 'stored') await giveBack(our.db.pool, row, end);
    const { dueAt } = await our.db.prisma.refund.findUniqueOrThrow({ where: { id: refund.id } });
    expect(dueAt).not.toBeNull();
    await here.step(refund.id);
    expect((await here.read(refund.id)).state).toBe('done');
  });

  test('is what its buyer does not claim in time', async () => {
    const { payment } = await here.aPaidOrder();
    const refund = await here.aRefund(payment.id, '5.00');
    await here.step(refund.id);
    expect(await here.step(refund.id)).toMatchObject({ attempt: false });
    expect((await here.read(refund.id)).state).toBe('claimable');
    await here.step(refund.id, here.our.later(31 * 24 * 3_600_000));
    expect(await here.read(refund.id)).toMatchObject({
      ...{ state: 'withdrawn', reason: 'claim_time_over' },
    });
    await here.step(refund.id);
    expect((await here.read(refund.id)).state).toBe('done');
  });

  test('is nothing that is claimed: it may be on its way', async () => {
    const { payment } = await here.aPaidOrder();
    const refund = await here.aRefund(payment.id, '5.00');
    await here.step(refund.id);
    const preimage = await here.aClaim(refund);
    const asked = { shopId: here.our.shop.id, refundId: refund.id, staffId: '8' };
    expect(await withdrawRefund(here.our.deps, { ...asked, because: 'taken_back' })).toEqual({
      ...{ ok: false, refusal: 'not_withdrawable' },
    });
    await here.signer.pays(refund.id, preimage);
    await here.step(refund.id);
    expect((await here.read(refund.id)).state).toBe('paid');
  });
});

describe('claimed', () => {
  const aClaimable = async () => {
    const { payment } = await here.aPaidOrder();
    const refund = await here.aRefund(payment.id, '5.00');
    await here.step(refund.id);
    return here.read(refund.id);
  };

  test('only with what fits: each other is a word', async () => {
    const refund = await aClaimable();
    const amount = refund.amountMsat ?? 0n;
    const { wallet } = here;
    const says = async (request: string): Promise<string> => {
      const taken = await here.claims(refund, request);
      return taken.ok ? 'ok' : taken.refusal;
    };
    expect(await says('lnbcrt1garbage')).toBe('request_unreadable');
    expect(await says('x'.repeat(100_000))).toBe('request_unreadable');
    expect(await says(wallet.invoice(amount, { network: 'bitcoin' }).request)).toBe(
      'other_network',
    );
    expect(await says(wallet.invoice(0n).request)).toBe('any_amount');
    expect(await says(wallet.invoice(amount + 1n).request)).toBe('wrong_amount');
    expect(await says(wallet.invoice(amount, { expirySeconds: 90 }).request)).toBe(
      'request_expired',
    );
    const { payment: other } = await here.our.anOrder();
    const { request: own } = await here.our.quoted(other.id);
    expect(await says(own)).toBe('own_invoice');
    const { request } = wallet.invoice(amount);
    expect(await says(`lightning:${request.toUpperCase()}`)).toBe('ok');
    // A lost answer is asked for again, and anything else is too late.
    expect(await says(request)).toBe('ok');
    expect(await says(wallet.invoice(amount).request)).toBe('claim_exists');
    expect(await here.claims({ ...refund, link: 'guessed' }, request)).toEqual({
      ...{ ok: false, refusal: 'unknown_refund' },
    });
    const { hash } = await here.signer.claimOf(refund.id);
    expect(hash).toHaveLength(32);
  });

  test('by twenty at once: one wins, and a hash is one for ever', async () => {
    const [refund, other] = [await aClaimable(), await aClaimable()];
    const amount = refund.amountMsat ?? 0n;
    const requests = Array.from({ length: 20 }, () => here.wallet.invoice(amount).request);
    const said = await Promise.all(requests.map((request) => here.claims(refund, request)));
    expect(said.filter(({ ok }) => ok)).toHaveLength(1);
    expect(said.filter((each) => !each.ok && each.refusal === 'claim_exists')).toHaveLength(19);
    const won = requests[said.findIndex(({ ok }) => ok)] ?? '';
    expect(await here.claims(other, won)).toMatchObject({ refusal: 'request_used_before' });
    expect((await here.read(other.id)).state).toBe('claimable');
  });

  test('and failed for good: another may be given, and is paid', async () => {
    const refund = await aClaimable();
    await here.aClaim(refund);
    await here.signer.fails(refund.id);
    await here.step(refund.id);
    expect(await here.read(refund.id)).toMatchObject({
      ...{ state: 'claimable', reason: 'claim_failed' },
    });
    const preimage = await here.aClaim(refund);
    await here.signer.pays(refund.id, preimage, 0n);
    await twenty(() => here.step(refund.id).catch(() => undefined));
    expect(['paid', 'done']).toContain((await here.read(refund.id)).state);
    const booked = await here.our.db.prisma.posting.count({
      where: { journal: `refund:${refund.id}:paid` },
    });
    expect(booked).toBe(1);
  });

  test('ran out before anybody began to pay it: another may be given', async () => {
    const refund = await aClaimable();
    await here.aClaim(refund);
    const { pool } = here.our.db;
    await pool.query('alter table refund_claim disable trigger refund_claim_arrow');
    const over = (minutes: number) =>
      pool.query(
        `update refund_claim set expires_at = now() - $2 * interval '1 minute'
         where refund_id = $1`,
        [refund.id, minutes],
      );
    await over(4);
    await here.step(refund.id);
    expect((await here.read(refund.id)).state).toBe('claimed');
    await over(6);
    await here.step(refund.id);
    await pool.query('alter table refund_claim enable trigger refund_claim_arrow');
    expect(await here.read(refund.id)).toMatchObject({
      ...{ state: 'claimable', reason: 'claim_over' },
    });
  });
});

describe('what nobody owed', () => {
  test('a stranded payment is settled by its refund; withdrawn, it is asked about', async () => {
    const { our } = here;
    const open = await our.anOrder();
    const { id, request } = await our.quoted(open.payment.id);
    our.shopify.cancel(open.orderId);
    expect(await our.lnd.pay(request)).toMatchObject({ ok: true });
    const { lookAtInvoice } = await import('../../web/flows/look-at-invoice.ts');
    const { tellShopify } = await import('../../web/flows/tell-shopify.ts');
    await our.runStep(lookAtInvoice, { table: 'invoice', id, lane: our.nodeLane(our.node.id) });
    await our.runStep(tellShopify, {
      ...{ table: 'payment', id: open.payment.id, lane: here.lane },
    });
    expect((await our.read(open.payment.id)).state).toBe('stranded');
    const paymentId = open.payment.id;
    const before = await here.accounts(paymentId);
    const asked = { shopId: our.shop.id, paymentId, staffId: '8' };
    const wrong = await giveBackAsRefund(our.deps, { ...asked, seenMsat: msat(1n) });
    expect(wrong).toEqual({ ok: false, refusal: 'nothing_to_give_back' });
    const seenMsat = msat(before['stranded'] ?? 0n);
    const opened = await twenty(() => giveBackAsRefund(our.deps, { ...asked, seenMsat }));
    const [first, ...more] = opened.flatMap((each) => (each.ok ? [each.refund] : []));
    expect(more).toEqual([]);
    expect(await our.read(paymentId)).toMatchObject({
      ...{ state: 'resolved', reason: 'refund_opened', attention: null },
    });
    expect(await here.accounts(paymentId)).toEqual({ node: before['node'], refunding: seenMsat });
    await here.step(first?.id ?? '');
    expect(await here.read(first?.id ?? '')).toMatchObject({
      ...{ state: 'claimable', amountMsat: seenMsat, source: 'stranded' },
    });
    await withdrawRefund(our.deps, {
      ...{ shopId: our.shop.id, refundId: first?.id ?? '', staffId: '8', because: 'taken_back' },
    });
    expect(await here.accounts(paymentId)).toEqual({ node: before['node'], overpaid: seenMsat });
    expect((await our.read(paymentId)).attention).toBe('overpaid');
    const again = await giveBackAsRefund(our.deps, { ...asked, seenMsat });
    expect(again).toMatchObject({ ok: true, refund: { source: 'overpaid' } });
    expect((await our.read(paymentId)).attention).toBeNull();
  });
});

test.each(['payments', 'refunds', 'ledger', 'tax'] as const)(
  'the file of %s is the same when it is written again, byte for byte',
  async (what) => {
    for (const format of ['csv', 'jsonl'] as const) {
      const text = await fileOf(here.our, what, format);
      expect(text.split('\n').length).toBeGreaterThan(10);
      expect(await fileOf(here.our, what, format)).toBe(text);
    }
  },
);
