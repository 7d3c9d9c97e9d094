// P6. Many merchants' nodes on one process, each with a stream of its own over TLS: what one costs
// in memory beside bare gRPC, and what the healthy ones notice when one in a hundred hangs and one
// in a hundred comes and goes.
import { setTimeout as pause } from 'node:timers/promises';
import { judged, oursOf, peerOf, ratioOf, type Bench, type Run } from './bench.ts';
import { startChild, type Child } from './child.ts';
import { sharedMs } from './machine.ts';
import { poissonMs, type NodeMade } from './node-double.ts';
import { measurePairs, quantile, type Leg } from './pairs.ts';
import { addShop, openPlace, startPostgres, streamsAreWhole, until, type Place } from './rig.ts';

type Rig = { run: Run; place: Place; doubles: Child; made: NodeMade[]; count: number };
let lots = 0;
const flags = ['--expose-gc'];

/** One event after the other on healthy nodes, and how long each took to be heard. */
async function eventsP99(rig: Rig, child: Child, healthy: readonly number[]): Promise<number> {
  const { doubles, run } = rig;
  lots += 1;
  const events = run.full ? 5_000 : 400;
  const used = healthy.slice(0, 50);
  const each = Math.ceil(events / used.length);
  const lot = `fanout${String(lots)}`;
  for (const at of used)
    await doubles.ask('open', { at, lot: `${lot}n${String(at)}`, count: each });
  const moments = poissonMs({ perSecond: 150, count: events, seed: run.seed + lots });
  const due = moments.map((inMs, i) => {
    const at = used[i % used.length] ?? 0;
    return { at, lot: `${lot}n${String(at)}`, n: Math.floor(i / used.length) + 1, inMs };
  });
  await child.ask('heard');
  const settledAt = await doubles.ask<Record<string, number>>('settle', due);
  await pause(1_000);
  const heard = await child.ask<Record<string, number>>('heard');
  const waits = Object.entries(settledAt).map(([hash, at]) => (heard[hash] ?? Number.NaN) - at);
  const missed = waits.filter(Number.isNaN).length;
  if (missed > 0) throw new Error(`${String(missed)} of ${String(waits.length)} were not heard`);
  return quantile(waits, 0.99);
}

/** One in a hundred hangs and one in a hundred comes and goes, while the others are measured. */
async function withTrouble(rig: Rig, child: Child): Promise<number> {
  const { doubles, count } = rig;
  const ill = Math.max(1, Math.round(count / 100));
  const [hanging, flapping] = [0, ill].map((from) =>
    Array.from({ length: ill }, (_, n) => from + n),
  );
  const healthy = Array.from({ length: count - 2 * ill }, (_, n) => 2 * ill + n);
  for (const at of hanging ?? []) await doubles.ask('freeze', at);
  let over = false;
  const flap = async (at: number): Promise<void> => {
    while (!over) {
      await doubles.ask('away', at);
      await pause(rig.run.full ? 5_000 : 500);
      await doubles.ask('back', at);
      await pause(rig.run.full ? 5_000 : 500);
    }
  };
  const flaps = (flapping ?? []).map(flap);
  try {
    return await eventsP99(rig, child, healthy);
  } finally {
    over = true;
    await Promise.all(flaps);
    for (const at of hanging ?? []) await doubles.ask('thaw', at);
  }
}

/** So many are open before the memory is looked at for the first time: what all share is there. */
const first = 10;
const restMs = 1_500;

/** Opens the streams of some more nodes, and gives what the process then holds. */
async function opened(
  { place, made, doubles }: Rig,
  child: Child,
  about: { how: 'ours' | 'bare'; from: number; to: number },
): Promise<{ bytes: number; openMs: number }> {
  const { how, from, to } = about;
  const startedAt = sharedMs();
  if (how === 'bare') await child.ask('bare', made.slice(from, to));
  else {
    await place.sql(
      `update node set retired_at = null where id in (select id from node order by id limit $1)`,
      [to],
    );
    if (from === 0) await child.ask('begin', place.env);
  }
  await until('all streams are open', async () => (await doubles.ask<number>('streams')) >= to);
  const openMs = sharedMs() - startedAt;
  if (how === 'ours') await streamsAreWhole(place, to);
  await pause(restMs);
  return { bytes: await child.ask<number>('resident'), openMs };
}

async function leg(rig: Rig, how: 'ours' | 'bare'): Promise<Leg> {
  const { place, count, doubles } = rig;
  const child = startChild('fanout-under-test.ts', { execArgv: flags });
  try {
    await place.sql(`update node set stream_whole_since = null, stream_holder = null,
      stream_lease_until = null, trouble = null, retired_at = now()`);
    const before = await opened(rig, child, { how, from: 0, to: first });
    const after = await opened(rig, child, { how, from: first, to: count });
    const bytes = (after.bytes - before.bytes) / (count - first);
    const { openMs } = after;
    const all = Array.from({ length: count }, (_, at) => at);
    const calm = await eventsP99(rig, child, all);
    return { bytes, openMs, calmP99: calm, moved: (await withTrouble(rig, child)) / calm };
  } finally {
    await child.stop();
    await until('all streams are closed', async () => (await doubles.ask<number>('streams')) === 0);
  }
}

export const fanout: Bench = {
  name: 'fanout',
  about: 'many nodes followed by one process, beside bare gRPC streams',
  run: async (run) => {
    const count = run.full ? 1_000 : 100;
    const postgres = await startPostgres();
    const doubles = startChild('node-double.ts');
    const made = await doubles.ask<NodeMade[]>('start', { count, latencyMs: 5 });
    const url = await postgres.database();
    const place = await openPlace({ url, dir: postgres.dir, origin: 'http://127.0.0.1:9' });
    try {
      for (const [n, node] of made.entries()) {
        await addShop(place, { domain: `shop${String(n)}.myshopify.com`, node, cursor: 1 });
      }
      const rig: Rig = { run, place, doubles, made, count };
      const { seed, say, restless, onlyPairs } = run;
      const found = await measurePairs({
        ...{ ours: () => leg(rig, 'ours'), peer: () => leg(rig, 'bare'), figure: 'bytes' },
        ...{ seed, say, restless, onlyPairs, withinMs: 60_000 },
      });
      const our = (figure: string) => oursOf(found, figure, seed);
      const ratio = ratioOf(found, 'bytes', seed);
      return {
        ...{ figure: 'resident bytes of a node', unit: 'B', judged: 'ratio', must: 1.3, aim: null },
        ...{ ours: our('bytes').value, peer: peerOf(found, 'bytes', seed).value, ratio },
        bars: [
          judged('memory of a node, to bare gRPC', ratio, { way: 'at_most', must: 1.3 }),
          judged('the healthy ones’ p99 in trouble, to calm', our('moved'), {
            ...{ way: 'at_most', must: 1.1 },
          }),
          judged('until all are open, ms', our('openMs'), { way: 'at_most', must: 5_000 }),
        ],
        ...{ pairs: found.pairs.length, voidPairs: found.voidPairs, unsound: found.unsound },
        postgres: postgres.version,
        more: {
          nodes: count,
          calmP99: [our('calmP99').value, peerOf(found, 'calmP99', seed).value],
          movedOfPeer: peerOf(found, 'moved', seed).value,
        },
      };
    } finally {
      await doubles.stop();
      await place.close();
      await postgres.close();
    }
  },
};
