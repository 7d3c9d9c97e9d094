// The decoder against macaroons that a node baked, and against everything that is not one.
import { createHmac, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeMacaroon, MacaroonUnreadable } from '../../web/lightning/macaroon.ts';

/** Field type, length, bytes: short lengths only need one byte each. */
const varint = (value: number): Buffer =>
  value < 128 ? Buffer.from([value]) : Buffer.from([(value & 127) | 128, value >> 7]);
const field = (type: number, bytes: Buffer | string): Buffer => {
  const value = Buffer.from(bytes);
  return Buffer.concat([varint(type), varint(value.length), value]);
};
/** A length-delimited protobuf field. */
const proto = (number: number, bytes: Buffer | string): Buffer => field((number << 3) | 2, bytes);

type Parts = {
  operations?: readonly (readonly [entity: string, ...actions: string[]])[];
  rootKeyId?: string;
  caveats?: readonly string[];
  location?: string;
  identifier?: Buffer;
};

/** A macaroon as LND writes it, by an encoder of the tests' own. */
export function encode(parts: Parts = {}): Buffer {
  const { operations = [['uri', '/lnrpc.Lightning/AddInvoice']], rootKeyId = '71' } = parts;
  const { caveats = [], location = 'lnd' } = parts;
  const id =
    parts.identifier ??
    Buffer.concat([
      Buffer.from([3]),
      proto(1, randomBytes(16)),
      proto(2, rootKeyId),
      ...operations.map(([entity, ...actions]) =>
        proto(3, Buffer.concat([proto(1, entity), ...actions.map((action) => proto(2, action))])),
      ),
    ]);
  const key = createHmac('sha256', 'macaroons-key-generator').update(randomBytes(32)).digest();
  let signature = createHmac('sha256', key).update(id).digest();
  for (const text of caveats) signature = createHmac('sha256', signature).update(text).digest();
  return Buffer.concat([
    Buffer.from([2]),
    field(1, location),
    field(2, id),
    Buffer.from([0]),
    ...caveats.map((text) => Buffer.concat([field(2, text), Buffer.from([0])])),
    Buffer.from([0]),
    field(6, signature),
  ]);
}

describe('a macaroon', () => {
  test('says what it allows, with its caveats in order', () => {
    const bytes = encode({
      operations: [
        ['uri', '/lnrpc.Lightning/AddInvoice', '/lnrpc.Lightning/LookupInvoice'],
        ['info', 'read'],
      ],
      rootKeyId: '18446744073709551615',
      caveats: ['time-before 2030-01-01T00:00:00.123456789Z', 'ipaddr 192.0.2.7'],
    });
    expect(decodeMacaroon(bytes)).toEqual({
      location: 'lnd',
      rootKeyId: '18446744073709551615',
      operations: [
        'uri:/lnrpc.Lightning/AddInvoice',
        'uri:/lnrpc.Lightning/LookupInvoice',
        'info:read',
      ],
      caveats: ['time-before 2030-01-01T00:00:00.123456789Z', 'ipaddr 192.0.2.7'],
    });
  });

  test('a location may be missing or empty', () => {
    expect(decodeMacaroon(encode({ location: '' })).location).toBe('');
  });

  test('cut short anywhere, it is refused', () => {
    const bytes = encode({ caveats: ['ipaddr 192.0.2.7'] });
    for (let length = 0; length < bytes.length; length += 1) {
      expect(() => decodeMacaroon(bytes.subarray(0, length))).toThrow(MacaroonUnreadable);
    }
  });

  test('bytes after it are refused, though LND would ignore them', () => {
    const bytes = Buffer.concat([encode(), Buffer.from([0])]);
    expect(() => decodeMacaroon(bytes)).toThrow('something follows');
  });

  test('bits that flip never hang it, and never crash it otherwise', () => {
    const bytes = encode({ caveats: ['ipaddr 192.0.2.7'] });
    const flips = fc.array(fc.nat(bytes.length * 8 - 1), { minLength: 1, maxLength: 4 });
    let read = 0;
    let refused = 0;
    fc.assert(
      fc.property(flips, (bits) => {
        const damaged = Buffer.from(bytes);
        for (const bit of bits) damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        try {
          decodeMacaroon(damaged);
          read += 1;
        } catch (error) {
          expect(error).toBeInstanceOf(MacaroonUnreadable);
          refused += 1;
        }
      }),
      { numRuns: 20_000 },
    );
    // A flip in the signature or the nonce is not ours to see: the node sees it.
    expect(read).toBeGreaterThan(1_000);
    expect(refused).toBeGreaterThan(1_000);
  });

  test('any bytes at all are read or refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(() => decodeMacaroon(Buffer.concat([Buffer.from([2]), bytes]))).toThrow(
          MacaroonUnreadable,
        );
      }),
      { numRuns: 5_000 },
    );
  });

  const id = (...fields: Buffer[]): Buffer => Buffer.concat([Buffer.from([3]), ...fields]);
  const operation = proto(3, Buffer.concat([proto(1, 'info'), proto(2, 'read')]));
  const whole = [proto(1, 'nonce'), proto(2, '71'), operation] as const;
  const odd: readonly (readonly [why: string, bytes: Buffer])[] = [
    ['nothing', Buffer.alloc(0)],
    ['text', Buffer.from('0201036c6e64')],
    ['version 1', Buffer.concat([Buffer.from([1]), encode().subarray(1)])],
    ['too long', encode({ location: 'x'.repeat(8_000) })],
    ['another bakery', encode({ identifier: Buffer.from([2, ...whole[0]]) })],
    ['no root key', encode({ identifier: id(whole[0], operation) })],
    ['a root key in words', encode({ rootKeyId: 'zero' })],
    ['a root key with a zero before it', encode({ rootKeyId: '071' })],
    ['two root keys', encode({ identifier: id(proto(2, '71'), ...whole) })],
    ['no operations', encode({ operations: [] })],
    ['an operation without actions', encode({ operations: [['info']] })],
    ['an unknown field', encode({ identifier: id(...whole, proto(4, 'x')) })],
    ['a number in its identifier', encode({ identifier: id(...whole, Buffer.from([0x20, 1])) })],
    [
      'text that is not UTF-8',
      encode({ identifier: id(proto(2, Buffer.from([0xff])), operation) }),
    ],
    ['no signature', encode().subarray(0, -34)],
    ['a third-party caveat', thirdParty()],
    ['a padded number', Buffer.concat([Buffer.from([2, 0x81, 0x00]), encode().subarray(2)])],
  ];
  test.each(odd)('with %s it is refused', (_why, bytes) => {
    expect(() => decodeMacaroon(bytes)).toThrow(MacaroonUnreadable);
  });
});

/** A caveat that somebody else must discharge: field 4 is its sealed key. */
function thirdParty(): Buffer {
  const bytes = encode();
  const caveat = Buffer.concat([field(2, 'elsewhere'), field(4, 'sealed'), Buffer.from([0])]);
  return Buffer.concat([bytes.subarray(0, -35), caveat, bytes.subarray(-35)]);
}
