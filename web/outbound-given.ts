// The other way out over HTTPS: to an address that a merchant or a buyer gave. Nobody vouches for
// it, so its form is narrow, every address behind its name must be public, and only the checked one
// is connected to; a redirect is not followed, and no more of an answer is read than was allowed.
import type { IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIPv6 } from 'node:net';
import { parseAddress, pinAddress, type NodeAddress, type Resolve } from './lightning/address.ts';
import { NoAnswer } from './outbound.ts';

export type GivenPost = {
  url: string;
  headers: Readonly<Record<string, string>>;
  body: string;
  /** For the whole call. */
  timeoutMs: number;
};

/** Throws `NoAnswer`; an address that may not be connected to is `unreachable`. */
export type PostToGiven = (post: GivenPost) => Promise<{ status: number }>;

export type GivenGet = {
  url: string;
  headers: Readonly<Record<string, string>>;
  /** For the whole call, the body of the answer included. */
  timeoutMs: number;
  /** Of the answer's body. */
  maxBytes: number;
};

/**
 * Whatever came back, with any status. Throws `NoAnswer`; an address that may not be connected to
 * is `unreachable`.
 */
export type GetFromGiven = (get: GivenGet) => Promise<{ status: number; text: string }>;

const httpsPort = 443;
/** What is read of an answer's body before the connection is cut. */
const answerBytesAtMost = 65_536;

/** The host of an address that could be posted to; undefined for every other. Asks nobody. */
export function givenAddress(url: string): NodeAddress | undefined {
  // What a parser would quietly repair is refused: spaces, controls, backslashes, other scripts.
  if (!/^https:\/\/[\x21-\x5b\x5d-\x7e]{1,490}$/.test(url)) return undefined;
  const parsed = URL.parse(url);
  if (parsed === null || parsed.username !== '' || parsed.password !== '') return undefined;
  if (parsed.hash !== '' || /[@#]/.test(url)) return undefined;
  const written = /^https:\/\/([^/?]+)/.exec(url)?.[1]?.toLowerCase() ?? '';
  // The parser turns 127.1 and 0x7f.1 into 127.0.0.1: what was written must be what is meant.
  if (written.replace(/:443$/, '') !== parsed.host) return undefined;
  const address = parseAddress(parsed.port === '' ? `${parsed.host}:${httpsPort}` : parsed.host);
  if (address?.kind !== 'name') return address;
  return address.host.includes('.') ? address : undefined;
}

type Ways = {
  origin: string | undefined;
  resolve?: Resolve;
  /** For the metrics: an address led to what is not public. */
  blocked?: () => void;
  /** Where a checked address is connected to, and whose certificates count there. */
  instead?: { ip: string; ca: string };
};

/**
 * With `origin` a stand-in plays the whole outside, as for every other call; the form of an address
 * counts there too.
 */
export function postToGiven(about: Ways): PostToGiven {
  return async ({ body, ...post }) => {
    const way = await wayTo(post.url, about);
    if (typeof way === 'string') return postToStandIn({ body, ...post }, way);
    const asked = { ...post, method: 'POST', body, signal: AbortSignal.timeout(post.timeoutMs) };
    const response = await answerOf(asked, way);
    let bytes = 0;
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > answerBytesAtMost) response.destroy();
    });
    response.on('error', () => undefined);
    return { status: response.statusCode ?? 0 };
  };
}

/** As `postToGiven`. */
export function getFromGiven(about: Ways): GetFromGiven {
  return async ({ maxBytes, ...get }) => {
    const way = await wayTo(get.url, about);
    const { host } = new URL(get.url);
    const signal = AbortSignal.timeout(get.timeoutMs);
    if (typeof way === 'string') return getFromStandIn(get, { origin: way, signal, maxBytes });
    const response = await answerOf({ ...get, method: 'GET', signal }, way);
    try {
      return { status: response.statusCode ?? 0, text: await textOf(response, { host, maxBytes }) };
    } catch (error) {
      throw noAnswer(error, { host, signal });
    } finally {
      response.destroy();
    }
  };
}

type Way = { address: NodeAddress; ip: string; ca: string | undefined };

