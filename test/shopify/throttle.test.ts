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

describe('without figures from Shopify', () => {
  /** Calls that got through in so many seconds, asking every 10 ms, refused beyond `most`. */
  function seconds(count: number, most: number, { throttle, pass }: ReturnType<typeof bucket>) {
    const through: number[] = [];
    let refusals = 0;
    for (let second = 0; second < count; second += 1) {
      let calls = 0;
      for (let step = 0; step < 100; step += 1) {
        pass(10);
        if (throttle.admit(1) > 0) continue;
        throttle.saw(1, undefined);
        if (calls < most) calls += 1;
        else {
          refusals += 1;
          throttle.refused();
        }
      }
      through.push(calls);
    }
    return { through, refusals };
  }

  test('a refusal slows calls down, to one a second and never to none', () => {
    const shop = bucket();
    shop.throttle.refused();
    expect(shop.throttle.admit(1)).toBe(1_000);
    shop.pass(1_000);
    expect(shop.throttle.admit(1)).toBe(0);
    for (let n = 0; n < 20; n += 1) shop.throttle.refused();
    expect(shop.throttle.admit(1)).toBe(1_000);
  });

  test('the rate is found: much gets through, and little is refused', () => {
    const shop = bucket();
    const { through, refusals } = seconds(120, 20, shop);
    const all = through.reduce((sum, calls) => sum + calls);
    expect(all).toBeGreaterThan(0.75 * 120 * 20);
    expect(refusals).toBeLessThan(0.1 * all);
    expect(Math.min(...through)).toBeGreaterThanOrEqual(1);
  });

  test('a clock that is set back lets nobody wait for it', () => {
    const shop = bucket();
    shop.throttle.refused();
    shop.pass(-3_600_000);
    expect(shop.throttle.admit(1)).toBe(1_000);
    shop.pass(1_000);
    expect(shop.throttle.admit(1)).toBe(0);
    shop.throttle.saw(1, shop.told(0));
    shop.pass(-3_600_000);
    expect(shop.throttle.admit(100)).toBe(2_000);
    shop.pass(2_000);
    expect(shop.throttle.admit(100)).toBe(0);
  });

  test('a refusal is forgotten after five minutes', () => {
    const shop = bucket();
    shop.throttle.refused();
    shop.pass(300_001);
    for (let n = 0; n < 100; n += 1) expect(shop.throttle.admit(1)).toBe(0);
  });
});
