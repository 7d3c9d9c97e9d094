// The page of figures: what the last run of all saw, put between two marks of README.md, so that
// nobody copies a figure by hand.
import { short, type Bar } from './pairs.ts';

const [begin, end] = ['<!-- figures -->', '<!-- end of figures -->'];

type Line = Readonly<Record<string, unknown>>;
type Shown = {
  what: string;
  value: number;
  interval: readonly number[];
  must: number;
  aim: number | null;
  way: Bar['way'];
  met: boolean;
};

const figure = (value: number): string => (Number.isInteger(value) ? String(value) : short(value));

function rowsOf(line: Line): string[] {
  const name = String(line['bench']);
  if (line['failed'] !== undefined) return [`| ${name} | it failed | | | no |`];
  return (line['bars'] as readonly Shown[]).map(({ what, value, interval, ...bar }) => {
    const sign = bar.way === 'at_most' ? '<=' : '>=';
    const aim = bar.aim === null ? '' : ` (${figure(bar.aim)})`;
    const [low = 0, high = 0] = interval;
    const seen = `${figure(value)} | ${figure(low)} to ${figure(high)}`;
    const met = bar.met ? 'yes' : 'no';
    return `| ${name}: ${what} | ${seen} | ${sign} ${figure(bar.must)}${aim} | ${met} |`;
  });
}

/** The page with the figures of these lines. Throws when the marks are not there. */
export function withFigures(page: string, lines: readonly Line[]): string {
  const [before, rest] = page.split(begin);
  const after = rest?.split(end)[1];
  if (before === undefined || after === undefined) throw new Error('the page has no marks');
  const [first] = lines;
  const load = (first?.['loadAverage'] as readonly number[] | undefined)?.join(', ') ?? '?';
  const where =
    `Commit ${String(first?.['commit'])}, ${String(first?.['cores'])} cores ` +
    `(${String(first?.['cpu'])}), Node ${String(first?.['node'])}, load average ${load}, ` +
    `seed ${String(first?.['seed'])}.`;
  const table = [
    '| figure | median | 95 % interval | must (aim) | met |',
    '| --- | --- | --- | --- | --- |',
    ...lines.flatMap(rowsOf),
  ];
  return [before + begin, '', where, '', ...table, '', end + after].join('\n');
}
