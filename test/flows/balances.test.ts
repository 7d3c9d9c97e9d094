// The accounts of a shop over a time: what is booked adds up to zero, equals the postings, and says
// what came before; what buyers may still pay and what rounding brought stand beside it.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fileOf, startRefunds, type RefundsShop } from './refunds-shop.ts';
import { balancesOf, type BalanceLine } from '../../web/db/views/balances.ts';
import { meaningOfAccount } from '../../web/core/ledger.ts';

let here: RefundsShop;
beforeAll(async () => {
  here = await startRefunds();
});
afterAll(() => here.close());

const always = { since: undefined, until: undefined, timeZone: 'UTC' };
const balances = (period: { since?: string; until?: string } = {}): Promise<BalanceLine[]> =>
  balancesOf(here.our.db, { shopId: here.our.shop.id, period: { ...always, ...period } });
const sumOf = (lines: readonly BalanceLine[]): bigint =>
  lines.filter(({ booked }) => booked).reduce((sum, line) => sum + BigInt(line.closing_msat), 0n);
const closing = (lines: readonly BalanceLine[], kind: string): bigint =>
  BigInt(lines.find(({ account }) => account.startsWith(`${kind}:`))?.closing_msat ?? 0);

test('of a shop in which nothing happened there are none', async () => {
  expect(await balances()).toEqual([]);
});

test('paid, refunded and still open: every sat is on one account', async () => {
  await here.say(`refunds_on = true, refund_pricing = 'sats_paid'`);
  // 13.37 EUR is no whole number of satoshis at this price.
  here.our.prices.set({ dollarsPerBitcoin: '97123.45' });
  const { payment } = await here.aPaidOrder({ total: '13.37' });
  await here.aPaidOrder({ total: '21.00' });
  const refund = await here.aRefund(payment.id, '5.00');
  await here.step(refund.id);
  await here.signer.pays(refund.id, await here.aClaim(refund), 2_000n);
  await here.step(refund.id);
  const open = await here.our.anOrder({ total: '50.00' });
  await here.our.quoted(open.payment.id);
  const lines = await balances();
  expect(sumOf(lines)).toBe(0n);
  for (const { account } of lines) expect(meaningOfAccount(account)).not.toBe('');
  const { rows: paid } = await here.our.db.pool.query<{ msat: string; promised: string }>(
    `select sum(paid_msat) filter (where state = 'settled') as msat,
      sum(amount_msat) filter (where state = 'live') as promised from invoice`,
  );
  expect(closing(lines, 'node')).toBe(-BigInt(paid[0]?.msat ?? 0));
  expect(closing(lines, 'receivable')).toBe(BigInt(paid[0]?.promised ?? 0));
  expect(closing(lines, 'fees')).toBe(-2_000n);
  const { amountMsat } = await here.read(refund.id);
  expect(closing(lines, 'paid_out')).toBe((amountMsat ?? 0n) + 2_000n);
  // Two payments were rounded up, each by less than a satoshi.
  const rounding = closing(lines, 'rounding');
  expect(rounding).toBeGreaterThan(0n);
  expect(rounding).toBeLessThan(2_000n);
  const { rows: exact } = await here.our.db.pool.query<{ msat: string }>(
    `select trunc(sum(i.amount_msat - q.fiat_minor * 1e17 / q.price_e8))::text as msat
     from invoice i join quote q on q.id = i.quote_id where i.state = 'settled'`,
  );
  expect(rounding.toString()).toBe(exact[0]?.msat);
});

test('what was paid as a test is on no account', async () => {
  const before = await balances();
  const { payment } = await here.aPaidOrder({ total: '7.00', test: true });
  expect(await here.our.read(payment.id)).toMatchObject({ test: true, state: 'resolved' });
  const open = await here.our.anOrder({ total: '8.00', test: true });
  await here.our.quoted(open.payment.id);
  expect(await balances()).toEqual(before);
});

test('a time that is over has it as what was there before, and nothing to come', async () => {
  const lines = await balances();
  const later = await balances({ since: '2999-01-01' });
  const booked = (all: readonly BalanceLine[]) => all.filter((line) => line.booked);
  expect(booked(later).map(({ account, opening_msat }) => [account, opening_msat])).toEqual(
    booked(lines).map(({ account, closing_msat }) => [account, closing_msat]),
  );
  expect(booked(later).map(({ in_msat, out_msat }) => [in_msat, out_msat])).toEqual(
    booked(lines).map(() => ['0', '0']),
  );
  for (const { opening_msat, in_msat, out_msat, closing_msat } of lines) {
    expect(BigInt(opening_msat) + BigInt(in_msat) - BigInt(out_msat)).toBe(BigInt(closing_msat));
  }
  expect(await balances({ until: '2020-01-01' })).toEqual([]);
});

test('in the file a sum below zero is a number', async () => {
  const csv = await fileOf(here.our, 'balances', 'csv');
  const [node = ''] = csv.split('\r\n').filter((line) => line.startsWith('node:'));
  expect(node).toMatch(/,yes,0,0,\d+,-\d+,-\d+$/);
  const jsonl = await fileOf(here.our, 'balances');
  expect(JSON.parse(jsonl.split('\n')[0] ?? '')).toMatchObject({ account_booked: 'yes' });
});
