import { useAppBridge } from '@shopify/app-bridge-react';
import {
  BlockStack,
  Button,
  ChoiceList,
  InlineStack,
  Modal,
  Text,
  TextField,
} from '@shopify/polaris';
import { useRef, useState } from 'react';
import type { RefundChangedAnswer, RefundRefused, RefundShown } from '../../shared/refunds-api.ts';
import { callApi, troubleOf, type TroubleKind } from '../api.ts';
import { Told, useWords } from '../words.tsx';
import { CopyButton } from './copy-button.tsx';
import { Failed } from './failed.tsx';
import { useAmounts } from './use-amounts.ts';

type Acts = { refund: RefundShown; canMail: boolean; onChanged: () => void };

/** What may be done about one refund at this moment. */
export function RefundActs({ refund, canMail, onChanged }: Acts) {
  const { t } = useWords();
  const [open, setOpen] = useState<'approve' | 'withdraw' | 'mail'>();
  const opener = useRef<HTMLDivElement>(null);
  const { claimUrl, state, mayApprove, mayWithdraw } = refund;
  const isClaimable = state === 'claimable' && claimUrl !== null;
  if (!isClaimable && !mayApprove && !mayWithdraw) return null;
  const close = (): void => setOpen(undefined);
  const end = (): void => {
    close();
    onChanged();
  };
  const dialog = { refund, onClose: close, onDone: end };
  return (
    <div ref={opener}>
      <InlineStack gap="200">
        {mayApprove && (
          <Button variant="primary" onClick={() => setOpen('approve')}>
            {t('refund.approve')}
          </Button>
        )}
        {isClaimable && <CopyButton text={claimUrl} label={t('refund.copy')} />}
        {isClaimable && canMail && (
          <Button onClick={() => setOpen('mail')}>{t('refund.mail')}</Button>
        )}
        {mayWithdraw && (
          <Button tone="critical" variant="tertiary" onClick={() => setOpen('withdraw')}>
            {t('refund.withdraw')}
          </Button>
        )}
      </InlineStack>
      {open === 'approve' && <Approve {...dialog} />}
      {open === 'withdraw' && <Withdraw {...dialog} />}
      {open === 'mail' && <Mail {...dialog} />}
    </div>
  );
}

type Dialog = { refund: RefundShown; onClose: () => void; onDone: () => void };

/** One call that changes a refund, and what became of it. */
function useActing(about: Dialog & { act: string; done: string }) {
  const bridge = useAppBridge();
  const [isSaving, setSaving] = useState(false);
  const [refused, setRefused] = useState<RefundRefused>();
  const [trouble, setTrouble] = useState<TroubleKind>();
  const act = async (body: object): Promise<void> => {
    setSaving(true);
    setTrouble(undefined);
    setRefused(undefined);
    try {
      const path = `/api/refunds/${about.refund.id}/${about.act}`;
      const answer = await callApi<RefundChangedAnswer>(path, { body });
      if (!answer.ok) {
        setRefused(answer);
        return;
      }
      bridge.toast.show(about.done);
      about.onDone();
    } catch (error) {
      setTrouble(troubleOf(error));
    } finally {
      setSaving(false);
    }
  };
  const { t } = useWords();
  const says = (
    <>
      {trouble !== undefined && <Failed title={t('refund.not_done')} trouble={trouble} />}
      {refused !== undefined && (
        <Text as="p" tone="critical">
          <Told code={`refund.${refused.refusal}`} sentence={refused.sentence} />
        </Text>
      )}
    </>
  );
  return { isSaving, act, says };
}

function useAmountWords(refund: RefundShown): { order: string; amount: string; sats: string } {
  const { fiat, sats } = useAmounts();
  const inSats = refund.sats === null ? '' : sats(refund.sats);
  const amount = refund.fiat === null ? inSats : fiat(refund.fiat);
  return { order: refund.orderName, amount, sats: inSats };
}

function Approve(props: Dialog) {
  const { t } = useWords();
  const words = useAmountWords(props.refund);
  const acting = useActing({ ...props, act: 'approve', done: t('refund.approve.done', words) });
  return (
    <Modal
      open
      onClose={props.onClose}
      title={t('refund.approve.title', words)}
      primaryAction={{
        ...{ content: t('refund.approve'), loading: acting.isSaving },
        onAction: () => void acting.act({}),
      }}
      secondaryActions={[{ content: t('cancel'), onAction: props.onClose }]}
    >
      <Modal.Section>
        <BlockStack gap="300">
          {acting.says}
          <Text as="p">{t('refund.approve.text', words)}</Text>
        </BlockStack>
      </Modal.Section>
    </Modal>
  );
}

const reasons = ['taken_back', 'given_back_otherwise'] as const;

function Withdraw(props: Dialog) {
  const { t } = useWords();
  const words = useAmountWords(props.refund);
  const [because, setBecause] = useState<string>('taken_back');
  const acting = useActing({ ...props, act: 'withdraw', done: t('refund.withdraw.done', words) });
  return (
    <Modal
      open
      onClose={props.onClose}
      title={t('refund.withdraw.title', words)}
      primaryAction={{
        ...{ content: t('refund.withdraw'), destructive: true, loading: acting.isSaving },
        onAction: () => void acting.act({ because }),
      }}
      secondaryActions={[{ content: t('cancel'), onAction: props.onClose }]}
    >
      <Modal.Section>
        <BlockStack gap="300">
          {acting.says}
          <ChoiceList
            title={t('refund.withdraw.why')}
            choices={reasons.map((value) => ({
              value,
              label: t(`refund.withdraw.${value}`),
              helpText: t(`refund.withdraw.${value}.help`),
            }))}
            selected={[because]}
            onChange={([chosen]) => setBecause(chosen ?? because)}
          />
          <Text as="p" fontWeight="semibold">
            {t('settle.no_way_back')}
          </Text>
        </BlockStack>
      </Modal.Section>
    </Modal>
  );
}

function Mail(props: Dialog) {
  const { t, locale } = useWords();
  const words = useAmountWords(props.refund);
  const [to, setTo] = useState('');
  const acting = useActing({ ...props, act: 'mail', done: t('refund.mail.done', words) });
  return (
    <Modal
      open
      onClose={props.onClose}
      title={t('refund.mail.title', words)}
      primaryAction={{
        ...{ content: t('refund.mail.send'), loading: acting.isSaving, disabled: to.trim() === '' },
        onAction: () => void acting.act({ to: to.trim(), language: locale }),
      }}
      secondaryActions={[{ content: t('cancel'), onAction: props.onClose }]}
    >
      <Modal.Section>
        <BlockStack gap="300">
          {acting.says}
          <TextField
            label={t('refund.mail.to')}
            type="email"
            value={to}
            onChange={setTo}
            autoComplete="off"
            helpText={t('refund.mail.help')}
          />
        </BlockStack>
      </Modal.Section>
    </Modal>
  );
}
