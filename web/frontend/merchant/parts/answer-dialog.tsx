import { Text, type ModalProps } from '@shopify/polaris';
import type { PaymentAnswer } from '../../shared/merchant-api.ts';
import { useWords } from '../words.tsx';
import { SayDialog } from './say-dialog.tsx';
import { useAmounts } from './use-amounts.ts';

export type AnswerWord = 'given_back' | 'kept' | 'seen_to' | 'never_paid' | 'seen_paid';

/** A person has done what a payment asked for, and says so. */
export function AnswerDialog(props: {
  isOpen: boolean;
  payment: PaymentAnswer;
  attention: string;
  answer: AnswerWord;
  activator: NonNullable<ModalProps['activator']>;
  onClose: () => void;
  onAnswered: () => void;
}) {
  const { t } = useWords();
  const { isOpen, payment, attention, answer, activator, onClose, onAnswered } = props;
  const { msat } = useAmounts(payment.timeZone);
  const { id, orderName: order, overpaidMsat } = payment;
  return (
    <SayDialog
      {...{ isOpen, activator, onClose }}
      title={t(`answer.${answer}.title`, { order })}
      action={t(`answer.${answer}.action`)}
      failed={t('answer.failed')}
      words="answer"
      path={`/api/payments/${id}/answer`}
      body={{ attention, answer, overpaidMsat }}
      done={t('answer.done', { order })}
      onSaid={onAnswered}
    >
      <Text as="p">{t(`answer.${answer}.text`, { order, sats: msat(overpaidMsat) })}</Text>
    </SayDialog>
  );
}
