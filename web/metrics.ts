// The metrics, with all their names in one list. Labels have few values: never an order or a
// payment, which belong into the log and the timeline; and of lanes, shops and nodes, by their
// numbers, only the hundred that have most to do.
import {
  AggregatorRegistry,
  collectDefaultMetrics,
  Counter,
  Gauge,
  Histogram,
  Registry,
} from 'prom-client';
import type { LaneStanding, StreamStanding } from './db/views.ts';
import { countedNames, sharedCounters } from './metrics-counted.ts';
import { engineGauges, engineNames } from './metrics-engine.ts';
import { keyGauge, moneyGauges, moneyNames, toldGauges } from './metrics-money.ts';

export const metricNames = {
  payments: 'zaptill_payments',
  oldestUntold: 'zaptill_oldest_untold_seconds',
  needPerson: 'zaptill_payments_that_need_a_person',
  lanesPaused: 'zaptill_lanes_paused',
  streams: 'zaptill_settle_streams_whole',
  laneWidth: 'zaptill_lane_width',
  laneOut: 'zaptill_lane_calls_under_way',
  laneWaiting: 'zaptill_lane_rows_waiting',
  laneOldest: 'zaptill_lane_oldest_waiting_seconds',
  laneSeconds: 'zaptill_lane_call_seconds',
  laneBreaker: 'zaptill_lane_breaker',
  shopOldest: 'zaptill_shop_oldest_untold_seconds',
  stream: 'zaptill_node_settle_stream',
  versionDaysLeft: 'zaptill_shopify_version_days_left',
  webhooks: 'zaptill_webhooks_total',
  refusedProofs: 'zaptill_refused_proofs_total',
  doorSeconds: 'zaptill_door_seconds',
  ...countedNames,
  ...engineNames,
  ...moneyNames,
} as const;

const answerSeconds = [0.01, 0.025, 0.05, 0.1, 0.3, 0.5, 1, 2.5, 5, 10];

export type Metrics = ReturnType<typeof makeMetrics>;

/** What the database says of all processes together, at the moment of the asking. */
export type Standing = {
  payments: Readonly<Record<string, number>>;
  oldestUntoldSeconds: number;
  needPerson: number;
  lanesPaused: number;
  streamsWhole: number;
  /** Until Shopify need not answer with our version of its interface. */
  versionDaysLeft: number | undefined;
};

/** How lanes, shops and nodes stand; the hundred of each that have most to do. */
export type LanesStanding = {
  lanes: readonly LaneStanding[];
  oldestUntold: readonly { shopId: number; seconds: number }[];
  streams: readonly StreamStanding[];
};

const breakers = { closed: 0, half_open: 0.5, open: 1 } as const;
const streamStates = { away: 0, behind: 0.5, whole: 1 } as const;

function laneGauges(registers: Registry[]) {
  const gauge = <L extends string>(name: string, help: string, label: L) =>
    new Gauge<L>({ name, help, labelNames: [label], registers });
  const { laneWidth, laneOut, laneWaiting, laneOldest, laneSeconds, laneBreaker } = metricNames;
  const width = gauge(laneWidth, 'Calls at once that the lane has learned to be right.', 'lane');
  const out = gauge(laneOut, 'Rows of the lane that are being worked.', 'lane');
  const waiting = gauge(laneWaiting, 'Rows of the lane that are due and wait.', 'lane');
  const oldest = gauge(laneOldest, 'Seconds since the oldest of them was due.', 'lane');
  const took = gauge(laneSeconds, 'Seconds that the calls of the lane take.', 'lane');
  const breaker = gauge(laneBreaker, '0: closed; 0.5: tried with one call; 1: paused.', 'lane');
  const untold = gauge(
    metricNames.shopOldest,
    'Seconds since the oldest settlement of the shop that Shopify has not accepted yet.',
    'shop',
  );
  const stream = gauge(
    metricNames.stream,
    '1: the settle stream is up without a hole; 0.5: it catches up; 0: it is not up.',
    'node',
  );
  return ({ lanes, oldestUntold, streams }: LanesStanding): void => {
    // Who is not among the hundred any more must not stay with an old figure.
    for (const each of [width, out, waiting, oldest, took, breaker]) each.reset();
    for (const of of lanes) {
      const { lane } = of;
      if (of.width !== undefined) width.set({ lane }, of.width);
      if (of.seconds !== undefined) took.set({ lane }, of.seconds);
      out.set({ lane }, of.out);
      waiting.set({ lane }, of.waiting);
      oldest.set({ lane }, of.oldestSeconds);
      breaker.set({ lane }, breakers[of.breaker]);
    }
    untold.reset();
    for (const { shopId, seconds } of oldestUntold) untold.set({ shop: String(shopId) }, seconds);
    stream.reset();
    for (const { nodeId, is } of streams) stream.set({ node: String(nodeId) }, streamStates[is]);
  };
}

