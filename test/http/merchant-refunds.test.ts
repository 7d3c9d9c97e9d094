// What the shop's staff do with refunds, over the doors of the admin: each answer as the page gets
// it.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeMail } from '../../web/alerts/mail.ts';
import { saySignerReport } from '../../web/db/signer-reports.ts';
import type { PaymentAnswer, ShopAnswer } from '../../web/frontend/shared/merchant-api.ts';
import type {
  PaymentRefundsAnswer,
  RefundOpenedAnswer,
  RefundPreview,
  RefundsAnswer,
} from '../../web/frontend/shared/refunds-api.ts';
import { aPayment, aShop } from '../builders.ts';
import { startInProcess, type InProcess, type Open } from '../in-process.ts';
import { aClaimableRefund, anAskedRefund, aPaidOrder, readRefund } from '../refund-at-hand.ts';
import { startSmtpSink, type SmtpSink } from '../smtp-sink.ts';

let our: InProcess;
let paid: Open;
let sink: SmtpSink;
beforeAll(async () => {
  our = await startInProcess();
  paid = await aPaidOrder(our);
  sink = await startSmtpSink();
  our.deps.alertWays.email = writeMail({ url: sink.url, from: 'shop@zaptill.example' });
});
afterAll(async () => {
  await our.close();
  await sink.close();
});

const call = <T>(at: string, body?: object) => our.asMerchant<T>(at, body);
const ofPayment = (open: Open = paid): string => `/api/payments/${open.payment.id}`;

test('a payment says what is left of it', async () => {
  const { status, answer } = await call<PaymentRefundsAnswer>(`${ofPayment()}/refunds`);
  expect(status).toBe(200);
  expect(answer).toMatchObject({
    ...{ refunds: [], isOn: false, pricing: 'fiat_today', claimDays: 30, canMail: true },
    left: { amount: '21.00', currency: 'EUR' },
  });
});

describe('a preview', () => {
  const preview = (amount: string) =>
    call<RefundPreview>(`${ofPayment()}/refunds/preview`, { amount });

  test('names the sats, and changes nothing', async () => {
    const { status, answer } = await preview('10.50');
    expect(status).toBe(200);
    expect(answer).toMatchObject({ ok: true, used: 'fiat_today' });
    expect(answer.ok && BigInt(answer.sats)).toBeGreaterThan(0n);
    const { answer: after } = await call<PaymentRefundsAnswer>(`${ofPayment()}/refunds`);
    expect(after.refunds).toEqual([]);
  });

  test.each([
    ['21.01', 'more_than_captured'],
    ['0', 'amount_unreadable'],
    ['-1', 'amount_unreadable'],
    ['1.234', 'amount_unreadable'],
    ['a lot', 'amount_unreadable'],
  ])('of %s is refused', async (amount, refusal) => {
    const { status, answer } = await preview(amount);
    expect(status).toBe(422);
    expect(answer).toMatchObject({ ok: false, refusal });
    if (refusal === 'more_than_captured') {
      expect(answer).toMatchObject({ left: { amount: '21.00', currency: 'EUR' } });
    }
  });
});

test('asked for by a double click, it is one; above what is left it is refused', async () => {
  const open = await aPaidOrder(our);
  const body = { key: randomUUID(), amount: '20.00', note: ' It broke. ' };
  const answers = await Promise.all(
    [1, 2, 3].map(() => call<RefundOpenedAnswer>(`${ofPayment(open)}/refunds`, body)),
  );
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
  const ids = answers.map(({ answer }) => (answer.ok ? answer.refund.id : answer.refusal));
  expect(new Set(ids).size).toBe(1);
  const { answer } = await call<PaymentRefundsAnswer>(`${ofPayment(open)}/refunds`);
  expect(answer.refunds).toMatchObject([
    {
      ...{ id: ids[0], state: 'asked', note: 'It broke.', sats: null, origin: 'admin' },
      ...{ fiat: { amount: '20.00', currency: 'EUR' }, mayWithdraw: true, claimUrl: null },
    },
  ]);
  expect(answer.left).toEqual({ amount: '1.00', currency: 'EUR' });
  const more = await call(`${ofPayment(open)}/refunds`, { ...body, key: randomUUID() });
  expect(more).toMatchObject({
    status: 422,
    answer: { refusal: 'more_than_captured', left: { amount: '1.00', currency: 'EUR' } },
  });
  const other = await call(`${ofPayment(open)}/refunds`, { ...body, amount: '19.00' });
  expect(other).toMatchObject({
    status: 422,
    answer: { refusal: 'refund_exists_with_other_content' },
  });
});

