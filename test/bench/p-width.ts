// The width that finds itself, beside the best of all fixed widths found by trying, on nodes of six
// kinds in virtual time. The figures are counted and not timed: the same seed gives the same ones.
import { callEnded, newPace, widthOfPace } from '../../web/core/pace.ts';
import { bestFixed, curves, runOn, type Width } from '../worker/capacity.ts';
import { judged, oursOf, peerOf, ratioOf, type Bench } from './bench.ts';
import { measurePairs, type Leg } from './pairs.ts';

const crowdings = [0, 0.01];

function learning(): Width {
  const pace = newPace();
  return {
    now: () => widthOfPace(pace),
    ended: (call) => {
      callEnded(pace, call);
    },
  };
}

type At = { curve: (typeof curves)[keyof typeof curves]; seed: number; crowding: number };

/** Every curve by its name, with and without calls that slow each other. */
const onEach = (seed: number, worked: (at: At) => number): Leg =>
  Object.fromEntries(
    crowdings.flatMap((crowding) =>
      Object.entries(curves).map(([name, curve]) => {
        const where = crowding === 0 ? name : `${name}, crowded`;
        return [where, worked({ curve, seed, crowding })] as const;
      }),
    ),
  );

const allOf = (leg: Leg): Leg => ({
  ...leg,
  all: Object.values(leg).reduce((sum, worked) => sum + worked, 0),
});

export const width: Bench = {
  name: 'width',
  about: 'the width that finds itself, beside the best fixed one on six capacity curves',
  run: async (run) => {
    const { seed, say, restless, onlyPairs } = run;
    const at = { ours: 0, peer: 0 };
    const found = await measurePairs({
      ours: () => {
        at.ours += 1;
        const worked = ({ curve, ...about }: At): number => runOn(curve, learning(), about).worked;
        return Promise.resolve(allOf(onEach(seed + at.ours, worked)));
      },
      peer: () => {
        at.peer += 1;
        const worked = ({ curve, ...about }: At): number => bestFixed(curve, about).worked;
        return Promise.resolve(allOf(onEach(seed + at.peer, worked)));
      },
      // Virtual time does not notice a busy machine.
      calibrate: () => ({ spinMs: 1 }),
      ...{ figure: 'all', seed, say, restless, onlyPairs, withinMs: 60_000, most: 7 },
    });
    const names = Object.keys(found.pairs[0]?.ours ?? {}).filter((name) => name !== 'all');
    const bar = { way: 'at_least', must: 0.95, aim: 0.98 } as const;
    return {
      ...{ figure: 'work done in all', unit: 'ms of a worker', judged: 'ratio' },
      ...{ ours: oursOf(found, 'all', seed).value, peer: peerOf(found, 'all', seed).value },
      ...{ ratio: ratioOf(found, 'all', seed), must: 0.95, aim: 0.98 },
      bars: names.map((name) => judged(name, ratioOf(found, name, seed), bar)),
      ...{ pairs: found.pairs.length, voidPairs: found.voidPairs, unsound: found.unsound },
      postgres: 'none',
    };
  },
};
