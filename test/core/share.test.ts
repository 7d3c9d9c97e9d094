// What rules set aside of a payment: never more than came, whole satoshis, the rest with the shop.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { minor, msat } from '../../web/core/money.ts';
import {
  afterRefundRoundedDown,
  askAgainMs,
  mostRules,
  mostSharedBp,
  partText,
  readPart,
  sharesOf,
  whyNoRule,
  type Goods,
  type ShareAmount,
  type ShareRule,
} from '../../web/core/share.ts';

const vendors = ['Ink & Co', 'Paper', 'Third'] as const;
const amounts: fc.Arbitrary<ShareAmount> = fc.oneof(
  fc.integer({ min: 1, max: 10_000 }).map((partBp) => ({ partBp })),
  fc.bigInt({ min: 1n, max: 10n ** 9n }).map((sats) => ({ fixedMsat: msat(sats * 1_000n) })),
);
const rules = fc
  .array(fc.record({ vendor: fc.constantFrom(null, ...vendors), amount: amounts }), {
    maxLength: 12,
  })
  .map((made) => {
    const kept: ShareRule[] = [];
    for (const [n, rule] of made.entries()) {
      if (whyNoRule(kept, rule) !== undefined) continue;
      kept.push({ ...rule, id: BigInt(n + 1), receiverId: BigInt((n % 3) + 1) });
    }
    return kept;
  });
const goods: fc.Arbitrary<Goods> = fc.record({
  totalMinor: fc.bigInt({ min: 0n, max: 10n ** 15n }).map(minor),
  ofVendor: fc
    .uniqueArray(fc.tuple(fc.constantFrom(...vendors), fc.bigInt({ min: 0n, max: 10n ** 15n })), {
      selector: ([name]) => name,
    })
    .map((pairs) => new Map(pairs.map(([name, cost]) => [name, minor(cost)]))),
});
const received = fc.bigInt({ min: 0n, max: 10n ** 17n }).map(msat);
const of = (rule: Omit<ShareRule, 'id' | 'receiverId'>, id = 1n): ShareRule => ({
  ...{ id, receiverId: id },
  ...rule,
});
const sumOf = (shares: readonly { amountMsat: bigint }[]): bigint =>
  shares.reduce((sum, { amountMsat }) => sum + amountMsat, 0n);

describe('shares of a payment', () => {
  test('are whole satoshis above zero, one of a rule, and together never more than came', () => {
    fc.assert(
      fc.property(rules, goods, received, (all, order, receivedMsat) => {
        const shares = sharesOf(all, { receivedMsat, goods: order });
        for (const { amountMsat } of shares) {
          expect(amountMsat > 0n && amountMsat % 1_000n === 0n).toBe(true);
        }
        expect(sumOf(shares) <= receivedMsat).toBe(true);
        expect(new Set(shares.map(({ ruleId }) => ruleId)).size).toBe(shares.length);
      }),
    );
  });

  test('a percentage is under one satoshi below the exact part, and never above it', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000 }), received, (partBp, receivedMsat) => {
        const rule = of({ vendor: null, amount: { partBp } });
        const share = sumOf(sharesOf([rule], { receivedMsat, goods: undefined }));
        const exact = receivedMsat * BigInt(partBp);
        expect(share * 10_000n <= exact).toBe(true);
        expect((share + 1_000n) * 10_000n > exact).toBe(true);
      }),
    );
  });

  test('more that comes is never less for anybody, where all are percentages', () => {
    fc.assert(
      fc.property(rules, goods, received, received, (all, order, one, other) => {
        const parts = all.filter(({ amount }) => 'partBp' in amount);
        const [less, more] = one < other ? [one, other] : [other, one];
        const of = (receivedMsat: typeof one) =>
          new Map(
            sharesOf(parts, { receivedMsat, goods: order }).map((s) => [s.ruleId, s.amountMsat]),
          );
        const [before, after] = [of(less), of(more)];
        for (const [id, amount] of before) expect((after.get(id) ?? 0n) >= amount).toBe(true);
      }),
    );
  });

  test('a vendor has its part of the order, whatever it is called in the rule', () => {
    const order: Goods = {
      totalMinor: minor(2_500n),
      ofVendor: new Map([
        ['Ink & Co', minor(1_000n)],
        ['Paper', minor(1_000n)],
      ]),
    };
    const all = [
      of({ vendor: ' ink & co', amount: { partBp: 5_000 } }, 1n),
      of({ vendor: 'Paper', amount: { fixedMsat: msat(7_000n) } }, 2n),
      of({ vendor: 'Nobody', amount: { fixedMsat: msat(9_000n) } }, 3n),
      of({ vendor: null, amount: { partBp: 1_000 } }, 4n),
    ];
    const receivedMsat = msat(100_000n);
    expect(sharesOf(all, { receivedMsat, goods: order })).toEqual([
      { ruleId: 1n, receiverId: 1n, amountMsat: 20_000n },
      { ruleId: 4n, receiverId: 4n, amountMsat: 10_000n },
      { ruleId: 2n, receiverId: 2n, amountMsat: 7_000n },
    ]);
    // Nothing is known of the vendors: only the rule of the whole sets something aside.
    expect(sharesOf(all, { receivedMsat, goods: undefined })).toEqual([
      { ruleId: 4n, receiverId: 4n, amountMsat: 10_000n },
    ]);
  });

  test('a fixed amount gets what percentages left, and no more', () => {
    const all = [
      of({ vendor: null, amount: { fixedMsat: msat(50_000n) } }, 1n),
      of({ vendor: null, amount: { fixedMsat: msat(50_000n) } }, 2n),
      of({ vendor: null, amount: { partBp: 4_000 } }, 3n),
    ];
    const shares = sharesOf(all, { receivedMsat: msat(100_999n), goods: undefined });
    expect(shares.map(({ ruleId, amountMsat }) => [ruleId, amountMsat])).toEqual([
      [3n, 40_000n],
      [1n, 50_000n],
      [2n, 10_000n],
    ]);
  });
});

