// How each case of the table comes about, with the outsiders as they are: what is played here is
// what a buyer, a merchant, a node or Shopify does.
import { expect } from 'vitest';
import type { CaseName, MoneyPart, Way } from '../../web/core/cases.ts';
import { judgeInvoice } from '../../web/core/reconcile.ts';
import { currentInvoice, type InvoiceRow } from '../../web/db/invoices.ts';
import { nodeLane, pauseLane } from '../../web/db/lanes.ts';
import { nodeHasTrouble, wipeGoneCredentials } from '../../web/db/nodes.ts';
import { latestPayment } from '../../web/db/payments.ts';
import { wantPending } from '../../web/db/sessions.ts';
import { installShop, nameMethod } from '../../web/db/shops.ts';
import { closeUnpaid } from '../../web/db/unpaid.ts';
import type { Deps } from '../../web/flows/flow.ts';
import { lookAtOrderNow } from '../../web/flows/look-at-order.ts';
import { observeInvoice, recordStream } from '../../web/flows/observe-invoice.ts';
import { retireNode } from '../../web/flows/order-nodes.ts';
import { quoteInvoice } from '../../web/flows/quote-invoice.ts';
import { seeToWrongMoney } from '../../web/flows/see-to-wrong-money.ts';
import { aNode } from '../builders.ts';
import type { Bill, Shop } from './cases-shop.ts';

export type Played = {
  /** Undefined: it is none of our payments. */
  bill: Bill | undefined;
  /** How much of each part came, in msat. */
  came: Partial<Record<MoneyPart, bigint>>;
  /** What ends it without a person, where it has not ended. */
  byItself?: () => Promise<void>;
};
type Play = (shop: Shop, way: Way) => Promise<Played>;
type Promised = { bill: Bill; invoice: InvoiceRow };

const tooMuch = 700_000n;
const further = { add: [{ title: 'A further one', price: '9.00' }] };

async function promised(shop: Shop, way: Way): Promise<Promised> {
  const bill = await shop.bill(way);
  return { bill, invoice: await shop.quoted(bill) };
}
/** Its money is in the books, and Shopify is not told yet. */
async function paid(shop: Shop, way: Way): Promise<Promised> {
  const made = await promised(shop, way);
  await paidNow(shop, made);
  return made;
}
async function paidNow(shop: Shop, { bill, invoice }: Promised): Promise<void> {
  await shop.pay(invoice);
  await shop.look(invoice);
  expect((await shop.stands(bill)).state).toBe('settled');
}
const allOf = ({ bill, invoice }: Promised): Played => ({
  bill,
  came: { promised: invoice.amountMsat },
});
/** The whole is paid after all, and told. */
const paysTheWhole = (shop: Shop, made: Promised) => async (): Promise<void> => {
  await paidNow(shop, made);
  await shop.tell(made.bill);
  expect(await shop.stands(made.bill)).toEqual({ state: 'resolved', attention: null });
};

/** Something happens to the order in the very moment in which it is marked. */
function meanwhile(shop: Shop, happens: (originId: string) => unknown): Deps {
  const { storefronts } = shop.deps;
  const of: Deps['storefronts']['of'] = async (shopId) => {
    const storefront = await storefronts.of(shopId);
    const markPaid: typeof storefront.markPaid = (originId) => {
      happens(originId);
      return storefront.markPaid(originId);
    };
    return { ...storefront, markPaid };
  };
  return { ...shop.deps, storefronts: { of } };
}

/** Nobody can pay it any more, and then the node is back in a time when somebody could. */
async function backFromBackup(
  shop: Shop,
  invoice: InvoiceRow,
  meantime: () => Promise<void>,
): Promise<void> {
  const before = shop.lnd.snapshot();
  await meantime();
  expect((await shop.again(invoice)).state).toBe('canceled');
  await shop.lnd.restore(before);
  await shop.pay(invoice);
  const { settled } = await shop.hear(invoice);
  expect(settled).toMatchObject([{ hash: invoice.hash, firstOfPayment: false }]);
}

/** As the merchant's own order that is over: cancelled, paid otherwise, edited, gone. */
const after =
  (happens: (shop: Shop, originId: string) => unknown): Play =>
  async (shop, way) => {
    const made = await paid(shop, way);
    happens(shop, made.bill.originId);
    await shop.tell(made.bill);
    return allOf(made);
  };

