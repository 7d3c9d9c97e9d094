import { describe, expect, test } from 'vitest';
import { alertText, alertWords } from '../../web/core/alert.ts';
import { msat } from '../../web/core/money.ts';
import { largestMsat, quotePolicy, smallestMsat } from '../../web/core/quote.ts';
import {
  asItComes,
  differences,
  faultsOf,
  settingsFaults,
  termsOf,
  tidied,
  type Settings,
} from '../../web/core/settings.ts';

const usual: Settings = { methodName: 'Bitcoin (Lightning)', ...asItComes };
const faults = (more: Partial<Settings>) => faultsOf({ ...usual, ...more }, () => true);

describe('what a merchant may choose', () => {
  test('everything as it comes, and the ends of every range, are right', () => {
    expect(faults({})).toEqual([]);
    const lowest = { quoteSeconds: 60, spreadLimitBp: 10, unpaidHours: 1, smallestMsat };
    const highest = { quoteSeconds: 86_400, spreadLimitBp: 1_000, unpaidHours: 2_160, largestMsat };
    const discount = { priceAdjustmentBp: -2_000, aloneMinutes: 1, aloneDriftBp: 10 };
    expect(faults({ ...lowest, ...discount, largestMsat: smallestMsat })).toEqual([]);
    expect(
      faults({ ...highest, priceAdjustmentBp: 2_000, aloneMinutes: 60, aloneDriftBp: 1_000 }),
    ).toEqual([]);
  });

  test.each([-2_001, 2_001, 1.5, Number.NaN])('%d is no discount and no markup', (bp) => {
    const wrong = [{ field: 'priceAdjustmentBp', fault: 'price_adjustment' }];
    expect(faults({ priceAdjustmentBp: bp })).toEqual(wrong);
  });

  test('280 letters are counted as people count them', () => {
    const family = '👩‍👩‍👧';
    expect(faults({ buyerWords: { en: family.repeat(280) } })).toEqual([]);
    const wrong = [{ field: 'buyerWords', fault: 'words_long' }];
    expect(faults({ buyerWords: { en: family.repeat(281) } })).toEqual(wrong);
  });

  test('each field is wrong at most once, and each fault has its sentence', () => {
    const all = faults({
      ...{ methodName: '', quoteSeconds: Number.NaN, rateSources: ['nobody', 'kraken'] },
      ...{ spreadLimitBp: -1, smallestMsat: msat(0n), largestMsat: msat(largestMsat + 1n) },
      ...{ buyerWords: { 'x y': 'z'.repeat(300) }, unpaidHours: 1.5, lateDriftBp: 9 },
      ...{ alertEmail: 'nobody' },
      ...{ alertUrl: 'x'.repeat(600), language: '', priceAdjustmentBp: 2_001 },
      ...{ aloneMinutes: 61, aloneDriftBp: 9, refundClaimDays: 0, refundApprovalMsat: msat(-1n) },
    });
    const fields = all.map(({ field }) => field);
    expect(new Set(fields).size).toBe(fields.length);
    // These are what they are: no other value has their type.
    const { refundsOn: _on, refundPricing: _pricing, refundsWrong: _wrong, ...others } = usual;
    expect([...fields].sort()).toEqual(Object.keys(others).sort());
    for (const { fault } of all) expect(settingsFaults[fault]).toMatch(/\.$/);
  });

  test('texts are tidied, and what is empty is left out', () => {
    const given = {
      ...usual,
      ...{ methodName: ' a  b ', rateSources: ['bitstamp', 'kraken', 'bitstamp'] },
      ...{
        priceAdjustmentBp: 0,
        buyerWords: { en: ' \n ', de: ' a\n\tb ' },
        alertEmail: ' ',
        alertUrl: ' https://a.b ',
      },
    };
    expect(tidied(given)).toEqual({
      ...usual,
      ...{ methodName: 'a b', rateSources: ['kraken', 'bitstamp'], buyerWords: { de: 'a b' } },
      alertUrl: 'https://a.b',
    });
  });

  test('a difference is one of meaning', () => {
    const other = { ...usual, rateSources: ['kraken', 'bitstamp'], buyerWords: { en: 'x' } };
    expect(differences(usual, other)).toEqual(['rateSources', 'buyerWords']);
    expect(differences(other, { ...other, rateSources: ['bitstamp', 'kraken'] })).toEqual([]);
  });
});

test('the terms of a quote are the merchant’s where there are some, and else the server’s', () => {
  const server = { quotePolicy, quoteSeconds: 600 };
  expect(termsOf(server, usual)).toEqual({
    ...{ policy: quotePolicy, seconds: 600, sources: undefined, smallestMsat, largestMsat },
    adjustmentBp: 0,
    alone: undefined,
  });
  const chosen = { ...usual, quoteSeconds: 90, spreadLimitBp: 50, largestMsat: msat(5_000n) };
  const sources = ['kraken', 'coinbase'];
  expect(termsOf(server, { ...chosen, rateSources: sources, priceAdjustmentBp: -150 })).toEqual({
    policy: { ...quotePolicy, toleranceBasisPoints: 50 },
    ...{ seconds: 90, sources, smallestMsat, largestMsat: 5_000n, adjustmentBp: -150 },
    alone: undefined,
  });
});

test('one source may speak alone only where the merchant says so, and says for how long', () => {
  const server = { quotePolicy, quoteSeconds: 600 };
  const chosen = { ...usual, aloneMinutes: 15 };
  expect(termsOf(server, chosen).alone).toEqual({ forMs: 900_000, driftBasisPoints: 100 });
  expect(termsOf(server, { ...chosen, aloneDriftBp: 30 }).alone?.driftBasisPoints).toBe(30);
  expect(termsOf(server, { ...usual, aloneDriftBp: 30 }).alone).toBeUndefined();
  expect(tidied({ ...usual, aloneDriftBp: 30 }).aloneDriftBp).toBeNull();
});

describe('alerts explain themselves', () => {
  const facts = {
    ...{ orderName: '#1001', paymentId: 'id', address: 'node.example.com:10009' },
    ...{ since: '2026-11-21 10:00 UTC', sats: '12', ends: '2026-12-01 10:00 UTC' },
    ...{ count: '25', until: '2026-12-01 10:00 UTC' },
  };
  test.each(alertWords)('%s', (what) => {
    for (const spoken of ['en', 'de', 'de-CH', 'fr', null]) {
      const { subject, sentence, todo, path } = alertText(what, facts, spoken);
      for (const text of [subject, sentence, todo]) expect(text).not.toMatch(/[{}]|–/);
      expect(sentence).toMatch(/\.$/);
      expect(path).toMatch(/^\/([a-z]+(\/id)?)?$/);
    }
    expect(alertText(what, facts, 'de-CH')).not.toEqual(alertText(what, facts, 'en'));
    expect(alertText(what, facts, 'fr')).toEqual(alertText(what, facts, null));
  });

  test('a word that is not known here, and a fact that is not there, are still sentences', () => {
    expect(alertText('toString', {}, 'en').subject).toBe('Something in Zaptill needs you');
    expect(alertText('stranded', {}, 'en').subject).toContain('Order –');
  });
});
