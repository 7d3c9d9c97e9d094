// What the page says, in English or German. The words about nodes and their credentials are those
// of the merchant app: one lesson, said once.
import merchantDe from '../merchant/words/de.json' with { type: 'json' };
import merchantEn from '../merchant/words/en.json' with { type: 'json' };
import de from './words/de.json' with { type: 'json' };
import en from './words/en.json' with { type: 'json' };

export type Word = keyof typeof en | keyof typeof merchantEn;
type Words = Readonly<Record<string, string | undefined>>;

const english: Words = { ...merchantEn, ...en };
const languages: Readonly<Record<string, Words>> = { en: english, de: { ...merchantDe, ...de } };

type Values = Readonly<Record<string, string>>;

export type Speech = {
  locale: string;
  say: (word: Word, values?: Values) => string;
  /** A word that is put together at run time, if it is one. */
  sayIf: (word: string) => string | undefined;
  /** What the server says in English, in this language if that has words for the code. */
  told: (
    code: string,
    sentence: string,
    values?: Values,
  ) => { text: string; lang: string | undefined };
};

const fill = (text: string, values: Values): string =>
  text.replace(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole);

/** `asked`: any language tag, such as `de-CH`; what we do not speak becomes English. */
export function speech(asked: string): Speech {
  const tag = /^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$/.test(asked) ? asked : 'en';
  const language = tag.split('-')[0]?.toLowerCase() ?? 'en';
  const words = Object.hasOwn(languages, language) ? languages[language] : undefined;
  const sayIf = (word: string): string | undefined => words?.[word] ?? english[word];
  return {
    locale: words === undefined ? 'en' : (Intl.getCanonicalLocales(tag)[0] ?? 'en'),
    sayIf,
    say: (word, values = {}) => fill(sayIf(word) ?? '', values),
    told: (code, sentence, values = {}) => {
      const own = fill(words?.[`told.${code}`] ?? '{', values);
      // With a place that nobody fills it says less than the sentence.
      if (!own.includes('{')) return { text: own, lang: undefined };
      return { text: sentence, lang: language === 'en' || words === undefined ? undefined : 'en' };
    },
  };
}
