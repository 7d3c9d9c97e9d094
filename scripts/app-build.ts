// Builds both apps as Shopify's own command does, without login and without the network, and looks
// at what that command lets pass. Each TOML has its own extensions: a payments app with a checkout
// block in it would not pass Shopify's review, and the merchant app may not offer a method.
import fs from 'node:fs';
import path from 'node:path';
import { deflateSync } from 'node:zlib';
import { root, run } from './run.ts';

/** 240 MB: called when it is needed, and no dependency of ours. */
const CLI = '@shopify/cli@4.8.2';
/** Shopify refuses 64 KB at deploy; ours stays well below. */
const LARGEST_BYTES = 30_000;
const extensions = ['extensions/merchant/thank-you'];
/** The words after `shopify app build`: the merchant app's TOML has no name. */
const apps = { merchant: [], payments: ['--config', 'payments'] } as const;

const bundlesOf = (extension: string): string[] => {
  const dist = path.join(root, extension, 'dist');
  if (!fs.existsSync(dist)) return [];
  return fs.readdirSync(dist, { recursive: true, encoding: 'utf8' }).flatMap((file) => {
    return file.endsWith('.js') ? [path.join(dist, file)] : [];
  });
};

/** What the command does not refuse and Shopify or a browser would. */
function faultsOf(extension: string): string[] {
  const bundles = bundlesOf(extension);
  const faults = bundles.length === 0 ? [`${extension}: the build left no bundle`] : [];
  for (const file of bundles) {
    const text = fs.readFileSync(file);
    const bytes = deflateSync(text).length;
    console.log(`${path.relative(root, file)}: ${bytes} bytes compressed`);
    if (bytes > LARGEST_BYTES) faults.push(`${file} is ${bytes} bytes, over ${LARGEST_BYTES}`);
    // A browser's worker has no `process`: the block would die before it draws.
    if (text.includes('process.env')) faults.push(`${file} has an unfilled process.env`);
  }
  return faults;
}

const typesOf = (extension: string): string => {
  const file = path.join(root, extension, 'shopify.d.ts');
  return fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
};

async function build(name: string, more: readonly string[]): Promise<string[]> {
  const npm = process.env['npm_execpath'];
  const command = npm?.endsWith('.js') === true ? [process.execPath, npm] : ['npm'];
  const words = ['exec', '--yes', `--package=${CLI}`, '--', 'shopify', 'app', 'build', ...more];
  // It would run an `npm install` of its own, which may rewrite package-lock.json.
  words.push('--skip-dependencies-installation');
  const env = {
    // What `deploy` takes from the operator's environment: where the block finds its server.
    SHOPIFY_APP_URL: process.env['SHOPIFY_APP_URL'] ?? 'https://app.example.com',
    SHOPIFY_CLI_NO_ANALYTICS: '1',
    CI: '1',
    NO_COLOR: '1',
  };
  const { ok, out, seconds } = await run([...command, ...words], { env, quiet: true });
  if (!ok) return [`shopify app build of the ${name} app failed after ${seconds} s:`, out.trim()];
  console.log(`shopify app build of the ${name} app took ${seconds} s`);
  return [];
}

/** Answers what is wrong, in words; nothing when both apps build. */
export async function buildApps(): Promise<string[]> {
  const before = extensions.map(typesOf);
  for (const extension of extensions) {
    fs.rmSync(path.join(root, extension, 'dist'), { recursive: true, force: true });
  }
  const failed: string[] = [];
  for (const [name, words] of Object.entries(apps)) failed.push(...(await build(name, words)));
  if (failed.length > 0) return failed;
  const stale = extensions.filter((extension, i) => typesOf(extension) !== before[i]);
  return [
    ...extensions.flatMap(faultsOf),
    ...stale.map((extension) => `${extension}/shopify.d.ts was not current: commit it`),
  ];
}

if (import.meta.main) {
  const problems = await buildApps();
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) process.exitCode = 1;
}
