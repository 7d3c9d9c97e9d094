/**
 * `/_sandbox/...`: the stand-in's switches, over HTTP and as a page for people. Never part of what
 * Shopify offers.
 */

import express, { Router, type Request, type Response } from 'express';
import { FAULT_KINDS, type FaultInput, type FaultKind } from './faults.ts';
import { expireTokens, install, revokeTokens, uninstall, type Pair } from './installs.ts';
import { createOrder, viewOf, type OrderInput } from './order-acts.ts';
import { STYLE } from './pages/layout.ts';
import { html, type Html } from './pages/html.ts';
import { storeOf } from './ids.ts';
import type { LogEntry, World } from './world.ts';

/** The few that a person wants at hand. */
const PRESETS: { label: string; fault: FaultInput }[] = [
  { label: 'Shopify answers 503 for a minute', fault: { kind: 'status', seconds: 60 } },
  { label: '429 as an HTML page, 3 calls', fault: { kind: 'html-429', times: 3 } },
  { label: 'THROTTLED, 5 calls', fault: { kind: 'throttled', times: 5 } },
  {
    label: 'The next “mark as paid” is done, its answer lost',
    fault: { kind: 'timeout', when: 'after', operation: 'orderMarkAsPaid', delayMs: 15_000 },
  },
  { label: 'No webhooks for a minute', fault: { kind: 'webhook-never', seconds: 60 } },
  { label: 'Webhooks twice for a minute', fault: { kind: 'webhook-twice', seconds: 60 } },
  { label: 'Orders cannot be read for 30 s', fault: { kind: 'order-not-by-id', seconds: 30 } },
  {
    label: 'The next “resolve” of a payment session is done, its answer lost',
    fault: {
      kind: 'timeout',
      when: 'after',
      operation: 'paymentSessionResolve',
      delayMs: 15_000,
    },
  },
  { label: 'The next session request comes thrice at once', fault: { kind: 'session-thrice' } },
  {
    label: 'Another API version answers for a minute',
    fault: { kind: 'other-version', seconds: 60 },
  },
  { label: 'The API says for a minute what will go', fault: { kind: 'deprecated', seconds: 60 } },
  {
    label: 'The next thank-you page has no checkout token for 20 s',
    fault: { kind: 'no-checkout-token' },
  },
];

const isFault = (body: unknown): body is FaultInput =>
  typeof body === 'object' &&
  body !== null &&
  FAULT_KINDS.includes((body as { kind?: FaultKind }).kind as FaultKind);

function start(world: World): Html {
  const rows = world.shops.map(
    (shop) =>
      html`<section class="card">
        <h2>${shop.name}</h2>
        <ul>
          <li><a href="/${shop.domain}/">The shop</a>: buy something</li>
          <li>
            <a href="/admin.shopify.com/store/${storeOf(shop.domain)}/orders">Its admin</a>: orders
          </li>
          ${world.apps.map(
            (app) =>
              html`<li>
                <a href="/admin.shopify.com/store/${storeOf(shop.domain)}/apps/${app.handle}"
                  >${app.name}</a
                >
                in its admin
              </li>`,
          )}
        </ul>
      </section>`,
  );
  const now = world.faults.list();
  const kinds = now.map((it) => it.kind).join(', ');
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>Sandbox</title>
        <link rel="icon" href="data:," />
        <link rel="stylesheet" href="/_sandbox/style.css" />
      </head>
      <body>
        <main class="shop">
          <h1>The sandbox’s Shopify</h1>
          ${rows}
          <section class="card" aria-labelledby="faults">
            <h2 id="faults">Make something go wrong</h2>
            ${PRESETS.map(
              (preset, index) =>
                html`<form
                  method="post"
                  action="/_sandbox/presets/${index}"
                  style="margin-bottom:.5rem"
                >
                  <button>${preset.label}</button>
                </form>`,
            )}
            <p class="soft">${now.length === 0 ? 'Nothing is wrong right now.' : `On: ${kinds}`}</p>
            <form method="post" action="/_sandbox/presets/none">
              <button class="main">All well again</button>
            </form>
          </section>
        </main>
      </body>
    </html>`;
}

const refuse = (res: Response, why: string): void => {
  res.status(422).json({ error: why });
};

export function control(world: World, log: LogEntry[]): Router {
  const routes = Router();
  const json = express.json();
  routes.get(['/', '/_sandbox'], (_req, res) => {
    res.type('html').send(start(world).text);
  });
  routes.get('/_sandbox/style.css', (_req, res) => {
    res.type('css').send(STYLE);
  });
  routes.post('/_sandbox/presets/:which', (req, res) => {
    const preset = PRESETS[Number(req.params.which)];
    if (preset === undefined) world.faults.clear();
    else world.faults.add(preset.fault);
    res.redirect(303, '/');
  });
  routes.get('/_sandbox/faults', (_req, res) => {
    res.json(world.faults.list());
  });
  routes.post('/_sandbox/faults', json, (req: Request, res: Response) => {
    if (!isFault(req.body)) refuse(res, `kind must be one of ${FAULT_KINDS.join(', ')}`);
    else res.status(201).json({ id: world.faults.add(req.body).id });
  });
  routes.delete('/_sandbox/faults', (_req, res) => {
    world.faults.clear();
    res.status(204).end();
  });
  routes.delete('/_sandbox/faults/:id', (req, res) => {
    world.faults.remove(Number(req.params.id));
    res.status(204).end();
  });
  routes.get('/_sandbox/orders', (_req, res) => {
    res.json(world.state.orders.filter((it) => !it.deleted).map((it) => viewOf(world, it)));
  });
  routes.post('/_sandbox/orders', json, (req: Request, res: Response) => {
    try {
      res.status(201).json(viewOf(world, createOrder(world, (req.body ?? {}) as OrderInput)));
    } catch (error) {
      refuse(res, error instanceof Error ? error.message : 'no');
    }
  });
  routes.get('/_sandbox/effects', (_req, res) => {
    res.json(
      world.state.effects.map((it) => ({ ...it, amountMinor: it.amountMinor?.toString() ?? null })),
    );
  });
  routes.get('/_sandbox/log', (_req, res) => {
    res.json(log);
  });
  routes.post('/_sandbox/clock', json, (req: Request, res: Response) => {
    const { turnMs } = (req.body ?? {}) as { turnMs?: unknown };
    if (typeof turnMs !== 'number' || turnMs < 0) {
      refuse(res, 'turnMs must be a number of milliseconds');
      return;
    }
    world.clock.turn(turnMs);
    res.json({ now: world.clock.now() });
  });
  const acts = { install, uninstall, 'expire-tokens': expireTokens, 'revoke-tokens': revokeTokens };
  for (const [name, act] of Object.entries(acts))
    routes.post(`/_sandbox/${name}`, json, (req: Request, res: Response) => {
      try {
        act(world, req.body as Pair);
        res.status(204).end();
      } catch (error) {
        refuse(res, error instanceof Error ? error.message : 'no');
      }
    });
  return routes;
}
