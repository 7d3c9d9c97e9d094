// What the page says, in the buyer's language. A word that a language lacks is said in English, and
// a placeholder that nobody fills stays visible: an empty place would hide the fault.
import de from './words/de.json' with { type: 'json' };
import en from './words/en.json' with { type: 'json' };

export type Word = keyof typeof en;
type Words = Partial<Record<Word, string>>;

const languages: Readonly<Record<string, Words>> = { en, de };
/** The languages in which the page has words of its own. */
export const pageLanguages: readonly string[] = Object.keys(languages);
const rightToLeft = new Set(['ar', 'fa', 'he', 'ur']);

export type Speech = {
  /** For numbers and times, and the `lang` of the page. */
  locale: string;
  dir: 'ltr' | 'rtl';
  say: (word: Word, values?: Readonly<Record<string, string>>) => string;
};

/** `asked`: any language tag, such as `de-CH`; what we do not speak becomes English. */
export function speech(asked: string): Speech {
  const tag = canonical(asked);
  const language = tag.split('-')[0] ?? 'en';
  const spoken = Object.hasOwn(languages, language);
  const words: Words = (spoken ? languages[language] : undefined) ?? en;
  return {
    locale: spoken ? tag : 'en',
    dir: spoken && rightToLeft.has(language) ? 'rtl' : 'ltr',
    say: (word, values = {}) =>
      (words[word] ?? en[word]).replace(/\{(\w+)\}/g, (whole, key: string) => values[key] ?? whole),
  };
}

function canonical(tag: string): string {
  try {
    return Intl.getCanonicalLocales(tag)[0] ?? 'en';
  } catch {
    return 'en';
  }
}
