// The settings: read, saved under the version that the merchant saw, and alerts tried out.
import { z } from 'zod';
import { alertText } from '../../core/alert.ts';
import { currencyOf, msat, type Msat } from '../../core/money.ts';
import { agreePrice } from '../../core/quote.ts';
import { refundPricings } from '../../core/refund.ts';
import {
  rateSources,
  settingsFaults,
  usualAloneDriftBp,
  type Settings,
} from '../../core/settings.ts';
import * as views from '../../db/views.ts';
import { changeSettings, renewAlertSecret } from '../../flows/change-settings.ts';
import { sendTestAlert } from '../../flows/send-alert.ts';
import { pageLanguages } from '../../frontend/buyer/words.ts';
import type {
  AlertShown,
  SecretAnswer,
  SettingsAnswer,
  SettingsSaved,
  SettingsShape,
  TestAlertAnswer,
} from '../../frontend/shared/settings-api.ts';
import { answerJson } from '../answers.ts';
import { makeBudget } from '../budget.ts';
import type { Doors, Route } from '../doors.ts';
import { iso, merchantRoute, type Seen } from './door.ts';

const alertsShown = 5;
/** A page that opens does not wait longer for a price that it shows as a hint. */
const priceWithinMs = 1_500;

export function settingsRoutes(doors: Doors): Route[] {
  const tests = makeBudget({ calls: 5, perMs: 60_000, keysAtMost: 10_000 });
  const policy = 'merchant' as const;
  const at = (method: 'get' | 'post', path: string, answer: (seen: Seen) => Promise<void>) =>
    merchantRoute(doors, { method, path, policy }, answer);
  return [
    at('get', '/api/settings', (seen) => settingsAnswer(doors, seen)),
    at('post', '/api/settings', (seen) => saveAnswer(doors, seen)),
    at('post', '/api/settings/secret', (seen) => secretAnswer(doors, seen)),
    at('post', '/api/settings/test-alert', async ({ shop, response }) => {
      if (!tests.spend(String(shop.id))) {
        const sentence = 'That was a lot of tests. Wait a minute, then try again.';
        answerJson(response, 422, { ok: false, sentence } satisfies TestAlertAnswer);
        return;
      }
      const outcomes = await sendTestAlert(doors.deps, { shopId: shop.id });
      answerJson(response, 200, { ok: true, outcomes } satisfies TestAlertAnswer);
    }),
  ];
}

async function settingsAnswer(doors: Doors, { shop, response }: Seen): Promise<void> {
  const { deps } = doors;
  const [stored, alerts, price] = await Promise.all([
    views.settingsOf(deps.db, shop.id),
    views.latestAlerts(deps.db, { shopId: shop.id, limit: alertsShown }),
    priceOf(doors, shop.id),
  ]);
  const answer: SettingsAnswer = {
    version: stored.version,
    settings: shapeOf(stored.settings),
    usual: {
      quoteSeconds: deps.quoteSeconds,
      spreadLimitBp: deps.quotePolicy.toleranceBasisPoints,
      aloneDriftBp: usualAloneDriftBp,
    },
    sources: rateSources,
    buyerLanguages: pageLanguages,
    sendsEmail: deps.alertWays.email !== undefined,
    hasAlertSecret: stored.sealedAlertSecret !== null,
    price,
    alerts: alerts.map((line) => shownAlert(line, stored.settings.language)),
  };
  answerJson(response, 200, answer);
}

/** A hint beside the amounts, so that a missing price is no fault. */
async function priceOf(doors: Doors, shopId: number): Promise<SettingsAnswer['price']> {
  const { db, rates, clock, quotePolicy: policy } = doors.deps;
  const currency = currencyOf((await views.currencyOfShop(db, shopId)) ?? '');
  if (currency === undefined) return null;
  const late = new Promise<[]>((resolve) => {
    setTimeout(resolve, priceWithinMs, []).unref();
  });
  const prices = await Promise.race([rates.pricesFor(currency), late]);
  const priced = agreePrice(prices, { currency, now: clock(), policy });
  return priced.ok ? { currency, perBtcE8: priced.agreed.priceE8.toString() } : null;
}

