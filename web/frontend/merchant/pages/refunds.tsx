import {
  Banner,
  BlockStack,
  Box,
  Button,
  Card,
  EmptyState,
  InlineStack,
  Link,
  Page,
  Select,
  Text,
} from '@shopify/polaris';
import { useState } from 'react';
import type { RefundsAnswer, RefundShown } from '../../shared/refunds-api.ts';
import { Failed } from '../parts/failed.tsx';
import { PlainTable } from '../parts/plain-table.tsx';
import { RefundBadge } from '../parts/refund-badge.tsx';
import { useAmounts } from '../parts/use-amounts.ts';
import { WaitingPage } from '../parts/waiting-page.tsx';
import { useApi } from '../use-api.ts';
import { useWords } from '../words.tsx';

const lookAgainMs = 15_000;
const filters = ['all', 'open', 'asked', 'claimable', 'claimed', 'over', 'rewards'] as const;
type Filter = (typeof filters)[number];

export default function Refunds() {
  const { t } = useWords();
  const [filter, setFilter] = useState<Filter>('all');
  /** Where each page that was turned to begins. */
  const [turned, setTurned] = useState<readonly string[]>([]);
  const after = turned.at(-1);
  const ask = new URLSearchParams({
    ...(filter === 'all' ? {} : { state: filter }),
    ...(after === undefined ? {} : { after }),
  });
  const loaded = useApi<RefundsAnswer>(`/api/refunds?${ask.toString()}`, { everyMs: lookAgainMs });
  const { value, trouble, again } = loaded;
  if (value === undefined && trouble === undefined) {
    return <WaitingPage title={t('nav.refunds')} lines={[10]} />;
  }
  return (
    <Page title={t('nav.refunds')}>
      <BlockStack gap="400">
        {trouble !== undefined && (
          <Failed title={t('refunds.failed')} trouble={trouble} again={again} />
        )}
        {/* Rewards go on without refunds. */}
        {value?.isOn === false && filter !== 'rewards' && <Off />}
        {value !== undefined && (
          <Card>
            <BlockStack gap="400">
              <Box maxWidth="20rem">
                <Select
                  label={t('refunds.show')}
                  options={filters.map((each) => ({
                    value: each,
                    label: t(`refunds.show.${each}`),
                  }))}
                  value={filter}
                  onChange={(chosen) => {
                    setTurned([]);
                    setFilter(filters.find((each) => each === chosen) ?? 'all');
                  }}
                />
              </Box>
              <Listed
                {...{ answer: value, filter, isOld: loaded.isOld, turned: turned.length > 0 }}
                onOlder={(older) => setTurned([...turned, older])}
                onNewer={() => setTurned(turned.slice(0, -1))}
              />
            </BlockStack>
          </Card>
        )}
      </BlockStack>
    </Page>
  );
}

function Off() {
  const { t } = useWords();
  return (
    <Banner tone="info">
      <p>
        {t('refunds.off')} <Link url="/settings">{t('refunds.off.settings')}</Link>
      </p>
    </Banner>
  );
}

function Listed(props: {
  answer: RefundsAnswer;
  filter: Filter;
  isOld: boolean;
  turned: boolean;
  onOlder: (older: string) => void;
  onNewer: () => void;
}) {
  const { t } = useWords();
  const { answer, filter, isOld, turned, onOlder, onNewer } = props;
  const { refunds, older, timeZone } = answer;
  if (refunds.length === 0 && !turned) return <Nothing filter={filter} />;
  return (
    <div aria-busy={isOld}>
      <BlockStack gap="400">
        <Table refunds={refunds} timeZone={timeZone} />
        {(turned || older !== null) && (
          <InlineStack gap="200" align="end">
            <Button disabled={!turned} onClick={onNewer}>
              {t('refunds.newer')}
            </Button>
            <Button disabled={older === null} onClick={() => onOlder(older ?? '')}>
              {t('refunds.older')}
            </Button>
          </InlineStack>
        )}
      </BlockStack>
    </div>
  );
}

function Table({ refunds, timeZone }: { refunds: readonly RefundShown[]; timeZone: string }) {
  const { t } = useWords();
  const { fiat, sats, when } = useAmounts(timeZone);
  return (
    <PlainTable
      label={t('nav.refunds')}
      columns={[
        { heading: t('column.order') },
        { heading: t('column.state') },
        { heading: t('column.amount'), isNumber: true },
        { heading: t('refunds.when') },
      ]}
      rows={refunds.map((refund) => [
        <Link key="order" url={`/payments/${refund.paymentId}`}>
          {refund.orderName}
        </Link>,
        <RefundBadge key="state" refund={refund} />,
        <BlockStack key="amount">
          {refund.origin === 'reward' && <span>{t('rewards.one')}</span>}
          {refund.fiat !== null && <span>{fiat(refund.fiat)}</span>}
          <Text as="span" tone="subdued" numeric>
            {refund.sats === null ? '–' : sats(refund.sats)}
          </Text>
        </BlockStack>,
        <time key="when" dateTime={refund.openedAt}>
          {when(refund.openedAt)}
        </time>,
      ])}
    />
  );
}

function Nothing({ filter }: { filter: Filter }) {
  const { t } = useWords();
  if (filter !== 'all') {
    return (
      <Text as="p" tone="subdued">
        {t(filter === 'rewards' ? 'refunds.none_rewards' : 'refunds.none_here')}
      </Text>
    );
  }
  return (
    <EmptyState heading={t('refunds.empty')} image="">
      <p>{t('refunds.empty.text')}</p>
    </EmptyState>
  );
}
