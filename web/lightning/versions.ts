// What a merchant should know about the version of LND. Sources: LND's release notes, the
// disclosures of 2023 to 2026, and the issues named.

import { advice, type Advice, type AdviceCode } from '../core/advice.ts';

type Warning = { before: string; from?: string; code: AdviceCode };

/** Worst first; the first that fits is told. */
const warnings: readonly Warning[] = [
  { before: '0.17.0', code: 'lnd_memory_outside' },
  { before: '0.19.0', code: 'lnd_theft' },
  { before: '0.19.2', code: 'lnd_stands_paying' },
  { before: '0.20.1', code: 'lnd_stands_loaded' },
  { before: '0.20.4', code: 'lnd_memory_peer' },
  { from: '0.21.0', before: '0.21.3', code: 'lnd_memory_peer' },
  { before: '0.21.0', code: 'lnd_unnoticed' },
];

/** Tried on real nodes up to here. */
const newestTried = '0.21';

function numbersOf(version: string): number[] | undefined {
  const parts = /^v?(\d{1,4})\.(\d{1,4})\.(\d{1,4})/.exec(version);
  return parts?.slice(1).map(Number);
}

/** Below zero: `a` is older. */
function compare(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((number, index) => number !== (b[index] ?? 0));
  return at < 0 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
}

/** For a version such as `0.21.3-beta commit=v0.21.3-beta`; nothing for a good one. */
export function adviceOnVersion(version: string): Advice[] {
  const numbers = numbersOf(version);
  if (numbers === undefined) return [];
  const short = numbers.join('.');
  const isBefore = (other: string): boolean => compare(numbers, numbersOf(other) ?? []) < 0;
  const found = warnings.find(
    ({ before, from }) => isBefore(before) && (from === undefined || !isBefore(from)),
  );
  if (found !== undefined) return [advice(found.code, { version: short })];
  const [, minor = 0] = numbersOf(`${newestTried}.0`) ?? [];
  const isNewer = (numbers[0] ?? 0) > 0 || (numbers[1] ?? 0) > minor;
  return isNewer ? [advice('lnd_newer', { version: short })] : [];
}
