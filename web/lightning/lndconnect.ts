// Reads what a merchant pastes: an lndconnect link, or host, certificate and macaroon. Every
// character is checked before anything is decoded, because Node's decoders skip what they do not
// know. What is read here is a secret: no message of this file repeats it.
// Source: LN-Zap/lndconnect, lnd_connect_uri.md.
import { X509Certificate } from 'node:crypto';
import { addressText, parseAddress } from './address.ts';
import type { ConnectRefusal } from '../core/refusals.ts';

export type NodeCredential = {
  /** `host:port`, in lower case. */
  address: string;
  /** Empty: the node has a certificate of a public authority. */
  certificatePem: string;
  macaroonHex: string;
};

/** The merchant's words, as `POST /api/node` and the command line take them. */
export type PastedNode =
  { lndconnect: string } | { host: string; certificate: string; macaroon: string };

export type PastedAnswer =
  | { ok: true; credential: NodeCredential }
  | { ok: false; refusal: ConnectRefusal; sentence: string };

const broken = (sentence: string): PastedAnswer => ({
  ok: false,
  refusal: 'link_broken',
  sentence,
});

/** Of each part. LND's certificate with many names is about 1 KiB. */
const longestPart = 8_192;

/** Bytes from hex, base64 or base64url, padded or not; undefined for anything else. */
function bytesFrom(text: string): Buffer | undefined {
  const compact = text.replace(/\s+/g, '');
  if (compact === '' || compact.length > longestPart) return undefined;
  if (/^(?:[0-9a-fA-F]{2})+$/.test(compact)) return Buffer.from(compact, 'hex');
  const unpadded = compact.replace(/={1,2}$/, '');
  if (!/^[A-Za-z0-9_-]+$|^[A-Za-z0-9+/]+$/.test(unpadded) || unpadded.length % 4 === 1) {
    return undefined;
  }
  return Buffer.from(unpadded, 'base64');
}

const pemBlock = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;

/** PEM text, or the same as bytes: DER, or PEM that was encoded once more. */
function certificateFrom(text: string): string | undefined {
  try {
    const bytes = text.includes('-----BEGIN') ? Buffer.from(text) : bytesFrom(text);
    if (bytes === undefined || bytes.length > longestPart) return undefined;
    const inner = bytes.toString('latin1');
    if (!inner.includes('-----BEGIN')) return new X509Certificate(bytes).toString();
    const blocks = inner.match(pemBlock) ?? [];
    return blocks.length === 0
      ? undefined
      : blocks.map((block) => new X509Certificate(block).toString()).join('');
  } catch {
    return undefined;
  }
}

const certificateBroken =
  'The certificate cannot be read. Paste the contents of tls.cert, or leave it empty if the node ' +
  'has a certificate of a public authority.';

function fromParts(parts: { host: string; certificate: string; macaroon: string }): PastedAnswer {
  const address = parseAddress(parts.host.trim());
  if (address === undefined) {
    return broken('The address cannot be read. Give a host name or an IP address, and the port.');
  }
  const pasted = parts.certificate.trim();
  const certificatePem = pasted === '' ? '' : certificateFrom(pasted);
  if (certificatePem === undefined) return broken(certificateBroken);
  const macaroon = bytesFrom(parts.macaroon);
  if (macaroon === undefined) {
    const sentence = 'The macaroon cannot be read. Paste it as hex or base64, all of it.';
    return parts.macaroon.trim() === ''
      ? broken('The macaroon is missing.')
      : { ok: false, refusal: 'not_a_macaroon', sentence };
  }
  const macaroonHex = macaroon.toString('hex');
  return { ok: true, credential: { address: addressText(address), certificatePem, macaroonHex } };
}

/** The parameters of a link; undefined when one is given twice or has a broken escape. */
function parametersOf(query: string): Map<string, string> | undefined {
  const found = new Map<string, string>();
  for (const part of query.split('&')) {
    const [name = '', ...rest] = part.split('=');
    if (found.has(name)) return undefined;
    try {
      found.set(name, decodeURIComponent(rest.join('=')));
    } catch {
      return undefined;
    }
  }
  return found;
}

function fromLink(link: string): PastedAnswer {
  const [, host, query] = /^lndconnect:\/\/([^/?#\s]+)\/?\?([^#\s]+)$/i.exec(link.trim()) ?? [];
  if (host === undefined || query === undefined) {
    return broken('This is not an lndconnect link. It begins with lndconnect:// and has one line.');
  }
  const parameters = parametersOf(query);
  if (parameters === undefined) return broken('The link says something twice or is damaged.');
  const macaroon = parameters.get('macaroon');
  if (macaroon === undefined || macaroon === '') return broken('The link has no macaroon in it.');
  return fromParts({ host, certificate: parameters.get('cert') ?? '', macaroon });
}

/** What was pasted, as a credential; whether that may be used, the gate and the node decide. */
export function readPasted(pasted: PastedNode): PastedAnswer {
  const parts = Object.values(pasted);
  if (parts.some((part) => part.length > 4 * longestPart)) return broken('That is too long.');
  return 'lndconnect' in pasted ? fromLink(pasted.lndconnect) : fromParts(pasted);
}
