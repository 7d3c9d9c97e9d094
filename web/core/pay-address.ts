// A Lightning address, such as `name@example.com` (LUD-16), and what asking it for an invoice comes
// to. An address looks like an e-mail address and is none: it is a web address in other letters.
import type { Msat } from './money.ts';

export type PayAddress = { name: string; domain: string };

/** The names that LUD-16 allows; at least one letter or digit, so that none is a step upwards. */
const form = /^(?=[^@]*[a-z0-9])([a-z0-9._+-]{1,64})@([a-z0-9-]+(?:\.[a-z0-9-]+)+)$/;
const lettersAtMost = 320;

/** Undefined for whatever is none. Phones begin a field with a capital letter. */
export function readPayAddress(text: string): PayAddress | undefined {
  const flat = text
    .trim()
    .toLowerCase()
    .replace(/^(?:lightning:|⚡)/, '');
  if (flat.length > lettersAtMost) return undefined;
  const [, name, domain] = form.exec(flat) ?? [];
  return name === undefined || domain === undefined ? undefined : { name, domain };
}

/** As it is shown and kept. */
export const payAddressText = ({ name, domain }: PayAddress): string => `${name}@${domain}`;

/**
 * Why an address gives no invoice that could be paid. None of them says which step failed inside
 * our network: an answer must not map it.
 */
export const addressRefusals = [
  /** No answer that is one: no connection, none allowed, too slow, too large, not its form. */
  'address_silent',
  /** Its server answers that it does not want this, or there is nobody of that name. */
  'address_refuses',
  /** Its server takes smaller or larger amounts only. */
  'address_limits',
  /** What came back is no invoice, or one over another amount or for something else. */
  'address_differs',
] as const;
export type AddressRefusal = (typeof addressRefusals)[number];

export type AddressAnswer = { ok: true; request: string } | { ok: false; refusal: AddressRefusal };

/** Asks the server of a Lightning address for an invoice over exactly so much. Never throws. */
export type AskPayAddress = (ask: {
  address: PayAddress;
  amountMsat: Msat;
}) => Promise<AddressAnswer>;
