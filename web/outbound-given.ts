// The other way out over HTTPS: to an address that a merchant gave. Nobody vouches for it, so its
// form is narrow, every address behind its name must be public, and only the checked one is
// connected to; a redirect is not followed, and of the answer only the status is looked at.
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

/**
 * With `origin` a stand-in plays the whole outside, as for every other call; the form of an address
 * counts there too.
 */
export function postToGiven(about: {
  origin: string | undefined;
  resolve?: Resolve;
  /** Where a checked address is connected to, and whose certificates count there. */
  instead?: { ip: string; ca: string };
}): PostToGiven {
  return async (post) => {
    const address = givenAddress(post.url);
    if (address === undefined) throw new NoAnswer('unreachable', { host: 'a given address' });
    const { origin } = about;
    if (origin !== undefined) {
      // The stand-in knows no names: what is written is judged all the same.
      if (address.kind !== 'name') await pinned(address, undefined);
      return postToStandIn(post, origin);
    }
    const ip = await pinned(address, about.resolve);
    return postTo(post, { address, ip: about.instead?.ip ?? ip, ca: about.instead?.ca });
  };
}

async function pinned(address: NodeAddress, resolve: Resolve | undefined): Promise<string> {
  const rules = { allowPrivate: false, resolve };
  const pinning = await pinAddress(rules, address);
  if (!pinning.ok) throw new NoAnswer('unreachable', { host: address.host, cause: pinning.why });
  return pinning.pinned.ip;
}

async function postToStandIn(post: GivenPost, origin: string): Promise<{ status: number }> {
  const to = new URL(post.url);
  const signal = AbortSignal.timeout(post.timeoutMs);
  try {
    const response = await fetch(`${origin}/${to.host}${to.pathname}${to.search}`, {
      method: 'POST',
      headers: post.headers,
      body: post.body,
      redirect: 'manual',
      signal,
    });
    await response.body?.cancel();
    return { status: response.status };
  } catch (error) {
    throw new NoAnswer(signal.aborted ? 'timeout' : 'cut', { host: to.host, cause: error });
  }
}

function postTo(
  post: GivenPost,
  about: { address: NodeAddress; ip: string; ca: string | undefined },
): Promise<{ status: number }> {
  const to = new URL(post.url);
  const { host, port, kind } = about.address;
  const signal = AbortSignal.timeout(post.timeoutMs);
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => {
      reject(new NoAnswer(signal.aborted ? 'timeout' : 'cut', { host, cause: error }));
    };
    const request = httpsRequest(
      {
        // The checked address and no name, so that nothing is resolved again; the name stands in
        // the certificate's check.
        host: about.ip,
        port,
        ...(kind === 'name' ? { servername: host } : {}),
        ...(about.ca === undefined ? {} : { ca: about.ca }),
        method: 'POST',
        path: `${to.pathname}${to.search}`,
        headers: { ...post.headers, Host: to.host, 'Content-Length': Buffer.byteLength(post.body) },
        family: isIPv6(about.ip) ? 6 : 4,
        // A connection of its own: none that was opened to another name is used again.
        agent: false,
        signal,
      },
      (response) => {
        let bytes = 0;
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > answerBytesAtMost) response.destroy();
        });
        response.on('error', () => undefined);
        resolve({ status: response.statusCode ?? 0 });
      },
    );
    request.on('error', fail);
    request.end(post.body);
  });
}
