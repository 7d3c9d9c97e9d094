// Our program in the process of the test, between a played shop, played exchanges and a simulated
// node: everything is wired as in production, and nothing happens but what the test does. No pool
// runs, no webhook comes; flows and steps are called by hand, and the doors are open.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import os from 'node:os';
import { startLnd } from '../sandbox/lnd/index.ts';
import { market, pricePages } from '../sandbox/prices/index.ts';
import { startShopify, type AppOptions, type OrderInput } from '../sandbox/shopify/index.ts';
import { readConfig } from '../web/config.ts';
import { claim, claimThese, type ClaimedRow } from '../web/db/due.ts';
import { latestPayment, paymentById, type PaymentRow } from '../web/db/payments.ts';
import { allRegistrations } from '../web/db/registrations.ts';
import { shopById, type ShopRow } from '../web/db/shops.ts';
import { nodeLane, shopLane, type DueTable, type Lane } from '../web/db/lanes.ts';
import type { Deps, Step, StepEnd } from '../web/flows/flow.ts';
import type { ConnectGiven } from '../web/flows/connect-node.ts';
import { lookAtOrderNow } from '../web/flows/look-at-order.ts';
import { quoteInvoice } from '../web/flows/quote-invoice.ts';
import { makeApp } from '../web/http/app.ts';
import type { Doors } from '../web/http/doors.ts';
import { makeLog } from '../web/log.ts';
import { wire } from '../web/wiring.ts';
import { testDatabase } from './database.ts';
import { keepPort } from './kept-port.ts';
import { aLog } from './worker/play.ts';
import { app, shopName } from './world.ts';

export { app, shopName };

export type InProcess = Awaited<ReturnType<typeof startInProcess>>;

/**
 * A shop that has the app and a node that works. `payments`: the payments app is known as well;
 * its door, whose certificate Shopify trusts, is the test's. `neighbours`: shops that may open the
 * app as well. `node`: the merchant's instead of the simulated one.
 */
export async function startInProcess(
  given: {
    payments?: AppOptions;
    trusted?: string[];
    neighbours?: string[];
    node?: ConnectGiven;
  } = {},
) {
  const place = await testDatabase();
  const kept = await keepPort();
  const { port } = kept;
  const appUrl = `http://127.0.0.1:${String(port)}`;
  const shopify = await startShopify({
    apps: [
      { ...app, appUrl, webhooks: [], extension: null },
      ...(given.payments === undefined ? [] : [{ ...given.payments, appUrl, webhooks: [] }]),
    ],
    shops: [shopName, ...(given.neighbours ?? [])].map((domain) => ({ domain })),
    trusted: given.trusted ?? [],
  });
  const prices = market();
  shopify.outside.use(pricePages(prices));
  const lnd = await startLnd({ alias: 'merchant' });
  const config = readConfig({
    ...{ PORT: String(port), APP_URL: appUrl, DATABASE_URL: place.url, DATA_DIR: os.tmpdir() },
    VAULT_KEYS: `1:${randomBytes(32).toString('base64')}`,
    ...{ OUTSIDE_ORIGIN: shopify.origin, ALLOW_PRIVATE_NODES: 'true' },
  });
  const wired = wire({ config, log: makeLog({ level: 'silent' }), databaseUrl: place.url });
  await wired.registerApp({ name: app.name, clientId: app.clientId, clientSecret: app.secret });
  if (given.payments !== undefined) {
    const { name, clientId, secret: clientSecret } = given.payments;
    await wired.registerApp({ kind: 'payments', name, clientId, clientSecret });
  }
  const log = aLog();
  const deps: Deps = { ...wired.deps, log };
  const doors: Doors = { ...wired.doors(), deps };
  const hands = handsOf({ appUrl, doors, shopify });
  const shop = await hands.openApp();
  const macaroon = lnd.macaroon('receive-useful', { rootKeyId: '57001' });
  const credential = given.node ?? { lndconnect: lnd.lndconnect(macaroon) };
  const connect = (more: object = {}) =>
    doors.connect({ shopId: shop.id, given: credential, ...more });
  // A busy machine may take longer than a merchant would wait.
  let connected = await connect();
  for (let again = 0; !connected.ok && again < 6; again += 1) connected = await connect();
  if (!connected.ok) throw new Error(JSON.stringify(connected));
  await kept.give();
  const server = createServer(makeApp(doors)).listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    ...{ appUrl, deps, doors, log, lnd, prices, server, shop, shopify, wired },
    ...{ db: deps.db, node: connected.node, connect },
    ...hands,
    ...rowsOf(deps),
    close: async () => {
      server.closeAllConnections();
      server.close();
      await wired.close();
      await lnd.stop();
      await shopify.close();
      await place.close();
    },
  };
}

