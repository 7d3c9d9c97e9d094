// What the settings page and the server say to each other. Amounts are decimal strings of whole
// millisatoshis, times ISO 8601.

export type SettingsShape = {
  methodName: string;
  /** Null: as the server is configured. */
  quoteSeconds: number | null;
  /** Empty: all. */
  rateSources: readonly string[];
  /** In hundredths of a percent. Null: as it comes. */
  spreadLimitBp: number | null;
  /** Without a quorum one source speaks alone for so long after the last. Null: no price. */
  aloneMinutes: number | null;
  /** So near to the last agreed price, in hundredths of a percent. Null: as it comes. */
  aloneDriftBp: number | null;
  /**
   * What is added to the sats of the market price, in hundredths of a percent; below zero it is a
   * discount. Null: nothing.
   */
  priceAdjustmentBp: number | null;
  smallestMsat: string | null;
  largestMsat: string | null;
  /** Language -> plain text. */
  buyerWords: Readonly<Record<string, string>>;
  /** Null: unpaid orders are left alone. */
  unpaidHours: number | null;
  /** Late money is taken if worth it still, but for so much, in 1/100 %. Null: it is not. */
  lateDriftBp: number | null;
  alertEmail: string | null;
  alertUrl: string | null;
  /** Of the admin. Null: as Shopify's. */
  language: string | null;
  /** False: refunds are written down and wait. */
  refundsOn: boolean;
  refundPricing: 'fiat_today' | 'sats_paid' | 'lower';
  refundClaimDays: number;
  /** Above it a person approves; 0: always. Null: as it comes. */
  refundApprovalMsat: string | null;
  /** What nobody owed becomes a refund without a person. */
  refundsWrong: boolean;
};
export type SettingsKey = keyof SettingsShape;

/** `GET /api/settings`. */
export type SettingsAnswer = {
  /** Counts up with each change: given back when saving. */
  version: number;
  settings: SettingsShape;
  /** What holds where the merchant chose nothing. */
  usual: { quoteSeconds: number; spreadLimitBp: number; aloneDriftBp: number };
  sources: readonly string[];
  /** Languages that the pay page speaks. */
  buyerLanguages: readonly string[];
  /** False: this server is not set up to send e-mail. */
  sendsEmail: boolean;
  hasAlertSecret: boolean;
  /** Units of the shop's currency for one BTC, in 10^-8; null: no price at the moment. */
  price: { currency: string; perBtcE8: string } | null;
  /** Newest first. */
  alerts: readonly AlertShown[];
};

export type AlertShown = {
  what: string;
  channel: 'email' | 'url';
  subject: string;
  madeAt: string;
  sentAt: string | null;
  /** A word: why the last try did not get through. */
  trouble: string | null;
  /** It is not tried again. */
  isOver: boolean;
};

/** 200, 422 (`settings_wrong`) or 409 (`changed_meanwhile`). */
export type SettingsSaved =
  | {
      ok: true;
      version: number;
      settings: SettingsShape;
      /** The webhook's secret, which is shown this once. */
      alertSecret?: string;
    }
  | {
      ok: false;
      refusal: 'settings_wrong';
      wrong: readonly { field: SettingsKey; fault: string; sentence: string }[];
    }
  | {
      ok: false;
      refusal: 'changed_meanwhile';
      version: number;
      settings: SettingsShape;
      /** The fields that differ by now from what the merchant saw. */
      changed: readonly SettingsKey[];
    };

/** `POST /api/settings/secret`: 200, or 422 when there is no web address. */
export type SecretAnswer = { ok: true; alertSecret: string } | { ok: false; sentence: string };

/** `POST /api/settings/test-alert`: `sent` or a word for each channel; 422 when asked too often. */
export type TestAlertAnswer =
  | { ok: true; outcomes: Partial<Record<'email' | 'url', string>> }
  | { ok: false; sentence: string };
