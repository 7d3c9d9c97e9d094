// @vitest-environment node
// The block and our server lie in different bundles; here their words are held against each other.
import { expect, expectTypeOf, test } from 'vitest';
import { paymentStates } from '../../../../web/core/payment.ts';
import { quoteRefusals } from '../../../../web/core/refusals.ts';
import type { PayRefusal, PayState, PayView } from '../../../../web/frontend/shared/pay-view.ts';
import {
  overs,
  readPayment,
  refusals,
  states,
  type Over,
  type Refusal,
  type State,
} from '../src/answer.ts';
import { faceOf, payable } from '../src/faces.ts';
import words from '../locales/en.default.json' with { type: 'json' };
import { paid, toPay, view } from './play.ts';

const has = (key: string): boolean =>
  typeof key.split('.').reduce<unknown>((at, part) => Reflect.get(Object(at), part), words) ===
  'string';

const every: unknown[] = [
  ...states.map((state) => ({ ...view, state })),
  ...states.map((state) => ({ state })),
  ...refusals.map((refusal) => ({ ...view, refusal })),
  ...overs.map((over) => ({ ...view, state: 'lapsed', over })),
  ...overs.map((over) => ({ ...view, state: 'rejected', over })),
  { ...view, expired: true },
  { ...view, checking: true },
  { ...paid, overpaid: true },
  { ...paid, byHand: true },
  { ...view, state: 'lapsed', surplus: { sats: '700', became: 'owed' } },
  { state: 'closing', over: 'given_back' },
  { state: 'of_a_later_server' },
];

test('every state that the server may say has words of its own', () => {
  // The compiler fails here when the server has a word that the block lacks.
  expectTypeOf<State>().toEqualTypeOf<PayState>();
  expectTypeOf<Refusal>().toEqualTypeOf<PayRefusal>();
  expectTypeOf<Over>().toEqualTypeOf<NonNullable<PayView['over']>>();
  const faces = every.map((body) => {
    const payment = readPayment(body);
    return payment === undefined ? 'none' : faceOf(payment).words;
  });
  expect(faces.filter((face) => !has(`${face}.head`) || !has(`${face}.text`))).toEqual([]);
  expect(new Set(faces).size).toBe(27);
});

test('its states and refusals are those of the server, none more and none less', () => {
  expect([...states].sort()).toEqual(Object.keys(paymentStates).sort());
  expect([...refusals].sort()).toEqual([...quoteRefusals].sort());
});

test('only an open payment with an invoice can be paid', () => {
  const read = (body: unknown) => {
    const payment = readPayment(body);
    return payment && payable(payment)?.request;
  };
  expect(read(toPay)).toBe('lnbc210u1abc');
  for (const state of states.filter((it) => it !== 'open')) {
    expect(read({ ...toPay, state })).toBeUndefined();
  }
  const invoice = { ...toPay.invoice, request: 'lnbc1"><script>' };
  expect(read({ ...toPay, invoice })).toBeUndefined();
  expect(read({ ...toPay, invoice: { request: 'lnbc1abc' } })).toBeUndefined();
});

test('what is not ours is not read', () => {
  for (const body of [undefined, null, 'text', [], {}, { state: 7 }, { error: 'x' }]) {
    expect(readPayment(body)).toBeUndefined();
  }
  expect(readPayment({ ...view, payUrl: 'javascript:alert(1)' })?.payUrl).toBeUndefined();
});
