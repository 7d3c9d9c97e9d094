// A browser, axe, and the pay pages on a port of this machine: what the pictures and the tests of
// the front ends share. No database and no door stands behind it; the journeys have those.
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { chromium, type Browser, type Frame, type Page } from 'playwright-core';
import { findChromium } from '../../scripts/chromium.ts';

const root = path.join(import.meta.dirname, '../..');
const dist = path.join(root, 'dist');

export type Served = { url: string; close: () => Promise<void> };

export async function serve(listener: RequestListener): Promise<Served> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      // An event stream never ends by itself.
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

type Manifest = Record<
  string,
  { file: string; isEntry?: boolean; css?: string[]; imports?: string[] }
>;

/** What Vite has built; undefined before `npm run build`. */
export function manifestOf(front: 'buyer' | 'merchant'): Manifest | undefined {
  const file = path.join(dist, front, '.vite', 'manifest.json');
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Manifest) : undefined;
}

const types: Record<string, string> = { '.js': 'text/javascript', '.css': 'text/css' };

/** A file of a built front end, by the path in its address. */
export function builtFile(
  front: 'buyer' | 'merchant',
  name: string,
): { body: Buffer; type: string } | undefined {
  const file = path.join(dist, front, path.normalize(`/${name}`));
  if (!existsSync(file)) return undefined;
  return {
    body: readFileSync(file),
    type: types[path.extname(file)] ?? 'application/octet-stream',
  };
}

const quiet = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--force-color-profile=srgb',
  '--font-render-hinting=none',
  '--disable-lcd-text',
];

export async function launch(): Promise<Browser> {
  const executablePath = findChromium();
  if (executablePath === undefined) throw new Error('No Chromium: set CHROMIUM_PATH.');
  return chromium.launch({ executablePath, args: quiet });
}

const axeSource = readFileSync(path.join(root, 'node_modules/axe-core/axe.min.js'), 'utf8');
const axeTags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

type Finding = {
  id: string;
  impact: string;
  nodes: { html: string; failureSummary: string }[];
};
type Axe = {
  run: (
    context: Document,
    options: object,
  ) => Promise<{ violations: Finding[]; incomplete: Finding[] }>;
};

/** By `evaluate`, which the page's policy does not govern; a script tag would be refused. */
export async function axe(target: Page | Frame): Promise<string[]> {
  await target.evaluate(axeSource);
  return target.evaluate(async (values) => {
    const found = await (globalThis as unknown as { axe: Axe }).axe.run(document, {
      runOnly: { type: 'tag', values },
      resultTypes: ['violations', 'incomplete'],
    });
    // Text exactly as light as its ground is "incomplete" for axe and unreadable for everybody.
    const unseen = found.incomplete
      .filter(({ id }) => id === 'color-contrast')
      .map((finding) => ({
        ...finding,
        nodes: finding.nodes.filter(({ failureSummary }) => /1:1|equal/i.test(failureSummary)),
      }))
      .filter(({ nodes }) => nodes.length > 0);
    return [...found.violations, ...unseen].map(({ id, impact, nodes }) => {
      const where = nodes.map((node) => `${node.html.slice(0, 120)} ${node.failureSummary}`);
      return `${id} (${impact}): ${where.join(' | ')}`;
    });
  }, axeTags);
}

export const scrollsSideways = (target: Page | Frame): Promise<boolean> =>
  target.evaluate(
    () => document.documentElement.scrollWidth > document.documentElement.clientWidth,
  );

export const phone = {
  viewport: { width: 390, height: 844 },
  deviceScaleFactor: 2,
  isMobile: true,
  hasTouch: true,
} as const;
export const desk = { viewport: { width: 1280, height: 900 } } as const;
