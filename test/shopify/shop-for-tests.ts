// A shop with our app installed, tokens from a real exchange, and a store for them that behaves as
// the database does: one statement, compare-and-set, a lease.
import { startShopify, type Shopify, type ShopifyOptions } from '../../sandbox/shopify/index.ts';
import type { Storefront } from '../../web/core/ports.ts';
import { outbound, type FetchOutside } from '../../web/outbound.ts';
import { adminOrders } from '../../web/shopify/admin-orders.ts';
import {
  exchangeToken,
  leaseMs,
  tokenSource,
  type RefreshDeps,
  type StoredTokens,
  type TokenStore,
} from '../../web/shopify/auth.ts';
import { makeThrottle } from '../../web/shopify/throttle.ts';

export const shop = 'alpine.myshopify.com';
export const methodName = 'Bitcoin (Lightning)';
export const app = { clientId: 'client-1', clientSecret: 'hush-hush' };

export type MemoryStore = TokenStore & {
  kept: StoredTokens | undefined;
  refusedVersions: number[];
  stored: number;
};

export function memoryStore(clock: () => Date): MemoryStore {
  let leaseUntil = 0;
  const store: MemoryStore = {
    kept: undefined,
    refusedVersions: [],
    stored: 0,
    load: () => Promise.resolve(store.kept && { ...store.kept }),
    takeRefreshLease: (version) => {
      const free = store.kept?.version === version && leaseUntil < clock().getTime();
      if (free) leaseUntil = clock().getTime() + leaseMs;
      return Promise.resolve(free);
    },
    endRefreshLease: () => {
      leaseUntil = 0;
      return Promise.resolve();
    },
    store: (tokens, replacing) => {
      leaseUntil = 0;
      if ((store.kept?.version ?? 0) === replacing) {
        store.kept = { ...tokens, version: replacing + 1 };
        store.stored += 1;
      }
      return Promise.resolve();
    },
    markRefused: (version) => {
      store.refusedVersions.push(version);
      return Promise.resolve();
    },
    waitForOther: () => new Promise((done) => setTimeout(done, 10)),
  };
  return store;
}

export type TestShop = {
  shopify: Shopify;
  store: MemoryStore;
  fetchOutside: FetchOutside;
  clock: () => Date;
  auth: RefreshDeps;
  storefront: Storefront;
  calls: { operation: string; outcome: string }[];
  /** The merchant opens the app. */
  install: () => Promise<void>;
  /** Another process with the same storage. */
  another: () => Storefront;
  close: () => Promise<void>;
};

export async function openTestShop(
  options: Partial<ShopifyOptions> & { plan?: 'standard' | 'development' } = {},
): Promise<TestShop> {
  const { plan = 'standard', ...rest } = options;
  const shopify = await startShopify({
    apps: [
      {
        name: 'Zaptill',
        clientId: app.clientId,
        secret: app.clientSecret,
        appUrl: 'http://127.0.0.1:9',
        webhooks: [],
      },
    ],
    shops: [{ domain: shop, currency: 'EUR', plan }],
    ...rest,
  });
  const { fetchOutside } = outbound({ origin: shopify.origin });
  const clock = (): Date => new Date(shopify.clock.now());
  const store = memoryStore(clock);
  const auth: RefreshDeps = { fetchOutside, clock, app, shop, store };
  const calls: TestShop['calls'] = [];
  const another = (): Storefront =>
    adminOrders({
      shop,
      tokens: tokenSource(auth),
      fetchOutside,
      throttle: makeThrottle(clock),
      clock,
      saw: ({ operation, outcome }) => void calls.push({ operation, outcome }),
    });
  const install = async (): Promise<void> => {
    const sessionToken = shopify.sessionToken({ shop, app: app.clientId, kind: 'admin' });
    const tokens = await exchangeToken({ fetchOutside, clock }, { app, shop, sessionToken });
    await store.store(tokens, store.kept?.version ?? 0);
  };
  await install();
  const close = (): Promise<void> => shopify.close();
  return {
    shopify,
    store,
    fetchOutside,
    clock,
    auth,
    calls,
    storefront: another(),
    install,
    another,
    close,
  };
}
