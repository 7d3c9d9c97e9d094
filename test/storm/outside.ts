// A call to an outsider, played in this process: it travels, has its effect, and its answer travels
// back. What was sent arrives even if the sender dies meanwhile. On the way it may be lost, before
// its effect or after it, and a call without an answer ends by its time limit.
import type { Draws } from './draws.ts';
import type { Timeline } from './time.ts';

export type Network = {
  timeline: Timeline;
  draws: Draws;
  say: (line: string) => void;
  /** Counts a fault that was played. */
  fault: (what: string) => void;
  /** False: the storm is over, and nothing is lost any more. */
  isStormy: () => boolean;
};

export type Weather = {
  /** Mean of one way, in milliseconds. */
  wayMs: number;
  /** Chance that the call or its answer is lost. */
  lost: number;
  /** A call without an answer ends after this. */
  limitMs: number;
};

/** `refusedBy` throws where the outsider does not take the call at all. */
export function callOutside<T>(
  net: Network,
  weather: Weather,
  about: {
    what: string;
    /** Undefined: the call goes through. An error: it is not taken. `hole`: nobody answers. */
    gate: () => Error | 'hole' | undefined;
    effect: () => T;
    silent: () => Error;
  },
): Promise<T> {
  const { timeline, draws, say, fault } = net;
  const caller = timeline.owner();
  const lost = net.isStormy() && draws.chance(weather.lost) ? draws.pick(['to', 'back']) : '';
  const way = (): number => (draws.chance(0.01) ? 20 : 1) * draws.around(weather.wayMs);
  if (lost !== '') fault(`lost_${lost}`);
  return new Promise((resolve, reject) => {
    const late = (): void => {
      timeline.plan(weather.limitMs, caller, () => reject(about.silent()));
    };
    timeline.plan(way(), undefined, () => {
      const gate = lost === 'to' ? 'hole' : about.gate();
      if (gate === 'hole') {
        say(`${about.what} -`);
        late();
        return;
      }
      let outcome: { value: T } | { error: Error };
      try {
        outcome = gate === undefined ? { value: about.effect() } : { error: gate };
      } catch (error) {
        outcome = { error: error as Error };
      }
      say(`${about.what} ${'value' in outcome ? 'ok' : outcome.error.message} ${lost}`);
      if (lost === 'back') {
        late();
        return;
      }
      timeline.plan(way(), caller, () => {
        if ('value' in outcome) resolve(outcome.value);
        else reject(outcome.error);
      });
    });
  });
}
