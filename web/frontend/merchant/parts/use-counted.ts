import { isWord, useWords, type Values } from '../words.tsx';

/** A word with a number in it, in the language's own plural: `word.one`, `word.other`. */
export function useCounted(): (word: string, count: number, values?: Values) => string {
  const { locale, t } = useWords();
  return (word, count, values = {}) => {
    const named = `${word}.${new Intl.PluralRules(locale).select(count)}`;
    const found = isWord(named) ? named : `${word}.other`;
    if (!isWord(found)) throw new Error(`There is no word ${found}.`);
    return t(found, { ...values, count: new Intl.NumberFormat(locale).format(count) });
  };
}
