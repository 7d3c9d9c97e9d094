// The metrics, with all their names in one list. Labels have few values: never a shop, an order or
// a payment, which belong into the log and the timeline.
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

export const metricNames = {
  payments: 'zaptill_payments',
  oldestUntold: 'zaptill_oldest_untold_seconds',
  needPerson: 'zaptill_payments_that_need_a_person',
  lanesPaused: 'zaptill_lanes_paused',
  streams: 'zaptill_settle_streams_whole',
  shopifyCalls: 'zaptill_shopify_calls_total',
  shopifyCallSeconds: 'zaptill_shopify_call_seconds',
  shopifyVersions: 'zaptill_shopify_answers_by_version_total',
  versionDaysLeft: 'zaptill_shopify_version_days_left',
  webhooks: 'zaptill_webhooks_total',
  refusedProofs: 'zaptill_refused_proofs_total',
} as const;

const callSeconds = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

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

/** One registry for one process. `withProcess` adds memory, CPU and event loop of Node itself. */
export function makeMetrics(about: { withProcess?: boolean } = {}) {
  const registry = new Registry();
  const registers = [registry];
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
    stand: (now: Standing): void => {
      for (const [state, count] of Object.entries(now.payments)) payments.set({ state }, count);
      oldestUntold.set(now.oldestUntoldSeconds);
      needPerson.set(now.needPerson);
      lanesPaused.set(now.lanesPaused);
      streams.set(now.streamsWhole);
      if (now.versionDaysLeft !== undefined) versionDaysLeft.set(now.versionDaysLeft);
    },
    shopifyCalls: counter(metricNames.shopifyCalls, 'Calls to Shopify.', ['operation', 'outcome']),
    shopifyCallSeconds: new Histogram({
      name: metricNames.shopifyCallSeconds,
      help: 'Seconds that Shopify took.',
      labelNames: ['operation'],
      buckets: callSeconds,
      registers,
    }),
    shopifyVersions: counter(
      metricNames.shopifyVersions,
      'Answers of Shopify, by the version that really answered.',
      ['version', 'deprecated'],
    ),
    webhooks: counter(metricNames.webhooks, 'Webhooks that arrived.', ['topic', 'outcome']),
    refusedProofs: counter(metricNames.refusedProofs, 'Callers that could not prove themselves.', [
      'door',
    ]),
  };
}
