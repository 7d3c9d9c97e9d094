import { BlockStack, Button, ButtonGroup, Card, InlineStack, Text } from '@shopify/polaris';
import { lazy, Suspense, useId, useState } from 'react';
import type { DashboardAnswer, DayShown } from '../../shared/dashboard-api.ts';
import { formatSats } from '../../shared/amounts.ts';
import { useWords, type Speech } from '../words.tsx';
import { measures, trendOf, type Measure, type Trend } from './trend.ts';
import { useAmounts } from './use-amounts.ts';

const SalesChart = lazy(() =>
  import('./sales-chart.tsx').then((found) => ({ default: found.SalesChart })),
);

/** A day of the shop is a date and no moment: it is printed as it is, in no time zone. */
const dateOf = (day: string): Date => new Date(`${day}T00:00:00Z`);

/** Paid orders day by day: a sentence, a drawing, and the same as a table. */
export function Sales({ answer }: { answer: DashboardAnswer }) {
  const { t, locale } = useWords();
  const [measure, setMeasure] = useState<Measure>('amount');
  const [isTable, setTable] = useState(false);
  const table = useId();
  const print = usePrinting(answer);
  const { byDay, timeZone } = answer;
  const short = new Intl.DateTimeFormat(locale, {
    day: 'numeric',
    month: 'short',
    timeZone: 'UTC',
  });
  const dayName = (day: string): string => short.format(dateOf(day));
  const said = sentenceOf(trendOf(byDay, measure), { t, print, measure });
  return (
    <Card>
      <BlockStack gap="300">
        <InlineStack align="space-between" blockAlign="center" gap="200">
          <Text as="h2" variant="headingMd">
            {t('sales.title')}
          </Text>
          <ButtonGroup variant="segmented">
            {measures.map((one) => (
              <Button
                key={one}
                size="slim"
                pressed={one === measure}
                onClick={() => {
                  setMeasure(one);
                }}
              >
                {one === 'amount' ? (answer.dayCurrency ?? t('sales.amount')) : t(`sales.${one}`)}
              </Button>
            ))}
          </ButtonGroup>
        </InlineStack>
        <Text as="p">{said}</Text>
        <div className="zt-chart" role="img" aria-label={said}>
          <Suspense>
            <SalesChart
              days={byDay}
              measure={measure}
              dayName={dayName}
              valueName={(day) => print(day, measure)}
            />
          </Suspense>
        </div>
        <Text as="p" variant="bodySm" tone="subdued">
          {t('sales.text', { zone: timeZone.replaceAll('_', ' ') })}
        </Text>
        <div>
          <Button
            variant="plain"
            ariaExpanded={isTable}
            ariaControls={table}
            onClick={() => {
              setTable(!isTable);
            }}
          >
            {t(isTable ? 'sales.hide_table' : 'sales.show_table')}
          </Button>
        </div>
        <div id={table} hidden={!isTable}>
          {isTable && <SalesTable answer={answer} dayName={dayName} />}
        </div>
      </BlockStack>
    </Card>
  );
}

type Print = (day: DayShown, measure: Measure | 'day') => string;

function usePrinting(answer: DashboardAnswer): Print {
  const { locale, t } = useWords();
  const { fiat, sats, count } = useAmounts();
  const long = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeZone: 'UTC' });
  return (day, what) => {
    if (what === 'day') return long.format(dateOf(day.day));
    if (what === 'sats') return sats(day.sats);
    if (what === 'paid') return t('sales.orders', { count: count(day.paid) });
    return answer.dayCurrency === null
      ? t('figures.nothing')
      : fiat({ amount: day.amount, currency: answer.dayCurrency });
  };
}

function sentenceOf(
  trend: Trend,
  about: { t: Speech['t']; print: Print; measure: Measure },
): string {
  const { t, print, measure } = about;
  if (trend.is === 'nothing') return t('sales.nothing');
  const { best, change } = trend;
  const top = t('sales.best', { day: print(best, 'day'), value: print(best, measure) });
  if (change === undefined) return top;
  const percent = 'percent' in change ? { percent: String(change.percent) } : {};
  return `${top} ${t(`sales.${change.is}`, percent)}`;
}

/** A real table: what the drawing shows, day by day, the newest first. */
function SalesTable(props: { answer: DashboardAnswer; dayName: (day: string) => string }) {
  const { t, locale } = useWords();
  const { answer, dayName } = props;
  const { count } = useAmounts();
  const print = usePrinting(answer);
  return (
    <table className="zt-days">
      <caption>{t('sales.title')}</caption>
      <thead>
        <tr>
          <th scope="col">{t('sales.day')}</th>
          <th scope="col">{t('sales.paid')}</th>
          <th scope="col">{answer.dayCurrency ?? t('sales.amount')}</th>
          <th scope="col">{t('sales.sats')}</th>
        </tr>
      </thead>
      <tbody>
        {answer.byDay.toReversed().map((day) => (
          <tr key={day.day}>
            <th scope="row">{dayName(day.day)}</th>
            <td>{count(day.paid)}</td>
            <td>{print(day, 'amount')}</td>
            <td>{formatSats(day.sats, locale)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
