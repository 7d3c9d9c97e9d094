// What Shopify asks in the name of privacy, on a real database: taken once, done when no payment is
// under way, and reported without a person in it.
import { pino } from 'pino';
import { beforeEach, expect, test } from 'vitest';
import { postingsOfVerdict } from '../../web/core/ledger.ts';
import { minor, type Msat } from '../../web/core/money.ts';
import { audit } from '../../web/db/audit.ts';
import type { Database } from '../../web/db/database.ts';
import { invoiceIsCanceled } from '../../web/db/invoices.ts';
import { movePayment, paymentById, type PaymentRow } from '../../web/db/payments.ts';
import {
  linksLeft,
  privacyRequests,
  unlinkPayments,
  type PrivacyRow,
  type PrivacyTopic,
} from '../../web/db/privacy.ts';
import { storeRegistration } from '../../web/db/registrations.ts';
import { installShop, shopById, uninstallShop, type ShopRow } from '../../web/db/shops.ts';
import { honourPrivacy, noticePrivacy } from '../../web/flows/honour-privacy.ts';
import { openSession, type SessionAsked } from '../../web/flows/open-session.ts';
import { aNode, anInvoice, aPayment, aSettledPayment, aShop } from '../builders.ts';
import { databaseOfFile } from '../database-of-file.ts';

let db: Database;
let shop: ShopRow;
let nodeId: number;
let asked = 0;
const log = pino({ level: 'silent' });
const round = (now = new Date()) => honourPrivacy({ db, log, clock: () => now });

databaseOfFile(
  (made) => {
    db = made;
  },
  { connections: 20, ended: async () => expect(await audit(db)).toEqual([]) },
);
beforeEach(async () => {
  shop = await aShop(db);
  nodeId = await aNode(db, { shopId: shop.id });
});

/** A customer as Shopify sends one, with words that are found again wherever they are stored. */
const person = { id: 7, email: 'canary-person@example.com', phone: '+4915112345678' };

async function ask(topic: PrivacyTopic, orders: readonly string[], id?: string): Promise<string> {
  asked += 1;
  const body = {
    shop_domain: shop.domain,
    customer: person,
    orders_requested: orders.map((gid) => Number(gid.split('/').at(-1))),
    orders_to_redact: orders.map((gid) => Number(gid.split('/').at(-1))),
  };
  const webhook = id ?? `privacy-${asked}`;
  await noticePrivacy({ db, log }, { id: webhook, topic, shopDomain: shop.domain, shop, body });
  return webhook;
}

async function requestOf(id: string): Promise<PrivacyRow> {
  const found = await privacyRequests(db, { shopId: shop.id, limit: 100 });
  const row = found.find((each) => each.id === id);
  if (row === undefined) throw new Error(`no request ${id}`);
  return row;
}

/** Shopify accepted it: all that was awaited is the shop's. */
async function resolved(payment: PaymentRow, amountMsat: Msat): Promise<void> {
  const verdict = { do: 'mark', toldMinor: payment.owedMinor, surplusMinor: minor(0n) } as const;
  const moved = await movePayment(db.pool, {
    paymentId: payment.id,
    move: { from: 'settled', to: 'resolved' },
    because: 'told_shopify',
    toldMinor: payment.owedMinor,
    journal: `verdict:${payment.id}`,
    postings: postingsOfVerdict(verdict, { shopId: shop.id, awaitingMsat: amountMsat }),
  });
  expect(moved).toBe(true);
}

test('a request for data is answered with what is held, and keeps no person', async () => {
  const { payment } = await aSettledPayment(db, { shopId: shop.id, nodeId });
  const id = await ask('customers/data_request', [payment.originId, 'gid://shopify/Order/999999']);
  await round();
  const row = await requestOf(id);
  expect(row.doneAt).not.toBeNull();
  expect(row.report.found).toEqual(['1 payments of these orders, 1 of them with money.']);
  expect(row.report.deleted).toEqual([]);
  const days = (row.dueBy.getTime() - row.receivedAt.getTime()) / 86_400_000;
  expect(days).toBeCloseTo(30, 2);
  const { rows } = await db.pool.query<{ text: string }>(
    'select row_to_json(p)::text as text from privacy_request p where id = $1',
    [id],
  );
  expect(rows[0]?.text).toContain(payment.originId);
  expect(rows[0]?.text).not.toMatch(/canary-person|4915112345678/);
});

