// The link of the order's e-mail, through the shop's own address. The shop is proven by Shopify's
// signature, the buyer by the confirmation number; whoever lacks either learns nothing.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { proxySignature } from '../../sandbox/shopify/signatures.ts';
import { latestPayment } from '../../web/db/payments.ts';
import { app, shopName, startInProcess, type InProcess } from '../in-process.ts';

let our: InProcess;
beforeAll(async () => {
  our = await startInProcess();
  our.shopify.setAppUrl(app.name, our.appUrl);
});
afterAll(async () => {
  await our.close();
});
beforeEach(() => {
  our.shopify.faults.clear();
});

type Link = { order: string; number: string };
type Given = Record<string, string | string[] | undefined>;

/** As it stands in the e-mail: the number of the order's id, and its confirmation number. */
async function linkOf(orderId: string): Promise<Link> {
  const order = our.shopify.order(orderId);
  if (order === undefined) throw new Error('no such order');
  const page = await fetch(order.statusUrl);
  const html = await page.text();
  const href = /href="([^"]*\/apps\/zaptill\/pay[^"]*)"/.exec(html)?.[1];
  if (href === undefined) throw new Error('the order has no link in its e-mail');
  const query = new URL(href.replaceAll('&amp;', '&')).searchParams;
  return { order: query.get('order') ?? '', number: query.get('number') ?? '' };
}

const read = async (response: Response) => ({
  status: response.status,
  location: response.headers.get('Location'),
  text: (await response.text()).replace(/<style>.*<\/style>/s, ''),
});

/** A buyer presses the link. */
const press = async (link: Partial<Link>, language = 'en') => {
  const address = `${our.shopify.origin}/${shopName}/apps/zaptill/pay`;
  const query = new URLSearchParams(link).toString();
  const headers = { 'Accept-Language': language };
  return read(await fetch(`${address}?${query}`, { redirect: 'manual', headers }));
};

/** Somebody else knocks at our own address, with whatever signature. */
const knock = async (given: Given, more: { secret?: string; signature?: string | null } = {}) => {
  const all: Record<string, string | string[]> = {};
  const usual: Given = {
    shop: shopName,
    path_prefix: '/apps/zaptill',
    logged_in_customer_id: '',
    timestamp: String(Math.floor(Date.now() / 1_000)),
  };
  for (const [key, value] of Object.entries({ ...usual, ...given })) {
    if (value !== undefined) all[key] = value;
  }
  const query = new URLSearchParams();
  for (const [key, values] of Object.entries(all)) {
    for (const value of [values].flat()) query.append(key, value);
  }
  const { secret = app.secret, signature = proxySignature(secret, all) } = more;
  if (signature !== null) query.set('signature', signature);
  const address = `${our.appUrl}/proxy/pay?${query.toString()}`;
  return read(await fetch(address, { redirect: 'manual' }));
};

test('leads the buyer to the payment, known before or opened by the link', async () => {
  const known = await our.anOrder();
  expect(await press(await linkOf(known.orderId))).toMatchObject({
    status: 302,
    location: `${our.appUrl}/pay/${known.payment.link}`,
  });
  const fresh = our.shopify.createOrder({ shop: shopName, total: '7.00' });
  const led = await press(await linkOf(fresh.id));
  expect(led.status).toBe(302);
  const page = await fetch(led.location ?? '');
  expect(page.status).toBe(200);
  expect(await page.text()).toContain(fresh.name);
});

test('also when it is paid, and when its order was cancelled', async () => {
  for (const over of ['markByHand', 'cancel'] as const) {
    const { orderId, payment } = await our.anOrder();
    const link = await linkOf(orderId);
    our.shopify[over](orderId);
    const there = { status: 302, location: `${our.appUrl}/pay/${payment.link}` };
    expect(await press(link)).toMatchObject(there);
  }
});

describe('without a proof that it comes through a shop', () => {
  const now = (seconds: number): string => String(Math.floor(Date.now() / 1_000) + seconds);
  const cases: [string, Given, Parameters<typeof knock>[1]?][] = [
    ['no signature', {}, { signature: null }],
    ['an empty one', {}, { signature: '' }],
    ['another secret’s', {}, { secret: 'shpss_of_somebody_else' }],
    ['one of another length', {}, { signature: 'ab' }],
    ['an old one', { timestamp: now(-1_000) }],
    ['one of the future', { timestamp: now(1_000) }],
    ['one without a time', { timestamp: undefined }],
    ['one of no shop', { shop: undefined }],
    ['one of two shops', { shop: [shopName, 'other.myshopify.com'] }],
    ['one of what is no shop', { shop: 'evil.example' }],
  ];
  test.each(cases)('%s is 401, and nothing is looked at', async (_name, given, more) => {
    const { orderId } = await our.anOrder();
    const link = await linkOf(orderId);
    const before = our.shopify.log.length;
    const answer = await knock({ ...link, ...given }, more);
    expect(answer).toMatchObject({ status: 401, location: null });
    expect(answer.text).not.toContain('/pay/');
    expect(our.shopify.log.length).toBe(before);
  });
});

