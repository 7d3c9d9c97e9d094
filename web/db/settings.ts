// What merchants have chosen. Changed under a version that counts up: who has not seen the last
// change changes nothing.
import type { Msat } from '../core/money.ts';
import { asItComes, type Settings, type SettingsField } from '../core/settings.ts';
import type { Database, Queryable } from './database.ts';
import { rows, transaction } from './database.ts';
import { nudge, shopLane } from './lanes.ts';
import { wakeRefunds } from './refunds.ts';

export type StoredSettings = {
  version: number;
  settings: Settings;
  sealedAlertSecret: Uint8Array | null;
  /** Those that it has replaced, and that sign beside it for a while; the newest first. */
  oldAlertSecrets: readonly Uint8Array[];
};

/** What a merchant has chosen, without the secrets of the alerts. */
export type RawChosen = {
  method_name: string;
  version: number | null;
  quote_seconds: number | null;
  rate_sources: string[] | null;
  spread_limit_bp: number | null;
  price_adjustment_bp: number | null;
  alone_minutes: number | null;
  alone_drift_bp: number | null;
  smallest_msat: string | null;
  largest_msat: string | null;
  buyer_words: Record<string, string> | null;
  unpaid_hours: number | null;
  late_drift_bp: number | null;
  alert_email: string | null;
  alert_url: string | null;
  language: string | null;
  refunds_on: boolean | null;
  refund_pricing: Settings['refundPricing'] | null;
  refund_claim_days: number | null;
  refund_approval_msat: string | null;
  refunds_wrong: boolean | null;
};
type Raw = RawChosen & {
  sealed_alert_secret: Uint8Array | null;
  old_alert_secrets: Uint8Array[];
};

const amountOf = (text: string | null): Msat | null =>
  text === null ? null : (BigInt(text) as Msat);

export function chosenFrom(raw: RawChosen): Pick<StoredSettings, 'version' | 'settings'> {
  const settings: Settings = {
    methodName: raw.method_name,
    quoteSeconds: raw.quote_seconds,
    rateSources: raw.rate_sources ?? asItComes.rateSources,
    spreadLimitBp: raw.spread_limit_bp,
    aloneMinutes: raw.alone_minutes,
    aloneDriftBp: raw.alone_drift_bp,
    priceAdjustmentBp: raw.price_adjustment_bp,
    smallestMsat: amountOf(raw.smallest_msat),
    largestMsat: amountOf(raw.largest_msat),
    buyerWords: raw.buyer_words ?? asItComes.buyerWords,
    unpaidHours: raw.unpaid_hours,
    lateDriftBp: raw.late_drift_bp,
    alertEmail: raw.alert_email,
    alertUrl: raw.alert_url,
    language: raw.language,
    refundsOn: raw.refunds_on ?? asItComes.refundsOn,
    refundPricing: raw.refund_pricing ?? asItComes.refundPricing,
    refundClaimDays: raw.refund_claim_days ?? asItComes.refundClaimDays,
    refundApprovalMsat: amountOf(raw.refund_approval_msat),
    refundsWrong: raw.refunds_wrong ?? asItComes.refundsWrong,
  };
  return { version: raw.version ?? 0, settings };
}

const fromRaw = (raw: Raw): StoredSettings => ({
  ...chosenFrom(raw),
  sealedAlertSecret: raw.sealed_alert_secret,
  oldAlertSecrets: raw.old_alert_secrets,
});

/** The secrets that sign beside the one of the shop `p`. */
export const oldSecretsOfShop = `
  array(select o.sealed from old_alert_secret o where o.shop_id = p.id and o.ends_at > now()
    order by o.id desc)`;

/** Of the shop `p` and its settings `s`. */
export const chosenColumns = `
  p.method_name, s.version, s.quote_seconds, s.rate_sources, s.spread_limit_bp, s.smallest_msat,
  s.largest_msat, s.buyer_words, s.unpaid_hours, s.alert_email, s.alert_url, s.language,
  s.price_adjustment_bp, s.alone_minutes, s.alone_drift_bp, s.refunds_on, s.refund_pricing,
  s.refund_claim_days, s.refund_approval_msat, s.late_drift_bp, s.refunds_wrong`;

