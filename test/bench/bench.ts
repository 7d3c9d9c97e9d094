// What a benchmark is: a name, what it compares, and a run that gives figures with their intervals.
// Here they are told: to people line by line, and to programs as the last line.
import { circumstances } from './machine.ts';
import {
  estimate,
  judge,
  ratiosOf,
  short,
  type Bar,
  type Estimate,
  type Measured,
} from './pairs.ts';

export type Run = {
  seed: number;
  /** The parameters of the reference and not the quick ones. */
  full: boolean;
  restless: boolean;
  /** So many pairs and no more, for trying out; fewer than seven are no measurement. */
  onlyPairs: number | undefined;
  say: (line: string) => void;
};

/** One bar, and where the figure stands. */
export type Judged = {
  what: string;
  value: number;
  interval: readonly [number, number];
  must: number;
  aim: number | null;
  way: Bar['way'];
  met: boolean;
  aimMet: boolean | null;
};

export type Result = {
  /** The figure that stands for all. */
  figure: string;
  unit: string;
  ours: number;
  peer: number;
  ratio: Estimate;
  /** What `must` and `aim` are about: the ratio, or our own figure. */
  judged: 'ratio' | 'ours';
  must: number;
  aim: number | null;
  bars: Judged[];
  pairs: number;
  voidPairs: number;
  unsound: boolean;
  postgres: string;
  /** Whatever else was seen. */
  more?: object;
};

export type Bench = {
  name: string;
  /** One sentence: what is compared with what. */
  about: string;
  run: (run: Run) => Promise<Result>;
};

/** A bar of an estimate. */
export function judged(what: string, of: Estimate, bar: Bar): Judged {
  const { met, aimMet } = judge(of, bar);
  const { must, aim = null, way } = bar;
  return { what, value: of.value, interval: of.interval, must, aim, way, met, aimMet };
}

/** Our own figure, leg by leg. */
export const oursOf = (measured: Measured, figure: string, seed: number): Estimate =>
  estimate(
    measured.pairs.map(({ ours }) => ours[figure] ?? Number.NaN),
    seed,
  );

export const peerOf = (measured: Measured, figure: string, seed: number): Estimate =>
  estimate(
    measured.pairs.map(({ peer }) => peer[figure] ?? Number.NaN),
    seed,
  );

export const ratioOf = (measured: Measured, figure: string, seed: number): Estimate =>
  estimate(ratiosOf(measured.pairs, figure), seed);

/** A count that is what it is: it has no chance in it. */
export const exactly = (value: number): Estimate => ({ value, interval: [value, value] });

/** The last line of a run, and the lines for people before it. */
export function tell(bench: Bench, run: Run, result: Result): Record<string, unknown> {
  const met = !result.unsound && result.bars.every((each) => each.met);
  const aims = result.bars.filter(({ aim }) => aim !== null);
  for (const { what, value, interval, must, aim, way, met: isMet } of result.bars) {
    const sign = way === 'at_most' ? '<=' : '>=';
    const aimed = aim === null ? '' : `, aim ${sign} ${short(aim)}`;
    const [low, high] = interval.map(short);
    run.say(
      `${isMet ? 'met    ' : 'NOT MET'} ${what}: ${short(value)} [${low ?? ''}, ${high ?? ''}], ` +
        `must ${sign} ${short(must)}${aimed}`,
    );
  }
  if (result.unsound) run.say('NOT MET the machine was not quiet: too many pairs were void');
  return {
    bench: bench.name,
    ours: result.ours,
    peer: result.peer,
    ratio: result.ratio.value,
    interval: result.ratio.interval,
    must: result.must,
    aim: result.aim,
    met,
    aimMet: met && aims.every((each) => each.aimMet === true),
    ...{ figure: result.figure, unit: result.unit, judged: result.judged, bars: result.bars },
    ...{ seed: run.seed, full: run.full, pairs: result.pairs, voidPairs: result.voidPairs },
    ...{ unsound: result.unsound, ...circumstances(result.postgres), ...result.more },
  };
}
