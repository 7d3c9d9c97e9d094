import { useAppBridge } from '@shopify/app-bridge-react';
import { useState } from 'react';
import type {
  SettingsAnswer,
  SettingsKey,
  SettingsSaved,
  SettingsShape,
} from '../../shared/settings-api.ts';
import { callApi, troubleOf, type TroubleKind } from '../api.ts';
import { isWord, useChangeLanguage, useWords, type Speech } from '../words.tsx';
import { draftOf, meaningOf, merged, touched, type Draft, type Faults } from './settings-draft.ts';

type Stored = { version: number; settings: SettingsShape };
/** Somebody else saved meanwhile: what they changed, and which of it is changed here as well. */
export type Overtaken = { changed: readonly SettingsKey[]; clashes: readonly SettingsKey[] };

/** Where the focus goes when a field is wrong. */
export const fieldId = (key: SettingsKey): string => `zt-${key}`;

type Told = {
  faults: Faults;
  /** Sentences of the server for faults that these words do not know. */
  sentences: Faults;
  trouble: TroubleKind | undefined;
  overtaken: Overtaken | undefined;
};
const nothingTold: Told = { faults: {}, sentences: {}, trouble: undefined, overtaken: undefined };

const without = (faults: Faults, keys: readonly string[]): Faults =>
  Object.fromEntries(Object.entries(faults).filter(([key]) => !keys.includes(key)));

type Wrong = Extract<SettingsSaved, { refusal: 'settings_wrong' }>['wrong'];
const wrongOf = (wrong: Wrong): Pick<Told, 'faults' | 'sentences'> => ({
  faults: Object.fromEntries(wrong.map(({ field, fault }) => [field, fault])),
  sentences: Object.fromEntries(wrong.map(({ field, sentence }) => [field, sentence])),
});

/** What is wrong with a field, in our words or, for a newer fault, in the server's. */
function sentenceOf(
  t: Speech['t'],
  about: { key: SettingsKey; told: Told; faults: Faults },
): string | undefined {
  const { key, told } = about;
  const fault = about.faults[key] ?? told.faults[key];
  if (fault === undefined) return undefined;
  const word = `settings.fault.${fault}`;
  return isWord(word) ? t(word) : (told.sentences[key] ?? t('settings.fault.other'));
}

/** What is typed stays until it is stored or thrown away by the merchant. */
export function useSettingsForm(answer: SettingsAnswer) {
  const { t } = useWords();
  const bridge = useAppBridge();
  const changeLanguage = useChangeLanguage();
  const { sources: allSources } = answer;
  const [stored, setStored] = useState<Stored>(answer);
  const [draft, setDraft] = useState<Draft>(() => draftOf(answer.settings, allSources));
  const [told, setTold] = useState<Told>(nothingTold);
  const [isSaving, setIsSaving] = useState(false);
  const [secret, setSecret] = useState<string>();

  const before = draftOf(stored.settings, allSources);
  const mine = touched(draft, before);
  const meaning = meaningOf(draft, { stored: stored.settings, before, allSources });

  const change = (part: Partial<Draft>): void => {
    setDraft((last) => ({ ...last, ...part }));
    setTold((last) => ({ ...last, faults: without(last.faults, Object.keys(part)) }));
  };
  const take = (saved: SettingsSaved): void => {
    if (saved.ok) {
      setStored(saved);
      setDraft(draftOf(saved.settings, allSources));
      setTold(nothingTold);
      if (saved.alertSecret !== undefined) setSecret(saved.alertSecret);
      if (saved.settings.alertUrl === null) setSecret(undefined);
      bridge.toast.show(t('settings.saved'));
      if (saved.settings.language !== stored.settings.language) {
        changeLanguage(saved.settings.language);
      }
      return;
    }
    if (saved.refusal === 'settings_wrong') {
      setTold({ ...nothingTold, ...wrongOf(saved.wrong) });
      focusOn(saved.wrong[0]?.field);
      return;
    }
    const theirs = draftOf(saved.settings, allSources);
    const clashes = saved.changed.filter((key) => mine.includes(key));
    setStored(saved);
    setDraft(merged(draft, { before, theirs }));
    setTold({ ...nothingTold, overtaken: { changed: saved.changed, clashes } });
  };
  const save = async (): Promise<void> => {
    if (isSaving || focusOnFirst(meaning.faults)) return;
    setIsSaving(true);
    try {
      const { version, settings: was } = stored;
      const body = { version, was, settings: meaning.settings };
      take(await callApi<SettingsSaved>('/api/settings', { body }));
    } catch (failure) {
      setTold({ ...nothingTold, trouble: troubleOf(failure) });
    } finally {
      setIsSaving(false);
    }
  };
  const discard = (): void => {
    setDraft(before);
    setTold(nothingTold);
  };
  return {
    ...{ stored: stored.settings, draft, change, save, discard, isSaving },
    errorOf: (key: SettingsKey) => sentenceOf(t, { key, told, faults: meaning.faults }),
    ...{ trouble: told.trouble, overtaken: told.overtaken, secret, setSecret },
    isChanged: mine.length > 0,
    isTouched: (key: SettingsKey): boolean => mine.includes(key),
  };
}
export type SettingsForm = ReturnType<typeof useSettingsForm>;

/** False: there is no fault. */
function focusOnFirst(faults: Faults): boolean {
  const [wrong] = Object.keys(faults) as SettingsKey[];
  focusOn(wrong);
  return wrong !== undefined;
}

function focusOn(key: SettingsKey | undefined): void {
  if (key === undefined) return;
  const field = document.getElementById(fieldId(key));
  const inner = field?.querySelector<HTMLElement>('input, textarea, select');
  (inner ?? field)?.focus();
}
