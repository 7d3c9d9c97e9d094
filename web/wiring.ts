// The one place where real things are built and handed to those who need them. Nobody else knows
// which node, which shop, which clock or which key it talks to.
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { openAlertWays } from './alerts/ways.ts';
import type { Config } from './config.ts';
import { advice } from './core/advice.ts';
import { daysLeftOf } from './core/api-version.ts';
import type { LightningNode, Nodes, Storefront, Storefronts } from './core/ports.ts';
import { quotePolicy } from './core/quote.ts';
import { assert, Trouble } from './core/trouble.ts';
import { listenForChanges } from './db/changes.ts';
import { hearCounted } from './db/counted.ts';
import { isDatabaseBusy, openDatabase, rows, type Database } from './db/database.ts';
import { pendingMigrations } from './db/migrate.ts';
import type { Bucket } from './db/pool-reports.ts';
import { nodeAnswered, nodeById, nodeHasTrouble, type NodeRow } from './db/nodes.ts';
import { allRegistrations, storeRegistration, type RegistrationRow } from './db/registrations.ts';
import {
  endRefreshLease,
  shopById,
  storeTokens,
  takeRefreshLease,
  tokenWasRefused,
  type ShopRow,
} from './db/shops.ts';
import {
  connectNode,
  credentialPlace,
  type ConnectDeps,
  type NodeCredential,
} from './flows/connect-node.ts';
import {
  engineStanding,
  lanesStanding,
  moneyStanding,
  nodesTold,
  oldestUntold,
  poolCounters,
  standing,
  streamsStanding,
} from './db/views.ts';
import type { Deps } from './flows/flow.ts';
import { hearApiVersion } from './flows/hear-api-version.ts';
import { installPaymentsApp, type Grant } from './flows/install-payments-app.ts';
import { installShop, sealTokens, tokenPlace } from './flows/install-shop.ts';
import { startSelfTest, type SelfTestDeps } from './flows/self-test.ts';
import type { Doors, Registration } from './http/doors.ts';
import { parseRequest } from './lightning/bolt11.ts';
import { testPasted } from './lightning/connect.ts';
import { bakeLine } from './lightning/gate.ts';
import { openNode, type OpenNode } from './lightning/node.ts';
import { adviceOnVersion } from './lightning/versions.ts';
import { openPayAddresses } from './lnurl/pay-address.ts';
import type { Log } from './log.ts';
import { makeMetrics, type Metrics, type ProcessCounters } from './metrics.ts';
import { watchedRates, watchNodes, type NodesWatch } from './metrics-watch.ts';
import { outbound, type Outbound } from './outbound.ts';
import { getFromGiven, postToGiven } from './outbound-given.ts';
import { makeRates } from './rates/agreed.ts';
import { bitstamp } from './rates/bitstamp.ts';
import { coinbase } from './rates/coinbase.ts';
import { kraken } from './rates/kraken.ts';
import type { AdminDeps } from './shopify/admin-api.ts';
import { paymentSessions } from './shopify/payment-sessions.ts';
import type { ShopApiDeps } from './shopify/shop-api.ts';
import { adminOrders } from './shopify/admin-orders.ts';
import { shopFacts } from './shopify/shop-facts.ts';
import { API_VERSION } from './shopify/version.ts';
import { isPayoutWord, payoutWords } from './signer/words.ts';
import {
  exchangeCode,
  exchangeToken,
  leaseMs,
  tokenSource,
  type TokenStore,
} from './shopify/auth.ts';
import { testOrders } from './shopify/test-orders.ts';
import { makeThrottle, type Throttle } from './shopify/throttle.ts';
import { openVault, SecretsUnreadable, type Vault } from './vault/seal.ts';
import { makeStamp } from './vault/stamp.ts';
import type { Told } from './worker/reporting.ts';
import program from '../package.json' with { type: 'json' };

export const neededScopes = ['read_orders', 'write_orders'] as const;

const registrationsFreshMs = 5_000;
const nodeFreshMs = 5_000;
/** Whoever is handed a row uses it within this time, or reads it anew. */
const rowFreshMs = 100;
/** A merchant hears of a refusal within 15 s, whatever else takes its time. */
const connectWithinMs = 11_000;

