// Access tokens: a session token of the admin is exchanged for an offline token that lives an hour,
// and its refresh token for the next pair. Where they are stored is handed in; a token endpoint's
// body is never logged and never part of an error.
import { z } from 'zod';
import type { Clock } from '../core/ports.ts';
import { Trouble } from '../core/trouble.ts';
import type { FetchOutside, OutsideAnswer } from '../outbound.ts';
import type { TokenSource } from './admin-api.ts';
import { fromNoAnswer, fromStatus, tokenRefused, unclear } from './answers.ts';

/** A registration of the app at Shopify. */
export type AppCredentials = { clientId: string; clientSecret: string };

/** What the token endpoint gave. `null`: it never ends, or there is none. */
export type Tokens = {
  accessToken: string;
  accessTokenEndsAt: Date | null;
  refreshToken: string | null;
  refreshTokenEndsAt: Date | null;
  /** Comma separated, as granted. */
  scopes: string;
};
export type StoredTokens = Tokens & { version: number };

/** The tokens of one (registration, shop), wherever they are kept. */
export type TokenStore = {
  /** Undefined: the shop has none, such as after an uninstall. */
  load: () => Promise<StoredTokens | undefined>;
  /** True for exactly one caller, for at least `leaseMs`, while this version is the stored one. */
  takeRefreshLease: (version: number) => Promise<boolean>;
  endRefreshLease: () => Promise<void>;
  /** Stores the pair in one statement, if `replacing` is still stored; ends the lease. */
  store: (tokens: Tokens, replacing: number) => Promise<void>;
  /** Shopify takes neither this access token nor a refresh of it. */
  markRefused: (version: number) => Promise<void>;
  /** Somebody else refreshes: resolves after a short while. */
  waitForOther: () => Promise<void>;
};

export type AuthDeps = { fetchOutside: FetchOutside; clock: Clock };

const second = 1_000;
/** One call to the token endpoint. */
const timeoutMs = 5 * second;
/** A lease outlives the call that it is for, and its storing. */
export const leaseMs = 2 * timeoutMs;
/** A token is replaced this long before its end. */
const earlyMs = 5 * 60 * second;
/** Until this long before its end an old token is better than none. */
const barelyMs = 20 * second;
/** How long, and at most how often, somebody else's refresh is waited for. */
const waitMs = 6 * second;
const waitsAtMost = 60;

const pair = z.object({
  access_token: z.string().min(1),
  scope: z.string(),
  expires_in: z.number().positive().optional(),
  refresh_token: z.string().min(1).optional(),
  refresh_token_expires_in: z.number().positive().optional(),
});
const refusal = z.object({ error: z.string() });

/**
 * Exchanges a verified session token for an expiring offline token. Trouble `session_token_refused`
 * (give_up, not away) when Shopify does not take it: a fresh one may do.
 */
export function exchangeToken(
  deps: AuthDeps,
  input: { app: AppCredentials; shop: string; sessionToken: string },
): Promise<Tokens> {
  return askForTokens(deps, input, {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token: input.sessionToken,
    subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
    requested_token_type: 'urn:shopify:params:oauth:token-type:offline-access-token',
    expiring: '1',
  });
}

/**
 * Exchanges the code of an authorization code grant for an expiring offline token. Trouble
 * `token_refused` when Shopify does not take the code: it is good once, and for a short while.
 */
export function exchangeCode(
  deps: AuthDeps,
  input: { app: AppCredentials; shop: string; code: string },
): Promise<Tokens> {
  return askForTokens(deps, input, { code: input.code, expiring: '1' });
}

/** A new pair. Trouble `token_refused` when Shopify does not take the refresh token. */
export function refreshTokens(
  deps: AuthDeps,
  input: { app: AppCredentials; shop: string; refreshToken: string },
): Promise<Tokens> {
  return askForTokens(deps, input, {
    grant_type: 'refresh_token',
    refresh_token: input.refreshToken,
  });
}