test('a claimable one shows its link; withdrawn, it is gone and its amount is free', async () => {
  const open = await aPaidOrder(our);
  const refund = await aClaimableRefund(our, { open, amount: '21.00' });
  const { answer } = await call<PaymentRefundsAnswer>(`${ofPayment(open)}/refunds`);
  const claimUrl = `${our.appUrl}/refund/${refund.link}`;
  expect(answer.refunds).toMatchObject([{ claimUrl, sats: '8750', mayWithdraw: true }]);
  const at = `/api/refunds/${refund.id}/withdraw`;
  expect((await call(at, { because: 'whim' })).status).toBe(422);
  expect((await call(at, { because: 'taken_back' })).status).toBe(200);
  expect(await readRefund(our, refund.id)).toMatchObject({ reason: 'taken_back' });
  expect((await call(at, { because: 'taken_back' })).status).toBe(422);
  const { answer: after } = await call<PaymentRefundsAnswer>(`${ofPayment(open)}/refunds`);
  expect(after.left).toEqual({ amount: '21.00', currency: 'EUR' });
  expect(after.refunds[0]).toMatchObject({ claimUrl: null, mayWithdraw: false });
});

test('one above the threshold waits for a person, who approves it once', async () => {
  const open = await aPaidOrder(our);
  const { id } = await anAskedRefund(our, { open, amount: '2.00' });
  const at = `/api/refunds/${id}/approve`;
  expect(await call(at, {})).toMatchObject({ status: 422, answer: { refusal: 'not_approvable' } });
  await our.db.pool.query(
    `update refund set approval_wanted = true, amount_msat = 2000000, reason = 'approval_wanted'
     where id = $1`,
    [id],
  );
  const { answer } = await call<PaymentRefundsAnswer>(`${ofPayment(open)}/refunds`);
  expect(answer.refunds).toMatchObject([{ mayApprove: true, sats: '2000' }]);
  expect((await call(at, {})).status).toBe(200);
  expect(await readRefund(our, id)).toMatchObject({ state: 'claimable', reason: 'approved' });
  expect((await call(at, {})).status).toBe(422);
});

describe('the link by e-mail', () => {
  test('goes to one address, in the language that is wanted, and is kept nowhere', async () => {
    const refund = await aClaimableRefund(our, { open: paid, amount: '0.50' });
    const at = `/api/refunds/${refund.id}/mail`;
    expect((await call(at, { to: 'anna@example.com', language: 'de' })).status).toBe(200);
    const letter = sink.letters.at(-1);
    expect(letter?.to).toEqual(['anna@example.com']);
    const plain = (letter?.text ?? '').replace(/=\r\n/g, '').replace(/=([0-9A-F]{2})/g, '%$1');
    expect(decodeURIComponent(plain)).toContain('Sagen Sie hier, wohin sie gehen sollen');
    expect(decodeURIComponent(plain)).toContain(`${our.appUrl}/refund/${refund.link}`);
    expect(JSON.stringify(our.log.lines)).not.toContain('anna@example.com');
    const kept = await our.db.pool.query('select details::text from history');
    expect(JSON.stringify(kept.rows)).not.toContain('anna@');
  });

  test.each(['', 'anna', 'a@example.com,b@example.com', 'a@example.com\r\nBcc: b@example.com'])(
    'does not go to %j',
    async (to) => {
      const refund = await aClaimableRefund(our, { open: paid, amount: '0.05' });
      const at = `/api/refunds/${refund.id}/mail`;
      expect((await call(at, { to, language: 'en' })).status).toBe(422);
      expect(sink.letters).toHaveLength(1);
    },
  );

  test('does not go out for one that cannot be claimed', async () => {
    const refund = await anAskedRefund(our, { open: paid, amount: '0.05' });
    const at = `/api/refunds/${refund.id}/mail`;
    expect(await call(at, { to: 'anna@example.com', language: 'en' })).toMatchObject({
      status: 422,
      answer: { refusal: 'refund_not_claimable' },
    });
    expect(sink.letters).toHaveLength(1);
  });
});

