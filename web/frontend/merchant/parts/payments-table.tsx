import {
  IndexTable,
  InlineStack,
  Badge,
  Link,
  Text,
  useBreakpoints,
  type IndexTableProps,
} from '@shopify/polaris';
import { useEffect, useRef } from 'react';
import type { PaymentRow } from '../../shared/merchant-api.ts';
import { useWords } from '../words.tsx';
import { StateBadge } from './state-badge.tsx';
import { useAmounts } from './use-amounts.ts';

export type Selection = {
  selectedResources: string[];
  allResourcesSelected: boolean;
  handleSelectionChange: NonNullable<IndexTableProps['onSelectionChange']>;
  clearSelection: () => void;
};

type TableProps = {
  payments: readonly PaymentRow[];
  timeZone: string;
  isOld: boolean;
  hasMore: boolean;
  selection: Selection;
  onExport: () => void;
};

/** The rows with their boxes. Each row leads to its payment; a list on a phone. */
export function PaymentsTable(props: TableProps) {
  const { t } = useWords();
  const { smDown } = useBreakpoints();
  const { payments, selection, isOld, timeZone } = props;
  const { selectedResources, allResourcesSelected } = selection;
  const frame = useMixedBoxes();
  return (
    <div ref={frame} className={isOld ? 'zt-old' : undefined} aria-busy={isOld}>
      <IndexTable
        resourceName={{ singular: t('payments.one'), plural: t('payments.many') }}
        itemCount={payments.length}
        selectedItemsCount={allResourcesSelected ? 'All' : selectedResources.length}
        onSelectionChange={selection.handleSelectionChange}
        hasMoreItems={props.hasMore}
        condensed={smDown}
        promotedBulkActions={[{ content: t('export.selected'), onAction: props.onExport }]}
        headings={[
          { title: t('column.order') },
          { title: t('column.state') },
          { title: t('column.when') },
          { title: t('column.amount'), alignment: 'end' },
          { title: t('column.sats'), alignment: 'end' },
        ]}
      >
        {payments.map((payment, position) => (
          <IndexTable.Row
            key={payment.id}
            id={payment.id}
            position={position}
            selected={allResourcesSelected || selectedResources.includes(payment.id)}
            accessibilityLabel={t('payments.select', { order: payment.orderName })}
            {...(payment.attention === null ? {} : { tone: 'warning' as const })}
          >
            {smDown ? (
              <Condensed payment={payment} timeZone={timeZone} />
            ) : (
              <Cells payment={payment} timeZone={timeZone} />
            )}
          </IndexTable.Row>
        ))}
      </IndexTable>
    </div>
  );
}

/** Polaris says of the box above all others that it is mixed, and does not make it so. */
function useMixedBoxes() {
  const frame = useRef<HTMLDivElement>(null);
  useEffect(() => {
    for (const box of frame.current?.querySelectorAll<HTMLInputElement>('[type=checkbox]') ?? []) {
      box.indeterminate = box.getAttribute('aria-checked') === 'mixed';
    }
  });
  return frame;
}

type RowProps = { payment: PaymentRow; timeZone: string };

function Name({ payment }: { payment: PaymentRow }) {
  const { t } = useWords();
  return (
    <InlineStack gap="200" blockAlign="center">
      <Link dataPrimaryLink monochrome removeUnderline url={`/payments/${payment.id}`}>
        <Text as="span" fontWeight="semibold" breakWord>
          <bdi>{payment.orderName}</bdi>
        </Text>
      </Link>
      {payment.test && <Badge>{t('payments.test')}</Badge>}
    </InlineStack>
  );
}

function Cells({ payment, timeZone }: RowProps) {
  const { fiat, sats, when } = useAmounts(timeZone);
  return (
    <>
      <IndexTable.Cell>
        <Name payment={payment} />
      </IndexTable.Cell>
      <IndexTable.Cell>
        <StateBadge state={payment.state} attention={payment.attention} />
      </IndexTable.Cell>
      <IndexTable.Cell>
        <time dateTime={payment.openedAt}>{when(payment.openedAt)}</time>
      </IndexTable.Cell>
      <IndexTable.Cell>
        <Text as="span" alignment="end" numeric>
          {fiat(payment.fiat)}
        </Text>
      </IndexTable.Cell>
      <IndexTable.Cell>
        <Text as="span" alignment="end" tone="subdued" numeric>
          {payment.sats === null ? '–' : sats(payment.sats)}
        </Text>
      </IndexTable.Cell>
    </>
  );
}

/** Straight into the row: a cell of Polaris collapses to the left on a phone. */
function Condensed({ payment, timeZone }: RowProps) {
  const { fiat, sats, when } = useAmounts(timeZone);
  return (
    <div className="zt-payment">
      <Name payment={payment} />
      <Text as="span" alignment="end" fontWeight="medium" numeric>
        {fiat(payment.fiat)}
      </Text>
      <span>
        <StateBadge state={payment.state} attention={payment.attention} />
      </span>
      <Text as="span" alignment="end" tone="subdued" variant="bodySm" numeric>
        {payment.sats === null ? '–' : sats(payment.sats)}
      </Text>
      <Text as="span" tone="subdued" variant="bodySm">
        <time dateTime={payment.openedAt}>{when(payment.openedAt)}</time>
      </Text>
    </div>
  );
}
