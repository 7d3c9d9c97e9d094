/**
 * The token endpoint: token exchange, the authorization code of a payments app, refresh, and the
 * move of an old token to an expiring one.
 *
 * It trusts nothing: the session token is verified with the app's secret, the installation must
 * stand, and every pair has its own life. A previous refresh token works until its replacement is
 * first used, at most 30 days after its own first use and never beyond its 90 days.
 */

import type { Request, Response } from 'express';
import { answerWith, happensAfter } from './fault-answers.ts';
import { HTTP_FAULTS } from './faults.ts';
import { hex, uuid } from './ids.ts';
import type { App, Install, Token } from './nouns.ts';
import { takeCode } from './payments/grants.ts';
import { readToken } from './signatures.ts';
import { appOf, type World } from './world.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ID_TOKEN = 'urn:ietf:params:oauth:token-type:id_token';
const OFFLINE = 'urn:shopify:params:oauth:token-type:offline-access-token';
const ONLINE = 'urn:shopify:params:oauth:token-type:online-access-token';

type Answer = { status: number; body: object };

const no = (error: string, description: string, status = 400): Answer => ({
  status,
  body: { error, error_description: description },
});

export function installOf(world: World, clientId: string, shop: string): Install {
  const found = world.state.installs.find((it) => it.clientId === clientId && it.shop === shop);
  if (found !== undefined) return found;
  const scopes = appOf(world, clientId)?.scopes ?? [];
  // A payments app comes by its grant only.
  const installed = appOf(world, clientId)?.payments === null;
  const made: Install = { clientId, shop, installed, scopes: [...scopes] };
  world.state.installs.push(made);
  return made;
}

/**
 * The live token of that text at that shop, or undefined: unknown, expired, revoked, another
 * shop's.
 */
export function liveToken(world: World, access: string, shop: string): Token | undefined {
  const now = world.clock.now();
  return world.state.tokens.find(
    (token) =>
      token.access === access &&
      token.shop === shop &&
      !token.revoked &&
      (token.expiresAt === null || token.expiresAt > now),
  );
}

export function issue(
  world: World,
  input: { app: App; shop: string; expiring: boolean; online?: boolean; from?: string },
): Token {
  const now = world.clock.now();
  const { app, shop, expiring } = input;
  const token: Token = {
    clientId: app.clientId,
    shop,
    access: `shpat_${hex(16)}`,
    scopes: [...installOf(world, app.clientId, shop).scopes],
    online: input.online ?? false,
    issuedAt: now,
    expiresAt: expiring ? now + HOUR_MS : null,
    refresh: expiring && input.online !== true ? `shprt_${hex(16)}` : null,
    refreshExpiresAt: expiring && input.online !== true ? now + 90 * DAY_MS : null,
    usedAt: null,
    from: input.from ?? null,
    spent: false,
    revoked: false,
  };
  world.state.tokens = world.state.tokens.filter((it) => !isForgotten(it, now));
  world.state.tokens.push(token);
  world.changed();
  return token;
}

const isForgotten = (token: Token, now: number): boolean =>
  (token.expiresAt ?? Infinity) + 90 * DAY_MS < now;

function pair(token: Token): object {
  const seconds = (until: number | null) =>
    until === null ? undefined : Math.round((until - token.issuedAt) / 1000);
  return {
    access_token: token.access,
    scope: token.scopes.join(','),
    expires_in: seconds(token.expiresAt),
    ...(token.refresh === null
      ? {}
      : {
          refresh_token: token.refresh,
          refresh_token_expires_in: seconds(token.refreshExpiresAt),
        }),
  };
}

const user = {
  id: 92837465,
  first_name: 'Sam',
  last_name: 'Shopkeeper',
  email: 'sam@example.com',
  email_verified: true,
  account_owner: true,
  locale: 'en',
  collaborator: false,
};

/** Installs the app: the merchant has approved it on the page that gave the code. */
function grant(world: World, app: App, shop: string, ask: Record<string, unknown>): Answer {
  if (!takeCode(world, { code: ask['code'], clientId: app.clientId, shop }))
    return no('invalid_request', 'The authorization code was not found or was already used');
  const install = installOf(world, app.clientId, shop);
  install.installed = true;
  install.scopes = [...app.scopes];
  const { expiring } = ask;
  const wanted = expiring === '1' || expiring === 1 || expiring === true;
  return { status: 200, body: pair(issue(world, { app, shop, expiring: wanted })) };
}