export type Wired = {
  config: Config;
  log: Log;
  db: Database;
  vault: Vault;
  metrics: Metrics;
  deps: Deps;
  doors: () => Doors;
  /** What a pool of this process says of it. */
  told: () => Promise<Told>;
  connect: Doors['connect'];
  selfTest: Doors['selfTest'];
  testOrders: SelfTestDeps['testOrders'];
  registrations: Doors['registrations'];
  registerApp: (app: {
    kind?: Registration['kind'];
    name: string;
    clientId: string;
    clientSecret: string;
  }) => Promise<void>;
  close: () => Promise<void>;
};

/** Builds everything; connects to nothing yet. `databaseUrl` is the one that `config` led to. */
export function wire(about: { config: Config; log: Log; databaseUrl: string }): Wired {
  const { config, log, databaseUrl } = about;
  const db = openDatabase({
    url: databaseUrl,
    onError: (error) => {
      log.warn({ err: error }, 'database.connection_lost');
    },
  });
  const vault = openVault(config.vaultKeys);
  const metrics = makeMetrics({ withProcess: true });
  const out = outbound({ origin: config.outsideOrigin });
  const clock = (): Date => new Date();
  hearCounted(db.pool, metrics.counted);
  metrics.keyVersion.set(vault.primaryVersion);
  const { all: registrations, of: registrationOf } = cachedRegistrations({ db, vault, log });
  const nodes = openNodes({ db, vault, config, metrics });
  const sawVersion = hearApiVersion({
    ...{ db, log, clock, asked: API_VERSION },
    count: ({ version, deprecated }) => {
      const isDeprecated = String(deprecated !== null);
      metrics.shopifyVersions.inc({ version, deprecated: isDeprecated });
    },
  });
  const storefronts = openStorefronts({
    ...{ db, vault, out, clock, metrics, registrationOf, sawVersion },
  });
  const deps = makeDeps({ metrics, config, log, db, vault, out, clock, nodes, storefronts });
  const connect = connecting({ config, log, db, vault, metrics, clock, nodes });
  const registerApp: Wired['registerApp'] = async ({ clientSecret, ...app }) => {
    const sealed = vault.seal(Buffer.from(clientSecret, 'utf8'), secretPlace(app.clientId));
    await storeRegistration(db, { ...app, sealedSecret: Uint8Array.from(sealed) });
  };
  const testOrdersOf = async (shopId: number) => testOrders(await storefronts.adminOf(shopId));
  const orders: Wired['testOrders'] = { of: testOrdersOf };
  const selfTest: Doors['selfTest'] = (shopId) =>
    startSelfTest({ ...deps, testOrders: orders }, shopId);
  let changes: Doors['changes'] | undefined;
  return {
    ...{ config, log, db, vault, metrics, deps, connect, registrations, registerApp, selfTest },
    testOrders: orders,
    told: () => told({ metrics, storefronts, nodes }),
    doors: () => {
      changes ??= listenForChanges(databaseUrl);
      return makeDoors({
        ...{ config, deps, out, nodes, metrics, connect, changes, selfTest },
        ...{ registrations, registrationOf },
      });
    },
    close: async () => {
      nodes.close();
      await changes?.close();
      await db.close();
    },
  };
}

/** A node is tested before anything of it is kept. */
function connecting(
  parts: Pick<Wired, 'config' | 'log' | 'db' | 'vault' | 'metrics'> & {
    clock: () => Date;
    nodes: ReturnType<typeof openNodes>;
  },
): Doors['connect'] {
  const { config, log, db, vault, metrics, clock, nodes } = parts;
  const testNode: ConnectDeps['testNode'] = (pasted, expected, mustHold) =>
    testPasted(pasted, {
      ...{ mustHold, allowPrivate: config.allowPrivateNodes, now: clock() },
      wholeMs: connectWithinMs,
      blocked: () => metrics.ssrfBlocked.inc({ way: 'node' }),
      ...(expected === undefined ? {} : { expected }),
    });
  const deps = { db, log, sealer: vault, testNode, forgetConnection: nodes.forget };
  return (given) => connectNode(deps, given);
}

