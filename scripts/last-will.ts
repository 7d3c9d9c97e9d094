// What shall happen to processes that we started if we are killed without a chance to end them.
// A small shell waits on a pipe that only we hold open; its end, however we ended, is the signal.
import { spawn } from 'node:child_process';
import { Socket } from 'node:net';

export type LastWill = { drop(): void };

/**
 * Runs `commands` (shell, with `args` as $1, $2, ...) when this process is gone. `drop` takes it
 * back once everything has been ended in order.
 */
export function lastWill(commands: string, args: readonly string[]): LastWill {
  const child = spawn('/bin/sh', ['-c', `cat > /dev/null; ${commands}`, 'last-will', ...args], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    cwd: '/',
  });
  child.on('error', () => undefined);
  child.unref();
  // The pipe must not keep this process alive.
  if (child.stdin instanceof Socket) child.stdin.unref();
  return {
    drop() {
      if (child.exitCode === null) child.kill('SIGKILL');
    },
  };
}
