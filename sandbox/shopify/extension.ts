/**
 * The app's UI extension, as checkout runs it: built from its sources, drawn in a page of this
 * origin (which is not the app's, so CORS is real), with a `shopify` global whose session token is
 * really signed.
 */

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { App } from './nouns.ts';
import { extensionToml } from './toml.ts';
import type { World } from './world.ts';

export const TARGETS = {
  thankYou: 'purchase.thank-you.block.render',
  orderStatus: 'customer-account.order-status.block.render',
} as const;

export type Target = (typeof TARGETS)[keyof typeof TARGETS];

export const isTarget = (text: string): text is Target =>
  (Object.values(TARGETS) as string[]).includes(text);

export const DEFAULT_FOLDER = fileURLToPath(
  new URL('../../extensions/merchant/thank-you', import.meta.url),
);

const USUAL_MODULES: Record<string, string> = {
  [TARGETS.thankYou]: './src/ThankYou.tsx',
  [TARGETS.orderStatus]: './src/OrderStatus.tsx',
};

type Manifest = { handle: string; modules: Record<string, string> };

export function manifestOf(app: App): Manifest | undefined {
  if (app.extension === null) return undefined;
  const toml = join(app.extension, 'shopify.extension.toml');
  const read = existsSync(toml)
    ? extensionToml(readFileSync(toml, 'utf8'))
    : { handle: 'extension', modules: USUAL_MODULES };
  const there = Object.entries(read.modules).filter(([, path]) =>
    existsSync(join(app.extension ?? '', path)),
  );
  if (there.length === 0) return undefined;
  return { handle: read.handle, modules: Object.fromEntries(there) };
}

/** Targets of the app that the merchant has put on his pages. At first: all of them. */
export function activations(world: World, shop: string, app: App): Target[] {
  const manifest = manifestOf(app);
  if (manifest === undefined) return [];
  const targets = Object.keys(manifest.modules).filter(isTarget);
  const placed = world.state.blocks[`${shop} ${app.clientId}`];
  return placed === undefined ? targets : targets.filter((it) => placed.includes(it));
}

export function place(world: World, shop: string, input: { app: App; targets: string[] }): void {
  world.state.blocks[`${shop} ${input.app.clientId}`] = input.targets;
  world.changed();
}

export const placedBlocks = (world: World, shop: string, target: Target): App[] =>
  world.apps.filter((app) => activations(world, shop, app).includes(target));

/**
 * The merchant's texts in the best language there is: `locales/{language}.json`, else the default.
 */
export function wordsOf(app: App, language: string): { locale: string; words: unknown } {
  const folder = join(app.extension ?? '', 'locales');
  const files = existsSync(folder) ? readdirSync(folder) : [];
  const wanted = [language, language.split('-')[0] ?? ''].map((it) => `${it}.json`);
  const found =
    files.find((file) => wanted.includes(file)) ??
    files.find((file) => wanted.includes(file.replace('.default.json', '.json'))) ??
    files.find((file) => file.endsWith('.default.json'));
  if (found === undefined) return { locale: 'en', words: {} };
  return {
    locale: found.split('.')[0] ?? 'en',
    words: JSON.parse(readFileSync(join(folder, found), 'utf8')) as unknown,
  };
}

const built = new Map<string, { of: string; code: string }>();

/**
 * The bundle of one target. Built again when a source has changed. `process.env.SHOPIFY_APP_URL`
 * is the app's address.
 */
export async function bundleOf(app: App, target: Target): Promise<string> {
  const module = manifestOf(app)?.modules[target];
  if (module === undefined || app.extension === null) throw new Error(`No module for ${target}`);
  const of = `${app.appUrl} ${newest(join(app.extension, 'src'))}`;
  const key = `${app.extension} ${target}`;
  const kept = built.get(key);
  if (kept?.of === of) return kept.code;
  const made = await build({
    stdin: {
      contents: `import run from ${JSON.stringify(module)}; globalThis.runExtension = run;`,
      resolveDir: app.extension,
      loader: 'tsx',
    },
    bundle: true,
    write: false,
    format: 'iife',
    minify: true,
    jsx: 'automatic',
    jsxImportSource: 'preact',
    target: 'es2020',
    logLevel: 'silent',
    define: { 'process.env.SHOPIFY_APP_URL': JSON.stringify(app.appUrl) },
  });
  const code = made.outputFiles[0]?.text ?? '';
  built.set(key, { of, code });
  return code;
}

const newest = (folder: string): number =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).reduce(
    (last, file) => Math.max(last, statSync(join(folder, file)).mtimeMs),
    0,
  );

const scripts = new Map<string, string>();

/** A script of `browser/`, bundled once. */
export async function browserScript(name: string): Promise<string> {
  const kept = scripts.get(name);
  if (kept !== undefined) return kept;
  const made = await build({
    entryPoints: [fileURLToPath(new URL(`./browser/${name}.mts`, import.meta.url))],
    bundle: true,
    write: false,
    format: 'iife',
    target: 'es2022',
    loader: { '.css': 'text' },
    logLevel: 'silent',
  });
  const code = made.outputFiles[0]?.text ?? '';
  scripts.set(name, code);
  return code;
}
