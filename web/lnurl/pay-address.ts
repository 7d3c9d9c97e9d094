// KNOWS LIGHTNING ADDRESSES. Asks the server of an address that a buyer gave for an invoice, and
// takes nothing of what it answers on trust: both addresses pass the gate of the other way out, and
// what comes back must be over exactly the amount that was asked for. It never pays anything, and
// never tells the buyer why an address could not be reached.
//
// Sources: LUD-06 (payRequest) and LUD-16 (internet identifiers).
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { AddressAnswer, AskPayAddress } from '../core/pay-address.ts';
import { givenAddress, type GetFromGiven } from '../outbound-given.ts';
import { NoAnswer } from '../outbound.ts';

/** Each of the two calls. A buyer waits before a page. */
const callMs = 6_000;
/** LUD-06 lets a server send a picture of 136,536 letters with its metadata. */
const answerBytes = 262_144;

/** What is read of a BOLT11; undefined for what is none. Never throws. */
export type ReadInvoice = (
  request: string,
) => { amountMsat: bigint | undefined; descriptionHash?: string | undefined } | undefined;

export type PayAddressDeps = {
  get: GetFromGiven;
  readInvoice: ReadInvoice;
  /** Why there was no answer, for the log: host and word, never the name before the `@`. */
  missed: (about: { host: string; why: string }) => void;
};

/** Millisatoshi, as a JSON number; what is beyond 2^53 is rounded, and larger than any refund. */
const wholeMsat = z
  .number()
  .nonnegative()
  .transform((msat) => BigInt(Math.trunc(msat)));
const error = z.object({ status: z.literal('ERROR') });
const payRequest = z.object({
  tag: z.literal('payRequest'),
  callback: z.string().max(2_000),
  minSendable: wholeMsat,
  maxSendable: wholeMsat,
  metadata: z.string(),
});
const invoice = z.object({ pr: z.string().max(4_000) });

const no = (refusal: Exclude<AddressAnswer, { ok: true }>['refusal']) =>
  ({ ok: false, refusal }) as const;

export function openPayAddresses(deps: PayAddressDeps): AskPayAddress {
  return async ({ address, amountMsat }) => {
    const at = `https://${address.domain}/.well-known/lnurlp/${encodeURIComponent(address.name)}`;
    const offered = await ask(deps, at);
    if (offered === undefined) return no('address_silent');
    if (error.safeParse(offered.json).success || offered.status === 404) {
      return no('address_refuses');
    }
    const offer = payRequest.safeParse(offered.json);
    if (!offer.success) return silent(deps, address.domain);
    const { minSendable, maxSendable, callback, metadata } = offer.data;
    if (amountMsat < minSendable || amountMsat > maxSendable) return no('address_limits');
    const joint = callback.includes('?') ? '&' : '?';
    const made = await ask(deps, `${callback}${joint}amount=${String(amountMsat)}`);
    if (made === undefined) return no('address_silent');
    if (error.safeParse(made.json).success) return no('address_refuses');
    const given = invoice.safeParse(made.json);
    if (!given.success) return silent(deps, address.domain);
    const request = given.data.pr.toLowerCase();
    return fits(deps.readInvoice(request), { amountMsat, metadata })
      ? { ok: true, request }
      : no('address_differs');
  };
}

function silent(deps: PayAddressDeps, host: string) {
  deps.missed({ host, why: 'not_its_form' });
  return no('address_silent');
}

/** Undefined: no whole answer, or not one of JSON. */
async function ask(
  deps: PayAddressDeps,
  url: string,
): Promise<{ status: number; json: unknown } | undefined> {
  const host = givenAddress(url)?.host ?? 'no address';
  try {
    const { status, text } = await deps.get({
      url,
      headers: { Accept: 'application/json', 'User-Agent': 'Zaptill' },
      timeoutMs: callMs,
      maxBytes: answerBytes,
    });
    // A redirect is not followed: it may lead anywhere.
    if (status >= 300 && status < 400) {
      deps.missed({ host, why: 'redirect' });
      return undefined;
    }
    return { status, json: status === 404 ? undefined : (JSON.parse(text) as unknown) };
  } catch (problem) {
    const why = problem instanceof NoAnswer ? problem.failure : 'not_json';
    deps.missed({ host, why });
    return undefined;
  }
}

/**
 * LUD-06 first asked for a hash of the metadata in the invoice and later dropped it: without a hash
 * an invoice is taken, with another one it is not.
 */
function fits(
  read: ReturnType<ReadInvoice>,
  asked: { amountMsat: bigint; metadata: string },
): boolean {
  if (read?.amountMsat !== asked.amountMsat) return false;
  if (read.descriptionHash === undefined) return true;
  const hash = createHash('sha256').update(asked.metadata, 'utf8').digest('hex');
  return read.descriptionHash === hash;
}
