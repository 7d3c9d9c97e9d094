// The one way out over HTTPS. Every call has a time limit and a size limit, goes to a host of a
// list that is written here, and follows no redirect: a followed one would carry an access token to
// another host. With OUTSIDE_ORIGIN, which production refuses, a stand-in plays the whole outside.
import { Buffer } from 'node:buffer';
import { assert } from './core/trouble.ts';

export type OutsideRequest = {
  method?: 'GET' | 'POST';
  headers?: Readonly<Record<string, string>>;
  body?: string;
  /** For the whole call, the body of the answer included. */
  timeoutMs: number;
  /** Of the answer's body. One MiB unless told otherwise. */
  maxBytes?: number;
};

/** Whatever came back, with any status. */
export type OutsideAnswer = { status: number; headers: Headers; text: string };

/**
 * - `unreachable`: no connection came about, so that nothing can have happened there.
 * - `timeout`, `cut`: it may have been received and done.
 * - `too_large`: it answered more than we take.
 */
export type OutsideFailure = 'unreachable' | 'timeout' | 'cut' | 'too_large';

/** No whole answer. The message names the host and never the path, the query or a header. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
  readonly failure: OutsideFailure;
  constructor(failure: OutsideFailure, about: { host: string; cause?: unknown }) {
    super(`${about.host}: ${failure}`, about.cause === undefined ? {} : { cause: about.cause });
    this.failure = failure;
  }
}

/** Throws `NoAnswer`; a host that is not listed is a defect of the caller. */
export type FetchOutside = (url: string, request: OutsideRequest) => Promise<OutsideAnswer>;

export type Outbound = {
  fetchOutside: FetchOutside;
  /** The same address as a browser is to be sent to it. */
  outsideUrl: (url: string) => string;
  /**
   * Whether a browser may be sent to an address that somebody outside gave: https and without
   * credentials, or in development the stand-in itself.
   */
  mayBeFollowed: (url: string) => boolean;
};

const hosts: ReadonlySet<string> = new Set([
  'admin.shopify.com',
  'cdn.shopify.com',
  'api.kraken.com',
  'api.coinbase.com',
  'www.bitstamp.net',
]);
const shopHost = /^[a-z0-9][a-z0-9-]*\.myshopify\.com$/;

const MEBIBYTE = 1_048_576;

/** Failures of which it is known that no byte of the request was read by the other side. */
const neverConnected: ReadonlySet<unknown> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

export function outbound(about: { origin: string | undefined }): Outbound {
  const { origin } = about;
  const outsideUrl = (url: string): string => {
    const to = listed(url);
    return origin === undefined ? to.href : `${origin}/${to.host}${to.pathname}${to.search}`;
  };
  return {
    outsideUrl,
    mayBeFollowed: (url) => {
      // A parser forgives spaces that other readers of the same text do not.
      const to = /^[^\s\p{Cc}]+$/u.test(url) ? URL.parse(url) : null;
      if (to === null || to.username !== '' || to.password !== '') return false;
      return to.protocol === 'https:' || (origin !== undefined && to.origin === origin);
    },
    fetchOutside: async (url, request) => {
      const to = outsideUrl(url);
      const { host } = new URL(url);
      const signal = AbortSignal.timeout(request.timeoutMs);
      try {
        const response = await fetch(to, {
          method: request.method ?? 'GET',
          headers: request.headers ?? {},
          redirect: 'manual',
          signal,
          ...(request.body === undefined ? {} : { body: request.body }),
        });
        const text = await bodyOf(response, { host, maxBytes: request.maxBytes ?? MEBIBYTE });
        return { status: response.status, headers: response.headers, text };
      } catch (error) {
        if (error instanceof NoAnswer) throw error;
        throw new NoAnswer(failureOf(error, signal), { host, cause: error });
      }
    },
  };
}

function listed(url: string): URL {
  const to = URL.parse(url);
  const known = to !== null && (hosts.has(to.host) || shopHost.test(to.host));
  assert(known, 'an address that is not on the list of outside hosts');
  assert(to.protocol === 'https:' && to.username === '' && to.password === '', 'not plain https');
  return to;
}

async function bodyOf(
  response: Response,
  limit: { host: string; maxBytes: number },
): Promise<string> {
  if (response.body === null) return '';
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body as ReadableStream<Uint8Array>) {
    bytes += chunk.length;
    // Leaving the loop cancels the stream and with it the connection.
    if (bytes > limit.maxBytes) throw new NoAnswer('too_large', { host: limit.host });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function failureOf(error: unknown, signal: AbortSignal): OutsideFailure {
  if (signal.aborted) return 'timeout';
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  const code: unknown = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  return neverConnected.has(code) ? 'unreachable' : 'cut';
}
