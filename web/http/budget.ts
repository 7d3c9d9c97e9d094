// How often a caller may make us ask outside. Held in memory, for this process: a budget keeps a
// flood from spending a shop's points at Shopify, it is no proof of anything.
export type Budget = {
  /** True while the key has budget left in the present window; takes one of it. */
  spend: (key: string) => boolean;
};

export function makeBudget(about: { calls: number; perMs: number; keysAtMost: number }): Budget {
  const windows = new Map<string, { until: number; left: number }>();
  return {
    spend: (key) => {
      const now = Date.now();
      const known = windows.get(key);
      if (known === undefined || known.until <= now) {
        // The oldest windows come first, and are over.
        for (const [old, { until }] of windows) {
          if (until > now && windows.size < about.keysAtMost) break;
          windows.delete(old);
        }
        windows.delete(key);
        windows.set(key, { until: now + about.perMs, left: about.calls - 1 });
        return true;
      }
      known.left -= 1;
      return known.left >= 0;
    },
  };
}
