/**
 * Shopify's client certificates, made at every start: the current chain, the one before the
 * rotation, and those that nobody should believe.
 */

import { generate } from 'selfsigned';

export type Presented =
  /** Of the CA that is in force. */
  | 'current'
  /** Of the CA before the rotation. */
  | 'old'
  /** Of a CA that nobody published. */
  | 'stranger'
  /** Of the CA in force, over since yesterday. */
  | 'expired'
  /** Of the CA in force, but made for servers only. */
  | 'server_only'
  /** A leaf whose CA is not published: the leaf itself is (`bundles.leaf`). */
  | 'leaf'
  | 'none';

export type Pair = { cert: string; key: string };

export type Certificates = {
  /** PEM for PAYMENTS_CLIENT_CA. */
  bundles: {
    current: string;
    old: string;
    /** As during a rotation. */
    both: string;
    /** Only the leaf certificate itself. */
    leaf: string;
  };
  pairs: Record<Exclude<Presented, 'none'>, Pair>;
};

const DAY_MS = 86_400_000;
const elliptic = { keyType: 'ec', curve: 'P-256', algorithm: 'sha256' } as const;

const named = (name: string) => [
  { name: 'organizationName', value: 'Shopify of the sandbox' },
  { name: 'commonName', value: name },
];

async function authority(name: string): Promise<Pair> {
  const now = Date.now();
  const made = await generate(named(name), {
    ...elliptic,
    notBeforeDate: new Date(now - 400 * DAY_MS),
    notAfterDate: new Date(now + 3_650 * DAY_MS),
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  return { cert: made.cert, key: made.private };
}

async function leafOf(
  ca: Pair,
  input: { over?: boolean; forServers?: boolean } = {},
): Promise<Pair> {
  const now = Date.now();
  const { over = false, forServers = false } = input;
  const made = await generate(named('payments.shopify.sandbox'), {
    ...elliptic,
    notBeforeDate: new Date(now - (over ? 300 : 1) * DAY_MS),
    notAfterDate: new Date(now + (over ? -1 : 365) * DAY_MS),
    ca,
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', ...(forServers ? { serverAuth: true } : { clientAuth: true }) },
    ],
  });
  return { cert: made.cert, key: made.private };
}

export async function makeCertificates(): Promise<Certificates> {
  const [current, old, stranger, unpublished] = await Promise.all([
    authority('Payments Platform Root CA'),
    authority('Payments Platform Root CA (before the rotation)'),
    // The same name as the real one: only its key tells it apart.
    authority('Payments Platform Root CA'),
    authority('Payments Platform Secondary CA'),
  ]);
  const leaf = await leafOf(unpublished);
  return {
    bundles: {
      current: current.cert,
      old: old.cert,
      both: `${old.cert.trim()}\n${current.cert}`,
      leaf: leaf.cert,
    },
    pairs: {
      current: await leafOf(current),
      old: await leafOf(old),
      stranger: await leafOf(stranger),
      expired: await leafOf(current, { over: true }),
      server_only: await leafOf(current, { forServers: true }),
      leaf,
    },
  };
}

/** A server's own certificate for 127.0.0.1 and localhost, self-signed: for the app's door. */
export async function serverCertificate(): Promise<Pair> {
  const made = await generate(named('localhost'), {
    ...elliptic,
    notBeforeDate: new Date(Date.now() - DAY_MS),
    notAfterDate: new Date(Date.now() + 365 * DAY_MS),
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', digitalSignature: true, keyCertSign: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
        ],
      },
    ],
  });
  return { cert: made.cert, key: made.private };
}