/** What every flow may use. */
function makeDeps(parts: {
  metrics: Metrics;
  config: Config;
  log: Log;
  db: Database;
  vault: Vault;
  out: Outbound;
  clock: Deps['clock'];
  nodes: OpenNodes;
  storefronts: OpenStorefronts;
}): Deps {
  const { metrics, config, log, db, vault, out, clock, nodes, storefronts } = parts;
  const sources = [kraken, coinbase, bitstamp].map((source) =>
    source({ fetchOutside: out.fetchOutside, clock }),
  );
  return {
    db,
    clock,
    log,
    nodes,
    storefronts,
    paymentSessions: {
      of: async (shopId) => paymentSessions(await storefronts.paymentsOf(shopId)),
    },
    askShop: async (shopId) => shopFacts(await storefronts.adminOf(shopId)),
    rates: watchedRates(makeRates({ sources, clock, saw: metrics.rateAnswered }), {
      ...{ metrics, clock },
    }),
    readRequest: parseRequest,
    askPayAddress: openPayAddresses({
      get: getFromGiven({
        origin: config.outsideOrigin,
        blocked: () => metrics.ssrfBlocked.inc({ way: 'pay_address' }),
      }),
      readInvoice: parseRequest,
      missed: (about) => {
        log.warn(about, 'pay_address.no_answer');
      },
    }),
    sealer: vault,
    stamp: makeStamp(config.vaultKeys),
    alertWays: openAlertWays({
      mail: config.smtp,
      post: postToGiven({
        origin: config.outsideOrigin,
        blocked: () => metrics.ssrfBlocked.inc({ way: 'alert' }),
      }),
    }),
    quotePolicy,
    quoteSeconds: config.quoteSeconds,
    sweepSeconds: config.sweepSeconds,
    realMoneyOnly: config.production,
    randomSecret: () => randomBytes(32),
  };
}

const secretPlace = (clientId: string) => ({
  table: 'registration',
  field: 'secret',
  shop: '',
  record: clientId,
});

type Registrations = {
  all: Doors['registrations'];
  /** Undefined: there is none, or its secret cannot be opened. */
  of: (id: number) => Promise<Registration | undefined>;
};

/**
 * Secrets are opened for some seconds, so that a new registration needs no restart. One that cannot
 * be opened is left out: its own shops wait, and the others' do not.
 */
function cachedRegistrations(parts: { db: Database; vault: Vault; log: Log }): Registrations {
  const { db, vault, log } = parts;
  let kept: { at: number; registrations: Registration[] } | undefined;
  const told = new Set<number>();
  const opened = ({ id, kind, clientId, sealedSecret }: RegistrationRow): Registration[] => {
    try {
      const secret = vault.open(sealedSecret, secretPlace(clientId));
      return [{ id, kind, clientId, secrets: [Buffer.from(secret).toString('utf8')] }];
    } catch (error) {
      if (!told.has(id)) log.error({ registrationId: id, err: error }, 'registration.unreadable');
      told.add(id);
      return [];
    }
  };
  const read = async (): Promise<Registration[]> => {
    const registrations = (await allRegistrations(db)).flatMap(opened);
    kept = { at: Date.now(), registrations };
    return registrations;
  };
  const fresh = async (): Promise<Registration[]> =>
    kept === undefined || Date.now() - kept.at >= registrationsFreshMs
      ? read()
      : kept.registrations;
  const withId = (all: readonly Registration[], id: number) => all.find((each) => each.id === id);
  return {
    all: async (kind) => (await fresh()).filter((each) => kind === undefined || each.kind === kind),
    // A shop may be younger than what was read.
    of: async (id) =>
      withId(await fresh(), id) ?? (told.has(id) ? undefined : withId(await read(), id)),
  };
}

type OpenNodes = Nodes & {
  of: (nodeId: number) => Promise<LightningNode>;
  openOf: (nodeId: number) => Promise<OpenNode>;
  forget: (nodeId: number) => void;
  certificates: NodesWatch['certificates'];
  close: () => void;
};

type OpenedNode = { node: OpenNode; connectedAt: number };
type NodeParts = { db: Database; vault: Vault; config: Config; metrics: Metrics };

const closeWhenOpen = (opened: Promise<OpenedNode>): void =>
  void opened.then(({ node }) => node.close()).catch(() => undefined);