test('the list goes from page to page, and by state', async () => {
  const { answer: before } = await call<RefundsAnswer>('/api/refunds');
  const open = await aPaidOrder(our);
  for (let n = 0; n < 30; n += 1) await anAskedRefund(our, { open, amount: '0.10' });
  const { answer: first } = await call<RefundsAnswer>('/api/refunds?state=asked');
  expect(first.refunds).toHaveLength(25);
  expect(first.counts.asked).toBe(before.counts.asked + 30);
  const seen = new Set(first.refunds.map(({ id }) => id));
  const { answer: second } = await call<RefundsAnswer>(
    `/api/refunds?state=asked&after=${first.older ?? ''}`,
  );
  expect(second.refunds).toHaveLength(before.counts.asked + 5);
  expect(second.refunds.filter(({ id }) => seen.has(id))).toEqual([]);
  expect(second.older).toBeNull();
  expect((await call('/api/refunds?state=nonsense')).status).toBe(400);
  expect((await call('/api/refunds?after=nonsense')).status).toBe(400);
});

test('what nobody owed is given back once, by the amount that was seen', async () => {
  const open = await aPaidOrder(our);
  const { id } = open.payment;
  await our.db.pool.query(
    `insert into posting (payment_id, journal, from_account, to_account, amount_msat)
     select id, 'again', 'node:1', 'overpaid:' || shop_id, 5000 from payment where id = $1`,
    [id],
  );
  await our.db.prisma.payment.update({ where: { id }, data: { attention: 'overpaid' } });
  const read = async () => (await call<PaymentRefundsAnswer>(`${ofPayment(open)}/refunds`)).answer;
  expect(await read()).toMatchObject({ giveBackMsat: '5000', refunds: [] });
  const giveBack = (overpaidMsat: string) =>
    call<RefundOpenedAnswer>(`${ofPayment(open)}/give-back`, { overpaidMsat });
  expect(await giveBack('4000')).toMatchObject({
    status: 422,
    answer: { ok: false, refusal: 'nothing_to_give_back' },
  });
  const answers = await Promise.all([1, 2, 3].map(() => giveBack('5000')));
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 422, 422]);
  const after = await read();
  expect(after.giveBackMsat).toBe('0');
  expect(after.refunds).toMatchObject([{ origin: 'attention', fiat: null, sats: '5' }]);
  expect((await our.read(id)).attention).toBeNull();
});

test('what waits for a person, or no signer has seen, is said on the first page', async () => {
  const said = async (): Promise<string[]> => {
    const { answer } = await call<ShopAnswer>('/api/shop');
    return answer.problems.map(({ what }) => what).filter((what) => what.startsWith('refunds_'));
  };
  const { id } = await anAskedRefund(our);
  await our.db.pool.query(
    `update refund set reason = 'approval_wanted', approval_wanted = true, amount_msat = 1000
     where id = $1`,
    [id],
  );
  expect(await said()).toEqual(['refunds_to_approve']);
  expect((await call(`/api/refunds/${id}/approve`, {})).status).toBe(200);
  expect(await said()).toEqual([]);
  const { rows } = await our.db.pool.query<{ id: string }>(
    `with claimed as (update refund set state = 'claimed' where id = $1 returning id)
     insert into refund_claim (refund_id, request, hash, amount_msat, expires_at, kind, given_at)
     select id, 'lnbcrt1', sha256('claimed'), 1000, now() + interval '1 hour', 'invoice',
       now() - interval '9 minutes' from claimed returning id`,
    [id],
  );
  expect(await said()).toEqual([]);
  await our.db.pool.query(`update refund_claim set given_at = now() - interval '11 minutes'`);
  expect(await said()).toEqual(['refunds_unseen']);
  // A signer is there and has said why it waits; then it falls silent.
  await saySignerReport(our.db, { signer: 'one', signs: true });
  expect(await said()).toEqual(['refunds_unseen']);
  await our.db.pool.query(
    `insert into payout_wait (claim_id, shop_id, word, due_at) values ($1, $2, 'paused', now())`,
    [rows[0]?.id, our.shop.id],
  );
  // Of a purse that is paused since, or is not there, no signer says another word.
  expect(await said()).toEqual(['refunds_unseen']);
  await our.db.pool.query(
    `insert into purse (shop_id, sealed_credential, address, identity, network, root_key_id,
       looks_at_original, per_payment_msat, per_order_msat, per_day_msat, fee_base_msat, fee_ppm,
       top_up_ppm)
     values ($1, '', '127.0.0.1:1', '02ab', 'regtest', '1', true, 1, 1, 1, 1, 1, 1)`,
    [our.shop.id],
  );
  expect(await said()).toEqual([]);
  await our.db.pool.query('update purse set paused_at = now()');
  expect(await said()).toEqual(['refunds_unseen']);
  await our.db.pool.query('update purse set paused_at = null');
  await our.db.pool.query(`update signer_report set said_at = now() - interval '11 minutes'`);
  expect(await said()).toEqual(['refunds_unseen']);
  // It works, and for hours the claim waits for the same thing.
  await saySignerReport(our.db, { signer: 'one', signs: true });
  await our.db.pool.query(`update refund_claim set given_at = now() - interval '7 hours'`);
  await our.db.pool.query(`update payout_wait set since = now() - interval '7 hours'`);
  expect(await said()).toEqual(['refunds_stuck']);
});

