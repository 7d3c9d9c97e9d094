// Staff switch refunds on, make one on the page of a payment, and take it back: the merchant’s
// pages and the buyer’s, with a pool between them. On a phone and a desk, light and dark.
import type { Browser } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import { until, type Bought, type World } from '../world.ts';
import { worldOfFile } from '../world-of-file.ts';
import { desk, phone } from './pages.ts';
import { browserOfFile, openAdmin, shoot } from './stage.ts';

let world: World;
let browser: Browser;
let paid: Bought;
worldOfFile((made) => {
  world = made;
});
browserOfFile((made) => {
  browser = made;
});
const visit = (options: Parameters<Browser['newContext']>[0]) =>
  openAdmin({ browser, world }, options === undefined ? {} : { options });

beforeAll(async () => {
  paid = world.buy();
  await world.lightning.pay(await world.invoiceOn(await world.payLink(paid, 60_000), 60_000));
  await world.inState(paid, 'resolved');
}, 120_000);

const paymentId = async (): Promise<string> => {
  const where = { originId: paid.orderId };
  return (await world.db.prisma.payment.findFirstOrThrow({ where })).id;
};

test('switched on, made, and its link is there to be copied', async () => {
  await using admin = await visit({ ...desk, colorScheme: 'dark' });
  const { inside } = admin;
  await admin.go('/refunds');
  await inside.getByText('Refunds appear here').waitFor();
  await admin.isPleasant();

  await admin.go('/settings');
  await inside.getByLabel('Refund by Lightning').check();
  await inside.getByLabel('The lower of both').waitFor();
  await admin.isPleasant();
  await shoot(admin, 'refund-settings');
  // Polaris lays its own drawing over the box of the browser.
  await inside.getByText('The sats that were paid').click();
  await admin.page.getByRole('button', { name: 'Save' }).click();
  await until('it is stored', async () => {
    const { rows } = await world.db.pool.query<{ on: boolean }>(
      'select refunds_on as "on" from settings',
    );
    return rows[0]?.on === true;
  });

  await admin.go(`/payments/${await paymentId()}`);
  await inside.getByText('Nothing of this payment was given back.').waitFor();
  await inside.getByRole('button', { name: 'Refund', exact: true }).click();
  const amount = inside.getByLabel('Amount', { exact: true });
  await amount.fill('999');
  await inside.getByText('That is more than what is left of what was paid.').first().waitFor();
  await amount.fill('5,00');
  await inside.getByText(/^At this moment that is/).waitFor();
  await admin.isPleasant();
  await shoot(admin, 'refund-dialog');
  await inside.getByRole('button', { name: 'Make the refund' }).click();
  await inside.getByRole('button', { name: 'Copy the claim link' }).waitFor({ timeout: 60_000 });
  await admin.isPleasant();
  await shoot(admin, 'refund-of-payment');
  expect(admin.faults).toEqual([]);
}, 180_000);

test('the list shows it, on a phone and in German', async () => {
  await using admin = await visit({ ...phone, locale: 'de-DE' });
  const { inside } = admin;
  await admin.go('/refunds');
  await inside.getByRole('table').getByText('Abzuholen').waitFor();
  await admin.isPleasant();
  await shoot(admin, 'refund-list');
  await inside.getByLabel('Zeigen').selectOption('over');
  await inside.getByText('Es gibt keine Erstattung dieser Art.').waitFor();
  await admin.isPleasant();
  expect(admin.faults).toEqual([]);
}, 120_000);

test('withdrawn after a question, it is gone for its buyer too', async () => {
  await using admin = await visit({ ...phone, colorScheme: 'dark' });
  const { inside } = admin;
  const refund = await world.db.prisma.refund.findFirstOrThrow();
  const page = `${world.appUrl}/refund/${refund.link}`;
  expect(await (await fetch(page)).text()).toContain('sats back');
  await admin.go(`/payments/${await paymentId()}`);
  await inside.getByRole('button', { name: 'Withdraw' }).click();
  await inside.getByText('The buyer has the money in another way').waitFor();
  await admin.isPleasant();
  await shoot(admin, 'refund-withdraw');
  await inside.getByRole('button', { name: 'Withdraw' }).last().click();
  await until('it is withdrawn', async () => {
    const { reason } = await world.db.prisma.refund.findFirstOrThrow();
    return reason === 'taken_back';
  });
  await inside.getByText('Withdrawn', { exact: true }).waitFor();
  expect(await (await fetch(page)).text()).toContain('This refund is no longer open');
  expect(admin.faults).toEqual([]);
}, 120_000);

