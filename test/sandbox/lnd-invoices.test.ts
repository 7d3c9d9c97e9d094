import { createHash, randomBytes } from 'node:crypto';
import {
  cancelHodlInvoice,
  createHodlInvoice,
  createInvoice,
  getInvoice,
  getInvoices,
  settleHodlInvoice,
  subscribeToInvoice,
} from 'lightning';
import type { AuthenticatedLnd } from 'lightning';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { readRequest, startLnd } from '../../sandbox/lnd/index.ts';
import type { LndSimulator } from '../../sandbox/lnd/index.ts';
import { connect, pause, refusalOf, until } from './lnd-client.ts';

let node: LndSimulator;
let lnd: AuthenticatedLnd;

beforeAll(async () => {
  node = await startLnd({ seed: 'invoices' });
  lnd = connect(node);
});
afterAll(() => node.stop({ how: 'kill' }));
afterEach(() => {
  node.faults.reset();
});

const inSeconds = (seconds: number): string =>
  new Date(Math.ceil(Date.now() / 1000 + seconds) * 1000).toISOString();
const sha256 = (secret: Buffer): string => createHash('sha256').update(secret).digest('hex');

test('an invoice is real BOLT11, signed by the node, and paid to the msat', async () => {
  const secret = randomBytes(32);
  const made = await createInvoice({
    lnd,
    mtokens: '150500',
    description: 'order 1',
    secret: secret.toString('hex'),
    expires_at: inSeconds(600),
  });
  expect(made.request).toMatch(/^lnbcrt1505n1/);
  const read = readRequest(made.request);
  expect(read).toMatchObject({ hash: sha256(secret), amountMsat: 150_500n, payee: node.publicKey });
  expect(read.description).toBe('order 1');

  expect(await node.pay(made.request)).toEqual({ ok: true, preimage: secret.toString('hex') });
  const paid = await getInvoice({ lnd, id: made.id });
  expect(paid).toMatchObject({ is_confirmed: true, mtokens: '150500', tokens: 150 });
  expect(paid.received_mtokens).toBe('150500');
  expect(node.ledger.paidMsat(made.id)).toBe(150_500n);
});

test.each(['1000', '1999', '9007199254740993'])('%s msat survive exactly', async (mtokens) => {
  const made = await createInvoice({ lnd, mtokens });
  expect(readRequest(made.request).amountMsat).toBe(BigInt(mtokens));
  expect(await getInvoice({ lnd, id: made.id })).toMatchObject({ mtokens });
});

test('overpaid is taken, underpaid is refused, a second payment is refused', async () => {
  const { id, request } = await createInvoice({ lnd, mtokens: '100000' });
  expect(await node.pay(request, { amountMsat: 99_999n })).toMatchObject({ ok: false });
  const open = await getInvoice({ lnd, id });
  expect([open.is_confirmed, open.received_mtokens, open.payments]).toEqual([false, '0', []]);
  expect(await node.pay(request, { amountMsat: 500_000n })).toMatchObject({ ok: true });
  expect((await getInvoice({ lnd, id })).received_mtokens).toBe('500000');
  expect(await node.pay(request)).toEqual({ ok: false, why: 'invoice is already paid' });
  expect(await node.pay(request, { again: true })).toEqual({
    ok: false,
    why: 'INCORRECT_OR_UNKNOWN_PAYMENT_DETAILS',
  });
});

test('a wrong payment secret and a short time lock are refused in the same words', async () => {
  const { request } = await createInvoice({ lnd, mtokens: '100000' });
  const why = 'INCORRECT_OR_UNKNOWN_PAYMENT_DETAILS';
  expect(await node.pay(request, { paymentSecret: '00'.repeat(32) })).toEqual({ ok: false, why });
  expect(await node.pay(request, { cltvBlocks: 79 })).toEqual({ ok: false, why });
  expect(await node.pay(request, { cltvBlocks: 80 })).toMatchObject({ ok: true });
});

test('an unknown hash is code 5 on lookup and code 2 on cancel', async () => {
  const id = '00'.repeat(32);
  expect(await refusalOf(getInvoice({ lnd, id }))).toEqual({
    code: 503,
    name: 'UnexpectedLookupInvoiceErr',
    grpcCode: 5,
    details: 'unable to locate invoice',
  });
  expect(await refusalOf(cancelHodlInvoice({ lnd, id }))).toEqual({
    code: 503,
    name: 'UnexpectedErrorCancelingHodlInvoice',
    grpcCode: 2,
    details: 'unable to locate invoice',
  });
});

