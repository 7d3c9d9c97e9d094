// The environment, read once and checked. Nobody else reads process.env. In production a value that
// is wrong or missing stops the start with one line; secrets are taken out of the environment, so
// that no child and no crash report inherits them.
import { createPrivateKey, randomBytes, X509Certificate } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { parseVaultKeys } from './vault/keys.ts';
import type { VaultKey } from './vault/keys.ts';

export type LogLevel = (typeof logLevels)[number];

export type Config = {
  production: boolean;
  port: number;
  /** An origin without a slash at its end. */
  appUrl: string;
  /** Undefined: the embedded PostgreSQL under `dataDir`. */
  databaseUrl: string | undefined;
  /** Absolute. */
  dataDir: string;
  /** At least one; the highest version seals. */
  vaultKeys: readonly VaultKey[];
  /** The first registration of the merchant app. Never undefined in production. */
  shopify: { clientId: string; clientSecret: string } | undefined;
  /** The payments app. Undefined: it is not offered. */
  payments: { clientId: string; clientSecret: string } | undefined;
  /** Where Shopify knocks with its client certificate. Undefined: nothing listens for it. */
  paymentsDoor: PaymentsDoor | undefined;
  /** An origin without a slash at its end. Always undefined in production. */
  outsideOrigin: string | undefined;
  allowPrivateNodes: boolean;
  quoteSeconds: number;
  sweepSeconds: number;
  logLevel: LogLevel;
  /** Undefined: /metrics is not served. */
  metricsToken: string | undefined;
  /** Where alerts by e-mail leave, and who writes them. Undefined: none are sent. */
  smtp: { url: string; from: string } | undefined;
};

/** What the signer needs, and nothing that the doors and the pool have. */
export type SignerConfig = Pick<
  Config,
  'production' | 'databaseUrl' | 'dataDir' | 'allowPrivateNodes' | 'logLevel'
> & {
  /** At least one; the highest version seals. */
  signerKeys: readonly VaultKey[];
};

/** PEM texts. `clientCertificates` are authorities, or the very certificates of the clients. */
export type PaymentsDoor = {
  port: number;
  certificate: string;
  key: string;
  clientCertificates: readonly string[];
  /** The files among what was given: they may be renewed while the program runs. */
  files: readonly string[];
  /** The same once more, from the files as they are then. Throws `ConfigError`. */
  readAgain: () => PaymentsDoor;
};

/** One line for the person who starts the program. It never holds the value that was given. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

const wholeNumber = (from: number, to: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/)
    .transform(Number)
    .refine((value) => value >= from && value <= to);

const isOrigin = (text: string): boolean => {
  const url = URL.parse(text);
  if (url === null || !/^https?:\/\/[^/]+\/?$/.test(text)) return false;
  return url.username === '' && url.password === '' && url.search === '' && url.hash === '';
};
const origin = z
  .string()
  .refine(isOrigin)
  .transform((text) => new URL(text).origin);

const isSafeAppUrl = (appUrl: string): boolean => appUrl.startsWith('https://');
const isLocalAppUrl = (appUrl: string): boolean =>
  ['127.0.0.1', 'localhost', '[::1]'].includes(new URL(appUrl).hostname);

const text = z
  .string()
  .max(4_096)
  .regex(/^[\x21-\x7e]+$/);

const pemBlocks = /-----BEGIN ([A-Z0-9 ]+)-----[A-Za-z0-9+/=\s]+-----END \1-----/g;

const isPem = (given: string): boolean => given.startsWith('-----BEGIN ');

/** The PEM text itself, or the path of a file with it. */
function pemText(given: string): string {
  if (isPem(given)) return given.replaceAll('\\n', '\n');
  return readFileSync(given, 'utf8');
}

/** Runs over what was given; whatever it throws, the form is wrong. */
const pem = <T>(read: (blocks: string[]) => T) =>
  z
    .string()
    .max(262_144)
    .transform((given, context): T => {
      try {
        return read([...pemText(given).matchAll(pemBlocks)].map(([block]) => block));
      } catch {
        context.addIssue({ code: 'custom', message: 'form' });
        return z.NEVER;
      }
    });

function certificatesIn(blocks: readonly string[]): string[] {
  const certificates = blocks.filter((block) => block.startsWith('-----BEGIN CERTIFICATE-----'));
  // A certificate that cannot be read is found here, and not by the first one who knocks.
  for (const certificate of certificates) new X509Certificate(certificate);
  if (certificates.length === 0) throw new Error('no certificate');
  return certificates;
}

