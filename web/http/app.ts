// All doors in one table, each with the policy by which its callers prove themselves.
import path from 'node:path';
import express, { type Express, type RequestHandler } from 'express';
import { assert } from '../core/trouble.ts';
import { answerErrors, answerNothing } from './answers.ts';
import { merchantAssets, payAssets } from './assets.ts';
import type { Doors, Route } from './doors.ts';
import { buyerRoutes } from './from-buyer.ts';
import { claimantRoutes } from './from-claimant.ts';
import { cors, extensionRoutes } from './from-extension.ts';
import { merchantRoutes } from './from-merchant.ts';
import { proxyRoutes } from './from-proxy.ts';
import { receiptRoutes } from './from-receipts.ts';
import { webhookRoutes } from './from-webhooks.ts';
import { healthRoutes } from './health.ts';
import { paymentsPageRoutes } from './payments/routes.ts';
import { openQuoting } from './quoting.ts';

/** Every route of the open doors. The tests walk this table with every wrong proof. */
export function allRoutes(doors: Doors): Route[] {
  const quoting = openQuoting(doors);
  const assets = payAssets(doors.distDir);
  const merchants = merchantRoutes(doors, merchantAssets(doors.distDir));
  // Two pages at one address: one in Shopify's admin, one that is never framed.
  const framed = merchants.find((route) => route.path === '/payments' && route.method === 'get');
  assert(framed !== undefined, 'the merchant app has no page at /payments');
  return [
    ...healthRoutes(doors),
    ...webhookRoutes(doors),
    ...extensionRoutes(doors, quoting),
    ...proxyRoutes(doors),
    ...buyerRoutes(doors, { quoting, assets }),
    ...claimantRoutes(doors, { assets }),
    ...receiptRoutes(doors),
    ...paymentsPageRoutes(doors, framed.answer),
    ...merchants,
  ];
}

export function makeApp(doors: Doors): Express {
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', false);
  app.set('query parser', 'simple');
  app.use((_request, response, next) => {
    response.set({
      'X-Content-Type-Options': 'nosniff',
      'Strict-Transport-Security': 'max-age=31536000',
    });
    next();
  });
  app.use('/extension', cors);
  const hashed = { immutable: true, maxAge: '1y', index: false, dotfiles: 'ignore' } as const;
  app.use('/pay-assets', express.static(path.join(doors.distDir, 'buyer'), hashed));
  app.use('/merchant', express.static(path.join(doors.distDir, 'merchant'), hashed));
  for (const { method, path: at, before, answer } of allRoutes(doors)) {
    app[method](at, timed(doors, at), ...(before ?? []), async (request, response) => {
      await answer(request, response);
    });
  }
  app.use((request, response) => {
    const says = 'There is nothing here.';
    answerNothing(request, response, { status: 404, because: 'nothing_here', says });
  });
  app.use(answerErrors(doors.deps.log));
  return app;
}

/** An answer that stays open for a page's changes says nothing of how quick we are. */
function timed(doors: Doors, door: string): RequestHandler {
  return (_request, response, next) => {
    const since = performance.now();
    response.once('finish', () => {
      if (/^text\/event-stream/.test(String(response.getHeader('Content-Type')))) return;
      const status = `${String(Math.floor(response.statusCode / 100))}xx`;
      doors.countAnswer({ door, status, ms: performance.now() - since });
    });
    next();
  };
}
