import { Badge, type BadgeProps } from '@shopify/polaris';
import type { RefundShown, RefundStateName } from '../../shared/refunds-api.ts';
import { useWords } from '../words.tsx';

const looks: Readonly<Record<RefundStateName, Pick<BadgeProps, 'tone' | 'progress'>>> = {
  asked: { progress: 'incomplete' },
  claimable: { tone: 'attention', progress: 'incomplete' },
  claimed: { tone: 'info', progress: 'partiallyComplete' },
  paid: { tone: 'success', progress: 'complete' },
  withdrawn: { progress: 'complete' },
  done: { tone: 'success', progress: 'complete' },
};

/** Where a refund is; or that it waits for a person. One that is over says whether it was paid. */
export function RefundBadge({ refund }: { refund: RefundShown }) {
  const { t } = useWords();
  const { state, because, mayApprove } = refund;
  if (mayApprove) return <Badge tone="warning">{t('needs_you')}</Badge>;
  const isPaid = state === 'done' && because.code === 'paid_out';
  const shown = state === 'done' ? (isPaid ? 'paid' : 'withdrawn') : state;
  return <Badge {...looks[shown]}>{t(`refund.state.${shown}`)}</Badge>;
}
