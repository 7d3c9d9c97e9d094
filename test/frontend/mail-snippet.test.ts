// The link of the order's e-mail stands in the merchant's page, in the README, in the app's
// configuration and in the table of doors. They must lead to one place.
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { appToml } from '../../sandbox/shopify/toml.ts';
import { mailSnippet } from '../../web/frontend/merchant/parts/mail-snippet.ts';

const read = (name: string): string =>
  fs.readFileSync(path.join(import.meta.dirname, '../..', name), 'utf8');
const usual = { methodName: 'Bitcoin (Lightning)', label: 'Pay with Bitcoin (Lightning)' };

test('the README has the lines that the checklist gives', () => {
  expect(read('README.md')).toContain(`\`\`\`liquid\n${mailSnippet(usual)}\n\`\`\``);
});

test('the link goes through the app proxy to its door', () => {
  const { proxy } = appToml(read('shopify.app.toml'));
  const snippet = mailSnippet(usual);
  expect(snippet).toContain(`{{ shop.url }}/${proxy?.prefix ?? ''}/${proxy?.subpath ?? ''}/pay?`);
  const door = new URL(proxy?.url ?? '', 'https://app.example.com').pathname;
  expect(read('web/http/from-proxy.ts')).toContain(`path: '${door}/pay'`);
});

test('it is never without the buyer’s own number', () => {
  const href = /href="([^"]+)"/.exec(mailSnippet(usual))?.[1] ?? '';
  const query = new URLSearchParams(href.replaceAll('&amp;', '&').split('?')[1]);
  expect([...query]).toEqual([
    ['order', '{{ id }}'],
    ['number', '{{ confirmation_number }}'],
  ]);
});

test('any name of a method stays a text, in Liquid and in the e-mail', () => {
  const quoted = mailSnippet({ methodName: '"Bitcoin"', label: 'Pay <b>now</b> & here' });
  expect(quoted).toContain(`contains '"Bitcoin"' %}`);
  expect(quoted).toContain('>Pay &lt;b&gt;now&lt;/b&gt; &amp; here</a>');
});
