// What processes count as they work: in memory, in the doors and in every pool. Pools have no door
// and say it through the database, so /metrics shows it of each with the label `process`. A label
// has few values: what the outside could choose is cut off at a number of them.
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Countable } from './db/counted.ts';

export const countedNames = {
  shopifyCalls: 'zaptill_shopify_calls_total',
  shopifyCallSeconds: 'zaptill_shopify_call_seconds',
  shopifyPoints: 'zaptill_shopify_cost_points',
  shopifyVersions: 'zaptill_shopify_answers_by_version_total',
  nodeReads: 'zaptill_node_reads_total',
  hedges: 'zaptill_hedges_total',
  hedgeBudget: 'zaptill_hedge_budget',
  nodeRpc: 'zaptill_node_rpc_total',
  nodeRpcSeconds: 'zaptill_node_rpc_seconds',
  ssrfBlocked: 'zaptill_ssrf_blocked_total',
  moves: 'zaptill_moves_total',
  latePayments: 'zaptill_late_payments_total',
  lateMsat: 'zaptill_late_msat_total',
  overpaidMsat: 'zaptill_overpaid_msat_total',
  nudgesMended: 'zaptill_nudges_mended_total',
  leasesFenced: 'zaptill_lease_fenced_total',
  streamReconnects: 'zaptill_stream_reconnects_total',
  settleBatch: 'zaptill_settle_batch_size',
  settleAge: 'zaptill_stream_event_age_seconds',
  laneWait: 'zaptill_lane_wait_seconds',
  rateAnswers: 'zaptill_rate_answers_total',
  rateQuorums: 'zaptill_rate_quorums_total',
  rateSources: 'zaptill_rate_sources_agreeing',
  rateSpread: 'zaptill_rate_spread_ratio',
  rateAge: 'zaptill_rate_age_seconds',
} as const;

const callSeconds = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const waitSeconds = [0.01, 0.05, 0.25, 1, 5, 30, 300];

/** Words of a label beyond so many become `other`. */
const mostWords = 50;

/** Lets the first words pass and calls the rest `other`: series must not grow with what comes. */
export function fewWords(most = mostWords): (word: string) => string {
  const known = new Set<string>();
  return (word) => {
    if (known.has(word)) return word;
    if (known.size >= most) return 'other';
    known.add(word);
    return word;
  };
}

type Registers = { registers: Registry[] };

function shopifyCounters(where: Registers) {
  return {
    shopifyCalls: new Counter({
      name: countedNames.shopifyCalls,
      help: 'Calls to Shopify.',
      labelNames: ['operation', 'outcome'],
      ...where,
    }),
    shopifyCallSeconds: new Histogram({
      name: countedNames.shopifyCallSeconds,
      help: 'Seconds that Shopify took.',
      labelNames: ['operation'],
      buckets: callSeconds,
      ...where,
    }),
    shopifyPoints: new Histogram({
      name: countedNames.shopifyPoints,
      help: 'Points of Shopify’s bucket that calls asked for, as Shopify said.',
      labelNames: ['operation'],
      buckets: [5, 10, 25, 50, 100, 250, 500],
      ...where,
    }),
    shopifyVersions: new Counter({
      name: countedNames.shopifyVersions,
      help: 'Answers of Shopify, by the version that really answered.',
      labelNames: ['version', 'deprecated'],
      ...where,
    }),
  };
}

function nodeCounters(where: Registers) {
  const counters = {
    nodeReads: new Counter({
      ...{ name: countedNames.nodeReads, help: 'Lookups of invoices on nodes.', ...where },
    }),
    hedges: new Counter({
      name: countedNames.hedges,
      help: 'Lookups that took long and were asked once more over another connection.',
      ...where,
    }),
    nodeRpc: new Counter({
      name: countedNames.nodeRpc,
      help: 'Calls to nodes that have ended, by gRPC’s code; streams count when they end.',
      labelNames: ['method', 'code'],
      ...where,
    }),
    nodeRpcSeconds: new Histogram({
      name: countedNames.nodeRpcSeconds,
      help: 'Seconds that nodes took for calls with one answer.',
      labelNames: ['method'],
      buckets: callSeconds,
      ...where,
    }),
    ssrfBlocked: new Counter({
      name: countedNames.ssrfBlocked,
      help: 'Addresses of strangers that led to what is not public, and were not connected to.',
      labelNames: ['way'],
      ...where,
    }),
  };
  // What has not happened yet is a nought, so that its first time is seen as a rise.
  for (const way of ['node', 'alert', 'pay_address']) counters.ssrfBlocked.inc({ way }, 0);
  return counters;
}

function moneyCounters(where: Registers) {
  const { latePayments, lateMsat, overpaidMsat } = countedNames;
  return {
    moves: new Counter({
      name: countedNames.moves,
      help: 'Payments that moved.',
      labelNames: ['from', 'to'],
      ...where,
    }),
    latePayments: new Counter({
      name: latePayments,
      help: 'Invoices that were paid when their payment was to be paid no more.',
      ...where,
    }),
    lateMsat: new Counter({ name: lateMsat, help: 'What came so, in msat.', ...where }),
    overpaid: new Counter({
      name: overpaidMsat,
      help: 'What came and was not owed, in msat: it is to be given back.',
      ...where,
    }),
  };
}

