// Many nodes followed in one process: by our listener with everything that it does for a stream, or
// by nothing but gRPC's own client. How much memory each costs, and when each event arrives.
import { setTimeout as pause } from 'node:timers/promises';
import { readConfig } from '../../web/config.ts';
import { openConnection } from '../../web/lightning/connection.ts';
import { makeLog } from '../../web/log.ts';
import { wire } from '../../web/wiring.ts';
import { startListener } from '../../web/worker/listener.ts';
import { answer } from './child.ts';
import { residentBytesOf, sharedMs } from './machine.ts';
import type { NodeMade } from './node-double.ts';
import { pinnedAt } from './peer-node.ts';

let heard: Record<string, number> = {};
let stop = (): Promise<void> => Promise.resolve();

async function resident(): Promise<number> {
  let least = Infinity;
  for (let round = 0; round < 4; round += 1) {
    globalThis.gc?.();
    await pause(100);
    least = Math.min(least, residentBytesOf(process.pid));
  }
  return least;
}

answer(
  {
    begin: (env: Record<string, string>): void => {
      const log = makeLog({ level: 'silent' });
      const config = readConfig({ ...env });
      const { deps, close } = wire({ config, log, databaseUrl: env['DATABASE_URL'] ?? '' });
      const nodes: typeof deps.nodes = {
        of: async (nodeId) => {
          const node = await deps.nodes.of(nodeId);
          const followSettles: typeof node.followSettles = (from, events) =>
            node.followSettles(from, {
              ...events,
              settled: (observations, via) => {
                for (const { hash } of observations) heard[hash] ??= sharedMs();
                events.settled(observations, via);
              },
            });
          return { ...node, followSettles };
        },
      };
      const now = (): Date => new Date();
      const about = { holder: 'bench', now, options: { leaseMs: 60_000, closeMs: 50_000 } };
      const listener = startListener({ ...deps, nodes }, about);
      stop = async () => {
        await listener.stop();
        await close();
      };
    },
    bare: (made: readonly NodeMade[]): void => {
      for (const { address, certificatePem, macaroonHex } of made) {
        const connection = openConnection({
          ...{ pinned: pinnedAt(address), certificatePem, macaroonHex },
        });
        void connection.getInfo().catch(() => undefined);
        const stream = connection.subscribeInvoices({});
        stream
          .on('error', () => undefined)
          .on('data', (raw: { r_hash: Buffer }) => {
            heard[raw.r_hash.toString('hex')] ??= sharedMs();
          });
      }
    },
    resident,
    heard: (): Record<string, number> => {
      const before = heard;
      heard = {};
      return before;
    },
  },
  () => stop(),
);
