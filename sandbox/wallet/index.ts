/**
 * sandbox/wallet: a buyer's wallet. A person pastes a BOLT11 and pays it: now, a little late,
 * twice, or not at all; a test posts JSON.
 *
 * It plays an outsider: it knows of a shop only what stands in the request. Its money is not real
 * unless a payer with a real node is handed in.
 *
 * Mounted at `/wallet`: `GET /wallet/?request=lnbc...`; `POST /wallet/pay` with a form, or with
 * JSON `{ "request", "how": "now" | "late" | "twice" | "never", "amountMsat"?, "wait"? }`, answered
 * by `{ "id", "isOver", "outcomes": [{ "ok", "preimage" | "why" }] }`; `GET /wallet/attempts/<id>`.
 * With `own` money of its own it also receives: `GET /wallet/receive` has a field for an LNURL and
 * one for an amount, `POST /wallet/receive` takes `lnurl` or `sats`.
 */
import express, { Router } from 'express';
import type { Request, Response } from 'express';
import { readRequest } from '../lnd/index.ts';
import type { ReadRequest } from '../lnd/index.ts';
import { isWay, walletAttempts } from './attempts.ts';
import type { Attempt, Payer, PayTerms } from './attempts.ts';
import { PAGE_POLICY } from './page.ts';
import { withdraw } from './lnurl.ts';
import { attemptPage, emptyPage, receivePage, requestPage, unreadablePage } from './pages.ts';
import type { Payee } from './payee.ts';

export type { Outcome, Payer, PayTerms } from './attempts.ts';

/** A node that buyers can reach, like a `LndSimulator`. */
export type PayableNode = { publicKey: string; pay: Payer };

export type WalletOptions = {
  nodes?: readonly PayableNode[] | (() => readonly PayableNode[]);
  /** Makes requests and scans codes to receive. */
  own?: Payee;
  /** Pays what none of the nodes has asked for: with `--real-node`, a real one. */
  payer?: Payer;
};

/** `lightning:` links and capitals are as good. */
const bare = (request: string): string =>
  request
    .trim()
    .toLowerCase()
    .replace(/^lightning:/, '');
const readOrNothing = (request: string): ReadRequest | undefined => {
  try {
    return readRequest(bare(request));
  } catch {
    return undefined;
  }
};

const payerOf =
  (options: WalletOptions): Payer =>
  (request, terms) => {
    const { nodes = [] } = options;
    const known = typeof nodes === 'function' ? nodes() : nodes;
    const payee = readOrNothing(request)?.payee;
    const node = known.find(({ publicKey }) => publicKey === payee);
    if (node) return node.pay(request, terms);
    if (options.payer) return options.payer(request, terms);
    return Promise.resolve({ ok: false, why: 'NO_ROUTE' });
  };

const DIGITS = /^[0-9]{1,18}$/;
const termsOf = (body: Record<string, unknown>): PayTerms | undefined => {
  const { amountMsat, amountSat } = body;
  if (typeof amountMsat === 'string' && amountMsat !== '') {
    return DIGITS.test(amountMsat) ? { amountMsat: BigInt(amountMsat) } : undefined;
  }
  if (typeof amountSat === 'string' && amountSat !== '') {
    return DIGITS.test(amountSat) ? { amountMsat: BigInt(amountSat) * 1000n } : undefined;
  }
  return {};
};

const asJson = ({ id, isOver, outcomes }: Attempt): object => ({ id, isOver, outcomes });
const wantsJson = (request: Request): boolean => request.is('json') === 'json';

const refuse = (request: Request, response: Response, asked: string, error: string): void => {
  response.status(400);
  if (wantsJson(request)) response.json({ error });
  else response.type('html').send(unreadablePage(asked));
};

const pages = (router: Router, attempts: ReturnType<typeof walletAttempts>): void => {
  router.get('/', (request, response) => {
    const asked = request.query['request'];
    if (typeof asked !== 'string' || asked === '') {
      response.type('html').send(emptyPage(attempts.all()));
      return;
    }
    const read = readOrNothing(asked);
    response.status(read ? 200 : 400).type('html');
    response.send(read ? requestPage(bare(asked), read, Date.now()) : unreadablePage(asked));
  });
  router.get('/attempts/:id', (request, response) => {
    const attempt = attempts.get(request.params.id);
    const read = attempt && readOrNothing(attempt.request);
    if (!attempt || !read) response.status(404).type('html').send(emptyPage(attempts.all()));
    else if (request.accepts(['html', 'json']) === 'json') response.json(asJson(attempt));
    else response.type('html').send(attemptPage(attempt, read, Date.now()));
  });
};

const receiving = (router: Router, own: Payee): void => {
  router.get('/receive', (_request, response) => {
    response.type('html').send(receivePage({}));
  });
  const body = express.urlencoded({ extended: false });
  router.post('/receive', body, async (request: Request, response: Response) => {
    const { lnurl, sats } = (request.body ?? {}) as Record<string, unknown>;
    if (typeof sats === 'string' && DIGITS.test(sats)) {
      const made = own.make({ amountMsat: BigInt(sats) * 1000n, memo: 'from my wallet' });
      response.type('html').send(receivePage({ request: made.request }));
      return;
    }
    const scanned = typeof lnurl === 'string' ? lnurl : '';
    const answer = await withdraw(scanned, own).catch((error: unknown) => ({
      status: 'ERROR',
      reason: error instanceof Error ? error.message : 'it failed',
    }));
    response.type('html').send(receivePage({ answer }));
  });
};

export const walletPages = (options: WalletOptions): Router => {
  const router = Router();
  const attempts = walletAttempts(payerOf(options));
  router.use((request, response, next) => {
    response.setHeader('Content-Security-Policy', PAGE_POLICY);
    // The page's links are relative to its folder.
    if (request.path === '/' && !request.originalUrl.startsWith(`${request.baseUrl}/`)) {
      response.redirect(308, request.originalUrl.replace(request.baseUrl, `${request.baseUrl}/`));
    } else next();
  });
  pages(router, attempts);
  if (options.own) receiving(router, options.own);
  const bodies = [express.json(), express.urlencoded({ extended: false })];
  router.post('/pay', ...bodies, async (request: Request, response: Response) => {
    const body = (request.body ?? {}) as Record<string, unknown>;
    const asked = typeof body['request'] === 'string' ? body['request'] : '';
    const terms = termsOf(body);
    const way = body['how'] ?? 'now';
    if (!readOrNothing(asked)) refuse(request, response, asked, 'not a Lightning request');
    else if (!isWay(way)) refuse(request, response, asked, 'how is now, late, twice or never');
    else if (!terms) refuse(request, response, asked, 'the amount is not a whole number');
    else {
      const attempt = attempts.begin(bare(asked), way, terms);
      if (wantsJson(request)) {
        if (body['wait'] !== false) await attempt.over;
        response.json(asJson(attempt));
      } else response.redirect(303, `attempts/${attempt.id}`);
    }
  });
  return router;
};
