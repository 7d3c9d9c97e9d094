// What a merchant chooses takes effect: on quotes, on the shopper's page, and on who hears of what
// needs a person. Alerts go out over a lane of their own, to a mail server and to an address of the
// merchant's that checks their signature.
import { createHmac } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import express from 'express';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { makeNodeAlerts } from '../../web/db/alerts.ts';
import type { SettingsShape } from '../../web/frontend/shared/settings-api.ts';
import { testDatabase, type TestDatabase } from '../database.ts';
import { startSmtpSink, type SmtpSink } from '../smtp-sink.ts';
import { startWorld, until, type World } from '../world.ts';
import { allPaidOnce, isQuiet, oneReady } from './paid-once.ts';

type Hook = { body: string; signature: string };
const hooks: Hook[] = [];
let hookStatus = 204;
const url = 'https://hooks.example.com/zaptill?a=1';
let place: TestDatabase;
let world: World;
let sink: SmtpSink;

beforeAll(async () => {
  place = await testDatabase();
  sink = await startSmtpSink();
  const env = { SMTP_URL: sink.url, ALERT_FROM: 'Zaptill <alerts@zaptill.example>' };
  world = await startWorld({ databaseUrl: place.url, env });
  world.shopify.outside.use(
    '/hooks.example.com',
    express.text({ type: '*/*' }),
    (request, response) => {
      const signature = request.get('zaptill-signature') ?? '';
      hooks.push({ body: String(request.body), signature });
      response.status(hookStatus).end();
    },
  );
});
afterAll(async () => {
  await world.close();
  await sink.close();
  await place.close();
});

beforeEach(() => {
  hookStatus = 204;
  sink.fail('none');
});

type Seen = { version: number; settings: SettingsShape };
const seen = async (): Promise<Seen> => {
  const { version, settings } = (await world.api('GET', '/api/settings')).body as unknown as Seen;
  return { version, settings };
};

const save = async (part: Partial<SettingsShape>, from?: Seen) => {
  const { version, settings: was } = from ?? (await seen());
  return world.api('POST', '/api/settings', { version, was, settings: { ...was, ...part } });
};
const choose = async (part: Partial<SettingsShape>) => {
  const saved = await save(part);
  expect(saved).toMatchObject({ status: 200, body: { ok: true } });
  return saved.body;
};

describe('saving', () => {
  test('two tabs do not overwrite each other, and the slower one hears what changed', async () => {
    const both = await seen();
    expect((await save({ quoteSeconds: 900 }, both)).status).toBe(200);
    const slower = await save({ quoteSeconds: 300, smallestMsat: '5000' }, both);
    expect(slower).toMatchObject({
      status: 409,
      body: { refusal: 'changed_meanwhile', changed: ['quoteSeconds'] },
    });
    expect((await seen()).settings).toMatchObject({ quoteSeconds: 900, smallestMsat: null });
    const { version, settings } = slower.body as unknown as Seen;
    const again = await save({ smallestMsat: '5000' }, { version, settings });
    expect(again.status).toBe(200);
    expect((await seen()).settings).toMatchObject({ quoteSeconds: 900, smallestMsat: '5000' });
    await choose({ quoteSeconds: null, smallestMsat: null });
  });

  test('twenty tabs at once: one is stored, nineteen hear of it', async () => {
    const all = await seen();
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) => save({ unpaidHours: n + 1 }, all)),
    );
    const counts = [200, 409].map((status) => answers.filter((a) => a.status === status).length);
    expect(counts).toEqual([1, 19]);
    expect((await seen()).version).toBe(all.version + 1);
    await choose({ unpaidHours: null });
  });

  test('a name that was changed elsewhere is not written back by a stale tab', async () => {
    const stale = await seen();
    await world.api('POST', '/api/method', { name: 'Elsewhere' });
    expect((await save({ unpaidHours: 9 }, stale)).status).toBe(200);
    expect((await seen()).settings).toMatchObject({ methodName: 'Elsewhere', unpaidHours: 9 });
    await choose({ methodName: 'Bitcoin (Lightning)', unpaidHours: null });
  });

  test.each<[keyof SettingsShape, unknown, string]>([
    ['methodName', '  ', 'name_empty'],
    ['methodName', 'x'.repeat(101), 'name_long'],
    ['quoteSeconds', 59, 'quote_seconds'],
    ['quoteSeconds', 90.5, 'quote_seconds'],
    ['rateSources', ['kraken'], 'sources_too_few'],
    ['rateSources', ['kraken', 'kraken'], 'sources_too_few'],
    ['spreadLimitBp', 9, 'spread_limit'],
    ['spreadLimitBp', 1_001, 'spread_limit'],
    ['aloneMinutes', 0, 'alone_minutes'],
    ['aloneMinutes', 61, 'alone_minutes'],
    ['priceAdjustmentBp', -2_001, 'price_adjustment'],
    ['priceAdjustmentBp', 2_001, 'price_adjustment'],
    ['priceAdjustmentBp', 0.5, 'price_adjustment'],
    ['smallestMsat', '999', 'amount_small'],
    ['largestMsat', '99999999999999999999', 'amount_large'],
    ['buyerWords', { en: 'x'.repeat(281) }, 'words_long'],
    ['buyerWords', { '<b>': 'x' }, 'language_unknown'],
    ['unpaidHours', 0, 'unpaid_hours'],
    ['unpaidHours', 2_161, 'unpaid_hours'],
    ['alertEmail', 'a@b.example, c@d.example', 'email_wrong'],
    ['alertEmail', 'a@b.example\nBcc: c@d.example', 'email_wrong'],
    ['alertUrl', 'http://hooks.example.com/', 'url_wrong'],
    ['alertUrl', 'https://localhost/', 'url_wrong'],
    ['language', 'Klingon!', 'language_unknown'],
  ])('%s of %j is refused beside its field', async (field, value, fault) => {
    const before = await seen();
    const answer = await save({ [field]: value });
    expect(answer).toMatchObject({
      status: 422,
      body: { refusal: 'settings_wrong', wrong: [{ field, fault }] },
    });
    expect(await seen()).toEqual(before);
  });

  test('an order of amounts that nobody can pay in is refused', async () => {
    const answer = await save({ smallestMsat: '9000', largestMsat: '8000' });
    const wrong = [{ field: 'largestMsat', fault: 'amounts_crossed' }];
    expect(answer).toMatchObject({ status: 422, body: { wrong } });
  });

  test('another form is no settings at all', async () => {
    const { version, settings } = await seen();
    const body = { version, was: settings, settings: { ...settings, quoteSeconds: '600' } };
    expect((await world.api('POST', '/api/settings', body)).status).toBe(400);
    expect((await world.api('POST', '/api/settings', { settings })).status).toBe(400);
  });
});

