import { BlockStack, Card, Layout, Page, Text } from '@shopify/polaris';
import type { ReactNode } from 'react';
import { useSearchParams } from 'react-router';
import { periods, type DashboardAnswer, type PeriodDays } from '../../shared/dashboard-api.ts';
import type { PaymentsAnswer, ShopAnswer } from '../../shared/merchant-api.ts';
import { CheckoutCard } from '../parts/checkout-card.tsx';
import { Counts } from '../parts/counts.tsx';
import { Failed } from '../parts/failed.tsx';
import { Figures } from '../parts/figures.tsx';
import { LatestPayments } from '../parts/latest-payments.tsx';
import { NodeSummary } from '../parts/node-summary.tsx';
import { PeriodChoice } from '../parts/period-choice.tsx';
import { Problems } from '../parts/problems.tsx';
import { Sales } from '../parts/sales.tsx';
import { SetupCard } from '../parts/setup-card.tsx';
import { ReconciliationCard } from '../parts/reconciliation-card.tsx';
import { useBlocks, type Blocks } from '../parts/use-blocks.ts';
import { useReconciliation, type Reconciling } from '../parts/use-reconciliation.ts';
import { WaitingPage } from '../parts/waiting-page.tsx';
import { useApi, type Loaded } from '../use-api.ts';
import { useWords } from '../words.tsx';

const lookAgainMs = 15_000;
/** Figures of days do not change so fast. */
const countAgainMs = 60_000;

/** The period is in the address, so that a reload and a link show the same. */
function usePeriod(): [PeriodDays, (days: PeriodDays) => void] {
  const [search, setSearch] = useSearchParams();
  const asked = periods.find((days) => String(days) === search.get('days')) ?? 30;
  return [
    asked,
    (days) => {
      setSearch(
        (last) => {
          last.set('days', String(days));
          return last;
        },
        { replace: true },
      );
    },
  ];
}

export function Home() {
  const { t } = useWords();
  const [days, setDays] = usePeriod();
  const shop = useApi<ShopAnswer>('/api/shop', { everyMs: lookAgainMs });
  const latest = useApi<PaymentsAnswer>('/api/payments', { everyMs: lookAgainMs });
  const figures = useApi<DashboardAnswer>(`/api/dashboard?days=${String(days)}`, {
    everyMs: countAgainMs,
  });
  const { blocks, isAsking } = useBlocks();
  const reconciling = useReconciliation();
  // What comes piece by piece moves what is there: the page waits until it knows its whole form.
  if ([shop, latest, figures].some(isWaiting) || isAsking || reconciling.isWaiting)
    return <WaitingPage title={t('home.title')} lines={[3, 4, 6]} />;
  return (
    <Page title={t('home.title')}>
      <Layout>
        {shop.trouble !== undefined && (
          <Layout.Section>
            <Failed title={t('home.failed')} trouble={shop.trouble} again={shop.again} />
          </Layout.Section>
        )}
        {shop.value !== undefined && (
          <Overview
            shop={shop.value}
            blocks={blocks}
            latest={latest.value}
            reconciling={reconciling}
            onChanged={() => {
              shop.again();
              reconciling.look();
            }}
            figures={<Period figures={figures} days={days} setDays={setDays} />}
          />
        )}
      </Layout>
    </Page>
  );
}

const isWaiting = ({ value, trouble }: Loaded<unknown>): boolean =>
  value === undefined && trouble === undefined;

function Overview(props: {
  shop: ShopAnswer;
  blocks: Blocks | undefined;
  latest: PaymentsAnswer | undefined;
  onChanged: () => void;
  figures: ReactNode;
  reconciling: Reconciling;
}) {
  const { shop, blocks, latest, onChanged, figures, reconciling } = props;
  const isSetUp = Object.values(shop.setup).every(Boolean);
  // The setup says already that there is no node.
  const problems = shop.problems.filter(({ what }) => isSetUp || what !== 'no_node');
  const hasBegun = Object.values(shop.counts).some((count) => count > 0);
  return (
    <>
      {!isSetUp && (
        <Layout.Section>
          <SetupCard setup={shop.setup} />
        </Layout.Section>
      )}
      {(problems.length > 0 || isSetUp) && (
        <Layout.Section>
          <Problems problems={problems} shop={shop.shop} onChanged={onChanged} />
        </Layout.Section>
      )}
      <Layout.Section>
        <div className="zt-column">
          {hasBegun ? figures : <NothingYet methodName={shop.method.name} />}
          {(hasBegun || latest === undefined) && (
            <LatestPayments payments={latest?.payments} methodName={shop.method.name} />
          )}
        </div>
      </Layout.Section>
      <Layout.Section variant="oneThird">
        <div className="zt-column">
          {(isSetUp || hasBegun) && <ReconciliationCard reconciling={reconciling} />}
          <NodeSummary node={shop.node} />
          <CheckoutCard methodName={shop.method.name} blocks={blocks} />
          {hasBegun && <Counts counts={shop.counts} />}
        </div>
      </Layout.Section>
    </>
  );
}

/** Before the first order: what will appear here, and what makes it come. */
function NothingYet({ methodName }: { methodName: string }) {
  const { t } = useWords();
  return (
    <Card>
      <BlockStack gap="200">
        <Text as="h2" variant="headingMd">
          {t('home.nothing.title')}
        </Text>
        <Text as="p">{t('home.nothing.text', { method: methodName })}</Text>
        <Text as="p" tone="subdued">
          {t('home.nothing.later')}
        </Text>
      </BlockStack>
    </Card>
  );
}

function Period(props: {
  figures: Loaded<DashboardAnswer>;
  days: PeriodDays;
  setDays: (days: PeriodDays) => void;
}) {
  const { t } = useWords();
  const { figures, days, setDays } = props;
  const { value, trouble, isOld, isAsking, again } = figures;
  return (
    <>
      <PeriodChoice days={days} onChange={setDays} />
      {trouble !== undefined && (
        <Failed title={t('figures.failed')} trouble={trouble} isAsking={isAsking} again={again} />
      )}
      {value !== undefined && (
        <div className={`zt-column${isOld ? ' zt-old' : ''}`} aria-busy={isOld}>
          <Figures answer={value} />
          {value.byDay.length > 1 && <Sales answer={value} />}
        </div>
      )}
    </>
  );
}