const readText = `
  select ${chosenColumns}, s.sealed_alert_secret, ${oldSecretsOfShop} as old_alert_secrets
  from shop p left join settings s on s.shop_id = p.id where p.id = $1`;

async function read(on: Queryable, shopId: number): Promise<StoredSettings> {
  const [raw] = await rows<Raw>(on, { name: 'settings_of', text: readText }, [shopId]);
  if (raw === undefined) throw new Error('there is no such shop');
  return fromRaw(raw);
}

/** What the shop's merchant has chosen; whoever chose nothing has everything as it comes. */
export const settingsOf = (db: Database, shopId: number): Promise<StoredSettings> =>
  read(db.pool, shopId);

export type SettingsChange = {
  shopId: number;
  /** The version that the merchant has seen. */
  version: number;
  settings: Settings;
  /** Only these are written. */
  fields: readonly SettingsField[];
  /** Stored only where there is none. */
  alertSecret: Uint8Array<ArrayBuffer> | undefined;
};

/** Undefined: somebody changed the settings since that version, and nothing was written. */
export async function changeSettings(
  db: Database,
  change: SettingsChange,
): Promise<StoredSettings | undefined> {
  return transaction(db, async (on) => {
    // The shop's row is the lock: there may be no row of settings yet.
    await rows(
      on,
      { name: 'shop_lock', text: 'select id from shop where id = $1 for no key update' },
      [change.shopId],
    );
    const now = await read(on, change.shopId);
    if (now.version !== change.version) return undefined;
    const chosen = Object.fromEntries(
      change.fields.map((field) => [field, change.settings[field]]),
    ) as Partial<Settings>;
    const next = { ...now.settings, ...chosen };
    await write(on, change, next);
    if (change.fields.includes('refundsOn') && next.refundsOn) await wakeRefunds(on, change.shopId);
    if (next.alertUrl === null) await forgetOldSecrets(on, change.shopId);
    if (change.fields.includes('methodName')) {
      await renameMethod(on, change.shopId, change.settings.methodName);
    }
    return read(on, change.shopId);
  });
}

const writeText = `
  insert into settings (shop_id, version, quote_seconds, rate_sources, spread_limit_bp,
    smallest_msat, largest_msat, buyer_words, unpaid_hours, alert_email, alert_url,
    sealed_alert_secret, language, price_adjustment_bp, alone_minutes, alone_drift_bp,
    refunds_on, refund_pricing, refund_claim_days, refund_approval_msat, late_drift_bp,
    refunds_wrong)
  values ($1, $2 + 1, $3, $4, $5, $6, $7, $8::jsonb, $9, $10, $11, $12, $13, $14, $15, $16, $17,
    $18, $19, $20, $21, $22)
  on conflict (shop_id) do update set version = excluded.version,
    quote_seconds = excluded.quote_seconds, rate_sources = excluded.rate_sources,
    spread_limit_bp = excluded.spread_limit_bp, smallest_msat = excluded.smallest_msat,
    largest_msat = excluded.largest_msat, buyer_words = excluded.buyer_words,
    unpaid_hours = excluded.unpaid_hours, alert_email = excluded.alert_email,
    alert_url = excluded.alert_url, language = excluded.language,
    price_adjustment_bp = excluded.price_adjustment_bp, alone_minutes = excluded.alone_minutes,
    alone_drift_bp = excluded.alone_drift_bp, changed_at = now(),
    refunds_on = excluded.refunds_on, refund_pricing = excluded.refund_pricing,
    refund_claim_days = excluded.refund_claim_days,
    refund_approval_msat = excluded.refund_approval_msat,
    late_drift_bp = excluded.late_drift_bp, refunds_wrong = excluded.refunds_wrong,
    sealed_alert_secret = case when excluded.alert_url is null then null
      else coalesce(settings.sealed_alert_secret, excluded.sealed_alert_secret) end`;

