// The merchant knocks from inside Shopify's admin. The page is a frame of it and proves itself by a
// session token on every call; a token of the thank-you block is refused here.
import express, { type Request, type RequestHandler, type Response } from 'express';
import { z } from 'zod';
import { currencyOf, decimalOf, minor, msat, satsOf } from '../core/money.ts';
import { paymentStates, type PaymentState } from '../core/payment.ts';
import * as views from '../db/views.ts';
import { shopsOfDomain, workingNode, type NodeRow, type ShopRow } from '../db/views.ts';
import { nameMethod } from '../flows/name-method.ts';
import { Trouble } from '../core/trouble.ts';
import { merchantDocument } from '../frontend/merchant/document.ts';
import type {
  ConnectAnswer,
  MethodAnswer,
  NodeAnswer,
  PaymentAnswer,
  PaymentRow,
  PaymentsAnswer,
  Problem,
  ShopAnswer,
} from '../frontend/shared/merchant-api.ts';
import { bearerOf, proveDocumentLoad, proveMerchant } from '../shopify/requests.ts';
import { shopDomain } from '../shopify/shop-domain.ts';
import { answerJson, statusOfConnectRefusal } from './answers.ts';
import type { MerchantAssets } from './assets.ts';
import type { Doors, Registration, Route } from './doors.ts';

const pageSize = 25;
const json = express.json({ limit: '32kb' });
/** How old the node's word about itself may be when a merchant looks. */
const nodeFreshMs = 30_000;

type Seen = { shop: ShopRow; request: Request; response: Response };

export function merchantRoutes(doors: Doors, assets: MerchantAssets | undefined): Route[] {
  const api =
    (answer: (seen: Seen) => Promise<void>) =>
    async (request: Request, response: Response): Promise<void> => {
      const shop = await shopOfToken(doors, request);
      if (shop === undefined) {
        // App Bridge fetches a fresh token and repeats the call once.
        response.set('X-Shopify-Retry-Invalid-Session-Request', '1');
        answerJson(response, 401, { error: 'The session token is missing, wrong or over.' });
        return;
      }
      await answer({ shop, request, response });
    };
  const route = (
    method: 'get' | 'post',
    path: string,
    answer: (seen: Seen) => Promise<void>,
  ): Route => ({
    method,
    path,
    policy: 'merchant',
    ...(method === 'post' ? { before: [json] as readonly RequestHandler[] } : {}),
    answer: api(answer),
  });

  return [
    route('get', '/api/shop', (seen) => shopAnswer(doors, seen)),
    route('post', '/api/node', (seen) => connectAnswer(doors, seen)),
    route('post', '/api/method', (seen) => methodAnswer(doors, seen)),
    route('get', '/api/payments', (seen) => paymentsAnswer(doors, seen)),
    route('get', '/api/payments/:id', (seen) => paymentAnswer(doors, seen)),
    ...['/', '/node', '/setup', '/payments', '/payments/:id', '/settings'].map((path): Route => ({
      method: 'get',
      path,
      policy: 'shopify-embedded',
      answer: (request, response) => document(doors, { assets, request, response }),
    })),
  ];
}

/** Installs the shop at first sight; exchanges the token where there is none that works. */
async function shopOfToken(doors: Doors, request: Request): Promise<ShopRow | undefined> {
  const sessionToken = bearerOf(request.get('authorization'));
  const proof = await proveMerchant(sessionToken, await doors.registrations());
  if (!proof.ok || sessionToken === undefined) {
    doors.countRefusedProof('merchant');
    return undefined;
  }
  const { id: registrationId } = proof.app;
  try {
    return await doors.install({ registrationId, domain: proof.shop, sessionToken });
  } catch (error) {
    // Shopify does not take it any more, such as right after the app was removed.
    if (error instanceof Trouble && error.what === 'session_token_refused') return undefined;
    throw error;
  }
}

async function shopAnswer(doors: Doors, { shop, response }: Seen): Promise<void> {
  const { db } = doors.deps;
  const [counts, node, attention] = await Promise.all([
    views.countsByState(db, shop.id),
    freshNode(doors, shop.id),
    views.listPayments(db, {
      shopId: shop.id,
      state: undefined,
      needsPerson: true,
      after: undefined,
      limit: 10,
    }),
  ]);
  const answer: ShopAnswer = {
    installed: true,
    shop: shop.domain,
    node: node === null ? null : nodeAnswer(doors, node),
    method: { name: shop.methodName },
    bake: doors.bakeLine(),
    counts,
    problems: [...attention.flatMap(problemOf), ...nodeProblems(node)],
  };
  answerJson(response, 200, answer);
}

