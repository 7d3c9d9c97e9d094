// P9. All of it: session, page, push, payment, settling, verdict. What a checkout costs us in CPU,
// PostgreSQL included and the outside left out, and how many a second the machine can take while
// nobody waits for a second. Beside it the bare session and page servers, which settle nothing.
import { judged, oursOf, peerOf, ratioOf, type Bench, type Run } from './bench.ts';
import type { Bought, Buyers } from './buyers.ts';
import { startChild, type Child } from './child.ts';
import type { Load, Loaded } from './load.ts';
import { cpuMsOf, cpuMsOfTree } from './machine.ts';
import { sessionAsk, shops, startDoors } from './p-checkout.ts';
import { estimate, measurePairs, quantile, type Leg } from './pairs.ts';
import { startOurs, streamsAreWhole, type Ours } from './rig.ts';

type Doors = Awaited<ReturnType<typeof startDoors>>;
type Rig = {
  run: Run;
  at: Doors;
  worker: Ours;
  buyers: Child;
  wallet: string;
  /** The bare servers, their addresses and the process that asks them. */
  bare: { child: Child; sessions: string; pages: string; load: Child };
};

let legs = 0;
const shopMs = 120;

const asksOf = (count: number) => {
  legs += 1;
  return Array.from({ length: count }, (_, n) => sessionAsk(n, `whole${String(legs)}`));
};

/** So many buyers at this rate, and what they waited for. */
async function served(rig: Rig, perSecond: number, count: number) {
  const { at, run, buyers, wallet } = rig;
  const of: Buyers = {
    ...{ sessions: at.sessions, pages: at.pages, wallet, tls: at.tls, asks: asksOf(count) },
    ...{ perSecond, seed: run.seed + legs, payAfterMs: run.full ? 2_000 : 300 },
  };
  const bought = await buyers.ask<Bought>('come', of);
  const paidMs = bought.paidMs.map((ms) => ms - shopMs);
  const p99s = [bought.sessionMs, bought.pageMs, paidMs].map((each) => quantile(each, 0.99));
  return { bought, p99Ms: Math.max(...p99s), served: bought.paidMs.length };
}

async function oursLeg(rig: Rig, perSecond: number, count: number): Promise<Leg> {
  const { at, worker } = rig;
  const pids = [at.doors.pid, worker.pid];
  const used = (): number[] => [...pids.map(cpuMsOf), cpuMsOfTree(at.postgres.pid)];
  const before = used();
  const { served: all, bought, p99Ms } = await served(rig, perSecond, count);
  const [doors = 0, pool = 0, postgres = 0] = used().map((ms, n) => ms - (before[n] ?? 0));
  if (all !== count) throw new Error(`not all were served: ${JSON.stringify(bought.failed)}`);
  return {
    ...{ cpuMs: (doors + pool + postgres) / count, p99Ms, doorsMs: doors / count },
    ...{ poolMs: pool / count, postgresMs: postgres / count },
  };
}

async function bareLeg(rig: Rig, perSecond: number, count: number): Promise<Leg> {
  const { at, bare, run } = rig;
  const used = (): number => cpuMsOf(bare.child.pid) + cpuMsOfTree(at.postgres.pid);
  const before = used();
  const ask = (of: Omit<Load, 'perSecond' | 'seed'>): Promise<Loaded> =>
    bare.load.ask<Loaded>('load', { ...of, perSecond: 2 * perSecond, seed: run.seed + legs });
  const opened = await ask({ origin: bare.sessions, tls: at.tls, asks: asksOf(count) });
  const paths = opened.bodies.map((body) => /\/pay\/[\w-]+/.exec(body)?.[0] ?? '');
  await ask({ origin: bare.pages, asks: paths.map((path) => ({ method: 'GET', path })) });
  return { cpuMs: (used() - before) / count };
}

/** Raises the rate until somebody waits for a second; the last one at which nobody did. */
async function highestRate(rig: Rig): Promise<number> {
  const { run } = rig;
  const factor = run.full ? 1.1 : 1.5;
  const seconds = run.full ? 60 : 3;
  let held = 0;
  for (let perSecond = 20; perSecond < 1_500; perSecond *= factor) {
    const count = Math.round(perSecond * seconds);
    const { p99Ms, served: all } = await served(rig, perSecond, count);
    run.say(
      `  ${perSecond.toFixed(0)}/s: ${String(all)} of ${String(count)}, p99 ${p99Ms.toFixed(0)} ms`,
    );
    if (p99Ms >= 1_000 || all < count) break;
    held = perSecond;
  }
  return held;
}

async function result(rig: Rig) {
  const { run, at } = rig;
  const { seed, say, restless, onlyPairs } = run;
  const [perSecond, count] = run.full ? [100, 6_000] : [20, 60];
  await oursLeg(rig, perSecond, count);
  await bareLeg(rig, perSecond, count);
  const found = await measurePairs({
    ours: () => oursLeg(rig, perSecond, count),
    peer: () => bareLeg(rig, perSecond, count),
    ...{ figure: 'cpuMs', seed, say, restless, onlyPairs, withinMs: 60_000 },
  });
  const rates = [await highestRate(rig), await highestRate(rig), await highestRate(rig)];
  const rate = estimate(rates, seed);
  const cpu = oursOf(found, 'cpuMs', seed);
  return {
    ...{ figure: 'CPU of ours per checkout', unit: 'ms', judged: 'ours' as const },
    ...{ ours: cpu.value, peer: peerOf(found, 'cpuMs', seed).value, must: 3, aim: 1.5 },
    ratio: ratioOf(found, 'cpuMs', seed),
    bars: [
      judged('CPU per checkout, ms', cpu, { way: 'at_most', must: 3, aim: 1.5 }),
      judged('checkouts a second with p99 under 1 s', rate, {
        ...{ way: 'at_least', must: 200, aim: 667 },
      }),
    ],
    ...{ pairs: found.pairs.length, voidPairs: found.voidPairs, unsound: found.unsound },
    postgres: at.postgres.version,
    more: {
      ...{ rates, p99MsAtEase: oursOf(found, 'p99Ms', seed).value, atEasePerSecond: perSecond },
      cpuMs: Object.fromEntries(
        ['doorsMs', 'poolMs', 'postgresMs'].map((name) => [name, oursOf(found, name, seed).value]),
      ),
    },
  };
}

export const whole: Bench = {
  name: 'whole',
  about: 'a whole checkout in CPU, and the highest rate at which nobody waits for a second',
  run: async (run) => {
    const at = await startDoors({ nodes: shops });
    const worker = startOurs('worker.ts', at.place);
    const [buyers, load] = [startChild('buyers.ts'), startChild('load.ts')];
    const child = startChild('checkout-peer.ts');
    try {
      await streamsAreWhole(at.place, shops);
      const wallet = await at.outside.nodes.ask<string>('wallet');
      const url = await at.postgres.database({ empty: true });
      const node = at.outside.made[3];
      const bare = await child.ask<{ sessions: string; pages: string }>('start', {
        ...{ url, node, tls: at.serverTls },
      });
      return await result({ run, at, worker, buyers, wallet, bare: { ...bare, child, load } });
    } finally {
      await Promise.all([buyers.stop(), load.stop(), child.stop()]);
      await worker.stop();
      await at.close();
    }
  },
};
