// `npm run mutants`: takes the guards of test/mutants out, one at a time, in a copy of the tree,
// and looks whether the named test turns red. Each test is run unchanged first: one that is broken
// catches nothing. Words after `--` pick mutants by their id. The last line is the sum.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { lastWill } from './last-will.ts';
import { stopPostgres } from './postgres.ts';
import { interrupted, programs, root, run } from './run.ts';
import { mutants as all } from '../test/mutants/list.ts';
import { edit, type Edit, type Mutant } from '../test/mutants/mutant.ts';

/** What vitest's JSON reporter writes, as far as it is read here. */
type Report = {
  testResults: {
    message: string;
    assertionResults: { status: string; fullName: string; failureMessages: string[] | null }[];
  }[];
};
type Outcome =
  /** The test failed, with these words. */
  | { is: 'caught'; by: string }
  /** The test passed. */
  | { is: 'survived' }
  /** Something else than the test's own word: nothing is known. */
  | { is: 'unclear'; why: string };

const atOnce = 2;
const mutation = 'prisma/migrations/29991231000000_mutant';
const afterAKill = `
  kill -QUIT "$(head -n 1 "$1/postgres/pgdata/postmaster.pid")"
  sleep 1
  rm -rf "$1"`;
const notCopied = new Set(['node_modules', 'dist', '.git', '.data', '.ci', '.shopify']);

/** The sources alone; what is installed and built is shared. */
function copyTree(to: string): void {
  fs.cpSync(root, to, {
    recursive: true,
    filter: (from) => from === root || !notCopied.has(path.basename(from)),
  });
  for (const shared of ['node_modules', 'dist']) {
    const at = path.join(root, shared);
    if (fs.existsSync(at)) fs.symlinkSync(at, path.join(to, shared));
  }
}

const occurrences = (text: string, find: string): number => text.split(find).length - 1;

/** What does not fit the source any more. */
function rotten({ id, edits, test, named }: Mutant): string[] {
  const faults = [...edits, ownTemplate(id)].flatMap(({ file, find }) => {
    const times = occurrences(fs.readFileSync(path.join(root, file), 'utf8'), find);
    return times === 1 ? [] : [`${id}: stands ${String(times)} times in ${file}: ${find}`];
  });
  return fs.existsSync(path.join(root, test))
    ? faults
    : [...faults, `${id}: no ${test} (${named})`];
}

/** Another template than that of the program as it is, on the same server. */
const ownTemplate = (id: string): Edit => {
  const [find, name] = [
    "const TEMPLATE = 'zaptill_template'",
    id.toLowerCase().replace(/\W/g, '_'),
  ];
  return edit('test/database.ts', find, `const TEMPLATE = 'zaptill_template_${name}'`);
};

/** Takes the guard out. Gives the way back. */
function apply(tree: string, mutant: Mutant): () => void {
  const { sql, id } = mutant;
  const edits = sql === undefined ? mutant.edits : [...mutant.edits, ownTemplate(id)];
  const before = new Map<string, string>();
  for (const { file, find, replace } of edits) {
    const at = path.join(tree, file);
    const text = fs.readFileSync(at, 'utf8');
    if (!before.has(at)) before.set(at, text);
    fs.writeFileSync(
      at,
      text.replace(find, () => replace),
    );
  }
  const dir = path.join(tree, mutation);
  if (sql !== undefined) {
    fs.mkdirSync(dir);
    fs.writeFileSync(path.join(dir, 'migration.sql'), sql);
  }
  return () => {
    for (const [at, text] of before) fs.writeFileSync(at, text);
    fs.rmSync(dir, { recursive: true, force: true });
  };
}

const literally = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

async function runTests(
  tree: string,
  tests: readonly Pick<Mutant, 'test' | 'named'>[],
): Promise<{ report: Report; out: string; seconds: number }> {
  const file = path.join(tree, 'report.json');
  fs.rmSync(file, { force: true });
  const files = [...new Set(tests.map(({ test }) => test))];
  const names = [...new Set(tests.map(({ named }) => literally(named)))].join('|');
  const words = ['run', '--root', tree, '--project', 'unit', '--project', 'journey', '-t', names];
  words.push('--reporter=json', `--outputFile=${file}`, ...files);
  // One server for all: to start one takes longer than most of the tests.
  const env = { SHARED_TEST_POSTGRES: path.dirname(tree) };
  const { out, seconds } = await run([...programs.vitest, ...words], { env, quiet: true });
  const report = fs.existsSync(file)
    ? (JSON.parse(fs.readFileSync(file, 'utf8')) as Report)
    : { testResults: [] };
  return { report, out, seconds };
}

