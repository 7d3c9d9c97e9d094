// @vitest-environment node
// Shopify's command builds with misspelt keys, unknown topics and missing words; this does not.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { deflateSync } from 'node:zlib';
import { build } from 'esbuild';
import { describe, expect, test } from 'vitest';
import { readToml } from '../../../../sandbox/shopify/toml.ts';

const here = path.join(import.meta.dirname, '..');
const root = path.join(here, '../../..');
const toml = (...names: string[]) => readToml(readFileSync(path.join(...names), 'utf8'));
const ui = JSON.parse(
  readFileSync(path.join(root, 'node_modules/@shopify/ui-extensions/package.json'), 'utf8'),
) as { version: string };
/** `2026.7.4` is API version 2026-07. */
const apiVersion = ui.version.replace(/^(\d+)\.(\d+)\..*$/, (_all, year: string, month: string) =>
  [year, month.padStart(2, '0')].join('-'),
);

test('shopify.app.toml asks for exactly what we need', () => {
  expect(toml(root, 'shopify.app.toml')).toEqual({
    client_id: '',
    name: 'Zaptill',
    handle: 'zaptill',
    application_url: 'https://app.example.com',
    embedded: true,
    extension_directories: ['extensions/merchant/*'],
    build: { automatically_update_urls_on_dev: true, include_config_on_deploy: true },
    access_scopes: { scopes: 'read_orders,write_orders,write_app_proxy' },
    auth: { redirect_urls: ['https://app.example.com/auth/callback'] },
    webhooks: {
      api_version: '2026-07',
      subscriptions: [
        {
          topics: [
            'orders/create',
            'orders/updated',
            'orders/edited',
            'orders/cancelled',
            'orders/paid',
            'refunds/create',
            'app/uninstalled',
            'app/scopes_update',
          ],
          uri: '/webhooks',
        },
        {
          compliance_topics: ['customers/data_request', 'customers/redact', 'shop/redact'],
          uri: '/webhooks',
        },
      ],
    },
    app_proxy: { url: 'https://app.example.com/proxy', prefix: 'apps', subpath: 'zaptill' },
    pos: { embedded: false },
  });
});

test('shopify.extension.toml: both targets, and the network', () => {
  expect(apiVersion).toBe('2026-07');
  expect(toml(here, 'shopify.extension.toml')).toEqual({
    api_version: apiVersion,
    extensions: [
      {
        name: 't:name',
        description: 't:description',
        handle: 'lightning-payment',
        type: 'ui_extension',
        targeting: [
          { module: './src/thank-you.tsx', target: 'purchase.thank-you.block.render' },
          {
            module: './src/order-status.tsx',
            target: 'customer-account.order-status.block.render',
          },
        ],
        capabilities: { network_access: true },
      },
    ],
  });
});

