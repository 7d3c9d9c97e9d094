// The machine under the measurement: how fast it is at this moment, what runs on it, and what the
// kernel counts of a process.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

export type Calibration = { spinMs: number };

const spins = 4_000_000;

/** A fixed piece of work; the best of five tells how fast the machine is now. */
export function calibrate(): Calibration {
  let best = Infinity;
  let kept = 1;
  for (let round = 0; round < 5; round += 1) {
    const startedAt = performance.now();
    for (let n = 0; n < spins; n += 1) kept = (Math.imul(kept, 1_664_525) + n) >>> 0;
    best = Math.min(best, performance.now() - startedAt);
  }
  // Nobody needs the number; a loop without an end result may be left out by the compiler.
  return { spinMs: kept === 0 ? best + 1e-9 : best };
}

/** Milliseconds on a clock that all processes of this machine share and that never goes back. */
export const sharedMs = (): number => Number(process.hrtime.bigint()) / 1e6;

const root = path.join(import.meta.dirname, '../..');

function commit(): string {
  try {
    const run = (...args: string[]): string =>
      execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: 'pipe' }).trim();
    const changed = run('status', '--porcelain', '--untracked-files=no', '--', 'web') !== '';
    return `${run('rev-parse', '--short', 'HEAD')}${changed ? ' with changes' : ''}`;
  } catch {
    return 'unknown';
  }
}

export type Circumstances = {
  commit: string;
  node: string;
  postgres: string;
  cores: number;
  cpu: string;
  loadAverage: number[];
};

/** What a figure is worth nothing without. */
export const circumstances = (postgres: string): Circumstances => ({
  ...{ commit: commit(), node: process.versions.node, postgres },
  ...{ cores: os.availableParallelism(), cpu: os.cpus()[0]?.model ?? '' },
  loadAverage: os.loadavg().map((each) => Number(each.toFixed(2))),
});

/** Length of a tick of the kernel's counters. Linux has told programs this figure since 2.6. */
const tickMs = 10;

/** CPU milliseconds that the process has used since it began, with those of its ended children. */
export function cpuMsOf(pid: number): number {
  const stat = fs.readFileSync(`/proc/${String(pid)}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return [11, 12, 13, 14].reduce((sum, at) => sum + Number(fields[at]), 0) * tickMs;
}

/** Of PostgreSQL's main process and of every backend that lives. */
export function cpuMsOfTree(pid: number): number {
  const children = fs
    .readFileSync(`/proc/${String(pid)}/task/${String(pid)}/children`, 'utf8')
    .split(' ')
    .filter((each) => each.trim() !== '')
    .map(Number);
  const ofChild = (child: number): number => {
    try {
      return cpuMsOfTree(child);
    } catch {
      return 0; // It ended meanwhile, and is counted with its parent's.
    }
  };
  return children.reduce((sum, child) => sum + ofChild(child), cpuMsOf(pid));
}

const bytesOf = (pid: number, line: RegExp): number =>
  Number(line.exec(fs.readFileSync(`/proc/${String(pid)}/status`, 'utf8'))?.[1] ?? 0) * 1_024;

/** Bytes in memory. */
export const residentBytesOf = (pid: number): number => bytesOf(pid, /^VmRSS:\s+(\d+) kB/m);

/** The most bytes that were ever in memory. */
export const peakBytesOf = (pid: number): number => bytesOf(pid, /^VmHWM:\s+(\d+) kB/m);
