// `npm run check`: types, lint, format, house rules and drift, in seconds.
import fs from 'node:fs';
import path from 'node:path';
import { programs, root, runAll, type Step } from './run.ts';

/** One for each kind of machine that our code runs on. */
const projects = [
  '.',
  'test/browser',
  'web/frontend/merchant',
  'web/frontend/buyer',
  'extensions/merchant/thank-you',
  'extensions/payments/lightning',
  'sandbox/shopify/browser',
];
const cache = path.join(root, 'node_modules/.cache/zaptill');
fs.mkdirSync(cache, { recursive: true });

/** What was compiled before is remembered, so a second check looks only at what changed. */
const types = (project: string): Step => {
  const memory = path.join(cache, `${project.replaceAll(/\W/g, '-')}.tsbuildinfo`);
  const words = ['-p', project, '--pretty', '--incremental', '--tsBuildInfoFile', memory];
  return { name: `types of ${project}`, words: [...programs.tsc, ...words] };
};

export const checks: readonly Step[] = [
  { name: 'lint', words: [...programs.eslint, '--max-warnings', '0', '.'] },
  ...projects.map(types),
  {
    name: 'format',
    words: [...programs.prettier, '--check', '--log-level', 'warn', '--cache', '.'],
  },
  { name: 'schema and migrations', words: [...programs.node, 'scripts/drift.ts'] },
];
const tidy: Step = {
  name: 'house rules',
  words: [...programs.vitest, 'run', '--project', 'unit', 'test/tidy.test.ts'],
};

if (import.meta.main) {
  const { failed } = await runAll([...checks, tidy]);
  if (failed.length > 0) process.exitCode = 1;
}
