import { useAppBridge } from '@shopify/app-bridge-react';
import { Badge, Banner, BlockStack, Button, Card, InlineStack, Text } from '@shopify/polaris';
import { useState } from 'react';
import type { HoldsAnswer, HoldsSwitched } from '../../shared/holds-api.ts';
import { callApi, troubleOf, type TroubleKind } from '../api.ts';
import { useApi } from '../use-api.ts';
import { Told, useWords } from '../words.tsx';
import { ConnectForm } from './connect-form.tsx';
import { Failed } from './failed.tsx';
import { BakeLine, Lesson } from './lesson.tsx';
import { isAboutCredential, useConnect } from './use-connect.ts';

/** Confirm before charging: switched at once, beside what is saved together. */
export function HoldsCard() {
  const { t } = useWords();
  const { value, trouble, again } = useApi<HoldsAnswer>('/api/holds');
  const [isWanted, setWanted] = useState(false);
  if (value === undefined) {
    return trouble === undefined ? null : (
      <Failed title={t('holds.failed')} trouble={trouble} again={again} />
    );
  }
  return (
    <BlockStack gap="400">
      <Switch holds={value} reload={again} />
      {!value.nodeCanHold && !isWanted && !value.isOn && (
        <div>
          <Button onClick={() => setWanted(true)}>{t('holds.prepare')}</Button>
        </div>
      )}
      {!value.nodeCanHold && (isWanted || value.isOn) && <Lacks holds={value} connected={again} />}
    </BlockStack>
  );
}

function Switch({ holds, reload }: { holds: HoldsAnswer; reload: () => void }) {
  const { t } = useWords();
  const { isOn, nodeCanHold } = holds;
  const { isSaving, trouble, refused, switchTo } = useSwitch(reload);
  return (
    <Card>
      <BlockStack gap="300">
        <InlineStack gap="200" blockAlign="center">
          <Text as="h3" variant="headingMd">
            {t('holds.title')}
          </Text>
          <Badge {...(isOn ? { tone: 'success' as const } : {})}>
            {t(isOn ? 'holds.is_on' : 'holds.is_off')}
          </Badge>
        </InlineStack>
        <Text as="p">{t('holds.text')}</Text>
        <Text as="p" tone="subdued">
          {t('holds.cost')}
        </Text>
        {isOn && !nodeCanHold && <Banner tone="warning">{t('holds.nobody_pays')}</Banner>}
        {trouble !== undefined && <Failed title={t('holds.not_switched')} trouble={trouble} />}
        {refused !== undefined && (
          <Banner tone="warning">
            <Told code={`holds.${refused.refusal}`} sentence={refused.sentence} />
          </Banner>
        )}
        <InlineStack align="end">
          <Button
            loading={isSaving}
            disabled={!isOn && !nodeCanHold}
            onClick={() => void switchTo(!isOn)}
          >
            {t(isOn ? 'holds.switch_off' : 'holds.switch_on')}
          </Button>
        </InlineStack>
      </BlockStack>
    </Card>
  );
}

function useSwitch(done: () => void) {
  const { t } = useWords();
  const bridge = useAppBridge();
  const [isSaving, setSaving] = useState(false);
  const [trouble, setTrouble] = useState<TroubleKind>();
  const [refused, setRefused] = useState<Extract<HoldsSwitched, { ok: false }>>();
  const switchTo = async (on: boolean): Promise<void> => {
    setSaving(true);
    setTrouble(undefined);
    setRefused(undefined);
    try {
      const answer = await callApi<HoldsSwitched>('/api/holds', { body: { on } });
      if (answer.ok) bridge.toast.show(t(on ? 'holds.now_on' : 'holds.now_off'));
      else setRefused(answer);
      done();
    } catch (failure) {
      setTrouble(troubleOf(failure));
    } finally {
      setSaving(false);
    }
  };
  return { isSaving, trouble, refused, switchTo };
}

/** The line that bakes a credential which can hold, and where it is pasted. */
function Lacks({ holds, connected }: { holds: HoldsAnswer; connected: () => void }) {
  const { t } = useWords();
  const bridge = useAppBridge();
  const { node, bake } = holds;
  // What the line prints is a credential alone; where the node is is known, and its certificate.
  const renews = node === null ? {} : { renews: node.id, knownHost: node.address };
  const begins = { way: 'parts', host: node?.address ?? '' } as const;
  const connect = useConnect(
    () => {
      bridge.toast.show(t('node.connected.toast'));
      connected();
    },
    { ...renews, forHolds: true, begins },
  );
  const { refused } = connect;
  const hasLine = refused !== undefined && isAboutCredential(refused.refusal);
  return (
    <>
      <Card>
        <BlockStack gap="300">
          <Text as="h3" variant="headingMd">
            {t('holds.lacks.head')}
          </Text>
          <Text as="p">{t('holds.lacks.text', { name: node?.name ?? t('holds.your_node') })}</Text>
          {!hasLine && <BakeLine line={bake} />}
        </BlockStack>
      </Card>
      {refused !== undefined && <Lesson refused={refused} />}
      <ConnectForm connect={connect} />
    </>
  );
}
