import { Box, Card, EmptyState, InlineStack, Page, Pagination, Tabs } from '@shopify/polaris';
import { useLocation, useNavigate, useSearchParams } from 'react-router';
import type { PaymentsAnswer } from '../../shared/merchant-api.ts';
import { paymentSettings } from '../parts/admin-links.ts';
import { Failed } from '../parts/failed.tsx';
import { PaymentList } from '../parts/payment-list.tsx';
import { WaitingPage } from '../parts/waiting-page.tsx';
import { useApi, type Loaded } from '../use-api.ts';
import { useWords, type Word } from '../words.tsx';

type View = { id: string; word: Word; filter: Readonly<Record<string, string>> };
const all: View = { id: 'all', word: 'view.all', filter: {} };
/** What a merchant looks for first stands first. */
const views: readonly View[] = [
  all,
  { id: 'needs_person', word: 'needs_you', filter: { view: 'needs_person' } },
  { id: 'open', word: 'state.open', filter: { state: 'open' } },
  { id: 'resolved', word: 'state.resolved', filter: { state: 'resolved' } },
  { id: 'settled', word: 'state.settled', filter: { state: 'settled' } },
  { id: 'closing', word: 'state.closing', filter: { state: 'closing' } },
  { id: 'lapsed', word: 'state.lapsed', filter: { state: 'lapsed' } },
  { id: 'stranded', word: 'state.stranded', filter: { state: 'stranded' } },
];

const lookAgainMs = 15_000;

/** The view and the place in the list stand in the address: it can be linked to and reloaded. */
export default function Payments() {
  const { t } = useWords();
  const [params, setParams] = useSearchParams();
  const wanted = params.get('view') ?? params.get('state') ?? 'all';
  const selected = Math.max(
    0,
    views.findIndex(({ id }) => id === wanted),
  );
  const view = views[selected] ?? all;
  const after = params.get('after');
  const ask = new URLSearchParams({ ...view.filter, ...(after === null ? {} : { after }) });
  const loaded = useApi<PaymentsAnswer>(`/api/payments?${ask.toString()}`, {
    everyMs: lookAgainMs,
  });
  if (loaded.value === undefined && loaded.trouble === undefined) {
    return <WaitingPage title={t('nav.payments')} lines={[12]} />;
  }
  const choose = (index: number): void => {
    const next = new URLSearchParams(params);
    for (const name of ['view', 'state', 'after']) next.delete(name);
    for (const [name, value] of Object.entries(views[index]?.filter ?? {})) next.set(name, value);
    setParams(next, { replace: true });
  };
  return (
    <Page title={t('nav.payments')} fullWidth>
      {loaded.trouble !== undefined && (
        <Box paddingBlockEnd="400">
          <Failed title={t('payments.failed')} trouble={loaded.trouble} again={loaded.again} />
        </Box>
      )}
      <Card padding="0">
        <Tabs
          tabs={views.map(({ id, word }) => ({ id, content: t(word), panelID: 'zt-payments' }))}
          selected={selected}
          onSelect={choose}
          disclosureText={t('view.more')}
        >
          <div id="zt-payments">
            <Listed loaded={loaded} isAll={view.id === 'all'} hasAfter={after !== null} />
          </div>
        </Tabs>
      </Card>
    </Page>
  );
}

function Listed(props: { loaded: Loaded<PaymentsAnswer>; isAll: boolean; hasAfter: boolean }) {
  const { loaded, isAll, hasAfter } = props;
  if (loaded.value === undefined) return null;
  const { payments, after } = loaded.value;
  if (payments.length === 0 && !loaded.isOld) return <Nothing isAll={isAll && !hasAfter} />;
  return (
    <>
      <PaymentList payments={payments} isOld={loaded.isOld} />
      {(hasAfter || after !== null) && <Turn after={after} hasAfter={hasAfter} />}
    </>
  );
}

/** By cursor: back is the browser's own way back, or the newest when the link began in between. */
function Turn({ after, hasAfter }: { after: string | null; hasAfter: boolean }) {
  const { t } = useWords();
  const navigate = useNavigate();
  const { state } = useLocation() as { state: { turned?: true } | null };
  const [params, setParams] = useSearchParams();
  const turn = (cursor: string | null): void => {
    const next = new URLSearchParams(params);
    if (cursor === null) next.delete('after');
    else next.set('after', cursor);
    setParams(next, { state: { turned: true } });
    window.scrollTo(0, 0);
  };
  return (
    <Box padding="300" borderBlockStartWidth="025" borderColor="border-secondary">
      <InlineStack align="center">
        <Pagination
          accessibilityLabel={t('payments.pages')}
          accessibilityLabels={{ previous: t('payments.newer'), next: t('payments.older') }}
          hasPrevious={hasAfter}
          onPrevious={() => {
            if (state?.turned === true) void navigate(-1);
            else turn(null);
          }}
          hasNext={after !== null}
          onNext={() => turn(after)}
        />
      </InlineStack>
    </Box>
  );
}

function Nothing({ isAll }: { isAll: boolean }) {
  const { t } = useWords();
  return isAll ? (
    <EmptyState
      heading={t('payments.none.title')}
      image=""
      action={{ content: t('payments.none.action'), url: '/' }}
      secondaryAction={{ content: t('open_payment_settings'), url: paymentSettings }}
    >
      <p>{t('payments.none.long')}</p>
    </EmptyState>
  ) : (
    <EmptyState
      heading={t('payments.none_here.title')}
      image=""
      action={{ content: t('payments.none_here.action'), url: '/payments' }}
    >
      <p>{t('payments.none_here.text')}</p>
    </EmptyState>
  );
}
