import { BlockStack, Card, Text, UnstyledLink } from '@shopify/polaris';
import type { ShopAnswer } from '../../shared/merchant-api.ts';
import type { PayState } from '../../shared/pay-view.ts';
import { useWords } from '../words.tsx';
import { useAmounts } from './use-amounts.ts';

/** In the order of a payment's life. */
const order: readonly PayState[] = [
  ...(['open', 'held', 'settled', 'resolved'] as const),
  ...(['closing', 'lapsed', 'rejected', 'stranded'] as const),
];

/** The server counts no further. */
const countedAtMost = 1_000;

/** How many payments are in each state; each number leads to its list. */
export function Counts({ counts }: { counts: ShopAnswer['counts'] }) {
  const { t } = useWords();
  const { count } = useAmounts();
  return (
    <Card>
      <BlockStack gap="300">
        <Text as="h2" variant="headingMd">
          {t('counts.title')}
        </Text>
        <div className="zt-counts">
          {order.map((state) => (
            <UnstyledLink key={state} url={`/payments?state=${state}`}>
              <Text as="span" variant="headingLg" numeric>
                {counts[state] < countedAtMost
                  ? count(counts[state])
                  : t('counts.or_more', { count: count(countedAtMost) })}
              </Text>
              <Text as="span" variant="bodySm" tone="subdued">
                {t(`state.${state}`)}
              </Text>
            </UnstyledLink>
          ))}
        </div>
      </BlockStack>
    </Card>
  );
}
