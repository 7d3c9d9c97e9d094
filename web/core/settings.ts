// What a merchant may choose, what is wrong with a choice, and what follows from it. No row in the
// database means: everything as it comes.
import type { Msat } from './money.ts';
import {
  adjustmentLimitsBp,
  largestMsat,
  smallestMsat,
  type AlonePolicy,
  type QuotePolicy,
} from './quote.ts';
import type { RefundPricing } from './refund.ts';

/** The exchanges that a merchant may choose from. The tree has one file for each in `rates/`. */
export const rateSources = ['kraken', 'coinbase', 'bitstamp'] as const;

export type Settings = {
  /** Exact name of the manual payment method. */
  methodName: string;
  /** Null: as the server is configured. */
  quoteSeconds: number | null;
  /** Empty: all. */
  rateSources: readonly string[];
  /** How far sources may be apart, in hundredths of a percent. Null: as it comes. */
  spreadLimitBp: number | null;
  /**
   * Without a quorum one source may speak alone for so many minutes after the last one. Null: no
   * price is promised.
   */
  aloneMinutes: number | null;
  /** How far from the last agreed price it may be, in 1/100 %. Null: as it comes. */
  aloneDriftBp: number | null;
  /** Added to the sats of the market price, in hundredths of a percent; below zero a discount. */
  priceAdjustmentBp: number | null;
  smallestMsat: Msat | null;
  largestMsat: Msat | null;
  /** Language -> what the pay page says on top. Plain text, never HTML. */
  buyerWords: Readonly<Record<string, string>>;
  /** An unpaid order is cancelled and restocked after so many hours. Null: it is left alone. */
  unpaidHours: number | null;
  /**
   * Money that comes late is taken for an order that still owes as much, if its sats are worth that
   * still, but for so many hundredths of a percent. Null: a person is asked.
   */
  lateDriftBp: number | null;
  alertEmail: string | null;
  alertUrl: string | null;
  /** Of the admin. Null: as Shopify's. */
  language: string | null;
  /** False: refunds are written down and wait. */
  refundsOn: boolean;
  refundPricing: RefundPricing;
  /** So long a buyer may say where a refund is to go. */
  refundClaimDays: number;
  /** A refund above it waits for a person; 0: each does. Null: as it comes. */
  refundApprovalMsat: Msat | null;
  /** What came and nobody owed is owed back as a refund without a person. */
  refundsWrong: boolean;
};
export type SettingsField = keyof Settings;

export const asItComes: Omit<Settings, 'methodName'> = {
  quoteSeconds: null,
  rateSources: [],
  spreadLimitBp: null,
  aloneMinutes: null,
  aloneDriftBp: null,
  priceAdjustmentBp: null,
  smallestMsat: null,
  largestMsat: null,
  buyerWords: {},
  unpaidHours: null,
  lateDriftBp: null,
  alertEmail: null,
  alertUrl: null,
  language: null,
  refundsOn: false,
  refundPricing: 'fiat_today',
  refundClaimDays: 30,
  refundApprovalMsat: null,
  refundsWrong: false,
};

export const settingsLimits = {
  nameLetters: 100,
  quoteSeconds: { from: 60, to: 86_400 },
  /** Below a tenth of a percent honest exchanges disagree most of the time. */
  spreadLimitBp: { from: 10, to: 1_000 },
  aloneMinutes: { from: 1, to: 60 },
  aloneDriftBp: { from: 10, to: 1_000 },
  priceAdjustmentBp: adjustmentLimitsBp,
  sourcesAtLeast: 2,
  wordsLetters: 280,
  unpaidHours: { from: 1, to: 2_160 },
  lateDriftBp: { from: 10, to: 5_000 },
  refundClaimDays: { from: 1, to: 365 },
  emailLetters: 254,
  urlLetters: 500,
} as const;

/** How far a source that speaks alone may be from the last agreed price, if nothing is chosen. */
export const usualAloneDriftBp = 100;

/** What is wrong with a field. Each has its sentence; none of them is about another field. */
export const settingsFaults = {
  name_empty: 'Give the name, as Shopify shows it.',
  name_long: 'At most 100 letters.',
  quote_seconds: 'Between 1 and 1,440 whole minutes.',
  sources_too_few:
    'Choose at least two: no single exchange may set your price. With one, no price is promised.',
  source_unknown: 'There is no such price source.',
  spread_limit: 'Between 0.1 and 10 percent.',
  alone_minutes: 'Between 1 and 60 whole minutes.',
  alone_drift: 'Between 0.1 and 10 percent.',
  price_adjustment: 'Between 0.01 and 20 percent, off or on top.',
  amount_small: 'At least 1 sat: less cannot be paid.',
  amount_large: 'This is more than an invoice can hold.',
  amounts_crossed: 'The largest amount must not be below the smallest.',
  words_long: 'At most 280 letters.',
  language_unknown: 'There is no such language.',
  unpaid_hours: 'Between 1 and 2,160 whole hours.',
  late_drift: 'Between 0.1 and 50 percent.',
  refund_claim_days: 'Between 1 and 365 whole days.',
  refund_approval: 'Not below zero, and not more than an invoice can hold.',
  email_wrong: 'Give one e-mail address, such as shop@example.com.',
  url_wrong: 'Give a public address that begins with https://.',
} as const satisfies Record<string, string>;
export type SettingsFault = keyof typeof settingsFaults;
export type Wrong = { field: SettingsField; fault: SettingsFault };

