// P5. What an open invoice costs in memory while nothing happens: the slope of what the pool's
// process holds, beside a process that keeps them in a map.
import { setTimeout as pause } from 'node:timers/promises';
import { judged, oursOf, peerOf, ratioOf, type Bench, type Run } from './bench.ts';
import { startChild } from './child.ts';
import { measurePairs, type Leg } from './pairs.ts';
import {
  addShop,
  fillOpen,
  openPlace,
  startOutside,
  startPostgres,
  streamsAreWhole,
  type Outside,
  type Place,
  type Postgres,
} from './rig.ts';

/** The least-squares slope through the points. */
export function slopeOf(points: readonly (readonly [x: number, y: number])[]): number {
  const mean = (of: (point: readonly [number, number]) => number): number =>
    points.reduce((sum, point) => sum + of(point), 0) / points.length;
  const [meanX, meanY] = [mean(([x]) => x), mean(([, y]) => y)];
  const over = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  const under = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  return under === 0 ? 0 : over / under;
}

type Sized = { open: number; place: Place };

async function sized(
  about: { postgres: Postgres; outside: Outside },
  of: { at: number; open: number },
): Promise<Sized> {
  const { postgres, outside } = about;
  const url = await postgres.database();
  const place = await openPlace({ url, dir: postgres.dir, origin: outside.origin });
  const node = outside.made[of.at];
  if (node === undefined) throw new Error('there is no node');
  const domain = 'shop.myshopify.com';
  const shop = await addShop(place, { domain, node, cursor: 1 });
  const lot = `memory${String(of.at)}`;
  // The cursor stands behind a settle that was recorded once.
  const first = `first${String(of.at)}`;
  await outside.nodes.ask('open', { at: of.at, lot: first, count: 1 });
  await outside.nodes.ask('settle', [{ at: of.at, lot: first, n: 1, inMs: 0 }]);
  await outside.nodes.ask('open', { at: of.at, lot, count: of.open });
  if (of.open > 0) await fillOpen(place, { shop, lot, count: of.open });
  // Idle: what is looked at costs while it is looked at, which is another figure.
  await place.sql(`update invoice set due_at = now() + interval '1 day'`);
  await place.sql('vacuum analyze');
  return { open: of.open, place };
}

const flags = ['--expose-gc'];

async function residentOfPool({ place }: Sized, idleMs: number): Promise<number> {
  const pool = startChild('pool-under-test.ts', { execArgv: flags });
  try {
    await place.sql('update node set stream_whole_since = null');
    await pool.ask('start', place.env);
    await streamsAreWhole(place, 1);
    await pause(idleMs);
    return await pool.ask<number>('resident');
  } finally {
    await pool.stop();
  }
}

async function residentOfMap(count: number): Promise<number> {
  const child = startChild('map-peer.ts', { execArgv: flags });
  try {
    await child.ask('fill', count);
    return await child.ask<number>('resident');
  } finally {
    await child.stop();
  }
}

async function measured(run: Run, sizes: readonly Sized[]) {
  const slope = async (resident: (of: Sized) => Promise<number>): Promise<Leg> => {
    const points: [number, number][] = [];
    for (const each of sizes) points.push([each.open, await resident(each)]);
    const base = points.find(([open]) => open === 0)?.[1] ?? 0;
    return { perInvoice: slopeOf(points), base };
  };
  const { seed, say, restless, onlyPairs } = run;
  const idleMs = run.full ? 60_000 : 1_500;
  return measurePairs({
    ours: () => slope((each) => residentOfPool(each, idleMs)),
    peer: () => slope(({ open }) => residentOfMap(open)),
    ...{ figure: 'perInvoice', seed, say, restless, onlyPairs, withinMs: 60_000 },
    // The difference of two processes that differ by a megabyte or two: no ratio is narrow.
    most: 9,
  });
}

export const memory: Bench = {
  name: 'memory',
  about: 'what an open invoice costs in memory, beside a map of them',
  run: async (run) => {
    const postgres = await startPostgres();
    const counts = run.full ? [0, 10_000, 100_000] : [0, 100_000];
    const outside = await startOutside({ nodes: counts.length });
    const sizes: Sized[] = [];
    try {
      for (const [at, open] of counts.entries()) {
        sizes.push(await sized({ postgres, outside }, { at, open }));
      }
      const found = await measured(run, sizes);
      const { seed } = run;
      const ours = oursOf(found, 'perInvoice', seed);
      return {
        ...{ figure: 'resident bytes per open invoice', unit: 'B', judged: 'ours' },
        ...{ ours: ours.value, peer: peerOf(found, 'perInvoice', seed).value },
        ...{ ratio: ratioOf(found, 'perInvoice', seed), must: 400, aim: 64 },
        bars: [judged('bytes per open invoice', ours, { way: 'at_most', must: 400, aim: 64 })],
        ...{ pairs: found.pairs.length, voidPairs: found.voidPairs, unsound: found.unsound },
        postgres: postgres.version,
        more: { counts, baseBytes: oursOf(found, 'base', seed).value },
      };
    } finally {
      for (const { place } of sizes) await place.close();
      await outside.close();
      await postgres.close();
    }
  },
};
