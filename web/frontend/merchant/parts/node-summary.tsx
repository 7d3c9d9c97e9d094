import { BlockStack, Button, Card, InlineStack, Link, Text } from '@shopify/polaris';
import type { NodeAnswer } from '../../shared/merchant-api.ts';
import { useWords } from '../words.tsx';
import { NodeBadges } from './node-badges.tsx';
import { useAmounts } from './use-amounts.ts';

/** The node on the home page: is it there, and how much can come in. */
export function NodeSummary({ node }: { node: NodeAnswer | null }) {
  const { t } = useWords();
  const { msat } = useAmounts();
  return (
    <Card>
      <BlockStack gap="300">
        <InlineStack align="space-between" blockAlign="center" gap="200">
          <Text as="h2" variant="headingMd">
            {t('node.yours')}
          </Text>
          {node !== null && <NodeBadges node={node} />}
        </InlineStack>
        {node === null ? (
          <>
            <Text as="p">{t('node.none')}</Text>
            <div>
              <Button url="/node">{t('guide.node.action')}</Button>
            </div>
          </>
        ) : (
          <>
            <Text as="p" fontWeight="semibold" breakWord>
              {node.alias}
            </Text>
            <BlockStack gap="050">
              <Text as="p" tone="subdued">
                {t('node.receivable')}
              </Text>
              <Text as="p" variant="headingLg" numeric>
                {node.receivableMsat === null ? t('not_known') : msat(node.receivableMsat)}
              </Text>
            </BlockStack>
            <Link url="/node">{t('node.see')}</Link>
          </>
        )}
      </BlockStack>
    </Card>
  );
}
