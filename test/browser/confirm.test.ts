// A shop confirms an order before its money is charged: its settings with a node that cannot hold
// and with one that can, the buyer’s page from before paying to the end, and the two buttons of the
// merchant. Between the pages are a pool and a node. On a phone and a desk, light and dark.
import type { Browser, Page } from 'playwright-core';
import { expect, test } from 'vitest';
import type { Bought, World } from '../world.ts';
import { worldOfFile } from '../world-of-file.ts';
import { desk, phone } from './pages.ts';
import { browserOfFile, openAdmin, pleasant, shoot } from './stage.ts';

let world: World;
let browser: Browser;
worldOfFile(
  (made) => {
    world = made;
  },
  { soundInTheEnd: true },
);
browserOfFile((made) => {
  browser = made;
});
type Options = NonNullable<Parameters<Browser['newContext']>[0]>;
const visit = (options: Options) => openAdmin({ browser, world }, { options });
const germanPhone = { ...phone, locale: 'de-DE' } as const;
const darkDesk = { ...desk, colorScheme: 'dark' } as const;

const credentialThatHolds = (): string => {
  const { lnd } = world;
  if (lnd === undefined) throw new Error('This world has a simulated node.');
  return lnd.lndconnect(lnd.macaroon('receive-and-hold', { rootKeyId: '57002' }));
};

async function bill(): Promise<{ bought: Bought; payUrl: string; paymentId: string }> {
  const bought = world.buy();
  const payUrl = await world.payLink(bought, 60_000);
  const where = { originId: bought.orderId };
  const { id } = await world.db.prisma.payment.findFirstOrThrow({ where });
  return { bought, payUrl, paymentId: id };
}
/** The wallet's answer comes when it is charged or given back. */
async function hold(one: { bought: Bought; payUrl: string }) {
  const answer = world.lightning.pay(await world.invoiceOn(one.payUrl, 60_000));
  await world.inState(one.bought, 'held', 60_000);
  return { answer };
}
async function seen(page: Page, name: string): Promise<void> {
  await page.waitForTimeout(400);
  await pleasant(page);
  await shoot({ page }, name);
}
/** Looks at a page of a buyer's as it is now, and shuts it. */
async function buyerSees(payUrl: string, about: { options: Options; text: RegExp; name: string }) {
  await using context = await browser.newContext({ locale: 'en-GB', ...about.options });
  const page = await context.newPage();
  await page.goto(payUrl);
  await page.getByText(about.text).first().waitFor();
  await seen(page, about.name);
}

test('a node that cannot hold: what to run, and where to paste what it prints', async () => {
  {
    await using admin = await visit(germanPhone);
    const { inside } = admin;
    await admin.go('/settings');
    await inside.getByText('Solange es gehalten wird').waitFor();
    expect(await inside.getByRole('button', { name: 'Einschalten' }).isDisabled()).toBe(true);
    await inside.getByRole('button', { name: 'Was Ihr Knoten dafür braucht' }).click();
    await inside.getByText('SettleInvoice').waitFor();
    await admin.isPleasant();
    await shoot(admin, 'confirm-settings-phone');
    expect(admin.faults).toEqual([]);
  }
  await using admin = await visit(darkDesk);
  const { inside } = admin;
  await admin.go('/settings');
  await inside.getByRole('button', { name: 'What your node needs for that' }).click();
  // The line prints a credential for the node that is known; whoever has a link gives that.
  await inside.getByLabel('Host and port').waitFor();
  expect(await inside.getByLabel('Host and port').inputValue()).not.toBe('');
  await inside.getByText('An lndconnect link').click();
  const link = inside.getByLabel('lndconnect link', { exact: true });
  // What it has already is refused, with the line that makes another.
  await link.fill(world.lightning.lndconnect);
  await inside.getByRole('button', { name: 'Connect and test' }).click();
  // The place of the node is kept: only another credential is wanted, or a whole link.
  const another = inside.getByLabel('Paste the new credential here', { exact: true });
  await another.waitFor();
  await inside.getByText('This credential can do too little').waitFor();
  await admin.isPleasant();
  await shoot(admin, 'confirm-settings-refused');
  await another.fill(credentialThatHolds());
  await inside.getByRole('button', { name: 'Connect and test' }).click();
  await expect
    .poll(() => inside.getByRole('button', { name: 'Switch on' }).isEnabled(), { timeout: 60_000 })
    .toBe(true);
  await inside.getByRole('button', { name: 'Switch on' }).click();
  await inside.getByRole('button', { name: 'Switch off' }).waitFor();
  await admin.isPleasant();
  await shoot(admin, 'confirm-settings-on');
  expect(admin.faults).toEqual([]);
}, 240_000);

