/**
 * What goes wrong on purpose: per shop, per operation, for a number of calls or of seconds.
 *
 * `when: 'before'` means that nothing was executed; `'after'` means that it was, and only the
 * answer is lost or spoilt.
 */

import type { Clock } from './clock.ts';

export const FAULT_KINDS = [
  // HTTP
  'status',
  'html-429',
  'json-429',
  'html-200',
  'truncated',
  'redirect',
  // network
  'timeout',
  'reset',
  'slow',
  // GraphQL
  'throttled',
  'access-denied',
  'internal-error',
  'order-unavailable',
  // what an answer says of the API's version: another one answered; what was asked will go
  'other-version',
  'deprecated',
  // orders: not returned although they exist
  'order-not-by-id',
  'order-not-by-search',
  // the buyer's page
  'no-checkout-token',
  // requests to a payments app: the same thrice at once; again with another amount
  'session-thrice',
  'session-changed',
  // webhooks
  'webhook-never',
  'webhook-late',
  'webhook-twice',
  'webhook-reordered',
  'webhook-forged',
  'webhook-unsigned',
] as const;

export type FaultKind = (typeof FAULT_KINDS)[number];

export type FaultInput = {
  kind: FaultKind;
  /** Only this shop; default all. */
  shop?: string;
  /**
   * An operation's name, a root field, a webhook topic, "token" for the token endpoint, or
   * "admin-api" and "payments-api" for all of one API; default every GraphQL call.
   */
  operation?: string;
  /** How many calls; default 1 unless `seconds` is given. */
  times?: number;
  /** How long, by the stand-in's clock. */
  seconds?: number;
  when?: 'before' | 'after';
  /** For `status`: default 503. */
  status?: number;
  /** For `json-429` and `status`: the header, in seconds. */
  retryAfterSeconds?: number;
  /** For `slow`, `timeout` (then the line is cut; default 60 s) and `webhook-late`. */
  delayMs?: number;
};

export type Fault = FaultInput & {
  id: number;
  left: number;
  until: number | null;
  when: 'before' | 'after';
};

/** What a call is, for matching. */
export type Call = { shop: string; names: string[] };

export type Faults = {
  add: (input: FaultInput) => { id: number; remove: () => void };
  /** Uses up one call of the first fault of these kinds that fits. */
  take: (kinds: readonly FaultKind[], call: Call) => Fault | undefined;
  /** As `take`, without using it up. */
  look: (kinds: readonly FaultKind[], call: Call) => Fault | undefined;
  remove: (id: number) => void;
  clear: () => void;
  list: () => Fault[];
};

export const HTTP_FAULTS = [
  'status',
  'html-429',
  'json-429',
  'html-200',
  'truncated',
  'redirect',
  'timeout',
  'reset',
  'slow',
] as const satisfies FaultKind[];

export type HttpFault = (typeof HTTP_FAULTS)[number];

export const GRAPHQL_FAULTS = [
  'throttled',
  'access-denied',
  'internal-error',
] as const satisfies FaultKind[];

export function openFaults(clock: Clock): Faults {
  let faults: Fault[] = [];
  let count = 0;
  const live = (fault: Fault) =>
    fault.left > 0 && (fault.until === null || fault.until > clock.now());
  const fits = (fault: Fault, call: Call) => {
    if (fault.shop !== undefined && fault.shop !== call.shop) return false;
    if (fault.operation !== undefined) return call.names.includes(fault.operation);
    return !call.names.includes('token');
  };
  const look: Faults['look'] = (kinds, call) => {
    faults = faults.filter(live);
    return faults.find((fault) => kinds.includes(fault.kind) && fits(fault, call));
  };
  const remove = (id: number) => {
    faults = faults.filter((fault) => fault.id !== id);
  };
  return {
    add: (input) => {
      count += 1;
      const id = count;
      const until = input.seconds === undefined ? null : clock.now() + input.seconds * 1000;
      const left = input.times ?? (until === null ? 1 : Infinity);
      faults.push({ ...input, id, left, until, when: input.when ?? 'before' });
      return {
        id,
        remove: () => {
          remove(id);
        },
      };
    },
    look,
    take: (kinds, call) => {
      const found = look(kinds, call);
      if (found !== undefined) found.left -= 1;
      return found;
    },
    remove,
    clear: () => {
      faults = [];
    },
    list: () => {
      faults = faults.filter(live);
      return [...faults];
    },
  };
}