/** One connection per node and process, opened anew when the stored credential has changed. */
function openNodes(about: NodeParts): OpenNodes {
  const { db } = about;
  const watch = watchNodes(about.metrics);
  const kept = new Map<number, { opened: Promise<OpenedNode>; checkedAt: number }>();
  const forget = (nodeId: number): void => {
    const had = kept.get(nodeId);
    kept.delete(nodeId);
    watch.forgotten(nodeId);
    if (had !== undefined) closeWhenOpen(had.opened);
  };
  const checked = async (
    nodeId: number,
    before: Promise<OpenedNode> | undefined,
  ): Promise<OpenedNode> => {
    const row = await nodeById(db, nodeId);
    const had = await before?.catch(() => undefined);
    if (row !== null && had?.connectedAt === row.connectedAt.getTime()) return had;
    had?.node.close();
    if (row?.sealedCredential == null) {
      throw new Trouble('no_credential', { from: 'node', then: 'give_up', away: true });
    }
    const opened = openStored({ ...about, watch }, row);
    watch.opened(nodeId, opened.node);
    return opened;
  };
  const openOf = async (nodeId: number): Promise<OpenNode> => {
    const known = kept.get(nodeId);
    if (known !== undefined && Date.now() - known.checkedAt < nodeFreshMs) {
      return (await known.opened).node;
    }
    // Everybody who asks meanwhile waits for this one look.
    const opened = checked(nodeId, known?.opened);
    kept.set(nodeId, { opened, checkedAt: Date.now() });
    opened.catch((error: unknown) => {
      const isKept = kept.get(nodeId)?.opened === opened;
      if (isKept) kept.delete(nodeId);
      if (known === undefined || !isDatabaseBusy(error)) return;
      // It could not be looked at, and is as open as it was.
      if (isKept) kept.set(nodeId, { opened: known.opened, checkedAt: 0 });
      else closeWhenOpen(known.opened);
    });
    return (await opened).node;
  };
  return {
    of: openOf,
    openOf,
    forget,
    certificates: watch.certificates,
    close: () => {
      for (const nodeId of kept.keys()) forget(nodeId);
    },
  };
}

function openStored(about: NodeParts & { watch: NodesWatch }, row: NodeRow): OpenedNode {
  const { nodeReads, hedges } = about.metrics;
  const sealed = row.sealedCredential ?? new Uint8Array();
  const plain = about.vault.open(sealed, credentialPlace(row.id));
  const credential = JSON.parse(Buffer.from(plain).toString('utf8')) as NodeCredential;
  plain.fill(0);
  const node = openNode({
    ...credential,
    allowPrivate: about.config.allowPrivateNodes,
    identity: row.identity,
    network: row.network as 'mainnet',
    countedRead: (what) => (what === 'read' ? nodeReads : hedges).inc(),
    watch: about.watch.of(row.id),
  });
  return { node, connectedAt: row.connectedAt.getTime() };
}

type StorefrontParts = {
  db: Database;
  vault: Vault;
  out: Outbound;
  clock: Deps['clock'];
  metrics: Metrics;
  registrationOf: Registrations['of'];
  sawVersion: NonNullable<ShopApiDeps['sawVersion']>;
};

type OpenStorefronts = Storefronts & {
  /** Of a shop of the merchant app; any other is a defect: its token is not for the Admin API. */
  adminOf: (shopId: number) => Promise<AdminDeps>;
  /** Of a shop of the payments app, for the Payments Apps API. */
  paymentsOf: (shopId: number) => Promise<ShopApiDeps>;
  /** How full Shopify’s buckets are, by shop, of those that this process has asked. */
  buckets: () => Record<string, Bucket>;
};

/** One Shopify client per shop and process, with one mirror of its bucket. */
function openStorefronts(parts: StorefrontParts): OpenStorefronts {
  const throttles = new Map<number, Throttle>();
  const open: OpenStorefronts = {
    of: async (shopId): Promise<Storefront> => adminOrders(await open.adminOf(shopId)),
    adminOf: (shopId) => depsOf(shopId, 'merchant'),
    paymentsOf: (shopId) => depsOf(shopId, 'payments'),
    buckets: () => bucketsOf(throttles),
  };
  const depsOf = async (shopId: number, kind: Registration['kind']): Promise<ShopApiDeps> => {
    const shop = await shopById(parts.db, shopId);
    if (shop === null || shop.uninstalledAt !== null) {
      throw new Trouble('shop_uninstalled', { from: 'shop', then: 'give_up', away: true });
    }
    const registration = await parts.registrationOf(shop.registrationId);
    // What waits for it is tried again: the shop is there.
    if (registration === undefined) throw new SecretsUnreadable();
    assert(registration.kind === kind, 'a token of one app was meant for the API of the other');
    const throttle = throttles.get(shopId) ?? makeThrottle(parts.clock);
    throttles.set(shopId, throttle);
    const { fetchOutside } = parts.out;
    const tokens = tokenSource({
      fetchOutside,
      clock: parts.clock,
      shop: shop.domain,
      app: appOf(registration),
      store: tokenStore(parts, shop),
    });
    return {
      shop: shop.domain,
      tokens,
      fetchOutside,
      throttle,
      clock: parts.clock,
      sawVersion: parts.sawVersion,
      saw: ({ operation, outcome, ms }) => {
        parts.metrics.shopifyCalls.inc({ operation, outcome });
        parts.metrics.shopifyCallSeconds.observe({ operation }, ms / 1_000);
      },
      sawCost: ({ operation, points }) => {
        parts.metrics.shopifyPoints.observe({ operation }, points);
      },
    };
  };
  return open;
}

