// A whole world for a journey: our doors and pools as processes of their own, a shop, prices and a
// Lightning node around them, each over its real protocol. Any of our processes can be killed, any
// outsider can be made to fail; what the outsiders saw is the truth that our books are held
// against.
import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { lastWill } from '../scripts/last-will.ts';
import { startLnd, type LndOptions, type LndSimulator } from '../sandbox/lnd/index.ts';
import { market, pricePages, type Market } from '../sandbox/prices/index.ts';
import { startShopify, type OrderInput, type Shopify } from '../sandbox/shopify/index.ts';
import { serverCertificate } from '../sandbox/shopify/payments/index.ts';
import { audit, type Violation } from '../web/db/audit.ts';
import { openDatabase, type Database } from '../web/db/database.ts';
import type { PayView } from '../web/frontend/shared/pay-view.ts';

const root = path.join(import.meta.dirname, '..');
const node24 = path.join(root, 'node_modules', 'node', 'bin', 'node');
export const shopName = 'alpine.myshopify.com';
export const app = {
  name: 'zaptill',
  clientId: 'zaptill-test-client',
  secret: 'shpss_canary_app_secret_0001',
};

export const paymentsApp = {
  name: 'zaptill-payments',
  clientId: 'zaptill-payments-test-client',
  secret: 'shpss_canary_payments_secret_0001',
};

/** Where the invoices are made, and a buyer who can pay them. */
export type LightningSide = {
  lndconnect: string;
  pay: (bolt11: string) => Promise<{ ok: boolean; preimage?: string; why?: string }>;
};

export type Process = {
  /** Everything that it wrote. */
  output: () => string;
  pid: number;
  kill: (signal?: NodeJS.Signals) => Promise<void>;
  isAlive: () => boolean;
};

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

export type Spawn = (entrance: string, env: Record<string, string>) => ChildProcess;