const shownAlert = (line: views.AlertLine, language: string | null): AlertShown => ({
  what: line.what,
  channel: line.channel,
  subject: alertText(line.what, line.about, language).subject,
  madeAt: line.madeAt.toISOString(),
  sentAt: iso(line.sentAt),
  trouble: line.trouble,
  isOver: line.isOver,
});

const amount = z
  .string()
  .regex(/^\d{1,20}$/)
  .transform((text): Msat => msat(BigInt(text)))
  .nullable();
/** The form only: what a merchant could have meant otherwise is judged by `core/settings.ts`. */
const settingsForm = z.strictObject({
  methodName: z.string().max(1_000),
  quoteSeconds: z.number().nullable(),
  rateSources: z.array(z.string().max(100)).max(10),
  spreadLimitBp: z.number().nullable(),
  // A page that was opened before a server knew of these does not say them, nor change them.
  aloneMinutes: z.number().nullable().default(null),
  aloneDriftBp: z.number().nullable().default(null),
  priceAdjustmentBp: z.number().nullable().default(null),
  smallestMsat: amount,
  largestMsat: amount,
  buyerWords: z.record(z.string().max(35), z.string().max(2_000)),
  unpaidHours: z.number().nullable(),
  lateDriftBp: z.number().nullable().default(null),
  alertEmail: z.string().max(1_000).nullable(),
  alertUrl: z.string().max(2_000).nullable(),
  language: z.string().max(35).nullable(),
  refundsOn: z.boolean().default(false),
  refundPricing: z.enum(refundPricings).default('fiat_today'),
  refundClaimDays: z.number().default(30),
  refundApprovalMsat: amount.default(null),
  refundsWrong: z.boolean().default(false),
});
const saveForm = z.strictObject({
  version: z.int().min(0).max(2_147_483_646),
  was: settingsForm,
  settings: settingsForm,
});

async function saveAnswer(doors: Doors, { shop, request, response }: Seen): Promise<void> {
  const given = saveForm.safeParse(request.body);
  if (!given.success) {
    answerJson(response, 400, { error: 'Give version, was and settings, each field in its form.' });
    return;
  }
  const changed = await changeSettings(doors.deps, { shopId: shop.id, ...given.data });
  switch (changed.is) {
    case 'stored': {
      const { stored, alertSecret } = changed;
      const answer: SettingsSaved = {
        ok: true,
        version: stored.version,
        settings: shapeOf(stored.settings),
        ...(alertSecret === undefined ? {} : { alertSecret }),
      };
      answerJson(response, 200, answer);
      return;
    }
    case 'wrong': {
      const wrong = changed.wrong.map((one) => ({ ...one, sentence: settingsFaults[one.fault] }));
      const answer: SettingsSaved = { ok: false, refusal: 'settings_wrong', wrong };
      answerJson(response, 422, answer);
      return;
    }
    case 'changed_meanwhile': {
      const { stored } = changed;
      const answer: SettingsSaved = {
        ok: false,
        refusal: 'changed_meanwhile',
        version: stored.version,
        settings: shapeOf(stored.settings),
        changed: changed.changed,
      };
      answerJson(response, 409, answer);
    }
  }
}

const shapeOf = (settings: Settings): SettingsShape => ({
  ...settings,
  smallestMsat: settings.smallestMsat?.toString() ?? null,
  largestMsat: settings.largestMsat?.toString() ?? null,
  refundApprovalMsat: settings.refundApprovalMsat?.toString() ?? null,
});

async function secretAnswer(doors: Doors, { shop, response }: Seen): Promise<void> {
  const alertSecret = await renewAlertSecret(doors.deps, { shopId: shop.id });
  if (alertSecret === undefined) {
    const sentence = 'Save a web address for alerts first: the secret belongs to it.';
    answerJson(response, 422, { ok: false, sentence } satisfies SecretAnswer);
    return;
  }
  answerJson(response, 200, { ok: true, alertSecret } satisfies SecretAnswer);
}
