import { useAppBridge } from '@shopify/app-bridge-react';
import { Text } from '@shopify/polaris';
import { useState, type ReactNode } from 'react';
import type { ShareChangedAnswer } from '../../shared/shares-api.ts';
import { callApi, troubleOf, type TroubleKind } from '../api.ts';
import { Told, useWords } from '../words.tsx';
import { Failed } from './failed.tsx';

type Refused = Extract<ShareChangedAnswer, { ok: false }>;

/**
 * One call that changes something about shares or rewards, and what became of it. `words`: whose
 * refusals they are.
 */
export function useChangingShares(
  onChanged: () => void,
  words: 'share' | 'reward' = 'share',
): {
  isSaving: boolean;
  /** What it was refused for, or why there is no answer. */
  says: ReactNode;
  change: (wish: { path: string; body: object; done: string }) => Promise<boolean>;
} {
  const { t } = useWords();
  const bridge = useAppBridge();
  const [isSaving, setSaving] = useState(false);
  const [refused, setRefused] = useState<Refused>();
  const [trouble, setTrouble] = useState<TroubleKind>();
  const change = async (wish: { path: string; body: object; done: string }): Promise<boolean> => {
    setSaving(true);
    setTrouble(undefined);
    setRefused(undefined);
    try {
      const answer = await callApi<ShareChangedAnswer>(wish.path, { body: wish.body });
      if (!answer.ok) {
        setRefused(answer);
        return false;
      }
      bridge.toast.show(wish.done);
      onChanged();
      return true;
    } catch (error) {
      setTrouble(troubleOf(error));
      return false;
    } finally {
      setSaving(false);
    }
  };
  const says = (
    <>
      {trouble !== undefined && <Failed title={t('shares.not_done')} trouble={trouble} />}
      {refused !== undefined && (
        <div role="alert">
          <Text as="p" tone="critical">
            <Told code={`${words}.${refused.refusal}`} sentence={refused.sentence} />
          </Text>
        </div>
      )}
    </>
  );
  return { isSaving, says, change };
}
