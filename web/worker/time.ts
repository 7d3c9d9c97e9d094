// The room's own time and chance, so that a test can play both: nothing here asks the machine for
// them in any other way.
import { setTimeout as pause } from 'node:timers/promises';

export type Time = {
  /** Milliseconds since some moment; never goes back. */
  ms: () => number;
  /** Resolves after so many milliseconds, or as soon as the signal is aborted. Never rejects. */
  rest: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** A number in [0, 1). */
  draw: () => number;
};

export const realTime: Time = {
  ms: () => performance.now(),
  rest: (ms, signal) =>
    pause(ms, undefined, signal === undefined ? {} : { signal }).catch(() => undefined),
  draw: () => Math.random(),
};
