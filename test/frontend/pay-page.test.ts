// The buyer's page as a text: each state says what is true in it, offers what helps, and nothing
// that others have written becomes a part of it.
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { renderMessage, renderNotFound, renderPayPage } from '../../web/frontend/buyer/page.ts';
import { speech, type Word } from '../../web/frontend/buyer/words.ts';
import de from '../../web/frontend/buyer/words/de.json' with { type: 'json' };
import en from '../../web/frontend/buyer/words/en.json' with { type: 'json' };
import { formatFiat, formatMsat, formatSats } from '../../web/frontend/shared/amounts.ts';
import type { PayView } from '../../web/frontend/shared/pay-view.ts';
import { payViews, request } from '../browser/pay-views.ts';

const view = (name: string): PayView => {
  const found = payViews[name];
  if (found === undefined) throw new Error(`There is no view ${name}.`);
  return found;
};
const draw = (of: PayView, locale = 'en'): string =>
  renderPayPage(of, { locale, assets: { script: '/pay-assets/pay.js' } }).html;
const textOf = (html: string): string =>
  html
    .replace(/<(style|script|svg).*?<\/\1>/gs, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ');
const faces = Object.entries(payViews);

describe('what each state offers', () => {
  test('the invoice stands in the page exactly while it can be paid', () => {
    for (const [name, of] of faces) {
      expect([name, draw(of).includes('lightning:ln')]).toEqual([name, name.startsWith('waiting')]);
    }
    expect(draw(view('waiting'))).toContain(`href="lightning:${request}"`);
  });

  test('a refund that waits for its buyer is one press away, and only at a web address', () => {
    const refundUrl = 'https://pay.example.com/refund/BBBBBBBBBBBBBBBBBBBBBB';
    expect(draw({ ...view('settled'), refundUrl })).toContain(`href="${refundUrl}"`);
    expect(draw({ ...view('settled'), refundUrl: 'javascript:alert(1)' })).not.toContain('alert');
    expect(draw(view('settled'))).not.toContain('Claim your refund');
  });

  test('an invoice that can no longer be paid is not shown, even when it is there', () => {
    for (const state of ['closing', 'settled', 'resolved', 'stranded', 'lapsed'] as const) {
      expect(draw({ ...view('waiting'), state })).not.toContain('lnbc');
    }
  });

  test('open without an invoice: a form without fields, and words why', () => {
    const open = faces.filter(([name, of]) => of.state === 'open' && !/waiting|session/.test(name));
    expect(open.length).toBe(13);
    for (const [, of] of open) {
      const form = /<form.*?<\/form>/s.exec(draw(of))?.[0] ?? '';
      expect(form).toContain(`method="post" action="/pay/${of.id}/quote"`);
      expect(form).not.toMatch(/<(input|select|textarea)/);
    }
    const heads = open.map(([, of]) => /<h2 id="head"[^>]*>(.*?)<\/h2>/.exec(draw(of))?.[1]);
    expect(new Set(heads).size).toBe(open.length);
  });

  test('no price is offered while a payment may still come in, or when none is owed', () => {
    for (const [, of] of faces.filter(([, { state }]) => state !== 'open')) {
      expect(draw(of)).not.toContain('<form');
    }
  });

  test('"nothing was charged" is never said where money has, or may have, arrived', () => {
    const unsure = ['checking', 'closing', 'settled', 'resolved', 'overpaid', 'stranded'];
    const wrong = Object.keys(payViews).filter((name) => /^(late|by|paid|stranded)-/.test(name));
    expect(wrong).toHaveLength(8);
    for (const name of [...unsure, ...wrong, 'refusal-node_unreachable']) {
      expect(textOf(draw(view(name)))).not.toMatch(/nothing was charged/i);
      expect(textOf(draw(view(name), 'de'))).not.toMatch(/wurde nichts abgebucht/i);
    }
    expect(textOf(draw(view('checking')))).toContain('If you have paid, do nothing');
    expect(textOf(draw(view('closing')))).toContain('If you have paid, do nothing');
    expect(textOf(draw(view('stranded')))).toContain('do not pay again');
  });

  test('every page leads back to the shop and names a reference', () => {
    for (const [, of] of faces) {
      expect(draw(of)).toContain(`href="${of.backUrl.replaceAll('&', '&amp;')}"`);
      expect(draw(of)).toContain(of.reference);
    }
  });

  test('a page without script looks again until nothing can change', () => {
    for (const [, of] of faces) {
      expect(draw(of).includes('<noscript><meta http-equiv="refresh"')).toBe(!of.final);
    }
  });

  test('a test payment says so in every state', () => {
    for (const [, of] of faces) {
      expect(textOf(draw({ ...of, test: true }))).toContain('Test payment: no real money moves.');
    }
  });
});

describe('a shop’s own discount or markup', () => {
  const said = (name: string, locale: string): string => textOf(draw(view(name), locale));
  test('is named in the buyer’s language, and nowhere when there is none', () => {
    expect(said('waiting-discount', 'en')).toContain('2% off for paying in bitcoin');
    expect(said('waiting-discount', 'de')).toMatch(/2\s% Rabatt für Zahlung in Bitcoin/);
    expect(said('waiting-markup', 'en')).toContain('The shop adds 1.25% for paying in bitcoin');
    expect(said('waiting-markup', 'de')).toMatch(/Der Shop schlägt 1,25\s% für Zahlung/);
    for (const [name, of] of faces.filter(([name]) => !/discount|markup/.test(name))) {
      expect([name, /paying in bitcoin/.test(textOf(draw(of)))]).toEqual([name, false]);
    }
  });

  test('is still named on the page of a payment that has come in', () => {
    const { invoice, ...paid } = view('settled');
    expect(invoice).toBeDefined();
    if (invoice === undefined) return;
    const html = draw({ ...paid, invoice: { ...invoice, adjustmentBp: -50 } });
    expect(textOf(html)).toContain('0.5% off for paying in bitcoin');
  });
});

describe('a payment of the payments app', () => {
  test('can be cancelled while it is open, by the address that the shop gave', () => {
    const { backUrl } = view('waiting-session');
    const link = `href="${backUrl.replaceAll('&', '&amp;')}"`;
    for (const name of ['waiting-session', 'waiting-session-away', 'session-waits']) {
      expect(draw(view(name))).toContain(link);
      const words = name === 'session-waits' ? 'Back to' : 'Cancel and go back to';
      expect(textOf(draw(view(name)))).toContain(`${words} Alpine Coffee`);
    }
    expect(textOf(draw(view('waiting')))).not.toContain('Cancel');
  });

  test('leads by itself where the shop wants its buyer, with and without script', () => {
    const to = 'https://alpine-coffee.myshopify.com/checkouts/c1/processing';
    const told = { ...view('resolved'), session: true, returnUrl: to } as const;
    const html = draw(told);
    expect(html).toContain(`href="${to}"`);
    expect(html).toContain(`<meta http-equiv="refresh" content="1;url=${to}"`);
    expect(html).toContain(`"returnUrl":"${to}"`);
    expect(textOf(html)).not.toContain('Cancel');
    for (const [name, of] of faces.filter(([, { returnUrl }]) => returnUrl === undefined)) {
      expect([name, draw(of).includes(';url=')]).toEqual([name, false]);
    }
  });

  test('offers to wait at the shop only where the server says so', () => {
    const offers = faces.filter(([, of]) => draw(of).includes('/wait"')).map(([name]) => name);
    expect(offers).toEqual(['waiting-session-away']);
    expect(draw(view('waiting-session-away'))).toContain('I have paid: take me back');
  });
});

describe('what others have written', () => {
  const evil = `</script><script>alert(1)</script><img src=x onerror="x" ' &`;

  test('stays text', () => {
    const theirs = { shopName: evil, orderName: evil, reference: evil, shopWords: { en: evil } };
    const html = draw({ ...view('waiting'), ...theirs });
    expect(html).not.toContain('<script>alert');
    expect(html).not.toContain('<img');
    expect(html.match(/<script/g)?.length).toBe(2);
  });

  test('the merchant’s words are in the buyer’s language, or in the next best', () => {
    const said = (shopWords: Record<string, string>, locale: string): string | undefined =>
      /<p class="note small" lang="(\w+)" dir="auto">/.exec(
        draw({ ...view('waiting'), shopWords }, locale),
      )?.[1];
    expect(said({ en: 'Hi', de: 'Hallo' }, 'de-CH')).toBe('de');
    expect(said({ en: 'Hi', de: 'Hallo' }, 'en')).toBe('en');
    expect(said({ de: 'Hallo' }, 'en')).toBe('de');
    expect(said({}, 'en')).toBeUndefined();
    expect(said({ en: 'Hi' }, 'toString')).toBe('en');
  });

  test('an address that is none of the web is no link', () => {
    expect(draw({ ...view('expired'), backUrl: 'javascript:alert(1)' })).not.toContain(
      'javascript:',
    );
  });

  test('an invoice that is no bech32 is not put into an address', () => {
    const invoice = { ...view('waiting').invoice, request: 'lnbc1"><b>' };
    const html = draw({ ...view('waiting'), invoice } as PayView);
    expect(html).not.toContain('lightning:');
    expect(html).toContain('<form');
  });
});

describe('the headers', () => {
  const { html, headers } = renderPayPage(view('waiting'), { locale: 'de', assets: {} });
  const policy = headers['Content-Security-Policy'] ?? '';

  test("the policy knows the style by its hash, and allows nobody's frame", () => {
    const style = /<style>(.*?)<\/style>/s.exec(html)?.[1] ?? '';
    const hash = createHash('sha256').update(style).digest('base64');
    expect(style.length).toBeGreaterThan(1_000);
    expect(policy).toContain(`style-src 'sha256-${hash}'`);
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain('unsafe');
    expect(html).not.toMatch(/ style="/);
  });

  test('nothing is kept and nothing is told', () => {
    expect(headers).toMatchObject({
      'Cache-Control': 'no-store',
      'Referrer-Policy': 'no-referrer',
      'X-Content-Type-Options': 'nosniff',
      'Content-Language': 'de',
    });
  });

  test('a link that leads nowhere, and what stands in the way, have pages too', () => {
    expect(textOf(renderNotFound({ locale: 'en' }).html)).toContain('There is no such payment');
    const away = renderMessage({ locale: 'de', message: 'unavailable', payUrl: '/pay/x' });
    expect(away.html).toContain('http-equiv="refresh"');
    expect(textOf(away.html)).toContain('Wenn Sie bezahlt haben, tun Sie nichts');
    expect(away.headers['Content-Security-Policy']).toBe(policy);
  });
});

describe('words and amounts', () => {
  const holes = (text: string): string[] =>
    [...text.matchAll(/\{\w+\}/g)].map(([hole]) => hole).sort();

  test('German has every word of English, with the same places to fill', () => {
    expect(Object.keys(de).sort()).toEqual(Object.keys(en).sort());
    const words = Object.keys(en) as Word[];
    expect(words.length).toBeGreaterThan(80);
    for (const word of words) expect([word, holes(de[word])]).toEqual([word, holes(en[word])]);
  });

  test('no place is left unfilled on any page', () => {
    for (const [, of] of faces) {
      for (const locale of ['en', 'de']) expect(textOf(draw(of, locale))).not.toMatch(/\{\w+\}/);
    }
  });

  test('a language that we do not speak is English, and says so', () => {
    expect(speech('fr-CA')).toMatchObject({ locale: 'en', dir: 'ltr' });
    expect(speech('de-ch').locale).toBe('de-CH');
    expect(speech('nonsense-in-a-header;q').locale).toBe('en');
    expect(draw(view('waiting'), 'ar')).toContain('<html lang="en" dir="ltr">');
  });

  test('amounts are printed exactly, however large', () => {
    expect(formatFiat({ amount: '9007199254740993.01', currency: 'EUR' }, 'en')).toBe(
      '€9,007,199,254,740,993.01',
    );
    expect(formatFiat({ amount: '1500', currency: 'JPY' }, 'en')).toBe('¥1,500');
    expect(formatFiat({ amount: '1.234', currency: 'KWD' }, 'en')).toMatch(/KWD\s1\.234/);
    expect(formatFiat({ amount: '1', currency: 'nonsense' }, 'en')).toBe('1 nonsense');
    expect(formatSats('2160493808.125', 'de')).toBe('2.160.493.808,125');
    expect(formatMsat('21000000', 'en')).toBe('21,000');
    expect(formatMsat('1', 'en')).toBe('0.001');
    expect(formatMsat('1500', 'en')).toBe('1.5');
  });
});

test('the heaviest page with its style stays well below the budget', () => {
  for (const [, of] of faces) expect(gzipSync(draw(of, 'de')).length).toBeLessThan(8_000);
});