/** The stand-in's origin, or the checked address. Throws `NoAnswer` for what may not be asked. */
async function wayTo(url: string, about: Ways): Promise<string | Way> {
  const address = givenAddress(url);
  if (address === undefined) throw new NoAnswer('unreachable', { host: 'a given address' });
  const { origin } = about;
  if (origin !== undefined) {
    // The stand-in knows no names: what is written is judged all the same.
    if (address.kind !== 'name') await pinned(address, { blocked: about.blocked });
    return origin;
  }
  const ip = await pinned(address, about);
  return { address, ip: about.instead?.ip ?? ip, ca: about.instead?.ca };
}

async function pinned(
  address: NodeAddress,
  { resolve, blocked }: { resolve?: Resolve | undefined; blocked?: (() => void) | undefined },
): Promise<string> {
  const pinning = await pinAddress({ allowPrivate: false, resolve }, address);
  if (!pinning.ok && pinning.why === 'forbidden') blocked?.();
  if (!pinning.ok) throw new NoAnswer('unreachable', { host: address.host, cause: pinning.why });
  return pinning.pinned.ip;
}

function noAnswer(error: unknown, about: { host: string; signal: AbortSignal }): NoAnswer {
  if (error instanceof NoAnswer) return error;
  const { host, signal } = about;
  return new NoAnswer(signal.aborted ? 'timeout' : 'cut', { host, cause: error });
}

const inStandIn = (url: string, origin: string): string => {
  const to = new URL(url);
  return `${origin}/${to.host}${to.pathname}${to.search}`;
};

async function postToStandIn(post: GivenPost, origin: string): Promise<{ status: number }> {
  const signal = AbortSignal.timeout(post.timeoutMs);
  try {
    const response = await fetch(inStandIn(post.url, origin), {
      method: 'POST',
      headers: post.headers,
      body: post.body,
      redirect: 'manual',
      signal,
    });
    await response.body?.cancel();
    return { status: response.status };
  } catch (error) {
    throw noAnswer(error, { host: new URL(post.url).host, signal });
  }
}

async function getFromStandIn(
  { url, headers }: Pick<GivenGet, 'url' | 'headers'>,
  about: { origin: string; signal: AbortSignal; maxBytes: number },
): Promise<{ status: number; text: string }> {
  const { signal, maxBytes } = about;
  const { host } = new URL(url);
  try {
    const to = inStandIn(url, about.origin);
    const response = await fetch(to, { headers, redirect: 'manual', signal });
    const body = (response.body ?? []) as AsyncIterable<Uint8Array>;
    return { status: response.status, text: await textOf(body, { host, maxBytes }) };
  } catch (error) {
    throw noAnswer(error, { host, signal });
  }
}

/** Throws `too_large` as soon as it is; leaving the loop ends the connection. */
async function textOf(
  body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  limit: { host: string; maxBytes: number },
): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > limit.maxBytes) throw new NoAnswer('too_large', { host: limit.host });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

type Asked = {
  url: string;
  method: string;
  headers: Readonly<Record<string, string>>;
  body?: string;
  signal: AbortSignal;
};

/** The head of an answer, from the checked address. Throws `NoAnswer`. */
function answerOf({ url, body, ...asked }: Asked, way: Way): Promise<IncomingMessage> {
  const to = new URL(url);
  const { host, port, kind } = way.address;
  const length = body === undefined ? {} : { 'Content-Length': Buffer.byteLength(body) };
  return new Promise((resolve, reject) => {
    const request = httpsRequest(
      {
        // The checked address and no name, so that nothing is resolved again; the name stands in
        // the certificate's check.
        host: way.ip,
        port,
        ...(kind === 'name' ? { servername: host } : {}),
        ...(way.ca === undefined ? {} : { ca: way.ca }),
        method: asked.method,
        path: `${to.pathname}${to.search}`,
        headers: { ...asked.headers, Host: to.host, ...length },
        family: isIPv6(way.ip) ? 6 : 4,
        // A connection of its own: none that was opened to another name is used again.
        agent: false,
        signal: asked.signal,
      },
      resolve,
    );
    request.on('error', (error) => {
      reject(noAnswer(error, { host, signal: asked.signal }));
    });
    request.end(body);
  });
}
