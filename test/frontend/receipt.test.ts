// Receipts are checked by their own reader of BOLT11 and their own curve: both must say what the
// packages say by which nodes sign and we read, and a forged one must be refused for its reason.
import { createHash, randomBytes } from 'node:crypto';
import { parsePaymentRequest } from 'invoices';
import { expect, test } from 'vitest';
import { signingKeyOf, signRequest, type RequestTerms } from '../../sandbox/lnd/bolt11.ts';
import { checkReceipt, type Receipt } from '../../web/frontend/shared/receipt.ts';
import { whoSigned } from '../../web/frontend/shared/secp256k1.ts';
import { readSigned } from '../../web/frontend/shared/signed-request.ts';

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const key = signingKeyOf(randomBytes(32));
const preimage = randomBytes(32);

const terms = (more: Partial<RequestTerms> = {}): RequestTerms => ({
  ...{ network: 'regtest', hash: sha256(preimage), paymentSecret: sha256(randomBytes(8)) },
  ...{ amountMsat: 12_300_000n, memo: 'example #1001, 12.30 EUR', descriptionHash: '', hints: [] },
  ...{ createdAt: 1_795_000_000, expirySeconds: 600, cltvDelta: 80, fallbackAddress: '' },
  ...more,
});

const aReceipt = (more: Partial<Receipt> = {}): Receipt => ({
  ...{ receipt: 'zaptill/1', shop: 'example.myshopify.com', order: '#1001', payment: 'x' },
  ...{ test: false, paidAt: new Date(1_795_000_030_000).toISOString() },
  fiat: { amount: '12.30', currency: 'EUR' },
  ...{ amountMsat: '12300000', paidMsat: '12300000' },
  price: {
    ...{ perBitcoin: '100000', at: new Date(1_795_000_000_000).toISOString(), adjustmentBp: 0 },
    sources: [{ source: 'kraken', price: '100000', at: new Date(1_795_000_000_000).toISOString() }],
  },
  ...{ hash: sha256(preimage), preimage: preimage.toString('hex') },
  request: signRequest(key, terms()),
  ...{ node: key.publicKey, network: 'regtest' },
  ...more,
});

const faultsOf = async (receipt: unknown): Promise<readonly string[]> => {
  const checked = await checkReceipt(
    typeof receipt === 'string' ? receipt : JSON.stringify(receipt),
  );
  return checked.ok ? [] : checked.faults;
};

test('a request reads as the package reads it, whoever signed it for whatever amount', async () => {
  const networks = ['bitcoin', 'testnet', 'signet', 'regtest'] as const;
  const amounts = [1n, 10n, 999n, 1_000n, 12_345_678n, 100_000_000n, 21_000_000n * 10n ** 11n];
  for (const [n, amountMsat] of [...amounts, ...amounts, 0n].entries()) {
    const network = networks[n % 4] ?? 'regtest';
    const signer = signingKeyOf(randomBytes(32));
    const memo = 'größer '.repeat(n % 40);
    const request = signRequest(signer, terms({ network, amountMsat, memo }));
    const theirs = parsePaymentRequest({ request });
    expect(await readSigned(request)).toEqual({
      network: network === 'bitcoin' ? 'mainnet' : network,
      amountMsat: amountMsat === 0n ? undefined : BigInt(theirs.mtokens ?? '0'),
      ...{ node: theirs.destination, hash: theirs.id, memo },
      madeAt: Date.parse(theirs.created_at) / 1_000,
    });
    expect(theirs.destination).toBe(signer.publicKey);
    expect((await readSigned(request.toUpperCase()))?.node).toBe(signer.publicKey);
  }
});

test('an example of BOLT 11 itself is read', async () => {
  const request =
    'lnbc2500u1pvjluezsp5zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zygspp5qqqsyqcyq5rqwzqf' +
    'qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqdq5xysxxatsyp3k7enxv4jsxqzpu9qrsgquk0rl77nj30yxdy8j9vd' +
    'x85fkpmdla2087ne0xh8nhedh8w27kyke0lp53ut353s06fv3qfegext0eh0ymjpf39tuven09sam30g4vgpfna3rh';
  expect(await readSigned(request)).toEqual({
    ...{ network: 'mainnet', amountMsat: 250_000_000n, madeAt: 1_496_314_658 },
    hash: '0001020304050607080900010203040506070809000102030405060708090102',
    ...{ memo: '1 cup coffee' },
    node: '03e7156ae33b0a208d0744199163177e909e80176e55d97a2f221ede0f934dd9ad',
  });
});

