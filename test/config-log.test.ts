import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { Trouble } from '../web/core/trouble.ts';
import { makeLog, withoutSecrets } from '../web/log.ts';
import { makeMetrics, metricNames } from '../web/metrics.ts';

function logged(write: (log: ReturnType<typeof makeLog>) => void): string {
  const lines: string[] = [];
  write(makeLog({ level: 'trace', to: { write: (line: string) => void lines.push(line) } }));
  for (const line of lines) expect(line).toMatch(/^\{.*\}\n$/);
  expect(lines.length).toBeGreaterThan(0);
  return lines.join('');
}

const macaroon = Buffer.concat([Buffer.from('0201036c6e64', 'hex'), randomBytes(120)]);
const secrets: Record<string, string> = {
  preimage: randomBytes(32).toString('hex'),
  macaroonHex: macaroon.toString('hex'),
  macaroonBase64: macaroon.toString('base64'),
  accessToken: 'shpat_0123456789abcdef',
  refreshToken: 'shprt_0123456789abcdef',
  apiSecret: 'shpss_0123456789abcdef',
  lndconnect: 'lndconnect://node.example:10009?cert=MIIC&macaroon=AgED',
  jwt: 'eyJhbGciOiJIUzI1NiJ9.eyJhdWQiOiJ4In0.abcdef',
  vaultKey: randomBytes(32).toString('base64'),
  databasePassword: 'hunter2-canary',
  eMail: 'satoshi@example.com',
};
const wrapped = (name: string, value: string): string =>
  name === 'databasePassword' ? `postgresql://zaptill:${value}@db.example/zaptill` : value;

test.each(Object.entries(secrets))(
  '%s is taken out by its shape, wherever it stands',
  (name, value) => {
    const text = wrapped(name, value);
    const output = logged((log) => {
      log.info({ note: `before ${text} after` }, 'deep.event');
      log.warn({ list: [{ deep: { deeper: text } }] }, 'deep.event');
      log.error(new Error(`it failed with ${text}`, { cause: new Error(text) }));
      log.error({ err: new Error(text) }, `in the message ${text}`);
      log.child({ bound: text }).info('child.event');
    });
    expect(output).not.toContain(value);
    expect(output).toContain('deep.event');
  },
);

test('fields are taken out by their name, at any depth', () => {
  const output = logged((log) => {
    log.info({ preimage: 'canary-1', deep: { macaroon: 'canary-2', firstName: 'canary-3' } });
    log.info({ customer: { anything: 'canary-4' }, shippingAddress: ['canary-5'] });
    log.info({ email: 'canary-6', Authorization: 'canary-7', 'x-shopify-hmac-sha256': 'canary-8' });
    log.info({ name: 'canary-9', access_token: 'canary-10' });
  });
  expect(output).not.toContain('canary');
});

test('what a person needs stays readable', () => {
  const identity = `02${'ab'.repeat(32)}`;
  const output = logged((log) => {
    log.info(
      {
        paymentId: '0192b3c4-0000-7000-8000-000000000001',
        shop: 'a.myshopify.com',
        from: 'open',
        to: 'settled',
        because: 'node_says_settled',
        ms: 12,
        identity,
      },
      'payment.settled',
    );
    log.warn({ err: new Trouble('throttled', { from: 'shop', then: 'retry', waitMs: 1_000 }) });
  });
  expect(output).toContain('"msg":"payment.settled"');
  expect(output).toContain('0192b3c4-0000-7000-8000-000000000001');
  expect(output).toContain(identity);
  expect(output).toContain('"waitMs":1000');
  expect(output).toContain('"level":"warn"');
});

test('a buyer link and an invoice are not for the log', () => {
  const bolt11 = `lnbcrt2500u1${'pvjluezpp5'.repeat(20)}`;
  const link = 'https://pay.example.com/pay/AbCdEfGhIjKlMnOpQrStUv/status';
  expect(withoutSecrets(`${bolt11} ${link}`)).toBe(
    '[bolt11] https://pay.example.com/pay/[link]/status',
  );
  expect(withoutSecrets('/refund/AbCdEfGhIjKlMnOpQrStUv/status')).toBe('/refund/[link]/status');
});

test('every metric is in the one list, and the list is whole', async () => {
  const { registry } = makeMetrics();
  const names = (await registry.getMetricsAsJSON()).map((metric) => metric.name);
  expect(names.sort()).toEqual(Object.values(metricNames).sort());
  expect(await registry.metrics()).toContain('zaptill_oldest_untold_seconds 0');
});