async function freshNode(doors: Doors, shopId: number): Promise<NodeRow | null> {
  const node = await workingNode(doors.deps.db, shopId);
  if (node === null) return null;
  const asked = Math.max(node.reachableAt?.getTime() ?? 0, node.troubleAt?.getTime() ?? 0);
  if (doors.deps.clock().getTime() - asked < nodeFreshMs) return node;
  await doors.refreshNode(node);
  return workingNode(doors.deps.db, shopId);
}

function problemOf(line: views.PaymentLine): Problem[] {
  const about = { paymentId: line.id, orderName: line.order_name };
  if (line.attention === 'untold') {
    const sentence = `${line.order_name}: paid, and Shopify could not be told yet. Look at it.`;
    return [{ what: 'stranded', sentence, ...about }];
  }
  if (line.attention === 'stranded') {
    const sentence = `${line.order_name}: ${paymentStates.stranded}`;
    return [{ what: 'stranded', sentence, ...about }];
  }
  const sentence = `${line.order_name}: more was paid than the order owed. Give the rest back.`;
  return [{ what: 'overpaid', sentence, ...about }];
}

function nodeProblems(node: NodeRow | null): Problem[] {
  if (node === null) {
    return [{ what: 'no_node', sentence: 'Connect a node: shoppers cannot pay before.' }];
  }
  if (node.trouble !== null) {
    const sentence =
      `Your node at ${node.address} does not answer. Shoppers cannot pay until it does; ` +
      'what they have paid is not lost.';
    return [{ what: 'node_unreachable', sentence }];
  }
  if (node.receivableMsat === 0n) {
    const sentence = 'Your node cannot receive: open a channel with inbound liquidity.';
    return [{ what: 'nothing_receivable', sentence }];
  }
  return [];
}

const iso = (date: Date | null): string | null => date?.toISOString() ?? null;

function nodeAnswer(doors: Doors, node: NodeRow): NodeAnswer {
  return {
    id: node.id,
    address: node.address,
    alias: node.alias,
    identity: node.identity,
    network: node.network as NodeAnswer['network'],
    version: node.version,
    connectedAt: node.connectedAt.toISOString(),
    health: healthOf(node),
    healthSince: iso(node.troubleAt ?? node.reachableAt),
    receivableMsat: node.receivableMsat?.toString() ?? null,
    largestPartMsat: node.largestPartMsat?.toString() ?? null,
    channels:
      node.channels === null ? null : { active: node.activeChannels ?? 0, all: node.channels },
    credentialEndsAt: iso(node.credentialEndsAt),
    advice: doors.adviceOf(node),
  };
}

function healthOf(node: NodeRow): NodeAnswer['health'] {
  if (node.trouble === null) return node.reachableAt === null ? 'not_asked' : 'reachable';
  return node.trouble === 'wallet_locked' ? 'locked' : 'unreachable';
}

const connectForm = z.union([
  z.strictObject({ lndconnect: z.string().min(1).max(8_192) }),
  z.strictObject({
    host: z.string().min(1).max(300),
    certificate: z.string().max(8_192),
    macaroon: z.string().min(1).max(8_192),
  }),
]);

async function connectAnswer(doors: Doors, { shop, request, response }: Seen): Promise<void> {
  const given = connectForm.safeParse(request.body);
  if (!given.success) {
    answerJson(response, 400, {
      error: 'Give a lndconnect link, or host, certificate and macaroon.',
    });
    return;
  }
  const connected = await doors.connect({ shopId: shop.id, given: given.data });
  if (!connected.ok) {
    answerJson(response, statusOfConnectRefusal, connected satisfies ConnectAnswer);
    return;
  }
  const node = { ...nodeAnswer(doors, connected.node), advice: connected.advice };
  answerJson(response, 200, { ok: true, node } satisfies ConnectAnswer);
}

async function methodAnswer(doors: Doors, { shop, request, response }: Seen): Promise<void> {
  const body = z.strictObject({ name: z.string().trim().max(100) }).safeParse(request.body);
  const name = body.success ? body.data.name : '';
  if (name === '') {
    const sentence = 'Give the exact name of the manual payment method, as Shopify shows it.';
    answerJson(response, 422, { ok: false, sentence } satisfies MethodAnswer);
    return;
  }
  await nameMethod(doors.deps, { shopId: shop.id, name });
  answerJson(response, 200, { ok: true, name } satisfies MethodAnswer);
}

const uuidForm = z.uuid();
const isState = (value: unknown): value is PaymentState =>
  typeof value === 'string' && Object.hasOwn(paymentStates, value);

async function paymentsAnswer(doors: Doors, { shop, request, response }: Seen): Promise<void> {
  const { state, after, view } = request.query;
  const lines = await views.listPayments(doors.deps.db, {
    shopId: shop.id,
    state: isState(state) ? state : undefined,
    needsPerson: view === 'needs_person',
    after: uuidForm.safeParse(after).data,
    limit: pageSize + 1,
  });
  const shown = lines.slice(0, pageSize);
  const answer: PaymentsAnswer = {
    payments: shown.map(rowOf),
    after: lines.length > pageSize ? (shown.at(-1)?.id ?? null) : null,
  };
  answerJson(response, 200, answer);
}

