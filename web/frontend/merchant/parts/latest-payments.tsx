import { Box, Card, InlineStack, Link, Text } from '@shopify/polaris';
import type { PaymentRow } from '../../shared/merchant-api.ts';
import { useWords } from '../words.tsx';
import { PaymentList } from './payment-list.tsx';

const shown = 5;

export function LatestPayments(props: {
  payments: readonly PaymentRow[] | undefined;
  methodName: string;
}) {
  const { t } = useWords();
  const { payments, methodName } = props;
  return (
    <Card padding="0">
      <Box padding="400">
        <InlineStack align="space-between" blockAlign="center" gap="200">
          <Text as="h2" variant="headingMd">
            {t('latest.title')}
          </Text>
          <Link url="/payments">{t('latest.all')}</Link>
        </InlineStack>
      </Box>
      {payments === undefined || payments.length === 0 ? (
        <Box padding="400" paddingBlockStart="0">
          <Text as="p" tone="subdued">
            {payments === undefined
              ? t('latest.failed')
              : t('payments.none.text', { method: methodName })}
          </Text>
        </Box>
      ) : (
        <PaymentList payments={payments.slice(0, shown)} />
      )}
    </Card>
  );
}
