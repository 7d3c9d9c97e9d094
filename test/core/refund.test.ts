// What a refund is worth, rounded one way, and what may be given to claim it.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { currencyOf, exponentOf, minor, msat, type Currency } from '../../web/core/money.ts';
import { postingsOfRefund } from '../../web/core/ledger.ts';
import { priceInMsatRoundedUp, type AgreedPrice } from '../../web/core/quote.ts';
import {
  hasMoney,
  isCounted,
  leftOf,
  priceRefund,
  refundMoves,
  refundReasons,
  refundStates,
  shareOfPaidRoundedDown,
  usualApprovalMsat,
  wantsApproval,
  whyNotClaimed,
  whyNotRefundable,
  type RefundPricing,
  type RefundReason,
  type RefundState,
} from '../../web/core/refund.ts';

const now = new Date('2026-11-22T12:00:00Z');
const priced = (code: string, priceE8: bigint): AgreedPrice => ({
  ...{
    currency: currencyOf(code) as Currency,
    priceE8,
    sources: [],
    spreadBasisPoints: 0,
    at: now,
  },
});
/** Exponents 0, 2 and 3. */
const codes = fc.constantFrom('JPY', 'EUR', 'KWD');
const amounts = fc.bigInt({ min: 1n, max: 10n ** 15n });
/** A coin for one unit to a hundred million. */
const prices = fc.bigInt({ min: 10n ** 8n, max: 10n ** 16n });
const sat = 1_000n;

describe('the share of what was paid', () => {
  const parts = fc.array(fc.bigInt({ min: 1n, max: 10n ** 13n }), { minLength: 1, maxLength: 12 });

  test('shares are whole satoshis, under one below the exact share, never above the whole', () => {
    fc.assert(
      fc.property(parts, fc.bigInt({ min: 1_000n, max: 10n ** 14n }), (amountsOf, paidMsat) => {
        const capturedMinor = minor(amountsOf.reduce((sum, each) => sum + each, 0n));
        const paid = { amountMsat: msat(paidMsat), capturedMinor };
        const shares = amountsOf.map((each) => shareOfPaidRoundedDown(minor(each), paid));
        for (const [n, share] of shares.entries()) {
          const exact = paidMsat * (amountsOf[n] ?? 0n);
          expect(share % sat).toBe(0n);
          expect(share * capturedMinor <= exact).toBe(true);
          expect((share + sat) * capturedMinor > exact).toBe(true);
        }
        const sum = shares.reduce<bigint>((all, each) => all + each, 0n);
        expect(sum <= paidMsat).toBe(true);
        expect(paidMsat - sum < sat * BigInt(shares.length + 1)).toBe(true);
        // All of it at once is all that came, but for the rest of a satoshi.
        expect(shareOfPaidRoundedDown(capturedMinor, paid)).toBe(paidMsat - (paidMsat % sat));
      }),
    );
  });
});

