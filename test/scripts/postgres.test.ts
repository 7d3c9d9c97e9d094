import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, test } from 'vitest';
import pg from 'pg';
import { ensurePostgres, stopPostgres } from '../../scripts/postgres.ts';

let dir: string;
const pidFile = (): string => path.join(dir, 'postgres/pgdata/postmaster.pid');

async function ask(url: string, sql: string): Promise<unknown> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return ((await client.query(sql)).rows[0] as { answer: unknown } | undefined)?.answer;
  } finally {
    await client.end();
  }
}

beforeAll(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'zaptill-postgres-'));
  fs.chmodSync(dir, 0o711);
});
afterAll(async () => {
  await stopPostgres(dir, 'immediate');
  fs.rmSync(dir, { recursive: true });
});

test('two who start it at once in a new folder get one server', async () => {
  const [one, two] = await Promise.all([ensurePostgres({ dir }), ensurePostgres({ dir })]);
  expect(two.pid).toBe(one.pid);
  expect([one.started, two.started].filter(Boolean)).toHaveLength(1);
  expect(await ask(one.url, `select current_setting('listen_addresses') as answer`)).toBe(
    '127.0.0.1',
  );
  const password = path.join(dir, 'postgres/pgdata/app.password');
  expect(fs.statSync(password).mode & 0o777).toBe(0o600);
  const wrong = one.url.replace(/:[0-9a-f]{48}@/, ':guessed@');
  await expect(ask(wrong, 'select 1 as answer')).rejects.toThrow('password authentication failed');
});

test('what was stored is there after the server was killed, and it starts again', async () => {
  const { url, pid } = await ensurePostgres({ dir });
  await ask(url, 'create table kept as select 42 as answer');
  process.kill(pid, 'SIGKILL');
  const again = await ensurePostgres({ dir });
  expect(again.pid).not.toBe(pid);
  expect(again.started).toBe(true);
  expect(await ask(again.url, 'select answer from kept')).toBe(42);
});

test('stopping says whether it ran', async () => {
  expect(await stopPostgres(dir)).toBe(true);
  expect(await stopPostgres(dir)).toBe(false);
  expect(fs.existsSync(pidFile())).toBe(false);
});

test('a server that was asked to ends with the process that started it', async () => {
  const postgres = path.join(import.meta.dirname, '../../scripts/postgres.ts');
  const program = `
    import { ensurePostgres } from ${JSON.stringify(postgres)};
    await ensurePostgres({ dir: ${JSON.stringify(dir)}, endWithUs: true });
    process.kill(process.pid, 'SIGKILL');`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program]);
  expect((await once(child, 'exit'))[1]).toBe('SIGKILL');
  await expect.poll(() => fs.existsSync(pidFile()), { timeout: 15_000 }).toBe(false);
});