const isWithin = (value: number, range: { from: number; to: number }): boolean =>
  Number.isInteger(value) && value >= range.from && value <= range.to;
const letters = new Intl.Segmenter('en');
/** As people count them, and not as UTF-16 does. */
export const lettersOf = (text: string): number => [...letters.segment(text)].length;

// One address, no list, no name before it, and nothing that could begin another header line.
const email = /^[^\s@<>(),;:"\\[\]]{1,64}@[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?\.[a-z]{2,63}$/i;
const language = /^[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*$/;

/** Texts as they are stored: no space around, no line breaks inside; empty ones are left out. */
export function tidied(settings: Settings): Settings {
  const flat = (text: string): string => text.replace(/\s+/g, ' ').trim();
  const words = Object.entries(settings.buyerWords)
    .map(([spoken, text]) => [spoken, flat(text)] as const)
    .filter(([, text]) => text !== '');
  const orNull = (text: string | null): string | null => text?.trim() || null;
  return {
    ...settings,
    methodName: flat(settings.methodName),
    rateSources: rateSources.filter((name) => settings.rateSources.includes(name)),
    aloneDriftBp: settings.aloneMinutes === null ? null : settings.aloneDriftBp,
    priceAdjustmentBp: settings.priceAdjustmentBp === 0 ? null : settings.priceAdjustmentBp,
    buyerWords: Object.fromEntries(words),
    alertEmail: orNull(settings.alertEmail),
    alertUrl: orNull(settings.alertUrl),
  };
}

/** What is wrong, at most once for each field. `mayBePostedTo`: whether a web address could be. */
export function faultsOf(
  settings: Settings,
  mayBePostedTo: (url: string) => boolean,
): readonly Wrong[] {
  const limits = settingsLimits;
  const { methodName, unpaidHours, lateDriftBp, alertEmail, alertUrl } = settings;
  const no = (is: boolean, field: SettingsField, fault: SettingsFault): Wrong[] =>
    is ? [{ field, fault }] : [];
  const texts = Object.entries(settings.buyerWords);
  const found = [
    ...no(methodName.trim() === '', 'methodName', 'name_empty'),
    ...no(lettersOf(methodName) > limits.nameLetters, 'methodName', 'name_long'),
    ...priceFaults(settings),
    ...amountFaults(settings),
    ...no(
      texts.some(([spoken]) => !language.test(spoken)) || texts.length > 30,
      'buyerWords',
      'language_unknown',
    ),
    ...no(
      texts.some(([, text]) => lettersOf(text) > limits.wordsLetters),
      'buyerWords',
      'words_long',
    ),
    ...no(
      unpaidHours !== null && !isWithin(unpaidHours, limits.unpaidHours),
      'unpaidHours',
      'unpaid_hours',
    ),
    ...no(
      lateDriftBp !== null && !isWithin(lateDriftBp, limits.lateDriftBp),
      'lateDriftBp',
      'late_drift',
    ),
    ...no(
      alertEmail !== null && (alertEmail.length > limits.emailLetters || !email.test(alertEmail)),
      'alertEmail',
      'email_wrong',
    ),
    ...no(
      alertUrl !== null && (alertUrl.length > limits.urlLetters || !mayBePostedTo(alertUrl)),
      'alertUrl',
      'url_wrong',
    ),
    ...refundFaults(settings),
    ...no(
      settings.language !== null && !language.test(settings.language),
      'language',
      'language_unknown',
    ),
  ];
  return found.filter(({ field }, at) => found.findIndex((one) => one.field === field) === at);
}

function refundFaults({ refundClaimDays, refundApprovalMsat }: Settings): Wrong[] {
  const wrong: Wrong[] = [];
  if (!isWithin(refundClaimDays, settingsLimits.refundClaimDays)) {
    wrong.push({ field: 'refundClaimDays', fault: 'refund_claim_days' });
  }
  const approval = refundApprovalMsat ?? 0n;
  if (approval < 0n || approval > largestMsat) {
    wrong.push({ field: 'refundApprovalMsat', fault: 'refund_approval' });
  }
  return wrong;
}

function priceFaults(settings: Settings): Wrong[] {
  const { quoteSeconds, spreadLimitBp, aloneMinutes, aloneDriftBp, priceAdjustmentBp } = settings;
  const limits = settingsLimits;
  const wrong = sourceFaults(settings.rateSources);
  if (quoteSeconds !== null && !isWithin(quoteSeconds, limits.quoteSeconds)) {
    wrong.push({ field: 'quoteSeconds', fault: 'quote_seconds' });
  }
  if (spreadLimitBp !== null && !isWithin(spreadLimitBp, limits.spreadLimitBp)) {
    wrong.push({ field: 'spreadLimitBp', fault: 'spread_limit' });
  }
  if (aloneMinutes !== null && !isWithin(aloneMinutes, limits.aloneMinutes)) {
    wrong.push({ field: 'aloneMinutes', fault: 'alone_minutes' });
  }
  if (aloneDriftBp !== null && !isWithin(aloneDriftBp, limits.aloneDriftBp)) {
    wrong.push({ field: 'aloneDriftBp', fault: 'alone_drift' });
  }
  if (priceAdjustmentBp !== null && !isWithin(priceAdjustmentBp, limits.priceAdjustmentBp)) {
    wrong.push({ field: 'priceAdjustmentBp', fault: 'price_adjustment' });
  }
  return wrong;
}

function sourceFaults(chosen: readonly string[]): Wrong[] {
  const known: readonly string[] = rateSources;
  if (chosen.some((name) => !known.includes(name))) {
    return [{ field: 'rateSources', fault: 'source_unknown' }];
  }
  const few = chosen.length > 0 && new Set(chosen).size < settingsLimits.sourcesAtLeast;
  return few ? [{ field: 'rateSources', fault: 'sources_too_few' }] : [];
}

function amountFaults(settings: Settings): Wrong[] {
  const { smallestMsat: smallest, largestMsat: largest } = settings;
  const wrong: Wrong[] = [];
  const fits = (amount: Msat | null): boolean => amount === null || amount <= largestMsat;
  const pays = (amount: Msat | null): boolean => amount === null || amount >= smallestMsat;
  if (!pays(smallest)) wrong.push({ field: 'smallestMsat', fault: 'amount_small' });
  if (!fits(smallest)) wrong.push({ field: 'smallestMsat', fault: 'amount_large' });
  if (!pays(largest)) wrong.push({ field: 'largestMsat', fault: 'amount_small' });
  if (!fits(largest)) wrong.push({ field: 'largestMsat', fault: 'amount_large' });
  if (wrong.length === 0 && smallest !== null && largest !== null && smallest > largest) {
    wrong.push({ field: 'largestMsat', fault: 'amounts_crossed' });
  }
  return wrong;
}

const sameWords = (a: Settings['buyerWords'], b: Settings['buyerWords']): boolean =>
  [...new Set([...Object.keys(a), ...Object.keys(b)])].every((spoken) => a[spoken] === b[spoken]);

/** The fields in which two differ, in the order of the type. */
export function differences(a: Settings, b: Settings): SettingsField[] {
  return (Object.keys({ methodName: '', ...asItComes }) as SettingsField[]).filter((field) => {
    if (field === 'buyerWords') return !sameWords(a.buyerWords, b.buyerWords);
    if (field === 'rateSources') {
      return [...a.rateSources].sort().join() !== [...b.rateSources].sort().join();
    }
    return a[field] !== b[field];
  });
}

/** The terms under which a shop promises a price, from the server's own and the merchant's. */
export type QuoteTerms = {
  policy: QuotePolicy;
  seconds: number;
  /** Undefined: all. */
  sources: readonly string[] | undefined;
  smallestMsat: Msat;
  largestMsat: Msat;
  /** In hundredths of a percent; 0: the market price. */
  adjustmentBp: number;
  /** Undefined: without a quorum there is no price. */
  alone: AlonePolicy | undefined;
};

export function termsOf(
  server: { quotePolicy: QuotePolicy; quoteSeconds: number },
  chosen: Pick<
    Settings,
    | 'quoteSeconds'
    | 'rateSources'
    | 'spreadLimitBp'
    | 'aloneMinutes'
    | 'aloneDriftBp'
    | 'priceAdjustmentBp'
    | 'smallestMsat'
    | 'largestMsat'
  >,
): QuoteTerms {
  const { quotePolicy, quoteSeconds } = server;
  return {
    policy: {
      ...quotePolicy,
      toleranceBasisPoints: chosen.spreadLimitBp ?? quotePolicy.toleranceBasisPoints,
    },
    seconds: chosen.quoteSeconds ?? quoteSeconds,
    sources: chosen.rateSources.length === 0 ? undefined : chosen.rateSources,
    smallestMsat: chosen.smallestMsat ?? smallestMsat,
    largestMsat: chosen.largestMsat ?? largestMsat,
    adjustmentBp: chosen.priceAdjustmentBp ?? 0,
    alone: aloneOf(chosen),
  };
}

const aloneOf = (
  chosen: Pick<Settings, 'aloneMinutes' | 'aloneDriftBp'>,
): AlonePolicy | undefined =>
  chosen.aloneMinutes === null
    ? undefined
    : {
        forMs: chosen.aloneMinutes * 60_000,
        driftBasisPoints: chosen.aloneDriftBp ?? usualAloneDriftBp,
      };
