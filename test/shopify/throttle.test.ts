import { describe, expect, test } from 'vitest';
import { makeThrottle } from '../../web/shopify/throttle.ts';

function bucket() {
  let nowMs = 1_000_000;
  const throttle = makeThrottle(() => new Date(nowMs));
  const told = (currentlyAvailable: number) => ({
    maximumAvailable: 1_000,
    currentlyAvailable,
    restoreRate: 50,
  });
  return { throttle, told, pass: (ms: number) => (nowMs += ms) };
}

describe('the mirrored bucket', () => {
  test('admits everything until Shopify has spoken', () => {
    const { throttle } = bucket();
    expect(throttle.maximum()).toBeUndefined();
    for (let n = 0; n < 100; n += 1) expect(throttle.admit(500)).toBe(0);
  });

  test('says exactly how long to wait, and admits after it', () => {
    const { throttle, told, pass } = bucket();
    throttle.admit(10);
    throttle.saw(10, told(20));
    expect(throttle.admit(120)).toBe(2_000);
    pass(1_999);
    expect(throttle.admit(120)).toBeGreaterThan(0);
    pass(1);
    expect(throttle.admit(120)).toBe(0);
    expect(throttle.maximum()).toBe(1_000);
  });

  test('calls under way count, so that a crowd does not share the same points', () => {
    const { throttle, told } = bucket();
    throttle.saw(0, told(100));
    const admitted = Array.from({ length: 50 }, () => throttle.admit(10)).filter((ms) => ms === 0);
    expect(admitted.length).toBe(10);
    throttle.saw(10, told(90));
    expect(throttle.admit(10)).toBeGreaterThan(0);
    for (let n = 0; n < 9; n += 1) throttle.saw(10, told(90));
    expect(throttle.admit(90)).toBe(0);
  });

  test('a call without an answer gives its points back; a dear one waits for a full bucket', () => {
    const { throttle, told, pass } = bucket();
    throttle.saw(0, told(1_000));
    expect(throttle.admit(1_000)).toBe(0);
    throttle.saw(1_000, undefined);
    expect(throttle.admit(5_000)).toBe(0);
    throttle.saw(5_000, told(0));
    expect(throttle.admit(5_000)).toBe(20_000);
    pass(100_000);
    expect(throttle.admit(5_000)).toBe(0);
  });
});
