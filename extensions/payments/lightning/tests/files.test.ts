// @vitest-environment node
// Shopify's command builds with unknown countries, labels that are too long and keys that nobody
// reads; this does not.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { readToml, type Table } from '../../../../sandbox/shopify/toml.ts';

const here = path.join(import.meta.dirname, '..');
const root = path.join(here, '../../..');
const toml = (...names: string[]) => readToml(readFileSync(path.join(...names), 'utf8'));

test('shopify.app.payments.toml: not embedded, payments scopes, and its own extensions', () => {
  expect(toml(root, 'shopify.app.payments.toml')).toEqual({
    client_id: '',
    name: 'Zaptill',
    handle: 'zaptill-payments',
    application_url: 'https://app.example.com/payments',
    embedded: false,
    extension_directories: ['extensions/payments/*'],
    build: { automatically_update_urls_on_dev: true, include_config_on_deploy: true },
    access_scopes: { scopes: 'write_payment_gateways,write_payment_sessions' },
    auth: { redirect_urls: ['https://app.example.com/payments/auth/callback'] },
    webhooks: {
      api_version: '2026-07',
      subscriptions: [
        { topics: ['app/uninstalled'], uri: 'https://app.example.com/webhooks' },
        {
          compliance_topics: ['customers/data_request', 'customers/redact', 'shop/redact'],
          uri: 'https://app.example.com/webhooks',
        },
      ],
    },
    pos: { embedded: false },
  });
});

test('neither app builds the extensions of the other', () => {
  const directories = ['shopify.app.toml', 'shopify.app.payments.toml'].map(
    (file) => toml(root, file)['extension_directories'],
  );
  expect(directories).toEqual([['extensions/merchant/*'], ['extensions/payments/*']]);
});

test('shopify.extension.toml: the offsite method, on the payments door, with a test mode', () => {
  const { api_version, extensions } = toml(here, 'shopify.extension.toml');
  expect(api_version).toBe('2026-07');
  const [extension, ...others] = extensions as Table[];
  expect(others).toEqual([]);
  const { supported_countries, buyer_label_translations, ...rest } = extension ?? {};
  expect(rest).toEqual({
    name: 'Bitcoin (Lightning)',
    handle: 'lightning',
    type: 'payments_extension',
    merchant_label: 'Bitcoin (Lightning)',
    buyer_label: 'Bitcoin (Lightning)',
    payment_session_url: 'https://payments-door.example.com/payments/session',
    refund_session_url: 'https://payments-door.example.com/payments/refund',
    supported_payment_methods: ['bitcoin'],
    supports_3ds: false,
    supports_installments: false,
    supports_deferred_payments: false,
    test_mode_available: true,
    targeting: [{ target: 'payments.offsite.render' }],
  });
  const countries = supported_countries as string[];
  const names = new Intl.DisplayNames('en', { type: 'region', fallback: 'none' });
  expect(countries.filter((code) => names.of(code) === undefined)).toEqual([]);
  expect(new Set(countries).size).toBe(countries.length);
  expect(countries.length).toBeGreaterThan(30);
  const labels = buyer_label_translations as { locale: string; label: string }[];
  expect(labels.map(({ locale }) => locale)).toEqual(['de', 'fr', 'es', 'it', 'ja', 'ar']);
  expect(labels.filter(({ label }) => label === '' || label.length > 50)).toEqual([]);
});
