// What merchants paste, in the forms in which tools print it.
import { X509Certificate } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { readPasted } from '../../web/lightning/lndconnect.ts';
import { strangersCertificate } from '../contract/tcp-proxy.ts';

const pem = new X509Certificate(strangersCertificate).toString();
const der = new X509Certificate(strangersCertificate).raw;
const macaroon = Buffer.from('0201036c6e64fbefbe030a10ff', 'hex');
const macaroonHex = macaroon.toString('hex');
const url = (bytes: Buffer): string => bytes.toString('base64url');
const refusedBecause = (sentence: RegExp): object => ({
  ok: false,
  refusal: 'link_broken',
  sentence: expect.stringMatching(sentence) as unknown,
});

describe('an lndconnect link', () => {
  const link = `lndconnect://Node.Example:10010?cert=${url(der)}&macaroon=${url(macaroon)}`;

  test('has everything in it', () => {
    const credential = { address: 'node.example:10010', certificatePem: pem, macaroonHex };
    expect(readPasted({ lndconnect: link })).toEqual({ ok: true, credential });
    expect(readPasted({ lndconnect: `  ${link}\n` })).toEqual({ ok: true, credential });
    const unusual = link.replace('lndconnect', 'LNDCONNECT').replace('?', '/?');
    expect(readPasted({ lndconnect: `${unusual}&other=1` })).toEqual({ ok: true, credential });
  });

  test.each([
    ['padded, with + and /', macaroon.toString('base64')],
    ['escaped', encodeURIComponent(macaroon.toString('base64'))],
  ])('takes a macaroon that is %s', (_how, text) => {
    const read = readPasted({ lndconnect: `lndconnect://node.example?macaroon=${text}` });
    expect(read).toMatchObject({ ok: true, credential: { macaroonHex, certificatePem: '' } });
  });

  test.each([
    ['203.0.113.5', '203.0.113.5:10009'],
    ['[2001:db8::7]:443', '[2001:db8::7]:443'],
    ['node.example', 'node.example:10009'],
  ])('the address %s is %s', (given, address) => {
    const read = readPasted({ lndconnect: `lndconnect://${given}?macaroon=${url(macaroon)}` });
    expect(read).toMatchObject({ ok: true, credential: { address } });
  });

  test.each([
    ['', /not an lndconnect link/],
    ['https://node.example?macaroon=AgED', /not an lndconnect link/],
    ['lndconnect://node.example', /not an lndconnect link/],
    ['lndconnect://?macaroon=AgED', /not an lndconnect link/],
    ['lndconnect://node.example?macaroon=AgED#x', /not an lndconnect link/],
    ['lndconnect://node.example?cert=', /no macaroon/],
    ['lndconnect://node.example?macaroon=AgED&macaroon=AgED', /twice/],
    ['lndconnect://node.example?macaroon=%zz', /damaged/],
    ['lndconnect://user@node.example?macaroon=AgED', /address/],
    ['lndconnect://127.1:10009?macaroon=AgED', /address/],
    ['lndconnect://node.example:0?macaroon=AgED', /address/],
    ['lndconnect://node.example?cert=AgED&macaroon=AgED', /certificate/],
    [`lndconnect://node.example?macaroon=${'A'.repeat(40_000)}`, /too long/],
  ])('%.60s is refused', (given, sentence) => {
    expect(readPasted({ lndconnect: given })).toEqual(refusedBecause(sentence));
  });
});

describe('host, certificate and macaroon', () => {
  const parts = { host: 'node.example:10009', certificate: pem, macaroon: macaroonHex };

  test.each([
    ['PEM', strangersCertificate],
    ['PEM with other line ends', pem.replaceAll('\n', '\r\n')],
    ['hex', der.toString('hex')],
    [
      'upper-case hex in lines',
      der
        .toString('hex')
        .toUpperCase()
        .replace(/(.{60})/g, '$1\n'),
    ],
    ['base64', der.toString('base64')],
    ['base64url', url(der)],
    ['base64 of PEM', Buffer.from(pem).toString('base64')],
    ['hex of PEM', Buffer.from(pem).toString('hex')],
  ])('a certificate as %s', (_how, certificate) => {
    const read = readPasted({ ...parts, certificate });
    expect(read).toMatchObject({ ok: true, credential: { certificatePem: pem } });
  });

  test('a chain is kept whole, and nothing else in the file', () => {
    const read = readPasted({ ...parts, certificate: `first\n${pem}second\n${pem}` });
    expect(read).toMatchObject({ ok: true, credential: { certificatePem: pem + pem } });
  });

  test.each([macaroonHex, macaroonHex.toUpperCase(), macaroon.toString('base64'), url(macaroon)])(
    'the macaroon %s',
    (text) => {
      const read = readPasted({ ...parts, certificate: ' ', macaroon: ` ${text}\n` });
      expect(read).toMatchObject({ ok: true, credential: { macaroonHex, certificatePem: '' } });
    },
  );

  test('what cannot be read is refused without being repeated', () => {
    const secret = 'not*a*macaroon';
    const read = readPasted({ ...parts, macaroon: secret });
    expect(read).toMatchObject({ ok: false, refusal: 'not_a_macaroon' });
    expect(JSON.stringify(read)).not.toContain(secret);
    expect(readPasted({ ...parts, macaroon: '' })).toEqual(refusedBecause(/missing/));
    expect(readPasted({ ...parts, host: 'a b' })).toEqual(refusedBecause(/address/));
    expect(readPasted({ ...parts, certificate: 'xyz' })).toEqual(refusedBecause(/certificate/));
    const broken = pem.replace('M', 'N');
    expect(readPasted({ ...parts, certificate: broken })).toEqual(refusedBecause(/certificate/));
  });
});
