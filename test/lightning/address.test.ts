// Addresses that a stranger could give us to reach what only we can reach.
import { describe, expect, test } from 'vitest';
import { addressText, isPublicIp, parseAddress, pinAddress } from '../../web/lightning/address.ts';

describe('the text of an address', () => {
  test.each([
    ['node.example', 'node.example:10009', 'name'],
    ['Node.Example:443', 'node.example:443', 'name'],
    ['xn--nxasmq6b.example:10009', 'xn--nxasmq6b.example:10009', 'name'],
    ['1and1.example', '1and1.example:10009', 'name'],
    ['localhost:10009', 'localhost:10009', 'name'],
    ['8.8.8.8', '8.8.8.8:10009', 'ipv4'],
    ['8.8.8.8:65535', '8.8.8.8:65535', 'ipv4'],
    ['[2606:4700::1111]', '[2606:4700::1111]:10009', 'ipv6'],
    ['[2606:4700::1111]:10010', '[2606:4700::1111]:10010', 'ipv6'],
    ['[::FFFF:8.8.8.8]:10010', '[::ffff:8.8.8.8]:10010', 'ipv6'],
  ])('%s is %s', (text, shown, kind) => {
    const read = parseAddress(text);
    expect(read).toMatchObject({ kind });
    expect(read && addressText(read)).toBe(shown);
  });

  test.each([
    ...['', ' ', 'a b', 'node.example ', '\tnode.example', 'node.example\n', 'node..example'],
    ...['.node.example', 'node.example.', '-node.example', 'node-.example', 'node_1.example'],
    ...['https://node.example', 'node.example/x', 'node.example?x', 'node.example#x', '//node'],
    ...['user@node.example', 'node.example\\x', 'node%2eexample', 'nöde.example', '８.8.8.8'],
    ...['node.example:', 'node.example:0', 'node.example:65536', 'node.example:010009'],
    ...['node.example:1:2', 'node.example:+443', 'node.example:4e3', 'node.example:dead'],
    ...['127.1', '127.0.1', '2130706433', '0x7f000001', '0x7f.1', '017700000001', '1.2.3.4.5'],
    ...['0177.0.0.1', '127.0.0.01', '127.0.0.1.', 'a.0x7f', 'a.1', '256.1.1.1', '1.2.3'],
    ...['::1', '::1:10009', '[::1', '[::1]x', '[fe80::1%eth0]', '[1.2.3.4]', '[node.example]'],
    ...['ipv4:1.2.3.4:1,5.6.7.8:1', 'unix:/tmp/lnd.sock', 'dns:node.example', '1.2.3.4,5.6.7.8'],
    ...[`${'a'.repeat(64)}.example`, `${'a.'.repeat(127)}example`, 'x'.repeat(400)],
  ])('"%s" is no address', (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });
});

describe('what is public', () => {
  test.each([
    ...['0.0.0.0', '10.0.0.1', '10.255.255.255', '100.64.0.1', '100.127.255.255', '127.0.0.1'],
    ...['127.255.255.254', '169.254.169.254', '172.16.0.1', '172.31.255.255', '192.0.0.8'],
    ...['192.0.2.1', '192.88.99.1', '192.168.1.1', '198.18.0.1', '198.19.255.255', '198.51.100.1'],
    ...['203.0.113.1', '224.0.0.1', '239.255.255.255', '240.0.0.1', '255.255.255.255'],
    ...['::', '::1', '::7f00:1', '::127.0.0.1', '::ffff:127.0.0.1', '::ffff:7f00:1'],
    ...['::ffff:8.8.8.8', '0:0:0:0:0:ffff:a00:1', '64:ff9b::7f00:1', '64:ff9b::8.8.8.8'],
    ...['64:ff9b:1::1', '100::1', '2001::1', '2001:0:4136:e378::1', '2001:db8::1', '2002:7f00:1::'],
    ...['2002:808:808::1', '3fff::1', 'fc00::1', 'fd12:3456::1', 'fe80::1', 'fe80::1%eth0'],
    ...['febf::1', 'fec0::1', 'ff02::1', 'FF02::1', 'localhost', '', '127.1'],
  ])('%s is not', (ip) => {
    expect(isPublicIp(ip)).toBe(false);
  });

  test.each([
    ...['1.1.1.1', '8.8.8.8', '9.255.255.255', '11.0.0.1', '100.63.255.255', '100.128.0.1'],
    ...['126.255.255.255', '128.0.0.1', '169.253.255.255', '172.15.255.255', '172.32.0.1'],
    ...['192.0.1.1', '192.167.255.255', '192.169.0.1', '198.17.255.255', '198.20.0.1'],
    ...['223.255.255.255', '2001:4860:4860::8888', '2606:4700::1111', '2a00:1450::1', '2003::1'],
  ])('%s is', (ip) => {
    expect(isPublicIp(ip)).toBe(true);
  });
});

