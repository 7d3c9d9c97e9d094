import { BlockStack, Button, ButtonGroup, List, Text } from '@shopify/polaris';
import type { SetupAnswer } from '../../shared/setup-api.ts';
import { useWords } from '../words.tsx';
import { paymentSettings } from './admin-links.ts';
import { CopyButton } from './copy-button.tsx';
import { SeenAt } from './seen-at.tsx';

/** The manual payment method, recognised by its exact name and by nothing else. */
export function SetupMethod({ method }: Pick<SetupAnswer, 'method'>) {
  const { t } = useWords();
  return (
    <BlockStack gap="300">
      <List type="number">
        <List.Item>{t('setup.method.step1')}</List.Item>
        <List.Item>{t('setup.method.step2')}</List.Item>
      </List>
      <BlockStack gap="100">
        <Text as="p" tone="subdued">
          {t('setup.method.name')}
        </Text>
        <code className="zt-code" dir="auto" data-line="method">
          {method.name}
        </code>
      </BlockStack>
      <SeenAt at={method.seenAt} waiting={t('setup.method.waiting')} />
      <ButtonGroup>
        <CopyButton text={method.name} label={t('setup.method.copy')} />
        <Button url={paymentSettings}>{t('open_payment_settings')}</Button>
        <Button variant="plain" url="/settings">
          {t('setup.method.other')}
        </Button>
      </ButtonGroup>
    </BlockStack>
  );
}
