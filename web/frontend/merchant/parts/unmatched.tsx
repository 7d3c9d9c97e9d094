import { Banner, BlockStack, Button, ButtonGroup } from '@shopify/polaris';
import { useState } from 'react';
import type { Problem } from '../../shared/merchant-api.ts';
import type { AcceptBreakAnswer } from '../../shared/reconcile-api.ts';
import { formatSats } from '../../shared/amounts.ts';
import { callApi, troubleOf, type TroubleKind } from '../api.ts';
import { Told, useWords } from '../words.tsx';
import { orderLink } from './admin-links.ts';
import { Failed } from './failed.tsx';

/** Money or an order without the other: what is so, and a way to say that it was dealt with. */
export function Unmatched(props: { problem: Problem; onChanged: () => void }) {
  const { t, locale } = useWords();
  const { problem, onChanged } = props;
  const { sentence, paymentId, orderName = '', values = {} } = problem;
  const [isSaying, setIsSaying] = useState(false);
  const [trouble, setTrouble] = useState<TroubleKind>();
  const say = async (): Promise<void> => {
    setIsSaying(true);
    setTrouble(undefined);
    try {
      const path = `/api/reconciliation/breaks/${values['breakId'] ?? ''}/accept`;
      await callApi<AcceptBreakAnswer>(path, { body: {} });
      onChanged();
    } catch (failure) {
      setTrouble(troubleOf(failure));
    } finally {
      setIsSaying(false);
    }
  };
  const shown: Record<string, string> = { ...values, orderName };
  for (const sats of ['here', 'there'] as const) {
    if (values[sats] !== undefined) shown[sats] = formatSats(values[sats], locale);
  }
  const order = orderLink(values['orderId'] ?? '');
  const openOrder = t('payment.order');
  const see = t('problem.see');
  const accept = t('problem.unmatched.accept');
  return (
    <Banner tone="critical" title={t('problem.unmatched.title', { order: orderName })}>
      <BlockStack gap="200">
        <p>
          <Told
            code={`problem.unmatched.${values['break'] ?? ''}`}
            sentence={sentence}
            values={shown}
          />
        </p>
        {trouble !== undefined && (
          <Failed
            title={t('problem.unmatched.failed')}
            trouble={trouble}
            again={() => void say()}
          />
        )}
        <ButtonGroup>
          {order !== undefined && (
            <Button url={order} accessibilityLabel={`${openOrder}: ${orderName}`}>
              {openOrder}
            </Button>
          )}
          {paymentId !== undefined && (
            <Button url={`/payments/${paymentId}`} accessibilityLabel={`${see}: ${orderName}`}>
              {see}
            </Button>
          )}
          <Button
            loading={isSaying}
            onClick={() => void say()}
            accessibilityLabel={`${accept}: ${orderName}`}
          >
            {accept}
          </Button>
        </ButtonGroup>
      </BlockStack>
    </Banner>
  );
}