/** An order is to be cancelled as not paid in time, and then its node knows of money for it. */
const unpaidAndLate: Play = async (shop, way) => {
  const { bill, invoice } = await promised(shop, way);
  await backFromBackup(shop, invoice, async () => {
    await shop.look(invoice, shop.later(shop.deps.quoteSeconds * 1_000 + 1_000));
    expect(await closeUnpaid(shop.db, bill.paymentId)).toBe(true);
  });
  await shop.tell(bill);
  expect(shop.shopify.order(bill.originId)?.cancelled).toBe(false);
  return { bill, came: { again: invoice.amountMsat } };
};

/** Its node has canceled it, and takes no money for it any more. */
async function isRefused(shop: Shop, invoice: InvoiceRow): Promise<void> {
  await shop.look(invoice);
  expect((await shop.again(invoice)).state).toBe('canceled');
  expect(await shop.paysOnce(invoice)).toBe(false);
}

/** What is owed changes while an invoice is out: nobody can pay that one, and the fresh one is. */
const owesOtherwise =
  (change: (shop: Shop, originId: string) => unknown, fiatMinor: bigint): Play =>
  async (shop, way) => {
    const { bill, invoice: former } = await promised(shop, way);
    change(shop, bill.originId);
    await lookAtOrderNow(shop.deps, bill);
    await isRefused(shop, former);
    const made = { bill, invoice: await shop.quotedSoon(bill) };
    expect(made.invoice.fiatMinor).toBe(fiatMinor);
    await paidNow(shop, made);
    await shop.tell(bill);
    expect(shop.shopify.order(bill.originId)?.outstanding).toBe('0.00');
    return allOf(made);
  };

const ofTheNode: Pick<
  Record<CaseName, Play>,
  | 'too_little'
  | 'too_little_by_the_node'
  | 'too_much'
  | 'older_paid'
  | 'paid_twice'
  | 'after_its_price'
  | 'after_lapse'
  | 'after_rejection'
  | 'after_unpaid'
  | 'late_by_policy'
> = {
  too_little: async (shop, way) => {
    const made = await promised(shop, way);
    const less = { amountMsat: made.invoice.amountMsat - 1_000n };
    expect(await shop.paysOnce(made.invoice, less)).toBe(false);
    await shop.look(made.invoice);
    return { bill: made.bill, came: {}, byItself: paysTheWhole(shop, made) };
  },
  too_little_by_the_node: async (shop, way) => {
    const made = await promised(shop, way);
    const { hash, amountMsat, nodeId } = made.invoice;
    shop.lnd.faults.lie(hash, { state: 'SETTLED', receivedMsat: amountMsat - 1_000n });
    await shop.look(made.invoice);
    const seen = await (await shop.deps.nodes.of(nodeId)).lookInvoice(hash);
    const stored = { ...(await shop.again(made.invoice)), isDue: true };
    expect(judgeInvoice(stored, seen)).toMatchObject([{ what: 'amount_differs', heal: 'person' }]);
    shop.lnd.faults.lie(hash, null);
    return { bill: made.bill, came: {}, byItself: paysTheWhole(shop, made) };
  },
  too_much: async (shop, way) => {
    const made = await promised(shop, way);
    const { amountMsat } = made.invoice;
    await shop.pay(made.invoice, { amountMsat: amountMsat + tooMuch });
    await shop.look(made.invoice);
    await shop.tell(made.bill);
    return { bill: made.bill, came: { promised: amountMsat, more: tooMuch } };
  },
  older_paid: async (shop, way) => {
    const older = await promised(shop, way);
    const { bill, invoice } = older;
    const before = shop.lnd.snapshot();
    await shop.look(invoice, shop.later(shop.deps.quoteSeconds * 1_000 + 1_000));
    expect((await shop.again(invoice)).state).toBe('canceled');
    await shop.lnd.restore(before);
    const newer = await shop.quotedSoon(bill);
    await shop.pay(invoice);
    const { settled } = await shop.hear(invoice);
    expect(settled).toMatchObject([{ hash: invoice.hash, firstOfPayment: true }]);
    await shop.tell(bill);
    await shop.look(newer);
    expect((await shop.again(newer)).state).toBe('canceled');
    expect(await shop.paysOnce(newer)).toBe(false);
    return allOf(older);
  },
  paid_twice: async (shop, way) => {
    const former = await promised(shop, way);
    const { bill } = former;
    let came = {};
    await backFromBackup(shop, former.invoice, async () => {
      await shop.look(former.invoice, shop.later(shop.deps.quoteSeconds * 1_000 + 1_000));
      const invoice = await shop.quoted(bill);
      await paidNow(shop, { bill, invoice });
      await shop.tell(bill);
      came = { promised: invoice.amountMsat, again: former.invoice.amountMsat };
    });
    return { bill, came };
  },
  after_its_price: async (shop, way) => {
    const made = await promised(shop, way);
    await shop.pay(made.invoice);
    await shop.look(made.invoice, shop.later(shop.deps.quoteSeconds * 1_000 + 1_000));
    await shop.tell(made.bill);
    return allOf(made);
  },
  after_lapse: async (shop, way) => {
    const { bill, invoice } = await promised(shop, way);
    await backFromBackup(shop, invoice, async () => {
      shop.shopify.cancel(bill.originId);
      await lookAtOrderNow(shop.deps, bill);
      await shop.look(invoice);
    });
    return { bill, came: { again: invoice.amountMsat } };
  },
  after_rejection: async (shop, way) => {
    const { bill, invoice } = await promised(shop, way);
    const { paymentId } = bill;
    await backFromBackup(shop, invoice, async () => {
      await wantPending(shop.db, { paymentId, until: new Date(Date.now() - 1_000) });
      await shop.tell(bill);
      await shop.look(invoice);
      await shop.tell(bill);
    });
    expect(shop.shopify.payments.session(bill.originId)?.state).toBe('rejected');
    return { bill, came: { again: invoice.amountMsat } };
  },
  after_unpaid: unpaidAndLate,
  late_by_policy: async (shop, way) => {
    const played = await unpaidAndLate(shop, way);
    await shop.chooses({ lateDriftBp: 300 });
    await seeToWrongMoney(shop.deps, shop.shop.id);
    await shop.chooses({ lateDriftBp: null });
    if (played.bill !== undefined) await shop.tell(played.bill);
    return played;
  },
};

