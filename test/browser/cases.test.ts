// Each case of the table as people see it, in a real browser: the buyer's page, and the payment's
// page in the admin or, for a session, the payments app's page. Each is played by the players of
// the flows; then both pages say what happened, with the sums of the books, and offer what the
// table offers. Half of them are seen on a desk, half on a phone in the dark.
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cases, signs, type Case, type CaseName, type Way } from '../../web/core/cases.ts';
import { formatMsat } from '../../web/frontend/shared/amounts.ts';
import { plays, type Played } from '../flows/cases-plays.ts';
import { openShop, type Bill, type Shop } from '../flows/cases-shop.ts';
import { shopName } from '../world.ts';
import { desk, phone } from './pages.ts';
import { browserOfFile, openAdmin, pleasant, shoot, type Admin } from './stage.ts';

/** What a buyer sees in the end: the face of the page, and a sentence about their money. */
type View = { face: string; says: string };

const paid: View = { face: 'paid', says: 'There is nothing more to do.' };
const waiting: View = { face: 'waiting', says: 'As soon as it arrives, you see it here.' };
const late: View = { face: 'late', says: 'when this was not to be paid any more' };
const tooMuch: View = { face: 'overpaid', says: 'will give you the rest back' };
const back = 'will give it back to you';
const twice: View = {
  face: 'stranded.order_paid_otherwise',
  says: 'will give you one of the two back',
};

/** A case that nobody has looked at does not compile. Null: it is no payment, and has no page. */
const views = {
  exact: paid,
  too_little: waiting,
  too_little_by_the_node: waiting,
  too_much: tooMuch,
  older_paid: paid,
  paid_twice: tooMuch,
  second_tab: twice,
  after_its_price: paid,
  after_lapse: late,
  after_rejection: late,
  after_unpaid: late,
  late_by_policy: paid,
  after_cancel: { face: 'stranded.order_cancelled', says: back },
  after_card: twice,
  card_while_marked: twice,
  edited_up: { face: 'paid_part', says: 'what it owes more is a payment of its own' },
  edited_down: tooMuch,
  edited_up_while_marked: paid,
  edited_up_before: paid,
  edited_down_before: paid,
  gift_card_before: paid,
  rest_paid: paid,
  cancelled_unpaid: { face: 'lapsed.order_cancelled', says: 'Nothing was charged here.' },
  rest_of_gift_card: paid,
  order_gone: { face: 'stranded', says: back },
  session_over: { face: 'stranded', says: back },
  not_taken: paid,
  uninstalled: paid,
  before_live: paid,
  heard_twice: paid,
  retired_node: paid,
  node_gone: { face: 'checking', says: 'If you have paid, do nothing' },
  told_by_another_node: waiting,
  foreign_invoice: null,
} as const satisfies Record<CaseName, View | null>;

/** The buttons that each question comes with. */
const offered: Record<NonNullable<Case['asks']>, readonly string[]> = {
  stranded: ['Settle by hand'],
  untold: [],
  overpaid: ['I gave it back', 'We keep it'],
  cancelled_paid: ['I have seen to it'],
  not_cancelled: ['I have seen to it'],
  marked_too_much: ['I have seen to it'],
  too_little: ['I have seen to it'],
  not_charged: ['I have seen to it'],
  refund_untold: ['I have seen to it'],
  refund_undone: ['I have seen to it'],
  refund_unread: ['I have seen to it'],
  node_gone: ['Nobody paid it there', 'I saw it paid there'],
  hold_lost: ['Nobody paid it there', 'I saw it paid there'],
};
const answering = [...new Set(Object.values(offered).flat()), 'Take it for the order'];

/** As the books of a payment call them. */
const accounts = {
  awaiting: 'Waiting for Shopify',
  resolved: 'Accepted by Shopify',
  stranded: 'Stuck',
  overpaid: 'To be given back',
} as const;

const table: Record<CaseName, Case> = cases;
const names = Object.keys(cases) as CaseName[];
const inItsWays = names.flatMap((name) =>
  table[name].ways.map((way): [CaseName, Way] => [name, way]),
);
const satsOf = (amountMsat: bigint): string => `${formatMsat(amountMsat.toString(), 'en-GB')} sats`;

