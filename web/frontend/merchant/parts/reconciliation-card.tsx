import { BlockStack, Button, Card, InlineStack, Spinner, Text } from '@shopify/polaris';
import type { ReconciliationAnswer, RunShown } from '../../shared/reconcile-api.ts';
import { useWords } from '../words.tsx';
import { Failed } from './failed.tsx';
import { useAmounts } from './use-amounts.ts';
import type { Reconciling } from './use-reconciliation.ts';

/** Whether orders and money agree, since when that is known, and a button to look again. */
export function ReconciliationCard({ reconciling }: { reconciling: Reconciling }) {
  const { t } = useWords();
  const { answer, isStarting, trouble, start } = reconciling;
  if (answer === undefined) return null;
  const { running, last } = answer;
  return (
    <Card>
      <BlockStack gap="300">
        <Text as="h2" variant="headingMd">
          {t('reconcile.title')}
        </Text>
        {last === null && running === null && (
          <Text as="p" tone="subdued">
            {t('reconcile.never')}
          </Text>
        )}
        {last !== null && <Last answer={answer} last={last} />}
        {trouble !== undefined && (
          <Failed title={t('reconcile.failed')} trouble={trouble} again={() => void start()} />
        )}
        <div>
          <div role="status">{running !== null && <Progress run={running} />}</div>
          <Button loading={isStarting || running !== null} onClick={() => void start()}>
            {t(last === null ? 'reconcile.first' : 'reconcile.again')}
          </Button>
        </div>
      </BlockStack>
    </Card>
  );
}

function Last(props: { answer: ReconciliationAnswer; last: RunShown & { endedAt: string } }) {
  const { t } = useWords();
  const { answer, last } = props;
  const { count, when, clock, day } = useAmounts(answer.timeZone);
  const { unmatched, isLastNight } = answer;
  const checked = t(last.readsOrders ? 'reconcile.orders' : 'reconcile.payments', {
    count: count(last.readsOrders ? last.orders : last.payments),
  });
  return (
    <BlockStack gap="100">
      <Text as="p" fontWeight="semibold" tone={unmatched === 0 ? 'success' : 'critical'}>
        {t('reconcile.result', { checked, unmatched: count(unmatched) })}
      </Text>
      <Text as="p" tone="subdued">
        {isLastNight
          ? t('reconcile.last_night', { time: clock(last.endedAt) })
          : t('reconcile.at', { when: when(last.endedAt) })}{' '}
        {t('reconcile.since', { day: day(last.since) })}
      </Text>
      {last.healed > 0 && (
        <Text as="p" tone="subdued">
          {t('reconcile.healed', { count: count(last.healed) })}
        </Text>
      )}
      {!last.isWhole && <Text as="p">{t('reconcile.partly')}</Text>}
      {!last.readsOrders && (
        <Text as="p" tone="subdued">
          {t('reconcile.no_orders')}
        </Text>
      )}
    </BlockStack>
  );
}

function Progress({ run }: { run: RunShown }) {
  const { t } = useWords();
  const { count } = useAmounts();
  return (
    <InlineStack gap="200" wrap={false} blockAlign="center">
      <Spinner size="small" />
      <Text as="p">
        {t('reconcile.running', { orders: count(run.orders), invoices: count(run.invoices) })}
      </Text>
    </InlineStack>
  );
}
