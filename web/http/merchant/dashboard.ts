// The figures of the first page, and the one act that it offers: saying that a stuck payment was
// settled with the buyer.
import { z } from 'zod';
import { waitOf } from '../../core/figures.ts';
import { decimalOfCode, minor, msat, satsOf } from '../../core/money.ts';
import * as views from '../../db/views.ts';
import { settleByHand } from '../../flows/settle-by-hand.ts';
import {
  periods,
  type DashboardAnswer,
  type PeriodDays,
  type SettleByHandAnswer,
} from '../../frontend/shared/dashboard-api.ts';
import { answerJson } from '../answers.ts';
import type { Doors, Route } from '../doors.ts';
import { merchantRoute, type Seen } from './door.ts';
import { paymentOf } from './payment-of.ts';

export const dashboardRoutes = (doors: Doors): Route[] => [
  merchantRoute(doors, { method: 'get', path: '/api/dashboard', policy: 'merchant' }, (seen) =>
    dashboardAnswer(doors, seen),
  ),
  merchantRoute(
    doors,
    { method: 'post', path: '/api/payments/:id/settle-by-hand', policy: 'merchant' },
    (seen) => settleAnswer(doors, seen),
  ),
];

async function dashboardAnswer(doors: Doors, seen: Seen): Promise<void> {
  const { shop, request, response } = seen;
  const { db, clock } = doors.deps;
  const asked = periods.find((days) => String(days) === request.query['days']);
  if (asked === undefined) {
    answerJson(response, 400, { error: `Ask for ${periods.join(', ')} days.` });
    return;
  }
  const { timeZone, currency } = shop;
  const period = { shopId: shop.id, timeZone, days: asked, now: clock() };
  const [figures, steps, days] = await Promise.all([
    views.dayFigures(db, period),
    views.waitSteps(db, period),
    views.daysOfPeriod(db, period),
  ]);
  answerJson(response, 200, answerOf({ asked, timeZone, currency, figures, steps, days }));
}

type Found = {
  asked: PeriodDays;
  timeZone: string;
  currency: string | null;
  figures: readonly views.DayFigures[];
  steps: Parameters<typeof waitOf>[0];
  days: readonly string[];
};

function answerOf(found: Found): DashboardAnswer {
  const { asked, timeZone, currency, figures, steps, days } = found;
  const amounts = amountsOf(found);
  // Most orders first; the shop's own currency is what its merchant thinks in.
  const dayCurrency =
    amounts.find((amount) => amount.currency === currency)?.currency ??
    amounts[0]?.currency ??
    currency;
  const told = steps.reduce((sum, step) => sum + step.told, 0n);
  return {
    days: asked,
    timeZone,
    currency,
    opened: count(figures, 'opened'),
    paid: count(figures, 'paid'),
    sats: satsIn(figures),
    amounts,
    wait:
      told <= 0n
        ? null
        : {
            told: Number(told),
            medianMs: waitOf(steps, 500n) ?? 0,
            p99Ms: waitOf(steps, 990n) ?? 0,
          },
    pages: { viewed: count(figures, 'viewed'), paid: count(figures, 'viewed_paid') },
    dayCurrency,
    byDay: days.map((day) => {
      const ofDay = figures.filter((row) => row.day === day);
      const inCurrency = ofDay.filter((row) => row.currency === dayCurrency);
      return {
        day,
        paid: count(ofDay, 'paid'),
        sats: satsIn(ofDay),
        amount: dayCurrency === null ? '0' : fiatIn(inCurrency, dayCurrency),
      };
    }),
  };
}

type Rows = readonly views.DayFigures[];
type Summed = 'opened' | 'viewed' | 'viewed_paid' | 'paid' | 'fiat_minor' | 'amount_msat';

const sum = (figures: Rows, what: Summed): bigint =>
  figures.reduce((all, row) => all + BigInt(row[what]), 0n);
const count = (figures: Rows, what: Summed): number => Number(sum(figures, what));
const satsIn = (figures: Rows): string => satsOf(msat(sum(figures, 'amount_msat')));

const fiatIn = (figures: Rows, code: string): string =>
  decimalOfCode(minor(sum(figures, 'fiat_minor')), code);

/** One sum for each currency: the shop's own first, then what brought most orders. */
function amountsOf({ figures, currency }: Found): DashboardAnswer['amounts'] {
  return [...new Set(figures.map((row) => row.currency))]
    .map((code) => {
      const own = figures.filter((row) => row.currency === code);
      return { currency: code, amount: fiatIn(own, code), paid: count(own, 'paid') };
    })
    .filter(({ paid }) => paid > 0)
    .sort(
      (a, b) =>
        Number(b.currency === currency) - Number(a.currency === currency) || b.paid - a.paid,
    );
}

const refusals = {
  not_stranded:
    'This payment is not stuck any more: perhaps somebody settled it a moment ago. ' +
    'Nothing was changed.',
  not_confirmed: 'Confirm that you have settled it with the buyer: there is no way back.',
} as const;

async function settleAnswer(doors: Doors, seen: Seen): Promise<void> {
  const { staffId, request, response } = seen;
  const refuse = (refusal: keyof typeof refusals): void => {
    const answer: SettleByHandAnswer = { ok: false, refusal, sentence: refusals[refusal] };
    answerJson(response, 422, answer);
  };
  const at = await paymentOf(doors, seen);
  const confirmed = z.strictObject({ confirmed: z.literal(true) }).safeParse(request.body).success;
  if (at !== undefined && !confirmed) {
    refuse('not_confirmed');
    return;
  }
  const settled = at && (await settleByHand(doors.deps, { ...at, staffId }));
  if (settled === undefined || (!settled.ok && settled.refusal === 'unknown_payment')) {
    answerJson(response, 404, { error: 'There is no such payment in this shop.' });
    return;
  }
  if (settled.ok) answerJson(response, 200, { ok: true } satisfies SettleByHandAnswer);
  else refuse('not_stranded');
}
