// Programs that run beside a test or the sandbox, and the waiting for what they answer.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

export const MINUTE_MS = 60_000;

export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => net.createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as net.AddressInfo).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}

/** Asks until the answer is neither undefined nor false nor thrown. */
export async function until<T>(
  what: string,
  probe: () => Promise<T | undefined | false>,
  { limitMs = MINUTE_MS, everyMs = 100 } = {},
): Promise<T> {
  let last: unknown = 'no';
  for (const end = Date.now() + limitMs; Date.now() < end;) {
    try {
      const answer = await probe();
      if (answer !== undefined && answer !== false) return answer;
    } catch (error) {
      last = error;
    }
    await pause(everyMs);
  }
  const why = last instanceof Error ? last.message : JSON.stringify(last);
  throw new Error(`waited ${limitMs} ms for: ${what}; the last answer was ${why}`);
}

/** A program that runs in the folder of the network until it is told to end. */
export class Program {
  readonly name: string;
  readonly #file: string;
  readonly #dir: string;
  #child: ChildProcess | undefined;

  constructor(about: { name: string; file: string; dir: string }) {
    this.name = about.name;
    this.#file = about.file;
    this.#dir = about.dir;
  }

  get runs(): boolean {
    return this.#child !== undefined;
  }

  start(args: readonly string[]): void {
    if (this.#child) throw new Error(`${this.name} runs already`);
    const out = fs.openSync(path.join(this.#dir, `${this.name}.out`), 'a');
    // In a process group of its own: a terminal's Ctrl-C must not end btcd before LND.
    const child = spawn(this.#file, args, { stdio: ['ignore', out, out], detached: true });
    fs.closeSync(out);
    this.#child = child;
    const pidFile = path.join(this.#dir, `${this.name}.pid`);
    fs.writeFileSync(pidFile, String(child.pid));
    const ended = (): void => {
      if (this.#child !== child) return;
      this.#child = undefined;
      fs.rmSync(pidFile, { force: true });
    };
    child.once('exit', ended);
    child.once('error', ended);
  }

  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    const tooLong = setTimeout(() => child.kill('SIGKILL'), MINUTE_MS);
    await gone;
    clearTimeout(tooLong);
  }

  /** What it said last, for errors. */
  lastWords(): string {
    const text = fs.readFileSync(path.join(this.#dir, `${this.name}.out`), 'utf8');
    return text.trim().split('\n').slice(-5).join('\n');
  }
}