describe('who does not know the confirmation number', () => {
  test('is told the same of an order that is there as of one that is not', async () => {
    const { orderId } = await our.anOrder();
    const { order, number } = await linkOf(orderId);
    const stranger = await press({ order, number: 'XPAV284CT' });
    const nobody = await press({ order: '1', number });
    expect(stranger).toEqual(nobody);
    expect(stranger).toMatchObject({ status: 200, location: null });
    expect(stranger.text).toContain('There is no payment here yet');
    const card = our.shopify.createOrder({ shop: shopName, total: '5.00', method: 'card' });
    const other = await press({ order: /\d+$/.exec(card.id)?.[0] ?? '', number: 'XPAV284CT' });
    expect(other).toEqual(stranger);
  });

  test('opens no payment', async () => {
    const fresh = our.shopify.createOrder({ shop: shopName, total: '7.00' });
    const link = await linkOf(fresh.id);
    const paymentOf = () => latestPayment(our.db, { shopId: our.shop.id, originId: fresh.id });
    await press({ ...link, number: 'XPAV284CT' });
    expect(await paymentOf()).toBeNull();
    expect((await press(link)).status).toBe(302);
    expect(await paymentOf()).not.toBeNull();
  });

  test('is not let in by the order’s name, or by a number in other letters', async () => {
    const { orderId } = await our.anOrder();
    const { order, number } = await linkOf(orderId);
    for (const wrong of [our.shopify.order(orderId)?.name.slice(1), number.slice(0, -1)]) {
      expect((await press({ order, number: wrong ?? '' })).status).toBe(200);
    }
    expect((await press({ order, number: `${number}A` })).location).toBeNull();
  });

  test.each([
    ['no number', { number: undefined }],
    ['an empty number', { number: '' }],
    ['two numbers', { number: ['AAAAAAAAA', 'BBBBBBBBB'] }],
    ['two orders', { order: ['1', '2'] }],
    ['no order', { order: undefined }],
    ['a gid', { order: 'gid://shopify/Order/1' }],
    ['letters', { order: 'one' }],
    ['signs', { number: "' or 1=1 --" }],
  ])('%s: the link is wrong, and Shopify is not asked', async (_name, given) => {
    const before = our.shopify.log.length;
    const answer = await knock({ order: '1', number: 'XPAV284CT', ...given });
    expect(answer).toMatchObject({ status: 200, location: null });
    expect(answer.text).toContain('There is no such payment');
    expect(our.shopify.log.length).toBe(before);
  });

  test('another shop’s order is none of this shop’s', async () => {
    const { orderId } = await our.anOrder();
    const link = await linkOf(orderId);
    const answer = await knock({ ...link, shop: 'other.myshopify.com' });
    expect(answer).toMatchObject({ status: 200, location: null });
    expect(answer.text).toContain('There is no payment here yet');
  });
});

describe('its buyer hears in words', () => {
  const linkTo = (id: string, confirmation: string): Link => ({
    order: /\d+$/.exec(id)?.[0] ?? '',
    number: confirmation,
  });
  /** The e-mail of an order by another method has no link: its number is read from its page. */
  const numberOf = async (statusUrl: string): Promise<string> =>
    /Confirmation #(\w+)/.exec(await (await fetch(statusUrl)).text())?.[1] ?? '';

  test('that another way to pay was chosen', async () => {
    const order = our.shopify.createOrder({
      shop: shopName,
      total: '5.00',
      method: 'Cash on delivery',
    });
    const answer = await press(linkTo(order.id, await numberOf(order.statusUrl)));
    expect(answer.text).toContain('This order is not paid with Lightning');
  });

  test('that nothing is to be paid', async () => {
    const order = our.shopify.createOrder({ shop: shopName, total: '0.00' });
    const answer = await press(linkTo(order.id, await numberOf(order.statusUrl)), 'de-CH');
    expect(answer.text).toContain('Es ist nichts zu bezahlen');
  });

  test('that the shop does not answer; afterwards it leads on', async () => {
    const known = await our.anOrder();
    const fresh = our.shopify.createOrder({ shop: shopName, total: '7.00' });
    const [link, ofKnown] = [await linkOf(fresh.id), await linkOf(known.orderId)];
    our.shopify.faults.add({ kind: 'status', status: 503 });
    // What is known needs no answer.
    expect((await press(ofKnown)).location).toBe(`${our.appUrl}/pay/${known.payment.link}`);
    const away = await press(link);
    expect(away).toMatchObject({ status: 200, location: null });
    expect(away.text).toContain('The shop does not answer right now');
    our.shopify.faults.clear();
    expect((await press(link)).status).toBe(302);
  });

  test('that it is enough, after a dozen times in a minute', async () => {
    const { orderId } = await our.anOrder();
    const link = await linkOf(orderId);
    const answers: { status: number; text: string }[] = [];
    for (let times = 0; times < 12; times += 1) answers.push(await press(link));
    expect(answers[0]?.status).toBe(302);
    expect(answers.at(-1)?.text).toContain('A little slower, please');
    // A stranger's guesses do not use up what the buyer has.
    const again = await our.anOrder();
    const own = await linkOf(again.orderId);
    for (let times = 0; times < 12; times += 1) await press({ ...own, number: 'XPAV284CT' });
    expect((await press(own)).status).toBe(302);
  });

  test('of many strangers at once few cost the shop anything, and none costs a buyer', async () => {
    const { orderId, payment } = await our.anOrder();
    const own = await linkOf(orderId);
    const before = our.shopify.log.length;
    const strangers = await Promise.all(
      Array.from({ length: 60 }, (_, n) => press({ order: String(n + 1), number: 'XPAV284CT' })),
    );
    // At most two windows of ten seconds on a busy machine.
    expect(our.shopify.log.length - before).toBeLessThanOrEqual(30);
    expect(strangers.filter(({ text }) => text.includes('A little slower'))).not.toEqual([]);
    const asked = our.shopify.log.length;
    expect((await press(own)).location).toBe(`${our.appUrl}/pay/${payment.link}`);
    expect(our.shopify.log.length).toBe(asked);
  });
});
