import fs from 'node:fs';
import path from 'node:path';
import { defineConfig } from 'vitest/config';

const MINUTE_MS = 60_000;
const root = import.meta.dirname;
const database = ['test/global-setup.ts'];
const slow = { environment: 'node', fileParallelism: false, globalSetup: database } as const;
/** What a browser has and happy-dom lacks: written by the room that needs it. */
const merchantDom = ['web/frontend/merchant/test-dom.ts', 'test/merchant-dom.ts'].filter((file) =>
  fs.existsSync(path.join(root, file)),
);

/**
 * Whole systems of several processes, with their deaths and outages. One file at a time: what they
 * show is what happens in an order of time, and three of them on two cores have none to spare.
 */
const whole = ['journey', 'peers', 'storm', 'worker'].map((room) => `test/${room}/**/*.test.ts`);

/** Processes that die and are replaced, for minutes: a suite of its own. */
const killed = ['test/kills/kills.test.ts', 'test/kills/settlements.test.ts'];

export default defineConfig({
  test: {
    // Files of `unit` wait for PostgreSQL more than they compute.
    maxWorkers: 3,
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts', 'web/frontend/{buyer,shared}/**/*.test.ts'],
          exclude: ['test/browser/**', 'test/regtest/**', ...whole, ...killed],
          environment: 'node',
          globalSetup: database,
          // Long enough for two busy cores: what hangs is found, and a slow machine is no failure.
          testTimeout: MINUTE_MS,
          hookTimeout: 2 * MINUTE_MS,
        },
      },
      {
        test: {
          name: 'journey',
          include: whole,
          ...slow,
          testTimeout: MINUTE_MS,
          hookTimeout: 2 * MINUTE_MS,
        },
      },
      {
        test: {
          name: 'kills',
          include: killed,
          ...slow,
          testTimeout: MINUTE_MS,
          hookTimeout: 3 * MINUTE_MS,
        },
      },
      {
        test: {
          name: 'merchant',
          include: ['web/frontend/merchant/**/*.test.tsx'],
          environment: 'happy-dom',
          setupFiles: merchantDom,
        },
      },
      {
        // The extension's JSX is Preact's; its tester imports our .tsx and must be transformed.
        oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
        test: {
          name: 'extension',
          include: ['extensions/*/*/tests/**/*.test.{ts,tsx}'],
          environment: 'happy-dom',
          server: { deps: { inline: ['@shopify/ui-extensions-tester'] } },
        },
      },
      {
        test: {
          name: 'browser',
          include: ['test/browser/**/*.test.ts'],
          ...slow,
          // A page on two busy cores is slow, not wrong.
          expect: { poll: { timeout: 20_000 } },
          testTimeout: 2 * MINUTE_MS,
          hookTimeout: 3 * MINUTE_MS,
        },
      },
      {
        test: {
          name: 'regtest',
          include: ['test/regtest/**/*.test.ts'],
          ...slow,
          testTimeout: 5 * MINUTE_MS,
          hookTimeout: 10 * MINUTE_MS,
        },
      },
    ],
  },
});
