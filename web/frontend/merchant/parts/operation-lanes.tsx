import { Badge, BlockStack, Card, InlineStack, Text } from '@shopify/polaris';
import type { LaneShown } from '../../shared/operation-api.ts';
import { useWords } from '../words.tsx';
import { formatWait } from './figures.tsx';
import { Measures } from './measures.tsx';
import { reasonOf } from './operation-reason.ts';
import { rowsAtMost } from './operation-summary.tsx';
import { useAmounts } from './use-amounts.ts';

const tones = { open: 'success', probing: 'attention', paused: 'warning' } as const;

/** What Zaptill asks from outside: how wide it may, what waits, and what is paused and why. */
export function Lanes(props: { lanes: readonly LaneShown[]; timeZone: string }) {
  const { t } = useWords();
  const { lanes, timeZone } = props;
  const hasNode = lanes.some(({ kind }) => kind === 'node');
  return (
    <Card>
      <BlockStack gap="300">
        <Text as="h2" variant="headingMd">
          {t('operation.lanes')}
        </Text>
        <Text as="p" tone="subdued">
          {t('operation.lanes.text')}
        </Text>
        <ul className="zt-list zt-rows">
          {lanes.map((lane, index) => (
            <li key={index}>
              <Lane lane={lane} timeZone={timeZone} />
            </li>
          ))}
        </ul>
        {!hasNode && <Text as="p">{t('operation.lanes.no_node')}</Text>}
      </BlockStack>
    </Card>
  );
}

function Lane({ lane, timeZone }: { lane: LaneShown; timeZone: string }) {
  const { t, locale } = useWords();
  const { count } = useAmounts();
  const { kind, name, state, pause } = lane;
  const rows = (n: number): string =>
    n < rowsAtMost ? count(n) : t('counts.or_more', { count: count(rowsAtMost) });
  return (
    <BlockStack gap="200">
      <InlineStack align="space-between" blockAlign="center" gap="200">
        <Text as="h3" variant="headingSm" breakWord>
          {kind === 'node' ? t('operation.lane.node', { name }) : t(`operation.lane.${kind}`)}
        </Text>
        <Badge tone={tones[state]}>{t(`operation.lane.${state}`)}</Badge>
      </InlineStack>
      {pause !== null && <Pause pause={pause} timeZone={timeZone} />}
      <Measures
        of={[
          { name: t('operation.waiting'), is: rows(lane.waiting) },
          {
            name: t('operation.oldest'),
            is: lane.waiting === 0 ? '–' : formatWait(lane.oldestSeconds * 1_000, locale),
          },
          { name: t('operation.out'), is: rows(lane.out) },
          {
            name: t('operation.width'),
            is: lane.width === null ? t('operation.unknown') : count(lane.width),
          },
          {
            name: t('operation.latency'),
            is:
              lane.latencyMs === null ? t('operation.unknown') : formatWait(lane.latencyMs, locale),
          },
        ]}
      />
    </BlockStack>
  );
}

function Pause(props: { pause: NonNullable<LaneShown['pause']>; timeZone: string }) {
  const { t } = useWords();
  const { pause, timeZone } = props;
  const { exactly, count } = useAmounts(timeZone);
  const { since, until, because, failures } = pause;
  return (
    <Text as="p">
      {reasonOf(because, t)}{' '}
      {t('operation.pause.until', { until: exactly(until), times: count(failures) })}
      {since !== null && ` ${t('operation.pause.since', { since: exactly(since) })}`}
    </Text>
  );
}
