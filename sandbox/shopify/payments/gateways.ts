/**
 * How a shop's gateway of a payments app stands: made ready by the app, activated by the merchant.
 */

import type { App, Shop } from '../nouns.ts';
import { installOf } from '../tokens.ts';
import type { World } from '../world.ts';
import type { Gateway, PaymentsExtension } from './nouns.ts';

/** The apps that bring a payments extension. */
export type PaymentsApp = App & { payments: PaymentsExtension };

export const isPaymentsApp = (app: App): app is PaymentsApp => app.payments !== null;

export const paymentsApps = (world: World): PaymentsApp[] => world.apps.filter(isPaymentsApp);

export function gatewayOf(world: World, input: { clientId: string; shop: string }): Gateway {
  const { clientId, shop } = input;
  const found = world.state.gateways.find((it) => it.clientId === clientId && it.shop === shop);
  if (found !== undefined) return found;
  const made: Gateway = {
    clientId,
    shop,
    ready: false,
    externalHandle: null,
    active: false,
    test: false,
  };
  world.state.gateways.push(made);
  return made;
}

/** What the buyer may choose at this shop's checkout. */
export const offered = (world: World, shop: Shop): PaymentsApp[] =>
  paymentsApps(world).filter((app) => {
    const { ready, active } = gatewayOf(world, { clientId: app.clientId, shop: shop.domain });
    return ready && active && installOf(world, app.clientId, shop.domain).installed;
  });

/** A text: why not. */
export function activate(
  world: World,
  input: { app: PaymentsApp; shop: string; active: boolean; test: boolean },
): string | undefined {
  const { app, shop, active, test } = input;
  const gateway = gatewayOf(world, { clientId: app.clientId, shop });
  if (!installOf(world, app.clientId, shop).installed) return 'The app is not installed';
  if (active && !gateway.ready) return 'The app has not said that it is ready: finish its setup';
  gateway.active = active;
  gateway.test = test;
  world.changed();
  return undefined;
}

/** `paymentsAppConfigure`. What is not ready is not offered. */
export function configure(
  world: World,
  input: { clientId: string; shop: string; ready: boolean; externalHandle: string | null },
): Gateway {
  const gateway = gatewayOf(world, input);
  gateway.ready = input.ready;
  gateway.externalHandle = input.externalHandle ?? gateway.externalHandle;
  world.changed();
  return gateway;
}
