// Another secret for the webhook: the one before signs beside it for a day, and is wiped then.
import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openAlertWays } from '../../web/alerts/ways.ts';
import { forgetAlertTargets, settingsOf, wipeOldSecrets } from '../../web/db/settings.ts';
import { changeSettings, renewAlertSecret } from '../../web/flows/change-settings.ts';
import { sendTestAlert } from '../../web/flows/send-alert.ts';
import { startInProcess, type InProcess } from '../in-process.ts';

let world: InProcess;
let first: string;
const posts: { signature: string; body: string }[] = [];
const url = 'https://hooks.example.com/in';
const deps = () => ({
  ...world.deps,
  alertWays: openAlertWays({
    mail: undefined,
    post: ({ headers, body }) => {
      posts.push({ signature: headers['Zaptill-Signature'] ?? '', body });
      return Promise.resolve({ status: 200 });
    },
  }),
});
const of = () => ({ shopId: world.shop.id });
const choose = async (alertUrl: string | null): Promise<string> => {
  const { version, settings: was } = await settingsOf(world.db, world.shop.id);
  const settings = { ...was, alertUrl };
  const changed = await changeSettings(deps(), { ...of(), version, was, settings });
  return changed.is === 'stored' ? (changed.alertSecret ?? '') : '';
};
beforeAll(async () => {
  world = await startInProcess();
  first = await choose(url);
}, 60_000);
afterAll(() => world.close());

/** Which of these secrets have signed the newest alert, as a receiver would find out. */
async function signers(secrets: readonly string[]): Promise<boolean[]> {
  expect(await sendTestAlert(deps(), of())).toEqual({ url: 'sent' });
  const { signature, body } = posts.at(-1) ?? { signature: '', body: '' };
  const [time = '', ...signed] = signature.split(',');
  expect(signed.every((each) => /^v1=[0-9a-f]{64}$/.test(each))).toBe(true);
  return secrets.map((secret) => {
    const mac = createHmac('sha256', secret)
      .update(`${time.slice(2)}.${body}`)
      .digest('hex');
    return signed.includes(`v1=${mac}`);
  });
}
const renew = async (): Promise<string> => (await renewAlertSecret(deps(), of())) ?? '';
const old = () => world.db.prisma.oldAlertSecret.findMany({ orderBy: { id: 'desc' } });

test('both sign for a day, and then the new one alone', async () => {
  const second = await renew();
  expect(await signers([first, second])).toEqual([true, true]);
  const [row] = await old();
  const leftMs = (row?.endsAt.getTime() ?? 0) - Date.now();
  expect(Math.abs(leftMs - 24 * 3_600_000)).toBeLessThan(120_000);
  expect(Buffer.from(row?.sealed ?? []).includes(Buffer.from(first))).toBe(false);
  await wipeOldSecrets(world.db);
  expect(await old()).toHaveLength(1);
  // A column of whole milliseconds may round this moment up, into the future.
  await world.db.pool.query(`update old_alert_secret set ends_at = now() - interval '1 ms'`);
  expect(await signers([first, second])).toEqual([false, true]);
  await wipeOldSecrets(world.db);
  expect(await old()).toEqual([]);
});

test('who presses twice loses no secret that is in use, and headers have an end', async () => {
  const [{ sealedAlertSecret: before }] = [await settingsOf(world.db, world.shop.id)];
  const made = [await renew(), await renew()];
  expect(await signers(made)).toEqual([true, true]);
  expect(Buffer.from((await old()).at(-1)?.sealed ?? [])).toEqual(Buffer.from(before ?? []));
  const more = [await renew(), await renew(), await renew()];
  expect(await signers([...made, ...more])).toEqual([false, true, true, true, true]);
});

test('without an address for alerts nothing is kept', async () => {
  await choose(null);
  expect(await old()).toEqual([]);
  expect(await renewAlertSecret(deps(), of())).toBeUndefined();
  expect(await choose(url)).not.toBe('');
  await renew();
  await forgetAlertTargets(world.db.pool, world.shop.id);
  expect(await old()).toEqual([]);
});
