/** What a resolver knows about its call, and the errors it may throw. */

import { GraphQLError } from 'graphql';
import type { App, Order, Shop } from '../nouns.ts';
import type { By, World } from '../world.ts';

export type Context = {
  world: World;
  app: App;
  shop: Shop;
  scopes: string[];
  by: By;
  /** Operation name and root fields, for faults. */
  names: string[];
  now: number;
};

export function accessDenied(what: string, needs: string): GraphQLError {
  return new GraphQLError(`Access denied for ${what} field. Required access: ${needs}`, {
    extensions: {
      code: 'ACCESS_DENIED',
      documentation: 'https://shopify.dev/api/usage/access-scopes',
      requiredAccess: needs,
    },
  });
}

export function needScope(context: Context, scope: string, field: string): void {
  const { scopes } = context;
  const has = scopes.includes(scope) || scopes.includes(scope.replace('read_', 'write_'));
  const call = { shop: context.shop.domain, names: [...context.names, field] };
  const forced = context.world.faults.take(['access-denied'], call) !== undefined;
  if (!has || forced) throw accessDenied(field, `\`${scope}\` access scope.`);
}

export const invalidId = (text: string): GraphQLError =>
  new GraphQLError(`Invalid global id '${text}'`, {
    extensions: { code: 'argumentLiteralsIncompatible', typeName: 'CoercionError' },
  });

const SIXTY_DAYS_MS = 60 * 86_400_000;

/** Orders of this shop that this token may see. */
export const maySee = (context: Context, order: Order): boolean =>
  order.shop === context.shop.domain &&
  !order.deleted &&
  (order.createdAt > context.now - SIXTY_DAYS_MS || context.scopes.includes('read_all_orders'));
