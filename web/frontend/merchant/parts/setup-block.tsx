import { BlockStack, Button, ButtonGroup, Text } from '@shopify/polaris';
import type { SetupAnswer } from '../../shared/setup-api.ts';
import { useWords } from '../words.tsx';
import { checkoutEditor } from './admin-links.ts';
import { SeenAt } from './seen-at.tsx';
import { SetupMail } from './setup-mail.tsx';

/**
 * The block on the thank-you page: seen when it has asked us for the first time. The e-mail is the
 * second way in, and no step of its own: nothing tells us that it was sent.
 */
export function SetupBlock(props: {
  shop: string;
  block: SetupAnswer['block'];
  /** Of the manual payment method, for the line in the e-mails. */
  methodName: string;
  /** What App Bridge says; not known is not placed. */
  isPlaced: boolean;
}) {
  const { t } = useWords();
  const { shop, block, isPlaced, methodName } = props;
  return (
    <BlockStack gap="300">
      <Text as="p">{t('setup.block.text')}</Text>
      <SeenAt
        at={block.seenAt}
        waiting={t(isPlaced ? 'setup.block.placed' : 'setup.block.waiting')}
      />
      <ButtonGroup>
        <Button url={checkoutEditor}>{t('open_checkout_editor')}</Button>
        <Button url={`https://${shop}/`} target="_blank">
          {t('setup.block.shop')}
        </Button>
      </ButtonGroup>
      <SetupMail methodName={methodName} />
    </BlockStack>
  );
}
