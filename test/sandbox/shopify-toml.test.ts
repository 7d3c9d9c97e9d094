import { expect, test } from 'vitest';
import { appToml, readToml } from '../../sandbox/shopify/toml.ts';

test('scopes and subscriptions of an app, the privacy topics with them', () => {
  const read = appToml(`
client_id = "" # one per registration
name = "Zaptill"
embedded = true
[access_scopes]
scopes = "read_orders,write_orders"
[webhooks]
api_version = "2026-07"
  [[webhooks.subscriptions]]
  topics = [
    "orders/create", # the first
    "orders/paid",
  ]
  uri = "/webhooks"
  [[webhooks.subscriptions]]
  compliance_topics = ["shop/redact"]
  uri = "https://app.example.com/privacy"
  name = "privacy"
[pos]
embedded = false
`);
  expect(read).toEqual({
    scopes: ['read_orders', 'write_orders'],
    webhooks: [
      { topics: ['orders/create', 'orders/paid'], uri: '/webhooks' },
      { topics: ['shop/redact'], uri: 'https://app.example.com/privacy', name: 'privacy' },
    ],
    proxy: null,
  });
});

test('an app proxy is whole, and its scope is asked for', () => {
  const proxy = '[app_proxy]\nurl = "/proxy"\nprefix = "apps"\nsubpath = "zaptill"\n';
  const scoped = (scopes: string) => `[access_scopes]\nscopes = "${scopes}"\n`;
  expect(appToml(`${scoped('write_orders,write_app_proxy')}${proxy}`)).toMatchObject({
    proxy: { url: '/proxy', prefix: 'apps', subpath: 'zaptill' },
  });
  expect(() => appToml(`${scoped('write_orders')}${proxy}`)).toThrow('write_app_proxy');
  const elsewhere = proxy.replace('"apps"', '"shop"');
  expect(() => appToml(`${scoped('write_app_proxy')}${elsewhere}`)).toThrow('prefixes');
});

test('values keep their kind, and a # in a text is no comment', () => {
  expect(readToml('a = "x # y"\nb = 3\nc = false\n[d.e]\nf = [\'g\', "h\\"i"]')).toEqual({
    a: 'x # y',
    b: 3,
    c: false,
    d: { e: { f: ['g', 'h"i'] } },
  });
});

test('what is not understood is refused with its line', () => {
  expect(() => readToml('a = 1\nb = {inline = true}')).toThrow('line 2');
  expect(() => readToml('nonsense')).toThrow('line 1');
});