const spawnOurs: Spawn = (entrance, env) =>
  spawn(node24, [path.join(root, 'web', entrance)], {
    cwd: root,
    env: { PATH: process.env['PATH'] ?? '', HOME: os.tmpdir(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });

function startProcess(child: ChildProcess): Process {
  let output = '';
  const keep = (chunk: Buffer): void => {
    output += chunk.toString('utf8');
  };
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  const gone = once(child, 'exit');
  // A run that is killed leaves nothing behind.
  const will = lastWill('kill -KILL "$1"', [String(child.pid)]);
  void gone.then(() => will.drop());
  const isAlive = (): boolean => child.exitCode === null && child.signalCode === null;
  return {
    output: () => output,
    pid: child.pid ?? 0,
    isAlive,
    kill: async (signal = 'SIGKILL') => {
      if (isAlive()) {
        child.kill(signal);
        await gone;
      }
    },
  };
}

export type World = Awaited<ReturnType<typeof startWorld>>;

export type WorldOptions = {
  databaseUrl: string;
  pools?: number;
  /** Left out: a simulated node. */
  lightning?: LightningSide;
  /** How the simulated node is, if there is one. */
  lnd?: LndOptions;
  env?: Record<string, string>;
  /** The shop's pages run our thank-you block, which is bundled for them. */
  block?: boolean;
  /**
   * The payments app too, on a door of its own that asks for a client certificate. `captures`: its
   * extension has addresses for captures and voids. The shop begins without it: `prepare` or the
   * grant brings it.
   */
  payments?: boolean | { captures: boolean };
  /** The journey begins before the shop has opened the app. */
  notInstalled?: boolean;
  /** How our processes are begun, if not by their own entrance. */
  spawn?: Spawn;
  /** Another merchant: a registration of the app and a shop of its own, at the same server. */
  other?: { app: typeof app; shop: string };
};

/** Everyone around us: a shop, the exchanges, and a node with a credential for it. */
async function startOutsiders(appUrl: string, options: WorldOptions) {
  const { other } = options;
  const prices: Market = market();
  const door = await paymentsDoor(appUrl, options);
  const shopify: Shopify = await startShopify({
    apps: [
      { ...app, appUrl, ...(options.block === true ? {} : { extension: null }) },
      ...door.apps,
      ...(other === undefined ? [] : [{ ...other.app, appUrl, extension: null }]),
    ],
    shops: [
      { domain: shopName, plan: 'plus' },
      ...(other === undefined ? [] : [{ domain: other.shop, name: 'Beach Books' }]),
    ],
    trusted: door.trusted,
  });
  shopify.outside.use(pricePages(prices));
  const lnd: LndSimulator | undefined =
    options.lightning === undefined
      ? await startLnd({ alias: 'merchant', ...options.lnd })
      : undefined;
  const macaroon = lnd?.macaroon('receive-useful', { rootKeyId: '57001' });
  const lightning: LightningSide = options.lightning ?? {
    lndconnect: lnd?.lndconnect(macaroon ?? Buffer.alloc(0)) ?? '',
    pay: async (bolt11) => (await lnd?.pay(bolt11)) ?? { ok: false, why: 'no node' },
  };
  const paymentsEnv = door.env(shopify.payments.clientCa);
  const { paymentsUrl } = door;
  return { prices, shopify, lnd, macaroon, lightning, paymentsUrl, paymentsEnv };
}

/** Where Shopify posts sessions to, and what our doors must know to open there. */
async function paymentsDoor(appUrl: string, options: WorldOptions) {
  const none = { apps: [], trusted: [], paymentsUrl: '', env: (): Record<string, string> => ({}) };
  if (options.payments === undefined || options.payments === false) return none;
  const port = await freePort();
  const { cert, key } = await serverCertificate();
  const paymentsUrl = `https://127.0.0.1:${String(port)}`;
  const at = (what: string): string => `${paymentsUrl}/payments/${what}`;
  const captures = options.payments !== true && options.payments.captures;
  const payments = {
    paymentSessionUrl: at('session'),
    refundSessionUrl: at('refund'),
    ...(captures ? { captureSessionUrl: at('capture'), voidSessionUrl: at('void') } : {}),
  };
  return {
    apps: [{ ...paymentsApp, appUrl, payments }],
    trusted: [cert],
    paymentsUrl,
    env: (clientCa: string): Record<string, string> => ({
      PAYMENTS_API_KEY: paymentsApp.clientId,
      PAYMENTS_API_SECRET: paymentsApp.secret,
      PAYMENTS_PORT: String(port),
      PAYMENTS_TLS_CERT: cert,
      PAYMENTS_TLS_KEY: key,
      PAYMENTS_CLIENT_CA: clientCa,
    }),
  };
}

/** Our own processes, each with the same environment. */
function ourProcesses(env: Record<string, string> & { PORT: string }, start = spawnOurs) {
  const processes: Process[] = [];
  const begin = (entrance: string, more: Record<string, string> = {}): Process => {
    const process = startProcess(start(entrance, { ...env, ...more }));
    processes.push(process);
    return process;
  };
  /** On the port of `env`, or on another beside it. */
  const startDoors = async (at = Number(env.PORT)): Promise<Process> => {
    // The payments door has one port: the doors beside the first leave it shut.
    const beside = at === Number(env.PORT) ? {} : { PAYMENTS_CLIENT_CA: '' };
    const doors = begin('server.ts', { PORT: String(at), ...beside });
    await until(
      'the doors are ready',
      async () => {
        if (!doors.isAlive()) throw new Error(`the doors ended: ${doors.output()}`);
        return fetch(`http://127.0.0.1:${String(at)}/readyz`).then(
          (answer) => answer.status === 200,
          () => false,
        );
      },
      120_000,
    );
    return doors;
  };
  /** The purse has no key of the others, and they have none of its own. */
  const startSigner = (signerKeys: string): Process => {
    const { DATABASE_URL = '', DATA_DIR = '' } = env;
    const signers = { DATABASE_URL, DATA_DIR, SIGNER_KEYS: signerKeys, LOG_LEVEL: 'info' };
    const signer = startProcess(start('signer.ts', { ...signers, ALLOW_PRIVATE_NODES: 'true' }));
    processes.push(signer);
    return signer;
  };
  return { processes, startDoors, startPool: () => begin('worker.ts'), startSigner };
}

export async function startWorld(options: WorldOptions) {
  const port = await freePort();
  const appUrl = `http://127.0.0.1:${String(port)}`;
  const outsiders = await startOutsiders(appUrl, options);
  const { shopify, lnd, lightning } = outsiders;
  const dataDir = fs.mkdtempSync(path.join(os.tmpdir(), 'zaptill-world-'));
  const vaultKeys = `1:${randomBytes(32).toString('base64')}`;
  const env = {
    PORT: String(port),
    APP_URL: appUrl,
    DATABASE_URL: options.databaseUrl,
    DATA_DIR: dataDir,
    VAULT_KEYS: vaultKeys,
    SHOPIFY_API_KEY: app.clientId,
    SHOPIFY_API_SECRET: app.secret,
    OUTSIDE_ORIGIN: shopify.origin,
    ALLOW_PRIVATE_NODES: 'true',
    SWEEP_SECONDS: '5',
    LOG_LEVEL: 'info',
    ...outsiders.paymentsEnv,
    ...options.env,
  };
  const db: Database = openDatabase({ url: options.databaseUrl, connections: 4 });
  const ours = ourProcesses(env, options.spawn);
  const world = {
    ...{ appUrl, db, env, vaultKeys, ...outsiders, ...ours },
    doors: await ours.startDoors(),
    pools: Array.from({ length: options.pools ?? 1 }, ours.startPool),
    adminToken: () => shopify.sessionToken({ shop: shopName, app: app.name, kind: 'admin' }),
    ...people({ appUrl, shopify }),
    ...books({ shopify, db }),
    close: async () => {
      await Promise.all(ours.processes.map((one) => one.kill('SIGTERM')));
      await db.close();
      await lnd?.stop();
      await shopify.close();
      fs.rmSync(dataDir, { recursive: true, force: true });
    },
  };
  if (options.notInstalled === true) return world;
  try {
    await world.api('GET', '/api/shop');
    await connectNode(world, lightning);
  } catch (error) {
    await world.close();
    throw error;
  }
  return world;
}

/** On a busy machine a node that has just begun may be too slow for our doors: asked again. */
async function connectNode(
  world: Pick<ReturnType<typeof people>, 'api'>,
  { lndconnect }: LightningSide,
): Promise<void> {
  await until(
    'the node is connected',
    async () => {
      const { status, body } = await world.api('POST', '/api/node', { lndconnect });
      const isLate = body['refusal'] === 'node_silent' || body['refusal'] === 'node_unreachable';
      if (status !== 200 && !isLate) throw new Error(JSON.stringify(body));
      return status === 200;
    },
    120_000,
  );
}

/** What is waited for, and whether an answer to that is itself awaited: for whoever looks why. */
export const waitedFor = new Map<symbol, { what: string; sinceMs: number; asking: boolean }>();

/** Waits for something to be so. The message says what never came, and what came instead. */
export async function until<T>(
  what: string | (() => string),
  ask: () => Promise<T> | T,
  withinMs = 30_000,
): Promise<NonNullable<T>> {
  const end = Date.now() + withinMs;
  const name = (): string => (typeof what === 'string' ? what : what());
  const mine = { what: name(), sinceMs: performance.now(), asking: true };
  const key = Symbol('wait');
  waitedFor.set(key, mine);
  try {
    for (;;) {
      mine.asking = true;
      const answer = await ask();
      mine.asking = false;
      if (answer) return answer;
      if (Date.now() > end) throw new Error(`waited ${String(withinMs)} ms in vain: ${name()}`);
      await pause(50);
    }
  } finally {
    waitedFor.delete(key);
  }
}

export type Bought = { orderId: string; checkoutToken: string };

/** What a merchant and a buyer do. */
function people(about: { appUrl: string; shopify: Shopify }) {
  const { appUrl, shopify } = about;
  const api = async (method: string, at: string, body?: object) => {
    const token = shopify.sessionToken({ shop: shopName, app: app.name, kind: 'admin' });
    const answer = await fetch(`${appUrl}${at}`, {
      method,
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  };
  const buy = (input: OrderInput = {}): Bought => {
    const order = shopify.createOrder({
      shop: shopName,
      total: '21.00',
      currency: 'EUR',
      ...input,
    });
    return { orderId: order.id, checkoutToken: order.checkoutToken };
  };
  /** The thank-you block asks, as its code does. */
  const askAsBlock = async (bought: Bought) => {
    const token = shopify.sessionToken({ shop: shopName, app: app.name, kind: 'extension' });
    const answer = await fetch(`${appUrl}/extension/payment`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      body: JSON.stringify(bought),
    });
    return { status: answer.status, body: (await answer.json()) as Partial<PayView> };
  };
  const payLink = (bought: Bought, withinMs?: number): Promise<string> => {
    let last = '';
    return until(
      () => `the block gets a pay link, the last answer was ${last}`,
      async () => {
        const answer = await askAsBlock(bought).catch((error: unknown) => ({
          status: 0,
          body: { payUrl: undefined, error: String(error) },
        }));
        last = `${String(answer.status)} ${JSON.stringify(answer.body)}`;
        return answer.status === 200 ? answer.body.payUrl : undefined;
      },
      withinMs,
    );
  };
  const status = async (payUrl: string): Promise<PayView> =>
    (await (await fetch(`${payUrl}/status`)).json()) as PayView;
  const invoiceOn = (payUrl: string, withinMs?: number): Promise<string> =>
    until(
      'the page has an invoice',
      async () => {
        const html = await fetch(payUrl).then(
          (answer) => answer.text(),
          () => '',
        );
        return /href="lightning:(ln[a-z0-9]+)"/i.exec(html)?.[1]?.toLowerCase() ?? '';
      },
      withinMs,
    );
  return { api, buy, askAsBlock, payLink, status, invoiceOn };
}

/** What Shopify and our database have of an order. */
function books(about: { shopify: Shopify; db: Database }) {
  const { shopify, db } = about;
  const isPaid = (bought: Bought, withinMs?: number): Promise<unknown> =>
    until(
      `order ${bought.orderId} is paid`,
      () => shopify.order(bought.orderId)?.financialStatus === 'PAID',
      withinMs,
    );
  const rowOf = async (bought: Bought) => {
    const found = await db.prisma.payment.findFirst({
      where: { originId: bought.orderId },
      orderBy: { sequence: 'desc' },
    });
    return found;
  };
  const inState = (bought: Bought, state: string, withinMs?: number): Promise<unknown> =>
    until(
      `the payment of ${bought.orderId} is ${state}`,
      async () => (await rowOf(bought))?.state === state,
      withinMs,
    );
  const violations = (): Promise<Violation[]> => audit(db);
  return { isPaid, rowOf, inState, violations };
}
