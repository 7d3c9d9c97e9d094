// A node was taken out and is gone: a person says whether an invoice was paid there. Should the
// node come back, what it knows is recorded all the same.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Answer } from '../../web/core/attention.ts';
import { msat } from '../../web/core/money.ts';
import { audit } from '../../web/db/audit.ts';
import { answerAttention, type Answered } from '../../web/flows/answer-attention.ts';
import { seeToWrongMoney } from '../../web/flows/see-to-wrong-money.ts';
import { plays, type Played } from './cases-plays.ts';
import { openShop, type Bill, type Shop } from './cases-shop.ts';

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
}, 120_000);
afterAll(async () => {
  try {
    expect(await audit(shop.db)).toEqual([]);
  } finally {
    await shop.close();
  }
});

type Gone = { bill: Bill; played: Played };
async function gone(): Promise<Gone> {
  const played = await plays.node_gone(shop, 'order');
  if (played.bill === undefined) throw new Error('there is no payment');
  expect(await shop.stands(played.bill)).toEqual({ state: 'open', attention: 'node_gone' });
  return { bill: played.bill, played };
}
const says = (bill: Bill, answer: Answer, attention = 'node_gone', seen = 0n): Promise<Answered> =>
  answerAttention(shop.deps, {
    ...{ shopId: bill.shopId, paymentId: bill.paymentId, attention, answer },
    ...{ seenMsat: msat(seen), staffId: '77' },
  });
const invoiceOf = async ({ paymentId }: Bill) => {
  const { hash, nodeId } = await shop.db.prisma.invoice.findFirstOrThrow({ where: { paymentId } });
  return { hash: Buffer.from(hash).toString('hex'), nodeId };
};

test('never paid: it waits for a fresh invoice, and the node may know better', async () => {
  const { bill } = await gone();
  expect(await says(bill, 'seen_to')).toEqual({ ok: false, refusal: 'not_asked' });
  expect(await says(bill, 'never_paid')).toEqual({ ok: true });
  expect(await shop.stands(bill)).toEqual({ state: 'open', attention: null });
  expect(await says(bill, 'never_paid')).toEqual({ ok: false, refusal: 'not_asked' });
  await shop.reconnect();
  await shop.quotedSoon(bill);
  await shop.hear((await invoiceOf(bill)) as Parameters<Shop['hear']>[0]);
  await shop.tell(bill);
  expect(await shop.stands(bill)).toEqual({ state: 'resolved', attention: null });
});

test('seen as paid: the order is settled first, and late money can be kept', async () => {
  const { bill } = await gone();
  const first = { ok: false, refusal: 'order_still_owes' };
  expect(await says(bill, 'seen_paid')).toEqual(first);
  shop.shopify.markByHand(bill.originId);
  expect(await says(bill, 'seen_paid')).toEqual({ ok: true });
  expect(await shop.stands(bill)).toEqual({ state: 'lapsed', attention: null });
  expect(await shop.accountsOf(bill)).toEqual({});
  await shop.reconnect();
  await shop.hear((await invoiceOf(bill)) as Parameters<Shop['hear']>[0]);
  expect(await shop.stands(bill)).toEqual({ state: 'lapsed', attention: 'overpaid' });
  const { overpaid = 0n } = await shop.accountsOf(bill);
  expect(await says(bill, 'kept', 'overpaid', overpaid)).toEqual({ ok: true });
  expect(await shop.accountsOf(bill)).toEqual({ kept: overpaid });
});

test('a node that is back is asked, and nobody answers in its place', async () => {
  const { bill, played } = await gone();
  await shop.reconnect();
  expect(await says(bill, 'never_paid')).toEqual({ ok: false, refusal: 'not_asked' });
  await played.byItself?.();
});

test('what a person saw paid is not given back by the policy when the node is back', async () => {
  await shop.db.pool.query(
    `insert into settings (shop_id, refunds_on, refunds_wrong) values ($1, true, true)
     on conflict (shop_id) do update set refunds_on = true, refunds_wrong = true`,
    [shop.shop.id],
  );
  const { bill } = await gone();
  shop.shopify.markByHand(bill.originId);
  expect(await says(bill, 'seen_paid')).toEqual({ ok: true });
  await shop.reconnect();
  await shop.hear((await invoiceOf(bill)) as Parameters<Shop['hear']>[0]);
  expect((await shop.stands(bill)).attention).toBe('overpaid');
  await seeToWrongMoney(shop.deps, shop.shop.id);
  expect((await shop.stands(bill)).attention).toBe('overpaid');
  expect(await shop.db.prisma.refund.count({ where: { paymentId: bill.paymentId } })).toBe(0);
  await shop.db.pool.query('delete from settings where shop_id = $1', [shop.shop.id]);
});
