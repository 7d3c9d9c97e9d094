// Who can be killed, and how each comes back. Our own processes end by SIGKILL and are replaced;
// PostgreSQL ends by SIGKILL and recovers; the node resets its connections and starts again with
// what it had; Shopify resets what it is asked, before or after it has done it.
import { setTimeout as pause } from 'node:timers/promises';
import type { Actor, Stage, Standing } from './stage.ts';

export const victims = ['doors', 'pool', 'listener', 'PostgreSQL', 'node', 'Shopify'] as const;
export type Victim = (typeof victims)[number];

const awayMs = 200;

/**
 * Which process of ours dies, of all who stand and live; undefined: none of ours. Whoever passes a
 * point is its role's victim, so that this process itself dies there.
 */
export async function whoDies(
  stage: Stage,
  about: { victim: Victim; at: Standing },
): Promise<Actor | undefined> {
  const { victim, at } = about;
  if (victim === at.actor.role) return at.actor;
  if (victim === 'listener') return stage.listener();
  const listener = await stage.listener();
  const fit = stage.actors().filter(({ role }) => role === victim);
  return fit.find(({ pid }) => pid !== listener?.pid) ?? fit[0];
}

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
