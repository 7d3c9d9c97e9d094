// The outsiders of a desk: a shop, prices, a merchant's node and a buyer's wallet, on addresses
// that stay the same from one start to the next.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import path from 'node:path';
import express from 'express';
import { nodeControls, startLnd, type LndSimulator } from './lnd/index.ts';
import { market, priceControls, pricePages } from './prices/index.ts';
import { openRealNodes } from './real-nodes.ts';
import { startShopify } from './shopify/index.ts';
import { serverCertificate } from './shopify/payments/index.ts';
import { addressPages } from './wallet/address.ts';
import { walletPages, type WalletOptions } from './wallet/index.ts';
import { payee } from './wallet/payee.ts';

const shop = 'alpine-coffee.myshopify.com';

/** The merchant's node, and whoever pays its invoices. */
export type DeskNode = {
  /** A credential that can receive and nothing else. */
  lndconnect: string;
  /** LND's own admin credential, to see how it is refused. */
  adminLndconnect: string;
  /** A credential that can pay and nothing else, for the signer. */
  payingLndconnect?: string;
  wallet: WalletOptions;
  /** What can be made to go wrong at it; a real node has no such switches. */
  simulated?: LndSimulator;
  close: () => Promise<void>;
};

export type Desk = {
  appUrl: string;
  /** What our processes must know of this desk. */
  env: Record<string, string>;
  addresses: readonly { what: string; url: string }[];
  hints: readonly string[];
  /** What the signer is to pay refunds with; undefined: nobody can pay the buyer's wallet here. */
  purse: { shop: string; lndconnect: string } | undefined;
  /** At the first start the merchant opens the app and connects the node. */
  introduce: () => Promise<void>;
  close: () => Promise<void>;
};

type Registration = { clientId: string; secret: string };

type Kept = Registration & {
  appPort: number;
  outsidePort: number;
  lndPort: number;
  payments: Registration & { port: number };
};

