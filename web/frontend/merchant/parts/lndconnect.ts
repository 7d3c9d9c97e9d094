// An lndconnect link, taken apart in the merchant's browser: when the credential in it is refused,
// host and certificate are kept and only a new credential is asked for. The server reads the link
// itself and trusts nothing of this. Source: LN-Zap/lndconnect, lnd_connect_uri.md.

export const isLink = (text: string): boolean => /^\s*lndconnect:\/\//i.test(text);

/**
 * What `lncli bakemacaroon` prints, or the same in base64: version 2, then the location `lnd`.
 * Source: go-macaroon, the binary format.
 */
export const isCredential = (text: string): boolean =>
  /^\s*(0201036c6e64[0-9a-f]{20,}|AgEDbG5k[\w+/=-]{20,})\s*$/i.test(text);

/** Host and PEM certificate (empty: none in the link); undefined when it is not such a link. */
export function partsOfLink(link: string): { host: string; certificate: string } | undefined {
  const [, host, query] = /^lndconnect:\/\/([^/?#\s]+)\/?\?([^#\s]+)$/i.exec(link.trim()) ?? [];
  if (host === undefined || query === undefined) return undefined;
  const der = new URLSearchParams(query).get('cert') ?? '';
  if (der === '') return { host, certificate: '' };
  // A query's plus is a space to URLSearchParams.
  const base64 = der.replaceAll(' ', '+').replaceAll('-', '+').replaceAll('_', '/');
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) return { host, certificate: der };
  const padded = base64.replace(/=+$/, '').padEnd(Math.ceil(base64.length / 4) * 4, '=');
  const lines = padded.match(/.{1,64}/g) ?? [];
  const pem = ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----'];
  return { host, certificate: `${pem.join('\n')}\n` };
}