test('a buyer is unlinked once no payment is under way, and the books stay', async () => {
  const { payment, invoice } = await aSettledPayment(db, { shopId: shop.id, nodeId });
  const other = await aPayment(db, { shopId: shop.id });
  await db.pool.query(
    `update payment set checkout_token_hash = '\\x01', confirmation_hash = '\\x02',
       cancel_url = 'https://x', return_url = 'https://y'
     where shop_id = $1`,
    [shop.id],
  );
  const id = await ask('customers/redact', [payment.originId]);
  await round();
  expect((await requestOf(id)).doneAt).toBeNull();
  expect((await paymentById(db, payment.id))?.link).toBe(payment.link);

  await resolved(payment, invoice.amountMsat);
  await round();
  const after = await paymentById(db, payment.id);
  expect(after).toMatchObject({ confirmationHash: null });
  expect(after).toMatchObject({ checkoutTokenHash: null, cancelUrl: null, returnUrl: null });
  expect(after?.link).not.toBe(payment.link);
  expect(after?.link).toMatch(/^[A-Za-z0-9_-]{22}$/);
  expect(after).toMatchObject({ state: 'resolved', owedMinor: payment.owedMinor });
  const untouched = await paymentById(db, other.id);
  expect(untouched).toMatchObject({ link: other.link, cancelUrl: 'https://x' });
  const kept = await db.prisma.invoice.findUnique({ where: { id: invoice.id } });
  expect(Buffer.from(kept?.hash ?? []).toString('hex')).toBe(invoice.hash);
  const { report, doneAt } = await requestOf(id);
  expect(doneAt).not.toBeNull();
  expect(report.deleted).toHaveLength(1);
  expect(report.kept).toHaveLength(1);
});

test('twenty of one delivery in five rounds at once are one request, done once', async () => {
  const { payment, invoice } = await aSettledPayment(db, { shopId: shop.id, nodeId });
  await resolved(payment, invoice.amountMsat);
  const id = `same-${shop.id}`;
  await Promise.all(
    Array.from({ length: 20 }, () => ask('customers/redact', [payment.originId], id)),
  );
  await Promise.all(Array.from({ length: 5 }, () => round()));
  const once = await paymentById(db, payment.id);
  await round();
  expect((await paymentById(db, payment.id))?.link).toBe(once?.link);
  expect(await privacyRequests(db, { shopId: shop.id, limit: 100 })).toHaveLength(1);
});

test('a shop that left is forgotten when nothing of it can be paid', async () => {
  const { payment, invoice } = await aSettledPayment(db, { shopId: shop.id, nodeId });
  await resolved(payment, invoice.amountMsat);
  const open = await aPayment(db, { shopId: shop.id });
  const live = await anInvoice(db, { payment: open, nodeId });
  await db.pool.query(`insert into settings (shop_id, alert_email) values ($1, 'a@example.com')`, [
    shop.id,
  ]);
  await uninstallShop(db, shop.id, { keepTokens: false });
  const id = await ask('shop/redact', []);
  await round();
  // Its credential is still needed: the node has to cancel what could be paid.
  expect((await requestOf(id)).doneAt).toBeNull();
  expect((await db.prisma.node.findUnique({ where: { id: nodeId } }))?.address).not.toBe('');

  const because = 'node_says_canceled';
  await invoiceIsCanceled(db, { id: live.id, paymentId: open.id, because });
  await round();
  expect((await requestOf(id)).report.deleted).toHaveLength(3);
  const node = await db.prisma.node.findUnique({ where: { id: nodeId } });
  expect(node).toMatchObject({ address: '', alias: '', rootKeyId: '', sealedCredential: null });
  expect(await db.prisma.settings.findUnique({ where: { shopId: shop.id } })).toBeNull();
  expect((await paymentById(db, payment.id))?.link).not.toBe(payment.link);
  expect((await paymentById(db, payment.id))?.state).toBe('resolved');
});

