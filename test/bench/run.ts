// `npm run bench -- <name> [--json]`: measures, prints what it sees, and as its last line what came
// of it. `all` runs every benchmark; `--help` names them; any other word asks the pages' questions
// that are called like it, and no word at all asks every one of them.
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { tell, type Bench, type Run } from './bench.ts';
import { benches } from './list.ts';
import { withFigures } from './page.ts';
import { measurePages } from './pages.ts';

const say = (line: string): void => void process.stdout.write(`${line}\n`);

const help = (): string =>
  [
    'npm run bench -- <name> [--json] [--full] [--seed N] [--pairs N] [--restless] [--page]',
    ...benches.map(({ name, about }) => `  ${name.padEnd(10)} ${about}`),
    '  all        every one of these, a line of JSON for each at the end',
    '  <word>     the pages’ questions called like it, at a million payments: dashboard, payments,',
    '             sessions; without a word all of them',
    '--full: the parameters of the reference, which take hours; --seed: repeats a run;',
    '--pairs: so many and no more, of which fewer than seven are no measurement;',
    '--page: puts the figures into test/bench/README.md;',
    '--restless: counts also pairs during which the machine changed its speed, for trying out.',
  ].join('\n');

async function measured(bench: Bench, run: Run): Promise<Record<string, unknown>> {
  say(`${bench.name}: ${bench.about} (seed ${String(run.seed)})`);
  const startedAt = performance.now();
  const line = tell(bench, run, await bench.run(run));
  return { ...line, tookSeconds: Math.round((performance.now() - startedAt) / 1_000) };
}

/** One that fails must not keep the others from being measured. */
async function measuredAll(run: Run): Promise<Record<string, unknown>[]> {
  const lines: Record<string, unknown>[] = [];
  for (const bench of benches) {
    const line = await measured(bench, run).catch((error: unknown) => {
      say(error instanceof Error ? (error.stack ?? error.message) : String(error));
      return { bench: bench.name, met: false, failed: String(error) };
    });
    lines.push(line);
  }
  return lines;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    full: { type: 'boolean', default: false },
    restless: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
    pairs: { type: 'string' },
    page: { type: 'boolean', default: false },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
});
const [wanted = ''] = positionals;
const { full, restless, seed, pairs } = values;
const onlyPairs = pairs === undefined ? undefined : Number(pairs);
const run: Run = { seed: Number(seed), full, restless, onlyPairs, say };
const one = benches.find(({ name }) => name === wanted);
if (values.help) say(help());
else if (wanted === 'all' || one !== undefined) {
  const lines = one === undefined ? await measuredAll(run) : [await measured(one, run)];
  for (const line of lines) {
    say(
      values.json ? JSON.stringify(line) : `${String(line['bench'])}: met ${String(line['met'])}`,
    );
  }
  if (values.page) {
    const page = path.join(import.meta.dirname, 'README.md');
    fs.writeFileSync(page, withFigures(fs.readFileSync(page, 'utf8'), lines));
  }
  // What a bench left open must not keep the process.
  process.exit(0);
} else if ((await measurePages(wanted, say)).length > 0) process.exitCode = 1;
