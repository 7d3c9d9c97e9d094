// P4. A node was away with many invoices open, and some of them were paid meanwhile. Until the last
// of those has been told to Shopify: how long it takes from the node's return, and how many calls
// the node sees. The other way of coming back is to ask the node for each open invoice in turn.
import { setTimeout as pause } from 'node:timers/promises';
import { openConnection } from '../../web/lightning/connection.ts';
import { judged, oursOf, peerOf, ratioOf, type Bench, type Run } from './bench.ts';
import { sharedMs } from './machine.ts';
import { hashOf, preimageOf } from './node-double.ts';
import { estimate, measurePairs, type Leg } from './pairs.ts';
import { pinnedAt } from './peer-node.ts';
import {
  addShop,
  fillOpen,
  openPlace,
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

type Rig = {
  run: Run;
  outside: Outside;
  place: Place;
  open: number;
  share: number;
  awayMs: number;
};

const lot = 'recovery';
let settledSoFar = 0;

const sum = (calls: Record<string, number>): number =>
  Object.values(calls).reduce((all, each) => all + each, 0);

async function callsBy(rig: Rig): Promise<Record<string, number>> {
  return rig.outside.nodes.ask<Record<string, number>>('calls', 0);
}

/** Which calls there were more of. */
const more = (after: Record<string, number>, before: Record<string, number>) =>
  Object.fromEntries(
    Object.entries(after)
      .map(([name, count]) => [name, count - (before[name] ?? 0)] as const)
      .filter(([, count]) => count > 0),
  );

let lastCalls: Record<string, number> = {};

async function comeBack(rig: Rig): Promise<Leg> {
  const { outside, place, run } = rig;
  const paid = Math.max(1, Math.round(rig.open * rig.share));
  await outside.nodes.ask('away', 0);
  await pause(rig.awayMs / 2);
  const due = Array.from({ length: paid }, (_, n) => ({
    ...{ at: 0, lot, n: settledSoFar + n + 1, inMs: 0 },
  }));
  settledSoFar += paid;
  await outside.nodes.ask('settle', due);
  await pause(rig.awayMs / 2);
  await outside.shop.ask('told');
  const before = await callsBy(rig);
  const backAt = await outside.nodes.ask<number>('back', 0);
  await until(
    'the last verdict is stored',
    async () => {
      const [row] = await place.sql<{ left: number }>(
        `select ($1 - count(*))::int as left from payment where state = 'resolved'`,
        [settledSoFar],
      );
      return (row?.left ?? 1) <= 0;
    },
    180_000,
  );
  const tookMs = sharedMs() - backAt;
  lastCalls = more(await callsBy(rig), before);
  const told = await outside.shop.ask<Told>('told');
  const lastToldMs = Math.max(...Object.values(told.at)) - backAt;
  run.say(`  ${String(paid)} of ${String(rig.open)}: ${JSON.stringify(lastCalls)}`);
  await streamsAreWhole(place, 1);
  const allowed = 3 + paid / 1_000;
  return {
    ms: tookMs,
    toldMs: lastToldMs,
    calls: sum(lastCalls),
    callsOfAllowed: sum(lastCalls) / allowed,
  };
}

/** Asks for some of them one after the other; for all of them it takes as many times as long. */
async function pollEach(rig: Rig, sample: number): Promise<Leg> {
  const [node] = rig.outside.made;
  if (node === undefined) throw new Error('there is no node');
  const { address, certificatePem, macaroonHex } = node;
  const connection = openConnection({ pinned: pinnedAt(address), certificatePem, macaroonHex });
  try {
    await connection.getInfo();
    const startedAt = sharedMs();
    for (let n = 0; n < sample; n += 1) {
      await connection.lookupInvoice(hashOf(preimageOf(lot, rig.open - n)));
    }
    return { ms: ((sharedMs() - startedAt) * rig.open) / sample, calls: rig.open };
  } finally {
    connection.close();
  }
}

async function prepare(rig: Omit<Rig, 'place'>, place: Place): Promise<void> {
  const [node] = rig.outside.made;
  if (node === undefined) throw new Error('there is no node');
  const shop: BenchShop = await addShop(place, { domain: 'shop.myshopify.com', node, cursor: 1 });
  await rig.outside.nodes.ask('open', { at: 0, lot: 'first', count: 1 });
  // The cursor stands behind a settle that was recorded once.
  await rig.outside.nodes.ask('settle', [{ at: 0, lot: 'first', n: 1, inMs: 0 }]);
  await rig.outside.nodes.ask('open', { at: 0, lot, count: rig.open });
  await fillOpen(place, { shop, lot, count: rig.open });
  await place.sql('vacuum analyze');
}

export const recovery: Bench = {
  name: 'recovery',
  about: 'a node that was away with many invoices open, beside asking it for each of them',
  run: async (run) => {
    const postgres = await startPostgres();
    const outside = await startOutside({ nodes: 1 });
    const url = await postgres.database();
    const place = await openPlace({ url, dir: postgres.dir, origin: outside.origin });
    const open = 100_000;
    const rig: Rig = { run, outside, place, open, share: 0.01, awayMs: run.full ? 60_000 : 3_000 };
    await prepare(rig, place);
    const worker = startOurs('worker.ts', place);
    try {
      await streamsAreWhole(place, 1);
      const { seed, say, restless, onlyPairs } = run;
      const found = await measurePairs({
        ...{ ours: () => comeBack(rig), peer: () => pollEach(rig, 300), figure: 'ms' },
        ...{ seed, say, restless, onlyPairs, withinMs: 70_000 },
      });
      const faster = estimate(
        found.pairs.map(({ ours, peer }) => (peer['ms'] ?? 0) / (ours['ms'] ?? 1)),
        seed,
      );
      return {
        ...{ figure: 'from the return to the last verdict', unit: 'ms', judged: 'ratio' },
        ...{ ours: oursOf(found, 'ms', seed).value, peer: peerOf(found, 'ms', seed).value },
        ...{ ratio: ratioOf(found, 'ms', seed), must: 1 / 50, aim: 1 / 200 },
        bars: [
          judged('times as fast as asking for each', faster, {
            ...{ way: 'at_least', must: 50, aim: 200 },
          }),
          judged(
            'calls, to 3 and one for each 1,000 settled',
            oursOf(found, 'callsOfAllowed', seed),
            {
              ...{ way: 'at_most', must: 1 },
            },
          ),
        ],
        ...{ pairs: found.pairs.length, voidPairs: found.voidPairs, unsound: found.unsound },
        postgres: postgres.version,
        more: {
          ...{ open, settledEach: Math.round(open * rig.share), awayMs: rig.awayMs },
          ...{ calls: oursOf(found, 'calls', seed).value, callsOfLast: lastCalls },
          peerIs: '300 lookups one after the other, times open/300',
        },
      };
    } finally {
      await worker.stop();
      await place.close();
      await outside.close();
      await postgres.close();
    }
  },
};