describe('quotes and the page', () => {
  beforeEach(() => isQuiet(world));

  test('life and sources of a price are the merchant’s', async () => {
    await choose({ quoteSeconds: 120, rateSources: ['kraken', 'bitstamp'] });
    const startedAt = Date.now();
    const ready = await oneReady(world);
    const { invoice } = await world.status(ready.payUrl);
    expect([...(invoice?.sources ?? [])].sort()).toEqual(['bitstamp', 'kraken']);
    const lifeMs = Date.parse(invoice?.lapsesAt ?? '') - startedAt;
    expect(lifeMs).toBeGreaterThan(110_000);
    expect(lifeMs).toBeLessThan(190_000);
    await choose({ quoteSeconds: null, rateSources: [] });
  });

  test.each([
    ['smallestMsat', '90000000000', 'amount_too_small'],
    ['largestMsat', '1000', 'amount_too_large'],
  ] as const)('%s refuses with %s: %s', async (field, limit, refusal) => {
    await choose({ [field]: limit });
    const payUrl = await world.payLink(world.buy());
    const page = await (await fetch(payUrl)).text();
    expect(page).not.toContain('lightning:ln');
    await until(refusal, async () => {
      await fetch(payUrl);
      return (await world.status(payUrl)).refusal === refusal;
    });
    await choose({ [field]: null });
    // Nothing is lost: with the limit gone the same page has its invoice.
    await world.invoiceOn(payUrl);
  });

  test('prices further apart than the merchant allows are no price', async () => {
    await choose({ spreadLimitBp: 20 });
    world.prices.controls.offBasisPoints.kraken = 50;
    world.prices.controls.offBasisPoints.bitstamp = -50;
    // Answers of exchanges are used again for some seconds.
    await pause(6_000);
    const payUrl = await world.payLink(world.buy());
    await until('the sources disagree', async () => {
      await fetch(payUrl);
      return (await world.status(payUrl)).refusal === 'rates_apart';
    });
    await choose({ spreadLimitBp: null });
    await world.invoiceOn(payUrl);
    world.prices.controls.offBasisPoints.kraken = 0;
    world.prices.controls.offBasisPoints.bitstamp = 0;
  });

  test('the shopper reads the merchant’s words, in the own language and as text', async () => {
    const buyerWords = { en: 'Call <b>us</b>', de: '  Rufen Sie\n an ' };
    await choose({ buyerWords });
    const payUrl = await world.payLink(world.buy());
    const page = async (language: string): Promise<string> =>
      (await fetch(payUrl, { headers: { 'Accept-Language': language } })).text();
    expect(await page('en-GB')).toContain('Call &lt;b&gt;us&lt;/b&gt;');
    expect(await page('de-CH')).toContain('>Rufen Sie an<');
    await choose({ buyerWords: {} });
    expect(await page('en')).not.toContain('class="note');
  });
});

