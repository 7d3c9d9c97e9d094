import {
  ChoiceList,
  FormLayout,
  IndexFilters,
  TextField,
  useSetIndexFiltersMode,
  IndexFiltersMode,
  type IndexFiltersProps,
} from '@shopify/polaris';
import { useEffect, useRef, useState } from 'react';
import type { FoundAnswer, PaymentViewsAnswer } from '../../shared/merchant-api.ts';
import { callApi } from '../api.ts';
import { useWords, type Speech } from '../words.tsx';
import {
  amountForm,
  isDay,
  payStates,
  type Filter,
  type FilterWord,
  type ListAddress,
  type Tab,
} from './payments-address.ts';
import type { SavedViews } from './use-saved-views.ts';

type Props = {
  address: ListAddress;
  tabs: readonly Tab[];
  selected: number;
  saved: SavedViews;
  offers: PaymentViewsAnswer | undefined;
  isLoading: boolean;
};

/** Tabs, search and filters above the list. */
export function PaymentsFilters({ address, tabs, selected, saved, offers, isLoading }: Props) {
  const { t } = useWords();
  const { filter, show } = address;
  // A search that came with the address would be hidden behind its button.
  const { mode, setMode } = useSetIndexFiltersMode(
    filter.q === undefined ? IndexFiltersMode.Default : IndexFiltersMode.Filtering,
  );
  const search = useSearch(address);
  const set = (words: Filter, without: readonly FilterWord[] = []): void => {
    const kept = Object.entries(filter).filter(([word]) => !without.some((each) => each === word));
    show({ ...Object.fromEntries(kept), ...words });
  };
  const base = tabs[selected]?.filter ?? {};
  const offer = { t, filter, set, offers, base };
  return (
    <IndexFilters
      mode={mode}
      setMode={setMode}
      tabs={saved.tabsFor(tabs)}
      selected={selected}
      onSelect={(index) => {
        const chosen = tabs[index];
        if (chosen !== undefined) show(chosen.filter, chosen.id);
      }}
      canCreateNewView={saved.canMake}
      onCreateNewView={saved.make}
      {...saved.actionFor(tabs[selected], filter)}
      cancelAction={{
        onAction: () => {
          search.forget();
          show(base);
        },
      }}
      queryValue={search.typed}
      queryPlaceholder={t('search.placeholder')}
      onQueryChange={search.type}
      onQueryClear={() => search.type('')}
      filters={filtersOf(offer)}
      appliedFilters={appliedOf(offer)}
      onClearAll={() => {
        search.forget();
        show(base);
      }}
      loading={isLoading}
      filteringAccessibilityLabel={t('search.open')}
    />
  );
}

const searchAfterMs = 350;
const mayBeSecret = (text: string): boolean => /^[0-9a-f]{64}$/i.test(text.trim());

/**
 * The search follows the typing a moment later. What may be a preimage goes to the server in the
 * body of a call, and its hash into the address: a preimage stands in no address and no log.
 */
