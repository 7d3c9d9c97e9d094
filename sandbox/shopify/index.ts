/**
 * Shopify, on your desk.
 *
 * Plays the shop, its checkout, its admin and its APIs over their real protocols: the real Admin
 * schema of 2026-07, signed session tokens and webhooks, expiring tokens, cost buckets. It refuses
 * what Shopify refuses and never trusts the app.
 *
 * It must never know the app from inside: only HTTP, only what Shopify could do, no code shared
 * with `web/`. What it does not play, it says so, by name.
 */

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express, { Router, type RequestHandler } from 'express';
import { turnableClock, type Clock } from './clock.ts';
import { control } from './control.ts';
import { DEFAULT_FOLDER } from './extension.ts';
import { openFaults, type FaultInput, type Faults } from './faults.ts';
import { graphqlEndpoint } from './graphql/endpoint.ts';
import {
  effectsView,
  handsOf,
  sessionTokens,
  webhooksByHand,
  type EffectsView,
  type TokenInput,
  type WebhookInput,
} from './hands.ts';
import * as installs from './installs.ts';
import type { Pair } from './installs.ts';
import type {
  App,
  AppOptions,
  CancelReason,
  Delivery,
  Effect,
  Shop,
  ShopOptions,
} from './nouns.ts';
import * as acts from './order-acts.ts';
import type { EditInput, OrderInput, OrderView } from './order-acts.ts';
import { adminPages } from './pages/admin.ts';
import { appFrame } from './pages/app-frame.ts';
import { blockPages } from './pages/block.ts';
import { orderPages } from './pages/order-pages.ts';
import { shopFront } from './pages/shop-front.ts';
import { grantRoutes } from './payments/grants.ts';
import {
  extensionOf,
  openPayments,
  PAYMENTS_SCOPES,
  PAYMENTS_TOPICS,
  type Payments,
  type PaymentsSide,
} from './payments/index.ts';
import { paymentsPages } from './payments/pages.ts';
import { appProxy, DEFAULT_PROXY } from './proxy.ts';
import { adminSchema, paymentsSchema } from './schema.ts';
import { openState } from './state.ts';
import { tokenEndpoint } from './tokens.ts';
import { openWebhooks } from './webhooks.ts';
import { appOf, type Lag, type LogEntry, type World } from './world.ts';

export type { AppOptions, Effect, FaultInput, LogEntry, OrderInput, OrderView, ShopOptions };

export { appToml } from './toml.ts';

export type ShopifyOptions = {
  apps: AppOptions[];
  shops: ShopOptions[];
  /** Default 0: any free port. Always on 127.0.0.1. */
  port?: number;
  /** A file; without it everything is forgotten at the end. */
  statePath?: string;
  clock?: Clock;
  lag?: Partial<Lag>;
  /** Other outsiders on the same origin, by first path segment: `{ 'api.kraken.com': handler }`. */
  mounts?: Record<string, RequestHandler>;
  /** PEM of servers that Shopify believes beside the public ones: a payments app's door. */
  trusted?: string[];
};

export const DEFAULT_TOPICS = [
  'orders/create',
  'orders/updated',
  'orders/edited',
  'orders/cancelled',
  'orders/paid',
  'refunds/create',
  'app/uninstalled',
  'app/scopes_update',
  'customers/data_request',
  'customers/redact',
  'shop/redact',
];

const LOG_KEPT = 5_000;

/** The first app brings the repository's extension, unless it says otherwise. */
function appOptions(options: AppOptions, first: boolean): App {
  const payments = extensionOf(options);
  const offsite = payments !== null;
  return {
    scopes: offsite ? PAYMENTS_SCOPES : ['read_orders', 'write_orders'],
    webhooks: [{ topics: offsite ? PAYMENTS_TOPICS : DEFAULT_TOPICS, uri: '/webhooks' }],
    handle: options.name.toLowerCase().replace(/[^a-z0-9]+/g, '-'),
    extension: first && !offsite ? DEFAULT_FOLDER : null,
    proxy: offsite ? null : DEFAULT_PROXY,
    ...options,
    payments,
    appUrl: options.appUrl.replace(/\/+$/, ''),
  };
}

function shopOptions(options: ShopOptions): Shop {
  if (!/^[a-z0-9][a-z0-9-]*\.myshopify\.com$/.test(options.domain))
    throw new Error(`Not a permanent shop name: ${options.domain}`);
  return {
    currency: 'EUR',
    plan: 'standard',
    name: 'Alpine Coffee',
    methods: ['Bitcoin (Lightning)', 'Cash on delivery'],
    ...options,
  };
}

