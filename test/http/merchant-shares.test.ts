// What the shop's staff see and change about shares, over the doors of the admin.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ShareChangedAnswer, SharesAnswer } from '../../web/frontend/shared/shares-api.ts';
import { bookShares } from '../../web/flows/book-shares.ts';
import { shareLane } from '../../web/db/lanes.ts';
import { startInProcess, type InProcess } from '../in-process.ts';
import { aPaidOrder } from '../refund-at-hand.ts';

let our: InProcess;
beforeAll(async () => {
  our = await startInProcess();
});
afterAll(() => our.close());

const call = <T>(at: string, body?: object) => our.asMerchant<T>(at, body);
const shares = async (): Promise<SharesAnswer> => (await call<SharesAnswer>('/api/shares')).answer;
const anna = {
  ...{ name: 'Anna', address: ' Anna@Wallet.example.com ', vendor: '' },
  ...{ kind: 'part', amount: '12,5' },
};
const addRule = (more: object = {}) =>
  call<ShareChangedAnswer>('/api/shares/rules', { ...anna, ...more });

test('a shop that has said nothing shares nothing', async () => {
  expect(await shares()).toMatchObject({
    ...{ isOn: false, isPaused: false, leastSats: '10000', canPay: false },
    ...{ rules: [], receivers: [], batches: [] },
  });
  await aPaidOrder(our);
  const { rows } = await our.db.pool.query('select 1 from share_task');
  expect(rows).toEqual([]);
});

test.for([
  [{ name: ' ' }, 'name_wanted'],
  [{ address: 'anna' }, 'address_unreadable'],
  [{ address: 'anna@10.0.0.1/x' }, 'address_unreadable'],
  [{ amount: '0' }, 'part_unreadable'],
  [{ amount: '100.01' }, 'part_unreadable'],
  [{ kind: 'fixed', amount: '1.5' }, 'amount_unreadable'],
  [{ kind: 'fixed', amount: '0' }, 'amount_unreadable'],
  [{ kind: 'all' }, 'unreadable'],
  [{ more: 1 }, 'unreadable'],
] as const)('%j is refused with a sentence', async ([more, refusal]) => {
  const { status, answer } = await addRule(more);
  expect(status).toBe(422);
  expect(answer).toMatchObject({ ok: false, refusal });
  expect(answer.ok ? '' : answer.sentence).not.toBe('');
});

test('rules are made and ended, and what was booked stays owed', async () => {
  expect((await addRule()).status).toBe(200);
  expect((await addRule({ kind: 'fixed', amount: '21', vendor: 'Ink' })).status).toBe(200);
  expect((await addRule({ amount: '87.51' })).answer).toMatchObject({ refusal: 'more_than_whole' });
  const wish = { isOn: true, isPaused: true, leastSats: '500' };
  expect((await call('/api/shares/terms', { ...wish, leastSats: '0' })).status).toBe(422);
  expect((await call('/api/shares/terms', wish)).status).toBe(200);
  const { payment } = await aPaidOrder(our);
  const at = { table: 'share_task', id: payment.id, lane: shareLane(our.shop.id) } as const;
  await our.runStep(bookShares, at);
  const answer = await shares();
  expect(answer).toMatchObject({
    ...wish,
    rules: [
      { name: 'Anna', address: 'anna@wallet.example.com', vendor: null },
      { vendor: 'Ink', amount: { kind: 'fixed', sats: '21' } },
    ],
    receivers: [{ name: 'Anna', underWaySats: '0', paidSats: '0', waits: null }],
  });
  expect(answer.rules[0]?.amount).toEqual({ kind: 'part', percent: '12.5' });
  expect(Number(answer.receivers[0]?.owedSats)).toBeGreaterThan(0);
  for (const { id } of answer.rules) {
    expect((await call(`/api/shares/rules/${id}/end`, {})).status).toBe(200);
    expect((await call(`/api/shares/rules/${id}/end`, {})).status).toBe(422);
  }
  expect(await shares()).toMatchObject({ rules: [], receivers: answer.receivers });
});