test('cancel: open, again, settled; a canceled invoice takes no money', async () => {
  const { id, request } = await createInvoice({ lnd, mtokens: '5000' });
  await cancelHodlInvoice({ lnd, id });
  await cancelHodlInvoice({ lnd, id });
  expect((await getInvoice({ lnd, id })).is_canceled).toBe(true);
  expect(await node.pay(request)).toMatchObject({ ok: false });
  const paid = await createInvoice({ lnd, mtokens: '5000' });
  await node.pay(paid.request);
  const refusal = await refusalOf(cancelHodlInvoice({ lnd, id: paid.id }));
  expect(refusal).toMatchObject({ grpcCode: 2, details: 'invoice already settled' });
});

test('the same secret again is 409, also with another amount and after a cancel', async () => {
  const secret = randomBytes(32).toString('hex');
  const { id } = await createInvoice({ lnd, secret, mtokens: '5000' });
  const again = { code: 409, name: 'InvoiceWithGivenHashAlreadyExists' };
  expect(await refusalOf(createInvoice({ lnd, secret, mtokens: '5000' }))).toMatchObject(again);
  expect(await refusalOf(createInvoice({ lnd, secret, mtokens: '7000' }))).toMatchObject(again);
  await cancelHodlInvoice({ lnd, id });
  expect(await refusalOf(createInvoice({ lnd, secret, mtokens: '5000' }))).toMatchObject(again);
});

test.each([
  ['639 bytes of memo', { description: 'ü'.repeat(319) + 'x' }, ''],
  [
    '640 bytes',
    { description: 'x'.repeat(640) },
    'data length too big to fit within 10 bits: 1024',
  ],
  ['1,025 bytes', { description: 'x'.repeat(1025) }, 'memo too large: 1025 bytes (maxsize=1024)'],
  ['a short lock', { cltv_delta: 23 }, 'CLTV delta of 23 must be greater than minimum of 24'],
  [
    'a long lock',
    { cltv_delta: 65_536 },
    'CLTV delta of 65536 is too large, max accepted is: 65535',
  ],
  ['a negative amount', { mtokens: '-5' }, 'amount cannot be negative'],
  ['31 bytes of secret', { secret: '00'.repeat(31) }, 'invalid preimage length of 31, want 32'],
])('%s', async (_name, terms, details) => {
  const made = createInvoice({ lnd, mtokens: '5000', ...terms });
  if (details === '') await expect(made).resolves.toMatchObject({ mtokens: '5000' });
  else expect((await refusalOf(made)).details).toBe(details);
});

test('an invoice is canceled 0 to 1 s after the expiry that it reports', async () => {
  const { id } = await createInvoice({ lnd, mtokens: '5000', expires_at: inSeconds(60) });
  const expiresAt = Date.parse((await getInvoice({ lnd, id })).expires_at);
  node.clock.advance(expiresAt - node.clock.now() - 1);
  expect((await getInvoice({ lnd, id })).is_canceled).toBeUndefined();
  node.clock.advance(1001);
  expect((await getInvoice({ lnd, id })).is_canceled).toBe(true);
});

test('a wallet refuses an expired request itself; the node refuses a late payment', async () => {
  const { request } = await createInvoice({ lnd, mtokens: '5000', expires_at: inSeconds(60) });
  const late = node.pay(request, { late: 1500 });
  node.clock.advance(70_000);
  expect(await late).toEqual({ ok: false, why: 'INCORRECT_OR_UNKNOWN_PAYMENT_DETAILS' });
  const refused = await node.pay(request);
  expect(refused.ok ? '' : refused.why).toMatch(/^invoice expired. Valid until/);
});

test('four parts settle together; two of three go back after the time-out', async () => {
  const whole = await createInvoice({ lnd, mtokens: '100003' });
  expect(await node.pay(whole.request, { parts: 4 })).toMatchObject({ ok: true });
  const paid = await getInvoice({ lnd, id: whole.id });
  expect(paid.received_mtokens).toBe('100003');
  expect(paid.payments.filter(({ is_confirmed }) => is_confirmed)).toHaveLength(4);

  const torn = await createInvoice({ lnd, mtokens: '90000', expires_at: inSeconds(3600) });
  const outcome = node.pay(torn.request, { parts: 2, of: 3 });
  await until(() => node.invoices.find(torn.id).parts.length === 2);
  const waiting = await getInvoice({ lnd, id: torn.id });
  expect([waiting.received_mtokens, waiting.payments.length]).toEqual(['0', 2]);
  node.clock.advance(120_001);
  expect(await outcome).toEqual({ ok: false, why: 'MPP_TIMEOUT' });
  expect(await node.pay(torn.request)).toMatchObject({ ok: true });
});

