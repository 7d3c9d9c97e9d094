// What a merchant looks for, from the words of an address to what the database is asked. The same
// words stand in the page's own address, in a saved view and in an export.
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { currencyOf, isCounted, unitsOf } from '../../core/money.ts';
import { paymentStates, type PaymentState } from '../../core/payment.ts';
import {
  everyPayment,
  type PaymentCursor,
  type PaymentFilter,
  type PaymentSearch,
} from '../../db/views.ts';

const states = Object.keys(paymentStates) as [PaymentState, ...PaymentState[]];
/** A day of the calendar, YYYY-MM-DD. PostgreSQL knows no year 0, which the form alone allows. */
export const dayForm = z.iso.date().refine((text) => !text.startsWith('0000'));
const amount = z.string().regex(/^\d{1,15}(\.\d{1,3})?$/);
const longestSearch = 3_000;

/** The words of a filter. Whatever else an address holds is not the filter's. */
export const filterForm = z.object({
  state: z
    .string()
    .transform((text) => text.split(','))
    .pipe(z.array(z.enum(states)).max(states.length))
    .optional(),
  view: z.literal('needs_person').optional(),
  since: dayForm.optional(),
  until: dayForm.optional(),
  test: z.enum(['yes', 'no']).optional(),
  min: amount.optional(),
  max: amount.optional(),
  node: z
    .string()
    .regex(/^\d{1,9}$/)
    .optional(),
  q: z
    .string()
    .max(longestSearch)
    .regex(/^\P{Cc}*$/u)
    .optional(),
});
export const filterNames = Object.keys(filterForm.shape);

/** Undefined: a word of it cannot be read, and nobody guesses what was meant. */
export function readFilter(
  query: unknown,
  about: { timeZone: string; hashOfRequest: (request: string) => string | undefined },
): PaymentFilter | undefined {
  const read = filterForm.safeParse(query);
  if (!read.success) return undefined;
  const { state, view, since, until, test, min, max, node, q } = read.data;
  return {
    ...everyPayment,
    states: state ?? [],
    needsPerson: view === 'needs_person',
    since,
    until,
    timeZone: about.timeZone,
    test: test === undefined ? undefined : test === 'yes',
    atLeastMills: min === undefined ? undefined : unitsOf(min, 3),
    atMostMills: max === undefined ? undefined : unitsOf(max, 3),
    nodeId: node === undefined ? undefined : Number(node),
    search: q === undefined || q.trim() === '' ? undefined : readSearch(q, about.hashOfRequest),
  };
}

const nothing: PaymentSearch = {
  orderNames: [],
  mills: undefined,
  currency: undefined,
  msat: undefined,
  hash: undefined,
  paymentId: undefined,
  originIds: [],
};

/** Everything that the text may be. What a search finds is what any of the readings finds. */
export function readSearch(
  given: string,
  hashOfRequest: (request: string) => string | undefined,
): PaymentSearch {
  const text = given.normalize('NFC').trim();
  const uuid = z.uuid().safeParse(text);
  if (uuid.success) return { ...nothing, paymentId: uuid.data.toLowerCase() };
  if (/^[0-9a-f]{64}$/i.test(text)) return { ...nothing, hash: text.toLowerCase() };
  const request = /^(?:lightning:)?(ln[a-z0-9]{20,})$/i.exec(text)?.[1]?.toLowerCase();
  if (request !== undefined) {
    const hash = hashOfRequest(request);
    return hash === undefined ? nothing : { ...nothing, hash };
  }
  if (text.startsWith('gid://')) return { ...nothing, originIds: [text] };
  const names = [text, text.toUpperCase()];
  const bare = text.startsWith('#') ? [] : names.map((name) => `#${name}`);
  return {
    ...nothing,
    ...readMoney(text),
    orderNames: [...new Set([...names, ...bare])],
    // The number in the address of an order in Shopify's admin.
    originIds: /^\d{9,20}$/.test(text) ? [`gid://shopify/Order/${text}`] : [],
  };
}

/** `12.34`, `12,34`, `1,234.50 EUR`, `€12`, `21000`, `21 000 sats`. A bare number may be both. */
function readMoney(text: string): Pick<PaymentSearch, 'mills' | 'currency' | 'msat'> {
  const none = { mills: undefined, currency: undefined, msat: undefined };
  const parts =
    /^([A-Za-z]{3}|\p{Sc})?\s*([\d.,' \u00a0\u202f\u2019]+?)\s*([A-Za-z]{3,8}|\p{Sc})?$/u.exec(
      text,
    );
  const [, before, digits = '', after] = parts ?? [];
  const unit = (before ?? after ?? '').toUpperCase();
  const decimal = plainDecimal(digits);
  if (decimal === undefined) return none;
  const mills = unitsOf(decimal, 3);
  // No payment has as much; as an order's number it is looked for all the same.
  if (mills === undefined || !isCounted(mills)) return none;
  if (/^SATS?$|^SATOSHIS?$/.test(unit)) return { ...none, msat: mills };
  const currency = currencyOf(unit);
  if (currency !== undefined) return { ...none, mills, currency };
  if (unit !== '' && !/\p{Sc}/u.test(unit)) return none;
  // Three decimals of a sat are its msat, as three of a currency unit are its thousandths.
  return { mills, currency: undefined, msat: unit === '' ? mills : undefined };
}

/**
 * The last mark is the decimal one, unless three digits follow it and it stands there more than
 * once or alone as a comma: `1,234` is a thousand, `1.234` is a dinar's thousandths.
 */
function plainDecimal(digits: string): string | undefined {
  const tight = digits.replace(/[' \u00a0\u202f\u2019]/g, '');
  if (!/^\d[\d.,]*$/.test(tight) || tight.length > 24) return undefined;
  const last = Math.max(tight.lastIndexOf('.'), tight.lastIndexOf(','));
  if (last === -1) return tight;
  const mark = tight.charAt(last);
  const fraction = tight.slice(last + 1);
  const isGrouping =
    fraction.length === 3 &&
    (tight.indexOf(mark) !== last || (mark === ',' && !tight.includes('.')));
  const whole = tight.slice(0, isGrouping ? undefined : last).replace(/[.,]/g, '');
  if (isGrouping) return whole;
  return /^\d{1,3}$/.test(fraction) && whole !== '' ? `${whole}.${fraction}` : undefined;
}

/** What a text of 64 hex letters may be the proof of: itself as a hash, or as a preimage. */
export function hashesOf(text: string): { itself: string; ofPreimage: string } {
  const itself = text.toLowerCase();
  const preimage = Buffer.from(itself, 'hex');
  const ofPreimage = createHash('sha256').update(preimage).digest('hex');
  preimage.fill(0);
  return { itself, ofPreimage };
}

/** A place in the list, as the page hands it back. */
export const cursorText = (at: { opened_at: Date; id: string }): string =>
  `${String(at.opened_at.getTime())}_${at.id}`;

const cursorForm = z
  .string()
  .regex(/^\d{1,14}_[0-9a-f-]{36}$/)
  .transform((text): PaymentCursor => {
    const [time = '', id = ''] = text.split('_');
    return { openedAt: new Date(Number(time)), id };
  })
  .refine(({ id }) => z.guid().safeParse(id).success);

export const readCursor = (text: unknown): PaymentCursor | undefined =>
  cursorForm.safeParse(text).data;
