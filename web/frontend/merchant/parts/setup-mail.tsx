import { BlockStack, Button, ButtonGroup, Text } from '@shopify/polaris';
import { useWords } from '../words.tsx';
import { notificationSettings } from './admin-links.ts';
import { CopyButton } from './copy-button.tsx';
import { mailSnippet } from './mail-snippet.ts';

/** The second way to the payment, for a buyer who closed the page or whose page lacks the block. */
export function SetupMail({ methodName }: { methodName: string }) {
  const { t } = useWords();
  const snippet = mailSnippet({ methodName, label: t('setup.mail.link', { method: methodName }) });
  return (
    <BlockStack gap="200">
      <Text as="h2" variant="headingSm">
        {t('setup.mail.title')}
      </Text>
      <Text as="p">{t('setup.mail.text')}</Text>
      <code className="zt-code" dir="ltr" data-line="mail">
        {snippet}
      </code>
      <ButtonGroup>
        <CopyButton text={snippet} label={t('setup.mail.copy')} />
        <Button url={notificationSettings}>{t('open_notifications')}</Button>
      </ButtonGroup>
    </BlockStack>
  );
}
