// Something that is done again and again for as long as the pool runs. One round at a time; a round
// that fails is told and followed by the next.
import { setTimeout as pause } from 'node:timers/promises';
import { spreadMs } from '../core/retry.ts';

export type Loop = { stop: () => Promise<void> };

/** The first round begins after a part of `firstMs`, so that pools do not march in step. */
export function every(
  ms: number,
  work: () => Promise<void>,
  onError: (error: unknown) => void,
  firstMs = ms,
): Loop {
  const stopping = new AbortController();
  const { signal } = stopping;
  const rest = (forMs: number): Promise<void> =>
    pause(forMs, undefined, { signal }).catch(() => undefined);
  const run = async (): Promise<void> => {
    await rest(Math.random() * firstMs);
    while (!signal.aborted) {
      await work().catch(onError);
      await rest(spreadMs(ms, Math.random()));
    }
  };
  const ended = run();
  return {
    stop: () => {
      stopping.abort();
      return ended;
    },
  };
}
