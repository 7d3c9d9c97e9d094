// Where a merchant's node is. The text comes from a stranger, so it is parsed by us, resolved by us
// once, every address behind it must be public, and only the pinned result is ever connected to.
// The merchant hears one sentence, whatever the reason: an answer must not map our network.
import { lookup } from 'node:dns/promises';
import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net';

export type NodeAddress = { host: string; port: number; kind: 'ipv4' | 'ipv6' | 'name' };

/** A checked address as grpc-js takes it: no name in it, so nothing is resolved again. */
export type PinnedAddress = { ip: string; port: number; target: string; host: string };

export type Resolve = (host: string) => Promise<readonly string[]>;

export type AddressRules = { allowPrivate: boolean };

/** LND's gRPC port where none is given. Source: lndconnect, LND `--rpclisten`. */
export const defaultPort = 10_009;

// IANA special-purpose registries (RFC 6890 and successors), 2026-10. Addresses that carry another
// inside (mapped, NAT64, 6to4, Teredo) are refused as a whole: a public node has no need of them.
const forbidden4 = `0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12
  192.0.0.0/24 192.0.2.0/24 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24
  203.0.113.0/24 224.0.0.0/4 240.0.0.0/4`;
const forbidden6 = `::/96 ::ffff:0:0/96 64:ff9b::/96 64:ff9b:1::/48 100::/64 2001::/32
  2001:db8::/32 2002::/16 3fff::/20 fc00::/7 fe80::/10 fec0::/10 ff00::/8`;

const rangesOf = (text: string, family: 'ipv4' | 'ipv6'): BlockList => {
  const list = new BlockList();
  for (const range of text.trim().split(/\s+/)) {
    const [net = '', bits = ''] = range.split('/');
    list.addSubnet(net, Number(bits), family);
  }
  return list;
};
const blocked4 = rangesOf(forbidden4, 'ipv4');
const blocked6 = rangesOf(forbidden6, 'ipv6');

/** Ports on which databases and caches listen: never a node, and tempting to a prober. */
const forbiddenPorts = new Set([3306, 5432, 6379, 9200, 11211, 27017]);

export function isPublicIp(ip: string): boolean {
  if (isIPv4(ip)) return !blocked4.check(ip, 'ipv4');
  return isIPv6(ip) && !ip.includes('%') && !blocked6.check(ip, 'ipv6');
}

const isPublicPort = (port: number): boolean =>
  port === 443 || (port >= 1024 && !forbiddenPorts.has(port));

const label = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const privateNames = /(?:^|\.)(?:localhost|local|internal|lan|home\.arpa|onion)$/;

/** A name of letters, digits and hyphens that no resolver takes for a number. */
function isName(host: string): boolean {
  if (host.length > 253) return false;
  const labels = host.split('.');
  const last = labels.at(-1) ?? '';
  // A host whose last label is a number is an IPv4 address to somebody: 127.1, 0x7f.1, 2130706433.
  if (/^(?:\d+|0x[0-9a-f]*)$/.test(last)) return false;
  return labels.every((part) => label.test(part));
}

function portOf(text: string | undefined): number | undefined {
  if (text === undefined) return defaultPort;
  if (!/^[1-9]\d{0,4}$/.test(text)) return undefined;
  const port = Number(text);
  return port <= 65_535 ? port : undefined;
}

/**
 * `host`, `host:port`, `1.2.3.4:port` or `[v6]:port`; undefined for anything else. No scheme, path,
 * user, percent sign, zone id, trailing dot or character outside ASCII.
 */
export function parseAddress(text: string): NodeAddress | undefined {
  if (text.length > 300) return undefined;
  const six = /^\[([0-9a-fA-F:.]+)\](?::(\d+))?$/.exec(text);
  const rest = /^([A-Za-z0-9.-]+)(?::(\d+))?$/.exec(text);
  const port = portOf((six ?? rest)?.[2]);
  const host = (six ?? rest)?.[1]?.toLowerCase();
  if (host === undefined || port === undefined) return undefined;
  if (six !== null) return isIPv6(host) ? { host, port, kind: 'ipv6' } : undefined;
  if (isIPv4(host)) return { host, port, kind: 'ipv4' };
  return isName(host) ? { host, port, kind: 'name' } : undefined;
}

/** As it is stored and shown. */
export function addressText({ host, port, kind }: NodeAddress): string {
  return kind === 'ipv6' ? `[${host}]:${port}` : `${host}:${port}`;
}

const resolveBySystem: Resolve = async (host) => {
  const found = await lookup(host, { all: true, order: 'ipv4first' });
  return found.map(({ address }) => address);
};

async function within<T>(ms: number, work: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, ms, undefined);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

export type Pinning =
  { ok: true; pinned: PinnedAddress } | { ok: false; why: 'forbidden' | 'not_found' };

/**
 * Resolves the address once and refuses it when one of its addresses is not public, so that a name
 * with a good and a bad address is refused too. To be done again before each new connection: names
 * can be rebound. Never throws.
 */
export async function pinAddress(
  rules: AddressRules & { resolve?: Resolve | undefined; timeoutMs?: number },
  { host, port, kind }: NodeAddress,
): Promise<Pinning> {
  const forbidden = { ok: false, why: 'forbidden' } as const;
  if (!rules.allowPrivate) {
    if (!isPublicPort(port)) return forbidden;
    if (kind === 'name' && (!host.includes('.') || privateNames.test(host))) return forbidden;
  }
  const resolve = rules.resolve ?? resolveBySystem;
  const ips =
    kind === 'name'
      ? await within(rules.timeoutMs ?? 3_000, resolve(host)).catch(() => undefined)
      : [host];
  const [ip] = ips ?? [];
  if (ips === undefined || ip === undefined) return { ok: false, why: 'not_found' };
  if (ips.some((one) => isIP(one) === 0)) return forbidden;
  if (!rules.allowPrivate && !ips.every(isPublicIp)) return forbidden;
  const target = isIPv4(ip) ? `ipv4:${ip}:${port}` : `ipv6:[${ip}]:${port}`;
  return { ok: true, pinned: { ip, port, target, host } };
}
