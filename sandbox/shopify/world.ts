/**
 * What every part of the stand-in is handed: options, memory, clock, faults, log, and where events
 * go.
 */

import type { Clock } from './clock.ts';
import type { Faults } from './faults.ts';
import { gid } from './ids.ts';
import type { App, Effect, Order, Shop, State } from './nouns.ts';

export type LogEntry = {
  at: number;
  requestId: string;
  /** in: a call that Shopify got; out: a webhook that it sent. */
  way: 'in' | 'out';
  shop: string;
  app: string;
  what: string;
  answer: string;
  ms: number;
  fault: string | null;
};

/** How long after its creation the Admin API returns an order. */
export type Lag = { byIdMs: number; bySearchMs: number; cancelMs: number };

export type World = {
  apps: App[];
  shops: Shop[];
  state: State;
  clock: Clock;
  faults: Faults;
  lag: Lag;
  /** What a run should be told about afterwards, e.g. hammering on while throttled. */
  violations: string[];
  log: (entry: LogEntry) => void;
  changed: () => void;
  /**
   * Sends a webhook to every app of the shop that subscribed to the topic, or only to `clientId`.
   */
  tell: (shop: string, topic: string, body: object, clientId?: string) => void;
  /** Where browsers find the stand-in, e.g. http://127.0.0.1:4000. */
  origin: () => string;
};

/** Who did it, for the record of effects. */
export type By = { by: string; call: string; requestId: string | null };

export const shopOf = (world: World, domain: string): Shop | undefined =>
  world.shops.find((shop) => shop.domain === domain);

export const appOf = (world: World, clientId: string): App | undefined =>
  world.apps.find((app) => app.clientId === clientId);

export function nextId(world: World): number {
  world.state.counter += 1;
  return 6_012_345_678_901 + world.state.counter * 32_771;
}

export function findOrder(world: World, id: number | string): Order | undefined {
  return world.state.orders.find(
    (order) =>
      !order.deleted && (order.id === id || gid('Order', order.id) === id || order.name === id),
  );
}

export function record(
  world: World,
  input: { order: Order; what: Effect['what']; amountMinor?: bigint; by: By },
): void {
  world.state.effects.push({
    at: world.clock.now(),
    orderId: input.order.id,
    what: input.what,
    amountMinor: input.amountMinor ?? null,
    ...input.by,
  });
  world.changed();
}