describe('what came in by the other app of the shop', () => {
  const aSession = async (shopId: number): Promise<string> => {
    const payment = await aPayment(our.db, { shopId });
    await our.db.prisma.payment.update({
      where: { id: payment.id },
      data: { attention: 'too_little' },
    });
    return payment.id;
  };
  const answer = { attention: 'too_little', answer: 'seen_to', overpaidMsat: '0' };

  test('is seen and answered, with its refund that waits for approval', async () => {
    const { id: otherApp } = await aShop(our.db, { domain: our.shop.domain });
    const paymentId = await aSession(otherApp);
    const { rows } = await our.db.pool.query<{ id: string }>(
      `insert into refund (id, link, shop_id, payment_id, origin, origin_id, currency, amount_minor,
         amount_msat, pricing, source, state, reason, approval_wanted, lane)
       values (gen_random_uuid(), $1, $2, $3, 'attention', $1, 'EUR', 0, 200123000,
         'sats_paid', 'overpaid', 'asked', 'approval_wanted', true, $4) returning id`,
      [randomUUID().slice(0, 22), otherApp, paymentId, `shop:${String(otherApp)}:admin`],
    );
    const seen = await call<PaymentAnswer>(`/api/payments/${paymentId}`);
    expect(seen).toMatchObject({ status: 200, answer: { id: paymentId } });
    const { answer: listed } = await call<RefundsAnswer>('/api/refunds');
    const asked = listed.refunds.find(({ id }) => id === rows[0]?.id);
    expect(asked).toMatchObject({ paymentId, mayApprove: true });
    expect((await call(`/api/refunds/${rows[0]?.id ?? ''}/approve`, {})).status).toBe(200);
    expect((await readRefund(our, rows[0]?.id ?? '')).state).toBe('claimable');
    expect((await call(`/api/payments/${paymentId}/answer`, answer)).status).toBe(200);
    expect((await our.read(paymentId)).attention).toBeNull();
  });

  test('of another shop there is nothing', async () => {
    const { id: stranger } = await aShop(our.db, { domain: 'stranger.myshopify.com' });
    const paymentId = await aSession(stranger);
    const at = `/api/payments/${paymentId}`;
    expect((await call(at)).status).toBe(404);
    for (const [act, body] of [
      ['answer', answer],
      ['take', {}],
      ['hold', { do: 'let_go' }],
      ['settle-by-hand', { confirmed: true }],
    ] as const) {
      expect([act, (await call(`${at}/${act}`, body)).status]).toEqual([act, 404]);
    }
    expect((await our.read(paymentId)).attention).toBe('too_little');
  });
});

test('what is not there is not there', async () => {
  const none = randomUUID();
  const open = { key: randomUUID(), amount: '1.00', note: '' };
  for (const [at, body] of [
    [`/api/payments/${none}/refunds`, undefined],
    [`/api/payments/${none}/refunds`, open],
    [`/api/payments/${none}/refunds/preview`, { amount: '1.00' }],
    [`/api/payments/${none}/give-back`, { overpaidMsat: '1000' }],
    [`/api/payments/nonsense/refunds`, open],
    [`/api/refunds/${none}/approve`, {}],
    [`/api/refunds/${none}/withdraw`, { because: 'taken_back' }],
    [`/api/refunds/${none}/mail`, { to: 'a@example.com', language: 'en' }],
  ] as const) {
    expect([at, (await call(at, body)).status]).toEqual([at, 404]);
  }
});