test('what nobody owed is given back on the page of its payment', async () => {
  const twice = world.buy();
  const request = await world.invoiceOn(await world.payLink(twice, 60_000), 60_000);
  const { amountMsat } = await world.db.prisma.invoice.findFirstOrThrow({ where: { request } });
  const given = await world.lnd?.pay(request, { amountMsat: amountMsat + 25_000n });
  expect(given?.ok).toBe(true);
  await world.inState(twice, 'resolved');
  const where = { originId: twice.orderId };
  const { id } = await world.db.prisma.payment.findFirstOrThrow({ where });
  for (const [at, look] of [
    ['phone', { ...phone, locale: 'de-DE' }],
    ['desk', { ...desk, colorScheme: 'dark' }],
  ] as const) {
    await using admin = await visit(look);
    const { inside } = admin;
    await admin.go(`/payments/${id}`);
    const isGerman = at === 'phone';
    await inside
      .getByRole('button', { name: isGerman ? 'Käufer abholen lassen' : 'Let the buyer claim it' })
      .click();
    await inside.getByText(isGerman ? /holt 25 Sats ab/ : /claims 25 sats/).waitFor();
    await admin.isPleasant();
    await shoot(admin, `give-back-dialog-${at}`);
    // The first look only reads; a member of staff thinks again.
    const name = isGerman ? 'Abbrechen' : 'Make the link';
    await inside.getByRole('button', { name }).click();
    if (isGerman) continue;
    await inside.getByRole('button', { name: 'Copy the claim link' }).waitFor({ timeout: 60_000 });
    await admin.isPleasant();
    await shoot(admin, `give-back-${at}`);
    expect(admin.faults).toEqual([]);
  }
  const refund = await world.db.prisma.refund.findFirstOrThrow({ where: { paymentId: id } });
  expect(refund).toMatchObject({ origin: 'attention', amountMsat: 25_000n });
}, 180_000);

test('above the threshold it waits, and two who approve it are one', async () => {
  const bought = world.buy();
  await world.lightning.pay(await world.invoiceOn(await world.payLink(bought, 60_000), 60_000));
  await world.inState(bought, 'resolved');
  await world.db.pool.query('update settings set refund_approval_msat = 0');
  const where = { originId: bought.orderId };
  const { id } = await world.db.prisma.payment.findFirstOrThrow({ where });
  await using staff = await visit({ ...desk });
  await using other = await visit({ ...phone, colorScheme: 'dark' });
  // What a member of staff makes here is approved by that; this one is made in Shopify.
  world.shopify.refund(bought.orderId, { amount: '5.00' });
  await until('it waits', async () => {
    const asked = await world.db.prisma.refund.findFirst({ where: { paymentId: id } });
    return asked?.reason === 'approval_wanted';
  });
  await staff.go(`/payments/${id}`);
  const approve = (admin: typeof staff) => admin.inside.getByRole('button', { name: 'Approve' });
  await approve(staff).first().waitFor({ timeout: 60_000 });
  await staff.isPleasant();
  await shoot(staff, 'refund-to-approve');
  const refund = await world.db.prisma.refund.findFirstOrThrow({ where: { paymentId: id } });
  expect(refund).toMatchObject({ state: 'asked', reason: 'approval_wanted' });
  const page = `${world.appUrl}/refund/${refund.link}`;
  expect(await (await fetch(page)).text()).toContain('the shop has released it');
  // Both have the page open; the second presses on what he saw before.
  await other.go('/refunds');
  await other.inside.getByText('Needs you').first().waitFor();
  await other.isPleasant();
  await other.go(`/payments/${id}`);
  for (const admin of [staff, other]) await approve(admin).click();
  await other.inside.getByText(/^The buyer can then claim/).waitFor();
  await other.isPleasant();
  await shoot(other, 'refund-approve-dialog');
  await approve(staff).last().click();
  await staff.inside.getByRole('button', { name: 'Copy the claim link' }).waitFor({
    timeout: 60_000,
  });
  await approve(other).last().click();
  // Nothing more happens, and its page says what is so.
  await other.inside.getByText('does not wait for approval any more').waitFor();
  await shoot(other, 'refund-approved-before');
  expect(await (await fetch(page)).text()).toContain('sats back');
  const lines = await world.db.prisma.history.findMany({
    where: { paymentId: id, because: 'approved' },
  });
  expect(lines).toHaveLength(1);
  await world.db.pool.query('update settings set refund_approval_msat = null');
}, 240_000);

