// `npm run browser`, `npm run regtest`, `npm run kills`: one suite with what it needs, built
// first. Words after `--` go to vitest: `npm run regtest -- test/regtest/journey.test.ts`.
import { builds } from './build.ts';
import { findChromium } from './chromium.ts';
import { buildNodes, findGo } from './real-nodes.ts';
import { programs, run, runAll } from './run.ts';

const suites = ['unit', 'journey', 'kills', 'merchant', 'extension', 'browser', 'regtest'] as const;
export type Suite = (typeof suites)[number];

/** What the machine lacks for this suite, in words; undefined when nothing. */
export function lacking(suite: Suite): string | undefined {
  if (suite === 'browser' && findChromium() === undefined) {
    return 'Chromium (apt-get install chromium fonts-inter fonts-dejavu-core, or CHROMIUM_PATH)';
  }
  if (suite === 'regtest' && findGo() === undefined) return 'Go (go.dev/dl)';
  return undefined;
}

/** Makes ready what takes long, so that no test waits for it. Throws when it cannot be made. */
export async function prepare(suite: Suite): Promise<NodeJS.ProcessEnv> {
  if (suite === 'regtest') await buildNodes({ say: console.log });
  return suite === 'browser' ? { CHROMIUM_PATH: findChromium() } : {};
}

if (import.meta.main) {
  const [name, ...words] = process.argv.slice(2);
  const suite = suites.find((known) => known === name);
  if (suite === undefined) throw new Error(`which suite? ${suites.join(', ')}`);
  const lack = lacking(suite);
  if (lack !== undefined) throw new Error(`missing on this machine: ${lack}`);
  if (suite === 'browser') await runAll(builds);
  const env = await prepare(suite);
  const { ok } = await run([...programs.vitest, 'run', '--project', suite, ...words], { env });
  if (!ok) process.exitCode = 1;
}
