// Without a quorum there is no price, unless the merchant lets one source speak for a while: then
// near to what a quorum agreed on last, with evidence, and never near to what was said alone.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Currency } from '../../web/core/money.ts';
import type { Price } from '../../web/core/quote.ts';
import type { Deps } from '../../web/flows/flow.ts';
import { quoteInvoice } from '../../web/flows/quote-invoice.ts';
import type { PaymentAnswer } from '../../web/frontend/shared/merchant-api.ts';
import { startInProcess, type InProcess, type Open } from '../in-process.ts';

let our: InProcess;
beforeAll(async () => {
  our = await startInProcess();
});
afterAll(async () => {
  await our.close();
});

const choose = (minutes: number | null, driftBp: number | null = null): Promise<unknown> =>
  our.db.pool.query(
    `insert into settings (shop_id, version, alone_minutes, alone_drift_bp)
     values ($1, 1, $2, $3) on conflict (shop_id) do update
       set alone_minutes = excluded.alone_minutes, alone_drift_bp = excluded.alone_drift_bp`,
    [our.shop.id, minutes, driftBp],
  );
beforeEach(() => choose(null));

/** What the exchanges say, so many minutes from here, without those that are away. */
const hearing = (said: Record<string, string>, inMinutes = 0): Deps => {
  const deps = our.later(inMinutes * 60_000);
  const pricesFor = (currency: Currency): Promise<Price[]> => {
    const at = deps.clock();
    const prices = Object.entries(said).map(([source, price]) => ({ source, currency, price, at }));
    return Promise.resolve(prices);
  };
  return { ...deps, rates: { pricesFor } };
};
const all = { kraken: '60000', coinbase: '60000', bitstamp: '60000' };
const ask = async (open: Open, on: Deps) => {
  const quoted = await quoteInvoice(on, open.payment.id);
  return quoted.is === 'refused' ? quoted.refusal : quoted.is;
};
/** Something that a quorum agreed on, in a currency of the test's own. */
const agreedIn = async (currency: string): Promise<void> => {
  expect(await ask(await our.anOrder({ currency }), hearing(all))).toBe('payable');
};

test('as it comes there is no price, however near the last one was', async () => {
  await agreedIn('USD');
  const open = await our.anOrder({ currency: 'USD' });
  expect(await ask(open, hearing({ kraken: '60000' }))).toBe('rates_unavailable');
  expect(await ask(open, hearing({ kraken: '60000', coinbase: '90000' }))).toBe('rates_apart');
});

test('one source speaks near to the last agreed price, and the evidence has both', async () => {
  await agreedIn('GBP');
  await choose(10, 50);
  const open = await our.anOrder({ currency: 'GBP' });
  expect(await ask(open, hearing({ kraken: '60301' }, 4))).toBe('rates_unavailable');
  expect(await ask(open, hearing({ kraken: '60300', coinbase: '90000' }, 4))).toBe('payable');
  const quote = await our.db.prisma.quote.findFirstOrThrow({
    where: { paymentId: open.payment.id },
  });
  expect(quote.priceE8.toString()).toBe('6030000000000');
  expect(quote.evidence).toMatchObject({
    sources: [{ source: 'kraken', price: '60300' }],
    alone: { beforeE8: '6000000000000', driftBasisPoints: 50 },
  });
  const headers = { Authorization: `Bearer ${our.adminToken()}` };
  const shown = await fetch(`${our.appUrl}/api/payments/${open.payment.id}`, { headers });
  const { invoices } = (await shown.json()) as PaymentAnswer;
  expect(invoices[0]?.quote.alone).toMatchObject({ before: '60000' });
});

test('not longer than the merchant says, and in no currency without a quorum before', async () => {
  await agreedIn('CHF');
  await choose(10);
  const late = await our.anOrder({ currency: 'CHF' });
  expect(await ask(late, hearing({ kraken: '60000' }, 11))).toBe('rates_unavailable');
  const other = await our.anOrder({ currency: 'SEK' });
  expect(await ask(other, hearing({ kraken: '60000' }))).toBe('rates_unavailable');
});

test('what was said alone is no step for the next one', async () => {
  await agreedIn('NOK');
  await choose(60, 100);
  const first = await our.anOrder({ currency: 'NOK' });
  expect(await ask(first, hearing({ kraken: '60600' }, 1))).toBe('payable');
  const next = await our.anOrder({ currency: 'NOK' });
  expect(await ask(next, hearing({ kraken: '61200' }, 2))).toBe('rates_unavailable');
  expect(await ask(next, hearing({ kraken: '59400' }, 2))).toBe('payable');
});
