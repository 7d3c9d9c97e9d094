// Authorize, capture, void: a buyer's money is held by the node until Shopify says to charge it or
// to give it back, or until its time is over; and each of that happens once, however often asked.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { CheckoutInput, MoneySession } from '../../sandbox/shopify/payments/index.ts';
import { holdCltvBlocks } from '../../web/core/hold.ts';
import { msat } from '../../web/core/money.ts';
import { audit } from '../../web/db/audit.ts';
import { transaction } from '../../web/db/database.ts';
import { releaseHeld, switchHolds } from '../../web/db/holds.ts';
import type { InvoiceRow } from '../../web/db/invoices.ts';
import { shopLane } from '../../web/db/lanes.ts';
import { putOffTold } from '../../web/db/nodes.ts';
import { endInvoices } from '../../web/db/payments.ts';
import { wantPending } from '../../web/db/sessions.ts';
import { answerAttention } from '../../web/flows/answer-attention.ts';
import { closeInvoice } from '../../web/flows/close-invoice.ts';
import type { Deps } from '../../web/flows/flow.ts';
import { paymentsApp, until } from '../world.ts';
import { openShop, type Bill, type Shop } from './cases-shop.ts';

let shop: Shop;
beforeAll(async () => {
  shop = await openShop({ captures: true });
  await shop.db.pool.query(
    `insert into settings (shop_id, refunds_on, refund_pricing) values ($1, true, 'sats_paid')`,
    [shop.shop.id],
  );
});
afterAll(async () => {
  expect(await audit(shop.db)).toEqual([]);
  await shop.close();
});

const macaroon = (name: 'receive-useful' | 'receive-and-hold', rootKeyId: string) => ({
  given: { lndconnect: shop.lnd.lndconnect(shop.lnd.macaroon(name, { rootKeyId })) },
});
const switchOn = (on: boolean): Promise<void> =>
  switchHolds(shop.db, { shopId: shop.paymentsShopId, on });

async function chosen(input: CheckoutInput = {}): Promise<Bill> {
  const session = await shop.shopify.payments.checkout({
    ...{ app: paymentsApp.name, kind: 'authorization', amount: '21.00', ...input },
  });
  const gid = `gid://shopify/PaymentSession/${session.id}`;
  const row = await shop.db.prisma.payment.findFirstOrThrow({ where: { originId: gid } });
  return {
    ...{ way: 'payment_session', shopId: row.shopId, paymentId: row.id },
    ...{ originId: session.id, group: session.group },
  };
}

const stateAtNode = (invoice: InvoiceRow): string => {
  const state = shop.lnd.invoices.get(invoice.hash)?.state;
  if (state === undefined) throw new Error('the node has no such invoice');
  return state;
};
type Paid = ReturnType<Shop['lnd']['pay']>;

/** The buyer has paid, and the node holds the money. */
async function held(bill: Bill, quoted?: InvoiceRow): Promise<{ invoice: InvoiceRow; paid: Paid }> {
  const invoice = quoted ?? (await shop.quoted(bill));
  expect(invoice.hold).toBe(true);
  const paid = shop.lnd.pay(shop.requestOf(invoice.hash));
  await expect.poll(() => stateAtNode(invoice), { timeout: 60_000 }).toBe('ACCEPTED');
  await shop.look(invoice);
  expect((await shop.stands(bill)).state).toBe('held');
  return { invoice, paid };
}
/** And Shopify has it as authorized. */
async function authorized(input: CheckoutInput = {}) {
  const bill = await chosen(input);
  const { invoice, paid } = await held(bill);
  await shop.tell(bill);
  return { bill, invoice, paid };
}

const requestsOf = ({ paymentId }: Bill) =>
  shop.db.prisma.holdRequest.findMany({ where: { paymentId }, orderBy: { id: 'asc' } });
async function answerAll(bill: Bill, on?: Deps): Promise<void> {
  for (const { id, state } of await requestsOf(bill)) {
    if (state === 'done') continue;
    await shop.work({ table: 'hold_request', id, lane: shopLane(bill.shopId) }, on);
  }
}
const atShopify = ({ id }: Pick<MoneySession, 'id'>) =>
  shop.shopify.payments.moneySessions().find((each) => each.id === id);
