// `npm test`: everything that CI runs, in the order in which it fails fastest. Where CI is set, a
// machine without Go or Chromium fails; elsewhere their suites are left out, loudly. The last line
// is the sum: `N passed, N failed`, each test and each step without tests counted once.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { buildApps } from './app-build.ts';
import { builds } from './build.ts';
import { checks } from './check.ts';
import { interrupted, programs, run, runAll, type Step } from './run.ts';
import { lacking, prepare, type Suite } from './suite.ts';

type Sum = { passed: number; failed: number; skipped: number };
/** What vitest's JSON reporter writes, as far as it is read here. */
type Report = {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  testResults: {
    name: string;
    status: string;
    message: string;
    assertionResults: { status: string; fullName: string; failureMessages: string[] | null }[];
  }[];
};

const sum: Sum = { passed: 0, failed: 0, skipped: 0 };
const troubles: string[] = [];
const inCi = process.env['CI'] !== undefined && process.env['CI'] !== 'false';
const reports = fs.mkdtempSync(path.join(os.tmpdir(), 'zaptill-reports-'));
const title = (text: string): void => console.log(`\n=== ${text}`);

function count(name: string, ok: boolean): void {
  if (ok) sum.passed++;
  else sum.failed++;
  if (!ok) troubles.push(name);
}

async function steps(name: string, all: readonly Step[]): Promise<void> {
  title(name);
  const { failed } = await runAll(all);
  for (const step of all) count(step.name, !failed.includes(step.name));
}

async function vitest(suite: Suite, env: NodeJS.ProcessEnv): Promise<void> {
  const file = path.join(reports, `${suite}.json`);
  const words = ['run', '--project', suite, '--reporter=default', '--reporter=json'];
  words.push(`--outputFile.json=${file}`);
  const { ok, seconds } = await run([...programs.vitest, ...words], { env });
  const report = fs.existsSync(file)
    ? (JSON.parse(fs.readFileSync(file, 'utf8')) as Report)
    : { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0, testResults: [] };
  sum.passed += report.numPassedTests;
  sum.skipped += report.numPendingTests;
  // A file that does not load, or a connection that nobody closed, fails without a failed test.
  sum.failed += ok ? 0 : Math.max(1, report.numFailedTests);
  console.log(`${ok ? 'ok    ' : 'FAILED'} ${suite} (${seconds} s)`);
  if (ok) return;
  const told = failures(report);
  troubles.push(suite, ...told);
  for (const trouble of told) console.log(`- ${trouble}`);
}

/** What failed and with which words: the long output of the other suites comes after a failure. */
function failures(report: Report): string[] {
  const beginning = (words: string): string =>
    stripVTControlCharacters(words).split('\n').slice(0, 3).join(' | ').slice(0, 500);
  return report.testResults.flatMap((file) => {
    const at = path.relative(process.cwd(), file.name);
    const failed = file.assertionResults.filter(({ status }) => status === 'failed');
    if (failed.length === 0) return file.status === 'failed' ? [`${at}: ${file.message}`] : [];
    return failed.map(({ fullName, failureMessages }) => {
      return `${at} > ${fullName}: ${beginning(failureMessages?.[0] ?? '')}`;
    });
  });
}

async function suite(name: Suite): Promise<void> {
  title(name);
  const lack = lacking(name);
  if (lack !== undefined && !inCi) {
    console.log(`\n!!! NOT RUN: the suite "${name}" needs ${lack}.\n`);
    troubles.push(`${name} was not run: it needs ${lack}`);
    return;
  }
  if (lack !== undefined) {
    console.log(`missing on this machine: ${lack}`);
    count(name, false);
    return;
  }
  try {
    await vitest(name, await prepare(name));
  } catch (error) {
    console.log(error instanceof Error ? error.message : error);
    count(name, false);
  }
}

async function mutants(): Promise<void> {
  title('mutants');
  const { ok } = await run([...programs.node, 'scripts/mutants.ts']);
  count('mutants', ok);
}

async function app(): Promise<void> {
  title('shopify app build');
  const problems = await buildApps();
  for (const problem of problems) console.log(problem);
  count('shopify app build', problems.length === 0);
}

const order: readonly (() => Promise<void>)[] = [
  () => steps('check', checks),
  () => steps('front ends', builds),
  () => suite('unit'),
  () => suite('journey'),
  () => suite('kills'),
  mutants,
  () => suite('merchant'),
  () => suite('extension'),
  app,
  () => suite('browser'),
  () => suite('regtest'),
];
for (const part of order) if (!interrupted()) await part();
fs.rmSync(reports, { recursive: true, force: true });
title('sum');
for (const trouble of troubles) console.log(`- ${trouble}`);
if (sum.skipped > 0) console.log(`${sum.skipped} skipped`);
console.log(`${sum.passed} passed, ${sum.failed} failed`);
if (sum.failed > 0) process.exitCode = 1;