/** Of more shops nothing is told: what pools say must stay small. */
const mostBuckets = 200;

function bucketsOf(throttles: ReadonlyMap<number, Throttle>): Record<string, Bucket> {
  const known = [...throttles].flatMap(([shopId, throttle]): [string, Bucket][] => {
    const now = throttle.now();
    if (now === undefined) return [];
    const { currentlyAvailable: available, maximumAvailable: maximum, restoreRate } = now;
    return [[String(shopId), { available, maximum, restoreRate }]];
  });
  // The emptiest first: those are looked for.
  known.sort(([, a], [, b]) => a.available / a.maximum - b.available / b.maximum);
  return Object.fromEntries(known.slice(0, mostBuckets));
}

const appOf = (registration: Registration): { clientId: string; clientSecret: string } => ({
  clientId: registration.clientId,
  clientSecret: registration.secrets[0] ?? '',
});

/**
 * The tokens of one shop's row, sealed and opened on the way. The first look takes the row as it
 * was handed in: it was read for the same step, a moment ago.
 */
function tokenStore({ db, vault }: StorefrontParts, shop: ShopRow): TokenStore {
  let young: { row: ShopRow; at: number } | undefined = { row: shop, at: performance.now() };
  const open = (sealed: Uint8Array, field: string): string =>
    Buffer.from(vault.open(sealed, tokenPlace(shop.id, field))).toString('utf8');
  return {
    load: async () => {
      const isYoung = young !== undefined && performance.now() - young.at < rowFreshMs;
      const row = isYoung ? young?.row : await shopById(db, shop.id);
      young = undefined;
      if (row?.sealedAccessToken == null) return undefined;
      const { sealedRefreshToken: refresh } = row;
      return {
        accessToken: open(row.sealedAccessToken, 'access_token'),
        accessTokenEndsAt: row.accessTokenEndsAt,
        refreshToken: refresh === null ? null : open(refresh, 'refresh_token'),
        refreshTokenEndsAt: row.refreshTokenEndsAt,
        scopes: row.scopes,
        version: row.tokenVersion,
      };
    },
    takeRefreshLease: (tokenVersion) =>
      takeRefreshLease(db, { shopId: shop.id, tokenVersion, leaseMs }),
    endRefreshLease: () => endRefreshLease(db, shop.id),
    store: (tokens, replacing) =>
      storeTokens(db, { shopId: shop.id, replacing }, sealTokens(vault, shop.id, tokens)),
    markRefused: (tokenVersion) => tokenWasRefused(db, { shopId: shop.id, tokenVersion }),
    waitForOther: () => new Promise((resolve) => setTimeout(resolve, 100)),
  };
}

/** What a pool says of the program around it. */
const told = async (of: {
  metrics: Metrics;
  storefronts: OpenStorefronts;
  nodes: OpenNodes;
}): Promise<Told> => ({
  version: program.version,
  buckets: of.storefronts.buckets(),
  certificates: of.nodes.certificates,
  counters: await of.metrics.counters(),
});

/** All that /metrics says: of the database, of this process, and what pools have counted. */
async function metricsText(about: {
  db: Database;
  metrics: Metrics;
  now: Date;
}): Promise<{ contentType: string; text: string }> {
  const { db, metrics, now } = about;
  metrics.stand({ ...(await standing(db)), versionDaysLeft: daysLeftOf(API_VERSION, now) });
  metrics.standLanes({
    lanes: await lanesStanding(db),
    oldestUntold: await oldestUntold(db),
    streams: await streamsStanding(db),
  });
  const { totalCount, idleCount: idle, waitingCount: waiting } = db.pool;
  metrics.standEngine(await engineStanding(db), { busy: totalCount - idle, idle, waiting });
  metrics.standMoney(await moneyStanding(db));
  metrics.standNodes(await nodesTold(db));
  const others = (await poolCounters(db)).map(({ pool, counters }) => ({
    process: pool,
    // Of our own making: a pool of another version counts in the same form.
    counters: counters as ProcessCounters['counters'],
  }));
  return { contentType: metrics.registry.contentType, text: await metrics.text(others) };
}

