// How many calls one node has at once. A slow node may cost its own shops only, so what does not
// fit into the short line is refused at once and tried again later.
import { nodeTrouble } from './errors.ts';

export function width({ atOnce, waiting }: { atOnce: number; waiting: number }) {
  const line: (() => void)[] = [];
  let free = atOnce;
  const leave = (): void => {
    const next = line.shift();
    if (next === undefined) free += 1;
    else next();
  };
  const enter = (): Promise<void> => {
    if (free > 0) {
      free -= 1;
      return Promise.resolve();
    }
    if (line.length >= waiting) {
      return Promise.reject(nodeTrouble('node_busy', { then: 'retry', away: true }));
    }
    return new Promise((resolve) => line.push(resolve));
  };
  /** Runs the work when there is a place, in the order of asking. */
  return async <T>(work: () => Promise<T>): Promise<T> => {
    await enter();
    try {
      return await work();
    } finally {
      leave();
    }
  };
}
