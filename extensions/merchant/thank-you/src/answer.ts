// What our server says of an order, read from its answer. The bundle lies with Shopify and is not
// replaced together with the server, so whatever is not understood is left out, never assumed.

export const states = [
  'open',
  'held',
  'closing',
  'settled',
  'resolved',
  'stranded',
  'lapsed',
  'rejected',
] as const;
export const refusals = [
  'rates_unavailable',
  'rates_apart',
  'node_unreachable',
  'shop_unreachable',
  'no_node',
  'no_test_node',
  'nothing_owed',
  'amount_too_small',
  'amount_too_large',
  'currency_unknown',
] as const;
export const overs = [
  'order_cancelled',
  'order_paid_otherwise',
  'order_owes_nothing',
  'given_back',
  'other',
] as const;

export type State = (typeof states)[number];
export type Refusal = (typeof refusals)[number];
export type Over = (typeof overs)[number];

export type Invoice = {
  /** BOLT11 in lower case. Absent once it cannot be paid any more. */
  request?: string;
  /** Satoshis as a decimal string, such as `21000` or `1.5`. */
  sats: string;
  /** Until when the price holds, ISO 8601. */
  lapsesAt: string;
  /** The shop's own discount (below zero) or markup on the sats, in hundredths of a percent. */
  adjustmentBp?: number;
};

export type Payment = {
  /** Undefined: a state that this bundle does not know. */
  state?: State;
  /** Changes whenever anything that is shown changes. */
  revision: string;
  /** Nothing will change any more. */
  final: boolean;
  /** Our page of this payment. Absent when the order never had a payment. */
  payUrl?: string;
  /** What the order owes: a decimal string and an ISO 4217 code. */
  fiat?: { amount: string; currency: string };
  invoice?: Invoice;
  refusal?: Refusal;
  over?: Over;
  /** The shop confirms before it charges: by then the money is back, if it does not. ISO 8601. */
  holdEndsAt?: string;
  /** For support: what a buyer tells the shop. */
  reference?: string;
  /** The page on which a refund is to be claimed. */
  refundUrl?: string;
  /** What its buyer gets back by the shop's rule, and once it can be claimed, where. */
  reward?: { sats: string; url?: string };
  test: boolean;
  expired: boolean;
  checking: boolean;
  overpaid: boolean;
  /** Something came that was not owed, whatever became of it. */
  surplus: boolean;
  /** The shop says that it has settled with its buyer what the order could not take. */
  byHand: boolean;
};

type Fields = Record<string, unknown>;

const fieldsOf = (value: unknown): Fields =>
  typeof value === 'object' && value !== null ? (value as Fields) : {};

const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;

const oneOf = <T extends string>(list: readonly T[], value: unknown): T | undefined =>
  list.find((one) => one === value);

/** Without the keys that have no value: what is absent stays absent. */
function present<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const kept = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(kept) as { [K in keyof T]?: Exclude<T[K], undefined> };
}

/** Undefined: this is no answer of our server, for instance a page of a proxy in front of it. */
export function readPayment(body: unknown): Payment | undefined {
  const given = fieldsOf(body);
  const said = textOf(given['state']);
  if (said === undefined) return undefined;
  const state = oneOf(states, said);
  return {
    revision: textOf(given['revision']) ?? said,
    final: given['final'] === true || (given['final'] === undefined && ends(state)),
    test: given['test'] === true,
    expired: given['expired'] === true,
    checking: given['checking'] === true,
    overpaid: given['overpaid'] === true,
    surplus: given['surplus'] !== undefined,
    byHand: given['byHand'] === true,
    ...present({
      state,
      payUrl: addressOf(given['payUrl']),
      fiat: readFiat(given['fiat']),
      invoice: readInvoice(given['invoice']),
      refusal: oneOf(refusals, given['refusal']),
      over: oneOf(overs, given['over']),
      holdEndsAt: momentOf(given['holdEndsAt']),
      reference: textOf(given['reference']),
      refundUrl: addressOf(given['refundUrl']),
      reward: readReward(given['reward']),
    }),
  };
}

const ends = (state: State | undefined): boolean =>
  state === 'resolved' || state === 'lapsed' || state === 'rejected';

function addressOf(value: unknown): string | undefined {
  const text = textOf(value);
  return text !== undefined && /^https?:\/\//.test(text) ? text : undefined;
}

function momentOf(value: unknown): string | undefined {
  const text = textOf(value);
  return text === undefined || Number.isNaN(Date.parse(text)) ? undefined : text;
}

function readFiat(value: unknown): Payment['fiat'] {
  const fields = fieldsOf(value);
  const amount = textOf(fields['amount']);
  const currency = textOf(fields['currency']);
  return amount === undefined || currency === undefined ? undefined : { amount, currency };
}

/** What is on its way, or arrived, is said on our page. */
function readReward(value: unknown): Payment['reward'] {
  const fields = fieldsOf(value);
  const sats = textOf(fields['sats']);
  const isOpen = fields['state'] === 'waiting' || fields['state'] === 'claimable';
  return sats === undefined || !isOpen
    ? undefined
    : { sats, ...present({ url: addressOf(fields['url']) }) };
}

/** None is no change of the price, and neither is what no shop can have said. */
const readBasisPoints = (value: unknown): number | undefined =>
  typeof value === 'number' && value !== 0 && Math.abs(value) < 10_000 ? value : undefined;

function readInvoice(value: unknown): Invoice | undefined {
  const fields = fieldsOf(value);
  const sats = textOf(fields['sats']);
  const lapsesAt = textOf(fields['lapsesAt']);
  if (sats === undefined || lapsesAt === undefined || Number.isNaN(Date.parse(lapsesAt))) {
    return undefined;
  }
  // Nothing but the letters of bech32 becomes an address (BOLT11, "Encoding Overview").
  const request = textOf(fields['request']);
  const payable = request !== undefined && /^ln[a-z0-9]+$/.test(request);
  const own = present({ adjustmentBp: readBasisPoints(fields['adjustmentBp']) });
  return { sats, lapsesAt, ...own, ...(payable ? { request } : {}) };
}
