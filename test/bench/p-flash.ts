// P8. One shop sells out while the others sell as ever: its buyers pay in a burst, and Shopify lets
// every shop be told only so fast. The others must not notice. Beside it one queue for all, first
// come first served, by ten equal workers.
import { judged, oursOf, peerOf, ratioOf, type Bench, type Run } from './bench.ts';
import { startChild, type Child } from './child.ts';
import { hashOf, poissonMs, preimageOf } from './node-double.ts';
import { measurePairs, quantile, type Leg } from './pairs.ts';
import {
  addShop,
  fillOpen,
  openPlace,
  sessionOf,
  startOurs,
  startOutside,
  startPostgres,
  streamsAreWhole,
  until,
  type BenchShop,
  type Outside,
  type Place,
} from './rig.ts';
import type { Told } from './shop-double.ts';

type Fill = (about: { at: number; lot: string; count: number }) => Promise<void>;
/** Where the settles of a side come from, and how its payments are made known to it. */
type Side = { node: number; fill: Fill };
type Rig = { run: Run; outside: Outside; shops: number; seconds: number; burst: number };

/** Points of Shopify's Advanced plan, and what is spent on a verdict. */
const bucket = { size: 400, perSecond: 200 };
const cost = 15;
/** So much longer may the others' longest waits be. */
const mayMove = 1.5;
let legs = 0;

/** How even the shares are: 1 when all are alike. */
const jain = (shares: readonly number[]): number => {
  const sum = shares.reduce((all, each) => all + each, 0);
  const squares = shares.reduce((all, each) => all + each ** 2, 0);
  return squares === 0 ? 1 : sum ** 2 / (shares.length * squares);
};

/** The quiet shops settle one a second each; with a burst the first shop's settles come on top. */
async function sold(rig: Rig, side: Side, burst: number) {
  const { outside, run, shops, seconds } = rig;
  legs += 1;
  const lotOf = (at: number): string => `flash${String(legs)}s${String(at)}`;
  const due: { at: number; lot: string; n: number; inMs: number; shop: number }[] = [];
  for (let shop = 0; shop < shops; shop += 1) {
    const count = shop === 0 ? burst : seconds;
    if (count === 0) continue;
    const lot = lotOf(shop);
    await outside.nodes.ask('open', { at: side.node, lot, count });
    await side.fill({ at: shop, lot, count });
    const perSecond = count / seconds;
    const moments = poissonMs({ perSecond, count, seed: run.seed + legs * 1_000 + shop });
    due.push(...moments.map((inMs, i) => ({ at: side.node, lot, n: i + 1, inMs, shop })));
  }
  await outside.shop.ask('buckets', bucket);
  await outside.shop.ask('told');
  const settledAt = await outside.nodes.ask<Record<string, number>>('settle', due);
  const quiet = due.filter(({ shop }) => shop !== 0);
  await until(
    'Shopify was told of all',
    async () => (await outside.shop.ask<number>('count')) >= due.length,
    120_000,
  );
  const told = await outside.shop.ask<Told>('told');
  const waitOf = ({ lot, n }: { lot: string; n: number }): number =>
    (told.at[sessionOf(lot, n)] ?? Number.NaN) - (settledAt[hashOf(preimageOf(lot, n))] ?? 0);
  const waits = quiet.map((each) => ({ shop: each.shop, ms: waitOf(each) }));
  const first = due.filter(({ shop }) => shop === 0);
  return {
    p99: quantile(
      waits.map(({ ms }) => ms),
      0.99,
    ),
    waits,
    told,
    first,
  };
}

/** How much of what the bucket gave from the burst's first verdict to its last was spent. */
function usedOf(of: Awaited<ReturnType<typeof sold>>): number {
  const times = of.first.map(({ lot, n }) => of.told.at[sessionOf(lot, n)] ?? 0);
  const tookMs = Math.max(...times) - Math.min(...times);
  const given = bucket.size + (tookMs / 1_000) * bucket.perSecond;
  return (of.first.length * cost) / given;
}

/** What part of each quiet shop's verdicts came in time. */
const inTime = (rig: Rig, waits: readonly { shop: number; ms: number }[], ms: number): number[] =>
  Array.from({ length: rig.shops - 1 }, (_, n) => {
    const own = waits.filter(({ shop }) => shop === n + 1);
    return own.filter((each) => each.ms <= ms).length / Math.max(1, own.length);
  });