test('a shop that lives again when its deletion is asked keeps everything', async () => {
  const before = new Date(Date.now() - 60_000);
  const id = await ask('shop/redact', []);
  // Until Shopify has said that it lives, nothing is decided.
  await round();
  expect((await requestOf(id)).doneAt).toBeNull();
  const sighted = await db.prisma.sighting.findFirst({ where: { shopId: shop.id } });
  expect(sighted).toMatchObject({ originId: 'installation', because: 'app/uninstalled' });
  await db.pool.query(`update privacy_request set received_at = $2 where id = $1`, [id, before]);
  await db.prisma.shop.update({ where: { id: shop.id }, data: { tokensStoredAt: new Date() } });
  await round();
  expect((await requestOf(id)).report.found).toEqual(['The shop has the app installed again.']);
  expect(await shopById(db, shop.id)).toMatchObject({ uninstalledAt: null });
  expect((await db.prisma.node.findUnique({ where: { id: nodeId } }))?.address).not.toBe('');
});

test('a person is called five days before the time is over', async () => {
  const { payment, invoice } = await aSettledPayment(db, { shopId: shop.id, nodeId });
  await ask('customers/redact', [payment.originId]);
  const lines: string[] = [];
  const loud = pino({ level: 'error' }, { write: (line: string) => lines.push(line) });
  const roundAt = (days: number) =>
    honourPrivacy({
      db,
      log: loud,
      clock: () => new Date(Date.now() + days * 86_400_000),
    });
  await roundAt(24);
  expect(lines.filter((line) => line.includes(shop.domain))).toEqual([]);
  await roundAt(26);
  const [line] = lines.filter((each) => each.includes(shop.domain));
  expect(line).toContain('privacy.late');
  await resolved(payment, invoice.amountMsat);
  await round();
});

test('an order that nobody pays keeps nobody linked; one that can be paid waits', async () => {
  const [unpaid, payable] = [
    await aPayment(db, { shopId: shop.id }),
    await aPayment(db, { shopId: shop.id }),
  ];
  const live = await anInvoice(db, { payment: payable, nodeId });
  const done = await ask('customers/redact', [unpaid.originId]);
  const waits = await ask('customers/redact', [payable.originId]);
  await round();
  expect((await requestOf(done)).doneAt).not.toBeNull();
  const after = await paymentById(db, unpaid.id);
  expect(after?.state).toBe('open');
  expect(after?.link).not.toBe(unpaid.link);
  expect((await requestOf(waits)).doneAt).toBeNull();
  expect((await paymentById(db, payable.id))?.link).toBe(payable.link);
  const because = 'node_says_canceled';
  await invoiceIsCanceled(db, { id: live.id, paymentId: payable.id, because });
  await round();
  expect((await requestOf(waits)).doneAt).not.toBeNull();

  // Whoever came by the new link is forgotten by a later request, and by no repetition.
  await round();
  expect((await paymentById(db, unpaid.id))?.link).toBe(after?.link);
  await ask('customers/redact', [unpaid.originId]);
  await round();
  expect((await paymentById(db, unpaid.id))?.link).not.toBe(after?.link);
});

test('sixty that have to wait keep no other from its turn', async () => {
  const { payment, invoice } = await aSettledPayment(db, { shopId: shop.id, nodeId });
  const free = await aPayment(db, { shopId: shop.id });
  for (let each = 0; each < 60; each += 1) await ask('customers/redact', [payment.originId]);
  const last = await ask('customers/redact', [free.originId]);
  await round();
  await round();
  expect((await requestOf(last)).doneAt).not.toBeNull();
  await resolved(payment, invoice.amountMsat);
  await round();
  await round();
  const all = await privacyRequests(db, { shopId: shop.id, limit: 100 });
  expect(all.filter(({ doneAt }) => doneAt === null)).toEqual([]);
});