function streamCounters(where: Registers) {
  return {
    reconnects: new Counter({
      name: countedNames.streamReconnects,
      help: 'Settle streams that ended and are opened again, by the reason.',
      labelNames: ['because'],
      ...where,
    }),
    batch: new Histogram({
      name: countedNames.settleBatch,
      help: 'Settles of a stream that were recorded with one statement.',
      buckets: [1, 2, 5, 10, 25, 50, 100],
      ...where,
    }),
    age: new Histogram({
      name: countedNames.settleAge,
      help: 'Seconds from a settlement, by the node’s clock, until its stream had it recorded.',
      buckets: [0.1, 0.25, 0.5, 1, 2.5, 5, 30, 300],
      ...where,
    }),
  };
}

function laneCounters(where: Registers) {
  const lanes = {
    mended: new Counter({
      name: countedNames.nudgesMended,
      help: 'Lanes that had due rows and no job: a nudge was lost, or the rows became due later.',
      ...where,
    }),
    fenced: new Counter({
      name: countedNames.leasesFenced,
      help: 'Writes that were refused because another process had the lease by then.',
      labelNames: ['lease'],
      ...where,
    }),
    wait: new Histogram({
      name: countedNames.laneWait,
      help: 'Seconds from when a row was due until it was taken.',
      labelNames: ['class'],
      buckets: waitSeconds,
      ...where,
    }),
  };
  for (const lease of ['stream', 'row']) lanes.fenced.inc({ lease }, 0);
  return lanes;
}

function engineCounters(where: Registers): (seen: Countable) => void {
  const { moves, latePayments, lateMsat, overpaid } = moneyCounters(where);
  const { reconnects, batch, age } = streamCounters(where);
  const { mended, fenced, wait } = laneCounters(where);
  const reason = fewWords();
  return (seen) => {
    switch (seen.is) {
      case 'moved':
        moves.inc({ from: seen.from, to: seen.to }, seen.times);
        break;
      case 'paid_late':
        latePayments.inc();
        lateMsat.inc(Number(seen.amountMsat));
        break;
      case 'overpaid':
        overpaid.inc(Number(seen.amountMsat));
        break;
      case 'recorded':
        batch.observe(seen.agesMs.length);
        for (const ms of seen.agesMs) age.observe(Math.max(0, ms) / 1_000);
        break;
      case 'waited':
        wait.observe({ class: seen.table }, Math.max(0, seen.ms) / 1_000);
        break;
      case 'nudges_mended':
        mended.inc(seen.lanes);
        break;
      case 'fenced':
        fenced.inc({ lease: seen.lease });
        break;
      case 'stream_ended':
        reconnects.inc({ because: reason(seen.because) });
        break;
    }
  };
}

/** One agreement of the sources about a currency, or that there was none. */
export type Quorum =
  | { is: 'agreed'; currency: string; sources: number; spread: number; oldestAt: Date }
  | { is: 'rates_unavailable' | 'rates_apart'; currency: string };

function rateCounters(where: Registers) {
  const gauge = (name: string, help: string) =>
    new Gauge({ name, help, labelNames: ['currency'], ...where });
  const answers = new Counter({
    name: countedNames.rateAnswers,
    help: 'What sources of prices answered.',
    labelNames: ['source', 'outcome'],
    ...where,
  });
  const quorums = new Counter({
    name: countedNames.rateQuorums,
    help: 'Whether enough sources agreed, each time that a price was asked for.',
    labelNames: ['outcome'],
    ...where,
  });
  const sources = gauge(
    countedNames.rateSources,
    'Sources that agreed on the price; 0: no quorum.',
  );
  const spread = gauge(
    countedNames.rateSpread,
    'How far a source that agreed was from the price, as a part of it.',
  );
  const oldest = new Map<string, Date>();
  new Gauge({
    name: countedNames.rateAge,
    help: 'Seconds since the oldest price was made of the latest that sources agreed on.',
    labelNames: ['currency'],
    ...where,
    collect() {
      for (const [currency, at] of oldest) {
        this.set({ currency }, Math.max(0, (Date.now() - at.getTime()) / 1_000));
      }
    },
  });
  for (const outcome of ['agreed', 'rates_unavailable', 'rates_apart']) quorums.inc({ outcome }, 0);
  const few = fewWords();
  return {
    rateAnswered: (answer: { source: string; outcome: string }): void => answers.inc(answer),
    rateQuorum: (seen: Quorum): void => {
      quorums.inc({ outcome: seen.is });
      const currency = few(seen.currency);
      // Of several currencies in one line no figure is true.
      if (currency !== seen.currency) return;
      if (seen.is === 'agreed') {
        sources.set({ currency }, seen.sources);
        spread.set({ currency }, seen.spread);
        oldest.set(currency, seen.oldestAt);
      } else sources.set({ currency }, 0);
    },
  };
}

/** `hedgeBudget`: how many reads may be asked twice, at the node that has the least of it. */
export function sharedCounters(registers: Registry[]) {
  const where = { registers };
  let leastBudget: () => number | undefined = () => undefined;
  new Gauge({
    name: countedNames.hedgeBudget,
    help: 'Lookups that may be asked a second time, at the node with the least of them.',
    ...where,
    collect() {
      this.set(leastBudget() ?? 0);
    },
  });
  return {
    ...shopifyCounters(where),
    ...nodeCounters(where),
    ...rateCounters(where),
    /** For `hearCounted`. */
    counted: engineCounters(where),
    hedgeBudgetIs: (least: () => number | undefined): void => {
      leastBudget = least;
    },
  };
}