/** A name that does not exist, a type that does not fit, SQL that is none: no guard's work. */
const ofTheChange = new RegExp(
  '^(?:ReferenceError|SyntaxError|TypeError)|' +
    '^error: (?:syntax error|(?:column|relation) .* not exist|there is no unique)',
);

function judge(report: Report, { named }: Pick<Mutant, 'named'>): Outcome {
  const ran = report.testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .filter(({ fullName, status }) => fullName.includes(named) && /passed|failed/.test(status));
  const red = ran.find(({ status }) => status === 'failed');
  if (red !== undefined) {
    const [by = ''] = (red.failureMessages?.[0] ?? '').split('\n');
    return ofTheChange.test(by) ? { is: 'unclear', why: by } : { is: 'caught', by };
  }
  if (ran.length > 0) return { is: 'survived' };
  const [why = ''] = report.testResults.map(({ message }) => message).filter(Boolean);
  return { is: 'unclear', why: `the test did not run: ${why.split('\n')[0] ?? ''}` };
}

/** Every named test, on the tree as it is. What is not green. */
async function baseline(tree: string, chosen: readonly Mutant[]): Promise<string[]> {
  const { report, out, seconds } = await runTests(tree, chosen);
  const broken = chosen.flatMap((mutant) => {
    const outcome = judge(report, mutant);
    if (outcome.is === 'survived') return [];
    const words = outcome.is === 'caught' ? outcome.by : outcome.why;
    return [`${mutant.id}: ${mutant.test}, ${mutant.named}: ${words}`];
  });
  if (broken.length > 0) console.log(out.slice(-4_000));
  console.log(`all named tests, nothing changed: ${String(seconds)} s`);
  return broken;
}

const shown = (outcome: Outcome): string => {
  const words = outcome.is === 'caught' ? outcome.by : outcome.is === 'unclear' ? outcome.why : '';
  return `${outcome.is.padEnd(8)} ${words}`.slice(0, 120).trimEnd();
};

async function tryAll(trees: readonly string[], chosen: readonly Mutant[]): Promise<Mutant[]> {
  const waiting = [...chosen];
  const left: Mutant[] = [];
  const work = async (tree: string): Promise<void> => {
    for (let next = waiting.shift(); next && !interrupted(); next = waiting.shift()) {
      const restore = apply(tree, next);
      const { report, seconds } = await runTests(tree, [next]);
      restore();
      const outcome = judge(report, next);
      if (outcome.is !== 'caught') left.push(next);
      console.log(`${next.id.padEnd(5)} ${seconds.toFixed(1).padStart(5)} s  ${shown(outcome)}`);
      console.log(`                ${next.guard}`);
    }
  };
  await Promise.all(trees.map(work));
  return left;
}

function choose(): readonly Mutant[] {
  const wanted = process.argv.slice(2);
  const unknown = wanted.filter((id) => !all.some((mutant) => mutant.id === id));
  if (unknown.length > 0) throw new Error(`no such mutant: ${unknown.join(', ')}`);
  return wanted.length === 0 ? all : all.filter(({ id }) => wanted.includes(id));
}

function ended(problems: readonly string[]): boolean {
  for (const problem of problems) console.log(problem);
  if (problems.length > 0) process.exitCode = 1;
  return problems.length > 0;
}

const started = performance.now();
const chosen = choose();
const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'zaptill-mutants-'));
// Root's server runs as another user, who must be able to walk here.
fs.chmodSync(dir, 0o711);
const will = lastWill(afterAKill, [dir]);
try {
  // One for each that runs at the same time: what is taken out of one stays in the other.
  const trees = Array.from({ length: atOnce }, (_none, n) => path.join(dir, String(n)));
  const [first] = trees;
  if (first !== undefined && !ended(chosen.flatMap(rotten))) {
    for (const tree of trees) copyTree(tree);
    if (!ended(await baseline(first, chosen)) && !interrupted()) {
      const left = await tryAll(trees, chosen);
      ended(left.map(({ id, guard }) => `NOT CAUGHT ${id}: ${guard}`));
      const caught = String(chosen.length - left.length);
      const seconds = Math.round((performance.now() - started) / 1_000);
      console.log(`in ${String(seconds)} s`);
      console.log(`${String(chosen.length)} mutants, ${caught} caught`);
    }
  }
} finally {
  await stopPostgres(dir, 'immediate');
  fs.rmSync(dir, { recursive: true, force: true });
  will.drop();
}
