// Chance, from a seed: the same seed gives the same draws for ever (xoshiro128**, seeded by
// splitmix32). Whoever needs chance of its own takes a branch, so that one more draw here changes
// nothing there.

export type Draws = {
  /** In [0, 1). */
  next: () => number;
  /** A whole number in [0, below). */
  below: (below: number) => number;
  between: (from: number, to: number) => number;
  /** True with this probability. */
  chance: (probability: number) => boolean;
  pick: <T>(of: readonly T[]) => T;
  /** Mostly near the mean, sometimes many times of it: an exponential. */
  around: (mean: number) => number;
  bytes: (count: number) => Uint8Array;
  branch: (name: string) => Draws;
};

function hashOf(text: string, seed: number): number {
  let at = seed ^ 0x9e3779b9;
  for (const letter of text) {
    at = Math.imul(at ^ (letter.codePointAt(0) ?? 0), 0x85ebca6b);
    at ^= at >>> 13;
  }
  return at >>> 0;
}

const rotl = (x: number, k: number): number => (x << k) | (x >>> (32 - k));

/** xoshiro128**: 32 random bits at each call. */
function words(seed: number): () => number {
  let mix = seed | 0;
  const start = (): number => {
    mix = (mix + 0x9e3779b9) | 0;
    let t = Math.imul(mix ^ (mix >>> 16), 0x21f0aaad);
    t = Math.imul(t ^ (t >>> 15), 0x735a2d97);
    return t ^ (t >>> 15);
  };
  let [a, b, c, d] = [start(), start(), start(), start()];
  return () => {
    const result = Math.imul(rotl(Math.imul(b, 5), 7), 9) >>> 0;
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = rotl(d, 11);
    return result;
  };
}

export function drawsFrom(seed: number): Draws {
  const word = words(seed);
  const next = (): number => word() / 4_294_967_296;
  const below = (limit: number): number => Math.floor(next() * limit);
  return {
    next,
    below,
    between: (from, to) => from + next() * (to - from),
    chance: (probability) => next() < probability,
    pick: (of) => {
      const picked = of[below(of.length)];
      if (picked === undefined) throw new Error('there is nothing to pick from');
      return picked;
    },
    around: (mean) => -Math.log(1 - next()) * mean,
    bytes: (count) => Uint8Array.from({ length: count }, () => below(256)),
    branch: (name) => drawsFrom(hashOf(name, seed)),
  };
}
