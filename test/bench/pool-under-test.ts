// Our pool in a process that can be asked to collect its garbage, so that what it keeps in memory
// is what is measured, and not what it has not yet thrown away.
import { setTimeout as pause } from 'node:timers/promises';
import { readConfig } from '../../web/config.ts';
import { makeLog } from '../../web/log.ts';
import { wire } from '../../web/wiring.ts';
import { startPool, type Pool } from '../../web/worker/pool.ts';
import { answer } from './child.ts';
import { residentBytesOf } from './machine.ts';

let pool: Pool | undefined;

answer(
  {
    start: async (env: Record<string, string>): Promise<void> => {
      const config = readConfig({ ...env });
      const log = makeLog({ level: 'silent' });
      const wired = wire({ config, log, databaseUrl: env['DATABASE_URL'] ?? '' });
      pool = startPool(wired.deps, { testOrders: wired.testOrders });
      await pool.ready;
    },
    resident: async (): Promise<number> => {
      if (globalThis.gc === undefined) throw new Error('start it with --expose-gc');
      let least = Infinity;
      for (let round = 0; round < 4; round += 1) {
        globalThis.gc();
        await pause(100);
        least = Math.min(least, residentBytesOf(process.pid));
      }
      return least;
    },
  },
  async () => {
    await pool?.stop();
  },
);