const session = (bill: Bill) => shop.shopify.payments.session(bill.originId);
const effects = (bill: Bill, what: 'capture_resolved' | 'void_resolved' | 'resolved'): number => {
  const asked = shop.shopify.payments.moneySessions(bill.originId).map(({ id }) => id);
  const { effects: seen } = shop.shopify.payments;
  return [bill.originId, ...asked].reduce((sum, id) => sum + seen.count(id, what), 0);
};

test('an authorization is refused until the shop has switched it on', async () => {
  const bill = await chosen();
  expect((await shop.stands(bill)).state).toBe('lapsed');
  await shop.tell(bill);
  expect(session(bill)?.rejection).toMatchObject({ code: 'INVALID_PURCHASE_TYPE' });
});

test('a credential that cannot hold is asked for another, in words and with the line', async () => {
  const tooMuch = await shop.connect(macaroon('receive-and-hold', '57101'));
  expect(tooMuch).toMatchObject({ ok: false, refusal: 'credential_can_spend' });
  await switchOn(true);
  const refused = await shop.connect(macaroon('receive-useful', '57102'));
  expect(refused).toMatchObject({ ok: false, refusal: 'credential_lacks_permission' });
  if (refused.ok) throw new Error('it was taken');
  expect(refused.sentence).toMatch(/AddHoldInvoice, SettleInvoice.*before it charges/);
  expect(refused.bake).toMatch(/Invoices\/AddHoldInvoice .*Invoices\/SettleInvoice$/);
  // What is connected cannot hold: a price is not promised, and a sale goes on.
  const bill = await chosen();
  await expect(shop.quoted(bill)).rejects.toThrow('no_node');
  const sale = await chosen({ kind: 'sale' });
  expect((await shop.quoted(sale)).hold).toBe(false);
});