/** Rows as the flows leave them after hours, which nobody can wait for here. */
async function inNeed(): Promise<void> {
  const run = (text: string, values: unknown[] = []) => world.db.pool.query(text, values);
  await run('update settings set refund_approval_msat = 0');
  const bought = world.buy();
  await world.lightning.pay(await world.invoiceOn(await world.payLink(bought, 60_000), 60_000));
  await world.inState(bought, 'resolved');
  for (const amount of ['1.00', '2.00', '3.00']) world.shopify.refund(bought.orderId, { amount });
  const { id } = (await world.rowOf(bought)) ?? { id: '' };
  await until('they wait', async () => {
    const waiting = { paymentId: id, reason: 'approval_wanted' };
    return (await world.db.prisma.refund.count({ where: waiting })) === 3;
  });
  const [off, claimed] = await world.db.prisma.refund.findMany({ where: { paymentId: id } });
  await run(`update refund set reason = 'refunds_off', due_at = null where id = $1`, [off?.id]);
  await run(
    `update refund set state = 'claimable', approval_wanted = false, due_at = null,
       claim_ends_at = now() + interval '1 day'
     where id = $1`,
    [claimed?.id],
  );
  await run(
    `with of as (
       update refund set state = 'claimed', reason = 'claimed' where id = $1 returning id)
     insert into refund_claim (refund_id, request, hash, amount_msat, expires_at, kind, given_at)
     select id, 'lnbcrt1', sha256('a claim'), 1000, now() + interval '1 day', 'invoice',
       now() - interval '7 hours' from of`,
    [claimed?.id],
  );
  await run('alter table share disable trigger share_cap');
  await run(
    `with receiver as (
       insert into share_receiver (shop_id, name, address, word, word_since, lane)
       select shop_id, 'ana', 'ana@wallet.example', 'address_silent', now() - interval '25 hours',
         'shop:' || shop_id || ':share' from payment where id = $1 returning id, shop_id),
     rule as (
       insert into share_rule (shop_id, receiver_id, part_bp)
       select shop_id, id, 1000 from receiver returning id, shop_id, receiver_id)
     insert into share (shop_id, payment_id, receiver_id, rule_id, base_msat, amount_msat,
       captured_minor, refunded_minor)
     select shop_id, $1, receiver_id, id, 1000, 1000, 1, 0 from rule`,
    [id],
  );
  await run('alter table share enable trigger share_cap');
}

test('what refunds and shares wait for is on the first page, with the way there', async () => {
  await inNeed();
  await using staff = await visit({ ...desk });
  await staff.go('');
  for (const words of [
    /on which nobody has worked for ten minutes/,
    /larger than what goes out by itself wait for you/,
    /refunds by Lightning are switched off/,
    /Receivers of shares could not be paid for a day/,
  ]) {
    await staff.inside.getByText(words).waitFor({ timeout: 60_000 });
  }
  await staff.isPleasant();
  await shoot(staff, 'in-need-desk');
  // A signer works, and has said why it waits.
  await world.db.pool.query(
    `insert into signer_report (signer, signs, said_at) values ('one', true, now())`,
  );
  await world.db.pool.query(
    `insert into payout_wait (claim_id, shop_id, word, due_at, since)
     select c.id, r.shop_id, 'above_per_day', now(), now() - interval '6 hours'
     from refund_claim c join refund r on r.id = c.refund_id where r.state = 'claimed'`,
  );
  await world.db.pool.query(
    `insert into purse (shop_id, sealed_credential, address, identity, network, root_key_id,
       looks_at_original, per_payment_msat, per_order_msat, per_day_msat, fee_base_msat, fee_ppm,
       top_up_ppm)
     select id, '', '127.0.0.1:1', '02ab', 'regtest', '1', true, 1, 1, 1, 1, 1, 1
     from shop where uninstalled_at is null limit 1`,
  );
  await using other = await visit({ ...phone, locale: 'de-DE', colorScheme: 'dark' });
  await other.go('');
  await other.inside.getByText(/seit sechs Stunden/).waitFor({ timeout: 60_000 });
  await other.isPleasant();
  await shoot(other, 'in-need-phone');
  expect([staff.faults, other.faults]).toEqual([[], []]);
}, 240_000);
