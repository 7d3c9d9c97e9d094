// One purchase in several tabs: from the moment in which one of them is paid nobody is asked to pay
// another, whether Shopify can be told or not.
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Currency, Minor } from '../../web/core/money.ts';
import { audit } from '../../web/db/audit.ts';
import { invoiceById, recordSettlements } from '../../web/db/invoices.ts';
import type { PaymentRow } from '../../web/db/payments.ts';
import { storeSession } from '../../web/db/sessions.ts';
import { recordStream } from '../../web/flows/observe-invoice.ts';
import { lookAtInvoice } from '../../web/flows/look-at-invoice.ts';
import { quoteInvoice } from '../../web/flows/quote-invoice.ts';
import { anInvoice, aSettle, type MadeInvoice } from '../builders.ts';
import { startInProcess, type InProcess } from '../in-process.ts';

let our: InProcess;
let groupKey: string;
beforeAll(async () => {
  our = await startInProcess();
});
afterAll(async () => {
  expect(await audit(our.db)).toEqual([]);
  await our.close();
});
beforeEach(() => {
  groupKey = `group-${randomBytes(6).toString('hex')}`;
});

/** A tab of the purchase, as Shopify asked for it. */
async function aTab(of = groupKey): Promise<PaymentRow> {
  const id = randomBytes(8).toString('hex');
  const stored = await storeSession(our.db, {
    ...{ shopId: our.shop.id, id, gid: `gid://shopify/PaymentSession/${id}`, groupKey: of },
    ...{ kind: 'sale', test: false, currency: 'EUR' as Currency, owedMinor: 2_100n as Minor },
    ...{ never: undefined, cancelUrl: null, contentHash: randomBytes(32) },
    ...{ proposedAt: new Date(), receivedAt: new Date(), answerOf: (link) => `to ${link}` },
  });
  return our.read(stored.paymentId ?? '');
}
const invoiceFor = (payment: PaymentRow): Promise<MadeInvoice> =>
  anInvoice(our.db, { payment, nodeId: our.node.id });
const holder = async (of = groupKey): Promise<string | undefined> =>
  (await our.db.prisma.sessionGroup.findFirst({ where: { groupKey: of } }))?.paymentId;
const states = (tabs: PaymentRow[]): Promise<string[]> =>
  Promise.all(tabs.map(async ({ id }) => (await our.read(id)).state));
const shown = async ({ link }: PaymentRow) =>
  (await (await fetch(`${our.appUrl}/pay/${link}/status`)).json()) as {
    state: string;
    invoice?: { request?: string };
  };

test('while Shopify is not told yet, the other tabs close and nothing new is made', async () => {
  const [paid, other, idle] = [await aTab(), await aTab(), await aTab()];
  const { id, request } = await our.quoted(paid.id);
  const still = await our.quoted(other.id);
  expect(await our.lnd.pay(request)).toMatchObject({ ok: true });
  await our.runStep(lookAtInvoice, { table: 'invoice', id, lane: our.nodeLane(our.node.id) });
  expect(await states([paid, other, idle])).toEqual(['settled', 'closing', 'lapsed']);
  expect(await holder()).toBe(paid.id);
  expect(await invoiceById(our.db, still.id.toString())).toMatchObject({ ending: 'order_over' });
  expect((await shown(other)).invoice?.request).toBeUndefined();
  const late = await aTab();
  expect(await quoteInvoice(our.deps, late.id)).toEqual({ is: 'not_open' });
  expect(await states([late])).toEqual(['lapsed']);
  // It was paid in the last moment all the same: the money is known, and the group stays.
  await our.lnd.pay(still.request);
  const at = { table: 'invoice', id: still.id, lane: our.nodeLane(our.node.id) } as const;
  await our.runStep(lookAtInvoice, at);
  expect(await states([paid, other])).toEqual(['settled', 'settled']);
  expect(await holder()).toBe(paid.id);
});

/** Recorded by a process that died right after its statement. */
const recordAndDie = (invoice: MadeInvoice): Promise<unknown> =>
  recordSettlements(our.db.pool, {
    nodeId: our.node.id,
    observations: [aSettle(invoice)],
    recorder: { via: 'lookup' },
  });

test('the group is taken with the money, whatever dies after that', async () => {
  const [paid, other, idle] = [await aTab(), await aTab(), await aTab()];
  const { request } = await our.quoted(other.id);
  expect((await shown(other)).invoice?.request).toBe(request);
  await recordAndDie(await invoiceFor(paid));
  expect(await holder()).toBe(paid.id);
  // The live invoice is not shown, and the quiet tab gets none.
  expect(await shown(other)).toMatchObject({ state: 'closing' });
  expect((await shown(other)).invoice?.request).toBeUndefined();
  await expect(invoiceFor(idle)).rejects.toThrow('takes no further invoice');
});

test('a live invoice is not handed out when the group is taken', async () => {
  const [paid, other] = [await aTab(), await aTab()];
  await our.quoted(other.id);
  await recordAndDie(await invoiceFor(paid));
  expect(await quoteInvoice(our.deps, other.id)).toEqual({ is: 'not_open' });
  expect(await states([other])).toEqual(['closing']);
});

test('of several that one batch brings, each purchase belongs to its first payment', async () => {
  const groups = [groupKey, `a-${groupKey}`];
  const tabs = await Promise.all(groups.flatMap((each) => [1, 2].map(async () => aTab(each))));
  const invoices = await Promise.all(tabs.map(invoiceFor));
  const at = (secondsAgo: number) => ({ settledAt: new Date(Date.now() - secondsAgo * 1_000) });
  // The second tab of each purchase was paid before the first.
  const observations = invoices.map((each, index) => aSettle(each, at(index % 2 === 0 ? 5 : 10)));
  const recorder = { via: 'lookup' } as const;
  await recordStream(our.deps, { nodeId: our.node.id, observations, recorder });
  expect(await states(tabs)).toEqual(['settled', 'settled', 'settled', 'settled']);
  expect(await Promise.all(groups.map(holder))).toEqual([tabs[1]?.id, tabs[3]?.id]);
});

test('many at once on one purchase: one has it, and nobody waits for ever', async () => {
  const tabs = await Promise.all(Array.from({ length: 8 }, () => aTab()));
  const invoices = await Promise.all(tabs.map(invoiceFor));
  const recorder = { via: 'lookup' } as const;
  await Promise.all(
    invoices.map((invoice) =>
      recordStream(our.deps, {
        ...{ nodeId: our.node.id, recorder, observations: [aSettle(invoice)] },
      }),
    ),
  );
  const first = await holder();
  expect(tabs.map(({ id }) => id)).toContain(first);
  expect(new Set(await states(tabs))).toEqual(new Set(['settled']));
});