async function leg(rig: Rig, side: Side): Promise<Leg> {
  const idle = await sold(rig, side, 0);
  const sale = await sold(rig, side, rig.burst);
  const evenness = jain(inTime(rig, sale.waits, mayMove * idle.p99));
  return {
    ...{ idleP99: idle.p99, saleP99: sale.p99, moved: sale.p99 / idle.p99, jain: evenness },
    used: usedOf(sale),
    throttled: sale.told.throttled / sale.told.calls,
  };
}

async function measured(rig: Rig, sides: { ours: Side; peer: Side }) {
  const { seed, say, restless, onlyPairs } = rig.run;
  say('warming up');
  await sold(rig, sides.ours, 0);
  await sold(rig, sides.peer, 0);
  return measurePairs({
    ours: () => leg(rig, sides.ours),
    peer: () => leg(rig, sides.peer),
    ...{ figure: 'moved', seed, say, restless, onlyPairs, withinMs: 60_000 },
  });
}

const domainOf = (n: number): string => `shop${String(n)}.myshopify.com`;

async function ourSide(place: Place, outside: Outside, shops: number): Promise<Side> {
  const rows: BenchShop[] = [];
  const [node] = outside.made;
  if (node === undefined) throw new Error('there is no node');
  const first = await addShop(place, { domain: domainOf(0), node });
  rows.push(first);
  for (let n = 1; n < shops; n += 1) {
    // One stream brings the settles of all: what differs is whom Shopify must be told for.
    const shop = await addShop(place, { domain: domainOf(n), node });
    await place.sql('delete from node where id = $1', [shop.nodeId]);
    rows.push({ ...shop, nodeId: first.nodeId });
  }
  const fill: Fill = async ({ at, lot, count }) => {
    const shop = rows[at];
    if (shop !== undefined) await fillOpen(place, { shop, lot, count });
  };
  return { node: 0, fill };
}

const peerSide = (peer: Child): Side => ({
  node: 1,
  fill: ({ at, lot, count }) => peer.ask('fill', { lot, count, shop: domainOf(at) }),
});

export const flash: Bench = {
  name: 'flash',
  about: 'what other shops notice of one that sells out, beside one queue for all',
  run: async (run) => {
    const shops = run.full ? 100 : 40;
    const postgres = await startPostgres();
    const outside = await startOutside({ nodes: 2 });
    const url = await postgres.database();
    const place = await openPlace({ url, dir: postgres.dir, origin: outside.origin });
    const [seconds, burst] = run.full ? [60, 10_000] : [4, 100];
    const rig: Rig = { run, outside, shops, seconds, burst };
    const ours = await ourSide(place, outside, shops);
    const worker = startOurs('worker.ts', place);
    const peer = startChild('settle-peer.ts');
    try {
      await peer.ask('start', {
        ...{ how: 'jobs', url: await postgres.database({ empty: true }), atOnce: 10 },
        ...{ origin: outside.origin, nodes: outside.made.slice(1) },
      });
      await streamsAreWhole(place, 1);
      const found = await measured(rig, { ours, peer: peerSide(peer) });
      const { seed } = run;
      const our = (figure: string) => oursOf(found, figure, seed);
      return {
        ...{ figure: 'the others’ p99 in the sale, to their idle one', unit: 'times' },
        ...{ judged: 'ours', must: mayMove, aim: null, ours: our('moved').value },
        ...{ peer: peerOf(found, 'moved', seed).value, ratio: ratioOf(found, 'moved', seed) },
        bars: [
          judged('the others’ p99, to idle', our('moved'), { way: 'at_most', must: mayMove }),
          judged('Jain of what each of the others got in time', our('jain'), {
            way: 'at_least',
            must: 0.95,
          }),
          judged('of the bucket used', our('used'), { way: 'at_least', must: 0.95 }),
          judged('throttled', our('throttled'), { way: 'at_most', must: 0.001 }),
        ],
        ...{ pairs: found.pairs.length, voidPairs: found.voidPairs, unsound: found.unsound },
        postgres: postgres.version,
        more: {
          ...{ shops, burst, seconds, bucket },
          idleP99: [our('idleP99').value, peerOf(found, 'idleP99', seed).value],
          saleP99: [our('saleP99').value, peerOf(found, 'saleP99', seed).value],
          peerThrottled: peerOf(found, 'throttled', seed).value,
        },
      };
    } finally {
      await worker.stop();
      await peer.stop();
      await place.close();
      await outside.close();
      await postgres.close();
    }
  },
};
