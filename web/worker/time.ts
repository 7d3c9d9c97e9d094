// The room's own time and chance, so that a test can play both: nothing here asks the machine for
// them in any other way.
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
  rest,
  draw: () => Math.random(),
};

/** Ends come often and mean nothing: an error for each would cost more than all the rest. */
function rest(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) {
      resolve();
      return;
    }
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener('abort', end, { once: true });
  });
}
