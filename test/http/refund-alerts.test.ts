// The alerts of refunds that come to nothing by themselves, as the sweep of each pool makes them.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeRefundAlerts } from '../../web/db/alerts.ts';
import { saySignerReport } from '../../web/db/signer-reports.ts';
import { paymentsForPerson } from '../../web/db/views.ts';
import { aPayment, aShop } from '../builders.ts';
import { startInProcess, type InProcess } from '../in-process.ts';
import { anAskedRefund } from '../refund-at-hand.ts';

let our: InProcess;
afterAll(() => our.close());

const aPurse = `
  insert into purse (shop_id, sealed_credential, address, identity, network, root_key_id,
    looks_at_original, per_payment_msat, per_order_msat, per_day_msat, fee_base_msat, fee_ppm,
    top_up_ppm)
  values ($1, '', '127.0.0.1:1', '02ab', 'regtest', '1', true, 1, 1, 1, 1, 1, 1)`;
const alerts = async (what: string) =>
  (await our.db.prisma.alert.findMany({ where: { what }, orderBy: { id: 'asc' } })).map(
    ({ about }) => about,
  );
/** As the sweep of each pool does. */
const swept = async (): Promise<void> => {
  await makeRefundAlerts(our.db);
  await makeRefundAlerts(our.db);
};
const asksForApproval = async (): Promise<string> => {
  const { id } = await anAskedRefund(our);
  await our.db.pool.query(
    `update refund set reason = 'approval_wanted', approval_wanted = true, amount_msat = 1000
       where id = $1`,
    [id],
  );
  return id;
};

beforeAll(async () => {
  our = await startInProcess();
  await our.db.pool.query(
    `insert into settings (shop_id, alert_email) values ($1, 'm@shop.example')
       on conflict (shop_id) do update set alert_email = excluded.alert_email`,
    [our.shop.id],
  );
});

test('what waits for approval is told once a day, with how many', async () => {
  await swept();
  expect(await alerts('refunds_to_approve')).toEqual([]);
  await asksForApproval();
  await asksForApproval();
  await swept();
  expect(await alerts('refunds_to_approve')).toEqual([{ count: '2' }]);
  await asksForApproval();
  await swept();
  expect(await alerts('refunds_to_approve')).toHaveLength(1);
  // A day later they are told of again.
  await our.db.pool.query(`update alert set key = '2020-01-01' where what = $1`, [
    'refunds_to_approve',
  ]);
  await swept();
  expect(await alerts('refunds_to_approve')).toEqual([{ count: '2' }, { count: '3' }]);
});

test('claims that no signer works on are told once, until one has worked', async () => {
  const claims = async (name: string, ago: string): Promise<void> => {
    const id = await asksForApproval();
    await our.db.pool.query(
      `update refund set state = 'claimable', claim_ends_at = now() + interval '1 day'
       where id = $1`,
      [id],
    );
    await our.db.pool.query(
      `with claimed as (update refund set state = 'claimed', reason = 'claimed'
           where id = $1 returning id)
         insert into refund_claim (refund_id, request, hash, amount_msat, expires_at, kind,
           given_at)
         select id, 'lnbcrt1', sha256($2::text::bytea), 1000, now() + interval '1 hour', 'invoice',
           now() - $3::interval from claimed`,
      [id, name, ago],
    );
  };
  await our.db.pool.query('delete from signer_report');
  await saySignerReport(our.db, { signer: 'one', signs: true });
  const silent = (ago: string) =>
    our.db.pool.query('update signer_report set said_at = now() - $1::interval', [ago]);
  await silent('20 minutes');
  await claims('young', '9 minutes');
  await swept();
  expect(await alerts('refunds_unseen')).toEqual([]);
  await claims('old', '11 minutes');
  await swept();
  expect(await alerts('refunds_unseen')).toEqual([{ count: '1' }]);
  // More of them is no other time.
  await claims('older', '12 minutes');
  await swept();
  expect(await alerts('refunds_unseen')).toHaveLength(1);
  // One worked, and falls silent again: that is told.
  await silent('11 minutes');
  await swept();
  expect(await alerts('refunds_unseen')).toEqual([{ count: '1' }, { count: '2' }]);
  // It works, and its purse is paused: told once.
  await silent('1 second');
  await our.db.pool.query(aPurse, [our.shop.id]);
  await our.db.pool.query(`update purse set paused_at = now() - interval '1 hour'`);
  await swept();
  expect(await alerts('refunds_unseen')).toHaveLength(3);
  const keys = await our.db.prisma.alert.findMany({ where: { what: 'refunds_unseen' } });
  expect(keys.at(-1)?.key).toMatch(/^purse:\d+$/);
});