describe('its value today', () => {
  const today = (amountMinor: bigint, agreed: AgreedPrice, adjustmentBp = 0) =>
    priceRefund(minor(amountMinor), {
      ...{ pricing: 'fiat_today', agreed, adjustmentBp },
      paid: { amountMsat: msat(10n ** 12n), capturedMinor: minor(10n ** 15n) },
    });

  test('is whole satoshis, below the exact value by under one, and grows with the amount', () => {
    fc.assert(
      fc.property(codes, amounts, prices, (code, amountMinor, priceE8) => {
        const agreed = priced(code, priceE8);
        const said = today(amountMinor, agreed);
        // msat = amount / 10^exponent / price * 10^11, without a fraction
        const by = 10n ** BigInt(exponentOf(agreed.currency)) * priceE8;
        const exact = amountMinor * 10n ** 19n;
        if (!said.ok) {
          const isTooMuch = exact > by * 10n ** 14n;
          expect(said.because).toBe(isTooMuch ? 'no_price' : 'too_small');
          expect(isTooMuch || exact < by * sat).toBe(true);
          return;
        }
        expect(said.amountMsat % sat).toBe(0n);
        expect(said.amountMsat * by <= exact).toBe(true);
        expect((said.amountMsat + sat) * by > exact).toBe(true);
        const more = today(amountMinor + 1n, agreed);
        expect(!more.ok || more.amountMsat >= said.amountMsat).toBe(true);
        // There and back: what buys the amount is at most one satoshi more than what it is worth.
        const asked = priceInMsatRoundedUp(minor(amountMinor), agreed);
        expect(asked - said.amountMsat <= sat && asked >= said.amountMsat).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  test('gives back what was paid and not the discount as well', () => {
    const agreed = priced('EUR', 100_000n * 10n ** 8n);
    const paidSats = priceInMsatRoundedUp(minor(100_00n), agreed, -200);
    expect(today(100_00n, agreed, -200)).toMatchObject({ ok: true, amountMsat: paidSats });
    expect(paidSats).toBe(98_000_000n);
  });
});

test.each<[RefundPricing, bigint, bigint]>([
  ['fiat_today', 50_000n, 200_000_000n],
  ['sats_paid', 50_000n, 100_000_000n],
  ['lower', 50_000n, 100_000_000n],
  ['fiat_today', 200_000n, 50_000_000n],
  ['sats_paid', 200_000n, 100_000_000n],
  ['lower', 200_000n, 50_000_000n],
])('%s of 100 EUR at %s EUR a coin, after 100,000: %s msat', (pricing, perCoin, amountMsat) => {
  const paid = { amountMsat: msat(100_000_000n), capturedMinor: minor(100_00n) };
  const agreed = priced('EUR', perCoin * 10n ** 8n);
  const about = { pricing, paid, adjustmentBp: 0 };
  expect(priceRefund(minor(100_00n), { ...about, agreed })).toMatchObject({ ok: true, amountMsat });
  const without = priceRefund(minor(100_00n), { ...about, agreed: undefined });
  expect(without.ok).toBe(pricing === 'sats_paid');
});

test('what is worth less than a satoshi is no refund', () => {
  const paid = { amountMsat: msat(1_000n), capturedMinor: minor(100n) };
  const about = { pricing: 'sats_paid', paid, agreed: undefined, adjustmentBp: 0 } as const;
  expect(priceRefund(minor(99n), about)).toEqual({ ok: false, because: 'too_small' });
  expect(priceRefund(minor(100n), about)).toMatchObject({ amountMsat: 1_000n });
});

test('a person approves what is above the threshold; of zero everything', () => {
  expect(wantsApproval(usualApprovalMsat, null)).toBe(false);
  expect(wantsApproval(msat(usualApprovalMsat + 1n), null)).toBe(true);
  expect(wantsApproval(msat(1n), msat(0n))).toBe(true);
  expect(wantsApproval(msat(5_000n), msat(5_000n))).toBe(false);
});

test('of several refunds no more is left than was captured', () => {
  const of = (refunded: bigint, captured: bigint | null = 2_100n) => ({
    capturedMinor: captured === null ? null : minor(captured),
    ...{ refundedMinor: minor(refunded), currency: currencyOf('EUR') as Currency },
  });
  const why = (amount: bigint | undefined, ...about: Parameters<typeof of>) => {
    const amountMinor = amount === undefined ? undefined : minor(amount);
    return whyNotRefundable({ amountMinor, currencyCode: 'EUR' }, of(...about));
  };
  expect(leftOf(of(2_000n))).toBe(100n);
  expect(leftOf(of(3_000n))).toBe(0n);
  expect(why(100n, 2_000n)).toBeUndefined();
  expect(why(101n, 2_000n)).toBe('more_than_captured');
  expect(why(1n, 0n, null)).toBe('nothing_captured');
  expect(why(0n, 0n)).toBe('amount_unreadable');
  expect(why(undefined, 0n)).toBe('amount_unreadable');
  const dollars = { amountMinor: minor(1n), currencyCode: 'USD' };
  expect(whyNotRefundable(dollars, of(0n))).toBe('other_currency');
});

test('a BOLT11 is taken only with the amount, network and life that fit', () => {
  const about = {
    ...{ amountMsat: msat(5_000n), network: 'regtest' as const, ownIdentities: ['02aa'], now },
  };
  const fits = {
    ...{ hash: '00'.repeat(32), amountMsat: 5_000n, payee: '03bb', network: 'regtest' as const },
    expiresAt: new Date(now.getTime() + 3_600_000),
  };
  const why = (more: Partial<typeof fits> | { amountMsat: undefined }) =>
    whyNotClaimed({ ...fits, ...more }, about);
  expect(why({})).toBeUndefined();
  expect(whyNotClaimed(undefined, about)).toBe('request_unreadable');
  expect(why({ payee: '02aa' })).toBe('own_invoice');
  expect(why({ amountMsat: undefined })).toBe('any_amount');
  expect(why({ amountMsat: 5_001n })).toBe('wrong_amount');
  expect(why({ expiresAt: new Date(now.getTime() + 119_999) })).toBe('request_expired');
  const mainnet = { ...fits, network: 'mainnet' as const };
  expect(whyNotClaimed(mainnet, about)).toBe('other_network');
});

test('what it takes from its source, and what the shop adds of its own', () => {
  const of = (amount: bigint, source: bigint) =>
    postingsOfRefund({ shopId: 3, source: 'resolved', amountMsat: msat(amount) }, msat(source));
  const to = 'refunding:3';
  expect(of(5n, 9n)).toEqual([{ from: 'resolved:3', to, amountMsat: 5n }]);
  expect(of(9n, 5n)).toEqual([
    { from: 'resolved:3', to, amountMsat: 5n },
    { from: 'topped_up:3', to, amountMsat: 4n },
  ]);
  expect(of(9n, 0n)).toEqual([{ from: 'topped_up:3', to, amountMsat: 9n }]);
});

test('every state is reached and left, and what is over frees its amount or not', () => {
  const states = Object.keys(refundStates) as RefundState[];
  const reached = new Set<string>(Object.values(refundMoves).flat());
  expect(states.filter((state) => state !== 'asked' && !reached.has(state))).toEqual([]);
  const counted = (state: RefundState, reason: RefundReason): boolean =>
    isCounted({ state, reason });
  expect(states.filter((state) => counted(state, 'taken_back'))).toEqual([
    ...['asked', 'claimable', 'claimed', 'paid'],
  ]);
  expect(counted('done', 'paid_out')).toBe(true);
  expect(counted('withdrawn', 'given_back_otherwise')).toBe(true);
  const told = (Object.keys(refundReasons) as RefundReason[]).filter(hasMoney);
  expect(told).toEqual(['paid_out', 'given_back_otherwise', 'is_test']);
});
