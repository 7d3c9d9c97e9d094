import { useAppBridge } from '@shopify/app-bridge-react';
import type { IndexFiltersProps } from '@shopify/polaris';
import { useState } from 'react';
import type { PaymentViewsAnswer, SaveViewAnswer } from '../../shared/merchant-api.ts';
import { callApi, troubleOf, type TroubleKind } from '../api.ts';
import { useWords } from '../words.tsx';
import {
  sameFilter,
  savedIdOf,
  savedTab,
  type Filter,
  type ListAddress,
  type Tab,
} from './payments-address.ts';

type PolarisTab = NonNullable<IndexFiltersProps['tabs']>[number];
type Refused = { sentence: string; code: string } | { trouble: TroubleKind };

export type SavedViews = {
  canMake: boolean;
  make: (name: string) => Promise<boolean>;
  tabsFor: (tabs: readonly Tab[]) => PolarisTab[];
  actionFor: (
    tab: Tab | undefined,
    filter: Filter,
  ) => Pick<IndexFiltersProps, 'primaryAction'> | object;
  /** Why the last one was not saved. */
  refused: Refused | undefined;
};

/** Making, renaming, changing and forgetting the merchant's own views. */
export function useSavedViews(about: {
  address: ListAddress;
  offers: PaymentViewsAnswer | undefined;
  again: () => void;
}): SavedViews {
  const { t } = useWords();
  const bridge = useAppBridge();
  const { address, offers, again } = about;
  const [refused, setRefused] = useState<Refused>();
  const store = async (view: { id?: number; name: string; filter: Filter }): Promise<boolean> => {
    setRefused(undefined);
    try {
      const said = await callApi<SaveViewAnswer>('/api/payments/views', { body: view });
      if (!said.ok) {
        setRefused({ sentence: said.sentence, code: `view.${said.refusal}` });
        return false;
      }
      bridge.toast.show(t('view.saved'));
      address.show(view.filter, savedTab(said.view).id);
      again();
      return true;
    } catch (error) {
      setRefused({ trouble: troubleOf(error) });
      return false;
    }
  };
  const forget = async (id: number): Promise<boolean> => {
    setRefused(undefined);
    try {
      await callApi(`/api/payments/views/${String(id)}/forget`, { body: {} });
      bridge.toast.show(t('view.forgotten'));
      address.show({}, 'all');
      again();
      return true;
    } catch (error) {
      setRefused({ trouble: troubleOf(error) });
      return false;
    }
  };
  const canMake = offers !== undefined && offers.views.length < offers.limit;
  const make = (name: string): Promise<boolean> => store({ name, filter: address.filter });
  return {
    canMake,
    make,
    refused,
    tabsFor: (tabs) => tabs.map((tab, index) => tabFor(tab, { index, t, store, forget })),
    actionFor: (tab, filter) => {
      if (tab === undefined || sameFilter(tab.filter, filter)) return {};
      const id = savedIdOf(tab);
      if (id !== undefined && 'text' in tab.name) {
        const { text: name } = tab.name;
        const onAction = (): Promise<boolean> => store({ id, name, filter });
        return { primaryAction: { type: 'save', onAction } };
      }
      return canMake ? { primaryAction: { type: 'save-as', onAction: make } } : {};
    },
  };
}

function tabFor(
  tab: Tab,
  about: {
    index: number;
    t: ReturnType<typeof useWords>['t'];
    store: (view: { id?: number; name: string; filter: Filter }) => Promise<boolean>;
    forget: (id: number) => Promise<boolean>;
  },
): PolarisTab {
  const { t, store, forget } = about;
  const content = 'word' in tab.name ? t(tab.name.word) : tab.name.text;
  const id = savedIdOf(tab);
  const plain = { id: tab.id, content, panelID: 'zt-payments' };
  if (id === undefined) return { ...plain, isLocked: true };
  return {
    ...plain,
    actions: [
      {
        type: 'rename',
        onPrimaryAction: (name) => store({ id, name, filter: tab.filter }),
      },
      { type: 'delete', onPrimaryAction: () => forget(id) },
    ],
  };
}
