// The payments app's form of the settings: what was typed becomes what is meant, and back. Whether
// it may be so is judged by `core/settings.ts`, as in the merchant app.
import { z } from 'zod';
import { msat, satsOf, unitsOf, type Msat } from '../../core/money.ts';
import { refundPricings } from '../../core/refund.ts';
import type { Settings } from '../../core/settings.ts';
import type { TypedSettings } from '../../frontend/payments/view.ts';

const typed = z.string().trim().max(300);

/** What the page sends. A browser leaves out a box that is not ticked. */
export const settingsForm = z.object({
  version: z
    .string()
    .regex(/^\d{1,9}$/)
    .transform(Number),
  adjustment: z.enum(['none', 'discount', 'markup']),
  alone: z.enum(['pause', 'widen']),
  pricing: z.enum(refundPricings),
  wrong: z.literal('yes').optional(),
  ...{ adjustmentSize: typed, aloneMinutes: typed, aloneDrift: typed, spread: typed },
  ...{ quoteMinutes: typed, smallest: typed, largest: typed, claimDays: typed, approval: typed },
  /** Absent: this server sends no e-mail. */
  email: typed.optional(),
});
export type SettingsForm = z.infer<typeof settingsForm>;

/** What no bound takes: the field is wrong, whatever its bounds are. */
const unreadable = Number.NaN;
const unreadableMsat = msat(-1n);

/** `0.5` percent is 50 hundredths; undefined: nothing was typed. */
function basisPointsOf(text: string): number | undefined {
  if (text === '') return undefined;
  const units = unitsOf(text.replace('%', '').trim().replace(',', '.'), 2);
  return units === undefined ? unreadable : Number(units);
}

const wholeOf = (text: string): number | undefined =>
  text === '' ? undefined : /^\d{1,9}$/.test(text) ? Number(text) : unreadable;

function msatOf(text: string): Msat | null {
  if (text === '') return null;
  const sats = text.replace(/\s/g, '');
  return /^\d{1,15}$/.test(sats) ? msat(BigInt(sats) * 1_000n) : unreadableMsat;
}

/** What a merchant of the payments app means, on top of what is stored. */
export function settingsMeant(form: SettingsForm, stored: Settings): Settings {
  const size = basisPointsOf(form.adjustmentSize) ?? unreadable;
  const signed = form.adjustment === 'discount' ? -size : size;
  const minutes = wholeOf(form.quoteMinutes);
  return {
    ...stored,
    priceAdjustmentBp: form.adjustment === 'none' ? null : signed,
    aloneMinutes: form.alone === 'pause' ? null : (wholeOf(form.aloneMinutes) ?? unreadable),
    aloneDriftBp: form.alone === 'pause' ? null : (basisPointsOf(form.aloneDrift) ?? null),
    spreadLimitBp: basisPointsOf(form.spread) ?? null,
    quoteSeconds: minutes === undefined ? null : minutes * 60,
    smallestMsat: msatOf(form.smallest),
    largestMsat: msatOf(form.largest),
    refundPricing: form.pricing,
    refundClaimDays: wholeOf(form.claimDays) ?? unreadable,
    refundApprovalMsat: msatOf(form.approval),
    refundsWrong: form.wrong === 'yes',
    ...(form.email === undefined ? {} : { alertEmail: form.email }),
  };
}

const percentOf = (basisPoints: number | null): string =>
  basisPoints === null ? '' : String(Math.abs(basisPoints) / 100);
const satsTyped = (amount: Msat | null): string => (amount === null ? '' : satsOf(amount));

/** What is stored, as the form shows it. */
export function settingsTyped(settings: Settings): TypedSettings {
  const { priceAdjustmentBp: adjustmentBp, aloneMinutes, quoteSeconds } = settings;
  const way = adjustmentBp === null ? 'none' : adjustmentBp < 0 ? 'discount' : 'markup';
  return {
    ...{ adjustment: way, adjustmentSize: percentOf(adjustmentBp) },
    ...{ alone: aloneMinutes === null ? 'pause' : 'widen' },
    ...{ aloneMinutes: aloneMinutes === null ? '' : String(aloneMinutes) },
    ...{ aloneDrift: percentOf(settings.aloneDriftBp), spread: percentOf(settings.spreadLimitBp) },
    quoteMinutes: quoteSeconds === null ? '' : String(quoteSeconds / 60),
    ...{ smallest: satsTyped(settings.smallestMsat), largest: satsTyped(settings.largestMsat) },
    ...{ pricing: settings.refundPricing, claimDays: String(settings.refundClaimDays) },
    ...{ approval: satsTyped(settings.refundApprovalMsat), wrong: settings.refundsWrong },
    email: settings.alertEmail ?? '',
  };
}

/** What was typed, as it was typed. */
export const typedAgain = ({ wrong, email = '', ...typed }: SettingsForm): TypedSettings => ({
  ...typed,
  ...{ wrong: wrong === 'yes', email },
});
