// What a merchant should know about the version of LND. Sources: LND's release notes, the
// disclosures of 2023 to 2026, and the issues named.

type Warning = { before: string; from?: string; sentence: string };

/** Worst first; the first that fits is told. */
const warnings: readonly Warning[] = [
  { before: '0.17.0', sentence: 'anyone can exhaust its memory from outside' },
  { before: '0.19.0', sentence: 'it has published weaknesses by which its funds can be stolen' },
  { before: '0.19.2', sentence: 'it can come to a standstill while payments arrive (#10035)' },
  { before: '0.20.1', sentence: 'it can come to a standstill under load (#10428, #10540)' },
  { before: '0.20.4', sentence: 'a peer can exhaust its memory (#11090)' },
  { from: '0.21.0', before: '0.21.3', sentence: 'a peer can exhaust its memory (#11090)' },
  { before: '0.21.0', sentence: 'payments can stay unnoticed until a restart (#10719)' },
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

/** Sentences for a version such as `0.21.3-beta commit=v0.21.3-beta`; none for a good one. */
export function adviceOnVersion(version: string): string[] {
  const numbers = numbersOf(version);
  if (numbers === undefined) return [];
  const short = numbers.join('.');
  const isBefore = (other: string): boolean => compare(numbers, numbersOf(other) ?? []) < 0;
  const found = warnings.find(
    ({ before, from }) => isBefore(before) && (from === undefined || !isBefore(from)),
  );
  if (found !== undefined) {
    return [`Update LND: with version ${short} ${found.sentence}.`];
  }
  const [, minor = 0] = numbersOf(`${newestTried}.0`) ?? [];
  const isNewer = (numbers[0] ?? 0) > 0 || (numbers[1] ?? 0) > minor;
  return isNewer ? [`LND ${short} is newer than what Zaptill was tried with.`] : [];
}
