import { BlockStack, Card, Link, Text } from '@shopify/polaris';
import type { ReactNode } from 'react';
import type { OperationAnswer } from '../../shared/operation-api.ts';
import { useWords } from '../words.tsx';
import { Facts } from './facts.tsx';
import { formatWait } from './figures.tsx';
import { useAmounts } from './use-amounts.ts';

/** The server counts no further. */
const unmatchedAtMost = 1_000;
export const rowsAtMost = 10_000;

/** What matters most, in five figures. */
export function AtAGlance({ answer }: { answer: OperationAnswer }) {
  const { t, locale } = useWords();
  const { count } = useAmounts();
  const { lanes, wait, oldestUntoldSeconds: untold, bucket } = answer;
  const waiting = lanes.reduce((sum, lane) => sum + lane.waiting, 0);
  const oldestMs = Math.max(...lanes.map((lane) => lane.oldestSeconds)) * 1_000;
  return (
    <Card>
      <BlockStack gap="300">
        <Text as="h2" variant="headingMd">
          {t('operation.glance')}
        </Text>
        <dl className="zt-figure-list">
          <Figure
            name={t('operation.due')}
            says={
              waiting === 0
                ? t('operation.due.none')
                : t('operation.due.text', { age: formatWait(oldestMs, locale) })
            }
          >
            {waiting < rowsAtMost
              ? count(waiting)
              : t('counts.or_more', { count: count(rowsAtMost) })}
          </Figure>
          <Figure
            name={t('operation.untold')}
            says={t(untold === null ? 'operation.untold.all' : 'operation.untold.text')}
          >
            {untold === null ? t('operation.untold.none') : formatWait(untold * 1_000, locale)}
          </Figure>
          <Figure
            name={t('operation.wait')}
            says={
              wait === null
                ? t('operation.wait.none')
                : t('operation.wait.text', {
                    count: count(wait.told),
                    p99: formatWait(wait.p99Ms, locale),
                  })
            }
          >
            {wait === null ? '–' : formatWait(wait.medianMs, locale)}
          </Figure>
          <Unmatched answer={answer} />
          <Figure
            name={t('operation.bucket')}
            says={
              bucket === null
                ? t('operation.bucket.none')
                : t('operation.bucket.text', {
                    size: count(bucket.maximum),
                    rate: count(bucket.restoreRate),
                  })
            }
          >
            {bucket === null ? '–' : count(bucket.available)}
          </Figure>
        </dl>
      </BlockStack>
    </Card>
  );
}

/** Whether orders and money agree; the first page lists what does not. */
function Unmatched({ answer }: { answer: OperationAnswer }) {
  const { t } = useWords();
  const { count, exactly } = useAmounts(answer.timeZone);
  const { unmatched, doneAt } = answer.reconciliation;
  return (
    <Figure
      name={t('operation.unmatched')}
      says={
        doneAt === null
          ? t('operation.unmatched.never')
          : t('operation.unmatched.text', { when: exactly(doneAt) })
      }
    >
      {unmatched === 0 ? (
        count(0)
      ) : (
        <Link url="/">
          {unmatched < unmatchedAtMost
            ? count(unmatched)
            : t('counts.or_more', { count: count(unmatchedAtMost) })}
        </Link>
      )}
    </Figure>
  );
}

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

/** What speaks to what. */
export function Versions({ versions }: { versions: OperationAnswer['versions'] }) {
  const { t } = useWords();
  const { count } = useAmounts();
  const { shopify, nodes } = versions;
  const { asked, daysLeft } = shopify;
  return (
    <Card>
      <BlockStack gap="300">
        <Text as="h2" variant="headingMd">
          {t('operation.versions')}
        </Text>
        <Facts
          facts={[
            { term: 'Zaptill', is: versions.program },
            {
              term: t('operation.versions.shopify'),
              is:
                daysLeft === null
                  ? asked
                  : t('operation.versions.days', { version: asked, days: count(daysLeft) }),
            },
            ...nodes.map(({ name, version }, index) => ({
              term: t('operation.versions.node', { name, place: String(index + 1) }),
              is: version === '' ? t('not_known') : version.split(' ')[0],
            })),
          ]}
        />
      </BlockStack>
    </Card>
  );
}
