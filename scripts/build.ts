// `npm run build`: the two front ends, into `dist`.
import fs from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { programs, root, runAll, type Step } from './run.ts';

const frontEnds = ['merchant', 'buyer'] as const;
const configs = frontEnds.map((name) => `web/frontend/${name}/vite.config.ts`);

export const builds: readonly Step[] = configs.map((config) => ({
  name: `build ${path.dirname(config)}`,
  words: [...programs.vite, 'build', '--config', config],
}));

/** What the merchant's admin loads before the first page can be shown, at most, gzipped. */
const firstLoadBytes = 250_000;

type Chunk = { file: string; isEntry?: boolean; imports?: string[]; css?: string[] };

/** The entry of the merchant's pages with all that it needs at once, in bytes of gzip. */
export function weightOfFirstLoad(): number {
  const dist = path.join(root, 'dist/merchant');
  const read = (file: string): Buffer => fs.readFileSync(path.join(dist, file));
  const chunks = JSON.parse(read('.vite/manifest.json').toString()) as Record<string, Chunk>;
  const needed = Object.keys(chunks).filter((name) => chunks[name]?.isEntry === true);
  const files = new Set<string>();
  // Grows while it is walked: what is imported is looked at as well.
  for (const name of needed) {
    const { file, css = [], imports = [] } = chunks[name] ?? { file: '' };
    for (const one of [file, ...css]) files.add(one);
    for (const one of imports) if (!needed.includes(one)) needed.push(one);
  }
  return [...files].reduce((sum, file) => sum + gzipSync(read(file)).length, 0);
}

if (import.meta.main) {
  const missing = configs.filter((config) => !fs.existsSync(path.join(root, config)));
  if (missing.length > 0) console.error(`missing: ${missing.join(', ')}`);
  const { failed } = await runAll(builds);
  if (failed.length > 0 || missing.length > 0) process.exitCode = 1;
  else {
    const bytes = weightOfFirstLoad();
    const kilobytes = (bytes / 1_000).toFixed(1);
    console.log(`the merchant's first load is ${kilobytes} kB gzip`);
    if (bytes > firstLoadBytes) {
      console.error(`it may be ${String(firstLoadBytes / 1_000)} kB: load less at once`);
      process.exitCode = 1;
    }
  }
}