async function freePort(wanted: number): Promise<number> {
  const server = createServer();
  const listening = new Promise<boolean>((resolve) => {
    server.once('error', () => {
      resolve(false);
    });
    server.listen(wanted, '127.0.0.1', () => {
      resolve(true);
    });
  });
  if (!(await listening)) return freePort(0);
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

const registration = (known: Partial<Registration> | undefined): Registration => ({
  clientId: known?.clientId ?? randomBytes(16).toString('hex'),
  secret: known?.secret ?? `shpss_${randomBytes(16).toString('hex')}`,
});

/** What must be the same at the next start: addresses, and the apps' registrations at the shop. */
async function keep(file: string): Promise<Kept> {
  const known = fs.existsSync(file)
    ? (JSON.parse(fs.readFileSync(file, 'utf8')) as Partial<Kept>)
    : undefined;
  const kept: Kept = {
    ...registration(known),
    appPort: await freePort(known?.appPort ?? Number(process.env['PORT'] ?? 3_000)),
    outsidePort: await freePort(known?.outsidePort ?? 4_000),
    lndPort: await freePort(known?.lndPort ?? 10_009),
    payments: {
      ...registration(known?.payments),
      port: await freePort(known?.payments?.port ?? 3_443),
    },
  };
  fs.writeFileSync(file, JSON.stringify(kept), { mode: 0o600 });
  return kept;
}

async function simulatedNode(dir: string, port: number): Promise<DeskNode> {
  const lnd = await startLnd({ alias: 'alpine-coffee', dir, port });
  return {
    lndconnect: lnd.lndconnect(lnd.macaroon('receive-useful', { rootKeyId: '57001' })),
    adminLndconnect: lnd.lndconnect(lnd.macaroon('admin')),
    payingLndconnect: lnd.lndconnect(lnd.macaroon('pay', { rootKeyId: '57002' })),
    wallet: { nodes: [lnd] },
    simulated: lnd,
    close: () => lnd.stop(),
  };
}

export async function openDesk(about: {
  dataDir: string;
  realNode: boolean;
  say: (line: string) => void;
}): Promise<Desk> {
  const dir = path.join(about.dataDir, about.realNode ? 'sandbox-real-node' : 'sandbox');
  fs.mkdirSync(dir, { recursive: true });
  const kept = await keep(path.join(dir, 'desk.json'));
  const appUrl = `http://127.0.0.1:${String(kept.appPort)}`;
  const node = about.realNode
    ? await openRealNodes({ dir: path.join(dir, 'nodes'), say: about.say })
    : await simulatedNode(path.join(dir, 'lnd'), kept.lndPort);
  const { clientId, secret } = kept;
  const door = await paymentsDoor(appUrl, kept.payments);
  const shopify = await startShopify({
    apps: [{ name: 'Zaptill', clientId, secret, appUrl }, door.app],
    shops: [{ domain: shop, currency: 'EUR', plan: 'standard', name: 'Alpine Coffee' }],
    port: kept.outsidePort,
    statePath: path.join(dir, 'shopify.json'),
    // As in reality, an order can be read a moment after the thank-you page shows.
    lag: { byIdMs: 300, bySearchMs: 1_500 },
    trusted: [door.env.PAYMENTS_TLS_CERT],
  });
  const prices = market();
  shopify.outside.use(pricePages(prices));
  shopify.outside.use('/_prices', priceControls(prices));
  const own = payee();
  shopify.outside.use('/wallet', walletPages({ own, ...node.wallet }));
  shopify.outside.use(addressPages({ payee: own }));
  shopify.outside.use('/node', nodePage(node));
  const { simulated } = node;
  simulated?.reaches(own);
  const controls = simulated && nodeControls(() => [simulated]);
  if (controls !== undefined) shopify.outside.use('/_node', controls);
  const { origin } = shopify;
  const { payingLndconnect } = node;
  const purse = payingLndconnect === undefined ? undefined : { shop, lndconnect: payingLndconnect };
  return {
    appUrl,
    env: {
      PORT: String(kept.appPort),
      APP_URL: appUrl,
      SHOPIFY_API_KEY: clientId,
      SHOPIFY_API_SECRET: secret,
      ...door.env,
      PAYMENTS_CLIENT_CA: shopify.payments.clientCa,
      OUTSIDE_ORIGIN: origin,
      ALLOW_PRIVATE_NODES: 'true',
    },
    addresses: addressesOf({
      origin,
      clientId,
      paymentsClientId: kept.payments.clientId,
      simulated: simulated !== undefined,
    }),
    hints: [
      'Choose "Bitcoin (Lightning)" at checkout, copy the invoice, and pay it with the wallet.',
      'Open the payments app and do what it says: then the checkout offers it "offsite" too.',
      ...(purse === undefined ? [] : [refundHint]),
    ],
    purse,
    introduce: () => introduce({ appUrl, shopify, lndconnect: node.lndconnect }),
    close: async () => {
      await shopify.close();
      await node.close();
    },
  };
}

const refundHint =
  'Switch refunds on in the settings of the app, refund a paid order on its page, open the claim ' +
  'link\nas its buyer, and give it an invoice of the wallet: the signer pays it.';

/**
 * The payments app's registration, and the door where Shopify shows its client certificate. The
 * door's own certificate is made at every start, and Shopify is told to believe it.
 */
async function paymentsDoor(appUrl: string, about: Kept['payments']) {
  const { clientId, secret, port } = about;
  const { cert, key } = await serverCertificate();
  const at = `https://127.0.0.1:${String(port)}/payments`;
  const payments = { paymentSessionUrl: `${at}/session`, refundSessionUrl: `${at}/refund` };
  return {
    app: { name: 'Zaptill Payments', clientId, secret, appUrl, payments },
    env: {
      PAYMENTS_API_KEY: clientId,
      PAYMENTS_API_SECRET: secret,
      PAYMENTS_PORT: String(port),
      PAYMENTS_TLS_CERT: cert,
      PAYMENTS_TLS_KEY: key,
    },
  };
}

/** Where a person clicks, the shop first. */
function addressesOf(about: {
  origin: string;
  clientId: string;
  paymentsClientId: string;
  simulated: boolean;
}): Desk['addresses'] {
  const { origin, clientId, paymentsClientId } = about;
  const admin = `${origin}/admin.shopify.com/store/${shop.replace('.myshopify.com', '')}`;
  return [
    { what: 'The shop: buy something', url: `${origin}/${shop}` },
    { what: "The buyer's Lightning wallet", url: `${origin}/wallet/` },
    { what: 'The same wallet, to receive a refund', url: `${origin}/wallet/receive` },
    { what: "The merchant's admin, with our app", url: `${admin}/apps/${clientId}` },
    { what: 'The payments app, not embedded', url: `${admin}/apps/${paymentsClientId}` },
    { what: 'Orders, as the merchant sees them', url: `${admin}/orders` },
    { what: "The merchant's node: its links", url: `${origin}/node/` },
    { what: 'What can go wrong at Shopify', url: `${origin}/_sandbox` },
    ...(about.simulated
      ? [{ what: 'What can go wrong at the node', url: `${origin}/_node/` }]
      : []),
  ];
}

/** What a merchant would do at first: opens the app, and pastes the link of the node. */
async function introduce(about: {
  appUrl: string;
  shopify: Awaited<ReturnType<typeof startShopify>>;
  lndconnect: string;
}): Promise<void> {
  const call = async (
    method: string,
    at: string,
    body?: object,
  ): Promise<Record<string, unknown>> => {
    const token = about.shopify.sessionToken({ shop, app: 'Zaptill', kind: 'admin' });
    const answer = await fetch(`${about.appUrl}${at}`, {
      method,
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return (await answer.json()) as Record<string, unknown>;
  };
  const known = await call('GET', '/api/shop');
  const node = known['node'] as { health?: string } | null | undefined;
  if (node?.health === 'reachable') return;
  const connected = await call('POST', '/api/node', { lndconnect: about.lndconnect });
  if (connected['ok'] !== true)
    throw new Error(`the node was refused: ${String(connected['sentence'])}`);
}

/** The links that a node's owner would have at hand. */
function nodePage(node: DeskNode): express.Router {
  const routes = express.Router();
  const link = (title: string, text: string, uri: string): string =>
    `<section><h2>${title}</h2><p>${text}</p>` +
    `<textarea readonly rows="6" aria-label="${title}">${uri}</textarea></section>`;
  const style =
    ':root{color-scheme:light dark}textarea{width:100%;box-sizing:border-box;' +
    'font:0.8rem/1.4 ui-monospace,monospace}' +
    'body{font:1rem/1.5 system-ui,sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem}';
  const links = [
    link(
      'A credential that can receive, and nothing else',
      'Paste it under "Connect a node" in the app: it is accepted.',
      node.lndconnect,
    ),
    link(
      'The admin credential',
      'Paste it to see how the app refuses a credential that can spend, and what to do instead.',
      node.adminLndconnect,
    ),
  ];
  routes.get('/', (_request, response) => {
    response
      .type('html')
      .send(
        `<!doctype html><html lang="en"><head><meta charset="utf-8">` +
          `<meta name="viewport" content="width=device-width, initial-scale=1">` +
          `<link rel="icon" href="data:,">` +
          `<title>The merchant's node</title><style>${style}</style></head>` +
          `<body><main><h1>The merchant's node</h1>${links.join('')}</main></body></html>`,
      );
  });
  return routes;
}
