import { Banner, BlockStack, Button, InlineStack } from '@shopify/polaris';
import { lazy } from 'react';
import type { PaymentAnswer } from '../../shared/merchant-api.ts';
import { useWords } from '../words.tsx';
import { orderLink } from './admin-links.ts';
import type { AnswerWord } from './answer-dialog.tsx';
import { answers, asksOf } from './attention-answers.ts';
import { Opener } from './opener.tsx';
import { useAmounts } from './use-amounts.ts';

const SettleDialog = lazy(() =>
  import('./settle-dialog.tsx').then((found) => ({ default: found.SettleDialog })),
);
const AnswerDialog = lazy(() =>
  import('./answer-dialog.tsx').then((found) => ({ default: found.AnswerDialog })),
);

const TakeDialog = lazy(() =>
  import('./take-dialog.tsx').then((found) => ({ default: found.TakeDialog })),
);

/** Money of an order came when its payment was over: it may be taken for the order all the same. */
const isLateMoney = (payment: PaymentAnswer, attention: string): boolean =>
  attention === 'overpaid' && payment.state === 'lapsed' && payment.origin === 'order';

type Asked = { payment: PaymentAnswer; onEnded: () => void };

/** What the program cannot do by itself, and how a person does it. */
export function Attention(props: Asked & { attention: string }) {
  const { t } = useWords();
  const { payment, attention, onEnded } = props;
  const { msat } = useAmounts(payment.timeZone);
  const what = asksOf(attention);
  const isLate = isLateMoney(payment, attention);
  const words = isLate ? 'late' : what;
  const order = orderLink(payment.orderId);
  // A stuck payment may ask for its second money, and is settled by hand all the same.
  const isStuck = payment.state === 'stranded';
  return (
    <Banner
      tone={what === 'stranded' ? 'critical' : 'warning'}
      title={t(`attention.${words}.title`)}
    >
      <BlockStack gap="300">
        <p>
          {t(`attention.${words}.text`)}
          {isStuck && ` ${t('attention.stranded.then')}`}
        </p>
        {what === 'overpaid' && payment.overpaidMsat !== '0' && (
          <p>{t('attention.overpaid.amount', { sats: msat(payment.overpaidMsat) })}</p>
        )}
        <InlineStack gap="200">
          {order !== undefined && <Button url={order}>{t('payment.order')}</Button>}
          {isLate && <TakeLate payment={payment} onEnded={onEnded} />}
          {isStuck ? (
            <SettleByHand payment={payment} onEnded={onEnded} />
          ) : (
            answers[what].map((answer) => <AnswerButton key={answer} {...props} answer={answer} />)
          )}
        </InlineStack>
      </BlockStack>
    </Banner>
  );
}

function AnswerButton(props: Asked & { attention: string; answer: AnswerWord }) {
  const { t } = useWords();
  const { payment, attention, answer, onEnded } = props;
  return (
    <Opener
      words={t(`answer.${answer}.open`)}
      onEnded={onEnded}
      dialog={({ isOpen, activator, close, end }) => (
        <AnswerDialog
          {...{ isOpen, payment, attention, answer, activator }}
          onClose={close}
          onAnswered={end}
        />
      )}
    />
  );
}

/** Once the merchant has agreed with the shopper, it is said here as well as on the first page. */
function SettleByHand({ payment, onEnded }: Asked) {
  const { t } = useWords();
  const { id, orderName, sentence } = payment;
  return (
    <Opener
      words={t('problem.stranded.action')}
      onEnded={onEnded}
      dialog={({ isOpen, activator, close, end }) => (
        <SettleDialog
          {...{ isOpen, activator }}
          problem={{ what: 'stranded', sentence, paymentId: id, orderName }}
          onClose={close}
          onSettled={end}
        />
      )}
    />
  );
}

function TakeLate({ payment, onEnded }: Asked) {
  const { t } = useWords();
  return (
    <Opener
      words={t('take.open')}
      onEnded={onEnded}
      dialog={({ isOpen, activator, close, end }) => (
        <TakeDialog {...{ isOpen, activator, payment }} onClose={close} onTaken={end} />
      )}
    />
  );
}
