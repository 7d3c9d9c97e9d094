import { Text, UnstyledLink } from '@shopify/polaris';
import type { PaymentRow } from '../../shared/merchant-api.ts';
import { useWords } from '../words.tsx';
import { StateBadge } from './state-badge.tsx';
import { useAmounts } from './use-amounts.ts';

/** Payments, each row one link: a list to a screen reader, columns where there is room. */
export function PaymentList(props: { payments: readonly PaymentRow[]; isOld?: boolean }) {
  const { t } = useWords();
  const { payments, isOld = false } = props;
  return (
    <div className={isOld ? 'zt-old' : undefined} aria-busy={isOld}>
      <div className="zt-payments-head" aria-hidden="true">
        <span>{t('column.order')}</span>
        <span>{t('column.state')}</span>
        <span>{t('column.when')}</span>
        <span className="zt-end">{t('column.amount')}</span>
        <span className="zt-end">{t('column.sats')}</span>
      </div>
      <ul className="zt-list zt-payments">
        {payments.map((payment) => (
          <li key={payment.id}>
            <Row payment={payment} />
          </li>
        ))}
      </ul>
    </div>
  );
}

function Row({ payment }: { payment: PaymentRow }) {
  const { fiat, sats, when } = useAmounts();
  return (
    <UnstyledLink url={`/payments/${payment.id}`}>
      <span className="zt-order">
        <Text as="span" fontWeight="semibold" breakWord>
          {payment.orderName}
        </Text>
      </span>
      <span className="zt-state">
        <StateBadge state={payment.state} attention={payment.attention} />
      </span>
      <span className="zt-when">
        <Text as="span" tone="subdued">
          <time dateTime={payment.openedAt}>{when(payment.openedAt)}</time>
        </Text>
      </span>
      <span className="zt-fiat zt-end zt-figures">{fiat(payment.fiat)}</span>
      <span className="zt-sats zt-end zt-figures">
        <Text as="span" tone="subdued">
          {payment.sats === null ? '–' : sats(payment.sats)}
        </Text>
      </span>
    </UnstyledLink>
  );
}
