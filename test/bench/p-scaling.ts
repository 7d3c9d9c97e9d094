// P3. What more at once brings. (a) Steps that only wait for the outside, 50 ms each: sixteen at
// once beside one at a time, through the whole pool with its queue and its turns. (b) Settlements
// that only write: four processes with our statement, beside the least that can be done in SQL.
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { nudge, shopLane } from '../../web/db/lanes.ts';
import type { Step } from '../../web/flows/flow.ts';
import { startPool } from '../../web/worker/pool.ts';
import { judged, oursOf, peerOf, ratioOf, type Bench, type Run } from './bench.ts';
import { startChild, type Child } from './child.ts';
import { sharedMs } from './machine.ts';
import type { NodeMade } from './node-double.ts';
import { estimate, measurePairs, type Estimate, type Leg, type Measured } from './pairs.ts';
import {
  addShop,
  fillOpen,
  openPlace,
  startPostgres,
  until,
  type BenchShop,
  type Place,
  type Postgres,
} from './rig.ts';
import type { Writing } from './settle-writer.ts';

const stepMs = 50;
let lots = 0;
const nobody: NodeMade = {
  ...{ identity: '02'.repeat(33), address: '127.0.0.1:1', certificatePem: '', macaroonHex: '' },
};

/** So many steps at so many at once: milliseconds for each, from the nudge to the last. */
async function inOutside(
  about: { place: Place; shop: BenchShop },
  of: { width: number; steps: number },
): Promise<number> {
  const { place, shop } = about;
  let done = 0;
  let now = 0;
  const step: Step = async () => {
    now += 1;
    if (now > of.width) throw new Error(`${String(now)} at once, and not ${String(of.width)}`);
    await pause(stepMs);
    now -= 1;
    done += 1;
    return { dueInMs: undefined, attempt: false };
  };
  const pool = startPool(place.wired.deps, {
    turns: { stepOf: () => step, width: () => of.width },
    listener: false,
  });
  try {
    await pool.ready;
    await place.sql(
      `update payment set due_at = now(), lease_until = null where id = any(array(
         select id from payment where shop_id = $1 limit $2))`,
      [shop.id, of.steps],
    );
    const startedAt = sharedMs();
    await nudge(place.wired.db.pool, [shopLane(shop.id)]);
    await until('all steps are done', () => done >= of.steps);
    return (sharedMs() - startedAt) / of.steps;
  } finally {
    await pool.stop();
  }
}

async function measureOutside(run: Run, place: Place, shop: BenchShop) {
  const seconds = run.full ? 60 : 2.5;
  const at = (width: number) => async (): Promise<Leg> => {
    const steps = Math.round((width * seconds * 1_000) / stepMs);
    return { ms: await inOutside({ place, shop }, { width, steps }) };
  };
  const { seed, say, restless, onlyPairs } = run;
  const plan = { figure: 'ms', seed, say, restless, onlyPairs, withinMs: 45_000 };
  const found = await measurePairs({ ...plan, ours: at(16), peer: at(1) });
  const curve: Record<string, number> = {};
  const alone = peerOf(found, 'ms', seed).value;
  for (const width of [2, 4, 8]) curve[String(width)] = alone / ((await at(width)())['ms'] ?? 1);
  return { found, curve };
}

/** How many times as fast ours is, pair by pair. */
const speedUp = (found: Measured, seed: number): Estimate =>
  estimate(
    found.pairs.map(({ ours, peer }) => (peer['ms'] ?? 0) / (ours['ms'] ?? 1)),
    seed,
  );

type Writers = { run: Run; place: Place; shops: BenchShop[]; children: Child[]; least: string };

/** Settlements a second, of so many processes at once. */
async function written(at: Writers, how: Writing['how'], processes: number): Promise<number> {
  const { run, place, shops, children } = at;
  const each = (run.full ? 200_000 : 6_000) / processes;
  lots += 1;
  const used = children.slice(0, processes);
  for (const [n, child] of used.entries()) {
    const shop = shops[n];
    if (shop === undefined) continue;
    const lot = `scaling${String(lots)}p${String(n)}`;
    if (how !== 'least') await fillOpen(place, { shop, lot, count: each });
    const url = how === 'least' ? at.least : place.url;
    const { id: shopId, nodeId } = shop;
    await child.ask('prepare', { how, url, nodeId, shopId, lot, count: each } satisfies Writing);
  }
  if (how !== 'least') await place.sql('vacuum analyze payment, invoice, quote, history, posting');
  const startedAt = sharedMs();
  await Promise.all(used.map((child) => child.ask('write')));
  return (1_000 * each * processes) / (sharedMs() - startedAt);
}

