// The width that finds itself, in virtual time: a count of what was done, and no clock.
import { describe, expect, test } from 'vitest';
import {
  callEnded,
  learnedOf,
  newPace,
  paceLimits,
  warmPace,
  widthOfPace,
} from '../../web/core/pace.ts';
import type { Pace } from '../../web/core/pace.ts';
import { bestFixed, curves, runOn, type Width } from './capacity.ts';

const learning = (pace: Pace): Width => ({
  now: () => widthOfPace(pace),
  ended: (call) => {
    callEnded(pace, call);
  },
});

describe('against the best fixed width', () => {
  // By how much each call that waits inside the node slows the others: not at all, and by a
  // hundredth, as a lock does that all of them want.
  for (const crowding of [0, 0.01]) {
    test.each(Object.entries(curves))(
      `on %s, crowding ${crowding}`,
      (name, curve) => {
        const ratios = [1, 2, 3].map((seed) => {
          const best = bestFixed(curve, { seed, crowding });
          const ours = runOn(curve, learning(newPace()), { seed, crowding });
          const ratio = ours.worked / best.worked;
          expect(Math.min(...ours.widths)).toBeGreaterThanOrEqual(paceLimits.min);
          expect(Math.max(...ours.widths)).toBeLessThanOrEqual(paceLimits.max);
          return ratio;
        });
        expect(ratios.reduce((sum, ratio) => sum + ratio) / 3).toBeGreaterThanOrEqual(0.95);
      },
      60_000,
    );
  }
});

/** Tells a whole window of calls, and gives the time at its end. */
function tell(pace: Pace, from: number, call: { tookMs: number; lost?: boolean; out?: number }) {
  const { tookMs, lost = false, out = widthOfPace(pace) } = call;
  let now = from + tookMs;
  for (let n = 0; n < 40; n += 1) {
    now += 50;
    if (callEnded(pace, { now, tookMs, operation: 'look', out, lost })) return now;
  }
  throw new Error('no window was judged');
}

describe('the width', () => {
  test('begins with four, and doubles while there is room', () => {
    const pace = newPace();
    expect(widthOfPace(pace)).toBe(4);
    let now = 0;
    const seen: number[] = [];
    for (let n = 0; n < 6; n += 1) {
      now = tell(pace, now, { tookMs: 20 });
      seen.push(widthOfPace(pace));
    }
    expect(seen).toEqual([8, 16, 32, 64, 100, 100]);
  });

  test('stays as it is while nobody needs it', () => {
    const pace = newPace();
    let now = 0;
    for (let n = 0; n < 20; n += 1) now = tell(pace, now, { tookMs: 20, out: 1 });
    expect(widthOfPace(pace)).toBe(4);
  });

  test('shrinks by losses to one, never below, and grows by one again', () => {
    const pace = newPace();
    let now = tell(pace, 0, { tookMs: 20 });
    for (let n = 0; n < 40; n += 1) now = tell(pace, now, { tookMs: 5_000, lost: true });
    expect(widthOfPace(pace)).toBe(1);
    tell(pace, now, { tookMs: 20 });
    expect(widthOfPace(pace)).toBe(2);
    expect(pace.starting).toBe(false);
  });

  test('shrinks when calls take longer, and asks again what is normal', () => {
    const pace = newPace();
    let now = 0;
    for (let n = 0; n < 4; n += 1) now = tell(pace, now, { tookMs: 20 });
    const before = widthOfPace(pace);
    let probed = false;
    for (let n = 0; n < 12; n += 1) {
      now = tell(pace, now, { tookMs: 100 });
      probed ||= pace.probing;
    }
    expect(widthOfPace(pace)).toBeLessThan(before / 2);
    expect(probed).toBe(true);
    // It was a slower node, not a longer queue: after some probes 100 ms are normal.
    for (let n = 0; n < 60; n += 1) now = tell(pace, now, { tookMs: 100 });
    expect(pace.bases.get('look')).toBeGreaterThan(60);
  });

  test('is kept over a restart, but never above what is allowed', () => {
    const pace = newPace();
    let now = 0;
    for (let n = 0; n < 3; n += 1) now = tell(pace, now, { tookMs: 20 });
    const warm = warmPace(learnedOf(pace));
    expect(widthOfPace(warm)).toBe(widthOfPace(pace));
    expect(warm.starting).toBe(false);
    const odd = warmPace({ gradient: 1e9, loss: Number.NaN, bases: { look: -5 } });
    expect(widthOfPace(odd)).toBe(4);
    expect(odd.bases.size).toBe(0);
  });

  test('does not take a dearer operation for a crowd', () => {
    const pace = newPace();
    let now = tell(pace, 0, { tookMs: 20 });
    const before = widthOfPace(pace);
    for (let n = 0; n < 40; n += 1) {
      now += 50;
      const operation = n % 2 === 0 ? 'look' : 'close';
      const tookMs = operation === 'look' ? 20 : 200;
      callEnded(pace, { now, tookMs, operation, out: before, lost: false });
    }
    expect(widthOfPace(pace)).toBeGreaterThan(before);
  });
});
