import { useAppBridge } from '@shopify/app-bridge-react';
import { Banner, BlockStack, Modal, Text, TextField, type ModalProps } from '@shopify/polaris';
import { useEffect, useState } from 'react';
import type {
  PaymentRefundsAnswer,
  RefundOpenedAnswer,
  RefundPreview,
  RefundRefused,
} from '../../shared/refunds-api.ts';
import { callApi, troubleOf, type TroubleKind } from '../api.ts';
import { Told, useWords } from '../words.tsx';
import { Failed } from './failed.tsx';
import { useAmounts } from './use-amounts.ts';

type Fiat = { amount: string; currency: string };

/** Asks what is to go back, and shows what it would be worth before anything is made. */
export function RefundDialog(props: {
  isOpen: boolean;
  paymentId: string;
  orderName: string;
  about: PaymentRefundsAnswer & { left: Fiat };
  activator: NonNullable<ModalProps['activator']>;
  onClose: () => void;
  onMade: () => void;
}) {
  const { t } = useWords();
  const { isOpen, paymentId, orderName, about, activator, onClose } = props;
  const form = useRefundForm(props);
  const { fiat } = useAmounts();
  return (
    <Modal
      open={isOpen}
      onClose={onClose}
      activator={activator}
      title={t('refund.title', { order: orderName })}
      primaryAction={{
        content: t('refund.make'),
        loading: form.isSaving,
        onAction: () => void form.make(),
      }}
      secondaryActions={[{ content: t('cancel'), onAction: onClose }]}
    >
      <Modal.Section>
        <BlockStack gap="400">
          {form.trouble !== undefined && (
            <Failed title={t('refund.failed')} trouble={form.trouble} />
          )}
          <TextField
            label={t('refund.amount')}
            value={form.amount}
            onChange={form.setAmount}
            inputMode="decimal"
            autoComplete="off"
            suffix={about.left.currency}
            helpText={t('refund.left', { amount: fiat(about.left) })}
            {...(form.refused === undefined ? {} : { error: <Refusal refused={form.refused} /> })}
          />
          <Worth preview={usePreview({ paymentId, amount: form.amount, isOpen })} about={about} />
          <TextField
            label={t('refund.note')}
            value={form.note}
            onChange={form.setNote}
            maxLength={500}
            multiline={2}
            autoComplete="off"
            helpText={t('refund.note.help')}
          />
          <Text as="p" tone="subdued">
            {t('refund.not_in_shopify')}
          </Text>
          {!about.isOn && (
            <Banner tone="warning">
              <p>{t('refund.off')}</p>
            </Banner>
          )}
        </BlockStack>
      </Modal.Section>
    </Modal>
  );
}

function Refusal({ refused }: { refused: RefundRefused }) {
  return <Told code={`refund.${refused.refusal}`} sentence={refused.sentence} />;
}

/** What Shopify's admin understands too: a comma becomes a point. */
const decimalOf = (typed: string): string => typed.trim().replace(',', '.');

function useRefundForm(props: {
  paymentId: string;
  orderName: string;
  about: { left: Fiat };
  onMade: () => void;
}) {
  const { t } = useWords();
  const bridge = useAppBridge();
  const { paymentId, orderName, about, onMade } = props;
  // Made with the dialog: pressed twice, or sent again after a lost answer, it is one refund.
  const [key] = useState(() => crypto.randomUUID());
  const [amount, setAmount] = useState(about.left.amount);
  const [note, setNote] = useState('');
  const [isSaving, setSaving] = useState(false);
  const [refused, setRefused] = useState<RefundRefused>();
  const [trouble, setTrouble] = useState<TroubleKind>();
  const make = async (): Promise<void> => {
    setSaving(true);
    setTrouble(undefined);
    try {
      const answer = await callApi<RefundOpenedAnswer>(`/api/payments/${paymentId}/refunds`, {
        body: { key, amount: decimalOf(amount), note },
      });
      if (!answer.ok) {
        setRefused(answer);
        return;
      }
      bridge.toast.show(t('refund.made', { order: orderName }));
      onMade();
    } catch (error) {
      setTrouble(troubleOf(error));
    } finally {
      setSaving(false);
    }
  };
  const change = (text: string): void => {
    setRefused(undefined);
    setAmount(text);
  };
  return { amount, setAmount: change, note, setNote, isSaving, refused, trouble, make };
}

/** Long enough that a word in the middle of typing is not asked for. */
const typingMs = 400;

function usePreview(about: {
  paymentId: string;
  amount: string;
  isOpen: boolean;
}): RefundPreview | undefined {
  const { paymentId, isOpen } = about;
  const amount = decimalOf(about.amount);
  const [known, setKnown] = useState<{ amount: string; preview: RefundPreview | undefined }>();
  useEffect(() => {
    if (!isOpen || amount === '') return undefined;
    const abort = new AbortController();
    const timer = setTimeout(() => {
      const call = { body: { amount }, signal: abort.signal };
      callApi<RefundPreview>(`/api/payments/${paymentId}/refunds/preview`, call).then(
        (preview) => {
          if (!abort.signal.aborted) setKnown({ amount, preview });
        },
        // Without it the refund can be made all the same.
        () => undefined,
      );
    }, typingMs);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [paymentId, amount, isOpen]);
  return known?.amount === amount ? known.preview : undefined;
}

function Worth(props: { preview: RefundPreview | undefined; about: PaymentRefundsAnswer }) {
  const { t } = useWords();
  const { sats } = useAmounts();
  const { preview, about } = props;
  return (
    <div role="status">
      <BlockStack gap="100">
        {preview?.ok === true && (
          <Text as="p" fontWeight="semibold">
            {t('refund.worth', { sats: sats(preview.sats) })}
          </Text>
        )}
        {preview?.ok === false && (
          <Text as="p">
            <Refusal refused={preview} />
          </Text>
        )}
        <Text as="p" tone="subdued">
          {t(`refund.pricing.${about.pricing}`)}
        </Text>
        {preview?.ok === true && preview.wantsApproval && (
          <Text as="p">{t('refund.wants_approval')}</Text>
        )}
      </BlockStack>
    </div>
  );
}