export type Open = { payment: PaymentRow; orderId: string; checkoutToken: string };

/** What the merchant's page is answered. */
export type Answered<T> = { status: number; answer: T };

function handsOf(about: {
  appUrl: string;
  doors: Doors;
  shopify: Awaited<ReturnType<typeof startShopify>>;
}) {
  const { appUrl, doors, shopify } = about;
  const { deps } = doors;
  const adminToken = (shop: string = shopName): string =>
    shopify.sessionToken({ shop, app: app.name, kind: 'admin' });
  /** The merchant opens the app, with a session token of this moment or an older one. */
  const openApp = async (sessionToken = adminToken()): Promise<ShopRow> => {
    const [registration] = await allRegistrations(deps.db);
    const registrationId = registration?.id ?? 0;
    return doors.install({ registrationId, domain: shopName, sessionToken });
  };
  /** An order at the shop, and the payment that waits for its money. */
  const anOrder = async (input: OrderInput = {}): Promise<Open> => {
    const order = shopify.createOrder({ shop: shopName, total: '21.00', ...input });
    const { id: shopId } = await deps.db.prisma.shop.findFirstOrThrow();
    await lookAtOrderNow(deps, { shopId, originId: order.id });
    const payment = await latestPayment(deps.db, { shopId, originId: order.id });
    if (payment === null) throw new Error('no payment was opened');
    return { payment, orderId: order.id, checkoutToken: order.checkoutToken };
  };
  /** As the merchant's page asks: with a body it is a POST. */
  const asMerchant = async <T>(
    at: string,
    body?: object,
    token = adminToken(),
  ): Promise<Answered<T>> => {
    const response = await fetch(`${appUrl}${at}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        Authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, answer: (await response.json()) as T };
  };
  return { adminToken, asMerchant, openApp, anOrder };
}

function rowsOf(deps: Deps) {
  const { db } = deps;
  /** Claims the one row that is due in this table, as a lane's turn does. */
  const claimDue = async (table: DueTable, lane: Lane): Promise<ClaimedRow> => {
    const [row, ...more] = await claim(db, { table, lane, limit: 5 });
    if (row === undefined || more.length > 0) throw new Error(`not one row is due: ${table}`);
    return row;
  };
  /** Makes one row due, claims it and runs its step. The row stays claimed until the next time. */
  const runStep = async (
    step: Step,
    at: { table: DueTable; id: bigint | string; lane: Lane },
    on: Deps = deps,
  ): Promise<StepEnd> => {
    await db.pool.query(`update ${at.table} set due_at = null where lane = $1`, [at.lane]);
    await db.pool.query(
      // A column of whole milliseconds may round this moment up, into the future.
      `update ${at.table} set due_at = now() - interval '1 ms', lease_until = null
       where id::text = $1`,
      [String(at.id)],
    );
    // A signer at work may make others of the lane due meanwhile.
    const ids = [String(at.id)];
    const [row] = await claimThese(db, { table: at.table, lane: at.lane, ids });
    if (row === undefined) throw new Error(`it is not due: ${at.table}`);
    return step(on, row);
  };
  /** The same flows, on a clock that is ahead. */
  const later = (ms: number): Deps => ({ ...deps, clock: () => new Date(Date.now() + ms) });
  const quoted = async (paymentId: string): Promise<{ id: bigint; request: string }> => {
    const answer = await quoteInvoice(deps, paymentId);
    if (answer.is !== 'payable') throw new Error(`no invoice: ${JSON.stringify(answer.is)}`);
    return { id: answer.invoice.id, request: answer.invoice.request ?? '' };
  };
  const read = async (paymentId: string): Promise<PaymentRow> => {
    const row = await paymentById(db, paymentId);
    if (row === null) throw new Error('the payment is gone');
    return row;
  };
  const readShop = async (shopId: number): Promise<ShopRow> => {
    const row = await shopById(db, shopId);
    if (row === null) throw new Error('the shop is gone');
    return row;
  };
  return { claimDue, runStep, later, quoted, read, readShop, nodeLane, shopLane };
}
