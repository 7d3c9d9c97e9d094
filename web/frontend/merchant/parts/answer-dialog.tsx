import { useAppBridge } from '@shopify/app-bridge-react';
import { Banner, BlockStack, Modal, Text, type ModalProps } from '@shopify/polaris';
import { useState } from 'react';
import type { AnsweredAnswer, PaymentAnswer } from '../../shared/merchant-api.ts';
import { callApi, troubleOf, type TroubleKind } from '../api.ts';
import { Told, useWords } from '../words.tsx';
import { Failed } from './failed.tsx';
import { useAmounts } from './use-amounts.ts';

export type AnswerWord = 'given_back' | 'kept' | 'seen_to';

/** A person has done what a payment asked for, and says so. There is no way back. */
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
  const { isOpen, payment, answer, activator, onClose, onAnswered } = props;
  const { msat } = useAmounts(payment.timeZone);
  const { isSaving, trouble, refused, say } = useAnswering(props);
  const order = payment.orderName;
  const close = refused === undefined ? onClose : onAnswered;
  return (
    <Modal
      open={isOpen}
      onClose={close}
      activator={activator}
      title={t(`answer.${answer}.title`, { order })}
      {...(refused === undefined
        ? {
            primaryAction: {
              content: t(`answer.${answer}.action`),
              loading: isSaving,
              onAction: () => void say(),
            },
          }
        : {})}
      secondaryActions={[
        { content: t(refused === undefined ? 'cancel' : 'settle.close'), onAction: close },
      ]}
    >
      <Modal.Section>
        <BlockStack gap="300">
          {trouble !== undefined && <Failed title={t('answer.failed')} trouble={trouble} />}
          {refused !== undefined && (
            <Banner tone="warning">
              <Told code={`answer.${refused.refusal}`} sentence={refused.sentence} />
            </Banner>
          )}
          <Text as="p">
            {t(`answer.${answer}.text`, { order, sats: msat(payment.overpaidMsat) })}
          </Text>
          <Text as="p" fontWeight="semibold">
            {t('settle.no_way_back')}
          </Text>
        </BlockStack>
      </Modal.Section>
    </Modal>
  );
}

type Refused = Extract<AnsweredAnswer, { ok: false }>;

function useAnswering(about: {
  payment: PaymentAnswer;
  attention: string;
  answer: AnswerWord;
  onAnswered: () => void;
}) {
  const { t } = useWords();
  const bridge = useAppBridge();
  const [isSaving, setSaving] = useState(false);
  const [trouble, setTrouble] = useState<TroubleKind>();
  const [refused, setRefused] = useState<Refused>();
  const say = async (): Promise<void> => {
    const { payment, attention, answer, onAnswered } = about;
    setSaving(true);
    setTrouble(undefined);
    try {
      const answered = await callApi<AnsweredAnswer>(`/api/payments/${payment.id}/answer`, {
        body: { attention, answer, overpaidMsat: payment.overpaidMsat },
      });
      if (!answered.ok) {
        setRefused(answered);
        return;
      }
      bridge.toast.show(t('answer.done', { order: payment.orderName }));
      onAnswered();
    } catch (error) {
      setTrouble(troubleOf(error));
    } finally {
      setSaving(false);
    }
  };
  return { isSaving, trouble, refused, say };
}
