// An alert is sent, by e-mail or to the merchant's own address. It arrives at least once; its id
// stays the same, so that a receiver can drop a repetition. What does not get through within a day
// is given up. Nothing that moves money waits for it: alerts have a lane of their own.
import { alertRules, alertText, type AlertFacts } from '../core/alert.ts';
import { Trouble } from '../core/trouble.ts';
import { alertById, alertHasTrouble, alertIsSent, type AlertRow } from '../db/alerts.ts';
import { settingsOf, shopAndApp } from '../db/settings.ts';
import { placeOfAlertSecret } from './change-settings.ts';
import type { Deps, Step } from './flow.ts';

export const sendAlert: Step = async (deps, row) => {
  const alert = await alertById(deps.db, row.id);
  if (alert === undefined || alert.sentAt !== null) return { dueInMs: undefined, attempt: false };
  const over = async (trouble: string): Promise<'stored'> => {
    await alertHasTrouble(deps.db, { row, trouble, isOver: true });
    deps.log.warn({ shopId: alert.shopId, alert: alert.id, trouble }, 'alert.given_up');
    return 'stored';
  };
  if (alert.target === null) return over('no_target');
  if (alert.channel === 'email' && deps.alertWays.email === undefined) return over('no_smtp');
  const ageMs = deps.clock().getTime() - alert.madeAt.getTime();
  try {
    await send(deps, { ...alert, target: alert.target });
  } catch (trouble) {
    if (!(trouble instanceof Trouble)) throw trouble;
    if (ageMs > alertRules.giveUpMs) return over(trouble.what);
    await alertHasTrouble(deps.db, { row, trouble: trouble.what, isOver: false });
    throw trouble;
  }
  await alertIsSent(deps.db, row);
  deps.log.info({ shopId: alert.shopId, alert: alert.id, what: alert.what }, 'alert.sent');
  return 'stored';
};

type Sendable = Omit<AlertRow, 'sentAt' | 'target'> & { target: string };

function send(deps: Deps, alert: Sendable): Promise<void> {
  return alert.channel === 'email' ? sendLetter(deps, alert) : sendPost(deps, alert);
}

async function sendLetter(deps: Deps, alert: Sendable): Promise<void> {
  const { subject, sentence, todo, path } = alertText(alert.what, alert.about, alert.language);
  const link = adminLink(alert, path);
  const text = `${sentence}\n\n${todo}\n\n${link}\n\n${alert.domain}\n`;
  const { email } = deps.alertWays;
  await email?.({ id: `alert-${alert.id}`, to: alert.target, subject, text });
}

async function sendPost(deps: Deps, alert: Sendable): Promise<void> {
  if (alert.sealedSecret === null) {
    throw new Trouble('no_secret', { from: 'alert', then: 'ask_again', away: false });
  }
  const { subject, sentence, todo, path } = alertText(alert.what, alert.about, alert.language);
  const body = JSON.stringify({
    id: `alert-${alert.id}`,
    what: alert.what,
    at: alert.madeAt.toISOString(),
    shop: alert.domain,
    ...{ subject, sentence, todo },
    url: adminLink(alert, path),
    about: alert.about,
  });
  const place = placeOfAlertSecret(alert.shopId);
  const sealed = [alert.sealedSecret, ...alert.oldSecrets];
  const secrets = sealed.map((each) => deps.sealer.open(each, place));
  await deps.alertWays.url({ url: alert.target, body, secrets, at: deps.clock() });
}

/** Where the merchant does something about it: a page of ours inside Shopify's admin. */
function adminLink(alert: { domain: string; clientId: string }, path: string): string {
  const store = alert.domain.replace(/\.myshopify\.com$/, '');
  return `https://admin.shopify.com/store/${store}/apps/${alert.clientId}${path}`;
}

/** `sent`, or why not. A channel that the merchant has not set up is left out. */
export type TestOutcome = Partial<Record<'email' | 'url', string>>;

/** Sends a test alert at once, on every channel that is set up, and says how it went. */
export async function sendTestAlert(deps: Deps, about: { shopId: number }): Promise<TestOutcome> {
  const { shopId } = about;
  const stored = await settingsOf(deps.db, shopId);
  const { settings, sealedAlertSecret: sealedSecret, oldAlertSecrets: oldSecrets } = stored;
  const shop = await shopAndApp(deps.db, shopId);
  const madeAt = deps.clock();
  const facts: AlertFacts = {};
  const attempt = async (channel: 'email' | 'url', target: string | null): Promise<TestOutcome> => {
    if (target === null) return {};
    if (channel === 'email' && deps.alertWays.email === undefined) return { email: 'no_smtp' };
    const test = { id: `test-${String(madeAt.getTime())}`, what: 'test', about: facts, madeAt };
    const { language } = settings;
    try {
      const secrets = { sealedSecret, oldSecrets };
      await send(deps, { ...test, ...shop, shopId, channel, target, ...secrets, language });
      return { [channel]: 'sent' };
    } catch (trouble) {
      if (!(trouble instanceof Trouble)) throw trouble;
      deps.log.warn({ shopId, channel, why: trouble.message }, 'alert.test_failed');
      return { [channel]: trouble.what };
    }
  };
  const outcomes = await Promise.all([
    attempt('email', settings.alertEmail),
    attempt('url', settings.alertUrl),
  ]);
  return outcomes.reduce<TestOutcome>((all, one) => ({ ...all, ...one }), {});
}
