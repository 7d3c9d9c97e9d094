import { Text, type ModalProps } from '@shopify/polaris';
import type { PaymentAnswer } from '../../shared/merchant-api.ts';
import { useWords } from '../words.tsx';
import { SayDialog } from './say-dialog.tsx';
import { useAmounts } from './use-amounts.ts';

/** The money of a payment that was over is taken for its order, which still stands. */
export function TakeDialog(props: {
  isOpen: boolean;
  payment: PaymentAnswer;
  activator: NonNullable<ModalProps['activator']>;
  onClose: () => void;
  onTaken: () => void;
}) {
  const { t } = useWords();
  const { isOpen, payment, activator, onClose, onTaken } = props;
  const { msat } = useAmounts(payment.timeZone);
  const { id, orderName: order, overpaidMsat } = payment;
  return (
    <SayDialog
      {...{ isOpen, activator, onClose }}
      title={t('take.title', { order })}
      action={t('take.action')}
      failed={t('take.failed')}
      words="take"
      path={`/api/payments/${id}/take`}
      body={{}}
      done={t('take.done', { order })}
      onSaid={onTaken}
    >
      <Text as="p">{t('take.text', { order, sats: msat(overpaidMsat) })}</Text>
    </SayDialog>
  );
}