test('charged: the buyer is told before, while it waits, and when it is paid', async () => {
  const one = await bill();
  await using context = await browser.newContext({ locale: 'en-GB', ...phone });
  const page = await context.newPage();
  await page.goto(one.payUrl);
  await page.getByText(/checks your order first: you are charged only when/).waitFor();
  await page.locator('[data-part="confirm"] time').waitFor();
  await seen(page, 'confirm-buyer-before-phone');
  await buyerSees(one.payUrl, {
    ...{ options: { ...darkDesk, locale: 'de-DE' }, name: 'confirm-buyer-before-desk' },
    text: /prüft Ihre Bestellung zuerst/,
  });
  const { answer } = await hold(one);
  await page.getByRole('heading', { name: 'Your payment has arrived' }).waitFor();
  await page.locator('[data-part="confirm"] time').waitFor();
  await seen(page, 'confirm-buyer-held-phone');
  await buyerSees(one.payUrl, {
    ...{ options: { ...darkDesk, locale: 'de-DE' }, name: 'confirm-buyer-held-desk' },
    text: /Ihre Zahlung ist angekommen/,
  });
  await using admin = await visit(darkDesk);
  const { inside } = admin;
  await admin.go('/');
  await inside.getByText('Paid, and waiting for your word').waitFor();
  await admin.isPleasant();
  await shoot(admin, 'confirm-home');
  await admin.go('/payments');
  await inside.getByRole('table').getByText('Held for you').waitFor();
  await admin.isPleasant();
  await shoot(admin, 'confirm-payments');
  await admin.go(`/payments/${one.paymentId}`);
  await inside.getByText(/^You can charge it until/).waitFor();
  await inside.getByText('Money is held', { exact: true }).waitFor();
  expect(await inside.getByText('Can be paid', { exact: true }).count()).toBe(0);
  await admin.isPleasant();
  await shoot(admin, 'confirm-payment-desk');
  await inside.getByRole('button', { name: 'Charge', exact: true }).click();
  await inside.getByText(/Your node takes all that it holds/).waitFor();
  await admin.isPleasant();
  await shoot(admin, 'confirm-charge-desk');
  await inside.getByRole('button', { name: 'Charge', exact: true }).last().click();
  await world.inState(one.bought, 'resolved', 60_000);
  await expect(answer).resolves.toMatchObject({ ok: true });
  await inside.getByText('It was charged.').waitFor();
  expect(await inside.getByRole('button', { name: 'Charge', exact: true }).count()).toBe(0);
  await admin.isPleasant();
  await shoot(admin, 'confirm-charged-desk');
  await page.locator('[data-part="confirm"]').waitFor({ state: 'detached' });
  await page.getByRole('heading', { name: 'Paid. Thank you!' }).waitFor();
  await seen(page, 'confirm-buyer-charged-phone');
  await world.isPaid(one.bought);
  expect(admin.faults).toEqual([]);
}, 240_000);

test('let go, on a phone and in German: the buyer has all of it back', async () => {
  const one = await bill();
  await using context = await browser.newContext({ ...darkDesk, locale: 'en-GB' });
  const page = await context.newPage();
  await page.goto(one.payUrl);
  const { answer } = await hold(one);
  await page.getByRole('heading', { name: 'Your payment has arrived' }).waitFor();
  await using admin = await visit({ ...germanPhone, colorScheme: 'dark' });
  const { inside } = admin;
  await admin.go('/payments');
  await inside.getByText('Für Sie gehalten').first().waitFor();
  await admin.isPleasant();
  await shoot(admin, 'confirm-payments-phone');
  await admin.go(`/payments/${one.paymentId}`);
  await inside.getByText(/^Sie können es bis/).waitFor();
  await admin.isPleasant();
  await shoot(admin, 'confirm-payment-phone');
  await inside.getByRole('button', { name: 'Zurückgeben', exact: true }).click();
  await inside.getByText(/Der Käufer bekommt alles zurück/).waitFor();
  await admin.isPleasant();
  await shoot(admin, 'confirm-let-go-phone');
  await inside.getByRole('button', { name: 'Zurückgeben', exact: true }).last().click();
  await world.inState(one.bought, 'lapsed', 60_000);
  await expect(answer).resolves.toMatchObject({ ok: false });
  await inside.getByText(/^Der Käufer hat das Geld zurück, und nichts wurde/).waitFor();
  await admin.isPleasant();
  await shoot(admin, 'confirm-gone-phone');
  await page.getByRole('heading', { name: 'You have your payment back' }).waitFor();
  await seen(page, 'confirm-buyer-gone-desk');
  await buyerSees(one.payUrl, {
    ...{ options: germanPhone, name: 'confirm-buyer-gone-phone' },
    text: /Sie haben Ihre Zahlung zurück/,
  });
  expect(world.shopify.order(one.bought.orderId)?.financialStatus).toBe('PENDING');
  expect(admin.faults).toEqual([]);
}, 240_000);
