// What is odd, wrong or broken at the shop, at the exchanges and at the node gets a clear answer,
// and nothing is lost by it.
import { describe, expect, test } from 'vitest';
import { readRequest } from '../../sandbox/lnd/index.ts';
import type { OrderInput } from '../../sandbox/shopify/index.ts';
import { allPaidOnce, isSound, oneReady, payInTheEnd } from '../journey/paid-once.ts';
import type { NodeAnswer } from '../../web/frontend/shared/merchant-api.ts';
import { until, type Bought, type World } from '../world.ts';
import { worldOfFile } from '../world-of-file.ts';

let world: World;
worldOfFile((made) => {
  world = made;
});

const refused = (payUrl: string, refusal: string, withinMs?: number): Promise<unknown> =>
  until(refusal, async () => (await world.status(payUrl)).refusal === refusal, withinMs);

describe('the thank-you block asks for', () => {
  test('an order that nobody has: not yet, and not whether another shop has it', async () => {
    const invented: Bought = { orderId: 'gid://shopify/Order/4711', checkoutToken: 'abc' };
    const answer = { status: 202, body: { state: 'not_yet' } };
    expect(await world.askAsBlock(invented)).toEqual(answer);
    for (const orderId of ['4711', 'gid://shopify/Customer/1', 'x'.repeat(199), '']) {
      expect(await world.askAsBlock({ ...invented, orderId })).toEqual(answer);
    }
  });

  test('an order by somebody else’s checkout token: as if it were not there', async () => {
    const bought = world.buy();
    const other = world.buy();
    const no = { status: 404, body: { refusal: 'no_such_order' } };
    expect(await world.askAsBlock({ ...bought, checkoutToken: other.checkoutToken })).toEqual(no);
    await world.payLink(bought);
    expect(await world.askAsBlock({ ...bought, checkoutToken: other.checkoutToken })).toEqual(no);
    const half = bought.checkoutToken.slice(0, 16);
    expect(await world.askAsBlock({ ...bought, checkoutToken: half })).toEqual(no);
  });

  test('an order that is paid on delivery', async () => {
    const bought = world.buy({ method: 'Cash on delivery' });
    const no = { status: 404, body: { refusal: 'no_such_order' } };
    expect(await world.askAsBlock(bought)).toEqual(no);
    await world.shopify.webhooksSettled();
    expect(await world.rowOf(bought)).toBeNull();
  });

  test('an order that is paid by card, and one that costs nothing', async () => {
    const card = await world.askAsBlock(world.buy({ method: 'card' }));
    expect(card).toEqual({ status: 404, body: { refusal: 'no_such_order' } });
    const free = world.buy({ total: '0.00' });
    const answer = await world.askAsBlock(free);
    expect(answer.body.payUrl).toBeUndefined();
    expect(answer.body.invoice).toBeUndefined();
    expect(await world.rowOf(free)).toBeNull();
    const gift = world.buy({ total: '21.00', giftCard: '21.00' });
    expect((await world.askAsBlock(gift)).body.payUrl).toBeUndefined();
    expect(await world.rowOf(gift)).toBeNull();
  });

  test('something that is no question', async () => {
    const token = world.shopify.sessionToken({
      ...{ shop: 'alpine.myshopify.com', app: 'zaptill', kind: 'extension' },
    });
    const ask = async (body: string): Promise<number> => {
      const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
      const at = `${world.appUrl}/extension/payment`;
      const answer = await fetch(at, { method: 'POST', headers, body });
      expect(answer.headers.get('Access-Control-Allow-Origin')).toBe('*');
      expect(await answer.text()).not.toMatch(/zod|stack|node_modules|SyntaxError/i);
      return answer.status;
    };
    expect(await ask('{')).toBe(400);
    expect(await ask('[]')).toBe(400);
    expect(await ask('{"orderId":{"$ne":null}}')).toBe(400);
    expect(await ask(JSON.stringify({ orderId: 'x'.repeat(100_000) }))).toBe(413);
  });
});

describe('money of other places', () => {
  const orders: [string, OrderInput, { amount: string; currency: string }][] = [
    ['no decimals', { total: '2100', currency: 'JPY' }, { amount: '2100', currency: 'JPY' }],
    ['two', { total: '0.05', currency: 'EUR' }, { amount: '0.05', currency: 'EUR' }],
    [
      'much of it',
      { total: '150000.01', currency: 'EUR' },
      { amount: '150000.01', currency: 'EUR' },
    ],
  ];
  test.each(orders)('with %s', async (_name, input, fiat) => {
    const one = await oneReady(world, input);
    const { amountMsat } = readRequest(one.bolt11);
    expect(await world.status(one.payUrl)).toMatchObject({ fiat });
    expect(BigInt((await world.status(one.payUrl)).invoice?.amountMsat ?? 0)).toBe(amountMsat);
    await payInTheEnd(world, one.bolt11);
    await allPaidOnce(world, [one]);
    expect(world.shopify.order(one.orderId)).toMatchObject({ received: fiat.amount });
  });

  test('with three decimals, of which too few exchanges know the price', async () => {
    const bought = world.buy({ total: '7.125', currency: 'KWD' });
    const payUrl = await world.payLink(bought);
    await refused(payUrl, 'rates_unavailable');
    const fiat = { amount: '7.125', currency: 'KWD' };
    expect(await world.status(payUrl)).toMatchObject({ state: 'open', fiat });
    expect((await world.rowOf(bought))?.owedMinor).toBe(7_125n);
    await isSound(world);
  });

  test('that nobody has an exponent for: a word, and no price', async () => {
    const bought = world.buy({ total: '12.00', currency: 'XXX' });
    const payUrl = await world.payLink(bought);
    await refused(payUrl, 'currency_unknown');
    const page = await fetch(payUrl);
    expect(page.status).toBe(200);
    expect(await page.text()).not.toMatch(/lightning:ln/i);
  });
});