test('a letter more, less or another is no request', async () => {
  const request = signRequest(key, terms());
  for (let at = 0; at < request.length; at += 7) {
    const other = request[at] === 'q' ? 'p' : 'q';
    const changed = request.slice(0, at) + other + request.slice(at + 1);
    expect(await readSigned(changed), changed).toBeUndefined();
  }
  for (const bad of ['', 'lnbc1', request.slice(0, -1), `${request}q`, 'LN' + request.slice(2)]) {
    expect(await readSigned(bad)).toBeUndefined();
  }
});

test('no point, no number out of range and no foreign length has a signer', () => {
  const hash = randomBytes(32);
  const signature = (r: bigint, s: bigint): Uint8Array =>
    Buffer.from(r.toString(16).padStart(64, '0') + s.toString(16).padStart(64, '0'), 'hex');
  const n = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
  for (const [r, s, recovery] of [
    ...([
      [0n, 1n, 0],
      [1n, 0n, 0],
      [n, 1n, 0],
      [1n, n, 1],
    ] as const),
    // There is no point with x = 5, and none beyond the field.
    ...([
      [5n, 1n, 0],
      [n - 1n, 1n, 2],
      [1n, 1n, 4],
    ] as const),
  ]) {
    expect(whoSigned(hash, { signature: signature(r, s), recovery })).toBeUndefined();
  }
  expect(whoSigned(randomBytes(31), { signature: signature(1n, 1n), recovery: 0 })).toBeUndefined();
});

test('a genuine receipt is believed', async () => {
  const checked = await checkReceipt(JSON.stringify(aReceipt()));
  expect(checked).toMatchObject({
    ...{ ok: true, isFiatSigned: true, request: { memo: 'example #1001, 12.30 EUR' } },
  });
  // Rounded up to a whole sat, at a shop's own discount, and overpaid.
  const request = signRequest(key, terms({ amountMsat: 11_562_000n }));
  const price = { ...aReceipt().price, adjustmentBp: -600 };
  const rounded = { request, price, amountMsat: '11562000', paidMsat: '20000000' };
  expect(await faultsOf(aReceipt(rounded))).toEqual([]);
});

test('a receipt over what real LND asked for and was paid is believed', async () => {
  // LND 0.21.3-beta on regtest, paid by another one.
  const request =
    'lnbcrt123u1p4s9qlgpp53x527pqwuvmndx4vjwvltljwme2y3rs8ydrnj0kpxuv6gg7pxqcqdq4v4uxzmtsd3jjqge' +
    '3xqcrzcqzzsxqr23ssp5nfmluua7rczxek9jvjvlzs7s8n62ealr6pjdmn9thsljh9xx2a7s9qxpqysgqtr9tk73d5s' +
    'a96mwc3w8hvmkyp5f5ea96ag932evl6k3tkkaah7hqdy7hu9jhpnclnrkns3mxstugwn34rg88kdmpr8kanumdsgyrt' +
    'uspynej7s';
  const receipt = aReceipt({
    request,
    ...{ hash: '89a8af040ee337369aac9399f5fe4ede54488e072347393ec13719a423c13030' },
    ...{ preimage: 'd5ceec5231f700c2a6d325d1461dd457424754720bdef59b4ad7ad47426de120' },
    ...{ node: '036aa4a920de526ce6e49d16de31511d3b9c288b817ba2025d5455cab4daa58fc1' },
    paidAt: '2026-11-22T05:55:53.000Z',
  });
  expect(await faultsOf(receipt)).toEqual([]);
  expect(await faultsOf({ ...receipt, order: '#1010' })).toEqual(['order_differs']);
  expect(await faultsOf({ ...receipt, node: key.publicKey })).toEqual(['node_differs']);
});

test('an older request names no amount: what was asked in the currency is not proven', async () => {
  const older = aReceipt({ request: signRequest(key, terms({ memo: 'example #1001' })) });
  const checked = await checkReceipt(JSON.stringify(older));
  expect(checked).toMatchObject({ ok: true, isFiatSigned: false });
  const dearer = { ...older, fiat: { amount: '123.00', currency: 'EUR' } };
  expect(await faultsOf(dearer)).toEqual(['rate_differs']);
});