/** One who looks at everything in one size: a buyer, and a merchant in the admin and beside it. */
type Eyes = { name: string; buyer: Page; admin: Admin; payments: Page };
let shop: Shop;
let browser: Browser;
const contexts: BrowserContext[] = [];
const looking: Eyes[] = [];
beforeAll(async () => {
  shop = await openShop();
});
browserOfFile((made) => {
  browser = made;
});
beforeAll(async () => {
  looking.push(await eyes('desk', desk));
  looking.push(await eyes('phone', { ...phone, colorScheme: 'dark' }));
});
afterAll(async () => {
  for (const { admin } of looking) await admin[Symbol.asyncDispose]();
  for (const context of contexts) await context.close();
  await shop.close();
});

async function eyes(name: string, options: Parameters<Browser['newContext']>[0]): Promise<Eyes> {
  const context = await browser.newContext({ locale: 'en-GB', ...options });
  contexts.push(context);
  // A page that is over leads back to the shop by itself: here it is read.
  await context.route(`${shop.shopify.origin}/**`, (route) =>
    new URL(route.request().url()).pathname.includes('/oauth/')
      ? route.continue()
      : route.abort('aborted'),
  );
  const admin = await openAdmin({ browser, world: shop }, { options: options ?? {} });
  return { name, buyer: await context.newPage(), admin, payments: await context.newPage() };
}

const seenFaces = new Set<string>();
/** Each face of a page is looked at by axe once in each size. */
const isNew = (face: string): boolean => !seenFaces.has(face) && seenFaces.add(face).size > 0;

type Scene = { name: CaseName; bill: Bill; played: Played; eyes: Eyes };

/**
 * The page that is left may lead back to the shop in this very moment, which aborts what was begun;
 * it does so once.
 */
async function visit(page: Page, url: string): Promise<void> {
  try {
    await page.goto(url);
  } catch (error) {
    if (!(error instanceof Error && error.message.includes('net::ERR_ABORTED'))) throw error;
    await page.goto(url);
  }
}

async function buyerSees({ name, bill, played, eyes: { buyer, ...who } }: Scene): Promise<void> {
  const view: View | null = views[name];
  if (view === null) throw new Error(`${name} has no page`);
  const { link } = await shop.read(bill.paymentId);
  await visit(buyer, `${shop.appUrl}/pay/${link}`);
  await buyer.locator(`main[data-state="${view.face}"]`).waitFor();
  const text = await buyer.locator('main').innerText();
  expect(text).toContain(view.says);
  const { came } = played;
  // Their money by its sums: what was asked for, and what nobody owed.
  const asked = came.promised ?? (came.owed ?? 0n) + (came.unowed ?? 0n);
  const surplus = came.more ?? came.again ?? came.unowed;
  if (asked > 0n) expect(text).toContain(satsOf(asked));
  if (surplus !== undefined && view !== paid) expect(text).toContain(satsOf(surplus));
  // Who has not paid in vain is never told so, nor that more is to be done.
  if (Object.keys(came).length > 0) expect(text).not.toMatch(/nothing was charged/i);
  // That a page leads back by itself, as that of a session does, is what axe warns of.
  if (bill.way === 'order' && isNew(`${who.name} ${view.face}`)) await pleasant(buyer);
  await shoot({ page: buyer }, `${name} ${bill.way} buyer ${who.name}`);
}

/** What the table says of the money, by the names of the accounts. */
const sums = (name: CaseName, { came }: Played) =>
  Object.entries(table[name].money).map(([account, part]) => ({
    account: accounts[account as keyof typeof accounts],
    sats: satsOf(came[part] ?? 0n),
  }));

async function merchantSees({ name, bill, played, eyes: { admin, ...who } }: Scene): Promise<void> {
  const { inside } = admin;
  const { asks, ends, then } = table[name];
  await admin.go(`/payments/${bill.paymentId}`);
  const buttons = inside.getByRole('button');
  if (Object.hasOwn(signs, name)) await inside.getByText(cases[name].happened).first().waitFor();
  for (const { account, sats } of sums(name, played)) {
    const row = inside.getByRole('row').filter({ hasText: account }).filter({ hasText: sats });
    await row.first().waitFor();
    if (account === accounts.overpaid) {
      await inside.getByText(`To be given back: ${sats}.`).waitFor();
    }
  }
  const isLate = ends === 'lapsed' && asks === 'overpaid';
  const offers = [...(asks === null ? [] : offered[asks]), ...(isLate ? [answering.at(-1)] : [])];
  const shown = (await buttons.allInnerTexts()).filter((words) => answering.includes(words));
  expect(shown.toSorted()).toEqual(offers.toSorted());
  // What the program ends by itself asks for nothing but a look.
  if (then !== 'by_itself') expect(offers).not.toEqual([]);
  if (isNew(`${who.name} admin ${asks ?? 'nothing'} ${String(ends)}`)) await admin.isPleasant();
  await shoot(admin, `${name} ${bill.way} admin ${who.name}`);
  // A page that stays open asks on, also while the app is taken out of the shop.
  await admin.page.goto('about:blank');
  expect(admin.faults).toEqual([]);
}

