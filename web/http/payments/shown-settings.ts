// What the payments app's page shows of the settings: what is stored, or what was typed and why it
// is not taken.
import { settingsFaults, usualAloneDriftBp, type Wrong } from '../../core/settings.ts';
import type { SettingsField } from '../../core/settings.ts';
import type { settingsOf } from '../../db/views.ts';
import type { ShownSettings, TypedSettings } from '../../frontend/payments/view.ts';
import type { Doors } from '../doors.ts';
import { settingsTyped } from './settings-form.ts';

/** What was typed, onto which version, and what is wrong with it. */
export type SavedSettings = Pick<ShownSettings, 'version' | 'wrong'> & { typed: TypedSettings };

/** Which field of the form says what is wrong with a setting. */
const fieldOf: Partial<Record<SettingsField, keyof TypedSettings>> = {
  ...{ priceAdjustmentBp: 'adjustmentSize', quoteSeconds: 'quoteMinutes', spreadLimitBp: 'spread' },
  ...{ aloneMinutes: 'aloneMinutes', aloneDriftBp: 'aloneDrift', smallestMsat: 'smallest' },
  ...{ largestMsat: 'largest', refundClaimDays: 'claimDays', refundApprovalMsat: 'approval' },
  alertEmail: 'email',
};

export const wrongFields = (wrong: readonly Wrong[]): ShownSettings['wrong'] =>
  Object.fromEntries(
    wrong.map(({ field, fault }) => [
      fieldOf[field] ?? field,
      { fault, sentence: settingsFaults[fault] },
    ]),
  );

export function shownSettings(
  doors: Doors,
  about: {
    stored: Awaited<ReturnType<typeof settingsOf>>;
    setInAdmin: boolean;
    saved: SavedSettings | 'saved' | undefined;
  },
): ShownSettings {
  const { stored, setInAdmin, saved } = about;
  const { quotePolicy, quoteSeconds, alertWays } = doors.deps;
  const usual = {
    quoteMinutes: String(quoteSeconds / 60),
    spread: String(quotePolicy.toleranceBasisPoints / 100),
    aloneDrift: String(usualAloneDriftBp / 100),
  };
  const around = { setInAdmin, usual, sendsEmail: alertWays.email !== undefined };
  if (typeof saved === 'object') {
    const { version, typed: values, wrong } = saved;
    return { ...around, version, values, wrong, state: 'wrong' };
  }
  const { version, settings } = stored;
  const values = settingsTyped(settings);
  return { ...around, version, values, wrong: {}, state: saved ?? 'shown' };
}
