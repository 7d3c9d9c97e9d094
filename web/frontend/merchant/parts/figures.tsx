import { BlockStack, Card, Text } from '@shopify/polaris';
import type { ReactNode } from 'react';
import type { DashboardAnswer } from '../../shared/dashboard-api.ts';
import { useWords } from '../words.tsx';
import { useAmounts } from './use-amounts.ts';

const secondMs = 1_000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;

/** A wait in the largest unit that it fills: `1.4 sec`, `3 min`, `2.5 hr`. */
export function formatWait(ms: number, locale: string): string {
  const [unit, size] =
    ms < minuteMs
      ? (['second', secondMs] as const)
      : ms < hourMs
        ? (['minute', minuteMs] as const)
        : (['hour', hourMs] as const);
  return new Intl.NumberFormat(locale, {
    style: 'unit',
    unit,
    unitDisplay: 'short',
    maximumSignificantDigits: 2,
  }).format(ms / size);
}

/** The figures of a period, each with a sentence that says what it counts. */
export function Figures({ answer }: { answer: DashboardAnswer }) {
  const { t, locale } = useWords();
  const { count, fiat, sats } = useAmounts();
  const { amounts, pages, wait } = answer;
  const percent = new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 0 });
  return (
    <Card>
      <BlockStack gap="300">
        <Text as="h2" variant="headingMd">
          {t('figures.title')}
        </Text>
        <dl className="zt-figure-list">
          <Figure name={t('figures.paid')} says={t('figures.paid.text')}>
            {count(answer.paid)}
            <Small>{t('figures.paid.of', { opened: count(answer.opened) })}</Small>
          </Figure>
          <Figure
            name={t('figures.amount')}
            says={t(amounts.length > 1 ? 'figures.amount.several' : 'figures.amount.text')}
          >
            {amounts.length === 0
              ? t('figures.nothing')
              : amounts.map(({ currency, amount }) => (
                  <span className="zt-line" key={currency}>
                    {fiat({ amount, currency })}
                  </span>
                ))}
          </Figure>
          <Figure name={t('figures.sats')} says={t('figures.sats.text')}>
            {sats(answer.sats)}
          </Figure>
          <Figure name={t('figures.wait')} says={t('figures.wait.text')}>
            {wait === null ? t('figures.not_measured') : formatWait(wait.medianMs, locale)}
            {wait !== null && (
              <Small>{t('figures.wait.p99', { wait: formatWait(wait.p99Ms, locale) })}</Small>
            )}
          </Figure>
          <Figure name={t('figures.pages')} says={t('figures.pages.text')}>
            {pages.viewed === 0
              ? t('figures.not_measured')
              : percent.format(pages.paid / pages.viewed)}
            {pages.viewed > 0 && (
              <Small>
                {t('figures.pages.of', { paid: count(pages.paid), viewed: count(pages.viewed) })}
              </Small>
            )}
          </Figure>
        </dl>
      </BlockStack>
    </Card>
  );
}

const Small = ({ children }: { children: ReactNode }) => (
  <Text as="span" variant="bodySm" tone="subdued">
    {children}
  </Text>
);

function Figure(props: { name: string; says: string; children: ReactNode }) {
  const { name, says, children } = props;
  return (
    <div>
      <dt>
        <Text as="span" variant="bodySm" fontWeight="medium">
          {name}
        </Text>
      </dt>
      <dd className="zt-figure">{children}</dd>
      <dd>
        <Text as="span" variant="bodySm" tone="subdued">
          {says}
        </Text>
      </dd>
    </div>
  );
}
