// The built front ends: read once at start. Without a build the pay page still works, without its
// script; the merchant's page says what to run.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';

export type PayAssets = { script?: string };
export type MerchantAssets = {
  script: string;
  styles: readonly string[];
  preloads: readonly string[];
};

const manifestForm = z.record(
  z.string(),
  z.object({
    file: z.string(),
    isEntry: z.boolean().optional(),
    css: z.array(z.string()).optional(),
    imports: z.array(z.string()).optional(),
  }),
);
type Manifest = z.infer<typeof manifestForm>;

function readManifest(distDir: string, name: string): Manifest | undefined {
  const file = path.join(distDir, name, '.vite', 'manifest.json');
  if (!existsSync(file)) return undefined;
  return manifestForm.parse(JSON.parse(readFileSync(file, 'utf8')));
}

const entryOf = (manifest: Manifest | undefined): Manifest[string] | undefined =>
  manifest === undefined ? undefined : Object.values(manifest).find((chunk) => chunk.isEntry);

export function payAssets(distDir: string): PayAssets {
  const entry = readManifest(distDir, 'buyer')?.['client/pay.ts'];
  return entry === undefined ? {} : { script: `/pay-assets/${entry.file}` };
}

/** The text of the script that checks receipts: it stands in its page. Undefined: no build. */
export function verifyScript(distDir: string): string | undefined {
  const entry = readManifest(distDir, 'buyer')?.['client/verify.ts'];
  if (entry === undefined) return undefined;
  return readFileSync(path.join(distDir, 'buyer', entry.file), 'utf8').trim();
}

export function merchantAssets(distDir: string): MerchantAssets | undefined {
  const manifest = readManifest(distDir, 'merchant');
  const entry = entryOf(manifest);
  if (manifest === undefined || entry === undefined) return undefined;
  const imported = (entry.imports ?? []).map((name) => manifest[name]);
  const styles = [entry, ...imported].flatMap((chunk) => chunk?.css ?? []);
  return {
    script: `/merchant/${entry.file}`,
    styles: styles.map((file) => `/merchant/${file}`),
    preloads: imported.flatMap((chunk) => (chunk === undefined ? [] : [`/merchant/${chunk.file}`])),
  };
}