export type Shopify = {
  /** For OUTSIDE_ORIGIN. */
  origin: string;
  /** Other outsiders mount here: `shopify.outside.use('/api.kraken.com', handler)`. */
  outside: Router;
  clock: Clock;
  faults: Faults;
  /** What a run should be told about, e.g. hammering on while throttled. */
  violations: string[];
  log: LogEntry[];
  createOrder: (input?: OrderInput) => OrderView;
  /** By gid, number or name. */
  order: (id: number | string) => OrderView | undefined;
  orders: () => OrderView[];
  markByHand: (id: number | string) => OrderView;
  payByCard: (id: number | string) => OrderView;
  /** A part, as decimal text. */
  payByGiftCard: (id: number | string, amount: string) => OrderView;
  /** Done when this returns; through the API it is a job. */
  cancel: (id: number | string, reason?: CancelReason) => OrderView;
  /** All goods are on their way. */
  fulfill: (id: number | string) => OrderView;
  releaseStock: (id: number | string) => OrderView;
  edit: (id: number | string, input: EditInput) => OrderView;
  /** Decimal text; without it everything that came in. */
  refund: (id: number | string, input?: { amount?: string; note?: string }) => OrderView;
  /** Gone, as for an app that asks for it. */
  remove: (id: number | string) => void;
  effects: EffectsView;
  /** The payments side: a payments app's checkout, certificates, sessions and their effects. */
  payments: Payments;
  sessionToken: (input: TokenInput) => string;
  /**
   * One delivery by hand, outside the subscriptions. Resolves with what the app said: "200",
   * "401", "ECONNREFUSED".
   */
  sendWebhook: (input: WebhookInput) => Promise<string>;
  /** Nothing is on its way any more; what waits for a later retry does not count. */
  webhooksSettled: () => Promise<void>;
  deliveries: () => Delivery[];
  /** As if the TOML were deployed again with another address. */
  setAppUrl: (app: string, appUrl: string) => void;
  expireTokens: (pair: Pair) => void;
  revokeTokens: (pair: Pair) => void;
  uninstall: (pair: Pair) => void;
  install: (pair: Pair) => void;
  setScopes: (input: Pair & { scopes: string[] }) => void;
  close: () => Promise<void>;
};

/**
 * Ports of the doors that a call can knock at. Pages and control are mounted by their own files.
 */
function apiRoutes(world: World): Router {
  const routes = Router();
  const json = express.json({ limit: '2mb', type: ['application/json', 'application/graphql'] });
  const form = express.urlencoded({ extended: false });
  const isShop: RequestHandler = (req, _res, next) => {
    next(
      /^[a-z0-9][a-z0-9-]*\.myshopify\.com$/.test(String(req.params['shop'])) ? undefined : 'route',
    );
  };
  routes.post('/:shop/admin/oauth/access_token', isShop, json, form, tokenEndpoint(world));
  routes.post(
    '/:shop/admin/api/:version/graphql.json',
    isShop,
    json,
    graphqlEndpoint(world, 'admin'),
  );
  const payments = '/:shop/payments_apps/api/:version/graphql.json';
  routes.post(payments, isShop, json, graphqlEndpoint(world, 'payments'));
  return routes;
}

function resume(world: World): void {
  for (const job of world.state.cancelJobs)
    if (!job.done) acts.runCancel(world, job, { by: job.by, call: 'orderCancel', requestId: null });
}

/** What the merchant and the operator can do to an installation. */
function installsOf(world: World) {
  return {
    setAppUrl: (app: string, appUrl: string) => {
      const found = appOf(world, installs.clientIdOf(world, app));
      if (found !== undefined) found.appUrl = appUrl.replace(/\/+$/, '');
    },
    expireTokens: (pair: Pair) => {
      installs.expireTokens(world, pair);
    },
    revokeTokens: (pair: Pair) => {
      installs.revokeTokens(world, pair);
    },
    uninstall: (pair: Pair) => {
      installs.uninstall(world, pair);
    },
    install: (pair: Pair) => {
      installs.install(world, pair);
    },
    setScopes: (input: Pair & { scopes: string[] }) => {
      installs.setScopes(world, input);
    },
  };
}

export async function startShopify(options: ShopifyOptions): Promise<Shopify> {
  const clock = options.clock ?? turnableClock();
  const keeper = openState(options.statePath);
  const log: LogEntry[] = [];
  let origin = '';
  const world: World = {
    apps: options.apps.map((app, index) => appOptions(app, index === 0)),
    shops: options.shops.map(shopOptions),
    state: keeper.state,
    clock,
    faults: openFaults(clock),
    lag: { byIdMs: 0, bySearchMs: 0, cancelMs: 300, ...options.lag },
    violations: [],
    log: (entry) => {
      log.push(entry);
      if (log.length > LOG_KEPT) log.splice(0, log.length - LOG_KEPT);
    },
    changed: keeper.changed,
    tell: (shop, topic, body, clientId) => {
      webhooks.tell(shop, topic, body, clientId);
    },
    origin: () => origin,
  };
  const webhooks = openWebhooks(world);
  adminSchema();
  paymentsSchema();
  const side = await openPayments(world, { trusted: options.trusted ?? [] });
  const outside = Router();
  const { mounts = {} } = options;
  const server = createServer(application(world, { log, outside, mounts, side }));
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  webhooks.resume();
  resume(world);
  return {
    origin,
    outside,
    clock,
    faults: world.faults,
    violations: world.violations,
    log,
    ...handsOf(world),
    effects: effectsView(world),
    payments: side.hands,
    sessionToken: sessionTokens(world),
    sendWebhook: webhooksByHand(world),
    webhooksSettled: webhooks.settled,
    deliveries: () => [...world.state.deliveries],
    ...installsOf(world),
    close: () =>
      end(server, () => {
        webhooks.close();
        clock.stop();
        keeper.close();
      }),
  };
}

function application(
  world: World,
  input: {
    log: LogEntry[];
    outside: Router;
    mounts: Record<string, RequestHandler>;
    side: PaymentsSide;
  },
) {
  const { log, outside, mounts, side } = input;
  const application = express();
  application.disable('x-powered-by');
  for (const [host, handler] of Object.entries(mounts)) application.use(`/${host}`, handler);
  application.use(outside);
  application.use(apiRoutes(world));
  application.use(control(world, log));
  application.use(blockPages(world));
  application.use(appFrame(world));
  application.use(grantRoutes(world, side.hands.switches));
  application.use(paymentsPages(world));
  application.use(adminPages(world, side));
  application.use(appProxy(world));
  application.use(orderPages(world));
  application.use(shopFront(world, side));
  return application;
}

async function end(server: Server, before: () => void): Promise<void> {
  before();
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}
