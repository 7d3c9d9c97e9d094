// What the list of payments shows stands in its address: it can be linked to, reloaded and saved as
// a view. Words that cannot be read are left out, so that an old link still opens the list.
import { useMemo } from 'react';
import { useSearchParams } from 'react-router';
import type { SavedView } from '../../shared/merchant-api.ts';
import type { PayState } from '../../shared/pay-view.ts';
import { isWord, type Word } from '../words.tsx';

/** The words of a filter, as `GET /api/payments` takes them. */
export type Filter = Readonly<Partial<Record<FilterWord, string>>>;
export const filterWords = [
  ...(['view', 'state', 'since', 'until', 'test', 'min', 'max', 'node', 'q'] as const),
] as const;
export type FilterWord = (typeof filterWords)[number];

export const payStates: readonly PayState[] = [
  ...(['open', 'held', 'settled', 'resolved'] as const),
  ...(['closing', 'lapsed', 'rejected', 'stranded'] as const),
];
const isState = (text: string): boolean => payStates.some((state) => state === text);
export const amountForm = /^\d{1,15}(\.\d{1,3})?$/;

const readable: Readonly<Record<FilterWord, (text: string) => boolean>> = {
  view: (text) => text === 'needs_person',
  state: (text) => text.split(',').every(isState),
  since: isDay,
  until: isDay,
  test: (text) => text === 'yes' || text === 'no',
  min: (text) => amountForm.test(text),
  max: (text) => amountForm.test(text),
  node: (text) => /^\d{1,9}$/.test(text),
  q: (text) => text.trim() !== '' && text.length <= 3_000,
};

export function isDay(text: string): boolean {
  const at = /^\d{4}-\d{2}-\d{2}$/.test(text) ? new Date(`${text}T00:00:00Z`) : undefined;
  return at !== undefined && at.getTime() > 0 && at.toISOString().startsWith(text);
}

export function filterOf(read: (word: FilterWord) => string | null | undefined): Filter {
  const entries = filterWords.flatMap((word): [FilterWord, string][] => {
    const text = read(word) ?? '';
    return text !== '' && readable[word](text) ? [[word, text]] : [];
  });
  return Object.fromEntries(entries);
}

export const sameFilter = (a: Filter, b: Filter): boolean =>
  filterWords.every((word) => (a[word] ?? '') === (b[word] ?? ''));

/** A tab: one of ours, or one that the merchant saved. */
export type Tab = { id: string; name: { word: Word } | { text: string }; filter: Filter };
const tab = (id: string, word: string, filter: Filter): Tab => ({
  id,
  name: isWord(word) ? { word } : { text: id },
  filter,
});
/** What a merchant looks for first stands first. */
export const ownTabs: readonly Tab[] = [
  tab('all', 'view.all', {}),
  tab('needs_person', 'needs_you', { view: 'needs_person' }),
  tab('open', 'state.open', { state: 'open' }),
  tab('settled', 'state.settled', { state: 'settled' }),
  tab('resolved', 'state.resolved', { state: 'resolved' }),
  tab('unpaid', 'state.lapsed', { state: 'lapsed,rejected' }),
];
export const savedTab = (view: SavedView): Tab => ({
  id: `saved-${String(view.id)}`,
  name: { text: view.name },
  filter: filterOf((word) => view.filter[word]),
});
export const savedIdOf = ({ id }: Tab): number | undefined => {
  const number = /^saved-(\d+)$/.exec(id)?.[1];
  return number === undefined ? undefined : Number(number);
};

const ownNames: ReadonlySet<string> = new Set([...filterWords, 'tab', 'after', 'before']);

export type ListAddress = {
  filter: Filter;
  /** Which tab it is, or began as. */
  tabId: string | null;
  cursor: { after?: string; before?: string };
  /** Takes the list to its beginning. */
  show: (filter: Filter, tabId?: string | null) => void;
  turn: (cursor: { after: string } | { before: string }) => void;
};

export function useListAddress(): ListAddress {
  const [params, setParams] = useSearchParams();
  return useMemo(() => {
    const filter = filterOf((word) => params.get(word));
    const tabId = params.get('tab');
    const [after, before] = [params.get('after'), params.get('before')];
    // What Shopify's frame put there stays: without its shop a reload would find no page.
    const others = [...params].filter(([name]) => !ownNames.has(name));
    const write = (next: Filter, tabId: string | null, more: Record<string, string> = {}) => ({
      ...Object.fromEntries(others),
      ...next,
      ...(tabId === null ? {} : { tab: tabId }),
      ...more,
    });
    return {
      filter,
      tabId,
      cursor: before !== null ? { before } : after !== null ? { after } : {},
      show: (next, nextTab = tabId) => setParams(write(next, nextTab), { replace: true }),
      turn: (cursor) => {
        setParams(write(filter, tabId, cursor));
        window.scrollTo(0, 0);
      },
    };
  }, [params, setParams]);
}

/** The tab of an address: the saved one that it names, or ours whose words it has. */
export function tabOf(tabs: readonly Tab[], { filter, tabId }: ListAddress): number {
  const named = tabs.findIndex(({ id }) => id === tabId);
  if (named !== -1) return named;
  const own = ({ filter: its }: Tab): boolean =>
    (its.view ?? '') === (filter.view ?? '') && (its.state ?? '') === (filter.state ?? '');
  return Math.max(0, tabs.slice(0, ownTabs.length).findIndex(own));
}