test('one that fails is told and tried again, and the next ones are done', async () => {
  const [bad, good] = [
    await aPayment(db, { shopId: shop.id }),
    await aPayment(db, { shopId: shop.id }),
  ];
  await db.pool.query(`
    create function fails() returns trigger language plpgsql as $$
      begin raise exception 'a canary of a failure'; end $$;
    create trigger fails before update on payment for each row
      when (old.id = '${bad.id}') execute function fails()`);
  const [first, second] = [
    await ask('customers/redact', [bad.originId]),
    await ask('customers/redact', [good.originId]),
  ];
  const lines: string[] = [];
  const loud = pino({ level: 'error' }, { write: (line: string) => lines.push(line) });
  await honourPrivacy({ db, log: loud, clock: () => new Date() });
  expect((await requestOf(first)).doneAt).toBeNull();
  expect((await requestOf(second)).doneAt).not.toBeNull();
  const told = lines.filter((line) => line.includes('privacy.failed'));
  expect(told).toHaveLength(1);
  expect(told[0]).toContain('a canary of a failure');
  await db.pool.query('drop trigger fails on payment');
  await round();
  expect((await requestOf(first)).doneAt).not.toBeNull();
});

test('very many payments are unlinked in portions, each for itself', async () => {
  const model = await aPayment(db, { shopId: shop.id });
  await db.pool.query(
    `insert into payment (id, link, shop_id, origin_id, sequence, order_name, currency, owed_minor,
       owed_at, state, reason, lane, tell_sales_before)
     select gen_random_uuid(), 'many-' || n, $1, 'gid://shopify/Order/5' || n, 1,
       '#' || n, 'EUR', 100, now(), 'open', 'order_seen', lane, '{}'
     from payment, generate_series(1, 1200) n where payment.id = $2`,
    [shop.id, model.id],
  );
  const left = async (): Promise<number> => {
    const { rows } = await db.pool.query<{ n: number }>(
      'select count(*)::int as n from payment where shop_id = $1 and link like $2',
      [shop.id, 'many-%'],
    );
    return rows[0]?.n ?? -1;
  };
  const all = { shopId: shop.id, orderIds: undefined, since: new Date(Date.now() - 60_000) };
  await unlinkPayments(db, { ...all, portionsAtMost: 1 });
  expect(await left()).toBeGreaterThanOrEqual(700);
  expect(await left()).toBeLessThan(1_200);
  expect(await linksLeft(db.pool, all)).toBe(true);
  await db.prisma.shop.update({ where: { id: shop.id }, data: { uninstalledAt: new Date() } });
  const id = await ask('shop/redact', []);
  await round();
  expect(await left()).toBe(0);
  expect((await requestOf(id)).report.found[0]).toContain('1201 payments');
});

test('of a forgotten session the link is nowhere, and asking again opens nothing', async () => {
  const { id: registrationId } = await storeRegistration(db, {
    ...{ kind: 'payments', name: 'payments', clientId: 'payments-client' },
    sealedSecret: new Uint8Array([1]),
  });
  shop = (await installShop(db, { registrationId, domain: shop.domain })).shop;
  const session: SessionAsked = {
    ...{ shopDomain: shop.domain, id: 'session-1', gid: 'gid://shopify/PaymentSession/session-1' },
    ...{ group: 'g', sessionId: 's', amount: '12.00', currencyCode: 'EUR', test: false },
    ...{ kind: 'sale', merchantLocale: 'en', cancelUrl: 'https://shop.example/1' },
    proposedAt: new Date('2026-11-21T12:00:00Z'),
  };
  const clock = () => new Date();
  const open = () =>
    openSession({ db, log, clock, payUrlOf: (link) => `https://x.example/${link}` }, session);
  expect(await open()).toMatchObject({ is: 'answered' });
  const before = await db.prisma.payment.findFirstOrThrow({ where: { shopId: shop.id } });
  await uninstallShop(db, shop.id, { keepTokens: false });
  await ask('shop/redact', []);
  await round();
  const { rows } = await db.pool.query<{ text: string }>(
    `select coalesce(string_agg(t, ' '), '') as text from (
       select row_to_json(p)::text as t from payment p where shop_id = $1
       union all select row_to_json(r)::text from session_request r where shop_id = $1) all_of_it`,
    [shop.id],
  );
  expect(rows[0]?.text).toContain('session-1');
  expect(rows[0]?.text).not.toContain(before.link);
  expect(rows[0]?.text).not.toContain('shop.example');
  expect(await audit(db)).toEqual([]);
  expect(await open()).toEqual({ is: 'forgotten' });
  expect(await audit(db)).toEqual([]);
});
