import {
  Banner,
  Box,
  Button,
  Card,
  EmptyState,
  InlineStack,
  Page,
  Pagination,
  Text,
  useIndexResourceState,
} from '@shopify/polaris';
import { ExportIcon } from '@shopify/polaris-icons';
import { useEffect, useRef, useState } from 'react';
import type { PaymentsAnswer, PaymentViewsAnswer } from '../../shared/merchant-api.ts';
import { paymentSettings } from '../parts/admin-links.ts';
import { ExportDialog, type Wanted } from '../parts/export-dialog.tsx';
import { Failed } from '../parts/failed.tsx';
import {
  ownTabs,
  savedTab,
  tabOf,
  useListAddress,
  type ListAddress,
} from '../parts/payments-address.ts';
import { PaymentsFilters } from '../parts/payments-filters.tsx';
import { PaymentsTable, type Selection } from '../parts/payments-table.tsx';
import { useAmounts } from '../parts/use-amounts.ts';
import { useSavedViews, type SavedViews } from '../parts/use-saved-views.ts';
import { WaitingPage } from '../parts/waiting-page.tsx';
import { useApi, type Loaded } from '../use-api.ts';
import { Told, useWords, type Speech } from '../words.tsx';

const lookAgainMs = 15_000;

export default function Payments() {
  const { t } = useWords();
  const address = useListAddress();
  const ask = new URLSearchParams({ ...address.filter, ...address.cursor });
  const loaded = useApi<PaymentsAnswer>(`/api/payments?${ask.toString()}`, {
    everyMs: lookAgainMs,
  });
  const offers = useApi<PaymentViewsAnswer>('/api/payments/views');
  const isFirst = loaded.value === undefined && loaded.trouble === undefined;
  if (isFirst || (offers.value === undefined && offers.trouble === undefined)) {
    return <WaitingPage title={t('nav.payments')} lines={[12]} />;
  }
  return <List address={address} loaded={loaded} offers={offers} />;
}

type ListProps = {
  address: ListAddress;
  loaded: Loaded<PaymentsAnswer>;
  offers: Loaded<PaymentViewsAnswer>;
};

function List({ address, loaded, offers }: ListProps) {
  const { t } = useWords();
  const saved = useSavedViews({ address, offers: offers.value, again: offers.again });
  const tabs = [...ownTabs, ...(offers.value?.views ?? []).map(savedTab)];
  const selected = tabOf(tabs, address);
  const selection = useSelection(loaded.value?.payments ?? [], address);
  const exporting = useExporting({ address, loaded, selection });
  const opener = useRef<HTMLDivElement>(null);
  return (
    <Page
      title={t('nav.payments')}
      fullWidth
      primaryAction={
        <div ref={opener}>
          <Button icon={ExportIcon} onClick={exporting.all}>
            {t('export.open')}
          </Button>
        </div>
      }
    >
      {loaded.trouble !== undefined && (
        <Box paddingBlockEnd="400">
          <Failed title={t('payments.failed')} trouble={loaded.trouble} again={loaded.again} />
        </Box>
      )}
      <NotSaved saved={saved} />
      <Card padding="0">
        <PaymentsFilters
          address={address}
          tabs={tabs}
          selected={selected}
          saved={saved}
          offers={offers.value}
          isLoading={loaded.isOld}
        />
        <div id="zt-payments" role="tabpanel" aria-labelledby={tabs[selected]?.id}>
          <Listed
            address={address}
            loaded={loaded}
            selection={selection}
            onExport={exporting.selected}
          />
        </div>
      </Card>
      <ExportDialog
        wanted={exporting.wanted}
        says={exporting.says}
        activator={opener}
        onClose={exporting.close}
      />
    </Page>
  );
}

function NotSaved({ saved: { refused } }: { saved: SavedViews }) {
  const { t } = useWords();
  if (refused === undefined) return null;
  return (
    <Box paddingBlockEnd="400">
      {'trouble' in refused ? (
        <Failed title={t('view.not_saved')} trouble={refused.trouble} />
      ) : (
        <Banner tone="warning" title={t('view.not_saved')}>
          <p>
            <Told code={refused.code} sentence={refused.sentence} />
          </p>
        </Banner>
      )}
    </Box>
  );
}

