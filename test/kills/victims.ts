// Who can be killed, and how each comes back. Our own processes end by SIGKILL and are replaced;
// PostgreSQL ends by SIGKILL and recovers; the node resets its connections and starts again with
// what it had; Shopify resets what it is asked, before or after it has done it.
import { setTimeout as pause } from 'node:timers/promises';
import type { Stage } from './stage.ts';

export const victims = ['doors', 'pool', 'listener', 'PostgreSQL', 'node', 'Shopify'] as const;
export type Victim = (typeof victims)[number];

const awayMs = 200;

/**
 * Kills an outsider, lets those go on who stand, and brings it back. `lagMs`: they go first, and it
 * dies so much later, in the middle of what they ask it for.
 */
export async function killOutsider(
  stage: Stage,
  about: { victim: Victim; lagMs: number | undefined; go: () => void },
): Promise<void> {
  const { victim, lagMs, go } = about;
  const { shopify, lnd } = stage.world;
  const dies = async (): Promise<() => Promise<unknown> | undefined> => {
    if (victim === 'PostgreSQL') {
      stage.killDatabase();
      return stage.reviveDatabase;
    }
    if (victim === 'node') {
      await lnd?.stop({ how: 'kill' });
      return () => lnd?.restart();
    }
    const when = lagMs === undefined ? 'before' : 'after';
    const away = shopify.faults.add({ kind: 'reset', when, times: 1_000_000 });
    return () => {
      away.remove();
      return undefined;
    };
  };
  if (lagMs !== undefined && victim !== 'Shopify') {
    go();
    await pause(lagMs);
  }
  const comesBack = await dies();
  go();
  await pause(awayMs);
  await comesBack();
}
