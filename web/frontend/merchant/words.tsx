// What the pages say. English is whole and stands in the entry; another language is fetched when
// the merchant's admin speaks it. The server speaks English, and gives a code with each sentence: a
// language that has words for the code says it itself (`told.`), and otherwise the sentence is
// shown as it came, marked as English.
import type { AppProviderProps } from '@shopify/polaris';
import polarisEn from '@shopify/polaris/locales/en.json';
import { createContext, useContext, useMemo, type ReactNode } from 'react';
import en from './words/en.json' with { type: 'json' };

export type Word = keyof typeof en;
/** Whether a code that came from the server has words of its own here. */
export const isWord = (name: string): name is Word => Object.hasOwn(en, name);
export type Values = Readonly<Record<string, string>>;
type Words = Partial<Record<string, string>>;
type PolarisWords = AppProviderProps['i18n'];

export type Language = { locale: string; words: Words; polaris: PolarisWords };

// A language is a file in `words/`: it is found here by itself. Polaris has words of its own.
const files = import.meta.glob<{ default: Words }>(['./words/*.json', '!./words/en.json']);
const polarisFiles = import.meta.glob<{ default: PolarisWords }>([
  '../../../node_modules/@shopify/polaris/locales/*.json',
  '!../../../node_modules/@shopify/polaris/locales/en.json',
]);
const languageOf = (file: string): string => /([^/]+)\.json$/.exec(file)?.[1] ?? '';

/** What these pages speak, by language tag. English comes first. */
export const pageLanguages: readonly string[] = ['en', ...Object.keys(files).map(languageOf)];

async function spoken(
  language: string,
): Promise<{ words: Words; polaris: PolarisWords } | undefined> {
  const of = <T,>(list: Record<string, T>): T | undefined =>
    Object.entries(list).find(([file]) => languageOf(file).split('-')[0] === language)?.[1];
  const words = await of(files)?.();
  if (words === undefined) return undefined;
  const polaris = await of(polarisFiles)?.().catch(() => undefined);
  return { words: words.default, polaris: polaris?.default ?? polarisEn };
}

/** Such as "German", or "Deutsch" on a German page. */
export function nameOfLanguage(tag: string, locale: string): string {
  return new Intl.DisplayNames(locale, { type: 'language' }).of(tag) ?? tag;
}

/** `asked` is the admin user's language tag, such as `de-CH`; what we do not speak is English. */
export async function loadLanguage(asked: string): Promise<Language> {
  const english: Language = { locale: 'en', words: {}, polaris: polarisEn };
  const locale = canonical(asked);
  // Without its words the page still works, in English.
  const found = await spoken(locale.split('-')[0] ?? '').catch(() => undefined);
  if (found === undefined) return locale.startsWith('en') ? { ...english, locale } : english;
  return { locale, ...found };
}

function canonical(tag: string): string {
  try {
    return Intl.getCanonicalLocales(tag)[0] ?? 'en';
  } catch {
    return 'en';
  }
}

/** A placeholder that nobody fills stays visible: an empty place would hide the fault. */
const fill = (text: string, values: Values): string =>
  text.replace(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole);

/** Letters of a script that runs from right to left. */
const rightToLeft = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]/;
/** A name in Arabic does not turn the brackets and the quotes around it. */
const isolated = (value: string): string =>
  rightToLeft.test(value) ? `\u2068${value}\u2069` : value;
const isolatedIn = (values: Values): Values =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, isolated(value)]));

export type Speech = {
  locale: string;
  t: (word: Word, values?: Values) => string;
  /** What the server said in English, in the page's language if that has words for the code. */
  told: (said: { code: string; sentence: string; values?: Values }) => {
    text: string;
    lang?: 'en';
  };
};

export function speechOf({ locale, words }: Language): Speech {
  return {
    locale,
    t: (word, values = {}) => fill(words[word] ?? en[word], values),
    told: ({ code, sentence, values = {} }) => {
      const own = words[`told.${code}`];
      if (own !== undefined) return { text: fill(own, isolatedIn(values)) };
      const text = Object.values(values)
        .filter((value) => rightToLeft.test(value))
        .reduce((whole, value) => whole.replaceAll(value, isolated(value)), sentence);
      return locale.startsWith('en') ? { text } : { text, lang: 'en' };
    },
  };
}

const Context = createContext<Speech | null>(null);

/** Puts the pages into another language; null: into that of Shopify's admin. */
export type ChangeLanguage = (language: string | null) => void;
export const LanguageContext = createContext<ChangeLanguage>(() => undefined);
export const useChangeLanguage = (): ChangeLanguage => useContext(LanguageContext);

export function WordsProvider(props: { language: Language; children: ReactNode }) {
  const speech = useMemo(() => speechOf(props.language), [props.language]);
  return <Context.Provider value={speech}>{props.children}</Context.Provider>;
}

export function useWords(): Speech {
  const speech = useContext(Context);
  if (speech === null) throw new Error('There are no words around this part.');
  return speech;
}

/** A sentence of the server. */
export function Told(said: { code: string; sentence: string; values?: Values }) {
  const { text, lang } = useWords().told(said);
  return lang === undefined ? text : <span lang={lang}>{text}</span>;
}