async function measureWriting(at: Writers, refill: () => Promise<void>) {
  const { seed, say, restless, onlyPairs } = at.run;
  const found = await measurePairs({
    ours: async () => ({ perSecond: await written(at, 'ours', 4) }),
    peer: async () => {
      await refill();
      const perSecond = await written(at, 'least', 4);
      return { perSecond, sameRows: await written(at, 'same_rows', 4) };
    },
    ...{ figure: 'perSecond', seed, say, restless, onlyPairs, withinMs: 45_000 },
  });
  const curve = {
    1: await written(at, 'ours', 1),
    2: await written(at, 'ours', 2),
  };
  return { found, curve };
}

async function prepared(run: Run, postgres: Postgres, place: Place) {
  const shops: BenchShop[] = [];
  for (let n = 0; n < 4; n += 1) {
    shops.push(await addShop(place, { domain: `shop${String(n)}.myshopify.com`, node: nobody }));
  }
  await place.sql(`update node set stream_holder = 'bench', stream_lease_no = 1,
    stream_lease_until = now() + interval '1 day'`);
  const least = await postgres.database({ empty: true });
  const other = await openPlain(least);
  await other.query(`create table peer_settle (id bigint primary key, state int not null default 0,
    settled_at timestamptz)`);
  await other.query('create index on peer_settle (id) where state = 0');
  await other.query('create table peer_outbox (id bigint primary key)');
  const count = run.full ? 200_000 : 6_000;
  const refill = async (): Promise<void> => {
    await other.query('truncate peer_settle, peer_outbox');
    await other.query('insert into peer_settle (id) select n from generate_series(1, $1::int) n', [
      count,
    ]);
    await other.query('vacuum analyze peer_settle');
  };
  return { shops, least, refill, other };
}

async function openPlain(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return client;
}

export const scaling: Bench = {
  name: 'scaling',
  about: 'sixteen steps at once beside one, and four processes beside the least SQL',
  run: async (run) => {
    const postgres = await startPostgres();
    const url = await postgres.database();
    const place = await openPlace({ url, dir: postgres.dir, origin: 'http://127.0.0.1:9' });
    const { shops, least, refill, other } = await prepared(run, postgres, place);
    const children = shops.map(() => startChild('settle-writer.ts'));
    try {
      const [shop] = shops;
      if (shop === undefined) throw new Error('there is no shop');
      await fillOpen(place, { shop, lot: 'steps', count: run.full ? 20_000 : 2_000 });
      // Only the shop's lane has something to do.
      await place.sql('update invoice set due_at = null');
      await place.sql('vacuum analyze');
      const outside = await measureOutside(run, place, shop);
      const writing = await measureWriting({ run, place, shops, children, least }, refill);
      const { seed } = run;
      const faster = speedUp(outside.found, seed);
      const ofCeiling = ratioOf(writing.found, 'perSecond', seed);
      return {
        ...{ figure: 'speed-up of 16 at once', unit: 'times', judged: 'ratio' },
        ...{ ours: oursOf(outside.found, 'ms', seed).value },
        ...{ peer: peerOf(outside.found, 'ms', seed).value, ratio: faster },
        ...{ must: 14.4, aim: 15.2 },
        bars: [
          judged('speed-up of 16 at once', faster, { way: 'at_least', must: 14.4, aim: 15.2 }),
          judged('4 processes, as a part of the SQL ceiling', ofCeiling, {
            ...{ way: 'at_least', must: 0.6, aim: 0.85 },
          }),
        ],
        pairs: Math.min(outside.found.pairs.length, writing.found.pairs.length),
        voidPairs: outside.found.voidPairs + writing.found.voidPairs,
        unsound: outside.found.unsound || writing.found.unsound,
        postgres: postgres.version,
        more: {
          speedUps: { ...outside.curve, 16: faster.value },
          settlementsPerSecond: {
            ...writing.curve,
            4: oursOf(writing.found, 'perSecond', seed).value,
            ceilingAt4: peerOf(writing.found, 'perSecond', seed).value,
            sameRowsPlainlyAt4: peerOf(writing.found, 'sameRows', seed).value,
          },
        },
      };
    } finally {
      await Promise.all(children.map((child) => child.stop()));
      await other.end();
      await place.close();
      await postgres.close();
    }
  },
};
