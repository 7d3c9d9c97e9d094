// What a merchant types into the settings, and what it means. A field that was not touched keeps
// exactly what is stored, whatever it looks like; amounts are whole satoshis and never numbers.
import type { SettingsKey, SettingsShape } from '../../shared/settings-api.ts';

/** Which way the shop moves the sats, and by how many percent, as typed; empty without a way. */
export type Adjustment = { way: 'none' | 'discount' | 'markup'; percent: string };

/** Texts as they stand in the fields. */
export type Draft = {
  methodName: string;
  /** Minutes; empty: as it comes. */
  quoteSeconds: string;
  rateSources: readonly string[];
  /** Percent; empty: as it comes. */
  spreadLimitBp: string;
  /** Minutes; undefined: without a quorum no price is promised. */
  aloneMinutes: string | undefined;
  /** Percent; empty: as it comes. */
  aloneDriftBp: string;
  priceAdjustmentBp: Adjustment;
  /** Satoshis; empty: no limit. */
  smallestMsat: string;
  largestMsat: string;
  buyerWords: Readonly<Record<string, string>>;
  /** Hours; undefined: unpaid orders are left alone. */
  unpaidHours: string | undefined;
  /** Percent; undefined: late money is not taken without a person. */
  lateDriftBp: string | undefined;
  alertEmail: string;
  alertUrl: string;
  /** Empty: as Shopify's admin. */
  language: string;
  refundsOn: boolean;
  refundPricing: SettingsShape['refundPricing'];
  /** Days. */
  refundClaimDays: string;
  /** Satoshis; empty: as it comes. */
  refundApprovalMsat: string;
  refundsWrong: boolean;
};

const decimal = (units: number, per: number): string => String(units / per);
const sats = (msat: string | null): string => {
  if (msat === null) return '';
  const rest = msat.slice(-3).padStart(3, '0').replace(/0+$/, '');
  return `${msat.slice(0, -3) || '0'}${rest === '' ? '' : `.${rest}`}`;
};

export function draftOf(stored: SettingsShape, allSources: readonly string[]): Draft {
  const { quoteSeconds, spreadLimitBp, rateSources, unpaidHours } = stored;
  return {
    methodName: stored.methodName,
    quoteSeconds: quoteSeconds === null ? '' : decimal(quoteSeconds, 60),
    rateSources: rateSources.length === 0 ? allSources : rateSources,
    spreadLimitBp: spreadLimitBp === null ? '' : decimal(spreadLimitBp, 100),
    aloneMinutes: stored.aloneMinutes === null ? undefined : String(stored.aloneMinutes),
    aloneDriftBp: stored.aloneDriftBp === null ? '' : decimal(stored.aloneDriftBp, 100),
    priceAdjustmentBp: adjustmentOf(stored.priceAdjustmentBp),
    smallestMsat: sats(stored.smallestMsat),
    largestMsat: sats(stored.largestMsat),
    buyerWords: stored.buyerWords,
    unpaidHours: unpaidHours === null ? undefined : String(unpaidHours),
    lateDriftBp: stored.lateDriftBp === null ? undefined : decimal(stored.lateDriftBp, 100),
    alertEmail: stored.alertEmail ?? '',
    alertUrl: stored.alertUrl ?? '',
    language: stored.language ?? '',
    refundsOn: stored.refundsOn,
    refundPricing: stored.refundPricing,
    refundClaimDays: String(stored.refundClaimDays),
    refundApprovalMsat: sats(stored.refundApprovalMsat),
    refundsWrong: stored.refundsWrong,
  };
}

function adjustmentOf(basisPoints: number | null): Adjustment {
  if (basisPoints === null) return { way: 'none', percent: '' };
  const way = basisPoints < 0 ? 'discount' : 'markup';
  return { way, percent: decimal(Math.abs(basisPoints), 100) };
}

const same = (a: unknown, b: unknown): boolean => spelled(a) === spelled(b);
/** One spelling for what means the same: no empty texts, and sources in any order. */
function spelled(value: unknown): string {
  if (Array.isArray(value)) return value.map(String).sort().join();
  if (typeof value !== 'object' || value === null) return String(value);
  const texts = Object.entries(value as Record<string, string>).filter(([, text]) => text !== '');
  return JSON.stringify(texts.sort(([a], [b]) => (a < b ? -1 : 1)));
}

export const draftKeys = (draft: Draft): SettingsKey[] => Object.keys(draft) as SettingsKey[];

/** The fields in which the merchant has changed something. */
export const touched = (draft: Draft, before: Draft): SettingsKey[] =>
  draftKeys(draft).filter((key) => !same(draft[key], before[key]));

/** Others changed the settings: theirs come in wherever the merchant has not touched the field. */
export function merged(draft: Draft, about: { before: Draft; theirs: Draft }): Draft {
  const mine = touched(draft, about.before);
  return { ...about.theirs, ...Object.fromEntries(mine.map((key) => [key, draft[key]])) };
}

export type Faults = Partial<Record<SettingsKey, string>>;

/** A number with at most two decimals, in whole hundredths of it; undefined: something else. */
function hundredths(text: string): number | undefined {
  const parts = /^(\d{1,6})(?:[.,](\d{1,2}))?$/.exec(text.trim());
  if (parts === null) return undefined;
  return Number(parts[1]) * 100 + Number((parts[2] ?? '').padEnd(2, '0'));
}
const whole = (text: string): number | undefined =>
  /^\d{1,6}$/.test(text.trim()) ? Number(text.trim()) : undefined;
