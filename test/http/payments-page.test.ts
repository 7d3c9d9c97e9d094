// The payments app's own page, from the first visit to the uninstall, over its real doors.
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { lookAtInstallation } from '../../web/flows/forget-shop.ts';
import { reconcileShop } from '../../web/flows/reconcile-shop.ts';
import { allRoutes } from '../../web/http/app.ts';
import { callbackPath, endGrant } from '../../web/http/payments/auth.ts';
import { accountOf } from '../../web/core/ledger.ts';
import { recordSettlements } from '../../web/db/invoices.ts';
import { movePayment } from '../../web/db/payments.ts';
import { refundTermsOf } from '../../web/db/refunds.ts';
import { rewardTermsOf } from '../../web/db/rewards.ts';
import { settingsOf } from '../../web/db/settings.ts';
import { installShop, shopOf } from '../../web/db/shops.ts';
import { settingsServing } from '../../web/flows/serve-session.ts';
import { aNode, anInvoice, aPayment, aSettle, aShop } from '../builders.ts';
import {
  formToken,
  openFace,
  otherShop,
  paymentsApp,
  shop,
  signIn,
  visitor,
  type Face,
  type Visitor,
} from '../payments-face.ts';

let face: Face;
beforeAll(async () => {
  face = await openFace();
});
afterAll(() => face.close());

const me = () => visitor(face);
let merchant = visitor({ appUrl: '' });

const row = async () => {
  const registration = (await face.wired.registrations('payments'))[0];
  return shopOf(face.wired.db, { registrationId: registration?.id ?? 0, domain: shop });
};
const pageSessions = () => face.wired.db.prisma.pageSession.findMany();
const gateway = () => face.shopify.payments.gateway({ app: paymentsApp.name, shop });
const state = (text: string): string | undefined => /<main data-state="(\w+)"/.exec(text)?.[1];

test('a stranger sees how to come in, and no form does anything', async () => {
  const stranger = me();
  const page = await stranger.ask('/payments');
  expect([page.status, state(page.text)]).toEqual([401, 'not_signed_in']);
  const forms = allRoutes(face.wired.doors()).filter(
    ({ method, policy }) => method === 'post' && policy === 'payments-page',
  );
  expect(forms).toHaveLength(12);
  for (const { path } of forms) {
    const form = { form_token: 'x', lndconnect: 'lndconnect://' };
    const answer = await stranger.ask(path, { form });
    expect([path, answer.status]).toEqual([path, 401]);
    expect(answer.headers.get('content-type')).toContain('text/html');
  }
  const tricked = await stranger.ask('/payments?shop=evil.example%2F.myshopify.com');
  expect(tricked.status).toBe(401);
  expect(await pageSessions()).toEqual([]);
  expect(await row()).toBeNull();
});

