import { BlockStack, Button, Card, InlineStack, Link, Text } from '@shopify/polaris';
import { lazy, Suspense, useRef, useState } from 'react';
import type { PaymentAnswer } from '../../shared/merchant-api.ts';
import type { PaymentRefundsAnswer, RefundShown } from '../../shared/refunds-api.ts';
import { useApi } from '../use-api.ts';
import { Told, useWords } from '../words.tsx';
import { RefundActs } from './refund-acts.tsx';
import { RefundBadge } from './refund-badge.tsx';
import { useAmounts } from './use-amounts.ts';

const RefundDialog = lazy(() =>
  import('./refund-dialog.tsx').then((found) => ({ default: found.RefundDialog })),
);

const SayDialog = lazy(() =>
  import('./say-dialog.tsx').then((found) => ({ default: found.SayDialog })),
);

const lookAgainMs = 4_000;

/** What goes back of a payment to which money came. */
export function RefundsCard({
  payment,
  onChanged,
}: {
  payment: PaymentAnswer;
  onChanged: () => void;
}) {
  const { value, again } = useApi<PaymentRefundsAnswer>(`/api/payments/${payment.id}/refunds`, {
    everyMs: lookAgainMs,
  });
  if (value === undefined) return null;
  const { refunds, left, giveBackMsat } = value;
  if (refunds.length === 0 && left === null && giveBackMsat === '0') return null;
  const changed = (): void => {
    again();
    onChanged();
  };
  return <Shown payment={payment} about={value} onChanged={changed} />;
}

type Props = { payment: PaymentAnswer; about: PaymentRefundsAnswer; onChanged: () => void };

function Shown({ payment, about, onChanged }: Props) {
  const { t } = useWords();
  const { refunds, left, isOn, canMail, giveBackMsat } = about;
  const isSomethingLeft = left !== null && /[1-9]/.test(left.amount);
  return (
    <Card>
      <BlockStack gap="400">
        <InlineStack align="space-between" blockAlign="center" gap="200">
          <Text as="h2" variant="headingMd">
            {t('refunds.title')}
          </Text>
          {isSomethingLeft && isOn && (
            <Open payment={payment} about={{ ...about, left }} onChanged={onChanged} />
          )}
        </InlineStack>
        {giveBackMsat !== '0' && isOn && (
          <GiveBack payment={payment} giveBackMsat={giveBackMsat} onChanged={onChanged} />
        )}
        {!isOn && (
          <Text as="p" tone="subdued">
            {t('refunds.off')}{' '}
            {refunds.some(({ origin }) => origin === 'reward') && `${t('refunds.off.rewards')} `}
            <Link url="/settings">{t('refunds.off.settings')}</Link>
          </Text>
        )}
        {refunds.length === 0 && isOn && giveBackMsat === '0' && (
          <Text as="p" tone="subdued">
            {t('refunds.none')}
          </Text>
        )}
        {refunds.map((refund) => (
          <OneRefund key={refund.id} {...{ refund, payment, canMail, onChanged }} />
        ))}
      </BlockStack>
    </Card>
  );
}

function Open(props: Omit<Props, 'about'> & { about: OpenAbout }) {
  const { t } = useWords();
  const { payment, about, onChanged } = props;
  const [isOpen, setOpen] = useState(false);
  // Each dialog that is opened asks for a refund of its own.
  const [turn, setTurn] = useState(0);
  const opener = useRef<HTMLDivElement>(null);
  const open = (): void => {
    setTurn((last) => last + 1);
    setOpen(true);
  };
  return (
    <>
      <div ref={opener}>
        <Button onClick={open}>{t('refund.open')}</Button>
      </div>
      {turn > 0 && (
        <Suspense>
          <RefundDialog
            key={turn}
            {...{ isOpen, about, activator: opener }}
            paymentId={payment.id}
            orderName={payment.orderName}
            onClose={() => setOpen(false)}
            onMade={() => {
              setOpen(false);
              onChanged();
            }}
          />
        </Suspense>
      )}
    </>
  );
}
type OpenAbout = PaymentRefundsAnswer & { left: NonNullable<PaymentRefundsAnswer['left']> };

/** What came and nobody owed: its buyer claims it, instead of a person sending it by hand. */
function GiveBack(props: { payment: PaymentAnswer; giveBackMsat: string; onChanged: () => void }) {
  const { t } = useWords();
  const { payment, giveBackMsat, onChanged } = props;
  const { id, orderName: order } = payment;
  const sats = useAmounts(payment.timeZone).msat(giveBackMsat);
  const [isOpen, setOpen] = useState<boolean>();
  const opener = useRef<HTMLDivElement>(null);
  return (
    <InlineStack align="space-between" blockAlign="center" gap="200">
      <Text as="p">{t('give_back.owed', { sats })}</Text>
      <div ref={opener}>
        <Button onClick={() => setOpen(true)}>{t('give_back.open')}</Button>
      </div>
      {isOpen !== undefined && (
        <Suspense>
          <SayDialog
            {...{ isOpen, activator: opener }}
            title={t('give_back.title', { order })}
            action={t('give_back.action')}
            failed={t('refund.failed')}
            words="refund"
            canUndo
            path={`/api/payments/${id}/give-back`}
            body={{ overpaidMsat: giveBackMsat }}
            done={t('refund.made', { order })}
            onClose={() => setOpen(false)}
            onSaid={() => {
              setOpen(false);
              onChanged();
            }}
          >
            <Text as="p">{t('give_back.text', { sats })}</Text>
          </SayDialog>
        </Suspense>
      )}
    </InlineStack>
  );
}

function OneRefund(props: {
  refund: RefundShown;
  payment: PaymentAnswer;
  canMail: boolean;
  onChanged: () => void;
}) {
  const { t } = useWords();
  const { refund, payment, canMail, onChanged } = props;
  const { fiat, sats, when } = useAmounts(payment.timeZone);
  const { state, sentence, because, waits } = refund;
  const inSats = refund.sats === null ? t('refund.no_sats') : sats(refund.sats);
  return (
    <BlockStack gap="200">
      <InlineStack align="space-between" blockAlign="center" gap="200">
        <Text as="h3" variant="headingSm" numeric>
          {refund.origin === 'reward' && `${t('rewards.one')} · `}
          {refund.fiat === null ? inSats : `${fiat(refund.fiat)} · ${inSats}`}
        </Text>
        <RefundBadge refund={refund} />
      </InlineStack>
      <Text as="p">
        {/* A reward waits for its day, and for nothing else. */}
        {!(refund.origin === 'reward' && state === 'asked') && (
          <Told code={`refund_state.${state}`} sentence={sentence} />
        )}{' '}
        <Told code={`refund_reason.${because.code}`} sentence={because.sentence} />
      </Text>
      {waits !== null && (
        <Text as="p" tone="caution">
          {t('refund.waits')} <Told code={`payout.${waits.code}`} sentence={waits.sentence} />
        </Text>
      )}
      <Text as="p" tone="subdued">
        {t('refund.asked_at', { time: when(refund.openedAt) })}
        {refund.claimEndsAt !== null &&
          ` ${t('refund.claim_until', { time: when(refund.claimEndsAt) })}`}
      </Text>
      {refund.note !== null && (
        <Text as="p" tone="subdued" breakWord>
          {refund.note}
        </Text>
      )}
      <RefundActs {...{ refund, canMail, onChanged }} />
    </BlockStack>
  );
}
