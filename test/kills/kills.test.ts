// kill -9 of our own processes before and after every point on the way of a payment: nothing is
// lost and nothing is done twice. A point that was to be passed and was not fails here. Pool and
// doors die at the same time and independently of each other while stories are told around them;
// each story has to end right. Minutes of processes that die and start: `npm run kills` draws a
// quarter of the points, and KILLS=all takes all.
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isSound } from '../journey/paid-once.ts';
import { until } from '../world.ts';
import { draws, drawnSeed, kills, tellerOf, type Kill, type Teller } from './plan.ts';
import { openStage, roles, type Role, type Stage } from './stage.ts';
import { stories } from './stories.ts';

const minuteMs = 60_000;
const seed = drawnSeed();

let stage: Stage;
let opened: Stage | undefined;
let teller: Teller;
beforeAll(async () => {
  stage = opened = await openStage();
  teller = tellerOf(stage);
  // From the first settle on a stream is replayed from where it was.
  await stories.paid(stage.world);
}, 3 * minuteMs);
afterAll(async () => {
  await opened?.close();
});

/** A dead owner's leases end by themselves, some seconds later. */
const leasesEnd = (): Promise<unknown> =>
  stage.world.db.pool
    .query('update node set stream_lease_until = now()')
    .then(() => stage.world.db.pool.query('update listening set alive_until = now()'));

/** Kills at one point; false: nobody came by. */
async function killAt(kill: Kill, at: number): Promise<boolean> {
  const { role, way, point, side } = kill;
  const isDead = async (): Promise<void> => {
    const end = Date.now() + 15_000;
    while (stage.isAlive(role) && Date.now() < end) await pause(20);
  };
  stage.order(role, [{ point, side, at, victim: 'self' }]);
  for (let plays = 0; plays < 3 && stage.isAlive(role); plays += 1) {
    await Promise.race([isDead(), teller.tell(way).then(() => pause(1_000)), pause(12_000)]);
  }
  if (stage.isAlive(role)) {
    // What is passed once in a life is passed in the next one.
    await stage.restart(role);
    return false;
  }
  if (role === 'pool') await leasesEnd();
  await stage.revive(role);
  return true;
}

test(
  'every point on the way of a payment is passed by its story',
  async () => {
    for (const play of Object.values(stories)) await play(stage.world);
    const missing = (): string[] =>
      kills
        .filter(({ role, point, side }) => !stage.passed(role).has(`${point} ${side}`))
        .map(({ role, point, side, way }) => `${role}: ${point} ${side} (${way})`);
    // What comes by itself comes within seconds.
    for (const end = Date.now() + 20_000; missing().length > 0 && Date.now() < end;) {
      await pause(200);
    }
    expect(missing(), 'points that no story passed').toEqual([]);
  },
  10 * minuteMs,
);

const share = process.env['KILLS'] === 'all' ? 1 : 1 / 4;

test(
  `kill -9 at the points, seed ${String(seed)}`,
  async () => {
    const draw = draws(seed);
    const chosen = kills.filter(() => draw() < share);
    const missed: string[] = [];
    const drive = async (role: Role): Promise<void> => {
      // There is one other merchant: doors begin with that story, and the pool ends with it.
      const mine = chosen.filter((one) => one.role === role);
      for (const kill of role === 'doors' ? mine : mine.toReversed()) {
        const at = draw() < 0.75 || kill.way === 'uninstalled' ? 1 : 2;
        const hit = (await killAt(kill, at)) || (await killAt(kill, 1));
        if (!hit) missed.push(`${role}: ${kill.point} ${kill.side} (${kill.way})`);
        if (teller.wrong.length > 0) return;
      }
    };
    await Promise.all(roles.map(drive));
    await Promise.all(teller.told);
    expect(teller.wrong).toEqual([]);
    expect(missed, 'points at which nobody could be killed').toEqual([]);
    await until('all is told', async () => {
      const left = await stage.world.db.prisma.payment.count({ where: { state: 'settled' } });
      return left === 0;
    });
    await isSound(stage.world);
  },
  30 * minuteMs,
);