function keyIn(blocks: readonly string[]): string {
  const key = blocks.find((block) => /^-----BEGIN ([A-Z]+ )?PRIVATE KEY-----/.test(block)) ?? '';
  createPrivateKey(key);
  return key;
}

const sealingKeys = z.string().transform((keys, context): VaultKey[] => {
  const parsed = parseVaultKeys(keys);
  if (parsed !== undefined) return parsed;
  context.addIssue({ code: 'custom', message: 'form' });
  return z.NEVER;
});

/** Each variable with its form and an example, as the line that stops the start prints them. */
const variables = {
  PORT: { form: 'a port from 1 to 65535', example: '3000', value: wholeNumber(1, 65_535) },
  APP_URL: {
    form: 'the https origin under which Shopify and buyers reach this server, without a path',
    example: 'https://pay.example.com',
    value: origin,
  },
  DATABASE_URL: {
    form: 'the address of a PostgreSQL database',
    example: 'postgresql://zaptill:password@127.0.0.1:5432/zaptill',
    value: text.regex(/^postgres(ql)?:\/\//),
  },
  DATA_DIR: { form: 'a folder', example: '.data', value: z.string().max(1_024) },
  VAULT_KEYS: {
    form: '<version>:<base64 of 32 random bytes>, several with commas between them',
    example: '1:$(openssl rand -base64 32)',
    value: sealingKeys,
  },
  SIGNER_KEYS: {
    form: 'of the form of VAULT_KEYS, with other keys, and given to the signer alone',
    example: '1:$(openssl rand -base64 32)',
    value: sealingKeys,
  },
  SHOPIFY_API_KEY: {
    form: 'the client id of the app, from the Shopify Dev Dashboard',
    example: '0123456789abcdef0123456789abcdef',
    value: text,
  },
  SHOPIFY_API_SECRET: {
    form: 'the client secret of the app, from the Shopify Dev Dashboard',
    example: 'shpss_0123456789abcdef0123456789abcdef',
    value: text,
  },
  PAYMENTS_API_KEY: {
    form: 'the client id of the payments app, from the Shopify Partner Dashboard',
    example: '0123456789abcdef0123456789abcdef',
    value: text,
  },
  PAYMENTS_API_SECRET: {
    form: 'the client secret of the payments app, from the Shopify Partner Dashboard',
    example: 'shpss_0123456789abcdef0123456789abcdef',
    value: text,
  },
  PAYMENTS_PORT: {
    form: 'a port from 1 to 65535, another than PORT',
    example: '3443',
    value: wholeNumber(1, 65_535),
  },
  PAYMENTS_TLS_CERT: {
    form: 'the file of the certificate of this server with its chain, or their PEM text',
    example: '/etc/zaptill/tls/fullchain.pem',
    value: pem((blocks) => certificatesIn(blocks).join('\n')),
  },
  PAYMENTS_TLS_KEY: {
    form: 'the file of the private key of this server without a password, or its PEM text',
    example: '/etc/zaptill/tls/privkey.pem',
    value: pem(keyIn),
  },
  PAYMENTS_CLIENT_CA: {
    form:
      'the file of the certificates by which Shopify is known, of authorities or of Shopify ' +
      'itself, or their PEM text',
    example: '/etc/zaptill/shopify-payments.pem',
    value: pem(certificatesIn),
  },
  OUTSIDE_ORIGIN: {
    form: 'an http origin that plays the outside world; only in development',
    example: 'http://127.0.0.1:4000',
    value: origin,
  },
  ALLOW_PRIVATE_NODES: {
    form: 'true or false',
    example: 'true',
    value: z.enum(['true', 'false']).transform((word) => word === 'true'),
  },
  QUOTE_SECONDS: { form: '1 to 86400', example: '600', value: wholeNumber(1, 86_400) },
  SWEEP_SECONDS: { form: '1 to 86400', example: '60', value: wholeNumber(1, 86_400) },
  LOG_LEVEL: { form: logLevels.join(', '), example: 'info', value: z.enum(logLevels) },
  METRICS_TOKEN: {
    form: '16 or more letters, digits and signs without a space',
    example: '$(openssl rand -hex 24)',
    value: text.min(16),
  },
  SMTP_URL: {
    form: 'the address of a mail server, smtps:// or smtp://, with name and password if it asks',
    example: 'smtps://alerts:password@mail.example.com',
    value: text.regex(/^smtps?:\/\/[^/]/),
  },
  ALERT_FROM: {
    form: 'the address that alerts are written from',
    example: 'Zaptill <alerts@example.com>',
    value: z
      .string()
      .max(320)
      .regex(/^(?:[^<>@\r\n]{0,100} ?<[^\s<>@]+@[^\s<>@]+>|[^\s<>@]+@[^\s<>@]+)$/),
  },
} as const;
type Name = keyof typeof variables;
type Value<N extends Name> = z.output<(typeof variables)[N]['value']>;

/** Taken out of the environment once they are read. */
const secretNames = [
  ...['DATABASE_URL', 'VAULT_KEYS', 'SHOPIFY_API_SECRET', 'METRICS_TOKEN'],
  ...['PAYMENTS_API_SECRET', 'PAYMENTS_TLS_KEY', 'SMTP_URL'],
] as const;

function wrong(name: Name, what: string): ConfigError {
  const { form, example } = variables[name];
  return new ConfigError(`${name} ${what}: it must be ${form}, for example ${name}=${example}`);
}

/** What was given, or undefined when nothing was: an empty value counts as nothing. */
function given<N extends Name>(env: NodeJS.ProcessEnv, name: N): Value<N> | undefined {
  const raw = env[name];
  if (raw === undefined || raw.trim() === '') return undefined;
  const parsed = variables[name].value.safeParse(raw.trim());
  if (!parsed.success) throw wrong(name, 'is wrong');
  return parsed.data as Value<N>;
}

function needed<N extends Name>(env: NodeJS.ProcessEnv, name: N): Value<N> {
  const value = given(env, name);
  if (value === undefined) throw wrong(name, 'is missing');
  return value;
}

/**
 * Two processes may start on an empty folder at once: the file is written whole beside its place
 * and then linked, which only one of them can do.
 */
function keysOfDataDir(dataDir: string, name: 'vault-keys' | 'signer-keys'): VaultKey[] {
  const file = join(dataDir, name);
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const fresh = `${file}.${randomBytes(8).toString('hex')}`;
  try {
    writeFileSync(fresh, `1:${randomBytes(32).toString('base64')}\n`, { mode: 0o600, flag: 'wx' });
    linkSync(fresh, file);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  } finally {
    rmSync(fresh, { force: true });
  }
  const keys = parseVaultKeys(readFileSync(file, 'utf8').trim());
  if (keys === undefined) throw new ConfigError(`${file} does not hold such keys: restore it`);
  return keys;
}

function readAppUrl(env: NodeJS.ProcessEnv, about: { production: boolean; port: number }): string {
  if (!about.production) {
    const appUrl = given(env, 'APP_URL') ?? `http://127.0.0.1:${about.port}`;
    if (isSafeAppUrl(appUrl) || isLocalAppUrl(appUrl)) return appUrl;
    throw wrong('APP_URL', 'is wrong');
  }
  const appUrl = needed(env, 'APP_URL');
  if (!isSafeAppUrl(appUrl)) throw wrong('APP_URL', 'is wrong');
  return appUrl;
}

function readShopify(env: NodeJS.ProcessEnv, production: boolean): Config['shopify'] {
  const [key, secret] = [given(env, 'SHOPIFY_API_KEY'), given(env, 'SHOPIFY_API_SECRET')];
  if (key === undefined && secret === undefined && !production) return undefined;
  return {
    clientId: needed(env, 'SHOPIFY_API_KEY'),
    clientSecret: needed(env, 'SHOPIFY_API_SECRET'),
  };
}

function readPayments(env: NodeJS.ProcessEnv): Config['payments'] {
  const [key, secret] = [given(env, 'PAYMENTS_API_KEY'), given(env, 'PAYMENTS_API_SECRET')];
  if (key === undefined && secret === undefined) return undefined;
  return {
    clientId: needed(env, 'PAYMENTS_API_KEY'),
    clientSecret: needed(env, 'PAYMENTS_API_SECRET'),
  };
}

/** Without the certificates by which Shopify is known there is no door, whatever else is given. */
function readPaymentsDoor(env: NodeJS.ProcessEnv, port: number): PaymentsDoor | undefined {
  const clientCertificates = given(env, 'PAYMENTS_CLIENT_CA');
  if (clientCertificates === undefined) return undefined;
  const names = ['PAYMENTS_TLS_CERT', 'PAYMENTS_TLS_KEY', 'PAYMENTS_CLIENT_CA'] as const;
  // What was given goes from the environment once it is read; of the rest nothing is kept.
  const kept = [...names, 'PAYMENTS_PORT', 'PAYMENTS_API_KEY'];
  const own = Object.fromEntries(kept.map((name) => [name, env[name]]));
  const door: PaymentsDoor = {
    port: needed(env, 'PAYMENTS_PORT'),
    certificate: needed(env, 'PAYMENTS_TLS_CERT'),
    key: needed(env, 'PAYMENTS_TLS_KEY'),
    clientCertificates,
    files: names.map((name) => env[name]?.trim() ?? '').filter((raw) => !isPem(raw)),
    readAgain: () => {
      const again = readPaymentsDoor(own, port);
      if (again === undefined) throw wrong('PAYMENTS_CLIENT_CA', 'is missing');
      return again;
    },
  };
  if (door.port === port) throw wrong('PAYMENTS_PORT', 'is wrong');
  const pair = new X509Certificate(door.certificate);
  if (!pair.checkPrivateKey(createPrivateKey(door.key)))
    throw wrong('PAYMENTS_TLS_KEY', 'is wrong');
  needed(env, 'PAYMENTS_API_KEY');
  return door;
}

function readSmtp(env: NodeJS.ProcessEnv): Config['smtp'] {
  const url = given(env, 'SMTP_URL');
  return url === undefined ? undefined : { url, from: needed(env, 'ALERT_FROM') };
}

/**
 * Reads and checks the environment, and deletes the secrets from it. Throws `ConfigError`, whose
 * message is the one line to print.
 */
export function readConfig(
  env: NodeJS.ProcessEnv = process.env,
  place: { cwd: string } = { cwd: process.cwd() },
): Config {
  const production = env['NODE_ENV'] === 'production';
  if (production && given(env, 'OUTSIDE_ORIGIN') !== undefined) {
    throw wrong('OUTSIDE_ORIGIN', 'must not be set in production');
  }
  // Whoever has these keys and the database can pay: the doors and the pool must not.
  if ((env['SIGNER_KEYS'] ?? '').trim() !== '') {
    throw wrong('SIGNER_KEYS', 'must be set for the signer alone');
  }
  const port = given(env, 'PORT') ?? 3_000;
  const dataDir = resolve(place.cwd, given(env, 'DATA_DIR') ?? '.data');
  const config: Config = {
    production,
    port,
    appUrl: readAppUrl(env, { production, port }),
    databaseUrl: given(env, 'DATABASE_URL'),
    dataDir,
    vaultKeys: production
      ? needed(env, 'VAULT_KEYS')
      : (given(env, 'VAULT_KEYS') ?? keysOfDataDir(dataDir, 'vault-keys')),
    shopify: readShopify(env, production),
    payments: readPayments(env),
    paymentsDoor: readPaymentsDoor(env, port),
    outsideOrigin: given(env, 'OUTSIDE_ORIGIN'),
    allowPrivateNodes: given(env, 'ALLOW_PRIVATE_NODES') ?? false,
    quoteSeconds: given(env, 'QUOTE_SECONDS') ?? 600,
    sweepSeconds: given(env, 'SWEEP_SECONDS') ?? 60,
    logLevel: given(env, 'LOG_LEVEL') ?? 'info',
    metricsToken: given(env, 'METRICS_TOKEN'),
    smtp: readSmtp(env),
  };
  for (const name of secretNames) Reflect.deleteProperty(env, name);
  return config;
}

/**
 * The same for the signer. It takes no other secret than its own: what else stands in the
 * environment is deleted unread. Throws `ConfigError`.
 */
export function readSignerConfig(
  env: NodeJS.ProcessEnv = process.env,
  place: { cwd: string } = { cwd: process.cwd() },
): SignerConfig {
  const production = env['NODE_ENV'] === 'production';
  const dataDir = resolve(place.cwd, given(env, 'DATA_DIR') ?? '.data');
  const config: SignerConfig = {
    ...{ production, dataDir },
    databaseUrl: given(env, 'DATABASE_URL'),
    allowPrivateNodes: given(env, 'ALLOW_PRIVATE_NODES') ?? false,
    logLevel: given(env, 'LOG_LEVEL') ?? 'info',
    signerKeys: production
      ? needed(env, 'SIGNER_KEYS')
      : (given(env, 'SIGNER_KEYS') ?? keysOfDataDir(dataDir, 'signer-keys')),
  };
  for (const name of [...secretNames, 'SIGNER_KEYS']) Reflect.deleteProperty(env, name);
  return config;
}