async function askForTokens(
  deps: AuthDeps,
  input: { app: AppCredentials; shop: string },
  grant: Readonly<Record<string, string>>,
): Promise<Tokens> {
  const { clientId, clientSecret } = input.app;
  let answer: OutsideAnswer;
  try {
    answer = await deps.fetchOutside(`https://${input.shop}/admin/oauth/access_token`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
      body: JSON.stringify({ client_id: clientId, client_secret: clientSecret, ...grant }),
      timeoutMs,
    });
  } catch (error) {
    throw fromNoAnswer(error);
  }
  if (answer.status !== 200) throw refusedBy(answer, deps.clock());
  const parsed = pair.safeParse(jsonOf(answer.text));
  if (!parsed.success) throw unclear('answer_unreadable', { away: true });
  const now = deps.clock().getTime();
  const endsAt = (seconds: number | undefined): Date | null =>
    seconds === undefined ? null : new Date(now + seconds * second);
  return {
    accessToken: parsed.data.access_token,
    accessTokenEndsAt: endsAt(parsed.data.expires_in),
    refreshToken: parsed.data.refresh_token ?? null,
    refreshTokenEndsAt: endsAt(parsed.data.refresh_token_expires_in),
    scopes: parsed.data.scope,
  };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function refusedBy(answer: OutsideAnswer, now: Date): Trouble {
  const parsed = refusal.safeParse(jsonOf(answer.text));
  const error = parsed.success && answer.status < 500 ? parsed.data.error : undefined;
  switch (error) {
    case 'invalid_subject_token':
      return new Trouble('session_token_refused', { from: 'shop', then: 'give_up' });
    case 'invalid_client':
    case 'application_cannot_be_found':
      return new Trouble('registration_refused', { from: 'shop', then: 'give_up', away: true });
    case 'invalid_grant':
      return tokenRefused();
    case undefined:
    default:
      return [400, 401].includes(answer.status) ? tokenRefused() : fromStatus(answer, now);
  }
}

export type RefreshDeps = AuthDeps & { app: AppCredentials; shop: string; store: TokenStore };

/** The tokens of one shop, refreshed as needed. */
export function tokenSource(deps: RefreshDeps): TokenSource {
  return {
    current: () => freshToken(deps),
    insteadOf: (refused) => freshToken(deps, refused),
    giveUp: async (refused) => {
      const stored = await deps.store.load();
      if (stored?.accessToken === refused) await deps.store.markRefused(stored.version);
    },
  };
}

/**
 * A token that is good for at least five minutes, or the best there is. Of any number of callers in
 * any number of processes one refreshes; the others take the old token while it lives, else wait.
 * When the answer of a refresh is lost, the stored old refresh token is simply used again: Shopify
 * keeps it until its replacement is first used. `refused` is a token that Shopify answered 401 to.
 */
export async function freshToken(deps: RefreshDeps, refused?: string): Promise<string> {
  const { store } = deps;
  /** A pair that is young already is taken as it is, however short its life. */
  let refreshed = false;
  const giveUpAt = deps.clock().getTime() + waitMs;
  for (let waits = 0; waits < waitsAtMost; waits += 1) {
    const stored = await store.load();
    if (stored === undefined) throw tokenRefused();
    const leftMs = leftOf(stored.accessTokenEndsAt, deps.clock());
    const good = stored.accessToken !== refused;
    if (good && leftMs > (refreshed ? 0 : earlyMs)) return stored.accessToken;
    const usable = good && leftMs > barelyMs ? stored.accessToken : undefined;
    const { refreshToken } = stored;
    if (refreshToken === null || leftOf(stored.refreshTokenEndsAt, deps.clock()) <= 0) {
      if (usable !== undefined) return usable;
      await store.markRefused(stored.version);
      throw tokenRefused();
    }
    if (await store.takeRefreshLease(stored.version)) {
      const outcome = await refreshUnderLease(deps, { ...stored, refreshToken }, usable);
      if (outcome !== 'look_again') return outcome;
      refreshed = true;
    } else {
      if (usable !== undefined) return usable;
      if (deps.clock().getTime() > giveUpAt) break;
      await store.waitForOther();
    }
  }
  throw new Trouble('token_busy', { from: 'shop', then: 'retry' });
}

const leftOf = (endsAt: Date | null, now: Date): number =>
  endsAt === null ? Infinity : endsAt.getTime() - now.getTime();

async function refreshUnderLease(
  deps: RefreshDeps,
  stored: StoredTokens & { refreshToken: string },
  usable: string | undefined,
): Promise<string> {
  const { store, app, shop } = deps;
  try {
    const fresh = await refreshTokens(deps, { app, shop, refreshToken: stored.refreshToken });
    // Stored before it is used: the old refresh token dies with the first use of the new one.
    await store.store(fresh, stored.version);
    return 'look_again';
  } catch (error) {
    await store.endRefreshLease();
    if (usable !== undefined && error instanceof Trouble) return usable;
    if (!(error instanceof Trouble && error.what === 'token_refused')) throw error;
    const latest = await store.load();
    if (latest !== undefined && latest.version !== stored.version) return 'look_again';
    await store.markRefused(stored.version);
    throw error;
  }
}