describe('pinning', () => {
  const pin = (
    text: string,
    ips: readonly string[] | Error,
    allowPrivate = false,
  ): ReturnType<typeof pinAddress> => {
    const address = parseAddress(text);
    if (address === undefined) throw new Error('not an address');
    const resolve = (): Promise<readonly string[]> =>
      ips instanceof Error ? Promise.reject(ips) : Promise.resolve(ips);
    return pinAddress({ allowPrivate, resolve, timeoutMs: 50 }, address);
  };
  const forbidden = { ok: false, why: 'forbidden' };

  test('a public name leads to its first address, and the name stays for TLS', async () => {
    expect(await pin('node.example:10010', ['9.9.9.9', '2a00:1450::1'])).toEqual({
      ok: true,
      pinned: {
        ip: '9.9.9.9',
        port: 10_010,
        target: 'ipv4:9.9.9.9:10010',
        host: 'node.example',
      },
    });
    const six = await pin('node.example', ['2a00:1450::1']);
    expect(six).toMatchObject({ pinned: { target: 'ipv6:[2a00:1450::1]:10009' } });
  });

  test.each([
    ['one private address beside a good one', 'node.example', ['9.9.9.9', '10.0.0.1']],
    ['a mapped address', 'node.example', ['::ffff:127.0.0.1']],
    ['an answer that is no address', 'node.example', ['unix:/tmp/lnd.sock']],
    ['an answer with a zone', 'node.example', ['fe80::1%lo']],
  ])('refuses %s', async (_what, text, ips) => {
    expect(await pin(text, ips)).toEqual(forbidden);
  });

  test.each([
    ...['localhost', 'lnd', 'node.localhost', 'node.local', 'node.internal', 'node.home.arpa'],
    ...['node.lan', 'abcdef.onion', '127.0.0.1', '[::1]', '10.0.0.1:10009', '169.254.169.254:443'],
    ...['8.8.8.8:22', '8.8.8.8:25', '8.8.8.8:80', '8.8.8.8:5432', '8.8.8.8:6379', '8.8.8.8:1023'],
  ])('refuses %s before it asks anybody', async (text) => {
    expect(await pin(text, new Error('asked'))).toEqual(forbidden);
  });

  test('a name without an address, or without an answer, is not found', async () => {
    const notFound = { ok: false, why: 'not_found' };
    expect(await pin('node.example', new Error('ENOTFOUND'))).toEqual(notFound);
    expect(await pin('node.example', [])).toEqual(notFound);
    const address = parseAddress('node.example');
    if (address === undefined) throw new Error('not an address');
    const never = (): Promise<never> => new Promise(() => undefined);
    const late = pinAddress({ allowPrivate: false, resolve: never, timeoutMs: 20 }, address);
    expect(await late).toEqual(notFound);
  });

  test('where the operator allows it, everything that is an address is taken', async () => {
    expect(await pin('lnd:80', ['10.0.0.7'], true)).toMatchObject({
      pinned: { target: 'ipv4:10.0.0.7:80', host: 'lnd' },
    });
    expect(await pin('[::1]:10009', [], true)).toMatchObject({
      pinned: { target: 'ipv6:[::1]:10009' },
    });
    expect(await pin('lnd', ['unix:/tmp/lnd.sock'], true)).toEqual(forbidden);
  });
});
