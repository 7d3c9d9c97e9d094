import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PaymentHash } from '../../web/core/invoice.ts';
import { settleCursor } from '../../web/worker/settle-cursor.ts';

const seen = (index: number, hash = `hash-${index}`) => ({
  settleIndex: BigInt(index),
  hash: hash as PaymentHash,
});
const all = (...indexes: number[]) => indexes.map((index) => seen(index));

describe('the cursor', () => {
  test('is the top of the unbroken prefix', () => {
    const cursor = settleCursor(10n);
    expect(cursor.after(all(11, 12, 14))).toBe(12n);
    cursor.recorded(all(11, 12, 14));
    expect(cursor.at()).toBe(12n);
    expect(cursor.hasHole()).toBe(true);
    cursor.recorded(all(13));
    expect(cursor.at()).toBe(14n);
    expect(cursor.hasHole()).toBe(false);
  });

  test('passes a hole only when a replay went past it', () => {
    const cursor = settleCursor(5n);
    cursor.recorded(all(7, 8, 11));
    expect(cursor.at()).toBe(5n);
    expect(cursor.holesUpTo(8n)).toEqual([{ from: 6n, to: 6n }]);
    cursor.replayedTo(8n);
    expect(cursor.at()).toBe(8n);
    expect(cursor.hasHole()).toBe(true);
    expect(cursor.holesUpTo(11n)).toEqual([{ from: 9n, to: 10n }]);
    cursor.replayedTo(11n);
    expect(cursor.at()).toBe(11n);
    expect(cursor.holesUpTo(0n)).toEqual([]);
    cursor.replayedTo(0n);
    expect(cursor.at()).toBe(11n);
  });

  test('stays below what could not be recorded, whatever a replay went past', () => {
    const cursor = settleCursor(5n);
    cursor.recorded(all(6, 8));
    cursor.failed(all(7));
    expect(cursor.holesUpTo(8n)).toEqual([]);
    cursor.replayedTo(8n);
    expect(cursor.at()).toBe(6n);
    cursor.recorded(all(7));
    expect(cursor.at()).toBe(8n);
    const fresh = settleCursor(0n);
    fresh.startHere();
    expect(fresh.hasHole()).toBe(false);
    fresh.failed(all(5));
    // Nothing came behind it, and it is missing all the same.
    expect(fresh.hasHole()).toBe(true);
    fresh.recorded(all(6));
    expect(fresh.at()).toBe(4n);
  });

  test('begins with the first settle, once all before it is being looked at', () => {
    const cursor = settleCursor(0n);
    expect(cursor.after(all(551))).toBe(0n);
    cursor.startHere();
    expect(cursor.after(all(551, 552))).toBe(552n);
    cursor.recorded(all(551, 552));
    expect(cursor.at()).toBe(552n);
    expect(cursor.after(all(554))).toBe(552n);
  });

  test('tells a repeated event from a counter that went back', () => {
    const cursor = settleCursor(5n);
    cursor.recorded(all(6, 7, 9));
    expect(cursor.goesBack(seen(7))).toBe(false);
    expect(cursor.goesBack(seen(9))).toBe(false);
    expect(cursor.goesBack(seen(10))).toBe(false);
    expect(cursor.goesBack(seen(7, 'another'))).toBe(true);
    expect(cursor.goesBack(seen(9, 'another'))).toBe(true);
    expect(cursor.goesBack(seen(3))).toBe(true);
    cursor.replayedTo(9n);
    // Taken for empty: an event that is late is no sign of anything.
    expect(cursor.goesBack(seen(8))).toBe(false);
    expect(cursor.goesBack({ settleIndex: undefined, hash: 'x' as PaymentHash })).toBe(false);
  });

  test('in whatever order and batches events come, is never past one that is missing', () => {
    const batches = fc.array(fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 8 }));
    fc.assert(
      fc.property(batches, (given) => {
        const cursor = settleCursor(0n);
        const recorded = new Set<bigint>();
        for (const batch of given) {
          const next = cursor.after(all(...batch));
          cursor.recorded(all(...batch));
          for (const index of batch) recorded.add(BigInt(index));
          expect(cursor.at()).toBe(next);
          for (let at = 1n; at <= next; at += 1n) expect(recorded.has(at)).toBe(true);
          expect(recorded.has(next + 1n)).toBe(false);
        }
      }),
    );
  });
});