type DoorParts = {
  config: Config;
  deps: Deps;
  out: Outbound;
  nodes: OpenNodes;
  metrics: Metrics;
  registrations: Doors['registrations'];
  registrationOf: Registrations['of'];
  connect: Doors['connect'];
  changes: Doors['changes'];
  selfTest: Doors['selfTest'];
};

function makeDoors(parts: DoorParts): Doors {
  const { config, deps, out, nodes, metrics, registrations, connect, changes, selfTest } = parts;
  const { db, log, clock, sealer } = deps;
  return {
    ...{ deps, registrations, connect, changes, selfTest },
    appUrl: config.appUrl,
    outsideUrl: out.outsideUrl,
    mayBeFollowed: out.mayBeFollowed,
    distDir: path.join(import.meta.dirname, '../dist'),
    metricsToken: config.metricsToken,
    metricsText: () => metricsText({ db, metrics, now: clock() }),
    countWebhook: (topic, outcome) => {
      metrics.webhooks.inc({ topic: outcome === 'refused' ? 'unknown' : topic, outcome });
    },
    countRefusedProof: (door) => {
      metrics.refusedProofs.inc({ door });
    },
    countAnswer: ({ door, status, ms }) => {
      metrics.doorSeconds.observe({ door, status }, ms / 1_000);
    },
    install: (seen) =>
      installShop(
        { db, log, sealer, scopes: neededScopes, exchange: exchanger(parts) },
        {
          ...seen,
        },
      ),
    installPayments: (grant) =>
      installPaymentsApp({ db, log, sealer, exchangeCode: codeExchanger(parts) }, grant),
    refreshNode: (node) => refreshNode(db, nodes, node),
    version: program.version,
    shopify: { apiVersion: API_VERSION, scopes: neededScopes },
    adviceOf: (node) => [
      ...adviceOnVersion(node.version),
      ...(config.production && node.network !== 'mainnet'
        ? [advice('only_tests', { network: node.network })]
        : []),
      ...(node.activeChannels === 0 ? [advice('no_active_channel')] : []),
    ],
    bakeLine: (holds) => bakeLine(undefined, holds),
    hashOfRequest: (request) => parseRequest(request)?.hash,
    sayPayout: (word) => (isPayoutWord(word) ? payoutWords[word] : 'The signer waits.'),
    askPayAddress: deps.askPayAddress,
    isReady: readiness(db),
  };

  function exchanger(known: DoorParts) {
    return async (about: { registrationId: number; domain: string; sessionToken: string }) => {
      const app = await appWithId(known, about.registrationId);
      return exchangeToken(
        { fetchOutside: out.fetchOutside, clock },
        { app, shop: about.domain, sessionToken: about.sessionToken },
      );
    };
  }
}

const appWithId = async (
  { registrationOf }: Pick<DoorParts, 'registrationOf'>,
  id: number,
): Promise<ReturnType<typeof appOf>> => {
  const found = await registrationOf(id);
  if (found !== undefined) return appOf(found);
  throw new Trouble('registration_unknown', { from: 'shop', then: 'give_up' });
};

const codeExchanger = (parts: DoorParts) => async (grant: Grant) =>
  exchangeCode(
    { fetchOutside: parts.out.fetchOutside, clock: parts.deps.clock },
    {
      app: await appWithId(parts, grant.registrationId),
      shop: grant.domain,
      code: grant.code,
    },
  );

/** Asks a node how it is; what it answers, and that it does not, is stored. */
async function refreshNode(db: Database, nodes: OpenNodes, row: NodeRow): Promise<void> {
  try {
    const node = await nodes.openOf(row.id);
    await node.getInfo();
    await nodeAnswered(db, row.id, await node.receivable());
  } catch (error) {
    if (!(error instanceof Trouble)) throw error;
    await nodeHasTrouble(db, row.id, error.what);
  }
}

/** The database answers and has every migration of this program; asked until it once had. */
function readiness(db: Database): () => Promise<boolean> {
  let migrated = false;
  return async () => {
    try {
      await rows(db.pool, { name: 'ready', text: 'select 1 as ready' }, []);
      migrated ||= (await pendingMigrations(db.url)).length === 0;
      return migrated;
    } catch {
      return false;
    }
  };
}
