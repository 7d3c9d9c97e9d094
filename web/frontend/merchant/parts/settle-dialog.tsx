import { Text, type ModalProps } from '@shopify/polaris';
import type { Problem } from '../../shared/merchant-api.ts';
import { useWords } from '../words.tsx';
import { SayDialog } from './say-dialog.tsx';

/** A person says that a stuck payment is settled with the buyer. */
export function SettleDialog(props: {
  isOpen: boolean;
  problem: Problem;
  activator: NonNullable<ModalProps['activator']>;
  onClose: () => void;
  onSettled: () => void;
}) {
  const { t } = useWords();
  const { isOpen, problem, activator, onClose, onSettled } = props;
  const order = problem.orderName ?? '';
  return (
    <SayDialog
      {...{ isOpen, activator, onClose }}
      title={t('settle.title', { order })}
      action={t('settle.action')}
      destructive
      failed={t('settle.failed')}
      words="settle"
      path={`/api/payments/${problem.paymentId ?? ''}/settle-by-hand`}
      body={{ confirmed: true }}
      done={t('settle.done', { order })}
      onSaid={onSettled}
    >
      <Text as="p">{t('settle.text', { order })}</Text>
      <Text as="p">{t('settle.means')}</Text>
    </SayDialog>
  );
}