const ofTheOrder: Pick<
  Record<CaseName, Play>,
  | 'after_cancel'
  | 'after_card'
  | 'card_while_marked'
  | 'edited_up'
  | 'edited_down'
  | 'edited_up_while_marked'
  | 'edited_up_before'
  | 'edited_down_before'
  | 'gift_card_before'
  | 'rest_paid'
  | 'cancelled_unpaid'
  | 'rest_of_gift_card'
  | 'order_gone'
  | 'not_taken'
> = {
  after_cancel: async (shop, way) => {
    const made = await promised(shop, way);
    shop.shopify.cancel(made.bill.originId);
    await lookAtOrderNow(shop.deps, made.bill);
    expect((await shop.stands(made.bill)).state).toBe('closing');
    await paidNow(shop, made);
    await shop.tell(made.bill);
    return allOf(made);
  },
  after_card: after((shop, originId) => shop.shopify.payByCard(originId)),
  card_while_marked: async (shop, way) => {
    const made = await paid(shop, way);
    await shop.tell(
      made.bill,
      meanwhile(shop, (originId) => shop.shopify.payByCard(originId)),
    );
    return allOf(made);
  },
  edited_up: async (shop, way) => {
    const made = await paid(shop, way);
    const { bill } = made;
    shop.shopify.edit(bill.originId, further);
    await shop.tell(bill);
    const byItself = async (): Promise<void> => {
      await lookAtOrderNow(shop.deps, bill);
      const rest = await latestPayment(shop.db, bill);
      expect(rest).toMatchObject({ state: 'open', sequence: 2, owedMinor: 900n });
    };
    return { ...allOf(made), byItself };
  },
  edited_down: async (shop, way) => {
    const { bill, invoice } = await paid(shop, way);
    shop.shopify.edit(bill.originId, { total: '14.00' });
    await shop.tell(bill);
    const unowed = (invoice.amountMsat * 7n) / 21n;
    return { bill, came: { owed: invoice.amountMsat - unowed, unowed } };
  },
  edited_up_while_marked: async (shop, way) => {
    const made = await paid(shop, way);
    await shop.tell(
      made.bill,
      meanwhile(shop, (originId) => shop.shopify.edit(originId, further)),
    );
    return allOf(made);
  },
  edited_up_before: owesOtherwise((shop, id) => shop.shopify.edit(id, further), 3_000n),
  edited_down_before: owesOtherwise(
    (shop, id) => shop.shopify.edit(id, { total: '14.00' }),
    1_400n,
  ),
  gift_card_before: owesOtherwise((shop, id) => shop.shopify.payByGiftCard(id, '5.00'), 1_600n),
  rest_paid: async (shop, way) => {
    const { bill: former } = await paid(shop, way);
    shop.shopify.edit(former.originId, further);
    await shop.tell(former);
    await lookAtOrderNow(shop.deps, former);
    const { id: paymentId } = (await latestPayment(shop.db, former)) ?? { id: '' };
    const bill = { ...former, paymentId };
    const made = { bill, invoice: await shop.quoted(bill) };
    expect(made.invoice.fiatMinor).toBe(900n);
    await paidNow(shop, made);
    await shop.tell(bill);
    expect(shop.shopify.order(bill.originId)?.outstanding).toBe('0.00');
    return allOf(made);
  },
  cancelled_unpaid: async (shop, way) => {
    const { bill, invoice } = await promised(shop, way);
    shop.shopify.cancel(bill.originId);
    await lookAtOrderNow(shop.deps, bill);
    await shop.look(invoice);
    const byItself = async (): Promise<void> => {
      expect(await shop.paysOnce(invoice)).toBe(false);
    };
    return { bill, came: {}, byItself };
  },
  rest_of_gift_card: async (shop) => {
    const bill = await shop.anOrder({ giftCard: '5.00' });
    const made = { bill, invoice: await shop.quoted(bill) };
    expect(made.invoice.fiatMinor).toBe(1_600n);
    await paidNow(shop, made);
    await shop.tell(bill);
    return allOf(made);
  },
  order_gone: async (shop, way) => {
    const made = await paid(shop, way);
    shop.shopify.remove(made.bill.originId);
    await shop.tell(made.bill, shop.later(61 * 60_000));
    return allOf(made);
  },
  not_taken: async (shop, way) => {
    const made = await paid(shop, way);
    const { bill } = made;
    shop.shopify.edit(bill.originId, further);
    // Shopify records a part only under the name of a method that the shop has.
    await nameMethod(shop.db, bill.shopId, 'A name that Shopify does not know');
    // What was sent is not sent again for a minute.
    for (let tries = 0; tries < 9; tries += 1) await shop.tell(bill, shop.later(61_000));
    await nameMethod(shop.db, bill.shopId, shop.shop.methodName);
    const byItself = async (): Promise<void> => {
      await shop.tell(bill, shop.later(61_000));
      expect(await shop.stands(bill)).toEqual({ state: 'resolved', attention: null });
    };
    return { ...allOf(made), byItself };
  },
};