describe('words', () => {
  type Words = { [key: string]: string | Words };
  const folder = path.join(here, 'locales');
  const names = readdirSync(folder);
  const flat = (words: Words, before = ''): [string, string][] =>
    Object.entries(words).flatMap(([key, value]) =>
      typeof value === 'string' ? [[`${before}${key}`, value]] : flat(value, `${before}${key}.`),
    );
  const read = (name: string) =>
    flat(JSON.parse(readFileSync(path.join(folder, name), 'utf8')) as Words);
  const base = read('en.default.json');
  const holes = (text: string) => [...text.matchAll(/\{\{(\w+)\}\}/g)].map(([, hole]) => hole);

  // Shopify looks for the buyer's locale, then for its language alone, then for the shop's. Both
  // Portugueses have a country in theirs.
  test('one default, and eight languages more', () => {
    const languages = ['ar', 'de', 'es', 'fr', 'it', 'ja', 'nl', 'pt-BR', 'pt-PT'];
    const files = [...languages, 'en.default'].map((language) => `${language}.json`);
    expect(names.sort()).toEqual(files.sort());
  });

  test('no sentence was left in English', () => {
    const english = new Map(base);
    for (const name of names.filter((it) => it !== 'en.default.json')) {
      const same = read(name).filter(([key, text]) => english.get(key) === text);
      // An amount in satoshis is written alike in many languages.
      const amounts = ['sats', 'both'];
      expect([name, same.filter(([key]) => !amounts.includes(key))]).toEqual([name, []]);
    }
  });

  test('what is put into an Arabic sentence keeps its own direction', () => {
    // FIRST STRONG ISOLATE, POP DIRECTIONAL ISOLATE (Unicode, UAX #9): a text has no <bdi>.
    const isolated = /\u2068\{\{\w+\}\}\u2069/g;
    const open = read('ar.json').filter(([, text]) => text.replace(isolated, '').includes('{{'));
    expect(open).toEqual([]);
    expect(read('ar.json').filter(([, text]) => text.includes('\u2068')).length).toBeGreaterThan(8);
  });

  test.each(names)('%s has every sentence, with the same places to fill', (name) => {
    const shape = (words: [string, string][]) =>
      words.map(([key, text]) => `${key} ${holes(text).sort().join()}`).sort();
    expect(shape(read(name))).toEqual(shape(base));
    expect(read(name).filter(([, text]) => text.trim() === '')).toEqual([]);
    expect(read(name).length).toBeGreaterThan(60);
  });

  test('every sentence is said somewhere, and every one that is said is there', () => {
    const sources = readdirSync(path.join(here, 'src')).map((name) =>
      readFileSync(path.join(here, 'src', name), 'utf8'),
    );
    sources.push(readFileSync(path.join(here, 'shopify.extension.toml'), 'utf8'));
    const said = new Set(
      [...sources.join('\n').matchAll(/['"](?:t:)?([a-z_]+(?:\.[a-z_]+)*)['"]/g)].map(
        ([, key]) => key,
      ),
    );
    const unsaid = base
      .map(([key]) => key)
      .filter((key) => {
        return !said.has(key) && !said.has(key.replace(/\.(head|text)$/, ''));
      });
    expect(unsaid).toEqual([]);
    const keys = new Set(base.map(([key]) => key));
    const spoken = [...sources.join('\n').matchAll(/\bsay\(\s*'([\w.]+)'/g)].map(([, key]) => key);
    expect(spoken.filter((key) => !keys.has(key ?? ''))).toEqual([]);
    expect(spoken.length).toBeGreaterThan(10);
  });
});

describe('the bundle', () => {
  /** Shopify refuses more at deploy ("64 KB compressed"); its command builds it without a word. */
  const shopifysLimit = 64 * 1_024;
  /** Every buyer of the shop loads it: half is far more than there is need for. */
  const ourLimit = shopifysLimit / 2;

  test('of both pages together stays far below what Shopify takes', async () => {
    const made = await build({
      entryPoints: ['thank-you.tsx', 'order-status.tsx'].map((name) =>
        path.join(here, 'src', name),
      ),
      bundle: true,
      write: false,
      outdir: 'dist',
      format: 'esm',
      minify: true,
      jsx: 'automatic',
      jsxImportSource: 'preact',
      target: 'es2020',
      define: { 'process.env.SHOPIFY_APP_URL': '"https://app.example.com"' },
    });
    const texts = made.outputFiles.map(({ text }) => text);
    expect(texts).toHaveLength(2);
    for (const text of texts) {
      expect(text).toContain('/extension/payment');
      // A browser's worker has no `process`, and words come from the locale files.
      expect(text).not.toMatch(/\bprocess\b/);
      expect(text).not.toContain('Nothing was charged');
    }
    const bytes = texts.reduce((all, text) => all + deflateSync(text).length, 0);
    expect(bytes).toBeGreaterThan(5_000);
    expect(bytes).toBeLessThan(ourLimit);
  });
});
