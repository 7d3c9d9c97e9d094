// One connection for each node and process: it outlasts a database that is away for a moment.
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isDatabaseBusy } from '../../web/db/database.ts';
import { startInProcess, type InProcess } from '../in-process.ts';

let our: InProcess;
beforeAll(async () => {
  our = await startInProcess();
}, 120_000);
afterAll(() => our.close());

/** After this the stored credential is looked at again. */
const freshMs = 5_000;

test('a node that cannot be looked at stays as open as it was', async () => {
  const { nodes } = our.deps;
  const open = await nodes.of(our.node.id);
  await pause(freshMs + 100);
  const other = await our.db.pool.connect();
  try {
    await other.query('begin');
    await other.query('lock table node in access exclusive mode');
    await expect(nodes.of(our.node.id)).rejects.toSatisfy(isDatabaseBusy);
  } finally {
    await other.query('rollback');
    other.release();
  }
  expect(await nodes.of(our.node.id)).toBe(open);
}, 60_000);
