import { Banner, BlockStack, Layout, Page, Text } from '@shopify/polaris';
import type { OperationAnswer } from '../../shared/operation-api.ts';
import { Failed } from '../parts/failed.tsx';
import { Lanes } from '../parts/operation-lanes.tsx';
import { Pools } from '../parts/operation-pools.tsx';
import { Streams } from '../parts/operation-streams.tsx';
import { AtAGlance, Versions } from '../parts/operation-summary.tsx';
import { useAmounts } from '../parts/use-amounts.ts';
import { WaitingPage } from '../parts/waiting-page.tsx';
import { useApi } from '../use-api.ts';
import { useWords } from '../words.tsx';

const lookAgainMs = 5_000;

/** How the engine works for this shop: for whoever runs the server and asks why it waits. */
export default function Operation() {
  const { t } = useWords();
  const { value, trouble, again, isAsking } = useApi<OperationAnswer>('/api/operation', {
    everyMs: lookAgainMs,
  });
  if (value === undefined) {
    if (trouble === undefined) return <WaitingPage title={t('operation.title')} lines={[4, 8]} />;
    return (
      <Page title={t('operation.title')}>
        <Failed title={t('operation.failed')} trouble={trouble} again={again} />
      </Page>
    );
  }
  return (
    <Page title={t('operation.title')} subtitle={t('operation.subtitle')}>
      <BlockStack gap="400">
        {trouble !== undefined && (
          <Failed
            title={t('operation.failed')}
            trouble={trouble}
            again={again}
            isAsking={isAsking}
          />
        )}
        {value.pools.alive === 0 && (
          <Banner tone="critical" title={t('operation.no_pool.title')}>
            <p>{t('operation.no_pool.text')}</p>
            <code className="zt-code">npm run work</code>
          </Banner>
        )}
        <Layout>
          <Layout.Section>
            <div className="zt-column">
              <AtAGlance answer={value} />
              <Lanes lanes={value.lanes} timeZone={value.timeZone} />
              <Streams answer={value} />
            </div>
          </Layout.Section>
          <Layout.Section variant="oneThird">
            <div className="zt-column">
              <Pools answer={value} />
              <Versions versions={value.versions} />
              <SeenAt answer={value} />
            </div>
          </Layout.Section>
        </Layout>
      </BlockStack>
    </Page>
  );
}

/** Whatever is shown is of this moment, also when nothing more can be had. */
function SeenAt({ answer }: { answer: OperationAnswer }) {
  const { t } = useWords();
  const { exactly } = useAmounts(answer.timeZone);
  return (
    <div className="zt-period">
      <Text as="p" variant="bodySm" tone="subdued">
        {t('operation.seen', { when: exactly(answer.at) })}
      </Text>
    </div>
  );
}
