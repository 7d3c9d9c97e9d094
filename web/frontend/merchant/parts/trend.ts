// The chart in one sentence, for everybody who does not see it and everybody in a hurry.
import type { DayShown } from '../../shared/dashboard-api.ts';

/** What is drawn and told of each day. */
export const measures = ['amount', 'sats', 'paid'] as const;
export type Measure = (typeof measures)[number];

/** For heights and percents only: what is printed stays the decimal string that came. */
export const heightOf = (day: DayShown, measure: Measure): number => Number(day[measure]);

export type Trend =
  | { is: 'nothing' }
  | {
      is: 'some';
      best: DayShown;
      /** The second half of the days against the first; undefined: too few days to say. */
      change: { is: 'more' | 'less'; percent: number } | { is: 'same' | 'begun' } | undefined;
    };

const sum = (days: readonly DayShown[], measure: Measure): number =>
  days.reduce((all, day) => all + heightOf(day, measure), 0);

/** Less than this is no change. */
const samePercent = 5;
const fewestDays = 4;

export function trendOf(days: readonly DayShown[], measure: Measure): Trend {
  const [first] = days;
  if (first === undefined || sum(days, measure) <= 0) return { is: 'nothing' };
  const best = days.reduce((top, day) =>
    heightOf(day, measure) > heightOf(top, measure) ? day : top,
  );
  return { is: 'some', best, change: changeOf(days, measure) };
}

function changeOf(
  days: readonly DayShown[],
  measure: Measure,
): Extract<Trend, { is: 'some' }>['change'] {
  if (days.length < fewestDays) return undefined;
  // Of an odd number of days the middle one is in neither half.
  const half = Math.floor(days.length / 2);
  const before = sum(days.slice(0, half), measure);
  const after = sum(days.slice(-half), measure);
  if (before <= 0) return after <= 0 ? undefined : { is: 'begun' };
  const percent = Math.round((after / before - 1) * 100);
  if (Math.abs(percent) < samePercent) return { is: 'same' };
  return { is: percent > 0 ? 'more' : 'less', percent: Math.abs(percent) };
}