function useSearch({ filter, show }: ListAddress) {
  const asked = filter.q ?? '';
  const [typing, setTyping] = useState<string>();
  const latest = useRef({ filter, show });
  useEffect(() => {
    latest.current = { filter, show };
  });
  useEffect(() => {
    if (typing === undefined) return undefined;
    const abort = new AbortController();
    const go = async (): Promise<void> => {
      const text = typing.trim();
      const q =
        mayBeSecret(text) && text.toLowerCase() !== latest.current.filter.q
          ? await callApi<FoundAnswer>('/api/payments/find', {
              body: { text },
              signal: abort.signal,
            }).then(
              ({ hash }) => hash,
              () => undefined,
            )
          : text;
      if (abort.signal.aborted || q === undefined) return;
      const { q: _old, ...rest } = latest.current.filter;
      latest.current.show(q === '' ? rest : { ...rest, q });
      setTyping(undefined);
    };
    const timer = setTimeout(() => void go(), searchAfterMs);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [typing]);
  return {
    typed: typing ?? asked,
    type: (text: string) => setTyping(text),
    forget: () => setTyping(undefined),
  };
}

type Offer = {
  t: Speech['t'];
  filter: Filter;
  /** What the tab shows by itself. */
  base: Filter;
  set: (words: Filter, without?: readonly FilterWord[]) => void;
  offers: PaymentViewsAnswer | undefined;
};

function filtersOf(offer: Offer): IndexFiltersProps['filters'] {
  const { t, offers } = offer;
  return [
    { key: 'state', label: t('filter.state'), filter: <States {...offer} />, pinned: true },
    { key: 'period', label: t('filter.period'), filter: <Period {...offer} />, pinned: true },
    { key: 'amount', label: t('filter.amount'), filter: <Amounts {...offer} /> },
    { key: 'view', label: t('filter.person'), filter: <Person {...offer} /> },
    { key: 'test', label: t('filter.test'), filter: <Test {...offer} /> },
    ...(offers === undefined || offers.nodes.length < 2
      ? []
      : [{ key: 'node', label: t('filter.node'), filter: <Nodes {...offer} /> }]),
  ];
}

function States({ t, filter, set }: Offer) {
  return (
    <ChoiceList
      title={t('filter.state')}
      titleHidden
      allowMultiple
      choices={payStates.map((state) => ({ value: state, label: t(`state.${state}`) }))}
      selected={filter.state?.split(',') ?? []}
      onChange={(chosen) => set(chosen.length === 0 ? {} : { state: chosen.join(',') }, ['state'])}
    />
  );
}

function Period({ t, filter, set, offers }: Offer) {
  const isTurned = (filter.since ?? '') > (filter.until ?? '9');
  return (
    <FormLayout>
      <TextField
        type="date"
        autoComplete="off"
        label={t('filter.since')}
        value={filter.since ?? ''}
        onChange={(day) => set(isDay(day) ? { since: day } : {}, ['since'])}
      />
      <TextField
        type="date"
        autoComplete="off"
        label={t('filter.until')}
        value={filter.until ?? ''}
        onChange={(day) => set(isDay(day) ? { until: day } : {}, ['until'])}
        {...(isTurned ? { error: t('filter.turned') } : {})}
        helpText={t('filter.zone', { zone: offers?.timeZone ?? 'UTC' })}
      />
    </FormLayout>
  );
}

function Amounts(offer: Offer) {
  return (
    <FormLayout>
      <Amount {...offer} word="min" />
      <Amount {...offer} word="max" />
    </FormLayout>
  );
}

/** Keeps what is typed until it is an amount. */
function Amount({ t, filter, set, offers, word }: Offer & { word: 'min' | 'max' }) {
  const [typed, setTyped] = useState(filter[word] ?? '');
  const plain = typed.trim().replace(',', '.');
  const isWrong = plain !== '' && !amountForm.test(plain);
  return (
    <TextField
      inputMode="decimal"
      autoComplete="off"
      label={t(word === 'min' ? 'filter.min' : 'filter.max')}
      value={typed}
      suffix={offers?.currency ?? ''}
      onChange={(text) => {
        setTyped(text);
        const amount = text.trim().replace(',', '.');
        set(amountForm.test(amount) ? { [word]: amount } : {}, [word]);
      }}
      {...(isWrong ? { error: t('filter.amount_wrong') } : {})}
    />
  );
}

function Person({ t, filter, set }: Offer) {
  return (
    <ChoiceList
      title={t('filter.person')}
      titleHidden
      choices={[
        { value: '', label: t('filter.all') },
        { value: 'needs_person', label: t('filter.person.yes') },
      ]}
      selected={[filter.view ?? '']}
      onChange={([chosen = '']) => set(chosen === '' ? {} : { view: chosen }, ['view'])}
    />
  );
}

function Test({ t, filter, set }: Offer) {
  return (
    <ChoiceList
      title={t('filter.test')}
      titleHidden
      choices={[
        { value: '', label: t('filter.all') },
        { value: 'yes', label: t('filter.test.yes') },
        { value: 'no', label: t('filter.test.no') },
      ]}
      selected={[filter.test ?? '']}
      onChange={([chosen = '']) => set(chosen === '' ? {} : { test: chosen }, ['test'])}
    />
  );
}

type NamedNode = PaymentViewsAnswer['nodes'][number];
const nameOf = ({ alias, identity }: NamedNode): string =>
  alias === '' ? `${identity.slice(0, 12)}…` : alias;

function Nodes({ t, filter, set, offers }: Offer) {
  const nodes = (offers?.nodes ?? []).map((node) => ({
    value: String(node.id),
    label: node.retired ? t('filter.node.retired', { node: nameOf(node) }) : nameOf(node),
  }));
  return (
    <ChoiceList
      title={t('filter.node')}
      titleHidden
      choices={[{ value: '', label: t('filter.all') }, ...nodes]}
      selected={[filter.node ?? '']}
      onChange={([chosen = '']) => set(chosen === '' ? {} : { node: chosen }, ['node'])}
    />
  );
}

/** What narrows the tab's own list, each with a way to take it off. */
function appliedOf(offer: Offer): NonNullable<IndexFiltersProps['appliedFilters']> {
  const { t, filter, base, set, offers } = offer;
  const states = (filter.state ?? '').split(',').flatMap((text) => {
    const state = payStates.find((each) => each === text);
    return state === undefined ? [] : [t(`state.${state}`)];
  });
  const node = offers?.nodes.find(({ id }) => String(id) === filter.node);
  const range = (from: string | undefined, to: string | undefined): string =>
    `${from ?? '…'} – ${to ?? '…'}`;
  const says: [string, readonly FilterWord[], string][] = [
    ['state', ['state'], states.join(', ')],
    ['period', ['since', 'until'], range(filter.since, filter.until)],
    ['amount', ['min', 'max'], range(filter.min, filter.max)],
    ['view', ['view'], t('filter.person.yes')],
    ['test', ['test'], t(filter.test === 'no' ? 'filter.test.no' : 'filter.test.yes')],
    ['node', ['node'], node === undefined ? t('filter.node') : nameOf(node)],
  ];
  return says
    .filter(([, words]) => words.some((word) => (filter[word] ?? '') !== (base[word] ?? '')))
    .filter(([, words]) => words.some((word) => filter[word] !== undefined))
    .map(([key, words, label]) => ({ key, label, onRemove: () => set({}, words) }));
}
