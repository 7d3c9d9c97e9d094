// `npm run build`: the two front ends, into `dist`.
import fs from 'node:fs';
import path from 'node:path';
import { programs, root, runAll, type Step } from './run.ts';

const frontEnds = ['merchant', 'buyer'] as const;
const configs = frontEnds.map((name) => `web/frontend/${name}/vite.config.ts`);

export const builds: readonly Step[] = configs.map((config) => ({
  name: `build ${path.dirname(config)}`,
  words: [...programs.vite, 'build', '--config', config],
}));

if (import.meta.main) {
  const missing = configs.filter((config) => !fs.existsSync(path.join(root, config)));
  if (missing.length > 0) console.error(`missing: ${missing.join(', ')}`);
  const { failed } = await runAll(builds);
  if (failed.length > 0 || missing.length > 0) process.exitCode = 1;
}
