/**
 * Installing and uninstalling, and what happens to tokens: expired early, revoked, scopes taken
 * away.
 */

import { installOf } from './tokens.ts';
import { shopBody } from './webhook-bodies.ts';
import { shopNumber } from './ids.ts';
import { appOf, type World } from './world.ts';

export type Pair = { app: string; shop: string };

const HOURS_48_MS = 48 * 3_600_000;

/** `app` is a name or a client id. */
export function clientIdOf(world: World, app: string): string {
  const found = world.apps.find((it) => it.name === app || it.clientId === app);
  if (found === undefined) throw new Error(`No such app: ${app}`);
  return found.clientId;
}

const tokensOf = (world: World, pair: Pair) => {
  const clientId = clientIdOf(world, pair.app);
  return world.state.tokens.filter((it) => it.clientId === clientId && it.shop === pair.shop);
};

/** Access tokens end as if an hour had passed; refresh tokens live on. */
export function expireTokens(world: World, pair: Pair): void {
  for (const token of tokensOf(world, pair)) token.expiresAt = world.clock.now() - 1;
  world.changed();
}

/** Access and refresh tokens are dead, the installation stands: only a new exchange helps. */
export function revokeTokens(world: World, pair: Pair): void {
  for (const token of tokensOf(world, pair)) token.revoked = true;
  world.changed();
}

/** What an app looks like right after the merchant pressed "Uninstall". */
export function uninstall(world: World, pair: Pair): void {
  const clientId = clientIdOf(world, pair.app);
  revokeTokens(world, pair);
  installOf(world, clientId, pair.shop).installed = false;
  // What the app said of itself goes with it; a new install begins anew.
  const { state } = world;
  state.gateways = state.gateways.filter((it) => it.clientId !== clientId || it.shop !== pair.shop);
  // Sent while the registration is still known; the token is dead already.
  world.tell(pair.shop, 'app/uninstalled', shopBody(world, pair.shop), clientId);
  world.clock.after(HOURS_48_MS, () => {
    if (installOf(world, clientId, pair.shop).installed) return;
    const body = { shop_id: shopNumber(pair.shop), shop_domain: pair.shop };
    world.tell(pair.shop, 'shop/redact', body, clientId);
  });
}

/** The merchant approves the app's scopes. */
export function install(world: World, pair: Pair): void {
  const clientId = clientIdOf(world, pair.app);
  const made = installOf(world, clientId, pair.shop);
  made.installed = true;
  made.scopes = [...(appOf(world, clientId)?.scopes ?? [])];
  world.changed();
}

export function setScopes(world: World, input: Pair & { scopes: string[] }): void {
  const clientId = clientIdOf(world, input.app);
  const found = installOf(world, clientId, input.shop);
  const previous = found.scopes;
  found.scopes = [...input.scopes];
  const body = { id: shopNumber(input.shop), previous, current: input.scopes };
  world.tell(
    input.shop,
    'app/scopes_update',
    { ...body, shop_id: shopNumber(input.shop) },
    clientId,
  );
}