function rowOf(line: views.PaymentLine): PaymentRow {
  const currency = currencyOf(line.currency);
  return {
    id: line.id,
    orderName: line.order_name,
    orderId: line.origin_id,
    state: line.state,
    sentence: paymentStates[line.state],
    fiat: {
      amount: currency === undefined ? '' : decimalOf(minor(BigInt(line.owed_minor)), currency),
      currency: line.currency,
    },
    sats: line.amount_msat === null ? null : satsOf(msat(BigInt(line.amount_msat))),
    openedAt: line.opened_at.toISOString(),
    settledAt: iso(line.settled_at),
    attention: line.attention,
  };
}

async function paymentAnswer(doors: Doors, { shop, request, response }: Seen): Promise<void> {
  const id = uuidForm.safeParse(request.params['id']).data;
  const line =
    id === undefined ? undefined : await views.paymentLine(doors.deps.db, { shopId: shop.id, id });
  if (line === undefined) {
    answerJson(response, 404, { error: 'There is no such payment in this shop.' });
    return;
  }
  const entries = await views.timeline(doors.deps.db, line.id);
  const answer: PaymentAnswer = {
    ...rowOf(line),
    payUrl: `${doors.appUrl}/pay/${line.link}`,
    hash: line.hash,
    preimage: line.preimage,
    timeline: entries.map((entry) => ({
      at: entry.at.toISOString(),
      sentence: views.sentenceOf(entry),
      what: entry.what,
      to: entry.to,
      because: entry.because,
      details: entry.details,
    })),
  };
  answerJson(response, 200, answer);
}

/** The page itself: the same document for every path, made per request, framed by its shop only. */
async function document(
  doors: Doors,
  about: { assets: MerchantAssets | undefined; request: Request; response: Response },
): Promise<void> {
  const { assets, request, response } = about;
  const query = (name: string): string => {
    const value = request.query[name];
    return typeof value === 'string' ? value : '';
  };
  const shop = shopDomain(query('shop'));
  const registration = await registrationOfDocument(doors, {
    shop,
    query: new URL(request.originalUrl, doors.appUrl).searchParams,
  });
  response.set({ 'Cache-Control': 'no-store', 'Referrer-Policy': 'no-referrer' });
  if (shop === undefined || registration === undefined) {
    response.set('Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'");
    response
      .status(200)
      .type('text/plain')
      .send('Zaptill is running. Open it from your Shopify admin, under Apps.\n');
    return;
  }
  if (query('embedded') !== '1') {
    const store = shop.replace(/\.myshopify\.com$/, '');
    const admin = `https://admin.shopify.com/store/${store}/apps/${registration.clientId}`;
    response.redirect(302, doors.outsideUrl(admin));
    return;
  }
  if (assets === undefined) {
    response.status(503).type('text/plain').send('The pages are not built: npm run build\n');
    return;
  }
  const outside = (url: string): string => new URL(doors.outsideUrl(url)).origin;
  const frames = [...new Set([outside(`https://${shop}/`), outside('https://admin.shopify.com/')])];
  const scripts = outside('https://cdn.shopify.com/');
  response.set(
    'Content-Security-Policy',
    [
      "default-src 'self'",
      `script-src 'self' ${scripts}`,
      `style-src 'self' 'unsafe-inline' ${scripts}`,
      `font-src 'self' ${scripts}`,
      `img-src 'self' data: ${scripts}`,
      `connect-src 'self' ${[...frames, scripts].join(' ')}`,
      "object-src 'none'",
      "base-uri 'none'",
      "form-action 'self'",
      `frame-ancestors ${frames.join(' ')}`,
    ].join('; '),
  );
  response.type('html').send(
    merchantDocument({
      clientId: registration.clientId,
      shop,
      assets,
      appBridgeUrl: doors.outsideUrl('https://cdn.shopify.com/shopifycloud/app-bridge.js'),
    }),
  );
}

/**
 * Which app the page belongs to. A fresh load proves it; a frame that is loaded again has an old
 * proof, and then the shop names it. The page itself shows nothing before its own token is checked.
 */
async function registrationOfDocument(
  doors: Doors,
  given: { shop: string | undefined; query: URLSearchParams },
): Promise<Registration | undefined> {
  const registrations = await doors.registrations();
  const proof = await proveDocumentLoad(given.query, registrations);
  if (proof.ok) return proof.app;
  if (given.shop === undefined) return undefined;
  const [installed] = await shopsOfDomain(doors.deps.db, given.shop);
  const known = registrations.find(({ id }) => id === installed?.registrationId);
  return known ?? registrations[0];
}