function exchange(world: World, app: App, shop: string, ask: Record<string, unknown>): Answer {
  const subject = String(ask['subject_token']);
  const expiring = ask['expiring'] === '1' || ask['expiring'] === 1 || ask['expiring'] === true;
  const wanted = ask['requested_token_type'];
  if (ask['subject_token_type'] === OFFLINE) return migrate(world, app, shop, { subject, ask });
  if (ask['subject_token_type'] !== ID_TOKEN || (wanted !== OFFLINE && wanted !== ONLINE))
    return no('invalid_request', 'The token types are not supported');
  const claims = readToken(app.secret, subject);
  const now = Date.now() / 1000;
  const good =
    claims?.['aud'] === app.clientId &&
    claims['dest'] === `https://${shop}` &&
    claims['iss'] === `https://${shop}/admin` &&
    typeof claims['exp'] === 'number' &&
    claims['exp'] > now &&
    typeof claims['nbf'] === 'number' &&
    claims['nbf'] <= now + 10;
  if (app.payments !== null) return no('invalid_request', 'Token exchange is for embedded apps');
  if (!good || !installOf(world, app.clientId, shop).installed)
    return no('invalid_subject_token', 'The subject token is not an active session token');
  if (wanted === OFFLINE) return { status: 200, body: pair(issue(world, { app, shop, expiring })) };
  const token = issue(world, { app, shop, expiring: true, online: true });
  const associated_user_scope = token.scopes.join(',');
  return { status: 200, body: { ...pair(token), associated_user_scope, associated_user: user } };
}

function migrate(
  world: World,
  app: App,
  shop: string,
  input: { subject: string; ask: Record<string, unknown> },
): Answer {
  const old = liveToken(world, input.subject, shop);
  if (old?.clientId !== app.clientId || old.expiresAt !== null || input.ask['expiring'] !== '1')
    return no('invalid_subject_token', 'The subject token is not a token that never expires');
  old.revoked = true;
  return { status: 200, body: pair(issue(world, { app, shop, expiring: true })) };
}

function refresh(world: World, app: App, shop: string, given: unknown): Answer {
  const now = world.clock.now();
  const { tokens } = world.state;
  const old = tokens.find(
    (it) => it.refresh === given && it.shop === shop && it.clientId === app.clientId,
  );
  const dead =
    old === undefined ||
    old.revoked ||
    old.spent ||
    (old.refreshExpiresAt ?? 0) <= now ||
    (old.usedAt !== null && old.usedAt + 30 * DAY_MS <= now);
  if (dead || !installOf(world, app.clientId, shop).installed)
    return no('invalid_grant', 'The refresh token is invalid or has expired');
  // Its own first use ends the life of the one it replaced, and of that one's other replacements.
  for (const other of tokens)
    if (
      old.from !== null &&
      other !== old &&
      (other.refresh === old.from || other.from === old.from)
    )
      other.spent = true;
  old.usedAt ??= now;
  const made = issue(world, { app, shop, expiring: true, from: old.refresh ?? '' });
  return { status: 200, body: pair(made) };
}

function answer(world: World, shop: string, ask: Record<string, unknown>): Answer {
  const app = appOf(world, String(ask['client_id']));
  if (app === undefined)
    return no('application_cannot_be_found', 'The application could not be found');
  if (ask['client_secret'] !== app.secret)
    return no('invalid_client', 'The client secret is wrong', 401);
  if (ask['grant_type'] === undefined && ask['code'] !== undefined)
    return grant(world, app, shop, ask);
  switch (ask['grant_type']) {
    case EXCHANGE:
      return exchange(world, app, shop, ask);
    case 'refresh_token':
      return refresh(world, app, shop, ask['refresh_token']);
    default:
      return no('unsupported_grant_type', 'The grant type is not supported');
  }
}

/** `POST /{shop}/admin/oauth/access_token`, JSON or a form. The log names no token. */
export function tokenEndpoint(world: World) {
  return (req: Request, res: Response): void => {
    const began = Date.now();
    const shop = String(req.params['shop']);
    const ask = (req.body ?? {}) as Record<string, unknown>;
    const requestId = uuid();
    const isCode = ask['grant_type'] === undefined && ask['code'] !== undefined;
    const grantType = isCode ? 'code' : String(ask['grant_type']);
    const call = { shop, names: ['token', grantType] };
    const fault = world.faults.take(HTTP_FAULTS, call);
    const note = (status: string) => {
      world.log({
        at: world.clock.now(),
        requestId,
        way: 'in',
        shop,
        app: String(ask['client_id']),
        what: `token ${ask['grant_type'] === EXCHANGE ? 'exchange' : grantType}`,
        answer: status,
        ms: Date.now() - began,
        fault: fault?.kind ?? null,
      });
    };
    res.set('X-Request-Id', requestId);
    if (fault !== undefined && !happensAfter(fault)) {
      note(fault.kind);
      answerWith(fault, { req, res, clock: world.clock, real: '' });
      return;
    }
    const { status, body } = answer(world, shop, ask);
    note(String(status));
    if (fault === undefined) res.status(status).json(body);
    else answerWith(fault, { req, res, clock: world.clock, real: JSON.stringify(body), status });
  };
}
