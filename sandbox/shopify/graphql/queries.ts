/** The queries that are played: order, orders, job, node, shop, currentAppInstallation. */

import { GraphQLError } from 'graphql';
import { digest, gid, idOf, isGid, shopNumber } from '../ids.ts';
import type { Order } from '../nouns.ts';
import { orderSearch, SearchError } from '../order-search.ts';
import { installOf } from '../tokens.ts';
import { invalidId, maySee, needScope, type Context } from './context.ts';
import { connection, orderObject, type Page } from './objects.ts';

const PLAN_NAMES = {
  standard: 'Basic',
  advanced: 'Advanced',
  plus: 'Shopify Plus',
  enterprise: 'Enterprise',
  development: 'Development',
  old: 'Basic',
};

export function readableOrder(context: Context, id: string): Order | undefined {
  if (!isGid(id)) throw invalidId(id);
  const number = idOf('Order', id);
  if (number === undefined)
    throw new GraphQLError(`Invalid id: ${id}`, { extensions: { code: 'RESOURCE_NOT_FOUND' } });
  const { world, now } = context;
  const call = { shop: context.shop.domain, names: [...context.names, id] };
  if (world.faults.take(['order-not-by-id'], call) !== undefined) return undefined;
  const order = world.state.orders.find((it) => it.id === number);
  return order !== undefined && maySee(context, order) && order.readableAt <= now
    ? order
    : undefined;
}

function order(args: { id: string }, context: Context): object | null {
  needScope(context, 'read_orders', 'order');
  const found = readableOrder(context, args.id);
  return found === undefined ? null : orderObject(found);
}

const SORT: Record<string, (order: Order) => number> = {
  CREATED_AT: (it) => it.createdAt,
  PROCESSED_AT: (it) => it.createdAt,
  UPDATED_AT: (it) => it.updatedAt,
  ID: (it) => it.id,
  ORDER_NUMBER: (it) => it.number,
  RELEVANCE: (it) => it.createdAt,
};

type OrdersArgs = Page & { query?: string | null; sortKey?: string | null };

function orders(args: OrdersArgs, context: Context): object {
  needScope(context, 'read_orders', 'orders');
  const { world, now } = context;
  const call = { shop: context.shop.domain, names: context.names };
  const hidden = world.faults.take(['order-not-by-search'], call) !== undefined;
  const key = SORT[args.sortKey ?? 'PROCESSED_AT'];
  if (key === undefined)
    throw new GraphQLError(`The sandbox does not play the sort key ${args.sortKey ?? ''}`, {
      extensions: { code: 'NOT_PLAYED' },
    });
  const found = world.state.orders
    .filter((it) => !hidden && maySee(context, it) && it.searchableAt <= now)
    .filter(searchOf(args.query))
    .sort((a, b) => key(a) - key(b) || a.id - b.id);
  return connection(found.map(orderObject), args);
}

function searchOf(query: string | null | undefined): (order: Order) => boolean {
  if (query == null || query.trim() === '') return () => true;
  try {
    return orderSearch(query);
  } catch (error) {
    if (!(error instanceof SearchError)) throw error;
    throw new GraphQLError(error.message, { extensions: { code: 'NOT_PLAYED' } });
  }
}

function job(args: { id: string }, context: Context): object | null {
  const found = context.world.state.cancelJobs.find(
    (it) => `gid://shopify/Job/${it.id}` === args.id,
  );
  return found === undefined ? null : { id: args.id, done: found.done };
}

function shop(_args: unknown, context: Context): object {
  const { domain, currency, name, plan } = context.shop;
  return {
    id: gid('Shop', shopNumber(domain)),
    name,
    myshopifyDomain: domain,
    currencyCode: currency,
    enabledPresentmentCurrencies: ['EUR', 'JPY', 'KWD', 'USD'],
    ianaTimezone: 'Europe/Zurich',
    url: `https://${domain}`,
    primaryDomain: {
      id: gid('Domain', 1),
      host: domain,
      url: `https://${domain}`,
      sslEnabled: true,
    },
    setupRequired: false,
    plan: {
      displayName: PLAN_NAMES[plan],
      publicDisplayName: PLAN_NAMES[plan],
      partnerDevelopment: plan === 'development',
      shopifyPlus: plan === 'plus',
    },
  };
}

function currentAppInstallation(_args: unknown, context: Context): object {
  const { app } = context;
  const scopes = installOf(context.world, app.clientId, context.shop.domain).scopes;
  const number = Number.parseInt(digest(app.clientId).slice(0, 9), 16);
  const handle = (scope: string) => ({ handle: scope, description: scope.replace('_', ' ') });
  return {
    id: gid('AppInstallation', number),
    accessScopes: scopes.map(handle),
    launchUrl: `${app.appUrl}/`,
    app: {
      id: gid('App', number),
      apiKey: app.clientId,
      handle: app.handle,
      title: app.name,
      embedded: true,
    },
  };
}

function node(args: { id: string }, context: Context): object | null {
  if (idOf('Order', args.id) === undefined)
    throw new GraphQLError(`The sandbox does not play node(id: "${args.id}")`, {
      extensions: { code: 'NOT_PLAYED' },
    });
  return order(args, context);
}

export const queries = { order, orders, job, shop, currentAppInstallation, node };
