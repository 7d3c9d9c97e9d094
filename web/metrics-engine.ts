// What /metrics says of the engine beside its lanes: how much is due, who works, how far streams
// are behind, whether orders and money agree, and how long paid money waits for Shopify. All of it
// is read from the database when somebody asks, so any process can say it for all.
import { Gauge, type Registry } from 'prom-client';
import type { EngineStanding } from './db/views.ts';

export const engineNames = {
  rowsDue: 'zaptill_rows_due',
  rowsLeased: 'zaptill_rows_leased',
  oldestDue: 'zaptill_oldest_due_seconds',
  nudges: 'zaptill_nudges',
  settleToResolve: 'zaptill_settle_to_resolve_seconds',
  cursorLag: 'zaptill_node_cursor_lag',
  streamEpoch: 'zaptill_node_stream_epoch',
  inbound: 'zaptill_node_inbound_capacity_msat',
  nodesInTrouble: 'zaptill_nodes_in_trouble',
  leaseTakeovers: 'zaptill_stream_lease_takeovers',
  pools: 'zaptill_pools',
  poolBrake: 'zaptill_pool_brake',
  poolStreams: 'zaptill_pool_streams',
  bucketPoints: 'zaptill_shop_bucket_points_available',
  bucketSize: 'zaptill_shop_bucket_points_size',
  reconcileBreaks: 'zaptill_reconcile_breaks',
  reconcileAge: 'zaptill_reconcile_last_ok_age_seconds',
  connections: 'zaptill_database_connections',
} as const;

/** Connections to the database of this process. */
export type Connections = { busy: number; idle: number; waiting: number };

export function engineGauges(
  registers: Registry[],
): (now: EngineStanding, connections: Connections) => void {
  const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
    new Gauge<L>({ name, help, labelNames: [...labelNames], registers });
  const due = gauge(engineNames.rowsDue, 'Rows that are due and wait.', ['class']);
  const leased = gauge(engineNames.rowsLeased, 'Rows that are being worked.', ['class']);
  const oldestDue = gauge(engineNames.oldestDue, 'Seconds since the oldest row was due.', [
    'class',
  ]);
  const nudges = gauge(engineNames.nudges, 'Lanes in the queue.', ['is']);
  const wait = gauge(
    engineNames.settleToResolve,
    'Seconds from the settlement until Shopify has the order as paid, in the last hour.',
    ['quantile'],
  );
  const stands = [due, leased, oldestDue, nudges, wait];
  const ofNodes = nodeGauges(registers);
  const ofPools = poolGauges(registers);
  const ofBreaks = breakGauges(registers);
  const connections = gauge(
    engineNames.connections,
    'Connections to the database of the process that answers.',
    ['is'],
  );
  return (now, open) => {
    for (const each of stands) each.reset();
    for (const of of now.rows) {
      due.set({ class: of.table }, of.waiting);
      leased.set({ class: of.table }, of.out);
      oldestDue.set({ class: of.table }, of.oldestSeconds);
    }
    for (const [is, count] of Object.entries(now.nudges)) nudges.set({ is }, count);
    for (const { quantile, seconds } of now.waits) wait.set({ quantile }, seconds);
    ofNodes(now);
    ofPools(now);
    ofBreaks(now);
    for (const [is, count] of Object.entries(open)) connections.set({ is }, count);
  };
}

function nodeGauges(registers: Registry[]): (now: EngineStanding) => void {
  const gauge = (name: string, help: string) =>
    new Gauge({ name, help, labelNames: ['node'], registers });
  const lag = gauge(
    engineNames.cursorLag,
    'Settles that the stream told and that are not within the unbroken prefix yet.',
  );
  const epoch = gauge(engineNames.streamEpoch, 'How often the counters of the node went back.');
  const inbound = gauge(engineNames.inbound, 'What the node can receive, in msat.');
  const { nodesInTrouble, leaseTakeovers } = engineNames;
  const trouble = new Gauge({
    ...{ name: nodesInTrouble, help: 'Nodes that do not answer.', registers },
  });
  const takeovers = new Gauge({
    ...{ name: leaseTakeovers, help: 'How often a process took a settle stream.', registers },
  });
  return (now) => {
    for (const each of [lag, epoch, inbound]) each.reset();
    for (const of of now.nodes) {
      const node = String(of.nodeId);
      lag.set({ node }, of.lag);
      epoch.set({ node }, of.epoch);
      if (of.inboundMsat !== undefined) inbound.set({ node }, Number(of.inboundMsat));
    }
    trouble.set(now.nodesInTrouble);
    takeovers.set(now.leaseTakeovers);
  };
}

function poolGauges(registers: Registry[]): (now: EngineStanding) => void {
  const gauge = <L extends string>(name: string, help: string, label: L) =>
    new Gauge<L>({ name, help, labelNames: [label], registers });
  const pools = new Gauge({ name: engineNames.pools, help: 'Pools that are alive.', registers });
  const brake = gauge(engineNames.poolBrake, 'The part of its widths that it uses.', 'process');
  const streams = gauge(engineNames.poolStreams, 'Settle streams that it owns.', 'process');
  const points = gauge(engineNames.bucketPoints, 'Points of Shopify that are left.', 'shop');
  const size = gauge(engineNames.bucketSize, 'Points that Shopify’s bucket holds.', 'shop');
  return (now) => {
    for (const each of [brake, streams, points, size]) each.reset();
    pools.set(now.poolsAlive);
    for (const pool of now.pools) {
      brake.set({ process: pool.pool }, pool.brake);
      streams.set({ process: pool.pool }, pool.streams);
    }
    for (const { shopId, available, maximum } of now.buckets) {
      points.set({ shop: String(shopId) }, available);
      size.set({ shop: String(shopId) }, maximum);
    }
  };
}

function breakGauges(registers: Registry[]): (now: EngineStanding) => void {
  const breaks = new Gauge({
    name: engineNames.reconcileBreaks,
    help: 'Orders, payments and invoices that certainly do not agree, and that nobody accepted.',
    labelNames: ['kind'],
    registers,
  });
  const age = new Gauge({
    name: engineNames.reconcileAge,
    help: 'Seconds since the shop that waits longest was compared with everybody asked.',
    registers,
  });
  return (now) => {
    breaks.reset();
    for (const { kind, count } of now.breaks) breaks.set({ kind }, count);
    age.set(now.reconciledSecondsAgo);
  };
}
