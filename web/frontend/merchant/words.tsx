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

const spoken: Readonly<
  Record<string, () => Promise<{ words: Words; polaris: PolarisWords } | undefined>>
> = {
  en: () => Promise.resolve(undefined),
  de: async () => {
    const [words, polaris] = await Promise.all([
      import('./words/de.json'),
      import('@shopify/polaris/locales/de.json'),
    ]);
    return { words: words.default, polaris: polaris.default };
  },
};

/** `asked` is the admin user's language tag, such as `de-CH`; what we do not speak is English. */
export async function loadLanguage(asked: string): Promise<Language> {
  const english: Language = { locale: 'en', words: {}, polaris: polarisEn };
  const locale = canonical(asked);
  const load = spoken[locale.split('-')[0] ?? ''];
  if (load === undefined) return english;
  // Without its words the page still works, in English.
  const found = await load().catch(() => undefined);
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
      if (own !== undefined) return { text: fill(own, values) };
      return locale.startsWith('en') ? { text: sentence } : { text: sentence, lang: 'en' };
    },
  };
}

const Context = createContext<Speech | null>(null);

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
