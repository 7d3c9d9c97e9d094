// What follows from Shopify's wish to charge or to give back what is held, when a hold is over, and
// what a capture books.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decideHold,
  holdEndsAt,
  isHoldOver,
  postingsOfCapture,
  type HoldAsked,
  type HoldStanding,
} from '../../web/core/hold.ts';
import { minor, msat } from '../../web/core/money.ts';

const held: HoldStanding = {
  ...{ state: 'held', isAuthorization: true, isTold: true, isCapturing: false },
  ...{ owedMinor: minor(2_100n), currency: 'EUR' },
};
const capture: Extract<HoldAsked, { kind: 'capture' }> = {
  ...{ kind: 'capture', isCapturing: false, amountMinor: minor(2_100n), currency: 'EUR' },
};
const decide = (asked: HoldAsked, more: Partial<HoldStanding> = {}) =>
  decideHold(asked, { ...held, ...more });
const answer = (outcome: string) => ({ do: 'answer', outcome });

describe('what is held', () => {
  test.each([
    ['all of it', { amountMinor: minor(2_100n) }, { do: 'capture' }],
    ['a part', { amountMinor: minor(1n) }, { do: 'capture' }],
    ['more than it', { amountMinor: minor(2_101n) }, answer('wrong_amount')],
    ['nothing', { amountMinor: minor(0n) }, answer('wrong_amount')],
    ['what cannot be read', { amountMinor: null }, answer('wrong_amount')],
    ['another currency', { currency: 'USD' }, answer('wrong_amount')],
  ] as const)('is charged for what fits: %s', (_, asked, decided) => {
    expect(decide({ ...capture, ...asked })).toEqual(decided);
  });

  test('is charged when Shopify has it as authorized, and not before', () => {
    expect(decide(capture, { isTold: false })).toEqual({ do: 'wait' });
  });

  test('is charged or given back, and never both', () => {
    expect(decide({ kind: 'void' })).toEqual({ do: 'release' });
    expect(decide({ kind: 'void' }, { isCapturing: true })).toEqual({ do: 'wait' });
    expect(decide(capture, { isCapturing: true })).toEqual(answer('captured_before'));
  });

  test('is answered when the node has said what became of it, and not before', () => {
    const capturing = { ...capture, isCapturing: true };
    for (const state of ['held', 'settled', 'resolved', 'stranded'] as const) {
      expect(decide(capturing, { state })).toEqual({ do: 'wait' });
    }
    for (const asked of [capture, capturing, { kind: 'void' } as const]) {
      expect(decide(asked, { state: 'closing' })).toEqual({ do: 'wait' });
    }
    expect(decide({ kind: 'void' }, { state: 'lapsed' })).toEqual(answer('voided'));
    expect(decide(capturing, { state: 'lapsed' })).toEqual(answer('expired'));
    expect(decide({ kind: 'void' }, { state: 'settled' })).toEqual(answer('captured_before'));
    expect(decide(capture, { state: 'open' })).toEqual(answer('not_held'));
    expect(decide(capture, { isAuthorization: false })).toEqual(answer('not_held'));
  });
});

describe('a hold is over', () => {
  const now = new Date('2026-11-22T12:00:00Z');
  const endsAt = new Date(now.getTime() + 3_600_000);
  const isOver = (height: number, at = now): boolean =>
    isHoldOver({ heldUntilHeight: 1_000, height, endsAt, now: at });

  test('six blocks before the node would end it by itself', () => {
    // LND 0.21 gives back 18 blocks before the time-out.
    expect([isOver(975), isOver(976), isOver(1_100)]).toEqual([false, true, true]);
  });

  test('a while after the time that Shopify was told', () => {
    const after = (ms: number): Date => new Date(endsAt.getTime() + ms);
    expect([isOver(900, after(0)), isOver(900, after(601_000))]).toEqual([false, true]);
  });

  test('later than Shopify was told, were blocks to come every eight minutes', () => {
    const told = holdEndsAt({ heldUntilHeight: 1_000, height: 796, now });
    expect(told.getTime() - now.getTime()).toBe(180 * 8 * 60_000);
    expect(holdEndsAt({ heldUntilHeight: 1_000, height: 990, now })).toEqual(now);
  });
});

test('a capture books all that came, and what was not asked for in whole satoshis', () => {
  const amount = fc.bigInt({ min: 1n, max: 10n ** 12n });
  const whole = { toldMinor: minor(7n), surplusMinor: minor(0n) };
  const money = { shopId: 1, awaitingMsat: msat(12_345n) };
  expect(postingsOfCapture(whole, money)).toMatchObject([
    { from: 'awaiting:1', to: 'resolved:1', amountMsat: 12_345n },
  ]);
  fc.assert(
    fc.property(amount, amount, amount, (told, surplus, came) => {
      const captured = { toldMinor: minor(told), surplusMinor: minor(surplus) };
      const made = postingsOfCapture(captured, { shopId: 1, awaitingMsat: msat(came) });
      expect(made.reduce((sum, { amountMsat }) => sum + amountMsat, 0n)).toBe(came);
      const back = made.find(({ to }) => to === 'overpaid:1')?.amountMsat ?? 0n;
      const exact = (came * surplus) / (told + surplus);
      expect([back % 1_000n, back <= exact, exact - back < 1_000n]).toEqual([0n, true, true]);
    }),
  );
});