async function write(on: Queryable, change: SettingsChange, settings: Settings): Promise<void> {
  await rows(on, { name: 'settings_write', text: writeText }, [
    change.shopId,
    change.version,
    settings.quoteSeconds,
    settings.rateSources,
    settings.spreadLimitBp,
    settings.smallestMsat,
    settings.largestMsat,
    JSON.stringify(settings.buyerWords),
    settings.unpaidHours,
    settings.alertEmail,
    settings.alertUrl,
    change.alertSecret ?? null,
    settings.language,
    settings.priceAdjustmentBp,
    settings.aloneMinutes,
    settings.aloneDriftBp,
    settings.refundsOn,
    settings.refundPricing,
    settings.refundClaimDays,
    settings.refundApprovalMsat,
    settings.lateDriftBp,
    settings.refundsWrong,
  ]);
}

/** Orders of the last day are looked through again under the new name, at once. */
async function renameMethod(on: Queryable, shopId: number, name: string): Promise<void> {
  await rows(
    on,
    {
      name: 'settings_rename_method',
      text: `
        update shop set method_name = $2, method_seen_at = null,
          sweep_cursor = now() - interval '24 hours', sweep_after = null, sweep_began_at = null,
          due_at = case when uninstalled_at is null then now() end
        where id = $1`,
    },
    [shopId, name],
  );
  await nudge(on, [shopLane(shopId)]);
}

/** Who makes secrets again and again does not make headers without end. */
const mostOldSecrets = 3;

/**
 * Another secret for the shop's webhook; the one before signs beside it for so long. False: the
 * shop has no web address for alerts.
 */
export async function replaceAlertSecret(
  db: Database,
  about: { shopId: number; sealed: Uint8Array<ArrayBuffer>; bothForMs: number },
): Promise<boolean> {
  const { shopId, sealed, bothForMs } = about;
  return transaction(db, async (on) => {
    const replaced = await rows(
      on,
      {
        name: 'settings_replace_secret',
        text: `
          with before as (
            select shop_id, sealed_alert_secret as sealed from settings
            where shop_id = $1 and alert_url is not null for no key update),
          replaced as (
            update settings s set sealed_alert_secret = $2 from before b
            where s.shop_id = b.shop_id returning s.shop_id),
          kept as (
            insert into old_alert_secret (shop_id, sealed, ends_at)
            select shop_id, sealed, now() + $3 * interval '1 ms' from before
            where sealed is not null)
          select shop_id from replaced`,
      },
      [shopId, sealed, bothForMs],
    );
    await rows(
      on,
      {
        name: 'settings_bound_secrets',
        text: `
          delete from old_alert_secret where shop_id = $1 and id not in (
            select id from old_alert_secret where shop_id = $1 order by id desc limit $2)`,
      },
      [shopId, mostOldSecrets],
    );
    return replaced.length === 1;
  });
}

const forgetOldSecrets = (on: Queryable, shopId: number): Promise<unknown> =>
  rows(
    on,
    {
      name: 'settings_forget_secrets',
      text: 'delete from old_alert_secret where shop_id = $1',
    },
    [shopId],
  );

/** Wipes secrets whose time beside another is over. */
export async function wipeOldSecrets(db: Database): Promise<void> {
  await db.prisma.oldAlertSecret.deleteMany({ where: { endsAt: { lte: new Date() } } });
}

/** The shop's name and the client id of the app in it: what a link into its admin is made of. */
export async function shopAndApp(
  db: Database,
  shopId: number,
): Promise<{ domain: string; clientId: string }> {
  const { domain, registration } = await db.prisma.shop.findUniqueOrThrow({
    where: { id: shopId },
    select: { domain: true, registration: { select: { clientId: true } } },
  });
  return { domain, clientId: registration.clientId };
}

/** Where alerts go is the merchant's own, and leaves with the merchant. */
export async function forgetAlertTargets(on: Queryable, shopId: number): Promise<void> {
  await forgetOldSecrets(on, shopId);
  await rows(
    on,
    {
      name: 'settings_forget_targets',
      text: `
        update settings set alert_email = null, alert_url = null, sealed_alert_secret = null,
          version = version + 1
        where shop_id = $1
          and coalesce(alert_email, alert_url) is not null`,
    },
    [shopId],
  );
}
