// Sats back for the buyer: staff switch it on, the buyer reads it on the page of the payment and
// claims it, and staff see where it is. On a phone and a desk, light and dark.
import type { Browser } from 'playwright-core';
import { expect, test } from 'vitest';
import { payee } from '../../sandbox/wallet/payee.ts';
import { until, type World } from '../world.ts';
import { worldOfFile } from '../world-of-file.ts';
import { axe, desk, phone, scrollsSideways } from './pages.ts';
import { browserOfFile, openAdmin, shoot } from './stage.ts';

let world: World;
let browser: Browser;
worldOfFile((made) => {
  world = made;
});
browserOfFile((made) => {
  browser = made;
});
const visit = (options: Parameters<Browser['newContext']>[0]) =>
  openAdmin({ browser, world }, options === undefined ? {} : { options });

/** One that was paid and whose reward is booked. */
async function paidWithReward(): Promise<{ payLink: string; claimLink: string }> {
  const bought = world.buy();
  const payLink = await world.payLink(bought, 60_000);
  await world.lightning.pay(await world.invoiceOn(payLink, 60_000));
  await world.inState(bought, 'resolved');
  const { id } = (await world.rowOf(bought)) ?? { id: '' };
  const { link } = await until('the pool has booked it', async () => {
    const where = { paymentId: id, origin: 'reward' };
    return (await world.db.prisma.refund.findFirst({ where })) ?? undefined;
  });
  return { payLink, claimLink: `${world.appUrl}/refund/${link}` };
}

const faces = [
  ['phone', { ...phone }],
  ['desk', { ...desk, colorScheme: 'dark', locale: 'de-DE' }],
] as const;

/** The page in both faces, without a fault. */
async function looksGood(address: string, about: { name: string; has: readonly [RegExp, RegExp] }) {
  for (const [at, [face, options]] of faces.entries()) {
    await using context = await browser.newContext({ locale: 'en-GB', ...options });
    const page = await context.newPage();
    await page.goto(address);
    await page
      .getByText(about.has[at] ?? /$^/)
      .first()
      .waitFor();
    expect([face, await axe(page)]).toEqual([face, []]);
    expect([face, await scrollsSideways(page)]).toEqual([face, false]);
    await shoot({ page }, `${about.name}-${face}`);
  }
}

test('switched on with terms of its own, and what is out of bounds is refused', async () => {
  await using admin = await visit({ ...desk, colorScheme: 'dark' });
  const { inside } = admin;
  await admin.go('/shares');
  await inside.getByText('Sats back for the buyer').waitFor();
  // Polaris lays its own drawing over the box of the browser.
  await inside.getByText('Give buyers sats back').click();
  await inside.getByText(/Rewards are booked, and none can be paid/).waitFor();
  await inside.getByLabel('Percentage', { exact: true }).fill('21');
  const save = inside.getByRole('button', { name: 'Save what buyers get back' });
  await save.click();
  await inside.getByText(/Give a percentage from 0.1 to 20/).waitFor();
  await admin.isPleasant();
  await shoot(admin, 'reward-terms-refused');
  await inside.getByLabel('Percentage', { exact: true }).fill('5');
  await save.click();
  await until('it is stored', async () => {
    const terms = await world.db.prisma.rewardTerms.findFirst();
    return terms?.rewardsOn === true && terms.partBp === 500;
  });
  expect(admin.faults).toEqual([]);
}, 240_000);

test('waits for its day, and is claimed then', async () => {
  const waiting = await paidWithReward();
  await looksGood(waiting.payLink, {
    name: 'reward-waits',
    has: [/You get .* sats back. Claim them here from/, /Sie bekommen .* Sats zurück/],
  });
  await looksGood(waiting.claimLink, {
    name: 'reward-claim-waits',
    has: [/Your sats wait here for you/, /Ihre Sats warten hier auf Sie/],
  });
  await world.db.prisma.rewardTerms.updateMany({ data: { waitDays: 0 } });
  const open = await paidWithReward();
  await until('it can be claimed', async () =>
    (await (await fetch(`${open.claimLink}/status`)).text()).includes('"claimable"'),
  );
  await looksGood(open.payLink, {
    name: 'reward-open',
    has: [/Claim your .* sats/, /Ihre .* Sats abrufen/],
  });
  await looksGood(open.claimLink, {
    name: 'reward-claim',
    has: [/Reward for order/, /Bonus zu Bestellung/],
  });
  await using context = await browser.newContext({ locale: 'en-GB', ...phone });
  const page = await context.newPage();
  await page.goto(open.payLink);
  await page.getByRole('link', { name: /Claim your .* sats/ }).click();
  const { amountMsat } = await world.db.prisma.refund.findFirstOrThrow({
    where: { state: 'claimable', origin: 'reward' },
  });
  const { request } = payee('regtest').make({ amountMsat: amountMsat ?? 0n });
  await page.getByLabel('Your Lightning address or an invoice').fill(request);
  await page.getByRole('button', { name: 'Send it to me' }).click();
  await page.getByRole('heading', { name: 'Your reward is on its way' }).waitFor();
  await shoot({ page }, 'reward-claimed');
}, 240_000);

test('staff see it apart from refunds, and on the page of its payment', async () => {
  await using admin = await visit({ ...phone, locale: 'de-DE' });
  const { inside } = admin;
  await admin.go('/refunds');
  await inside.getByText('Hier erscheinen Erstattungen').waitFor();
  await inside.getByLabel('Zeigen').selectOption('rewards');
  await inside.getByRole('table').getByText('Bonus').first().waitFor();
  await admin.isPleasant();
  await shoot(admin, 'reward-list');
  const { paymentId } = await world.db.prisma.reward.findFirstOrThrow();
  await admin.go(`/payments/${paymentId}`);
  await inside.getByText(/Bonus ·/).waitFor();
  await admin.isPleasant();
  await shoot(admin, 'reward-of-payment');
  expect(admin.faults).toEqual([]);
}, 240_000);