const ofTheSession: Pick<Record<CaseName, Play>, 'second_tab' | 'session_over'> = {
  second_tab: async (shop, way) => {
    const first = await promised(shop, way);
    const bill = await shop.aSession(first.bill.group);
    const second = { bill, invoice: await shop.quoted(bill) };
    await paidNow(shop, first);
    expect((await shop.stands(bill)).state).toBe('closing');
    await paidNow(shop, second);
    await shop.tell(bill);
    await shop.tell(first.bill);
    expect(await shop.stands(first.bill)).toEqual({ state: 'resolved', attention: null });
    return allOf(second);
  },
  session_over: async (shop, way) => {
    const made = await paid(shop, way);
    const session = shop.shopify.payments.session(made.bill.originId);
    if (session === undefined) throw new Error('Shopify has lost the session');
    session.state = 'rejected';
    for (let refusals = 0; refusals < 3; refusals += 1) await shop.tell(made.bill);
    return allOf(made);
  },
};

const ofTheProgram: Pick<
  Record<CaseName, Play>,
  'exact' | 'uninstalled' | 'before_live' | 'heard_twice'
> = {
  exact: after(() => undefined),
  uninstalled: async (shop, way) => {
    const made = await paid(shop, way);
    await shop.uninstall(way);
    await shop.tell(made.bill);
    const byItself = async (): Promise<void> => {
      await shop.installAgain(way);
      await shop.tell(made.bill);
      expect(await shop.stands(made.bill)).toEqual({ state: 'resolved', attention: null });
    };
    return { ...allOf(made), byItself };
  },
  before_live: async (shop, way) => {
    const bill = await shop.bill(way);
    const lost = { code: 13, details: 'lost' };
    shop.lnd.faults.onMethod('AddInvoice', { kind: 'error-after', ...lost });
    shop.lnd.faults.onMethod('LookupInvoice', { kind: 'error-before', ...lost });
    expect(await quoteInvoice(shop.deps, bill.paymentId)).toMatchObject({ is: 'refused' });
    shop.lnd.faults.reset();
    const invoice = await currentInvoice(shop.db, bill.paymentId);
    if (invoice?.state !== 'made') throw new Error('it was not stored before the node was asked');
    await shop.pay(invoice);
    await shop.hear(invoice);
    await shop.tell(bill);
    return allOf({ bill, invoice });
  },
  heard_twice: async (shop, way) => {
    const made = await promised(shop, way);
    await shop.pay(made.invoice);
    await shop.hear(made.invoice);
    // A lookup that began while the invoice was live.
    const seen = await shop.settledAtNode(made.invoice);
    await observeInvoice(shop.deps, { invoice: made.invoice, seen });
    await shop.hear(made.invoice);
    await shop.tell(made.bill);
    return allOf(made);
  },
};

