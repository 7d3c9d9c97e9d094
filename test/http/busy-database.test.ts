// A statement that waits too long is no defect of a door: nothing was done, and whoever asked may
// ask again. It is answered as a database that is away, and written down with its error.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startInProcess, type InProcess } from '../in-process.ts';

let world: InProcess;
beforeAll(async () => {
  world = await startInProcess();
});
afterAll(() => world.close());

const shop = (): Promise<Response> =>
  fetch(`${world.appUrl}/api/shop`, {
    headers: { Authorization: `Bearer ${world.adminToken()}` },
  });

// The one is read by a statement of ours, the other by Prisma, which wraps what PostgreSQL says.
test.each(['payment', 'api_notice'])('%s is locked by somebody', async (table) => {
  const other = await world.db.pool.connect();
  try {
    await other.query('begin');
    await other.query(`lock table ${table} in access exclusive mode`);
    const answer = await shop();
    expect(answer.status).toBe(503);
    expect(answer.headers.get('retry-after')).toBe('2');
    expect(await answer.json()).toEqual({
      error: 'The server is starting or busy. Try again in a moment.',
    });
  } finally {
    await other.query('rollback');
    other.release();
  }
  expect((await shop()).status).toBe(200);
});
