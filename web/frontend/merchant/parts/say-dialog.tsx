import { useAppBridge } from '@shopify/app-bridge-react';
import { Banner, BlockStack, Modal, Text, type ModalProps } from '@shopify/polaris';
import { useState, type ReactNode } from 'react';
import { callApi, troubleOf, type TroubleKind } from '../api.ts';
import { Told, useWords } from '../words.tsx';
import { Failed } from './failed.tsx';

type Refused = { ok: false; refusal: string; sentence: string };
type Saying = { path: string; body: object; done: string; onSaid: () => void };

/** A person says that something was done. `canUndo`: it can be taken back; else nobody can. */
export function SayDialog(
  props: Saying & {
    isOpen: boolean;
    activator: NonNullable<ModalProps['activator']>;
    title: string;
    action: string;
    destructive?: boolean;
    canUndo?: boolean;
    /** The title of what is shown when it could not be said. */
    failed: string;
    /** Where the words of a refusal stand: `<words>.<refusal>`. */
    words: string;
    onClose: () => void;
    children: ReactNode;
  },
) {
  const { t } = useWords();
  const { isOpen, activator, title, action, destructive = false, failed, words } = props;
  const { isSaving, trouble, refused, say } = useSaying(props);
  const close = refused === undefined ? props.onClose : props.onSaid;
  return (
    <Modal
      open={isOpen}
      onClose={close}
      activator={activator}
      title={title}
      {...(refused === undefined
        ? {
            primaryAction: {
              ...{ content: action, loading: isSaving, destructive },
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
          {trouble !== undefined && <Failed title={failed} trouble={trouble} />}
          {refused !== undefined && (
            <Banner tone="warning">
              <Told code={`${words}.${refused.refusal}`} sentence={refused.sentence} />
            </Banner>
          )}
          {props.children}
          {props.canUndo !== true && (
            <Text as="p" fontWeight="semibold">
              {t('settle.no_way_back')}
            </Text>
          )}
        </BlockStack>
      </Modal.Section>
    </Modal>
  );
}

function useSaying({ path, body, done, onSaid }: Saying) {
  const bridge = useAppBridge();
  const [isSaving, setSaving] = useState(false);
  const [trouble, setTrouble] = useState<TroubleKind>();
  const [refused, setRefused] = useState<Refused>();
  const say = async (): Promise<void> => {
    setSaving(true);
    setTrouble(undefined);
    try {
      const answer = await callApi<{ ok: true } | Refused>(path, { body });
      if (!answer.ok) {
        setRefused(answer);
        return;
      }
      bridge.toast.show(done);
      onSaid();
    } catch (error) {
      setTrouble(troubleOf(error));
    } finally {
      setSaving(false);
    }
  };
  return { isSaving, trouble, refused, say };
}
