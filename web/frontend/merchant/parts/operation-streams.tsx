import { Badge, BlockStack, Card, InlineStack, Link, Text } from '@shopify/polaris';
import type { OperationAnswer, StreamShown } from '../../shared/operation-api.ts';
import { useWords } from '../words.tsx';
import { Measures } from './measures.tsx';
import { reasonOf } from './operation-reason.ts';
import { useAmounts } from './use-amounts.ts';

const tones = { whole: 'success', behind: 'attention', away: 'warning' } as const;

/** Who hears of the payments to each node, and how far. */
export function Streams({ answer }: { answer: OperationAnswer }) {
  const { t } = useWords();
  const { streams, timeZone } = answer;
  return (
    <Card>
      <BlockStack gap="300">
        <Text as="h2" variant="headingMd">
          {t('operation.streams')}
        </Text>
        <Text as="p" tone="subdued">
          {t('operation.streams.text')}
        </Text>
        {streams.length === 0 ? (
          <>
            <Text as="p">{t('operation.streams.none')}</Text>
            <Link url="/node">{t('guide.node.action')}</Link>
          </>
        ) : (
          <ul className="zt-list zt-rows">
            {streams.map((stream) => (
              <li key={stream.nodeId}>
                <Stream stream={stream} timeZone={timeZone} />
              </li>
            ))}
          </ul>
        )}
      </BlockStack>
    </Card>
  );
}

function Stream({ stream, timeZone }: { stream: StreamShown; timeZone: string }) {
  const { t } = useWords();
  const { count, exactly } = useAmounts(timeZone);
  const { name, is, lag, pool, wholeSince, trouble, troubleSince, retired } = stream;
  return (
    <BlockStack gap="200">
      <InlineStack align="space-between" blockAlign="center" gap="200">
        <Text as="h3" variant="headingSm" breakWord>
          {name}
        </Text>
        <InlineStack gap="100">
          {retired && <Badge>{t('node_card.retired')}</Badge>}
          <Badge tone={tones[is]}>{t(`operation.stream.${is}`)}</Badge>
        </InlineStack>
      </InlineStack>
      {trouble !== null && (
        <Text as="p">
          {reasonOf(trouble, t)}
          {troubleSince !== null &&
            ` ${t('operation.stream.trouble', { since: exactly(troubleSince) })}`}
        </Text>
      )}
      <Measures
        of={[
          { name: t('operation.stream.lag'), is: count(lag) },
          {
            name: t('operation.stream.since'),
            is: wholeSince === null ? '–' : exactly(wholeSince),
          },
          {
            name: t('operation.stream.pool'),
            is: <span className="zt-break">{pool === null ? '–' : shortId(pool)}</span>,
          },
        ]}
      />
    </BlockStack>
  );
}

/** Enough to tell pools apart. */
export const shortId = (pool: string): string => pool.slice(0, 13);