describe('the exchanges', () => {
  test('one that lies moves nothing; two that differ are a refusal, until they agree', async () => {
    const { prices } = world;
    prices.lie('kraken', 5_000);
    const honest = await oneReady(world, { currency: 'GBP' });
    expect((await world.status(honest.payUrl)).invoice?.sources).not.toContain('kraken');
    prices.lie('coinbase', -5_000);
    const payUrl = await world.payLink(world.buy({ currency: 'CHF' }));
    await refused(payUrl, 'rates_apart');
    expect(await (await fetch(payUrl)).text()).toMatch(/<form[^>]+quote/);
    prices.reset();
    await payInTheEnd(world, await world.invoiceOn(payUrl));
    await isSound(world);
  });

  // Prices are remembered for some seconds: each currency is one that nobody has asked for yet.
  test.each([
    ['CAD', 'unavailable', 'garbage'],
    ['AUD', 'stale', 'zero'],
    ['USD', 'too-many', 'negative'],
  ] as const)(
    'two of three cannot be used for %s: %s, %s',
    async (currency, first, second) => {
      const { prices } = world;
      prices.fault('bitstamp', first);
      prices.fault('coinbase', second);
      const payUrl = await world.payLink(world.buy({ currency }));
      await refused(payUrl, 'rates_unavailable');
      prices.reset();
      await world.invoiceOn(payUrl, 60_000);
    },
    90_000,
  );
});

describe('the node', () => {
  const connect = (lndconnect: string) => world.api('POST', '/api/node', { lndconnect });
  const good = () => world.lightning.lndconnect;

  test('by a credential that may do everything: what is too much, and what to run', async () => {
    const answer = await connect(world.lnd?.lndconnect(world.lnd.macaroon('admin')) ?? '');
    expect(answer.status).toBe(422);
    expect(answer.body).toMatchObject({ ok: false, refusal: 'credential_can_spend' });
    expect(answer.body['bake']).toMatch(/^lncli bakemacaroon --root_key_id \d+ uri:/);
    const excess = answer.body['excess'] as { permission: string; allows: string }[];
    expect(excess.map(({ permission }) => permission)).toContain('offchain:write');
    expect(excess.every(({ allows }) => allows.length > 10)).toBe(true);
  });

  test('with a certificate of another', async () => {
    const link = new URL(good());
    const other = await import('../../sandbox/lnd/index.ts').then(({ startLnd }) => startLnd());
    const cert = new URL(other.lndconnect(Buffer.alloc(1))).searchParams.get('cert') ?? '';
    await other.stop();
    link.searchParams.set('cert', cert);
    const answer = await connect(link.toString());
    expect(answer).toMatchObject({ status: 422, body: { refusal: 'certificate_wrong' } });
  });

  test('whose wallet is locked', async () => {
    world.lnd?.setPhase('LOCKED');
    const answer = await connect(good());
    expect(answer).toMatchObject({ status: 422, body: { refusal: 'wallet_locked' } });
    expect(answer.body['sentence']).toMatch(/lncli unlock/);
    const payUrl = await world.payLink(world.buy());
    await refused(payUrl, 'node_unreachable');
    world.lnd?.setPhase('SERVER_ACTIVE');
    await world.invoiceOn(payUrl, 60_000);
  }, 90_000);

  test('without a channel: it is told, and to whom it matters', async () => {
    world.lnd?.setChannels([]);
    const answer = await connect(good());
    expect(answer.status).toBe(200);
    const { node } = answer.body as { node: NodeAnswer };
    expect(node.receivableMsat).toBe('0');
    expect(node.advice.map(({ code }) => code)).toContain('no_channels');
    const shop = await world.api('GET', '/api/shop');
    const problems = shop.body['problems'] as { what: string }[];
    expect(problems.map(({ what }) => what)).toContain('nothing_receivable');
    world.lnd?.setChannels([{ local: 100_000_000n, remote: 900_000_000n }]);
    expect((await connect(good())).status).toBe(200);
  });

  test.each([
    ['nothing', {}],
    ['no link', { lndconnect: 'https://example.com' }],
    ['a link without anything', { lndconnect: 'lndconnect://' }],
    ['another thing', { lndconnect: 7 }],
    ['too much', { lndconnect: `lndconnect://a:1?macaroon=${'a'.repeat(9_000)}` }],
  ])('by %s', async (_name, body) => {
    const answer = await world.api('POST', '/api/node', body);
    expect([400, 422]).toContain(answer.status);
    expect(JSON.stringify(answer.body)).not.toMatch(/stack|zod|node_modules/i);
  });

  test('that is gone: refused within 15 s, and the one before stays', async () => {
    const link = new URL(good());
    link.port = '1';
    const began = Date.now();
    const answer = await connect(link.toString());
    expect(answer).toMatchObject({ status: 422, body: { refusal: 'node_unreachable' } });
    expect(Date.now() - began).toBeLessThan(15_000);
    const one = await oneReady(world);
    await payInTheEnd(world, one.bolt11);
    await allPaidOnce(world, [one]);
  });
});