test('the grant installs the shop and signs this browser in', async () => {
  merchant = me();
  const begun = await merchant.ask(`/payments?shop=${shop}`);
  expect(begun.status).toBe(302);
  const to = new URL(begun.location);
  expect(to.pathname).toBe(`/${shop}/admin/oauth/authorize`);
  expect(Object.fromEntries(to.searchParams)).toMatchObject({
    client_id: paymentsApp.clientId,
    scope: 'write_payment_gateways,write_payment_sessions',
    redirect_uri: `${face.appUrl}/payments/auth/callback`,
    'grant_options[]': '',
  });
  expect(to.searchParams.get('state')).toMatch(/^[\w-]{32}$/);
  const [cookie = ''] = begun.headers.getSetCookie();
  expect(cookie).toMatch(/^zaptill_grant=.*; Max-Age=600; Path=\/; .*HttpOnly; SameSite=Lax$/);

  const page = await signIn(face, merchant);
  expect([page.status, state(page.text)]).toEqual([200, 'no_node']);
  expect(page.text).toContain('Connect your node first');
  expect(page.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
  expect(page.headers.get('cache-control')).toBe('no-store');

  const installed = await row();
  expect(installed?.scopes).toBe('write_payment_gateways,write_payment_sessions');
  expect(installed?.sealedAccessToken).toBeTruthy();
  expect(installed?.sealedRefreshToken).toBeTruthy();
  // A payments app has no orders: its row is due for one question a day, and never for the sweep.
  const { dueAt } = await face.wired.db.prisma.shop.findUniqueOrThrow({
    where: { id: installed?.id ?? 0 },
  });
  expect(((dueAt?.getTime() ?? 0) - Date.now()) / 3_600_000).toBeGreaterThan(23);

  const token = merchant.cookies.get('zaptill_page') ?? '';
  expect(token).toMatch(/^[\w-]{43}$/);
  expect(merchant.cookies.has('zaptill_grant')).toBe(false);
  const [stored, ...others] = await pageSessions();
  expect(others).toEqual([]);
  const hash = createHash('sha256').update(token).digest('hex');
  expect(Buffer.from(stored?.tokenHash ?? []).toString('hex')).toBe(hash);
  const hours = ((stored?.endsAt.getTime() ?? 0) - Date.now()) / 3_600_000;
  expect(hours).toBeGreaterThan(11.9);
  expect(hours).toBeLessThanOrEqual(12);
});

test('the page speaks German, and the admin’s frame gets the other app here', async () => {
  const german = visitor(face, 'de-CH,de;q=0.9');
  const page = await signIn(face, german);
  expect(page.text).toContain('<html lang="de-CH">');
  expect(page.text).toContain('Verbinden Sie zuerst Ihren Knoten');
  const framed = await german.ask(`/payments?embedded=1&shop=${shop}`);
  expect(framed.text).not.toContain('data-state');
});

/** The address to which Shopify sends a browser back, with its cookie: it has not gone there. */
async function approved(who: Visitor): Promise<{ url: string; headers: { Cookie: string } }> {
  const begun = await who.ask(`/payments?shop=${shop}`);
  const asked = await who.ask(begun.location);
  const { location } = asked.status === 200 ? await who.ask(begun.location, { form: {} }) : asked;
  const grant = who.cookies.get('zaptill_grant') ?? '';
  return { url: location, headers: { Cookie: `zaptill_grant=${grant}` } };
}

test('strangers behind the proxy of a merchant spend nothing of the budget', async () => {
  const stranger = me();
  const invented = `/payments/auth/callback?shop=${shop}&code=x&state=y&hmac=z&timestamp=1`;
  for (let call = 0; call < 70; call += 1) {
    expect((await stranger.ask(invented)).status).toBe(403);
  }
  expect((await signIn(face, me())).status).toBe(200);
});

test('a proven grant has a budget, and may be tried again after it', async () => {
  const app = express();
  let left = 0;
  const mayTry = (): boolean => left-- > 0;
  const doors = face.wired.doors();
  app.get(callbackPath, (request, response) => endGrant(doors, { request, response, mayTry }));
  const server = app.listen(0, '127.0.0.1');
  try {
    await once(server, 'listening');
    const { url, headers } = await approved(me());
    const at = new URL(url);
    at.port = String((server.address() as AddressInfo).port);
    const before = (await pageSessions()).length;
    const refused = await fetch(at, { headers, redirect: 'manual' });
    expect(refused.status).toBe(429);
    expect(refused.headers.get('retry-after')).toBe('60');
    expect(refused.headers.getSetCookie()).toEqual([]);
    expect(await pageSessions()).toHaveLength(before);
    left = 1;
    const taken = await fetch(at, { headers, redirect: 'manual' });
    expect([taken.status, taken.headers.get('location')]).toEqual([303, '/payments']);
  } finally {
    server.close();
  }
});

test('Shopify is not told before there is a node', async () => {
  const page = await merchant.ask('/payments');
  const answer = await merchant.ask('/payments/ready', { form: { form_token: formToken(page) } });
  expect([answer.status, state(answer.text)]).toEqual([409, 'no_node']);
  expect(gateway().ready).toBe(false);
});

test('a form of another site, or of another sign-in, changes nothing', async () => {
  const page = await merchant.ask('/payments');
  const good = formToken(page);
  const other = me();
  const otherToken = formToken(await signIn(face, other));
  expect(otherToken).not.toBe(good);
  const sign = (form_token: string, headers: Record<string, string> = {}) =>
    merchant.ask('/payments/sign-out', { form: { form_token }, headers });
  const before = (await pageSessions()).length;
  expect((await sign('')).status).toBe(403);
  expect((await sign(otherToken)).status).toBe(403);
  expect((await sign(`${good}x`)).status).toBe(403);
  expect((await sign(good, { Origin: 'https://evil.example' })).status).toBe(403);
  expect((await sign(good, { Origin: 'null' })).status).toBe(403);
  expect(await pageSessions()).toHaveLength(before);
});

test('a credential that can spend is a lesson, and is not said back', async () => {
  const form_token = formToken(await merchant.ask('/payments'));
  const macaroon = face.lnd.macaroon('admin');
  const lndconnect = face.lnd.lndconnect(macaroon);
  const link = await merchant.ask('/payments/node', { form: { form_token, lndconnect } });
  expect([link.status, state(link.text)]).toEqual([422, 'no_node']);
  expect(link.text).toContain('This credential can do too much');
  expect(link.text).toMatch(/data-line="bake"[^>]*>lncli bakemacaroon --root_key_id \d+ /);
  expect(link.text).toContain('macaroon:write');
  const secrets = [lndconnect, macaroon.toString('hex'), macaroon.toString('base64url')];
  for (const secret of secrets) expect(link.text).not.toContain(secret);

  const certificate = '-----BEGIN CERTIFICATE-----\r\n"><script>alert(1)</script>\r\n-----END';
  const parts = await merchant.ask('/payments/node', {
    form: { form_token, host: '"><b>', certificate, macaroon: macaroon.toString('hex') },
  });
  expect(parts.status).toBe(422);
  expect(parts.text).toContain('value="&quot;&gt;&lt;b&gt;"');
  expect(parts.text).toContain('-----&#10;&quot;&gt;&lt;script&gt;');
  expect(parts.text).not.toContain(macaroon.toString('hex'));
  expect(await face.wired.db.prisma.node.count()).toBe(0);
});

test('a good credential connects the node, and the page says what it can receive', async () => {
  const form_token = formToken(await merchant.ask('/payments'));
  const macaroon = face.lnd.macaroon('receive-useful', { rootKeyId: '57001' });
  const lndconnect = face.lnd.lndconnect(macaroon);
  const answer = await merchant.ask('/payments/node', { form: { form_token, lndconnect } });
  expect([answer.status, new URL(answer.location).pathname]).toEqual([303, '/payments']);
  const page = await merchant.follow(answer);
  expect(state(page.text)).toBe('ready');
  expect(page.text).toContain('Your node is connected');
  expect(page.text).toContain('alpine-node');
  expect(page.text).toMatch(/Can receive.*?[\d,]+ sats/);
  expect(page.text).not.toContain(macaroon.toString('hex'));
});

test('authorizing first is switched on, asks for a credential that can, and off', async () => {
  const press = async (on: string) => {
    const form = { form_token: formToken(await merchant.ask('/payments')), on };
    return merchant.ask('/payments/holds', { form });
  };
  const isOn = async (): Promise<boolean> => {
    const { domain, registrationId } = (await row()) ?? { domain: '', registrationId: 0 };
    const where = { domain, registrationId };
    return (await face.wired.db.prisma.shop.findFirstOrThrow({ where })).holdsOn;
  };
  const before = await merchant.ask('/payments');
  expect(before.text).toContain('name="on" value="yes"');
  expect(before.text).not.toContain('SettleInvoice');
  expect((await press('perhaps')).status).toBe(400);
  expect(await isOn()).toBe(false);
  const answer = await press('yes');
  expect(answer.status).toBe(303);
  expect(await isOn()).toBe(true);
  const page = await merchant.ask('/payments');
  expect(page.text).toContain('credential cannot hold payments');
  expect(page.text).toMatch(/uri:\/invoicesrpc\.Invoices\/SettleInvoice/);
  await press('no');
  expect(await isOn()).toBe(false);
});

test('while Shopify is away the page says so, and nothing is written', async () => {
  const form_token = formToken(await merchant.ask('/payments'));
  face.shopify.faults.add({ kind: 'status', operation: 'PaymentsAppConfigure' });
  const answer = await merchant.ask('/payments/ready', { form: { form_token } });
  expect(answer.status).toBe(503);
  expect(answer.text).toContain('Shopify did not answer');
  expect(state(answer.text)).toBe('ready');
  expect(gateway().ready).toBe(false);
});

test('ready is said once the node is there, and the merchant is led back to Shopify', async () => {
  const page = await merchant.ask('/payments');
  expect(page.headers.get('content-security-policy')).toContain(
    `form-action 'self' ${face.shopify.origin}`,
  );
  const form = { form_token: formToken(page) };
  const answer = await merchant.ask('/payments/ready', { form });
  const settings = `/${shop}/services/payments_partners/gateways/${paymentsApp.clientId}/settings`;
  expect([answer.status, answer.location]).toEqual([303, `${face.shopify.origin}${settings}`]);
  expect(gateway()).toMatchObject({ ready: true, externalHandle: shop });
  expect((await merchant.ask(answer.location)).status).toBe(200);
  const told = await merchant.ask('/payments');
  expect(state(told.text)).toBe('told');
  expect(told.text).toContain(settings);
});

test('a node that is down is said on top', async () => {
  const node = await face.wired.db.prisma.node.findFirstOrThrow();
  const troubleAt = new Date();
  await face.wired.db.prisma.node.update({
    where: { id: node.id },
    data: { trouble: 'node_unreachable', troubleAt },
  });
  const page = await merchant.ask('/payments');
  expect(state(page.text)).toBe('node_down');
  await face.wired.db.prisma.node.update({
    where: { id: node.id },
    data: { trouble: null, troubleAt: null, reachableAt: new Date() },
  });
  expect(state((await merchant.ask('/payments')).text)).toBe('told');
});

test('once a day its tokens are renewed, and a page says when Shopify took them away', async () => {
  const { db, deps } = face.wired;
  const before = await row();
  const id = before?.id ?? 0;
  await db.prisma.shop.update({ where: { id }, data: { accessTokenEndsAt: new Date() } });
  const due = { table: 'shop', id: String(id), leaseNo: 1, attempts: 0, state: '' } as const;
  expect(await reconcileShop(deps, due)).toMatchObject({ dueInMs: 24 * 3_600_000 });
  expect((await row())?.tokenVersion).toBe((before?.tokenVersion ?? 0) + 1);

  face.shopify.revokeTokens({ app: paymentsApp.name, shop });
  await db.prisma.shop.update({ where: { id }, data: { accessTokenEndsAt: new Date() } });
  await expect(reconcileShop(deps, due)).rejects.toMatchObject({ what: 'token_refused' });
  const page = await merchant.ask('/payments');
  expect(page.text).toContain('Shopify no longer knows this installation');
  // Opening the app from the admin brings new ones.
  expect((await signIn(face, merchant)).text).not.toContain('no longer knows');
});

test('the token of the payments app goes to the Payments Apps API and nowhere else', async () => {
  const { deps } = face.wired;
  const shopId = (await row())?.id ?? 0;
  await expect(deps.storefronts.of(shopId)).rejects.toThrow(/API of the other/);
  const [merchants] = await face.wired.registrations('merchant');
  const ofMerchant = await deps.db.prisma.shop.create({
    data: { registrationId: merchants?.id ?? 0, domain: shop, lane: 'shop:none:admin' },
  });
  await expect(deps.paymentSessions.of(ofMerchant.id)).rejects.toThrow(/API of the other/);
  await deps.db.prisma.shop.delete({ where: { id: ofMerchant.id } });
  // What the stand-in was asked since the first test, by both APIs and the token endpoint.
  const asked = face.shopify.log.filter((entry) => entry.way === 'in').map(({ what }) => what);
  expect(asked.length).toBeGreaterThan(1);
  expect(
    asked.filter(
      (what) => !/^token|[pP]aymentsAppConfigure|ApiVersions|publicApiVersions/.test(what),
    ),
  ).toEqual([]);
});

test('its payments are listed, first what needs a person, and no other shop’s', async () => {
  const { db, registrations } = face.wired;
  const shopId = (await row())?.id ?? 0;
  expect((await merchant.ask('/payments')).text).not.toContain('id="payments"');
  await aPayment(db, { shopId });
  const stuck = await aPayment(db, { shopId });
  await db.prisma.payment.update({
    where: { id: stuck.id },
    data: { attention: 'stranded', orderName: 'session-that-is-stuck' },
  });
  const [app] = await registrations('payments');
  const about = { registrationId: app?.id ?? 0, domain: 'neighbour.myshopify.com' };
  const { shop: neighbour } = await installShop(db, about);
  const theirs = await aPayment(db, { shopId: neighbour.id });
  await db.prisma.payment.update({ where: { id: theirs.id }, data: { orderName: 'of-another' } });
  const { text } = await merchant.ask('/payments');
  expect(text.match(/<li data-payment="open"/g)).toHaveLength(2);
  const note = /<div class="note"[^]*?<\/div>/.exec(text.slice(text.indexOf('id="payments"')))?.[0];
  expect(note).toContain('Shopify will not take it');
  expect(note).toContain('session-that-is-stuck');
  expect(text).not.toContain('of-another');
});

test('what waits for a buyer has its link, while it can be claimed, for its own shop', async () => {
  const { db, registrations } = face.wired;
  const shopId = (await row())?.id ?? 0;
  const [app] = await registrations('payments');
  const about = { registrationId: app?.id ?? 0, domain: 'neighbour.myshopify.com' };
  const { shop: neighbour } = await installShop(db, about);
  const refund = async (ofShop: number, link: string, more: { state?: string; days?: number }) => {
    const { id } = await aPayment(db, { shopId: ofShop });
    await db.pool.query(
      `insert into refund (id, link, shop_id, payment_id, origin, origin_id, currency, amount_minor,
         amount_msat, pricing, source, state, reason, claim_ends_at, lane)
       values (gen_random_uuid(), $1, $2, $3, 'attention', $1, 'EUR', 0, 700000, 'sats_paid',
         'overpaid', $4, 'priced', now() + make_interval(days => $5), $6)`,
      [
        ...[link, ofShop, id, more.state ?? 'claimable', more.days ?? 30],
        `shop:${String(ofShop)}:admin`,
      ],
    );
  };
  expect((await merchant.ask('/payments')).text).not.toContain('data-part="refunds"');
  const [open, over, withdrawn, theirs] = ['open', 'over', 'gone', 'theirs'].map((name) =>
    name.padEnd(22, '_'),
  ) as [string, string, string, string];
  await refund(shopId, open, {});
  await refund(shopId, over, { days: -1 });
  await refund(shopId, withdrawn, { state: 'withdrawn' });
  await refund(neighbour.id, theirs, {});
  const { text } = await merchant.ask('/payments');
  const part = /data-part="refunds"[^]*?<\/div>/.exec(text)?.[0] ?? '';
  expect(part).toContain(`${face.appUrl}/refund/${open}</code>`);
  expect(part).toContain('700 sats');
  expect(part.match(/\/refund\//g)).toHaveLength(1);
  for (const other of [over, withdrawn, theirs]) expect(text).not.toContain(other);
});

test('what is above the threshold is approved here, and what waits has a word', async () => {
  const { db } = face.wired;
  const shopId = (await row())?.id ?? 0;
  const refund = async (ofShop: number, state: 'asked' | 'claimed', sats: number) => {
    const { id: paymentId } = await aPayment(db, { shopId: ofShop });
    const link = randomBytes(11).toString('hex');
    const { rows } = await db.pool.query<{ id: string }>(
      `insert into refund (id, link, shop_id, payment_id, origin, origin_id, currency, amount_minor,
         amount_msat, pricing, source, state, reason, approval_wanted,
         claim_ends_at, lane)
       values (gen_random_uuid(), $1, $2, $3, 'attention', $1, 'EUR', 0, $4, 'sats_paid',
         'overpaid', $5::refund_state,
         case when $5::text = 'asked' then 'approval_wanted' else 'priced' end, $5::text = 'asked',
         case when $5::text = 'claimed' then now() + interval '1 day' end, $6)
       returning id`,
      [link, ofShop, paymentId, sats * 1_000, state, `shop:${String(ofShop)}:admin`],
    );
    return { id: rows[0]?.id ?? '', link };
  };
  const { id: neighbour } = await aShop(db, { domain: 'next-door.myshopify.com' });
  const [large, larger, theirs] = [
    await refund(shopId, 'asked', 200_123),
    await refund(shopId, 'asked', 300_123),
    await refund(neighbour, 'asked', 400_123),
  ];
  const claimed = await refund(shopId, 'claimed', 500_123);
  const { rows } = await db.pool.query<{ id: string }>(
    `insert into refund_claim (refund_id, request, hash, amount_msat, expires_at, kind)
     values ($1, 'lnbcrt1', sha256($2), 500123000, now() + interval '1 hour', 'invoice')
     returning id`,
    [claimed.id, claimed.link],
  );
  await db.pool.query(
    `insert into payout_wait (claim_id, shop_id, word, due_at)
     values ($1, $2, 'above_per_day', now())`,
    [rows[0]?.id, shopId],
  );
  const page = await merchant.ask('/payments');
  const approvals = /data-part="approvals"[^]*?<\/div>/.exec(page.text)?.[0] ?? '';
  expect(approvals).toContain('200,123 sats');
  expect(approvals).toContain('300,123 sats');
  expect(page.text).not.toContain('400,123');
  const way = /data-part="under-way"[^]*?<\/div>/.exec(page.text)?.[0] ?? '';
  expect(way).toContain('500,123 sats');
  expect(way).toContain('The ceiling of 24 hours is reached.');

  const press = (name: string, form: Record<string, string>) =>
    merchant.ask(`/payments/${name}`, { form: { form_token: formToken(page), ...form } });
  const of = ({ id }: { id: string }) => ({ refund: id, confirmed: 'yes' });
  expect((await press('approve', { refund: large.id })).status).toBe(400);
  expect((await press('approve', of(theirs))).status).toBe(404);
  expect((await press('approve', of(large))).status).toBe(303);
  const late = await press('withdraw', of(claimed));
  expect(late.status).toBe(409);
  expect(late.text).toContain('It has changed meanwhile');
  expect((await press('approve', of(large))).status).toBe(409);
  expect((await press('withdraw', of(larger))).status).toBe(303);
  const states = await db.prisma.refund.findMany({
    where: { id: { in: [large.id, larger.id, theirs.id] } },
    orderBy: { amountMsat: 'asc' },
  });
  expect(states.map(({ state, reason }) => [state, reason])).toEqual([
    ['claimable', 'approved'],
    ['withdrawn', 'taken_back'],
    ['asked', 'approval_wanted'],
  ]);
  const after = (await merchant.ask('/payments')).text;
  expect(after).toContain(`${face.appUrl}/refund/${large.link}</code>`);
  expect(after).not.toContain('data-part="approvals"');
});

const stuckAt = async (ofShop: number): Promise<string> => {
  const { db } = face.wired;
  const payment = await aPayment(db, { shopId: ofShop });
  const nodeId = await aNode(db, { shopId: ofShop });
  const invoice = await anInvoice(db, { payment, nodeId });
  await recordSettlements(db.pool, {
    ...{ nodeId, observations: [aSettle(invoice)], recorder: { via: 'lookup' } },
  });
  await movePayment(db.pool, {
    paymentId: payment.id,
    move: { from: 'settled', to: 'stranded' },
    because: 'session_gone',
    journal: `verdict:${payment.id}`,
    postings: [
      {
        from: accountOf('awaiting', ofShop),
        to: accountOf('stranded', ofShop),
        amountMsat: invoice.amountMsat,
      },
    ],
    attention: 'stranded',
  });
  return payment.id;
};

test('refunds are switched on here, and what is stuck becomes a link for its buyer', async () => {
  const shopId = (await row())?.id ?? 0;
  const id = await stuckAt(shopId);
  const page = await merchant.ask('/payments');
  expect(page.text).not.toContain('/payments/give-back');
  const press = (name: string, form: Record<string, string>) =>
    merchant.ask(`/payments/${name}`, { form: { form_token: formToken(page), ...form } });
  expect((await press('refunds', { on: 'perhaps' })).status).toBe(400);
  expect((await press('refunds', { on: 'yes' })).status).toBe(303);
  const { text } = await merchant.ask('/payments');
  const form = /action="\/payments\/give-back"[^]*?<\/form>/.exec(text)?.[0] ?? '';
  const overpaid = /name="overpaid" value="(\d+)"/.exec(form)?.[1] ?? '';
  expect(form).toContain(`value="${id}"`);
  const given = { payment: id, overpaid, confirmed: 'yes' };
  expect((await press('give-back', { ...given, overpaid: `${overpaid}0` })).status).toBe(409);
  expect((await press('give-back', { ...given, payment: randomUUID() })).status).toBe(404);
  expect((await press('give-back', { payment: id, overpaid })).status).toBe(400);
  expect((await press('give-back', given)).status).toBe(303);
  expect((await press('give-back', given)).status).toBe(409);
  const where = { paymentId: id };
  const refunds = await face.wired.db.prisma.refund.findMany({ where });
  expect(refunds).toMatchObject([{ origin: 'attention', amountMsat: BigInt(overpaid) }]);
  // Where the merchant app has settings of this shop, they say it, and this page shows it.
  const { domain } = (await row()) ?? { domain: '' };
  const { id: other } = await aShop(face.wired.db, { domain });
  await face.wired.db.prisma.settings.create({ data: { shopId: other, refundsOn: false } });
  const told = (await merchant.ask('/payments')).text;
  expect(told).toContain('You set this in the Zaptill app of your admin');
  expect(told).not.toContain('action="/payments/refunds"');
  expect(told).not.toContain('action="/payments/give-back"');
  await face.wired.db.prisma.settings.delete({ where: { shopId: other } });
  await press('refunds', { on: 'no' });
});

/** As the form is sent when nothing was typed into it. */
const asItComes = {
  ...{ adjustment: 'none', adjustmentSize: '', quoteMinutes: '', spread: '', alone: 'pause' },
  ...{ aloneMinutes: '', aloneDrift: '', smallest: '', largest: '', pricing: 'fiat_today' },
  ...{ claimDays: '30', approval: '', email: '' },
};

test('its merchant chooses prices, limits and refunds', async () => {
  const shopId = (await row())?.id ?? 0;
  const { db, deps } = face.wired;
  const page = await merchant.ask('/payments');
  const versionOn = (text: string) => /name="version" value="(\d+)"/.exec(text)?.[1] ?? '';
  const save = (form: Record<string, string>, version = versionOn(page.text)) =>
    merchant.ask('/payments/settings', {
      form: { form_token: formToken(page), ...asItComes, version, ...form },
    });
  expect((await save({ adjustment: 'perhaps' })).status).toBe(400);
  const wrong = await save({ adjustment: 'discount', adjustmentSize: '21', approval: 'many' });
  expect(wrong.status).toBe(422);
  expect(wrong.text).toContain('Between 0.01 and 20 percent');
  expect(wrong.text).toContain('id="approval-wrong"');
  // What was typed is still there.
  expect(wrong.text).toMatch(/name="adjustmentSize"[^>]*value="21"/);
  expect(wrong.text).toMatch(/name="approval"[^>]*value="many"/);
  expect(await db.prisma.settings.findUnique({ where: { shopId } })).toBeNull();

  const press = (name: string, form: Record<string, string>) =>
    merchant.ask(`/payments/${name}`, { form: { form_token: formToken(page), ...form } });
  await press('refunds', { on: 'yes' });
  const wish = {
    ...{ adjustment: 'discount', adjustmentSize: '2,5', quoteMinutes: '20', spread: '0.5' },
    ...{
      alone: 'widen',
      aloneMinutes: '15',
      aloneDrift: '',
      smallest: '100',
      largest: '1 000 000',
    },
    ...{ pricing: 'lower', claimDays: '14', approval: '0', wrong: 'yes' },
  };
  const saved = await save(wish);
  expect([saved.status, new URL(saved.location).search]).toEqual([303, '?saved=1']);
  const { settings, version } = await settingsOf(db, shopId);
  expect(settings).toMatchObject({
    ...{ priceAdjustmentBp: -250, quoteSeconds: 1_200, spreadLimitBp: 50, aloneMinutes: 15 },
    ...{ aloneDriftBp: null, smallestMsat: 100_000n, largestMsat: 1_000_000_000n },
    ...{ refundPricing: 'lower', refundClaimDays: 14, refundApprovalMsat: 0n },
    // The switch of refunds was on before, and stays so.
    ...{ refundsWrong: true, refundsOn: true },
  });
  const shown = await merchant.ask('/payments?saved=1');
  expect(shown.text).toContain('Settings saved');
  expect(shown.text).toMatch(/name="adjustmentSize"[^>]*value="2.5"/);
  expect(versionOn(shown.text)).toBe(String(version));
  // They are those of its sessions and of their refunds.
  expect(await settingsServing(deps, shopId)).toEqual(settings);
  expect(await refundTermsOf(db, shopId)).toMatchObject({
    ...{ from: 'own', refundsOn: true, pricing: 'lower', claimDays: 14, approvalMsat: 0n },
  });
  // Who saw an older page changes nothing.
  expect((await save({ claimDays: '99' }, '0')).status).toBe(409);
  expect((await settingsOf(db, shopId)).version).toBe(version);
  // The switch is still here, and still switches.
  await press('refunds', { on: 'no' });
  expect(await refundTermsOf(db, shopId)).toMatchObject({ from: 'own', refundsOn: false });
  await db.prisma.settings.delete({ where: { shopId } });
});

test('rewards are chosen here by a shop without the merchant app', async () => {
  const { id: shopId, domain } = (await row()) ?? { id: 0, domain: '' };
  const { db } = face.wired;
  const others = { domain, id: { not: shopId } };
  await db.prisma.shop.updateMany({ where: others, data: { uninstalledAt: new Date() } });
  const page = await merchant.ask('/payments');
  const wish = {
    ...{ on: 'yes', percent: '1.5', mostSats: '5000', leastSats: '0' },
    ...{ waitDays: '14', claimDays: '60' },
  };
  const save = (form: Record<string, string>) =>
    merchant.ask('/payments/rewards', { form: { form_token: formToken(page), ...form } });
  expect((await save({ on: 'yes' })).status).toBe(400);
  const wrong = await save({ ...wish, percent: '21' });
  expect(wrong.status).toBe(422);
  expect(wrong.text).toContain('Give a percentage from 0.1 to 20');
  expect(wrong.text).toMatch(/name="percent"[^>]*value="21"/);
  expect((await rewardTermsOf(db, shopId)).rewardsOn).toBe(false);
  expect((await save(wish)).status).toBe(303);
  expect(await rewardTermsOf(db, shopId)).toEqual({
    ...{ rewardsOn: true, partBp: 150, leastMsat: 0n, mostMsat: 5_000_000n },
    ...{ waitDays: 14, claimDays: 60 },
  });
  // The box that is not ticked is not sent.
  const { on: _on, ...off } = wish;
  expect((await save(off)).status).toBe(303);
  expect((await rewardTermsOf(db, shopId)).rewardsOn).toBe(false);
  await db.prisma.shop.updateMany({ where: others, data: { uninstalledAt: null } });
  await aShop(db, { domain });
  expect((await merchant.ask('/payments')).text).not.toContain('action="/payments/rewards"');
  expect((await save(wish)).status).toBe(409);
});

test('settings of the merchant app are not changed here', async () => {
  const { domain } = (await row()) ?? { domain: '' };
  const { id: other } = await aShop(face.wired.db, { domain });
  await face.wired.db.prisma.settings.create({ data: { shopId: other, refundClaimDays: 9 } });
  const page = await merchant.ask('/payments');
  expect(page.text).toContain('it holds here as well');
  expect(page.text).not.toContain('action="/payments/settings"');
  const form = { form_token: formToken(page), ...asItComes, version: '0' };
  expect((await merchant.ask('/payments/settings', { form })).status).toBe(409);
  await face.wired.db.prisma.settings.delete({ where: { shopId: other } });
});

test('a stuck payment is settled by hand, by its own shop and with a word', async () => {
  const { db } = face.wired;
  const shopId = (await row())?.id ?? 0;
  const [registration] = await face.wired.registrations('payments');
  const about = { registrationId: registration?.id ?? 0, domain: 'neighbour.myshopify.com' };
  const { shop: neighbour } = await installShop(db, about);
  const [ours, theirs] = [await stuckAt(shopId), await stuckAt(neighbour.id)];
  const page = await merchant.ask('/payments');
  expect(page.text).toContain(`name="payment" value="${ours}"`);
  expect(page.text).not.toContain(theirs);
  const settle = (form: Record<string, string>) =>
    merchant.ask('/payments/settle', { form: { form_token: formToken(page), ...form } });
  expect((await settle({ payment: ours })).status).toBe(400);
  expect((await settle({ payment: theirs, confirmed: 'yes' })).status).toBe(404);
  const states = async (): Promise<unknown[]> =>
    (await db.prisma.payment.findMany({ where: { id: { in: [ours, theirs] } } })).map(
      (payment) => payment.state,
    );
  expect(await states()).toEqual(['stranded', 'stranded']);
  const done = await settle({ payment: ours, confirmed: 'yes' });
  expect([done.status, new URL(done.location).pathname]).toEqual([303, '/payments']);
  expect((await states()).sort()).toEqual(['resolved', 'stranded']);
  expect((await merchant.ask('/payments')).text).not.toContain(`value="${ours}"`);
});

test('signing out ends it here and for whoever has a copy of the cookie', async () => {
  const thief = me();
  thief.cookies.set('zaptill_page', merchant.cookies.get('zaptill_page') ?? '');
  expect((await thief.ask('/payments')).status).toBe(200);
  const form = { form_token: formToken(await merchant.ask('/payments')) };
  const answer = await merchant.ask('/payments/sign-out', { form });
  expect([answer.status, state(answer.text)]).toEqual([200, 'signed_out']);
  expect(merchant.cookies.has('zaptill_page')).toBe(false);
  expect((await thief.ask('/payments')).status).toBe(401);
});

test('a node that was connected in the merchant app serves here as well', async () => {
  const [merchants] = await face.wired.registrations('merchant');
  const { shop: there } = await installShop(face.wired.db, {
    registrationId: merchants?.id ?? 0,
    domain: otherShop,
  });
  const who = me();
  expect(state((await signIn(face, who, otherShop)).text)).toBe('no_node');
  const lndconnect = face.lnd.lndconnect(face.lnd.macaroon('receive-useful', { rootKeyId: '5' }));
  const connected = await face.wired.connect({ shopId: there.id, given: { lndconnect } });
  expect(connected.ok).toBe(true);
  const page = await who.ask('/payments');
  expect(state(page.text)).toBe('ready');
  expect(page.text).toContain('connected in the Zaptill app');
  const form = { form_token: formToken(page) };
  expect((await who.ask('/payments/ready', { form })).status).toBe(303);
  // The other way round nothing is shared: this shop of the payments app has no node of its own.
  const [node] = await face.wired.db.prisma.node.findMany({ where: { shopId: there.id } });
  expect(node?.retiredAt).toBeNull();
});

test('uninstalled: signed out, tokens wiped; installed again: it works as before', async () => {
  await signIn(face, merchant);
  const before = await row();
  // A buyer is on the way to pay.
  const shopId = before?.id ?? 0;
  const open = await aPayment(face.wired.db, { shopId });
  face.shopify.uninstall({ app: paymentsApp.name, shop });
  await face.shopify.webhooksSettled();
  const sighting = await face.wired.db.prisma.sighting.findFirstOrThrow({
    where: { shopId: before?.id ?? 0 },
  });
  expect(sighting.because).toBe('app/uninstalled');
  await lookAtInstallation(face.wired.deps, sighting);

  expect((await face.wired.db.prisma.payment.findUnique({ where: { id: open.id } }))?.state).toBe(
    'lapsed',
  );
  const gone = await row();
  expect(gone?.uninstalledAt).toBeInstanceOf(Date);
  expect([gone?.sealedAccessToken, gone?.sealedRefreshToken]).toEqual([null, null]);
  // Everybody of this shop is signed out, and nobody of another.
  const left = await pageSessions();
  expect(left.map(({ shopId }) => shopId)).not.toContain(before?.id);
  expect(left).toHaveLength(1);
  expect((await merchant.ask('/payments')).status).toBe(401);
  const node = await face.wired.db.prisma.node.findFirstOrThrow({
    where: { shopId: before?.id ?? 0 },
  });
  expect(node.retiredAt).toBeInstanceOf(Date);

  const page = await signIn(face, merchant);
  // After a new install the old node is not used until it is connected again.
  expect([page.status, state(page.text)]).toEqual([200, 'no_node']);
  const again = await row();
  expect([again?.id, again?.uninstalledAt]).toEqual([before?.id, null]);
  expect(page.text).toContain('Shopify has not been told');
});

test.each(['customers/data_request', 'customers/redact', 'shop/redact'])(
  '%s is taken with the secret of this app, and with no other',
  async (topic) => {
    const given = { topic, shop, app: paymentsApp.name, body: { shop_domain: shop } };
    expect(await face.shopify.sendWebhook(given)).toBe('200');
    expect(await face.shopify.sendWebhook({ ...given, forgery: 'forged' })).toBe('401');
  },
);

test('over https both cookies belong to this very host', async () => {
  const https = await face.another({ appUrl: 'https://pay.example.com' });
  const begun = await fetch(`${https}/payments?shop=${shop}`, { redirect: 'manual' });
  const [cookie = ''] = begun.headers.getSetCookie();
  expect(cookie).toMatch(/^__Host-zaptill_grant=[^;]+; /);
  for (const part of ['Secure', 'HttpOnly', 'SameSite=Lax', 'Path=/'])
    expect(cookie).toContain(part);
  expect(cookie).not.toContain('Domain');
  // The name without the prefix, which a neighbour could have set, is nobody's.
  const token = merchant.cookies.get('zaptill_page') ?? '';
  const ask = (name: string) =>
    fetch(`${https}/payments`, { headers: { Cookie: `${name}=${token}` } });
  expect((await ask('__Host-zaptill_page')).status).toBe(200);
  expect((await ask('zaptill_page')).status).toBe(401);
});

test('while the database is away a merchant reads it in words', async () => {
  const away = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
  const dark = await face.another({ registrations: () => Promise.reject(away) });
  for (const at of [`/payments?shop=${shop}`, '/payments/auth/callback?shop=x']) {
    const answer = await fetch(`${dark}${at}`, { headers: { 'Accept-Language': 'de' } });
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5']);
    expect(await answer.text()).toContain('Gleich wieder da');
  }
});

test('a server without a payments app has only the merchant app’s page here', async () => {
  const without = await face.another({ registrations: () => Promise.resolve([]) });
  const answer = await fetch(`${without}/payments`);
  expect(answer.status).toBe(200);
  expect(await answer.text()).toContain('Open it from your Shopify admin');
});