const ofOtherNodes: Pick<
  Record<CaseName, Play>,
  'retired_node' | 'node_gone' | 'told_by_another_node' | 'foreign_invoice'
> = {
  retired_node: async (shop, way) => {
    const made = await promised(shop, way);
    const { nodeId } = made.invoice;
    expect(await retireNode(shop.deps, { shopId: shop.shop.id, nodeId })).toBe(true);
    await paidNow(shop, made);
    await shop.tell(made.bill);
    await shop.reconnect();
    return allOf(made);
  },
  node_gone: async (shop, way) => {
    const made = await promised(shop, way);
    const { nodeId } = made.invoice;
    await shop.pay(made.invoice);
    await retireNode(shop.deps, { shopId: shop.shop.id, nodeId });
    await nodeHasTrouble(shop.db, nodeId, 'node_down');
    await pauseLane(shop.db, nodeLane(nodeId), { because: 'node_down', draw: 0 });
    const agoText = `now() - interval '15 days'`;
    await shop.db.pool.query(
      `update node set retired_at = ${agoText}, trouble_at = ${agoText} where id = $1`,
      [nodeId],
    );
    await shop.db.pool.query(
      `update invoice set expires_at = now() - interval '11 minutes'
       where node_id = $1 and state in ('made', 'live')`,
      [nodeId],
    );
    expect(await wipeGoneCredentials(shop.db)).toEqual([nodeId]);
    const byItself = async (): Promise<void> => {
      await shop.reconnect();
      await shop.look(made.invoice);
      await shop.tell(made.bill);
      expect(await shop.stands(made.bill)).toEqual({ state: 'resolved', attention: null });
    };
    return { bill: made.bill, came: {}, byItself };
  },
  told_by_another_node: async (shop, way) => {
    const made = await promised(shop, way);
    const { registrationId } = shop.shop;
    const domain = `${way === 'order' ? 'strange' : 'stranger'}.myshopify.com`;
    const other = await installShop(shop.db, { registrationId, domain });
    const nodeId = await aNode(shop.db, { shopId: other.shop.id });
    await shop.pay(made.invoice);
    const observations = [await shop.settledAtNode(made.invoice)];
    const recorder = { via: 'lookup' } as const;
    const { settled, ofOtherNodes } = await recordStream(shop.deps, {
      ...{ nodeId, observations, recorder },
    });
    expect({ settled, ofOtherNodes }).toEqual({
      ...{ settled: [], ofOtherNodes: [made.bill.paymentId] },
    });
    const byItself = async (): Promise<void> => {
      await shop.look(made.invoice);
      await shop.tell(made.bill);
      expect(await shop.stands(made.bill)).toEqual({ state: 'resolved', attention: null });
    };
    return { bill: made.bill, came: {}, byItself };
  },
  foreign_invoice: async (shop) => {
    const hash = await shop.issues({ amountMsat: 5_000_000n, memo: 'a cup of tea' });
    const rows = async (): Promise<number[]> =>
      Promise.all([
        shop.db.prisma.invoice.count(),
        shop.db.prisma.posting.count(),
        shop.db.prisma.history.count(),
      ]);
    const before = await rows();
    // Only its hash and its node are looked at.
    const strange = { hash, nodeId: shop.node.id } as InvoiceRow;
    await shop.pay(strange);
    expect(await shop.hear(strange)).toMatchObject({ settled: [], ofOtherNodes: [] });
    expect(await rows()).toEqual(before);
    return { bill: undefined, came: {} };
  },
};

/** A case without a play does not compile, nor does a play without a case. */
export const plays: Record<CaseName, Play> = {
  ...ofTheNode,
  ...ofTheOrder,
  ...ofTheSession,
  ...ofTheProgram,
  ...ofOtherNodes,
};
