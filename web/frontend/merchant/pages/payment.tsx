import { BlockStack, Box, Card, Layout, Page, Text } from '@shopify/polaris';
import { useParams } from 'react-router';
import type { PaymentAnswer } from '../../shared/merchant-api.ts';
import type { PayState } from '../../shared/pay-view.ts';
import { orderLink } from '../parts/admin-links.ts';
import { Attention } from '../parts/attention.tsx';
import { CopyButton } from '../parts/copy-button.tsx';
import { Facts } from '../parts/facts.tsx';
import { Failed } from '../parts/failed.tsx';
import { HoldCard } from '../parts/hold-card.tsx';
import { Invoices, NodeOf, Postings, Quote, Value } from '../parts/payment-evidence.tsx';
import { RefundsCard } from '../parts/refunds-card.tsx';
import { StateBadge } from '../parts/state-badge.tsx';
import { Timeline } from '../parts/timeline.tsx';
import { useAmounts } from '../parts/use-amounts.ts';
import { WaitingPage } from '../parts/waiting-page.tsx';
import { useApi } from '../use-api.ts';
import { useWords, type Speech } from '../words.tsx';
import { NotHere } from './not-here.tsx';

const lookAgainMs = 4_000;

/** Another payment is another page: nothing of the last one is shown while it comes. */
export default function Payment() {
  const { id = '' } = useParams();
  return <OnePayment key={id} id={id} />;
}

function OnePayment({ id }: { id: string }) {
  const { t, told } = useWords();
  const loaded = useApi<PaymentAnswer>(`/api/payments/${encodeURIComponent(id)}`, {
    everyMs: lookAgainMs,
  });
  const { value: payment, trouble, again } = loaded;
  if (payment === undefined) {
    if (trouble === undefined) return <WaitingPage lines={[8, 4]} />;
    if (trouble === 'missing') return <NotHere />;
    return (
      <Page
        title={t('payment.title')}
        backAction={{ content: t('nav.payments'), url: '/payments' }}
      >
        <Failed title={t('payment.failed')} trouble={trouble} again={again} />
      </Page>
    );
  }
  const order = orderLink(payment.orderId);
  const isSession = payment.origin === 'payment_session';
  return (
    <Page
      title={isSession ? t('payment.session') : payment.orderName}
      titleMetadata={<StateBadge state={payment.state} attention={payment.attention} />}
      subtitle={standing(payment, told)}
      backAction={{ content: t('nav.payments'), url: '/payments' }}
      {...(order === undefined
        ? {}
        : { primaryAction: { content: t('payment.order'), url: order } })}
      secondaryActions={[{ content: t('payment.page'), url: payment.payUrl, external: true }]}
    >
      {trouble !== undefined && (
        <Box paddingBlockEnd="400">
          <Failed title={t('payment.old')} trouble={trouble} again={again} />
        </Box>
      )}
      <Shown payment={payment} reload={again} />
    </Page>
  );
}

/**
 * Where it is, and by which of the named ways it came there. What a person is asked about, and what
 * is over and got money all the same, is said by that way alone.
 */
function standing(payment: PaymentAnswer, told: Speech['told']): string {
  const { state, sentence, attention, case: one } = payment;
  const where = told({ code: `state.${state}`, sentence }).text;
  if (one === null) return where;
  const happened = told({ code: `case.${one.name}`, sentence: one.sentence }).text;
  const isOver = state === 'lapsed' || state === 'rejected';
  return attention !== null || isOver ? happened : `${where} ${happened}`;
}

