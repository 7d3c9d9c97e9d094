import { Badge, BlockStack, Card, InlineStack, Link, Text } from '@shopify/polaris';
import { useWords } from '../words.tsx';
import { checkoutEditor } from './admin-links.ts';
import type { Blocks } from './use-blocks.ts';

/** Whether shoppers find the way to pay: the method's name, and where our block stands. */
export function CheckoutCard(props: {
  methodName: string;
  blocks: Blocks | undefined;
  /** On the page where the name is set there is no link to it. */
  isSettings?: boolean;
}) {
  const { t } = useWords();
  const { methodName, blocks, isSettings = false } = props;
  return (
    <Card>
      <BlockStack gap="300">
        <Text as="h2" variant="headingMd">
          {t('checkout.title')}
        </Text>
        <BlockStack gap="100">
          <Text as="p" tone="subdued">
            {t('checkout.method')}
          </Text>
          <Text as="p" fontWeight="semibold" breakWord>
            {methodName}
          </Text>
          {!isSettings && <Link url="/settings">{t('checkout.change')}</Link>}
        </BlockStack>
        <BlockStack gap="200">
          <Text as="p" tone="subdued">
            {t('checkout.block')}
          </Text>
          <Place label={t('checkout.thank_you')} isPlaced={blocks?.thankYou} />
          <Place label={t('checkout.order_status')} isPlaced={blocks?.orderStatus} />
          <Link url={checkoutEditor}>{t('open_checkout_editor')}</Link>
        </BlockStack>
        {blocks?.thankYou === false && (
          <Text as="p" tone="subdued">
            {t('checkout.without_block')}
          </Text>
        )}
      </BlockStack>
    </Card>
  );
}

function Place({ label, isPlaced }: { label: string; isPlaced: boolean | undefined }) {
  const { t } = useWords();
  return (
    <InlineStack align="space-between" blockAlign="center" gap="200">
      <Text as="span">{label}</Text>
      {isPlaced === undefined ? (
        <Badge>{t('checkout.unknown')}</Badge>
      ) : isPlaced ? (
        <Badge tone="success">{t('checkout.placed')}</Badge>
      ) : (
        <Badge tone="attention">{t('checkout.not_placed')}</Badge>
      )}
    </InlineStack>
  );
}
