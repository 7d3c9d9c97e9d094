import { Badge, BlockStack, Card, InlineStack, Text } from '@shopify/polaris';
import type { OperationAnswer } from '../../shared/operation-api.ts';
import { useWords } from '../words.tsx';
import { Measures } from './measures.tsx';
import { shortId } from './operation-streams.tsx';
import { useAmounts } from './use-amounts.ts';

/** The processes that work, and whether their machines keep up. */
export function Pools({ answer }: { answer: OperationAnswer }) {
  const { t, locale } = useWords();
  const { pools, timeZone } = answer;
  const { count, when } = useAmounts(timeZone);
  const percent = new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 0 });
  return (
    <Card>
      <BlockStack gap="300">
        <InlineStack align="space-between" blockAlign="center" gap="200">
          <Text as="h2" variant="headingMd">
            {t('operation.pools')}
          </Text>
          <Badge tone={pools.alive === 0 ? 'critical' : 'success'}>
            {t('operation.pools.alive', { count: count(pools.alive) })}
          </Badge>
        </InlineStack>
        <Text as="p" tone="subdued">
          {t('operation.pools.text')}
        </Text>
        <ul className="zt-list zt-rows">
          {pools.listed.map((pool) => (
            <li key={pool.id}>
              <BlockStack gap="200">
                <InlineStack align="space-between" blockAlign="center" gap="200">
                  <Text as="h3" variant="headingSm" breakWord>
                    {shortId(pool.id)}
                  </Text>
                  {pool.brake < 1 && <Badge tone="warning">{t('operation.pool.slow')}</Badge>}
                </InlineStack>
                <Measures
                  of={[
                    { name: t('operation.pool.brake'), is: percent.format(pool.brake) },
                    { name: t('operation.pool.streams'), is: count(pool.streams) },
                    { name: t('operation.pool.since'), is: when(pool.startedAt) },
                    { name: t('operation.pool.version'), is: pool.version },
                  ]}
                />
              </BlockStack>
            </li>
          ))}
        </ul>
        {pools.alive > pools.listed.length && (
          <Text as="p" tone="subdued">
            {t('operation.pools.more', { count: count(pools.alive - pools.listed.length) })}
          </Text>
        )}
      </BlockStack>
    </Card>
  );
}