function Shown({ payment, reload }: { payment: PaymentAnswer; reload: () => void }) {
  const { t } = useWords();
  return (
    <Layout>
      {payment.attention !== null && (
        <Layout.Section>
          <Attention payment={payment} attention={payment.attention} onEnded={reload} />
        </Layout.Section>
      )}
      <Layout.Section>
        <div className="zt-column">
          {payment.hold !== null && (
            <HoldCard payment={payment} hold={payment.hold} onAsked={reload} />
          )}
          <Money payment={payment} />
          {hasMoney(payment) && <RefundsCard payment={payment} onChanged={reload} />}
          <Card>
            <BlockStack gap="400">
              <Text as="h2" variant="headingMd">
                {t('timeline.title')}
              </Text>
              <Timeline entries={payment.timeline} timeZone={payment.timeZone} />
            </BlockStack>
          </Card>
          <Quote payment={payment} />
          <Postings payment={payment} />
          <Invoices payment={payment} />
        </div>
      </Layout.Section>
      <Layout.Section variant="oneThird">
        <div className="zt-column">
          <PayLink payment={payment} />
          <Proof payment={payment} />
          <NodeOf payment={payment} />
        </div>
      </Layout.Section>
    </Layout>
  );
}

/** In time, or when it was over: either may go back. */
const hasMoney = ({ settledAt, overpaidMsat, state }: PaymentAnswer): boolean =>
  settledAt !== null || overpaidMsat !== '0' || state === 'lapsed' || state === 'rejected';

function Money({ payment }: { payment: PaymentAnswer }) {
  const { t } = useWords();
  const { fiat, sats } = useAmounts(payment.timeZone);
  return (
    <Card>
      <BlockStack gap="300">
        <Text as="h2" variant="headingMd">
          {t('money.title')}
        </Text>
        <BlockStack gap="050">
          <Text as="p" variant="headingXl" numeric breakWord>
            {fiat(payment.fiat)}
          </Text>
          <Text as="p" tone="subdued" numeric>
            {payment.sats === null ? t('money.no_price') : sats(payment.sats)}
          </Text>
        </BlockStack>
        {payment.test && <Text as="p">{t('money.test')}</Text>}
        <Facts facts={useMoneyFacts(payment)} />
      </BlockStack>
    </Card>
  );
}

function useMoneyFacts(payment: PaymentAnswer) {
  const { t } = useWords();
  const { fiat, when, msat } = useAmounts(payment.timeZone);
  const { settledAt, told, origin, orderName, id } = payment;
  const paid = payment.invoices.filter(({ state }) => state === 'settled');
  const received = paid.reduce((sum, { paidMsat }) => sum + BigInt(paidMsat ?? 0), 0n);
  const lateAt = settledAt === null ? paid[0]?.settledAt : undefined;
  const at = settledAt ?? lateAt;
  return [
    ...(origin === 'payment_session' ? [{ term: t('money.reference'), is: orderName }] : []),
    { term: t('money.opened'), is: when(payment.openedAt) },
    ...(received === 0n ? [] : [{ term: t('money.received'), is: msat(received.toString()) }]),
    {
      term: t(lateAt == null ? 'money.settled' : 'money.settled_late'),
      is: at == null ? t('money.not_settled') : when(at),
    },
    {
      term: t('money.told'),
      is: told === null ? t('money.not_told') : `${fiat(told.fiat)}, ${when(told.at)}`,
    },
    { term: t('money.id'), is: id },
  ];
}

const canBePaid: readonly PayState[] = ['open'];

function PayLink({ payment }: { payment: PaymentAnswer }) {
  const { t } = useWords();
  if (!canBePaid.includes(payment.state)) return null;
  return (
    <Card>
      <BlockStack gap="300">
        <Text as="h2" variant="headingMd">
          {t('link.title')}
        </Text>
        <Text as="p" tone="subdued">
          {t('link.text')}
        </Text>
        <code className="zt-code">{payment.payUrl}</code>
        <div>
          <CopyButton text={payment.payUrl} label={t('link.copy')} />
        </div>
      </BlockStack>
    </Card>
  );
}

function Proof({ payment: { hash, preimage } }: { payment: PaymentAnswer }) {
  const { t } = useWords();
  if (hash === null) return null;
  return (
    <Card>
      <BlockStack gap="300">
        <Text as="h2" variant="headingMd">
          {t('proof.title')}
        </Text>
        <Text as="p" tone="subdued">
          {t(preimage === null ? 'proof.hash_only' : 'proof.text')}
        </Text>
        <Value name={t('proof.hash')} text={hash} />
        {preimage !== null && <Value name={t('proof.preimage')} text={preimage} />}
      </BlockStack>
    </Card>
  );
}