describe('what a refund leaves', () => {
  const amount = fc.bigInt({ min: 1n, max: 10n ** 15n });
  test('is its part of the share, rounded down, and all of it where nothing is refunded', () => {
    fc.assert(
      fc.property(received, amount, amount, amount, (base, captured, one, other) => {
        const baseMsat = msat((base / 1_000n) * 1_000n);
        const of = (refunded: bigint) =>
          afterRefundRoundedDown(baseMsat, {
            capturedMinor: minor(captured),
            refundedMinor: minor(refunded),
          });
        expect(of(0n)).toBe(baseMsat);
        expect(of(captured)).toBe(0n);
        const [less, more] = one < other ? [one, other] : [other, one];
        expect(of(less) >= of(more)).toBe(true);
        expect(of(more) >= 0n && of(more) % 1_000n === 0n).toBe(true);
        if (more <= captured)
          expect(of(more) * captured <= baseMsat * (captured - more)).toBe(true);
      }),
    );
  });
});

describe('rules', () => {
  test('percentages are the whole together at most, with each vendor’s own', () => {
    const all = [
      { vendor: null, amount: { partBp: 6_000 } },
      { vendor: 'Ink', amount: { partBp: 4_000 } },
    ];
    expect(mostSharedBp(all)).toBe(10_000);
    const more = (vendor: string | null, partBp: number) =>
      whyNoRule(all, { vendor, amount: { partBp } });
    expect(more('ink ', 1)).toBe('more_than_whole');
    expect(more(null, 1)).toBe('more_than_whole');
    expect(more('Paper', 4_000)).toBeUndefined();
    expect(more('Paper', 4_001)).toBe('more_than_whole');
    expect(more('Paper', 0)).toBe('part_unreadable');
    expect(more('Paper', 1.5)).toBe('part_unreadable');
  });

  test('fixed amounts are whole satoshis, and there are not endlessly many rules', () => {
    const fixed = (fixedMsat: bigint) => ({ vendor: null, amount: { fixedMsat: msat(fixedMsat) } });
    expect(whyNoRule([], fixed(1_000n))).toBeUndefined();
    expect(whyNoRule([], fixed(1_001n))).toBe('amount_unreadable');
    expect(whyNoRule([], fixed(0n))).toBe('amount_unreadable');
    const many = Array.from({ length: mostRules }, () => fixed(1_000n));
    expect(whyNoRule(many, fixed(1_000n))).toBe('too_many_rules');
  });

  test('a percentage is read as it is written, and written as it is read', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000 }), (bp) => readPart(partText(bp)) === bp),
    );
    expect(readPart('12,5')).toBe(1_250);
    for (const text of ['0', '100.01', '-1', '1e2', '12.345', '', 'all']) {
      expect(readPart(text)).toBeUndefined();
    }
  });

  test('a server without an answer is asked again later and later, and for ever', () => {
    expect(askAgainMs(0)).toBe(60_000);
    expect(askAgainMs(3)).toBe(480_000);
    expect(askAgainMs(1_000)).toBe(6 * 3_600_000);
  });
});
