// What happens around the buyers: the merchant's node stops and starts, our processes are killed.
// It goes by payments, so that a slow machine has as much of it; a node stands no longer than
// half a minute. All that is drawn comes from the seed.
import { setTimeout as pause } from 'node:timers/promises';
import type { Network } from '../../scripts/real-nodes.ts';
import type { Draws } from '../storm/draws.ts';
import { until, type Process, type World } from '../world.ts';

export type Weather = { restarts: number; kills: number; doorKills: number };
/** `paid`: how many buyers are through. `over`: the last of them is. */
export type Progress = { paid: number; over: boolean };

const nodeStandsMs = 30_000;
const hoursMs = 4 * 60 * 60_000;

type Around = { world: World; network: Network; draws: Draws; progress: Progress };

/** False: it is all over. */
const whenPaid = async (progress: Progress, paid: number, orMs = hoursMs): Promise<boolean> => {
  const end = Date.now() + orMs;
  const isTime = (): boolean => progress.over || progress.paid >= paid || Date.now() > end;
  await until('the next stroke', isTime, hoursMs);
  return !progress.over;
};

/** In order and by SIGKILL in turns. Away for as long as is drawn. */
async function nodeFalls({ network, draws, progress }: Around, weather: Weather): Promise<void> {
  const { alice } = network;
  while (await whenPaid(progress, progress.paid + 30 + draws.below(50), nodeStandsMs)) {
    await (weather.restarts % 2 === 0 ? alice.stop() : alice.kill9());
    await pause(draws.between(0, 2_000));
    await alice.restart();
    weather.restarts += 1;
  }
}

/** Nobody but us ends a process. */
function stands(process: Process | undefined): void {
  if (process?.isAlive() === true) return;
  throw new Error(`it ended by itself: ${process?.output().slice(-2_000) ?? ''}`);
}

/** One pool, in its own time: sometimes the others are down with it. */
async function poolFalls(around: Around, at: number, weather: Weather): Promise<void> {
  const { world, progress } = around;
  const draws = around.draws.branch(`pool ${String(at)}`);
  while (await whenPaid(progress, progress.paid + 15 + draws.below(90))) {
    await pause(draws.between(0, 500));
    stands(world.pools[at]);
    await world.pools[at]?.kill('SIGKILL');
    await pause(draws.between(0, 3_000));
    world.pools[at] = world.startPool();
    weather.kills += 1;
  }
}

async function doorsFall(around: Around, weather: Weather): Promise<void> {
  const { world, progress } = around;
  const draws = around.draws.branch('doors');
  while (await whenPaid(progress, progress.paid + 100 + draws.below(200))) {
    await pause(draws.between(0, 500));
    stands(world.doors);
    await world.doors.kill('SIGKILL');
    world.doors = await world.startDoors();
    weather.doorKills += 1;
  }
}

/** Until `progress.over`; then everything is up again. */
export async function storm(around: Around): Promise<Weather> {
  const weather: Weather = { restarts: 0, kills: 0, doorKills: 0 };
  await Promise.all([
    nodeFalls({ ...around, draws: around.draws.branch('node') }, weather),
    ...around.world.pools.map((_pool, at) => poolFalls(around, at, weather)),
    doorsFall(around, weather),
  ]);
  return weather;
}
