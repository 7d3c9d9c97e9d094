// That both languages say everything, and that the server's English is said in German by its codes.
import { describe, expect, test } from 'vitest';
import { adviceSentences } from '../../core/advice.ts';
import { signs } from '../../core/cases.ts';
import { lateReasons } from '../../core/late.ts';
import { paymentStates, reasons } from '../../core/payment.ts';
import { breaks } from '../../core/reconcile.ts';
import { connectRefusals } from '../../core/refusals.ts';
import { refundReasons, refundStates } from '../../core/refund.ts';
import { historyWords } from '../../db/history.ts';
import de from './words/de.json';
import en from './words/en.json';
import { loadLanguage, pageLanguages, speechOf } from './words.tsx';

const german: Readonly<Record<string, string>> = de;
const placeholders = (text: string): string[] => (text.match(/\{\w+\}/g) ?? []).sort();

const files = import.meta.glob<Record<string, string>>('./words/*.json', {
  eager: true,
  import: 'default',
});

test('every file of words has every word, with the same places to fill, and no more', () => {
  expect(Object.keys(files).sort()).toEqual(expect.arrayContaining(['./words/de.json']));
  expect(pageLanguages).toEqual(expect.arrayContaining(['en', 'de']));
  const keys = Object.keys(en) as (keyof typeof en)[];
  for (const [file, words] of Object.entries(files)) {
    const lacks = keys.filter((key) => (words[key] ?? '') === '');
    const differs = keys.filter(
      (key) => placeholders(en[key]).join() !== placeholders(words[key] ?? '').join(),
    );
    const more = Object.keys(words).filter((key) => !(key in en) && !key.startsWith('told.'));
    expect({ file, lacks, differs, more }).toEqual({ file, lacks: [], differs: [], more: [] });
  }
});

test('German has every word, with the same places to fill', () => {
  const keys = Object.keys(en) as (keyof typeof en)[];
  expect(keys.length).toBeGreaterThan(150);
  const wrong = keys.filter(
    (key) =>
      placeholders(en[key]).join() !== placeholders(german[key] ?? '').join() || german[key] === '',
  );
  expect(wrong).toEqual([]);
});

test('German says nothing that English does not have, but for what the server says', () => {
  const more = Object.keys(de).filter((key) => !(key in en) && !key.startsWith('told.'));
  expect(more).toEqual([]);
});

describe('what the server says has German words by its code', () => {
  test.each([
    ['state', Object.keys(paymentStates)],
    ['reason', Object.keys(reasons)],
    ['case', Object.keys(signs)],
    ['late', Object.keys(lateReasons)],
    // What of a refund is about sats back goes by a code of its own.
    ['history', [...Object.keys(historyWords), 'reward']],
    ['refund_state', Object.keys(refundStates)],
    ['refund_reason', Object.keys(refundReasons)],
    ['refusal', connectRefusals],
    ['advice', Object.keys(adviceSentences)],
    ['problem.unmatched', Object.keys(breaks)],
  ])('%s', (kind, codes) => {
    expect(codes.filter((code) => german[`told.${kind}.${code}`] === undefined)).toEqual([]);
  });

  test('every refusal has a title', () => {
    expect(connectRefusals.filter((code) => !(`refusal.${code}` in en))).toEqual([]);
  });
});

test('the region stays for numbers and dates, and what is not spoken is English', async () => {
  const { locale, words } = await loadLanguage('de-CH');
  expect([locale, words['nav.node']]).toEqual(['de-CH', 'Knoten']);
  expect((await loadLanguage('en-GB')).locale).toBe('en-GB');
  expect((await loadLanguage('ja')).locale).toBe('en');
  expect((await loadLanguage('not a tag')).locale).toBe('en');
});

test('a sentence without German words is shown as it came, marked as English', async () => {
  const { told } = speechOf(await loadLanguage('de'));
  expect(told({ code: 'advice', sentence: 'Update LND.' })).toEqual({
    text: 'Update LND.',
    lang: 'en',
  });
  expect(told({ code: 'state.open', sentence: 'The order waits.' }).lang).toBeUndefined();
});

test('a place that nobody fills stays visible', async () => {
  const { t } = speechOf(await loadLanguage('en'));
  expect(t('guide.progress', { done: '1' })).toBe('1 of {all} steps done');
});