type Counters = Awaited<ReturnType<Registry['getMetricsAsJSON']>>;
/** `process`: who has counted. */
export type ProcessCounters = { process: string; counters: Counters };

/**
 * Counters of several processes stand side by side, by the label `process`: a sum would fall when
 * one of them ends, and that looks as if it had begun anew.
 */
async function textOf(about: {
  registry: Registry;
  counted: Registry;
  others: readonly ProcessCounters[];
}): Promise<string> {
  const { registry, counted, others } = about;
  const own = { process: 'doors', counters: await counted.getMetricsAsJSON() };
  const all = AggregatorRegistry.aggregate([own, ...others].map(labelled));
  const rest = new Registry();
  for (const { name } of registry.getMetricsAsArray()) {
    const metric = registry.getSingleMetric(name);
    const isCounted = counted.getSingleMetric(name) !== undefined;
    if (metric !== undefined && !isCounted) rest.registerMetric(metric);
  }
  return `${await rest.metrics()}\n${await all.metrics()}`;
}

const labelled = ({ process, counters }: ProcessCounters): Counters =>
  counters.map((metric) => ({
    ...metric,
    values: metric.values.map((value) => ({ ...value, labels: { ...value.labels, process } })),
  }));

/** One registry for one process. `withProcess` adds memory, CPU and event loop of Node itself. */
export function makeMetrics(about: { withProcess?: boolean } = {}) {
  const registry = new Registry();
  const registers = [registry];
  // What pools count as well: they have no door, and say it through the database.
  const counted = new Registry();
  if (about.withProcess === true) collectDefaultMetrics({ register: registry });
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[]) =>
    new Counter<L>({ name, help, labelNames: [...labelNames], registers });
  const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
    new Gauge<L>({ name, help, labelNames: [...labelNames], registers });
  const payments = gauge(metricNames.payments, 'Payments in each state.', ['state']);
  const oldestUntold = gauge(
    metricNames.oldestUntold,
    'Seconds since the oldest settlement that Shopify has not accepted yet.',
  );
  const needPerson = gauge(metricNames.needPerson, 'Payments that a person must look at.');
  const lanesPaused = gauge(
    metricNames.lanesPaused,
    'Lanes that are paused because their outside is away or full.',
  );
  const streams = gauge(metricNames.streams, 'Settle streams that are up without a hole.');
  const versionDaysLeft = gauge(
    metricNames.versionDaysLeft,
    'Days until Shopify need not answer with our version of its interface.',
  );
  return {
    registry,
    /** What this process has counted, to be handed to another one's `text`. */
    counters: () => counted.getMetricsAsJSON(),
    /** All that this process says, with what other processes have counted beside its own. */
    text: (others: readonly ProcessCounters[]) => textOf({ registry, counted, others }),
    standEngine: engineGauges(registers),
    standMoney: moneyGauges(registers),
    standNodes: toldGauges(registers),
    standLanes: laneGauges(registers),
    stand: (now: Standing): void => {
      for (const [state, count] of Object.entries(now.payments)) payments.set({ state }, count);
      oldestUntold.set(now.oldestUntoldSeconds);
      needPerson.set(now.needPerson);
      lanesPaused.set(now.lanesPaused);
      streams.set(now.streamsWhole);
      if (now.versionDaysLeft !== undefined) versionDaysLeft.set(now.versionDaysLeft);
    },
    ...sharedCounters([registry, counted]),
    keyVersion: keyGauge([registry, counted]),
    doorSeconds: new Histogram({
      name: metricNames.doorSeconds,
      help: 'Seconds until a door had answered; those that stay open for a page are left out.',
      labelNames: ['door', 'status'],
      buckets: answerSeconds,
      registers,
    }),
    webhooks: counter(metricNames.webhooks, 'Webhooks that arrived.', ['topic', 'outcome']),
    refusedProofs: counter(metricNames.refusedProofs, 'Callers that could not prove themselves.', [
      'door',
    ]),
  };
}
