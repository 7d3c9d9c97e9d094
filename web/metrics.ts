// The metrics, with all their names in one list. Labels have few values: never a shop, an order or
// a payment, which belong into the log and the timeline.
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

export const metricNames = {
  moves: 'zaptill_payment_moves_total',
  settleToTold: 'zaptill_settle_to_told_seconds',
  lanesPaused: 'zaptill_lanes_paused',
  turns: 'zaptill_turns_total',
  nodeCalls: 'zaptill_node_calls_total',
  nodeCallSeconds: 'zaptill_node_call_seconds',
  shopifyCalls: 'zaptill_shopify_calls_total',
  shopifyCallSeconds: 'zaptill_shopify_call_seconds',
  rateAnswers: 'zaptill_rate_answers_total',
  webhooks: 'zaptill_webhooks_total',
  refusedProofs: 'zaptill_refused_proofs_total',
} as const;

/** From a moment to the days of an outage. */
const journeySeconds = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800, 7_200, 43_200, 172_800];
const callSeconds = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export type Metrics = ReturnType<typeof makeMetrics>;

/** One registry for one process. `withProcess` adds memory, CPU and event loop of Node itself. */
export function makeMetrics(about: { withProcess?: boolean } = {}) {
  const registry = new Registry();
  const registers = [registry];
  if (about.withProcess === true) collectDefaultMetrics({ register: registry });
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[]) =>
    new Counter<L>({ name, help, labelNames: [...labelNames], registers });
  const histogram = <L extends string>(
    name: string,
    help: string,
    about: { labelNames: readonly L[]; buckets: number[] },
  ) =>
    new Histogram<L>({
      name,
      help,
      labelNames: [...about.labelNames],
      buckets: about.buckets,
      registers,
    });
  return {
    registry,
    moves: counter(metricNames.moves, 'Payments that moved from a state to another.', [
      'from',
      'to',
      'because',
    ]),
    settleToTold: histogram(
      metricNames.settleToTold,
      'Seconds from the settlement at the node until Shopify accepted it.',
      { labelNames: [], buckets: journeySeconds },
    ),
    lanesPaused: new Gauge({
      name: metricNames.lanesPaused,
      help: 'Lanes that are paused because their outside is away or full.',
      labelNames: ['kind'],
      registers,
    }),
    turns: counter(metricNames.turns, 'Turns of lanes that this process worked.', [
      'kind',
      'outcome',
    ]),
    nodeCalls: counter(metricNames.nodeCalls, 'Calls to nodes.', ['call', 'outcome']),
    nodeCallSeconds: histogram(metricNames.nodeCallSeconds, 'Seconds that a node took.', {
      labelNames: ['call'],
      buckets: callSeconds,
    }),
    shopifyCalls: counter(metricNames.shopifyCalls, 'Calls to Shopify.', ['operation', 'outcome']),
    shopifyCallSeconds: histogram(metricNames.shopifyCallSeconds, 'Seconds that Shopify took.', {
      labelNames: ['operation'],
      buckets: callSeconds,
    }),
    rateAnswers: counter(metricNames.rateAnswers, 'Answers of price sources.', [
      'source',
      'outcome',
    ]),
    webhooks: counter(metricNames.webhooks, 'Webhooks that arrived.', ['topic', 'outcome']),
    refusedProofs: counter(metricNames.refusedProofs, 'Callers that could not prove themselves.', [
      'door',
    ]),
  };
}
