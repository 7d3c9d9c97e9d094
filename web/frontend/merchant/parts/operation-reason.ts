import { isWord, type Speech } from '../words.tsx';

/** Why an outside is not asked, in words where there are some, else by its code. */
export function reasonOf(because: string, t: Speech['t']): string {
  const word = `operation.because.${because}`;
  return isWord(word) ? t(word) : t('operation.because.other', { what: because });
}