/** People write 21000, 21 000 and 21,000. */
export const msatTyped = (text: string): string | undefined => {
  const digits = text.replace(/[\s',.’_\u202f\u00a0]/g, '').replace(/^0+(?=\d)/, '');
  return /^\d{1,16}$/.test(digits) ? `${digits}000` : undefined;
};

/** Reads a field; what cannot be read gets the word of its fault. */
function read<T>(
  faults: Faults,
  about: { key: SettingsKey; text: string; fault: string; as: (text: string) => T | undefined },
): T | null {
  if (about.text.trim() === '') return null;
  const value = about.as(about.text);
  if (value === undefined) faults[about.key] = about.fault;
  return value ?? null;
}

/** In hundredths of a percent; below zero it is a discount. */
function adjustmentTyped({ way, percent }: Adjustment, faults: Faults): number | null {
  if (way === 'none') return null;
  const size = hundredths(percent) ?? 0;
  if (size === 0) {
    faults.priceAdjustmentBp = 'price_adjustment';
    return null;
  }
  return way === 'discount' ? -size : size;
}

/** What cannot be read is not sent: its fault is shown instead. */
function claimDaysTyped(text: string, faults: Faults): number {
  const days = whole(text) ?? 0;
  if (days === 0) faults.refundClaimDays = 'refund_claim_days';
  return days;
}

/** What the draft means. Without a fault here the server may still find one. */
export function meaningOf(
  draft: Draft,
  about: { stored: SettingsShape; before: Draft; allSources: readonly string[] },
): { settings: SettingsShape; faults: Faults } {
  const { stored, before, allSources } = about;
  const faults: Faults = {};
  const minutes = (text: string): number | undefined => {
    const found = whole(text);
    return found === undefined ? undefined : found * 60;
  };
  const { unpaidHours: hours } = draft;
  if (hours?.trim() === '') faults.unpaidHours = 'unpaid_hours';
  if (draft.aloneMinutes?.trim() === '') faults.aloneMinutes = 'alone_minutes';
  if (draft.lateDriftBp?.trim() === '') faults.lateDriftBp = 'late_drift';
  const amount = (key: 'smallestMsat' | 'largestMsat' | 'refundApprovalMsat') =>
    read(faults, { key, text: draft[key], fault: 'amount_unreadable', as: msatTyped });
  const typed: SettingsShape = {
    methodName: draft.methodName.trim(),
    quoteSeconds: read(faults, {
      ...{ key: 'quoteSeconds', text: draft.quoteSeconds, fault: 'quote_seconds', as: minutes },
    }),
    rateSources: draft.rateSources.length === allSources.length ? [] : draft.rateSources,
    spreadLimitBp: read(faults, {
      ...{ key: 'spreadLimitBp', text: draft.spreadLimitBp, fault: 'spread_limit' },
      as: hundredths,
    }),
    aloneMinutes: read(faults, {
      ...{ key: 'aloneMinutes', text: draft.aloneMinutes ?? '', fault: 'alone_minutes', as: whole },
    }),
    aloneDriftBp: read(faults, {
      ...{ key: 'aloneDriftBp', text: draft.aloneDriftBp, fault: 'alone_drift', as: hundredths },
    }),
    priceAdjustmentBp: adjustmentTyped(draft.priceAdjustmentBp, faults),
    smallestMsat: amount('smallestMsat'),
    largestMsat: amount('largestMsat'),
    buyerWords: draft.buyerWords,
    unpaidHours: read(faults, {
      ...{ key: 'unpaidHours', text: hours ?? '', fault: 'unpaid_hours', as: whole },
    }),
    lateDriftBp: read(faults, {
      ...{ key: 'lateDriftBp', text: draft.lateDriftBp ?? '', fault: 'late_drift', as: hundredths },
    }),
    alertEmail: draft.alertEmail.trim() || null,
    alertUrl: draft.alertUrl.trim() || null,
    language: draft.language || null,
    refundsOn: draft.refundsOn,
    refundPricing: draft.refundPricing,
    refundClaimDays: claimDaysTyped(draft.refundClaimDays, faults),
    refundApprovalMsat: amount('refundApprovalMsat'),
    refundsWrong: draft.refundsWrong,
  };
  if (draft.rateSources.length < 2) faults.rateSources = 'sources_too_few';
  if (draft.methodName.trim() === '') faults.methodName = 'name_empty';
  const mine = touched(draft, before);
  const settings = Object.fromEntries(
    draftKeys(draft).map((key) => [key, mine.includes(key) ? typed[key] : stored[key]]),
  ) as SettingsShape;
  for (const key of draftKeys(draft)) if (!mine.includes(key)) faults[key] = '';
  const found = Object.entries(faults).filter(([, fault]) => fault !== '');
  return { settings, faults: Object.fromEntries(found) };
}

/** What so many sats are worth at a price in 10^-8 units for one BTC: a decimal string. */
export function worthOf(msat: string, perBtcE8: string): string {
  const hundredth = (BigInt(msat) * BigInt(perBtcE8)) / 10n ** 17n;
  const digits = hundredth.toString().padStart(3, '0');
  return `${digits.slice(0, -2)}.${digits.slice(-2)}`;
}
