// A shop's own discount or markup changes the sats that are asked, and nothing else: the evidence
// has the market price beside it, and Shopify is told the order's own amount.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { lookAtInvoice } from '../../web/flows/look-at-invoice.ts';
import { tellShopify } from '../../web/flows/tell-shopify.ts';
import type { PaymentAnswer } from '../../web/frontend/shared/merchant-api.ts';
import type { PayView } from '../../web/frontend/shared/pay-view.ts';
import { startInProcess, type InProcess, type Open } from '../in-process.ts';

let our: InProcess;
beforeAll(async () => {
  our = await startInProcess();
});
afterAll(async () => {
  await our.close();
});

const choose = (basisPoints: number | null): Promise<unknown> =>
  our.db.pool.query(
    `insert into settings (shop_id, version, price_adjustment_bp) values ($1, 1, $2)
     on conflict (shop_id) do update set price_adjustment_bp = excluded.price_adjustment_bp`,
    [our.shop.id, basisPoints],
  );
type Evidence = { marketPriceE8: string; adjustmentBasisPoints: number; sources: unknown[] };
const quoteOf = async ({ payment }: Open) => {
  const quote = await our.db.prisma.quote.findFirstOrThrow({ where: { paymentId: payment.id } });
  return { ...quote, evidence: quote.evidence as unknown as Evidence };
};
const statusOf = async ({ payment }: Open): Promise<PayView> =>
  (await fetch(`${our.appUrl}/pay/${payment.link}/status`)).json() as Promise<PayView>;
const shownTo = async ({ payment }: Open): Promise<PaymentAnswer> => {
  const headers = { Authorization: `Bearer ${our.adminToken()}` };
  const answer = await fetch(`${our.appUrl}/api/payments/${payment.id}`, { headers });
  return (await answer.json()) as PaymentAnswer;
};
/** 21.00 EUR in whole satoshis, counted here once more. */
const msatOf = (priceE8: bigint, basisPoints: number): bigint => {
  const by = 100n * priceE8 * 10_000n * 1_000n;
  const exact = 2_100n * 10n ** 19n * BigInt(10_000 + basisPoints);
  return ((exact + by - 1n) / by) * 1_000n;
};

test.each([
  [-200, '2% off for paying in bitcoin'],
  [125, 'The shop adds 1.25% for paying in bitcoin'],
])('%i hundredths of a percent: other sats, the same order', async (basisPoints, words) => {
  await choose(basisPoints);
  const open = await our.anOrder();
  const { id, request } = await our.quoted(open.payment.id);
  const { priceE8, amountMsat, fiatMinor, evidence } = await quoteOf(open);
  const market = BigInt(priceE8.toString());
  expect(evidence).toMatchObject({
    ...{ marketPriceE8: market.toString(), adjustmentBasisPoints: basisPoints },
  });
  expect(evidence.sources.length).toBeGreaterThan(1);
  expect([fiatMinor, amountMsat]).toEqual([2_100n, msatOf(market, basisPoints)]);
  expect(amountMsat < msatOf(market, 0)).toBe(basisPoints < 0);

  const { invoice, fiat } = await statusOf(open);
  expect(fiat).toEqual({ amount: '21.00', currency: 'EUR' });
  expect(invoice).toMatchObject({ amountMsat: amountMsat.toString(), adjustmentBp: basisPoints });
  const page = await (await fetch(`${our.appUrl}/pay/${open.payment.link}`)).text();
  expect(page).toContain(words);
  const [shown] = (await shownTo(open)).invoices;
  expect(shown?.quote.adjustment?.basisPoints).toBe(basisPoints);
  const applied = Number(shown?.quote.adjustment?.appliedPrice) / Number(shown?.quote.price);
  expect(applied).toBeCloseTo(10_000 / (10_000 + basisPoints), 6);

  expect(await our.lnd.pay(request)).toMatchObject({ ok: true });
  await our.runStep(lookAtInvoice, { table: 'invoice', id, lane: our.nodeLane(our.node.id) });
  const lane = our.shopLane(our.shop.id);
  await our.runStep(tellShopify, { table: 'payment', id: open.payment.id, lane });
  expect(await our.read(open.payment.id)).toMatchObject({ state: 'resolved', attention: null });
  expect(our.shopify.order(open.orderId)).toMatchObject({ received: '21.00' });
});

test('without one the sats are the market’s, and no page speaks of it', async () => {
  await choose(null);
  const open = await our.anOrder();
  await our.quoted(open.payment.id);
  const { priceE8, amountMsat, evidence } = await quoteOf(open);
  expect(amountMsat).toBe(msatOf(BigInt(priceE8.toString()), 0));
  expect(evidence.adjustmentBasisPoints).toBe(0);
  expect((await statusOf(open)).invoice).not.toHaveProperty('adjustmentBp');
  const page = await (await fetch(`${our.appUrl}/pay/${open.payment.link}`)).text();
  expect(page).not.toContain('for paying in bitcoin');
  expect((await shownTo(open)).invoices[0]?.quote.adjustment).toBeNull();
});

test('the database takes none beyond the limits', async () => {
  for (const beyond of [-2_001, 2_001, 0]) {
    await expect(choose(beyond)).rejects.toThrow('settings_price_adjustment_range');
  }
});
