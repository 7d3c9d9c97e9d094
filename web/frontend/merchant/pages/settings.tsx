import { SaveBar, useAppBridge } from '@shopify/app-bridge-react';
import {
  BlockStack,
  Card,
  Form,
  Layout,
  List,
  Page,
  Text,
  TextField,
  Button,
} from '@shopify/polaris';
import { useState } from 'react';
import type { MethodAnswer, ShopAnswer } from '../../shared/merchant-api.ts';
import { callApi, troubleOf, type TroubleKind } from '../api.ts';
import { paymentSettings } from '../parts/admin-links.ts';
import { CheckoutCard } from '../parts/checkout-card.tsx';
import { Failed } from '../parts/failed.tsx';
import { useBlocks } from '../parts/use-blocks.ts';
import { WaitingPage } from '../parts/waiting-page.tsx';
import { useApi } from '../use-api.ts';
import { useWords } from '../words.tsx';

const longestName = 100;

export default function Settings() {
  const { t } = useWords();
  const shop = useApi<ShopAnswer>('/api/shop');
  const { value, trouble } = shop;
  if (value === undefined) {
    if (trouble === undefined) return <WaitingPage title={t('nav.settings')} lines={[6]} />;
    return (
      <Page title={t('nav.settings')}>
        <Failed title={t('settings.failed')} trouble={trouble} again={shop.again} />
      </Page>
    );
  }
  // The form keeps what is typed: a later reading of the shop does not write over it.
  return <SettingsForm stored={value.method.name} />;
}

function SettingsForm({ stored }: { stored: string }) {
  const { t } = useWords();
  const { blocks } = useBlocks();
  const form = useMethodForm(stored);
  return (
    <Page title={t('nav.settings')}>
      <SaveBar id="zt-settings" open={form.isChanged}>
        <button variant="primary" onClick={() => void form.save()} disabled={form.isSaving}>
          {t('save')}
        </button>
        <button onClick={form.discard} disabled={form.isSaving}>
          {t('discard')}
        </button>
      </SaveBar>
      <Layout>
        {form.trouble !== undefined && (
          <Layout.Section>
            <Failed
              title={t('settings.not_saved')}
              trouble={form.trouble}
              again={() => void form.save()}
              isAsking={form.isSaving}
            />
          </Layout.Section>
        )}
        <Layout.Section>
          <Card>
            <Form onSubmit={() => void form.save()}>
              <MethodFields form={form} />
            </Form>
          </Card>
        </Layout.Section>
        <Layout.Section variant="oneThird">
          <CheckoutCard methodName={form.saved} blocks={blocks} isSettings />
        </Layout.Section>
      </Layout>
    </Page>
  );
}

function MethodFields({ form }: { form: ReturnType<typeof useMethodForm> }) {
  const { t } = useWords();
  return (
    <BlockStack gap="400">
      <BlockStack gap="100">
        <Text as="h2" variant="headingMd">
          {t('settings.method')}
        </Text>
        <Text as="p" tone="subdued">
          {t('settings.method.text')}
        </Text>
      </BlockStack>
      <TextField
        id="zt-method"
        label={t('settings.method.label')}
        value={form.name}
        onChange={form.change}
        maxLength={longestName}
        autoComplete="off"
        helpText={t('settings.method.help')}
        {...(form.error === undefined ? {} : { error: form.error })}
      />
      <Text as="p">{t('settings.method.where')}</Text>
      <List type="number">
        <List.Item>{t('guide.method.step1')}</List.Item>
        <List.Item>{t('guide.method.step2', { method: form.name.trim() })}</List.Item>
        <List.Item>{t('guide.method.step3')}</List.Item>
      </List>
      <div>
        <Button url={paymentSettings}>{t('open_payment_settings')}</Button>
      </div>
    </BlockStack>
  );
}

/** What is typed stays until it is stored or thrown away by the merchant. */
function useMethodForm(stored: string) {
  const { t } = useWords();
  const bridge = useAppBridge();
  const [saved, setSaved] = useState(stored);
  const [name, setName] = useState(stored);
  const [error, setError] = useState<string>();
  const [trouble, setTrouble] = useState<TroubleKind>();
  const [isSaving, setIsSaving] = useState(false);

  const change = (next: string): void => {
    setName(next);
    setError(next.trim() === '' ? t('settings.method.empty') : undefined);
  };
  const save = async (): Promise<void> => {
    if (isSaving) return;
    if (name.trim() === '') {
      setError(t('settings.method.empty'));
      document.getElementById('zt-method')?.focus();
      return;
    }
    setIsSaving(true);
    setTrouble(undefined);
    try {
      const answer = await callApi<MethodAnswer>('/api/method', { body: { name: name.trim() } });
      if (answer.ok) {
        setSaved(answer.name);
        setName(answer.name);
        bridge.toast.show(t('settings.saved'));
      } else setError(answer.sentence);
    } catch (failure) {
      setTrouble(troubleOf(failure));
    } finally {
      setIsSaving(false);
    }
  };
  const discard = (): void => {
    setName(saved);
    setError(undefined);
    setTrouble(undefined);
  };
  return {
    saved,
    name,
    error,
    trouble,
    isSaving,
    isChanged: name !== saved,
    change,
    save,
    discard,
  };
}
