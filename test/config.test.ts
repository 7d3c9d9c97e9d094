import { mkdtempSync, readFileSync, statSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ConfigError, readConfig, readSignerConfig } from '../web/config.ts';

const vaultKeys = `1:${randomBytes(32).toString('base64')}`;
const complete = {
  NODE_ENV: 'production',
  APP_URL: 'https://pay.example.com/',
  VAULT_KEYS: vaultKeys,
  SHOPIFY_API_KEY: 'client-id',
  SHOPIFY_API_SECRET: 'canary-secret',
};
const place = { cwd: mkdtempSync(join(tmpdir(), 'zaptill-config-')) };

function lineOf(env: NodeJS.ProcessEnv): string {
  try {
    readConfig({ ...env }, place);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return 'started';
}

describe('in production', () => {
  test('a complete environment starts, with every default', () => {
    const config = readConfig({ ...complete }, place);
    expect(config).toMatchObject({
      production: true,
      port: 3_000,
      appUrl: 'https://pay.example.com',
      databaseUrl: undefined,
      dataDir: join(place.cwd, '.data'),
      shopify: { clientId: 'client-id', clientSecret: 'canary-secret' },
      outsideOrigin: undefined,
      allowPrivateNodes: false,
      quoteSeconds: 600,
      sweepSeconds: 60,
      logLevel: 'info',
      metricsToken: undefined,
    });
    expect(config.vaultKeys.map((key) => key.version)).toEqual([1]);
  });

  test.each(['APP_URL', 'VAULT_KEYS', 'SHOPIFY_API_KEY', 'SHOPIFY_API_SECRET'])(
    'a missing %s stops the start with its name, form and example',
    (name) => {
      for (const empty of [undefined, '', '  ']) {
        const line = lineOf({ ...complete, [name]: empty });
        expect(line).toMatch(new RegExp(`^${name} is missing: it must be .+, for example .+$`));
        expect(line).not.toContain('\n');
      }
    },
  );

  test.each([
    ['PORT', '0'],
    ['PORT', '65536'],
    ['PORT', '3e3'],
    ['APP_URL', 'http://127.0.0.1:3000'],
    ['APP_URL', 'http://pay.example.com'],
    ['APP_URL', 'https://pay.example.com/shop'],
    ['APP_URL', 'https://user:pass@pay.example.com'],
    ['APP_URL', 'pay.example.com'],
    ['DATABASE_URL', 'mysql://localhost/zaptill'],
    ['VAULT_KEYS', '1:canary'],
    ['QUOTE_SECONDS', '0'],
    ['QUOTE_SECONDS', '-5'],
    ['QUOTE_SECONDS', '1.5'],
    ['SWEEP_SECONDS', 'often'],
    ['ALLOW_PRIVATE_NODES', 'yes'],
    ['LOG_LEVEL', 'loud'],
    ['METRICS_TOKEN', 'short'],
  ])('%s=%s is refused, and its value is not repeated', (name, value) => {
    const line = lineOf({ ...complete, [name]: value });
    expect(line).toMatch(new RegExp(`^${name} is wrong: it must be .+, for example .+$`));
    expect(line).not.toContain('canary');
  });

  test('the outside cannot be switched', () => {
    const line = lineOf({ ...complete, OUTSIDE_ORIGIN: 'http://127.0.0.1:4000' });
    expect(line).toContain('OUTSIDE_ORIGIN must not be set in production');
  });

  test('no key is made up', () => {
    const { VAULT_KEYS: _gone, ...rest } = complete;
    readConfig({ DATA_DIR: join(place.cwd, '.data') }, place);
    expect(lineOf(rest)).toContain('VAULT_KEYS is missing');
  });
});

describe('in development', () => {
  test('nothing is needed, and the key is made once, for the owner only', () => {
    const cwd = mkdtempSync(join(tmpdir(), 'zaptill-config-'));
    const first = readConfig({ PORT: '4321' }, { cwd });
    const again = readConfig({}, { cwd });
    const file = join(cwd, '.data', 'vault-keys');
    expect(first.appUrl).toBe('http://127.0.0.1:4321');
    expect(first.shopify).toBeUndefined();
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, 'utf8')).toMatch(/^1:[A-Za-z0-9+/]{43}=\n$/);
    expect(again.vaultKeys).toEqual(first.vaultKeys);
  });

  test('a stand-in and a plain address of this machine are accepted, of others not', () => {
    const env = { VAULT_KEYS: vaultKeys };
    const config = readConfig(
      { ...env, OUTSIDE_ORIGIN: 'http://127.0.0.1:4000/', APP_URL: 'http://127.0.0.1:3000' },
      place,
    );
    expect(config).toMatchObject({
      outsideOrigin: 'http://127.0.0.1:4000',
      appUrl: 'http://127.0.0.1:3000',
    });
    expect(lineOf({ ...env, APP_URL: 'http://example.com' })).toContain('APP_URL is wrong');
  });

  test('half a registration is refused', () => {
    expect(lineOf({ VAULT_KEYS: vaultKeys, SHOPIFY_API_KEY: 'k' })).toContain('SHOPIFY_API_SECRET');
  });
});

test('secrets leave the environment', () => {
  const env: NodeJS.ProcessEnv = {
    ...complete,
    DATABASE_URL: 'postgresql://zaptill:canary@127.0.0.1/zaptill',
    METRICS_TOKEN: 'canary-canary-canary',
  };
  const config = readConfig(env, place);
  expect(config.databaseUrl).toContain('canary');
  expect(config.metricsToken).toContain('canary');
  expect(JSON.stringify(env)).not.toMatch(/canary|VAULT_KEYS/);
});

describe('the signer', () => {
  const signerKeys = `1:${randomBytes(32).toString('base64')}`;

  test('nobody else starts with its keys, in production or on a desk', () => {
    const refused = 'SIGNER_KEYS must be set for the signer alone';
    expect(lineOf({ ...complete, SIGNER_KEYS: signerKeys })).toContain(refused);
    expect(lineOf({ VAULT_KEYS: vaultKeys, SIGNER_KEYS: signerKeys })).toContain(refused);
  });

  test('it has its own keys and no other secret, and leaves none in the environment', () => {
    const env: NodeJS.ProcessEnv = { ...complete, SIGNER_KEYS: signerKeys };
    const config = readSignerConfig(env, place);
    expect(config.signerKeys.map((key) => key.version)).toEqual([1]);
    expect(Object.keys(config)).not.toContain('vaultKeys');
    expect(JSON.stringify(env)).not.toMatch(/canary|_KEYS/);
    const { SIGNER_KEYS: _gone, ...rest } = { ...complete, SIGNER_KEYS: signerKeys };
    expect(() => readSignerConfig({ ...rest }, place)).toThrow('SIGNER_KEYS is missing');
    expect(() => readSignerConfig({ ...rest, SIGNER_KEYS: 'x' }, place)).toThrow('is wrong');
  });

  test('on a desk it makes keys of its own, and others than the vault has', () => {
    const cwd = mkdtempSync(join(tmpdir(), 'zaptill-config-'));
    const { vaultKeys: vault } = readConfig({}, { cwd });
    const { signerKeys: first } = readSignerConfig({}, { cwd });
    expect(readSignerConfig({}, { cwd }).signerKeys).toEqual(first);
    expect(first).not.toEqual(vault);
    expect(statSync(join(cwd, '.data', 'signer-keys')).mode & 0o777).toBe(0o600);
  });
});
