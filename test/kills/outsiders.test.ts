// PostgreSQL, the node and Shopify are killed at the moment in which one of our processes passes a
// point, and come back. Nobody of ours is started again: who was in the middle of a call finds its
// way by itself. A third of all points for each, drawn anew in every run; all with KILLS=all.
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isSound } from '../journey/paid-once.ts';
import { until } from '../world.ts';
import { draws, drawnSeed, kills, tellerOf, type Kill, type Teller } from './plan.ts';
import { openStage, roles, type Stage } from './stage.ts';
import { stories } from './stories.ts';

const minuteMs = 60_000;
const seed = drawnSeed();

let stage: Stage;
let opened: Stage | undefined;
let teller: Teller;
beforeAll(async () => {
  stage = opened = await openStage();
  teller = tellerOf(stage);
  await stories.paid(stage.world);
}, 3 * minuteMs);
afterAll(async () => {
  await opened?.close();
});

const outsiders = {
  PostgreSQL: () => stage.crashDatabase(),
  'the node': async () => {
    await stage.world.lnd?.stop({ how: 'kill' });
    await pause(200);
    await stage.world.lnd?.restart();
  },
  Shopify: async () => {
    const away = stage.world.shopify.faults.add({ kind: 'reset', when: 'before', times: 10_000 });
    await pause(300);
    away.remove();
  },
} as const;

/** Kills the outsider at this point; false: nobody came by. */
async function killAt(kill: Kill, outsider: keyof typeof outsiders): Promise<boolean> {
  const { role, point, side, way } = kill;
  const hit = Promise.withResolvers<boolean>();
  const order = { point, side, at: 1, victim: 'other' } as const;
  stage.order(role, [order], (id) => {
    outsiders[outsider]().then(() => {
      stage.go(role, id);
      hit.resolve(true);
    }, hit.reject);
  });
  for (let plays = 0; plays < 2; plays += 1) {
    const over = teller.tell(way).then(() => pause(1_000));
    const isHit = await Promise.race([hit.promise, over, pause(12_000)]);
    if (isHit === true) return true;
  }
  stage.order(role, []);
  return false;
}

/** What was paused for its failures is tried again at once. */
const goOn = (): Promise<unknown> =>
  stage.world.db.pool
    .query('update lane set paused_until = now() where paused_until is not null')
    .catch(() => undefined);

test.each(Object.keys(outsiders) as (keyof typeof outsiders)[])(
  `%s is killed at the points, seed ${String(seed)}`,
  async (outsider) => {
    const draw = draws(seed + outsider.length);
    const all = process.env['KILLS'] === 'all';
    const chosen = kills.filter(({ way }) => way !== 'nothing' && (draw() < 1 / 3 || all));
    const before = stage.world.processes.map(({ pid }) => pid);
    let hits = 0;
    const drive = async (role: (typeof roles)[number]): Promise<void> => {
      for (const kill of chosen.filter((one) => one.role === role)) {
        if (await killAt(kill, outsider)) hits += 1;
        await goOn();
        if (teller.wrong.length > 0) return;
      }
    };
    for (const role of roles) await drive(role);
    await Promise.all(teller.told);
    expect(teller.wrong).toEqual([]);
    expect(hits).toBeGreaterThan(chosen.length / 2);
    expect(stage.world.processes.map(({ pid }) => pid)).toEqual(before);
    expect(stage.world.processes.every((one) => one.isAlive())).toBe(true);
    await until('all is told', async () => {
      const left = await stage.world.db.prisma.payment.count({ where: { state: 'settled' } });
      return left === 0;
    });
    await isSound(stage.world);
  },
  60 * minuteMs,
);
