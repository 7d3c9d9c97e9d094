// Where a request comes from, for budgets only: an address proves nothing.
import type { IncomingMessage } from 'node:http';
import { BlockList, isIP, isIPv6 } from 'node:net';

/** Our own machine and the networks that nobody reaches from outside: there a proxy stands. */
const near = new BlockList();
near.addSubnet('127.0.0.0', 8);
near.addSubnet('10.0.0.0', 8);
near.addSubnet('172.16.0.0', 12);
near.addSubnet('192.168.0.0', 16);
near.addSubnet('169.254.0.0', 16);
near.addAddress('::1', 'ipv6');
near.addSubnet('fc00::', 7, 'ipv6');
near.addSubnet('fe80::', 10, 'ipv6');

const isNear = (address: string): boolean => near.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');

/** `::ffff:192.0.2.1` is an address of IPv4 on a socket of both. */
const plain = (address: string): string => address.trim().replace(/^::ffff:(?=\d+\.)/i, '');

/**
 * The address that a caller spends from. What a header says counts only as far as the proxies that
 * are near have written it: each puts the address that it sees at the end of `X-Forwarded-For`, and
 * what stands before that is anybody's word. Of IPv6 it is the network, for everybody has 2^64
 * addresses there.
 */
export function callerOf(request: Pick<IncomingMessage, 'headers' | 'socket'>): string {
  let caller = plain(request.socket.remoteAddress ?? '');
  const said = [request.headers['x-forwarded-for'] ?? []].flat().join(',').split(',').map(plain);
  while (isIP(caller) !== 0 && isNear(caller)) {
    const before = said.pop();
    if (before === undefined || isIP(before) === 0) break;
    caller = before;
  }
  return isIPv6(caller) ? networkOf(caller) : caller;
}

/** The first 64 bits, in one spelling. */
function networkOf(address: string): string {
  const { hostname } = new URL(`http://[${address.replace(/%.*$/, '')}]`);
  const [head = '', tail = ''] = hostname.slice(1, -1).split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === '' ? [] : tail.split(':');
  const zeros = Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0');
  return `${[...left, ...zeros, ...right].slice(0, 4).join(':')}::/64`;
}