describe('with a node that can hold', () => {
  beforeAll(async () => {
    await switchOn(true);
    // A busy machine may take longer than a merchant would wait.
    await until(
      'the node is connected',
      async () => (await shop.connect(macaroon('receive-and-hold', '57103'))).ok,
      60_000,
    );
  });
  beforeEach(() => {
    shop.shopify.faults.clear();
  });

  test('held, authorized with an end, captured as a whole: charged once', async () => {
    const { bill, invoice, paid } = await authorized();
    const until = Date.parse(session(bill)?.authorizationExpiresAt ?? '');
    const days = (until - Date.now()) / 86_400_000;
    expect(days).toBeGreaterThan(1);
    expect(days).toBeLessThan((holdCltvBlocks * 10) / 1_440);
    expect(await shop.accountsOf(bill)).toEqual({});
    expect(stateAtNode(invoice)).toBe('ACCEPTED');

    const asked = await shop.shopify.payments.capture(bill.originId);
    const again = await Promise.all(
      Array.from({ length: 19 }, () => shop.shopify.payments.askAgain(asked.id)),
    );
    expect(again.map(({ answer }) => answer)).toEqual(Array.from({ length: 19 }, () => '201'));
    expect(await requestsOf(bill)).toHaveLength(1);
    await answerAll(bill);
    await shop.look(invoice);
    await expect(paid).resolves.toMatchObject({ ok: true });
    expect((await shop.stands(bill)).state).toBe('settled');
    await shop.tell(bill);
    expect(await shop.stands(bill)).toEqual({ state: 'resolved', attention: null });
    expect(atShopify(asked)?.state).toBe('resolved');
    expect(effects(bill, 'capture_resolved')).toBe(1);
    expect(await shop.accountsOf(bill)).toEqual({ resolved: invoice.amountMsat });
    expect(await requestsOf(bill)).toMatchObject([{ state: 'done', outcome: 'captured' }]);
  });

  test('a part: all that was held is taken, and the rest becomes a refund', async () => {
    const { bill, invoice } = await authorized();
    await shop.shopify.payments.capture(bill.originId, { amount: '14.00' });
    await answerAll(bill);
    await shop.look(invoice);
    await shop.tell(bill);
    const payment = await shop.read(bill.paymentId);
    expect(payment).toMatchObject({ state: 'resolved', toldMinor: 1_400n, attention: null });
    const [refund, ...more] = await shop.db.prisma.refund.findMany({
      where: { paymentId: bill.paymentId },
    });
    expect(more).toEqual([]);
    expect(refund).toMatchObject({ source: 'overpaid', origin: 'attention' });
    const third = invoice.amountMsat / 3n;
    expect(third - (refund?.amountMsat ?? 0n)).toBeLessThan(1_001n);
    expect((refund?.amountMsat ?? 0n) > 0n).toBe(true);
  });

  test('while refunds are off the rest asks a person, who can give it back otherwise', async () => {
    const { bill, invoice } = await authorized();
    const refundsAre = (on: boolean): Promise<unknown> =>
      shop.db.pool.query('update settings set refunds_on = $1', [on]);
    await refundsAre(false);
    try {
      await shop.shopify.payments.capture(bill.originId, { amount: '14.00' });
      await answerAll(bill);
      await shop.look(invoice);
      await shop.tell(bill);
    } finally {
      await refundsAre(true);
    }
    expect(await shop.stands(bill)).toEqual({ state: 'resolved', attention: 'overpaid' });
    const { overpaid = 0n } = await shop.accountsOf(bill);
    expect(overpaid > 0n).toBe(true);
    expect(await shop.db.prisma.refund.count({ where: { paymentId: bill.paymentId } })).toBe(0);
  });

  test('voided: the buyer has the money back before Shopify hears so', async () => {
    const { bill, invoice, paid } = await authorized();
    const asked = await shop.shopify.payments.void(bill.originId);
    await answerAll(bill);
    expect((await shop.stands(bill)).state).toBe('closing');
    // An answer is stored by one step and told by the next.
    await answerAll(bill);
    await answerAll(bill);
    expect(atShopify(asked)?.state).toBe('open');
    await shop.look(invoice);
    await expect(paid).resolves.toMatchObject({ ok: false });
    expect((await shop.stands(bill)).state).toBe('lapsed');
    await answerAll(bill);
    await answerAll(bill);
    expect(atShopify(asked)?.state).toBe('resolved');
    expect(effects(bill, 'void_resolved')).toBe(1);
    expect(await shop.accountsOf(bill)).toEqual({});
  });

  test('charged, and Shopify does not take it: a person is asked, nobody goes on', async () => {
    const { bill, invoice } = await authorized();
    const asked = await shop.shopify.payments.capture(bill.originId);
    await answerAll(bill);
    await shop.look(invoice);
    expect((await shop.stands(bill)).state).toBe('settled');
    // As when its time was over at Shopify, whose word stays the same however often it is told.
    Object.assign(atShopify(asked) ?? {}, { state: 'rejected' });
    for (let tries = 0; tries < 3; tries += 1) await shop.tell(bill);
    expect(await shop.stands(bill)).toEqual({ state: 'stranded', attention: 'stranded' });
    expect(await requestsOf(bill)).toMatchObject([{ state: 'done', toldAt: null, dueAt: null }]);
  });

  test('a capture and a void at once: one of them, and the other hears no', async () => {
    for (const [first, second] of [
      ['capture', 'void'],
      ['void', 'capture'],
    ] as const) {
      const { bill, invoice } = await authorized();
      const one = await shop.shopify.payments[first](bill.originId);
      const other = await shop.shopify.payments[second](bill.originId);
      await answerAll(bill);
      await shop.look(invoice);
      if (first === 'capture') await shop.tell(bill);
      await answerAll(bill);
      await answerAll(bill);
      expect(atShopify(one)?.state).toBe('resolved');
      expect(atShopify(other)?.state).toBe('rejected');
      const code = first === 'capture' ? 'PROCESSING_ERROR' : 'AUTHORIZATION_EXPIRED';
      expect(atShopify(other)?.rejection).toMatchObject({ code });
    }
  });

  test('nobody answers: given back before the node would; a late capture is refused', async () => {
    const { bill, invoice, paid } = await authorized();
    const deadline = Math.min(
      ...(shop.lnd.invoices.get(invoice.hash)?.parts ?? []).map((part) => part.expiryHeight),
    );
    shop.lnd.mine(deadline - 18 - 6 - 1 - shop.lnd.height);
    await shop.look(invoice);
    expect((await shop.stands(bill)).state).toBe('held');
    shop.lnd.mine(1);
    await shop.look(invoice);
    await shop.look(invoice);
    expect((await shop.stands(bill)).state).toBe('lapsed');
    await expect(paid).resolves.toMatchObject({ ok: false });
    const asked = await shop.shopify.payments.capture(bill.originId);
    await answerAll(bill);
    await answerAll(bill);
    expect(atShopify(asked)?.rejection).toMatchObject({ code: 'AUTHORIZATION_EXPIRED' });
    const moves = await shop.db.prisma.history.findMany({
      where: { paymentId: bill.paymentId, what: 'moved' },
      orderBy: { id: 'asc' },
    });
    expect(moves.map(({ to, because }) => [to, because])).toEqual([
      ['held', 'node_says_held'],
      ['closing', 'hold_over'],
      ['lapsed', 'node_says_canceled'],
    ]);
  });

  test('what Shopify never took goes back, and its purchase can be paid anew', async () => {
    const bill = await chosen();
    const { invoice, paid } = await held(bill);
    const no = { resolve: () => Promise.resolve({ is: 'refused' as const, why: 'not_accepted' }) };
    const refusing = { ...shop.deps, paymentSessions: { of: () => Promise.resolve(no) } };
    for (let n = 0; n < 3; n += 1) await shop.tell(bill, refusing as unknown as Deps);
    expect((await shop.stands(bill)).state).toBe('closing');
    const again = await chosen({ ...(bill.group === undefined ? {} : { group: bill.group }) });
    expect(again.group).toBe(bill.group);
    await expect(shop.quoted(again)).rejects.toThrow();
    await shop.look(invoice);
    await shop.look(invoice);
    expect((await shop.stands(bill)).state).toBe('lapsed');
    await expect(paid).resolves.toMatchObject({ ok: false });
    const anew = await chosen({ ...(bill.group === undefined ? {} : { group: bill.group }) });
    await held(anew);
    await shop.tell(anew);
    expect(session(anew)?.state).toBe('resolved');
  });

  test('told to wait, Shopify hears the end of a hold of which it did not hear', async () => {
    const bill = await chosen();
    const quoted = await shop.quoted(bill);
    const until = new Date(Date.now() + 86_400_000);
    expect(await wantPending(shop.db, { paymentId: bill.paymentId, until })).toBe(true);
    await shop.tell(bill);
    expect(session(bill)?.state).toBe('pending');
    const { invoice } = await held(bill, quoted);
    const after = shop.later(10 * 86_400_000);
    await shop.look(invoice, after);
    await shop.look(invoice, after);
    expect((await shop.stands(bill)).state).toBe('lapsed');
    await shop.tell(bill);
    expect((await shop.stands(bill)).state).toBe('rejected');
    expect(session(bill)?.state).toBe('rejected');
  });

  test('never told of a hold, Shopify hears its end all the same', async () => {
    const bill = await chosen();
    const { invoice } = await held(bill);
    const after = shop.later(10 * 86_400_000);
    await shop.look(invoice, after);
    await shop.look(invoice, after);
    expect((await shop.stands(bill)).state).toBe('lapsed');
    await shop.tell(bill);
    expect((await shop.stands(bill)).state).toBe('rejected');
    expect(session(bill)?.state).toBe('rejected');
  });

  describe('whose node is restored from a backup that is older than the hold', () => {
    const says = ({ shopId, paymentId }: Bill, answer: 'never_paid' | 'seen_paid') =>
      answerAttention(shop.deps, {
        ...{ shopId, paymentId, attention: 'hold_lost', answer },
        ...{ seenMsat: msat(0n), staffId: undefined },
      });
    /** The node is back, and knows nothing of it. */
    async function forgotten(hold: () => Promise<{ bill: Bill; invoice: InvoiceRow; paid: Paid }>) {
      const past = shop.lnd.snapshot();
      const { bill, invoice, paid } = await hold();
      paid.catch(() => undefined);
      await shop.lnd.restore(past);
      const { heldUntilHeight } = await shop.again(invoice);
      if (heldUntilHeight === null) throw new Error('it is not held');
      const looked = async (): Promise<boolean> => {
        await shop.look(invoice);
        return true;
      };
      await expect.poll(() => looked().catch(() => false), { timeout: 60_000 }).toBe(true);
      const isAsked = async (): Promise<boolean> => {
        await shop.look(invoice);
        return (await shop.stands(bill)).attention !== null;
      };
      shop.lnd.mine(heldUntilHeight - shop.lnd.height - 1);
      // Its listener has noticed by what it lacks.
      const { id } = shop.node;
      const suspected = { where: { id }, data: { restoreSuspectedAt: new Date() } };
      await shop.db.prisma.node.update(suspected);
      expect(await isAsked()).toBe(false);
      shop.lnd.mine(1);
      // One that merely deletes what it has canceled says the same.
      const healthy = { where: { id }, data: { restoreSuspectedAt: null } };
      await shop.db.prisma.node.update(healthy);
      expect(await isAsked()).toBe(false);
      await shop.db.prisma.node.update(suspected);
      await shop.look(invoice);
      await shop.look(invoice);
      return { bill, invoice };
    }

    test('a person is asked at its end, once; nothing lapses by itself', async () => {
      const { bill, invoice } = await forgotten(authorized);
      expect(await shop.stands(bill)).toEqual({ state: 'held', attention: 'hold_lost' });
      const asked = await shop.shopify.payments.capture(bill.originId);
      expect(await says(bill, 'never_paid')).toEqual({ ok: true });
      expect(await says(bill, 'never_paid')).toEqual({ ok: false, refusal: 'not_asked' });
      expect(await shop.stands(bill)).toEqual({ state: 'lapsed', attention: null });
      expect((await shop.again(invoice)).state).toBe('canceled');
      await answerAll(bill);
      await answerAll(bill);
      expect(atShopify(asked)?.rejection).toMatchObject({ code: 'AUTHORIZATION_EXPIRED' });
      const lines = await shop.db.prisma.history.findMany({
        where: { paymentId: bill.paymentId, what: { in: ['hold_lost', 'never_paid'] } },
        orderBy: { id: 'asc' },
      });
      expect(lines.map(({ what }) => what)).toEqual(['hold_lost', 'never_paid']);
    });

    test('charged before and seen to have come, Shopify hears that it was captured', async () => {
      let asked = '';
      const { bill } = await forgotten(async () => {
        const all = await authorized();
        asked = (await shop.shopify.payments.capture(all.bill.originId)).id;
        await answerAll(all.bill);
        return all;
      });
      expect(await requestsOf(bill)).toMatchObject([{ kind: 'capture', state: 'capturing' }]);
      expect(await shop.stands(bill)).toEqual({ state: 'held', attention: 'hold_lost' });
      expect(await says(bill, 'seen_paid')).toEqual({ ok: true });
      await answerAll(bill);
      await answerAll(bill);
      expect(atShopify({ id: asked })).toMatchObject({ state: 'resolved' });
      expect(effects(bill, 'capture_resolved')).toBe(1);
      expect((await shop.stands(bill)).state).toBe('lapsed');
    });

    test('also of what was to be given back, and of what Shopify never heard', async () => {
      const untold = async () => {
        const bill = await chosen();
        return { bill, ...(await held(bill)) };
      };
      const { bill, invoice } = await forgotten(async () => {
        const all = await untold();
        const about = { paymentId: all.bill.paymentId, because: 'hold_voided' } as const;
        expect(await releaseHeld(shop.db, about)).toBe(true);
        return all;
      });
      expect(await shop.stands(bill)).toEqual({ state: 'closing', attention: 'hold_lost' });
      expect(await says(bill, 'seen_paid')).toEqual({ ok: true });
      expect(await shop.stands(bill)).toEqual({ state: 'lapsed', attention: null });
      await shop.tell(bill);
      expect((await shop.stands(bill)).state).toBe('rejected');
      expect(session(bill)?.state).toBe('rejected');
      expect((await shop.again(invoice)).state).toBe('canceled');
    });

    test('its own word ends the question, should it come back', async () => {
      let now = shop.lnd.snapshot();
      const { bill, invoice } = await forgotten(async () => {
        const all = await authorized();
        now = shop.lnd.snapshot();
        return all;
      });
      await shop.lnd.restore(now);
      const state = async (): Promise<unknown> => {
        await shop.look(invoice).catch(() => undefined);
        return shop.stands(bill);
      };
      const end = { state: 'lapsed', attention: null };
      await expect.poll(state, { timeout: 60_000 }).toEqual(end);
      expect(await says(bill, 'never_paid')).toEqual({ ok: false, refusal: 'not_asked' });
    });
  });

  test('also when its time is over by the clock', async () => {
    const { bill, invoice } = await authorized();
    const after = shop.later(10 * 86_400_000);
    await shop.look(invoice, after);
    await shop.look(invoice, after);
    expect((await shop.stands(bill)).state).toBe('lapsed');
  });

  test('the node gave it back while it was to be charged: nothing is booked', async () => {
    const { bill, invoice } = await authorized();
    const asked = await shop.shopify.payments.capture(bill.originId);
    await answerAll(bill);
    shop.lnd.mine(holdCltvBlocks);
    expect(stateAtNode(invoice)).toBe('CANCELED');
    await shop.look(invoice);
    expect((await shop.stands(bill)).state).toBe('lapsed');
    await answerAll(bill);
    await answerAll(bill);
    expect(atShopify(asked)?.rejection).toMatchObject({ code: 'AUTHORIZATION_EXPIRED' });
    expect(await shop.accountsOf(bill)).toEqual({});
  });

  test('a price that ran out is closed as ever, and money in its last moment is held', async () => {
    const bill = await chosen();
    const invoice = await shop.quoted(bill);
    const after = shop.later(invoice.lapsesAt.getTime() - Date.now() + 1_000);
    const paid = shop.lnd.pay(shop.requestOf(invoice.hash));
    await expect.poll(() => stateAtNode(invoice), { timeout: 60_000 }).toBe('ACCEPTED');
    await shop.look(invoice, after);
    expect((await shop.stands(bill)).state).toBe('held');
    await shop.tell(bill);
    await shop.shopify.payments.void(bill.originId);
    await answerAll(bill);
    await shop.look(invoice);
    await expect(paid).resolves.toMatchObject({ ok: false });

    const idle = await chosen();
    const unpaid = await shop.quoted(idle);
    await shop.look(unpaid, shop.later(unpaid.lapsesAt.getTime() - Date.now() + 1_000));
    expect((await shop.again(unpaid)).state).toBe('canceled');
    expect((await shop.stands(idle)).state).toBe('open');
    await answerAll(bill);
    await answerAll(bill);
  });

  test('what begins to be held is not given back by who read it before', async () => {
    const bill = await chosen();
    const quoted = await shop.quoted(bill);
    await held(bill, quoted);
    expect(await closeInvoice(shop.deps, quoted, 'quote_over')).toBe(false);
    await transaction(shop.db, (on) => endInvoices(on, bill.paymentId, 'node_replaced'));
    expect(await shop.again(quoted)).toMatchObject({ state: 'live', ending: null });
    expect(stateAtNode(quoted)).toBe('ACCEPTED');
    await shop.tell(bill);
    await shop.shopify.payments.void(bill.originId);
    await answerAll(bill);
    await shop.look(quoted);
    await answerAll(bill);
  });

  test('a second tab of an authorized purchase gets no price', async () => {
    const one = await authorized();
    const { group } = one.bill;
    const other = await chosen(group === undefined ? {} : { group });
    await expect(shop.quoted(other)).rejects.toThrow('not_open');
    await shop.shopify.payments.void(one.bill.originId);
    await answerAll(one.bill);
    await shop.look(one.invoice);
    await answerAll(one.bill);
    await answerAll(one.bill);
  });

  test('two tabs are paid before either is told: one stays, the other goes back', async () => {
    const one = await chosen();
    const two = await chosen(one.group === undefined ? {} : { group: one.group });
    await Promise.all([shop.quoted(one), shop.quoted(two)]);
    const [first, second] = [await held(one), await held(two)];
    await shop.tell(one);
    await shop.tell(two);
    expect((await shop.stands(one)).state).toBe('held');
    expect((await shop.stands(two)).state).toBe('closing');
    await shop.look(second.invoice);
    await expect(second.paid).resolves.toMatchObject({ ok: false });
    expect((await shop.stands(two)).state).toBe('lapsed');
    expect([effects(one, 'resolved'), effects(two, 'resolved')]).toEqual([1, 0]);
    await shop.shopify.payments.capture(one.originId);
    await answerAll(one);
    await shop.look(first.invoice);
    await shop.tell(one);
    expect((await shop.stands(one)).state).toBe('resolved');
  });

  test('the answer of each telling is lost: told again, and done once', async () => {
    const { faults, payments } = shop.shopify;
    const bill = await chosen();
    const { invoice } = await held(bill);
    faults.add({ kind: 'reset', when: 'after', operation: 'PaymentSessionResolve' });
    await shop.tell(bill).catch(() => undefined);
    await shop.tell(bill);
    expect((await shop.read(bill.paymentId)).holdToldAt).not.toBeNull();
    await payments.capture(bill.originId);
    await answerAll(bill);
    await shop.look(invoice);
    faults.add({ kind: 'reset', when: 'after', operation: 'CaptureSessionResolve' });
    await shop.tell(bill).catch(() => undefined);
    expect((await shop.stands(bill)).state).toBe('settled');
    await shop.tell(bill);
    expect((await shop.stands(bill)).state).toBe('resolved');
    expect([effects(bill, 'resolved'), effects(bill, 'capture_resolved')]).toEqual([1, 1]);
    expect(await shop.accountsOf(bill)).toEqual({ resolved: invoice.amountMsat });
  });

  test('twenty pools charge it at once: one settle, one booking', async () => {
    const { bill, invoice } = await authorized();
    await shop.shopify.payments.capture(bill.originId);
    await answerAll(bill);
    const looks = Array.from({ length: 20 }, () => shop.look(invoice).catch(() => undefined));
    await Promise.all(looks);
    await expect.poll(async () => (await shop.stands(bill)).state).toBe('settled');
    await shop.tell(bill);
    expect(await shop.accountsOf(bill)).toEqual({ resolved: invoice.amountMsat });
  });

  test('what the stream tells of others puts no look at a hold off', async () => {
    const sale = await shop.quoted(await chosen({ kind: 'sale' }));
    const hold = await shop.quoted(await chosen());
    const ids = [sale.id, hold.id];
    await shop.db.pool.query(
      `update invoice set due_at = now() - interval '1 s', attempts = 0, lease_until = null
       where id = any($1::bigint[])`,
      [ids],
    );
    await putOffTold(shop.db, { nodeId: hold.nodeId, laterMs: 600_000 });
    const { rows } = await shop.db.pool.query<{ id: string; later: boolean }>(
      `select id::text, due_at > now() as later from invoice where id = any($1::bigint[])`,
      [ids],
    );
    const later = new Map(rows.map((row) => [row.id, row.later]));
    expect(ids.map((id) => later.get(String(id)))).toEqual([true, false]);
  });

  test('the app is removed: what is held goes back', async () => {
    const { bill, invoice, paid } = await authorized();
    await shop.uninstall('payment_session');
    expect((await shop.stands(bill)).state).toBe('closing');
    await shop.look(invoice);
    await expect(paid).resolves.toMatchObject({ ok: false });
    expect((await shop.stands(bill)).state).toBe('lapsed');
    await shop.installAgain('payment_session');
  });
});
