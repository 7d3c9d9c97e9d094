// Runs the steps of a command as processes of their own, and ends them when this one is told to.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

export const root = path.join(import.meta.dirname, '..');
const bin = (name: string): string => path.join(root, 'node_modules', name);
/** The programs of the project, each as Node 24 runs it. */
export const programs = {
  tsc: [process.execPath, bin('typescript/bin/tsc')],
  eslint: [process.execPath, bin('eslint/bin/eslint.js')],
  prettier: [process.execPath, bin('prettier/bin/prettier.cjs')],
  vite: [process.execPath, bin('vite/bin/vite.js')],
  vitest: [process.execPath, bin('vitest/vitest.mjs')],
  node: [process.execPath],
} as const satisfies Record<string, readonly string[]>;

const running = new Set<ChildProcess>();
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const onSignal = (signal: NodeJS.Signals): void => {
  for (const child of running) child.kill('SIGTERM');
  process.exitCode = signal === 'SIGINT' ? 130 : 143;
  setTimeout(() => process.exit(), 10_000).unref();
};
/** Signals are ours only while something runs: whoever called us has an end of its own. */
function began(child: ChildProcess): void {
  if (running.size === 0) for (const signal of signals) process.on(signal, onSignal);
  running.add(child);
}
function ended(child: ChildProcess): void {
  running.delete(child);
  if (running.size > 0) return;
  for (const signal of signals) process.off(signal, onSignal);
  if (interrupted()) process.exit();
}
export const interrupted = (): boolean => process.exitCode === 130 || process.exitCode === 143;

export type Ran = { ok: boolean; out: string; seconds: number };
export type RunOptions = { env?: NodeJS.ProcessEnv; quiet?: boolean };

/** `quiet` keeps the output for the answer; otherwise it goes to the terminal as it comes. */
export async function run(words: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const [command = '', ...args] = words;
  const started = performance.now();
  const seconds = (): number => Math.round((performance.now() - started) / 100) / 10;
  const child = spawn(command, args, {
    cwd: root,
    env: { ...process.env, ...options.env },
    stdio: options.quiet === true ? ['ignore', 'pipe', 'pipe'] : ['ignore', 'inherit', 'inherit'],
  });
  began(child);
  let out = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => (out += text));
  }
  try {
    const [code] = (await once(child, 'close')) as [number | null];
    return { ok: code === 0, out, seconds: seconds() };
  } catch (error) {
    return { ok: false, out: `${command} does not start: ${String(error)}`, seconds: seconds() };
  } finally {
    ended(child);
  }
}

export type Step = { name: string; words: readonly string[]; env?: NodeJS.ProcessEnv };

/** Runs quiet steps, some at once, and prints what each had to say as soon as it has ended. */
export async function runAll(steps: readonly Step[], atOnce = 2): Promise<{ failed: string[] }> {
  const waiting = [...steps];
  const failed: string[] = [];
  const work = async (): Promise<void> => {
    for (let step = waiting.shift(); step && !interrupted(); step = waiting.shift()) {
      const env = step.env ? { env: step.env } : {};
      const { ok, out, seconds } = await run(step.words, { quiet: true, ...env });
      console.log(`${ok ? 'ok    ' : 'FAILED'} ${step.name} (${seconds} s)`);
      if (!ok) console.log(out.trim());
      if (!ok) failed.push(step.name);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return { failed };
}