test('claims that are tried and cannot be paid are told once a day', async () => {
  await our.db.pool.query('delete from alert; update purse set paused_at = null');
  await saySignerReport(our.db, { signer: 'one', signs: true });
  const waits = (since: string) =>
    our.db.pool.query(
      `insert into payout_wait (claim_id, shop_id, word, due_at, since)
       select id, $1, 'above_per_day', now(), now() - $2::interval from refund_claim
       on conflict (claim_id) do update set since = excluded.since`,
      [our.shop.id, since],
    );
  await our.db.pool.query(`update refund_claim set given_at = now() - interval '7 hours'`);
  await swept();
  expect(await alerts('refunds_stuck')).toEqual([]);
  // The reason may be another one each time.
  await waits('1 minute');
  await swept();
  expect(await alerts('refunds_stuck')).toEqual([{ count: '3' }]);
  // One is on its way: nobody can do more for it. Another was begun, and its node has no balance.
  const begun = (name: string, because: string) =>
    our.db.pool.query(
      `insert into payout (claim_id, subject, shop_id, payment_id, request, hash, amount_msat,
         fee_limit_msat, expires_at, state, because, reserved_at, sent_at,
         sent_to)
       select c.id, 'refund:' || r.id, r.shop_id, r.payment_id, c.request, c.hash, 1000, 1,
         c.expires_at, 'sent', $2, now() - interval '7 hours', now(), '02ab'
       from refund_claim c join refund r on r.id = c.refund_id
       where c.hash = sha256($1::text::bytea)`,
      [name, because],
    );
  await begun('old', 'in_flight');
  await begun('older', 'no_balance');
  await our.db.pool.query('delete from alert');
  await swept();
  expect(await alerts('refunds_stuck')).toEqual([{ count: '2' }]);
  // Nobody is told both that no signer works and that what it tried did not go.
  await our.db.pool.query(`update signer_report set said_at = now() - interval '11 minutes'`);
  await our.db.pool.query('delete from alert');
  await swept();
  expect(await alerts('refunds_stuck')).toEqual([]);
  expect(await alerts('refunds_unseen')).toEqual([{ count: '3' }]);
});

test('a shop with both apps is told by one of them', async () => {
  const { id } = await aShop(our.db, { domain: our.shop.domain });
  await our.db.prisma.settings.create({ data: { shopId: id, alertEmail: 'm@shop.example' } });
  await our.db.pool.query('delete from alert');
  await swept();
  expect(await alerts('refunds_to_approve')).toHaveLength(1);
  expect(await alerts('refunds_unseen')).toHaveLength(1);
  await our.db.prisma.settings.delete({ where: { shopId: id } });
});

test('receivers of shares who cannot be paid for a day are told of once a week', async () => {
  const unpaid = (name: string, since: string) =>
    our.db.pool.query(
      `insert into share_receiver (shop_id, name, address, word, word_since, lane)
       values ($1::int, $2::text, $2::text || '@wallet.example', 'address_silent',
         now() - $3::interval, 'shop:' || $1::int || ':share')`,
      [our.shop.id, name, since],
    );
  await unpaid('ana', '23 hours');
  await swept();
  expect(await alerts('shares_unpaid')).toEqual([]);
  await unpaid('berta', '25 hours');
  // Nobody owes her anything yet.
  await swept();
  expect(await alerts('shares_unpaid')).toEqual([]);
  const { id: paymentId } = await aPayment(our.db, { shopId: our.shop.id });
  await our.db.pool.query('alter table share disable trigger share_cap');
  await our.db.pool.query(
    `with rule as (
       insert into share_rule (shop_id, receiver_id, part_bp)
       select shop_id, id, 1000 from share_receiver returning id, shop_id, receiver_id)
     insert into share (shop_id, payment_id, receiver_id, rule_id, base_msat, amount_msat,
       captured_minor, refunded_minor)
     select shop_id, $1, receiver_id, id, 1000, 1000, 1, 0 from rule`,
    [paymentId],
  );
  await our.db.pool.query('alter table share enable trigger share_cap');
  await swept();
  expect(await alerts('shares_unpaid')).toEqual([{ count: '1' }]);
  await our.db.pool.query(`update share_receiver set word = null, word_since = null`);
  await our.db.pool.query('delete from alert');
  await swept();
  expect(await alerts('shares_unpaid')).toEqual([]);
});

test('what waits for refunds to be switched on is told once a week', async () => {
  await our.db.pool.query('delete from alert');
  const { id } = await anAskedRefund(our);
  await our.db.pool.query(`update refund set reason = 'refunds_off' where id = $1`, [id]);
  await swept();
  expect(await alerts('refunds_off')).toEqual([{ count: '1' }]);
});

test('a payment of the other app is told where the merchant app says, and shown', async () => {
  await our.db.pool.query('delete from alert');
  const other = await aShop(our.db, { domain: our.shop.domain });
  await our.db.pool.query(
    `update registration set kind = 'payments'
     where id = (select registration_id from shop where id = $1)`,
    [other.id],
  );
  const { id } = await aPayment(our.db, { shopId: other.id });
  await our.db.prisma.payment.update({ where: { id }, data: { attention: 'node_gone' } });
  expect(await our.db.prisma.alert.findMany({ where: { what: 'node_gone' } })).toMatchObject([
    { shopId: our.shop.id, channel: 'email' },
  ]);
  const shown = await paymentsForPerson(our.db, { shopId: our.shop.id, limit: 20 });
  expect(shown).toMatchObject([{ id, attention: 'node_gone' }]);
  // Where nobody said where, it waits for nobody: the page says it.
  await our.db.pool.query('update settings set alert_email = null');
  await our.db.prisma.payment.update({ where: { id }, data: { attention: 'stranded' } });
  expect(await our.db.prisma.alert.count({ where: { what: 'stranded' } })).toBe(0);
});