/** The same of a session, whose page has a form for each answer; the first one is given. */
async function sellerSees({ name, bill, played, eyes: who }: Scene): Promise<void> {
  const { payments: page } = who;
  const { asks, ends } = table[name];
  await page.goto(`${shop.appUrl}/payments?shop=${shopName}`);
  await page.getByRole('heading', { name: 'Payments', exact: true }).waitFor();
  const { orderName } = await shop.read(bill.paymentId);
  const note = page.locator('.note').filter({ hasText: orderName });
  await page
    .locator(`li[data-payment="${String(ends)}"]`)
    .filter({ hasText: orderName })
    .waitFor();
  expect(await note.count()).toBe(asks === null ? 0 : 1);
  if (asks === null) return;
  const text = await note.innerText();
  if (Object.hasOwn(signs, name)) expect(text).toContain(cases[name].happened);
  const overpaid = sums(name, played).find(({ account }) => account === accounts.overpaid);
  if (overpaid !== undefined) expect(text).toContain(`To be given back: ${overpaid.sats}.`);
  const offers = ends === 'stranded' ? ['It is settled'] : offered[asks];
  expect(await note.getByRole('button').allInnerTexts()).toEqual(offers);
  if (isNew(`${who.name} payments ${asks} ${String(ends)}`)) await pleasant(page);
  await shoot({ page }, `${name} payments ${who.name}`);
  const [first] = offers;
  // Where its node's word ends the question, nobody has to answer it.
  if (first === undefined || table[name].then === 'by_itself') return;
  const form = note.locator('form').filter({ has: page.getByRole('button', { name: first }) });
  await form.getByRole('checkbox').check();
  await form.getByRole('button').click();
  await note.waitFor({ state: 'detached' });
  expect((await shop.stands(bill)).attention).toBeNull();
}

test.each(inItsWays)('%s: %s', async (name, way) => {
  const turn = inItsWays.findIndex(([one, its]) => one === name && its === way);
  const who = looking[turn % looking.length];
  const played = await plays[name](shop, way);
  const { bill, byItself } = played;
  if (who === undefined || bill === undefined) {
    expect([views[name], bill]).toEqual([null, undefined]);
    return;
  }
  const scene = { name, bill, played, eyes: who };
  await buyerSees(scene);
  // Whoever opens the app again has installed it.
  if (name === 'uninstalled') await shop.installAgain(way);
  await (way === 'order' ? merchantSees(scene) : sellerSees(scene));
  await byItself?.();
});

test('what became of money that came late is told to its buyer, in either end', async () => {
  const { buyer } = looking[0] ?? {};
  if (buyer === undefined) throw new Error('nobody looks');
  for (const answer of ['given_back', 'kept'] as const) {
    const { bill, came } = await plays.after_lapse(shop, 'order');
    if (bill === undefined) throw new Error('there is no payment');
    const { link } = await shop.read(bill.paymentId);
    await visit(buyer, `${shop.appUrl}/pay/${link}`);
    await buyer.locator('main[data-state="late"]').waitFor();
    const { status } = await shop.asMerchant(`/api/payments/${bill.paymentId}/answer`, {
      ...{ attention: 'overpaid', answer, overpaidMsat: String(came.again) },
    });
    expect(status).toBe(200);
    // By itself, while it is open.
    await buyer.locator(`main[data-state="late.${answer}"]`).waitFor();
    const text = await buyer.locator('main').innerText();
    expect(text).toContain(satsOf(came.again ?? 0n));
    expect(text).not.toMatch(/nothing was charged/i);
    await shoot({ page: buyer }, `late ${answer} buyer`);
  }
});

test('the page of a part leads to the rest, once there is one', async () => {
  const { buyer } = looking[1] ?? {};
  const { bill, byItself } = await plays.edited_up(shop, 'order');
  if (buyer === undefined || bill === undefined) throw new Error('nobody looks');
  const { link } = await shop.read(bill.paymentId);
  await visit(buyer, `${shop.appUrl}/pay/${link}`);
  await buyer.locator('main[data-state="paid_part"]').waitFor();
  await byItself?.();
  await buyer.reload();
  await shoot({ page: buyer }, 'edited up rest');
  await buyer.getByRole('link', { name: 'Pay the rest: €9.00' }).click();
  await buyer.locator('main[data-state="waiting"]').waitFor();
});
