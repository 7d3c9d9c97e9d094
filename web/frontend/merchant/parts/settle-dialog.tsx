import { useAppBridge } from '@shopify/app-bridge-react';
import { Banner, BlockStack, Modal, Text, type ModalProps } from '@shopify/polaris';
import { useState } from 'react';
import type { SettleByHandAnswer } from '../../shared/dashboard-api.ts';
import type { Problem } from '../../shared/merchant-api.ts';
import { callApi, troubleOf, type TroubleKind } from '../api.ts';
import { Told, useWords } from '../words.tsx';
import { Failed } from './failed.tsx';

type Refused = Extract<SettleByHandAnswer, { ok: false }>;

/** A person says that a stuck payment is settled with the buyer. There is no way back. */
export function SettleDialog(props: {
  isOpen: boolean;
  problem: Problem;
  activator: NonNullable<ModalProps['activator']>;
  onClose: () => void;
  onSettled: () => void;
}) {
  const { t } = useWords();
  const { isOpen, problem, activator, onClose, onSettled } = props;
  const { isSaving, trouble, refused, settle } = useSettling(problem, onSettled);
  const order = problem.orderName ?? '';
  return (
    <Modal
      open={isOpen}
      onClose={refused === undefined ? onClose : onSettled}
      activator={activator}
      title={t('settle.title', { order })}
      {...(refused === undefined
        ? {
            primaryAction: {
              content: t('settle.action'),
              loading: isSaving,
              destructive: true,
              onAction: () => void settle(),
            },
          }
        : {})}
      secondaryActions={[
        refused === undefined
          ? { content: t('cancel'), onAction: onClose }
          : { content: t('settle.close'), onAction: onSettled },
      ]}
    >
      <Modal.Section>
        <BlockStack gap="300">
          {trouble !== undefined && <Failed title={t('settle.failed')} trouble={trouble} />}
          {refused !== undefined && (
            <Banner tone="warning">
              <Told code={`settle.${refused.refusal}`} sentence={refused.sentence} />
            </Banner>
          )}
          <Text as="p">{t('settle.text', { order })}</Text>
          <Text as="p">{t('settle.means')}</Text>
          <Text as="p" fontWeight="semibold">
            {t('settle.no_way_back')}
          </Text>
        </BlockStack>
      </Modal.Section>
    </Modal>
  );
}

function useSettling(problem: Problem, onSettled: () => void) {
  const { t } = useWords();
  const bridge = useAppBridge();
  const [isSaving, setSaving] = useState(false);
  const [trouble, setTrouble] = useState<TroubleKind>();
  const [refused, setRefused] = useState<Refused>();
  const settle = async (): Promise<void> => {
    setSaving(true);
    setTrouble(undefined);
    try {
      const answer = await callApi<SettleByHandAnswer>(
        `/api/payments/${problem.paymentId ?? ''}/settle-by-hand`,
        { body: { confirmed: true } },
      );
      if (!answer.ok) {
        setRefused(answer);
        return;
      }
      bridge.toast.show(t('settle.done', { order: problem.orderName ?? '' }));
      onSettled();
    } catch (error) {
      setTrouble(troubleOf(error));
    } finally {
      setSaving(false);
    }
  };
  return { isSaving, trouble, refused, settle };
}
