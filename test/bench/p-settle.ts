// P2. From the node's event to Shopify's call: what we add to what cannot be avoided. Neither side
// adds a delay in between, so that all of it is overhead: the stream, one commit, the hand-over.
import { hashOf, poissonMs, preimageOf } from './node-double.ts';
import { exactly, judged, oursOf, peerOf, ratioOf, type Bench, type Run } from './bench.ts';
import { startChild, type Child } from './child.ts';
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

type Rig = { outside: Outside; run: Run; shops: number; perSecond: number; seconds: number };
type Fill = (lot: string, count: number) => Promise<void>;

let legs = 0;

/** One leg: settles at random moments on nodes from `first` on, and when Shopify heard of each. */
async function leg(rig: Rig, about: { first: number; fill: Fill }): Promise<Leg> {
  const { outside, run, shops, perSecond, seconds } = rig;
  legs += 1;
  const lots = Array.from({ length: shops }, (_, at) => `leg${String(legs)}s${String(at)}`);
  const count = perSecond * seconds;
  const each = Math.ceil(count / shops);
  for (const [at, lot] of lots.entries()) {
    await outside.nodes.ask('open', { at: about.first + at, lot, count: each });
    await about.fill(lot, each);
  }
  const moments = poissonMs({ perSecond, count, seed: run.seed + legs });
  const due = moments.map((inMs, i) => {
    const at = i % shops;
    return { at: about.first + at, lot: lots[at] ?? '', n: Math.floor(i / shops) + 1, inMs };
  });
  await outside.shop.ask('told');
  const settledAt = await outside.nodes.ask<Record<string, number>>('settle', due);
  await until('Shopify was told of all', async () => {
    return (await outside.shop.ask<number>('count')) >= count;
  });
  const told = await outside.shop.ask<Told>('told');
  const overheads = due.map(({ lot, n }) => {
    const at = settledAt[hashOf(preimageOf(lot, n))] ?? Number.NaN;
    return (told.at[sessionOf(lot, n)] ?? Number.NaN) - at;
  });
  const calls = told.calls / count;
  return { p50: quantile(overheads, 0.5), p99: quantile(overheads, 0.99), calls };
}

async function startPeer(how: 'bare' | 'jobs', about: { rig: Rig; url: string }): Promise<Child> {
  const { outside, shops } = about.rig;
  const peer = startChild('settle-peer.ts');
  const first = how === 'bare' ? shops : 2 * shops;
  const nodes = outside.made.slice(first, first + shops);
  await peer.ask('start', { how, url: about.url, origin: outside.origin, nodes });
  return peer;
}

/** The figures of the two peers side by side, those of the second with its name. */
const together = (bare: Leg, jobs: Leg): Leg => ({
  ...bare,
  ...Object.fromEntries(Object.entries(jobs).map(([name, value]) => [`jobs ${name}`, value])),
});

async function measured(
  rig: Rig,
  sides: { place: Place; shopRows: BenchShop[]; bare: Child; jobs: Child },
) {
  const { place, shopRows, bare, jobs } = sides;
  const { run, shops } = rig;
  const ours = (): Promise<Leg> => {
    let at = 0;
    return leg(rig, {
      first: 0,
      fill: async (lot, count) => {
        const shop = shopRows[at];
        at += 1;
        if (shop !== undefined) await fillOpen(place, { shop, lot, count });
        if (at === shops) await place.sql('vacuum analyze payment, invoice, quote');
      },
    });
  };
  const peerFill =
    (child: Child): Fill =>
    (lot, count) =>
      child.ask('fill', { lot, count });
  const peer = async (): Promise<Leg> =>
    together(
      await leg(rig, { first: shops, fill: peerFill(bare) }),
      await leg(rig, { first: 2 * shops, fill: peerFill(jobs) }),
    );
  run.say('warming up');
  await ours();
  await peer();
  const { seed, say, restless, onlyPairs } = run;
  return measurePairs({
    ours,
    peer,
    figure: 'p50',
    seed,
    say,
    restless,
    onlyPairs,
    withinMs: 90_000,
  });
}

export const settle: Bench = {
  name: 'settle',
  about:
    'from the node’s event to Shopify’s call, beside the bare three steps and beside ' +
    'graphile-worker with one job for each telling',
  run: async (run) => {
    const shops = run.full ? 20 : 10;
    const postgres = await startPostgres();
    const outside = await startOutside({ nodes: 3 * shops });
    const rig: Rig = { outside, run, shops, perSecond: 100, seconds: run.full ? 60 : 4 };
    const url = await postgres.database();
    const place = await openPlace({ url, dir: postgres.dir, origin: outside.origin });
    const shopRows: BenchShop[] = [];
    for (const [n, node] of outside.made.slice(0, shops).entries()) {
      shopRows.push(await addShop(place, { domain: `shop${String(n)}.myshopify.com`, node }));
    }
    const worker = startOurs('worker.ts', place);
    const peers: Child[] = [];
    try {
      const bare = await startPeer('bare', { rig, url: await postgres.database() });
      const jobs = await startPeer('jobs', { rig, url: await postgres.database({ empty: true }) });
      peers.push(bare, jobs);
      await streamsAreWhole(place, shops);
      const found = await measured(rig, { place, shopRows, bare, jobs });
      const { seed } = run;
      const [p50, p99] = [oursOf(found, 'p50', seed), oursOf(found, 'p99', seed)];
      const toJobs = {
        ...found,
        pairs: found.pairs.map(({ ours, peer }) => ({
          ours,
          peer: { p50: peer['jobs p50'] ?? 0 },
        })),
      };
      const mostCalls = Math.max(...found.pairs.map(({ ours }) => ours['calls'] ?? 0));
      const ratio = ratioOf(found, 'p50', seed);
      return {
        ...{ figure: 'overhead p99', unit: 'ms', judged: 'ours', must: 25, aim: 12 },
        ...{ ours: p99.value, peer: peerOf(found, 'p99', seed).value, ratio },
        bars: [
          judged('overhead p50, ms', p50, { way: 'at_most', must: 5 }),
          judged('overhead p99, ms', p99, { way: 'at_most', must: 25, aim: 12 }),
          judged('p50 to the bare three steps', ratio, { way: 'at_most', must: 1.25 }),
          judged('p50 to one job each', ratioOf(toJobs, 'p50', seed), {
            ...{ way: 'at_most', must: 0.5 },
          }),
          judged('calls to Shopify of each', exactly(mostCalls), { way: 'at_most', must: 1 }),
        ],
        ...{ pairs: found.pairs.length, voidPairs: found.voidPairs, unsound: found.unsound },
        postgres: postgres.version,
        more: {
          bareP50: peerOf(found, 'p50', seed).value,
          oursP50: p50.value,
          jobsP50: peerOf(found, 'jobs p50', seed).value,
          jobsP99: peerOf(found, 'jobs p99', seed).value,
        },
      };
    } finally {
      await worker.stop();
      await Promise.all(peers.map((peer) => peer.stop()));
      await place.close();
      await outside.close();
      await postgres.close();
    }
  },
};