/** Rows that are chosen on this page of the list; another page begins with none. */
function useSelection(payments: PaymentsAnswer['payments'], address: ListAddress): Selection {
  const selection = useIndexResourceState(payments as unknown as { id: string }[]);
  const { clearSelection } = selection;
  const place = JSON.stringify([address.filter, address.cursor]);
  const last = useRef(place);
  useEffect(() => {
    if (last.current === place) return;
    last.current = place;
    clearSelection();
  }, [place, clearSelection]);
  return selection;
}

/** How many there are, as far as they are counted. */
function countedIn(t: Speech['t'], count: (n: number) => string, loaded: PaymentsAnswer): string {
  const { counted, isMore } = loaded.count;
  const number = count(counted);
  if (isMore) return t('payments.more_than', { count: number });
  return counted === 1 ? t('payments.count.one') : t('payments.count', { count: number });
}

function useExporting(about: {
  address: ListAddress;
  loaded: Loaded<PaymentsAnswer>;
  selection: Selection;
}) {
  const { t } = useWords();
  const { count } = useAmounts();
  const { address, loaded, selection } = about;
  const [wanted, setWanted] = useState<Wanted>();
  const all = (): void => setWanted({ filter: address.filter });
  const { selectedResources: ids, allResourcesSelected } = selection;
  const says =
    wanted !== undefined && 'ids' in wanted
      ? t('export.says.selected', { count: count(wanted.ids.length) })
      : loaded.value === undefined
        ? t('export.says.list')
        : t('export.says.counted', { count: countedIn(t, count, loaded.value) });
  return {
    wanted,
    says,
    all,
    selected: () => (allResourcesSelected ? all() : setWanted({ ids })),
    close: () => setWanted(undefined),
  };
}

function Listed(props: {
  address: ListAddress;
  loaded: Loaded<PaymentsAnswer>;
  selection: Selection;
  onExport: () => void;
}) {
  const { address, loaded, selection, onExport } = props;
  if (loaded.value === undefined) return null;
  const { payments, newer, older, timeZone } = loaded.value;
  if (payments.length === 0 && !loaded.isOld) return <Nothing address={address} />;
  return (
    <>
      <PaymentsTable
        payments={payments}
        timeZone={timeZone}
        isOld={loaded.isOld}
        hasMore={newer !== null || older !== null}
        selection={selection}
        onExport={onExport}
      />
      <Turn address={address} shown={loaded.value} />
    </>
  );
}

/** By cursor, both ways: however many payments come meanwhile, none is skipped or shown twice. */
function Turn({ address, shown }: { address: ListAddress; shown: PaymentsAnswer }) {
  const { t } = useWords();
  const { count } = useAmounts();
  const { newer, older } = shown;
  return (
    <Box padding="300" borderBlockStartWidth="025" borderColor="border-secondary">
      <InlineStack align="space-between" blockAlign="center" gap="200">
        <Text as="span" tone="subdued" variant="bodySm">
          {countedIn(t, count, shown)}
        </Text>
        {(newer !== null || older !== null) && (
          <Pagination
            accessibilityLabel={t('payments.pages')}
            accessibilityLabels={{ previous: t('payments.newer'), next: t('payments.older') }}
            hasPrevious={newer !== null}
            onPrevious={() => {
              if (newer !== null) address.turn({ before: newer });
            }}
            hasNext={older !== null}
            onNext={() => {
              if (older !== null) address.turn({ after: older });
            }}
          />
        )}
      </InlineStack>
    </Box>
  );
}

function Nothing({ address }: { address: ListAddress }) {
  const { t } = useWords();
  const isAll =
    Object.keys(address.filter).length === 0 && Object.keys(address.cursor).length === 0;
  if (isAll) {
    return (
      <EmptyState
        heading={t('payments.none.title')}
        image=""
        action={{ content: t('payments.none.action'), url: '/' }}
        secondaryAction={{ content: t('open_payment_settings'), url: paymentSettings }}
      >
        <Box paddingInline="400">
          <p>{t('payments.none.long')}</p>
        </Box>
      </EmptyState>
    );
  }
  const isSearch = address.filter.q !== undefined;
  return (
    <EmptyState
      heading={t(isSearch ? 'payments.not_found.title' : 'payments.none_here.title')}
      image=""
      action={{
        content: t('payments.none_here.action'),
        onAction: () => address.show({}, 'all'),
      }}
    >
      <Box paddingInline="400">
        <p>{t(isSearch ? 'payments.not_found.text' : 'payments.none_here.text')}</p>
      </Box>
    </EmptyState>
  );
}
