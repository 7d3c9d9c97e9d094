import {
  Badge,
  Banner,
  BlockStack,
  Card,
  EmptyState,
  Page,
  Text,
  type BadgeProps,
} from '@shopify/polaris';
import type { ShareBatchShown, ShareReceiverShown, SharesAnswer } from '../../shared/shares-api.ts';
import { Failed } from '../parts/failed.tsx';
import { PlainTable } from '../parts/plain-table.tsx';
import { RewardTermsCard } from '../parts/reward-terms.tsx';
import { ShareRules } from '../parts/share-rules.tsx';
import { ShareTermsCard } from '../parts/share-terms.tsx';
import { useAmounts } from '../parts/use-amounts.ts';
import { WaitingPage } from '../parts/waiting-page.tsx';
import { useApi } from '../use-api.ts';
import { Told, useWords } from '../words.tsx';

const lookAgainMs = 15_000;

export default function Shares() {
  const { t } = useWords();
  const { value, trouble, again } = useApi<SharesAnswer>('/api/shares', { everyMs: lookAgainMs });
  if (value === undefined && trouble === undefined) {
    return <WaitingPage title={t('nav.shares')} lines={[4, 8]} />;
  }
  return (
    <Page title={t('nav.shares')}>
      <BlockStack gap="400">
        {trouble !== undefined && (
          <Failed title={t('shares.failed')} trouble={trouble} again={again} />
        )}
        {value !== undefined && <Loaded answer={value} onChanged={again} />}
        <RewardTermsCard />
      </BlockStack>
    </Page>
  );
}

function Loaded({ answer, onChanged }: { answer: SharesAnswer; onChanged: () => void }) {
  const { t } = useWords();
  const { isOn, isPaused, canPay, receivers, batches, timeZone } = answer;
  return (
    <>
      {isOn && !canPay && (
        <Banner tone="warning">
          <p>{t('shares.no_purse')}</p>
        </Banner>
      )}
      {isOn && isPaused && (
        <Banner tone="info">
          <p>{t('shares.paused')}</p>
        </Banner>
      )}
      <ShareTermsCard answer={answer} onChanged={onChanged} />
      <ShareRules answer={answer} onChanged={onChanged} />
      <Card>
        <BlockStack gap="400">
          <Text as="h2" variant="headingMd">
            {t('shares.receivers')}
          </Text>
          {receivers.length === 0 ? (
            <EmptyState heading={t('shares.empty')} image="">
              <p>{t('shares.empty.text')}</p>
            </EmptyState>
          ) : (
            <Receivers receivers={receivers} />
          )}
        </BlockStack>
      </Card>
      {batches.length > 0 && (
        <Card>
          <BlockStack gap="400">
            <Text as="h2" variant="headingMd">
              {t('shares.payouts')}
            </Text>
            <Payouts batches={batches} timeZone={timeZone} />
          </BlockStack>
        </Card>
      )}
    </>
  );
}

export function Who({ name, address }: { name: string; address: string }) {
  return (
    <BlockStack>
      <span>{name}</span>
      <Text as="span" tone="subdued" breakWord>
        {address}
      </Text>
    </BlockStack>
  );
}

function Receivers({ receivers }: { receivers: readonly ShareReceiverShown[] }) {
  const { t } = useWords();
  const { sats } = useAmounts();
  return (
    <PlainTable
      label={t('shares.receivers')}
      columns={[
        { heading: t('shares.who') },
        { heading: t('shares.owed'), isNumber: true },
        { heading: t('shares.under_way'), isNumber: true },
        { heading: t('shares.paid'), isNumber: true },
      ]}
      rows={receivers.map(({ id, name, address, waits, ...sums }) => [
        <BlockStack key={id} gap="100">
          <Who name={name} address={address} />
          {waits !== null && (
            <Text as="span" tone="caution">
              <Told code={`share_wait.${waits.code}`} sentence={waits.sentence} />
            </Text>
          )}
        </BlockStack>,
        sats(sums.owedSats),
        sats(sums.underWaySats),
        sats(sums.paidSats),
      ])}
    />
  );
}

const looks: Readonly<Record<ShareBatchShown['state'], Pick<BadgeProps, 'tone' | 'progress'>>> = {
  given: { tone: 'info', progress: 'partiallyComplete' },
  paid: { tone: 'success', progress: 'complete' },
  failed: { tone: 'warning', progress: 'incomplete' },
};

function Payouts(props: { batches: readonly ShareBatchShown[]; timeZone: string }) {
  const { t } = useWords();
  const { sats, when } = useAmounts(props.timeZone);
  return (
    <PlainTable
      label={t('shares.payouts')}
      columns={[
        { heading: t('shares.who') },
        { heading: t('column.state') },
        { heading: t('column.amount'), isNumber: true },
        { heading: t('shares.when') },
      ]}
      rows={props.batches.map(({ id, name, address, state, because, shares, ...batch }) => [
        <Who key="who" name={name} address={address} />,
        <BlockStack key="state" gap="100">
          <span>
            <Badge {...looks[state]}>{t(`shares.state.${state}`)}</Badge>
          </span>
          {because !== null && (
            <Text as="span" tone="subdued">
              <Told code={`share_wait.${because.code}`} sentence={because.sentence} />
            </Text>
          )}
        </BlockStack>,
        <BlockStack key={id}>
          <span>{sats(batch.sats)}</span>
          {shares > 0 && (
            <Text as="span" tone="subdued">
              {t('shares.of', { count: String(shares) })}
            </Text>
          )}
        </BlockStack>,
        <time key="when" dateTime={batch.endedAt ?? batch.givenAt}>
          {when(batch.endedAt ?? batch.givenAt)}
        </time>,
      ])}
    />
  );
}