test('a hold invoice: too early, held, settled, settled again, canceled', async () => {
  const secret = randomBytes(32);
  const { id, request } = await createHodlInvoice({ lnd, id: sha256(secret), tokens: 50 });
  const states: string[] = [];
  const events = subscribeToInvoice({ lnd, id });
  events.on('invoice_updated', (seen: { is_held?: boolean; is_confirmed: boolean }) => {
    states.push(seen.is_confirmed ? 'settled' : seen.is_held ? 'held' : 'open');
  });
  const settle = (): Promise<void> => settleHodlInvoice({ lnd, secret: secret.toString('hex') });
  expect(await refusalOf(settle())).toMatchObject({ code: 402 });
  const paying = node.pay(request);
  await until(() => states.includes('held'));
  expect(await getInvoice({ lnd, id })).toMatchObject({
    is_held: true,
    received_mtokens: '50000',
    secret: '',
  });
  await settle();
  expect(await paying).toMatchObject({ ok: true, preimage: secret.toString('hex') });
  await settle();
  await until(() => states.length === 3);
  expect(states).toEqual(['open', 'held', 'settled']);
  const unknown = settleHodlInvoice({ lnd, secret: '11'.repeat(32) });
  expect(await refusalOf(unknown)).toMatchObject({ code: 404 });
});

test('a held invoice is not canceled by time but 18 blocks before its HTLC ends', async () => {
  const { id, request } = await createHodlInvoice({ lnd, tokens: 50, expires_at: inSeconds(60) });
  const paying = node.pay(request);
  await until(() => node.invoices.find(id).state === 'ACCEPTED');
  node.clock.advance(3_600_000);
  node.mine(64);
  expect((await getInvoice({ lnd, id })).is_held).toBe(true);
  node.mine(1);
  const canceled = await getInvoice({ lnd, id });
  expect(canceled).toMatchObject({ is_canceled: true, received_mtokens: '50000' });
  expect(await paying).toMatchObject({ ok: false });
});

test('ListInvoices pages both ways, and shows everybody', async () => {
  const other = await startLnd({ seed: 'pages' });
  const theirs = connect(other);
  for (let count = 1; count <= 5; count += 1) other.invoices.add({ memo: `foreign ${count}` });
  const first = await getInvoices({ lnd: theirs, limit: 2 });
  expect(first.invoices.map(({ description }) => description)).toEqual(['foreign 5', 'foreign 4']);
  const rest = await getInvoices({ lnd: theirs, token: first.next ?? '' });
  expect(rest.invoices.map(({ description }) => description)).toEqual(['foreign 3', 'foreign 2']);
  await other.stop({ how: 'kill' });
});

test('cancels race payments: the lookup always agrees with the payer', async () => {
  let cancelMs = 20;
  const race = async (luck: number): Promise<{ ok: boolean; agrees: boolean }> => {
    const { id, request } = await createInvoice({ lnd, mtokens: '2000' });
    const startedAt = performance.now();
    const canceling = cancelHodlInvoice({ lnd, id })
      .catch(() => undefined)
      .then(() => {
        cancelMs = (cancelMs + performance.now() - startedAt) / 2;
      });
    // The payer starts at some moment of a cancel's usual time and as much again.
    await pause(cancelMs * luck);
    const { ok } = await node.pay(request);
    await canceling;
    const seen = await getInvoice({ lnd, id });
    return { ok, agrees: seen.is_confirmed === ok && (seen.is_canceled ?? false) === !ok };
  };
  const outcomes: { ok: boolean; agrees: boolean }[] = [];
  for (let batch = 0; batch < 10; batch += 1) {
    const racing = Array.from({ length: 20 }, (_, index) => race((index % 10) / 5));
    outcomes.push(...(await Promise.all(racing)));
  }
  expect(outcomes.filter(({ agrees }) => !agrees)).toEqual([]);
  const won = outcomes.filter(({ ok }) => ok).length;
  expect(won).toBeGreaterThan(0);
  expect(won).toBeLessThan(200);
}, 60_000);
