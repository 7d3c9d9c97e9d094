// How the engine works for the shop that asks: whoever runs the server for their own shop sees here
// why something waits. Nothing of another shop is shown; of the server, that its pools are alive.
import { daysLeftOf } from '../../core/api-version.ts';
import { waitOf, type WaitStep } from '../../core/figures.ts';
import * as views from '../../db/views.ts';
import type {
  LaneShown,
  OperationAnswer,
  PoolShown,
  StreamShown,
} from '../../frontend/shared/operation-api.ts';
import { answerJson } from '../answers.ts';
import type { Doors, Route } from '../doors.ts';
import { iso, merchantRoute, type Seen } from './door.ts';

const poolsListed = 20;
const breaksCounted = 1_000;

export const operationRoutes = (doors: Doors): Route[] => [
  merchantRoute(doors, { method: 'get', path: '/api/operation', policy: 'merchant' }, (seen) =>
    operationAnswer(doors, seen),
  ),
];

async function operationAnswer(doors: Doors, { shop, response }: Seen): Promise<void> {
  const { db, clock } = doors.deps;
  const shopId = shop.id;
  const nodes = await views.nodesInOperation(db, shopId);
  const nodeIds = nodes.map(({ id }) => id);
  const [lanes, of, pools, steps, unmatched] = await Promise.all([
    views.lanesInOperation(db, { shopId, nodeIds }),
    views.shopInOperation(db, shopId),
    views.poolsAlive(db, poolsListed),
    views.waitsOfDay(db, shopId),
    views.countBreaks(db, { shopId, limit: breaksCounted }),
  ]);
  const { apiVersion } = doors.shopify;
  const names = new Map(nodes.map((node) => [`node:${String(node.id)}`, nameOf(node)]));
  answerJson(response, 200, {
    at: of.at.toISOString(),
    timeZone: shop.timeZone,
    pools: { alive: of.poolsAlive, listed: pools.map((pool) => poolShown(pool, nodes)) },
    lanes: lanes.map((lane) => laneShown(lane, names.get(lane.lane) ?? '')),
    streams: nodes.map(streamShown),
    bucket: of.bucket,
    wait: waitShown(steps),
    oldestUntoldSeconds: of.oldestUntold === null ? null : Math.max(0, of.oldestUntold),
    reconciliation: { unmatched, doneAt: iso(of.reconciledAt) },
    versions: {
      program: doors.version,
      shopify: { asked: apiVersion, daysLeft: daysLeftOf(apiVersion, clock()) ?? null },
      nodes: nodes.map((node) => ({ name: nameOf(node), version: node.version })),
    },
  } satisfies OperationAnswer);
}

const nameOf = (node: views.NodeInOperation): string =>
  node.alias === '' ? `${node.identity.slice(0, 12)}…` : node.alias;

/** A pool follows streams of all shops: only this shop's are told. */
const poolShown = (
  pool: views.PoolStanding,
  nodes: readonly views.NodeInOperation[],
): PoolShown => ({
  id: pool.pool,
  version: pool.version,
  startedAt: pool.startedAt.toISOString(),
  saidAt: pool.saidAt.toISOString(),
  brake: pool.brake,
  streams: nodes.filter((node) => node.pool === pool.pool).length,
});

function laneShown(lane: views.LaneInOperation, name: string): LaneShown {
  const { kind, width, out, waiting, oldestSeconds, latencyMs, pausedUntil } = lane;
  return {
    ...{ kind, name, width, out, waiting, oldestSeconds, latencyMs },
    state: pausedUntil === null ? 'open' : lane.isPaused ? 'paused' : 'probing',
    pause:
      pausedUntil === null
        ? null
        : {
            since: iso(lane.pausedSince),
            until: pausedUntil.toISOString(),
            because: lane.because ?? '',
            failures: lane.failures,
          },
  };
}

const streamShown = (node: views.NodeInOperation): StreamShown => ({
  nodeId: node.id,
  name: nameOf(node),
  is: node.is,
  wholeSince: iso(node.wholeSince),
  lag: node.lag,
  pool: node.pool,
  trouble: node.trouble,
  troubleSince: iso(node.troubleAt),
  retired: node.retired,
});

function waitShown(steps: readonly WaitStep[]): OperationAnswer['wait'] {
  const told = steps.reduce((sum, step) => sum + step.told, 0n);
  if (told <= 0n) return null;
  return {
    told: Number(told),
    medianMs: waitOf(steps, 500n) ?? 0,
    p99Ms: waitOf(steps, 990n) ?? 0,
  };
}
