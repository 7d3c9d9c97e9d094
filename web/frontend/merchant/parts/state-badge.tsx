import { Badge, type BadgeProps } from '@shopify/polaris';
import type { PayState } from '../../shared/pay-view.ts';
import { useWords } from '../words.tsx';

/** Red is for what is stuck, never for emphasis: nobody failed when an order was not paid. */
const looks: Readonly<Record<PayState, Pick<BadgeProps, 'tone' | 'progress'>>> = {
  open: { tone: 'attention', progress: 'incomplete' },
  held: { tone: 'attention', progress: 'partiallyComplete' },
  closing: { progress: 'partiallyComplete' },
  settled: { tone: 'info', progress: 'partiallyComplete' },
  resolved: { tone: 'success', progress: 'complete' },
  stranded: { tone: 'critical', progress: 'incomplete' },
  lapsed: { progress: 'complete' },
  rejected: { progress: 'complete' },
};

/** Where a payment is; or, whatever its state, that it waits for a person. */
export function StateBadge({ state, attention }: { state: PayState; attention: string | null }) {
  const { t } = useWords();
  if (attention !== null && state !== 'stranded') {
    return <Badge tone="warning">{t('needs_you')}</Badge>;
  }
  return <Badge {...looks[state]}>{t(`state.${state}`)}</Badge>;
}