test('long names are cut where the node’s are, and never the amount', async () => {
  const order = `#${'🍓'.repeat(150)}`;
  const memo = `example #${'🍓'.repeat(91)}, 12.30 EUR`;
  const long = aReceipt({ order, request: signRequest(key, terms({ memo })) });
  expect(await checkReceipt(JSON.stringify(long))).toMatchObject({ ok: true, isFiatSigned: true });
});

test('a name with a space at its end is read as the node was asked', async () => {
  const one = aReceipt({ order: '#1001 ' });
  expect(await checkReceipt(JSON.stringify(one))).toMatchObject({ ok: true, isFiatSigned: true });
});

test('an older request has its names cut at 120 units of UTF-16', async () => {
  const shop = 'examples.myshopify.com';
  const memo = `examples #${'🍓'.repeat(55)}`;
  const order = `#${'🍓'.repeat(150)}`;
  const one = aReceipt({ shop, order, request: signRequest(key, terms({ memo })) });
  expect(await checkReceipt(JSON.stringify(one))).toMatchObject({ ok: true, isFiatSigned: false });
});

test('who changes the amount in the currency is refused', async () => {
  const fiat = { amount: '24.60', currency: 'EUR' };
  const price = { ...aReceipt().price, perBitcoin: '200000' };
  expect(await faultsOf(aReceipt({ fiat, price }))).toEqual(['fiat_differs']);
  const dollars = { amount: '12.30', currency: 'USD' };
  expect(await faultsOf(aReceipt({ fiat: dollars }))).toEqual(['fiat_differs']);
  // The amount is taken for a part of the order's name, as if the request were an older one.
  const order = '#1001, 12.30 EUR';
  expect(await faultsOf(aReceipt({ order, fiat, price }))).toEqual([
    ...['order_differs', 'fiat_differs'],
  ]);
});

/** Its last letter is another one. */
const bent = (request: string): string =>
  request.slice(0, -1) + (request.endsWith('q') ? 'p' : 'q');

test('a forged receipt is refused, for its reason', async () => {
  const other = signingKeyOf(randomBytes(32));
  const another = { ...aReceipt().price, perBitcoin: '99000' };
  const cases: [Partial<Receipt>, string][] = [
    [{ preimage: randomBytes(32).toString('hex') }, 'preimage_differs'],
    [{ request: signRequest(key, terms({ hash: sha256(randomBytes(32)) })) }, 'hash_differs'],
    [{ amountMsat: '12301000', paidMsat: '12301000' }, 'amount_differs'],
    [{ request: signRequest(key, terms({ amountMsat: 1_000n })) }, 'amount_differs'],
    [{ request: signRequest(key, terms({ amountMsat: 0n })) }, 'amount_differs'],
    [{ node: other.publicKey }, 'node_differs'],
    [{ request: signRequest(other, terms()) }, 'node_differs'],
    [{ network: 'mainnet' }, 'network_differs'],
    [{ order: '#1002' }, 'order_differs'],
    [{ shop: 'other.myshopify.com' }, 'order_differs'],
    [{ paidMsat: '12299999' }, 'paid_less'],
    [{ price: another }, 'rate_differs'],
    [{ paidAt: '2020-01-01T00:00:00.000Z' }, 'paid_before_asked'],
    [{ request: bent(aReceipt().request) }, 'request_unreadable'],
    [{ hash: 'x' }, 'not_a_receipt'],
    [{ receipt: 'zaptill/2' as never }, 'not_a_receipt'],
  ];
  for (const [change, fault] of cases) {
    expect(await faultsOf(aReceipt(change)), JSON.stringify(change)).toEqual([fault]);
  }
  for (const text of ['', '{}', 'null', '[]', '{"receipt":"zaptill/1"}', 'x'.repeat(9_000)]) {
    expect(await faultsOf(text)).toEqual(['not_a_receipt']);
  }
  for (const name of Object.keys(aReceipt())) {
    expect(await faultsOf({ ...aReceipt(), [name]: undefined }), name).toEqual(['not_a_receipt']);
  }
});
