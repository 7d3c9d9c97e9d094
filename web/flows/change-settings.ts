// A merchant saves the settings. Only the fields that the merchant changed are written, and only
// onto the version that the merchant has seen: who was overtaken by another tab hears what is
// different, and loses nothing of what was typed.
import { alertRules } from '../core/alert.ts';
import type { SealedPlace } from '../core/ports.ts';
import {
  differences,
  faultsOf,
  tidied,
  type Settings,
  type SettingsField,
  type Wrong,
} from '../core/settings.ts';
import { wakeAlerts } from '../db/alerts.ts';
import {
  changeSettings as store,
  replaceAlertSecret,
  settingsOf,
  type StoredSettings,
} from '../db/settings.ts';
import type { Deps } from './flow.ts';

export type SettingsChanged =
  | {
      is: 'stored';
      stored: StoredSettings;
      /** Made with the first web address for alerts, and shown this once. */
      alertSecret: string | undefined;
    }
  | { is: 'wrong'; wrong: readonly Wrong[] }
  /** `changed`: where the settings differ by now from what the merchant saw. */
  | { is: 'changed_meanwhile'; stored: StoredSettings; changed: readonly SettingsField[] };

export type SettingsWish = {
  shopId: number;
  version: number;
  /** What the merchant saw. */
  was: Settings;
  /** What it is to be. */
  settings: Settings;
};

export async function changeSettings(deps: Deps, wish: SettingsWish): Promise<SettingsChanged> {
  const { shopId, version } = wish;
  const settings = tidied(wish.settings);
  const wrong = faultsOf(settings, deps.alertWays.mayBePostedTo);
  if (wrong.length > 0) return { is: 'wrong', wrong };
  const fields = differences(wish.was, settings);
  const secret = await firstSecret(deps, shopId, settings);
  const stored = await store(deps.db, {
    ...{ shopId, version, settings, fields },
    alertSecret: secret === undefined ? undefined : sealSecret(deps, shopId, secret),
  });
  if (stored === undefined) {
    const now = await settingsOf(deps.db, shopId);
    return {
      is: 'changed_meanwhile',
      stored: now,
      changed: differences(wish.was, now.settings),
    };
  }
  deps.log.info({ shopId, version: stored.version, fields }, 'settings.changed');
  if (fields.includes('alertEmail') || fields.includes('alertUrl')) {
    await wakeAlerts(deps.db, shopId);
  }
  return { is: 'stored', stored, alertSecret: secret };
}

async function firstSecret(
  deps: Deps,
  shopId: number,
  settings: Settings,
): Promise<string | undefined> {
  if (settings.alertUrl === null) return undefined;
  const { sealedAlertSecret } = await settingsOf(deps.db, shopId);
  return sealedAlertSecret === null ? newSecret(deps) : undefined;
}

/**
 * Another secret for the webhook, shown this once. The one before signs beside it for a day, so
 * that no alert is refused by a receiver that has not changed yet. Undefined: the shop has no web
 * address.
 */
export async function renewAlertSecret(
  deps: Deps,
  about: { shopId: number },
): Promise<string | undefined> {
  const secret = newSecret(deps);
  const sealed = sealSecret(deps, about.shopId, secret);
  const bothForMs = alertRules.oldSecretMs;
  if (!(await replaceAlertSecret(deps.db, { ...about, sealed, bothForMs }))) return undefined;
  deps.log.info({ shopId: about.shopId }, 'settings.alert_secret_renewed');
  return secret;
}

const newSecret = (deps: Deps): string =>
  `zas_${Buffer.from(deps.randomSecret()).toString('base64url')}`;

const sealSecret = (deps: Deps, shopId: number, secret: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(deps.sealer.seal(Buffer.from(secret, 'utf8'), placeOfAlertSecret(shopId)));

/** Where the webhook's secret is sealed: it opens for this shop only. */
export const placeOfAlertSecret = (shopId: number): SealedPlace => ({
  table: 'settings',
  field: 'alert_secret',
  shop: String(shopId),
  record: String(shopId),
});
