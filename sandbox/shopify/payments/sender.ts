/**
 * Sends session requests to the app's door: over TLS, with a client certificate, 5 s for the
 * answer, and again with the same bytes when it fails.
 *
 * How often and how long Shopify really retries is not published ("several times"); a buyer waits
 * for it, so it is over within seconds here.
 */

import { request } from 'node:https';
import { uuid } from '../ids.ts';
import type { Exchange } from './nouns.ts';
import type { World } from '../world.ts';
import type { Certificates, Pair, Presented } from './certificates.ts';

export const WHOLE_MS = 5_000;
export const RETRY_WAITS_MS = [300, 1_000, 3_000];

export type Parcel = {
  url: string;
  shop: string;
  app: string;
  /** For the log: "payment session", "refund session". */
  what: string;
  apiVersion: string;
  body: string;
  present?: Presented;
  changed?: boolean;
  /** Header by header, over the usual ones; an empty text leaves it out. */
  headers?: Record<string, string>;
};

type Answer = { answer: string; body: string };

export type Sender = {
  /** Once. */
  send: (parcel: Parcel) => Promise<Exchange>;
  /** Until `isTaken` or the last retry; every exchange is handed to `note` as it happens. */
  deliver: (
    parcel: Parcel,
    input: { isTaken: (exchange: Exchange) => boolean; note: (exchange: Exchange) => void },
  ) => Promise<Exchange>;
  /** The certificate from here on. */
  present: (which: Presented) => void;
  /** PEM: a server with a certificate of it is believed, beside the public roots. */
  trust: (pem: string) => void;
};

/** One request, whose answer is taken whatever it is. */
function post(
  parcel: Parcel,
  input: { headers: Record<string, string>; trusted: string[]; pair: Pair | undefined },
): Promise<Answer> {
  const { headers, trusted, pair } = input;
  return new Promise((resolve) => {
    const call = request(
      parcel.url,
      {
        method: 'POST',
        headers,
        agent: false,
        ...(trusted.length > 0 ? { ca: trusted } : {}),
        ...pair,
      },
      (incoming) => {
        const parts: Buffer[] = [];
        incoming.on('data', (part: Buffer) => parts.push(part));
        incoming.on('end', () => {
          const body = Buffer.concat(parts).toString();
          end({ answer: String(incoming.statusCode ?? 0), body });
        });
        incoming.on('error', (error) => end({ answer: error.message, body: '' }));
      },
    );
    const whole = setTimeout(() => {
      call.destroy();
      end({ answer: 'no answer within 5 s', body: '' });
    }, WHOLE_MS);
    const end = (answer: Answer): void => {
      clearTimeout(whole);
      resolve(answer);
    };
    call.on('error', (error: NodeJS.ErrnoException) =>
      end({ answer: error.code ?? error.message, body: '' }),
    );
    call.end(parcel.body);
  });
}

export function openSender(
  world: World,
  input: { certificates: Certificates; trusted: string[] },
): Sender {
  const { certificates } = input;
  const trusted = [...input.trusted];
  let presenting: Presented = 'current';

  const send: Sender['send'] = async (parcel) => {
    const began = Date.now();
    const at = world.clock.now();
    const requestId = uuid();
    const which = parcel.present ?? presenting;
    const headers = Object.entries({
      'Content-Type': 'application/json',
      'Content-Length': String(Buffer.byteLength(parcel.body)),
      'Shopify-Shop-Domain': parcel.shop,
      'Shopify-Request-Id': requestId,
      'Shopify-Api-Version': parcel.apiVersion,
      ...parcel.headers,
    }).filter(([, value]) => value !== '');
    const said = await post(parcel, {
      headers: Object.fromEntries(headers),
      trusted,
      pair: which === 'none' ? undefined : certificates.pairs[which],
    });
    const ms = Date.now() - began;
    const { shop, app, what, changed = false } = parcel;
    const fault = changed ? 'session-changed' : null;
    world.log({ at, requestId, way: 'out', shop, app, what, answer: said.answer, ms, fault });
    return { at, requestId, ms, changed, ...said };
  };

  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      world.clock.after(ms, resolve);
    });

  return {
    send,
    deliver: async (parcel, { isTaken, note }) => {
      let exchange = await send(parcel);
      note(exchange);
      for (const waitMs of RETRY_WAITS_MS) {
        if (isTaken(exchange)) return exchange;
        await pause(waitMs);
        exchange = await send(parcel);
        note(exchange);
      }
      return exchange;
    },
    present: (which) => {
      presenting = which;
    },
    trust: (pem) => {
      trusted.push(pem);
    },
  };
}