describe('alerts', () => {
  let secret = '';
  beforeAll(async () => {
    const saved = await choose({ alertEmail: 'shop@example.com', alertUrl: url });
    secret = String(saved['alertSecret']);
  });
  const isOurs = ({ body, signature }: Hook, key = secret): boolean => {
    const [, t = '', all = ''] = /^t=(\d+)((?:,v1=[0-9a-f]{64})+)$/.exec(signature) ?? [];
    const ours = createHmac('sha256', key).update(`${t}.${body}`).digest('hex');
    return all.split(',v1=').includes(ours);
  };
  const ofPayment = (what: string, id: string): Record<string, unknown>[] =>
    hooks
      .map(({ body }) => JSON.parse(body) as { what: string; about: { paymentId?: string } })
      .filter((hook) => hook.what === what && hook.about.paymentId === id);

  test('the secret is told once, and is nowhere in clear', async () => {
    expect(secret).toMatch(/^zas_[\w-]{43}$/);
    const row = await world.db.prisma.settings.findFirst();
    expect(Buffer.from(row?.sealedAlertSecret ?? []).includes(Buffer.from(secret))).toBe(false);
    expect(JSON.stringify((await world.api('GET', '/api/settings')).body)).not.toContain('zas_');
    const again = await choose({ alertUrl: `${url}&b=2` });
    expect(again['alertSecret']).toBeUndefined();
    await choose({ alertUrl: url });
  });

  test('a test alert says for each way how it went', async () => {
    const outcome = async () => (await world.api('POST', '/api/settings/test-alert', {})).body;
    expect(await outcome()).toEqual({ ok: true, outcomes: { email: 'sent', url: 'sent' } });
    expect(sink.letters.at(-1)?.text).toContain('Subject: This is a test alert');
    const last = hooks.at(-1);
    expect(last === undefined ? false : isOurs(last)).toBe(true);
    hookStatus = 500;
    sink.fail('refuse-recipient');
    const failed = { email: 'email_refused', url: 'url_refused' };
    expect(await outcome()).toEqual({ ok: true, outcomes: failed });
    hookStatus = 204;
    sink.fail('none');
  });

  test('money that Shopify will not take is told once on each way, without secrets', async () => {
    const ready = await oneReady(world);
    const silence = world.shopify.faults.add({ kind: 'webhook-never', times: 1_000 });
    world.shopify.cancel(ready.orderId);
    await world.lightning.pay(ready.bolt11);
    await world.inState(ready, 'stranded');
    silence.remove();
    const { id } = (await world.rowOf(ready)) ?? { id: '' };
    await until('the webhook came', () => ofPayment('stranded', id).length > 0);
    await until('the letter came', () =>
      sink.letters.some(({ text }) => text.includes('money came that Shopify')),
    );
    // Whoever says it again tells nobody again.
    for (const attention of [null, 'stranded']) {
      await world.db.prisma.payment.update({ where: { id }, data: { attention } });
    }
    await until('nothing waits', async () => {
      const waiting = await world.db.prisma.alert.count({ where: { NOT: { dueAt: null } } });
      return waiting === 0;
    });
    expect(ofPayment('stranded', id)).toHaveLength(1);
    const hook = hooks.find(({ body }) => body.includes(id));
    expect(hook === undefined ? false : isOurs(hook)).toBe(true);
    const [told] = ofPayment('stranded', id);
    expect(Object.keys(told ?? {}).sort()).toEqual(
      ['about', 'at', 'id', 'sentence', 'shop', 'subject', 'todo', 'url', 'what'].sort(),
    );
    expect(String(told?.['url'])).toMatch(/^https:\/\/admin\.shopify\.com\/store\/alpine\/apps\//);
    const said = JSON.stringify(told) + (sink.letters.at(-1)?.text ?? '');
    const invoice = await world.db.prisma.invoice.findFirst({ where: { paymentId: id } });
    const preimage = Buffer.from(invoice?.preimage ?? []).toString('hex');
    expect(preimage).toHaveLength(64);
    for (const hidden of [secret, preimage, ready.bolt11, ready.checkoutToken]) {
      expect(said).not.toContain(hidden);
    }
  }, 120_000);

  test('a dead webhook delays neither money nor letters, and is tried again', async () => {
    hookStatus = 500;
    const { id } = (await world.rowOf(await oneReady(world))) ?? { id: '' };
    const letters = sink.letters.length;
    await world.db.prisma.payment.update({ where: { id }, data: { attention: 'overpaid' } });
    const bought = await oneReady(world);
    await world.lightning.pay(bought.bolt11);
    await allPaidOnce(world, [bought]);
    await until('the letter came', () => sink.letters.length > letters);
    await until('the webhook was tried twice', () => ofPayment('overpaid', id).length >= 2);
    const lane = await world.db.prisma.lane.findFirst({ where: { name: { endsWith: ':alert' } } });
    expect(lane?.pausedUntil ?? null).toBeNull();
    hookStatus = 204;
    await until(
      'it arrived in the end',
      async () => {
        const alert = await world.db.prisma.alert.findFirst({ where: { key: id, channel: 'url' } });
        return alert?.sentAt !== null;
      },
      90_000,
    );
    const tries = ofPayment('overpaid', id).map((one) => one['id']);
    expect(new Set(tries).size).toBe(1);
  }, 150_000);

  test('what does not get through within a day is given up, and the page says so', async () => {
    hookStatus = 500;
    const { id } = (await world.rowOf(await oneReady(world))) ?? { id: '' };
    await world.db.prisma.payment.update({ where: { id }, data: { attention: 'overpaid' } });
    const mine = { where: { key: id, channel: 'url' } };
    await until('it is tried', async () => {
      return (await world.db.prisma.alert.findFirst(mine))?.trouble === 'url_refused';
    });
    await world.db.pool.query(
      `update alert set made_at = now() - interval '25 hours', due_at = now()
       where key = $1 and channel = 'url'`,
      [id],
    );
    await until('it rests', async () => {
      return (await world.db.prisma.alert.findFirst(mine))?.dueAt === null;
    });
    hookStatus = 204;
    const { alerts } = (await world.api('GET', '/api/settings')).body as { alerts: unknown[] };
    expect(alerts).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ what: 'overpaid', isOver: true, trouble: 'url_refused' }),
      ]),
    );
  }, 120_000);

  test('a node that is away, receives little, or whose credential ends is told of', async () => {
    const { db } = world;
    const set = (assign: string): Promise<unknown> => db.pool.query(`update node set ${assign}`);
    const count = (what: string): Promise<number> => db.prisma.alert.count({ where: { what } });
    await set(`trouble = 'unreachable', trouble_at = now() - interval '9 minutes'`);
    await makeNodeAlerts(db);
    expect(await count('node_unreachable')).toBe(0);
    await set(`trouble = 'unreachable', trouble_at = now() - interval '11 minutes'`);
    await makeNodeAlerts(db);
    await makeNodeAlerts(db);
    expect(await count('node_unreachable')).toBe(2);
    await set(`trouble = null, trouble_at = null, receivable_msat = 99999000,
      credential_ends_at = now() + interval '13 days'`);
    await makeNodeAlerts(db);
    await makeNodeAlerts(db);
    expect([await count('receivable_low'), await count('credential_ending')]).toEqual([2, 2]);
    await set(`credential_ends_at = credential_ends_at - interval '12 days'`);
    await makeNodeAlerts(db);
    expect(await count('credential_ending')).toBe(6);
    await set(`credential_ends_at = null`);
    await until('all of them arrive', async () => {
      const told = { what: { in: ['node_unreachable', 'receivable_low', 'credential_ending'] } };
      return (await db.prisma.alert.count({ where: { ...told, sentAt: null } })) === 0;
    });
    const low = hooks.find(({ body }) => body.includes('receivable_low'))?.body ?? '{}';
    expect(JSON.parse(low)).toMatchObject({
      subject: 'Your Lightning node can receive only 99999 sats more',
    });
  }, 90_000);

  test('another secret signs beside the old one, and in German where it is wanted', async () => {
    const renewed = await world.api('POST', '/api/settings/secret', {});
    const another = String(renewed.body['alertSecret']);
    expect(another).not.toBe(secret);
    await choose({ language: 'de' });
    await world.api('POST', '/api/settings/test-alert', {});
    const last = hooks.at(-1) ?? { body: '', signature: '' };
    expect([isOurs(last), isOurs(last, another)]).toEqual([true, true]);
    expect(last.body).toContain('Das ist eine Testmeldung');
    const frame = `${world.appUrl}/?embedded=1&shop=alpine.myshopify.com`;
    expect(await (await fetch(frame)).text()).toContain('name="zaptill-language" content="de"');
    await choose({ language: null, alertUrl: null });
    expect((await world.api('POST', '/api/settings/secret', {})).status).toBe(422);
  });
});
