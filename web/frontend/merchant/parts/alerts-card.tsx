import { useAppBridge } from '@shopify/app-bridge-react';
import {
  Badge,
  Banner,
  BlockStack,
  Button,
  Card,
  FormLayout,
  InlineStack,
  Text,
  TextField,
} from '@shopify/polaris';
import { useState } from 'react';
import type { AlertShown, SecretAnswer, TestAlertAnswer } from '../../shared/settings-api.ts';
import { callApi, troubleOf } from '../api.ts';
import { isWord, useWords } from '../words.tsx';
import { CopyButton } from './copy-button.tsx';
import { useTextField, type CardProps } from './settings-cards.tsx';
import { useAmounts } from './use-amounts.ts';
import type { SettingsForm } from './use-settings-form.ts';

export function AlertsCard({ form, answer }: CardProps) {
  const { t } = useWords();
  const field = useTextField(form);
  return (
    <Card>
      <BlockStack gap="400">
        {!answer.sendsEmail && (
          <Banner tone="info">
            <p>{t('settings.alerts.no_smtp')}</p>
          </Banner>
        )}
        <FormLayout>
          <TextField
            {...field('alertEmail', 'settings.alerts.email')}
            type="email"
            disabled={!answer.sendsEmail && form.stored.alertEmail === null}
            placeholder="shop@example.com"
            helpText={t('settings.alerts.email.help')}
          />
          <TextField
            {...field('alertUrl', 'settings.alerts.url')}
            type="url"
            placeholder="https://example.com/zaptill"
            helpText={t('settings.alerts.url.help')}
          />
        </FormLayout>
        <Secret form={form} />
        <TestAlert form={form} />
        {answer.alerts.length > 0 && <Latest alerts={answer.alerts} />}
      </BlockStack>
    </Card>
  );
}

/** The webhook's secret: once when it is made, and never again. */
function Secret({ form }: { form: SettingsForm }) {
  const { t } = useWords();
  const bridge = useAppBridge();
  const [isAsking, setIsAsking] = useState(false);
  const { secret } = form;
  if (form.stored.alertUrl === null) return null;
  const renew = async (): Promise<void> => {
    setIsAsking(true);
    try {
      const made = await callApi<SecretAnswer>('/api/settings/secret', { body: {} });
      if (made.ok) form.setSecret(made.alertSecret);
      else bridge.toast.show(made.sentence, { isError: true });
    } catch (failure) {
      bridge.toast.show(t(`trouble.${troubleOf(failure)}`), { isError: true });
    } finally {
      setIsAsking(false);
    }
  };
  return (
    <BlockStack gap="300">
      {secret !== undefined && (
        <Banner tone="warning" title={t('settings.secret.title')}>
          <BlockStack gap="300">
            <p>{t('settings.secret.text')}</p>
            <code className="zt-code">{secret}</code>
            <InlineStack gap="200">
              <CopyButton text={secret} label={t('settings.secret.copy')} />
              <Button onClick={() => form.setSecret(undefined)}>{t('settings.secret.kept')}</Button>
            </InlineStack>
          </BlockStack>
        </Banner>
      )}
      <Text as="p" tone="subdued">
        {t('settings.secret.how')}
      </Text>
      {secret === undefined && (
        <div>
          <Button loading={isAsking} onClick={() => void renew()}>
            {t('settings.secret.renew')}
          </Button>
        </div>
      )}
    </BlockStack>
  );
}

function TestAlert({ form }: { form: SettingsForm }) {
  const { t } = useWords();
  const [isAsking, setIsAsking] = useState(false);
  const [said, setSaid] = useState<readonly string[]>([]);
  const isUnsaved = form.isTouched('alertEmail') || form.isTouched('alertUrl');
  const isNowhere = form.stored.alertEmail === null && form.stored.alertUrl === null;
  const wordOf = (outcome: string): string => {
    const word = `settings.outcome.${outcome}`;
    return isWord(word) ? t(word) : t('settings.outcome.other');
  };
  const ask = async (): Promise<void> => {
    setIsAsking(true);
    try {
      const answer = await callApi<TestAlertAnswer>('/api/settings/test-alert', { body: {} });
      setSaid(
        answer.ok
          ? Object.entries(answer.outcomes).map(([channel, outcome]) =>
              t(channel === 'email' ? 'settings.test.email' : 'settings.test.url', {
                outcome: wordOf(outcome),
              }),
            )
          : [t('settings.test.too_often')],
      );
    } catch (failure) {
      setSaid([t(`trouble.${troubleOf(failure)}`)]);
    } finally {
      setIsAsking(false);
    }
  };
  return (
    <BlockStack gap="200">
      <div>
        <Button disabled={isUnsaved || isNowhere} loading={isAsking} onClick={() => void ask()}>
          {t('settings.test')}
        </Button>
      </div>
      <div role="status">
        {said.map((line) => (
          <Text as="p" key={line}>
            {line}
          </Text>
        ))}
        {said.length === 0 && (isUnsaved || isNowhere) && (
          <Text as="p" tone="subdued">
            {t(isUnsaved ? 'settings.test.save_first' : 'settings.test.nowhere')}
          </Text>
        )}
      </div>
    </BlockStack>
  );
}

function Latest({ alerts }: { alerts: readonly AlertShown[] }) {
  const { t } = useWords();
  const { when } = useAmounts();
  return (
    <BlockStack gap="200">
      <Text as="h3" variant="headingSm">
        {t('settings.alerts.latest')}
      </Text>
      <ul className="zt-alerts">
        {alerts.map((alert) => (
          <li key={`${alert.channel} ${alert.madeAt} ${alert.subject}`}>
            <InlineStack gap="200" align="space-between">
              <span>{alert.subject}</span>
              <AlertBadge alert={alert} />
            </InlineStack>
            <Text as="p" tone="subdued">
              {t(
                alert.channel === 'email' ? 'settings.alerts.by_email' : 'settings.alerts.by_url',
                {
                  when: when(alert.sentAt ?? alert.madeAt),
                },
              )}
            </Text>
          </li>
        ))}
      </ul>
    </BlockStack>
  );
}

function AlertBadge({ alert }: { alert: AlertShown }) {
  const { t } = useWords();
  if (alert.sentAt !== null) return <Badge tone="success">{t('settings.alerts.sent')}</Badge>;
  if (alert.isOver) return <Badge tone="critical">{t('settings.alerts.given_up')}</Badge>;
  return <Badge tone="attention">{t('settings.alerts.waiting')}</Badge>;
}
