// What the first page asks of a big shop, and what opening and seeing a payment costs it.
import {
  apiNotices,
  countsByState,
  dayFigures,
  daysOfPeriod,
  largestRecentMsat,
  paymentsForPerson,
  waitSteps,
} from '../../web/db/views.ts';
import type { Database } from '../../web/db/database.ts';
import type { Question } from './measure.ts';
import type { Million } from './million.ts';

export function dashboardQuestions(db: Database, { shopId }: Million): Question[] {
  const period = (days: number) => ({ shopId, timeZone: 'Europe/Berlin', days, now: new Date() });
  const page = (days: number): Promise<unknown> =>
    Promise.all([
      dayFigures(db, period(days)),
      waitSteps(db, period(days)),
      daysOfPeriod(db, period(days)),
    ]);
  return [
    ...[1, 7, 30, 90].map((days) => ({
      name: `dashboard: the figures of ${String(days)} days`,
      ask: () => page(days),
    })),
    {
      name: 'dashboard: what needs a person',
      ask: () =>
        Promise.all([
          paymentsForPerson(db, { shopId, limit: 20 }),
          largestRecentMsat(db, shopId),
          apiNotices(db, new Date()),
        ]),
    },
    { name: 'dashboard: payments by state', ask: () => countsByState(db, shopId) },
  ];
}
