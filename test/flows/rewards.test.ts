// Sats back for the buyer: booked once, smaller or gone with a refund of the order, claimed as a
// refund is and paid by a real signer within its ceilings. It never stands in the way of a refund.
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { payee } from '../../sandbox/wallet/payee.ts';
import { msat } from '../../web/core/money.ts';
import { usualRewardTerms, type RewardTerms } from '../../web/core/reward.ts';
import { audit } from '../../web/db/audit.ts';
import { claim } from '../../web/db/due.ts';
import { shareLane } from '../../web/db/lanes.ts';
import { storePurse } from '../../web/db/purses.ts';
import { bookReward as book, paymentToReward, storeRewardTerms } from '../../web/db/rewards.ts';
import { addShareRule, storeShareTerms } from '../../web/db/shares.ts';
import { refundable, type RefundRow } from '../../web/db/refunds.ts';
import { sentenceOf, timeline } from '../../web/db/views.ts';
import { claimRefund } from '../../web/flows/claim-refund.ts';
import { bookReward } from '../../web/flows/book-reward.ts';
import { bookShares } from '../../web/flows/book-shares.ts';
import type { StepEnd } from '../../web/flows/flow.ts';
import { withdrawRefund } from '../../web/flows/withdraw-refund.ts';
import { startSigner, type Signer } from '../../web/signer/loop.ts';
import { sealPurse, usualLimits, type Limits } from '../../web/signer/purse.ts';
import type { Open } from '../in-process.ts';
import { signersVault } from '../signer/owed.ts';
import { startRefunds, type RefundsShop } from './refunds-shop.ts';

const buyer = payee('regtest');
let shop: RefundsShop;
let our: RefundsShop['our'];
let signer: Signer | undefined;
vi.setConfig({ testTimeout: 240_000 });

beforeAll(async () => {
  shop = await startRefunds();
  our = shop.our;
  await shop.say(`refunds_on = true, refund_pricing = 'sats_paid'`);
  our.lnd.reaches(buyer);
});
beforeEach(async () => {
  await fillPurse();
  await say({});
});
afterEach(async () => {
  await signer?.stop(5_000);
  signer = undefined;
  our.lnd.faults.reset();
  // Steps by hand put off what else is due in their lane.
  const broken = await audit(our.db);
  expect(broken.filter(({ what }) => !what.startsWith('refund '))).toEqual([]);
});
afterAll(() => our.close());

const say = (more: Partial<RewardTerms>): Promise<void> =>
  storeRewardTerms(our.db, {
    ...{ shopId: our.shop.id, ...usualRewardTerms, rewardsOn: true, partBp: 1_000, waitDays: 0 },
    ...more,
  });
const fillPurse = (limits: Partial<Limits> = {}): Promise<void> =>
  storePurse(
    our.db,
    sealPurse(
      signersVault,
      {
        ...{ shopId: our.shop.id, address: our.lnd.socket, certificatePem: our.lnd.certPem },
        ...{ macaroonHex: our.lnd.macaroon('pay').toString('hex'), network: 'regtest' },
        ...{ identity: our.lnd.publicKey, looksAtOriginal: true },
        limits: { ...usualLimits, perDayMsat: 1_000_000_000_000n, ...limits },
      },
      { rootKeyId: '71', credentialEndsAt: null },
    ),
  );
const sign = (): void => {
  signer = startSigner({
    ...{ db: our.db, sealer: signersVault, allowPrivate: true, clock: () => new Date() },
    timing: { pollMs: 50, resendMs: 100, againMs: 100, inFlightMs: 100, settleMs: 1_000 },
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    pay: { payMs: 30_000, askMs: 30_000 },
  });
};
const rows = async <Row extends object>(text: string, values: unknown[] = []): Promise<Row[]> =>
  (await our.db.pool.query<Row>(text, values)).rows;
const lane = () => shareLane(our.shop.id);
const bookOf = ({ payment }: Open): Promise<StepEnd> =>
  our.runStep(bookReward, { table: 'reward_task', id: payment.id, lane: lane() });
const rewardsOf = ({ payment }: Open) =>
  our.db.prisma.refund.findMany({ where: { paymentId: payment.id, origin: 'reward' } });
const booked = async (input: Parameters<RefundsShop['aPaidOrder']>[0] = {}) => {
  const open = await shop.aPaidOrder(input);
  expect(await bookOf(open)).toBe('stored');
  const [row] = await rewardsOf(open);
  if (row === undefined) throw new Error('no reward was booked');
  return { open, reward: await shop.read(row.id) };
};
const claimable = async () => {
  const { open, reward } = await booked();
  await shop.step(reward.id);
  const ready = await shop.read(reward.id);
  expect(ready).toMatchObject({ state: 'claimable', reason: 'reward_ready' });
  return { open, reward: ready };
};
const receivedOf = async ({ payment }: Open): Promise<bigint> => {
  const [row] = await rows<{ paid_msat: string }>(
    `select paid_msat from invoice where payment_id = $1 and state = 'settled'`,
    [payment.id],
  );
  return BigInt(row?.paid_msat ?? 0);
};
const down = (amount: bigint): bigint => (amount / 1_000n) * 1_000n;
/** Its buyer claims it with a wallet that the node reaches. */
const give = async (reward: RefundRow): Promise<string> => {
  const { amountMsat } = await shop.read(reward.id);
  const { request, hash } = buyer.make({ amountMsat: amountMsat ?? 0n });
  const given = { link: reward.link, request, kind: 'invoice' } as const;
  expect(await claimRefund(our.deps, given)).toEqual({ ok: true });
  return hash;
};
/** What the signer made of the claims of it, when it is so. */
async function untilPayout(reward: RefundRow, state: string): Promise<void> {
  for (const end = Date.now() + 120_000; ;) {
    const [payout] = await rows<{ state: string; because: string }>(
      'select state, because from payout where subject = $1 order by id desc',
      [`refund:${reward.id}`],
    );
    if (payout?.state === state) return;
    if (Date.now() > end) throw new Error(`waited in vain: ${payout?.because ?? 'not begun'}`);
    await pause(25);
  }
}
async function untilWaits(reward: RefundRow): Promise<string> {
  for (const end = Date.now() + 120_000; ;) {
    const [wait] = await rows<{ word: string }>(
      `select w.word from payout_wait w join refund_claim c on c.id = w.claim_id
       where c.refund_id = $1`,
      [reward.id],
    );
    if (wait !== undefined) return wait.word;
    const began = await rows('select 1 from payout where subject = $1', [`refund:${reward.id}`]);
    if (began.length > 0) throw new Error('the signer pays it');
    if (Date.now() > end) throw new Error('the signer says nothing');
    await pause(25);
  }
}

describe('booked', () => {
  test('nothing, unless it is switched on', async () => {
    await our.db.pool.query('delete from reward_terms');
    const open = await shop.aPaidOrder();
    expect(await rows('select 1 from reward_task where id = $1', [open.payment.id])).toEqual([]);
    await say({ rewardsOn: false });
    const other = await shop.aPaidOrder();
    expect(await rows('select 1 from reward_task where id = $1', [other.payment.id])).toEqual([]);
    expect(await rewardsOf(other)).toEqual([]);
  });

  test('nothing of a test payment', async () => {
    const open = await shop.aPaidOrder({ test: true });
    expect(await rows('select 1 from reward_task where id = $1', [open.payment.id])).toEqual([]);
  });

  test('a tenth, once, from what Shopify accepted into an account of its own', async () => {
    const { open, reward } = await booked();
    const received = await receivedOf(open);
    expect(reward).toMatchObject({
      ...{ origin: 'reward', state: 'asked', reason: 'reward_waits', amountMinor: 0n },
      amountMsat: down(received / 10n),
    });
    expect(await shop.accounts(open.payment.id)).toEqual({
      ...{ node: -received, resolved: received - down(received / 10n) },
      rewarding: down(received / 10n),
    });
    await bookOf(open);
    expect(await rewardsOf(open)).toHaveLength(1);
    // All that was captured can still be given back.
    const about = { shopId: our.shop.id, paymentId: open.payment.id };
    expect(await refundable(our.db.pool, about)).toMatchObject({ refundedMinor: 0n });
  });

  test('by the terms of the moment in which Shopify accepted it, within their bounds', async () => {
    const open = await shop.aPaidOrder();
    await say({ rewardsOn: false, partBp: 2_000 });
    await bookOf(open);
    const [row] = await rewardsOf(open);
    expect(row?.amountMsat).toBe(down((await receivedOf(open)) / 10n));
    await say({ mostMsat: msat(5_000n) });
    expect((await booked()).reward.amountMsat).toBe(5_000n);
    await say({ leastMsat: msat(1_000_000_000_000n) });
    const small = await shop.aPaidOrder();
    await bookOf(small);
    expect(await rewardsOf(small)).toEqual([]);
  });

  test('after the shares of others, and of what they leave', async () => {
    const address = { name: 'all', domain: 'pay.example.com' };
    await storeShareTerms(our.db, {
      ...{ shopId: our.shop.id, sharesOn: true, paused: true, leastMsat: msat(1_000n) },
    });
    const amount = { partBp: 9_500 };
    const rule = { shopId: our.shop.id, name: 'All', address, vendor: null, amount, by: '7' };
    expect(await addShareRule(our.db, rule)).toBeUndefined();
    try {
      const open = await shop.aPaidOrder();
      expect(await bookOf(open)).toMatchObject({ attempt: true });
      expect(await rewardsOf(open)).toEqual([]);
      await our.runStep(bookShares, { table: 'share_task', id: open.payment.id, lane: lane() });
      await our.db.pool.query('update reward_task set due_at = now() where due_at is not null');
      await bookOf(open);
      const [row] = await rewardsOf(open);
      const received = await receivedOf(open);
      const shared = down((received * 95n) / 100n);
      expect(row?.amountMsat).toBe(down(received - shared));
    } finally {
      await our.db.pool.query(`update share_rule set ended_at = now() where ended_at is null`);
      await our.db.pool.query('update share_terms set shares_on = false');
    }
  });

  test('once, whoever of eight on connections of their own is first', async () => {
    for (let round = 0; round < 4; round += 1) {
      const open = await shop.aPaidOrder();
      const payment = await paymentToReward(our.db, open.payment.id);
      if (payment === null) throw new Error('there is no task');
      const from = { table: 'reward_task', lane: lane(), limit: 10 } as const;
      const row = (await claim(our.db, from)).find(({ id }) => id === open.payment.id);
      const came = await Promise.all(
        Array.from({ length: 8 }, () =>
          book(our.db, { payment, leaseNo: row?.leaseNo ?? 0 }, () => msat(7_000n)),
        ),
      );
      expect(came.filter(Boolean)).toHaveLength(1);
      expect(await rewardsOf(open)).toMatchObject([{ amountMsat: 7_000n }]);
      expect((await shop.accounts(open.payment.id))['rewarding']).toBe(7_000n);
    }
  });

  test('by nobody whose lease is over, but by who has the row by then', async () => {
    const open = await shop.aPaidOrder();
    const payment = await paymentToReward(our.db, open.payment.id);
    if (payment === null) throw new Error('there is no task');
    const from = { table: 'reward_task', lane: lane(), limit: 10 } as const;
    const mine = async () => (await claim(our.db, from)).find(({ id }) => id === open.payment.id);
    const slow = await mine();
    // A column keeps milliseconds: what is rounded up is not over yet.
    const over = `update reward_task set lease_until = now() - interval '1 ms' where id = $1`;
    await our.db.pool.query(over, [open.payment.id]);
    const next = await mine();
    const of = (row: typeof next, amount: bigint) =>
      book(our.db, { payment, leaseNo: row?.leaseNo ?? 0 }, () => msat(amount));
    expect(await of(slow, 9_000n)).toBe(false);
    expect(await rewardsOf(open)).toEqual([]);
    expect(await of(next, 7_000n)).toBe(true);
    expect(await of(slow, 9_000n)).toBe(false);
    expect(await rewardsOf(open)).toMatchObject([{ amountMsat: 7_000n }]);
  });

  test('not at all where its process fails on the way, and then by the next', async () => {
    const open = await shop.aPaidOrder();
    const payment = await paymentToReward(our.db, open.payment.id);
    if (payment === null) throw new Error('there is no task');
    const from = { table: 'reward_task', lane: lane(), limit: 10 } as const;
    const row = (await claim(our.db, from)).find(({ id }) => id === open.payment.id);
    const dying = book(our.db, { payment, leaseNo: row?.leaseNo ?? 0 }, () => {
      throw new Error('it is gone');
    });
    await expect(dying).rejects.toThrow('it is gone');
    expect(await rewardsOf(open)).toEqual([]);
    await our.db.pool.query('update reward_task set lease_until = null');
    await bookOf(open);
    expect(await rewardsOf(open)).toHaveLength(1);
  });

  test('the database refuses a second one, and one of more than a fifth', async () => {
    const { open, reward } = await booked();
    const insert = `
      insert into refund (id, link, shop_id, payment_id, origin, origin_id, currency,
        amount_minor, pricing, source, reason, lane, due_at, amount_msat)
      select gen_random_uuid(), $2, shop_id, payment_id, 'reward', $2, currency, 0, pricing,
        source, reason, lane, now(), $3 from refund where id = $1 returning id`;
    const reward2 = `insert into reward (refund_id, payment_id, base_msat, captured_minor,
      refunded_minor, claimable_at, claim_days) values ($1, $2, $3, 1, 0, now(), 1)`;
    const on = await our.db.pool.connect();
    const other = await shop.aPaidOrder();
    try {
      for (const [paymentId, amount, code] of [
        [open.payment.id, 1_000n, '23505'],
        [other.payment.id, down((await receivedOf(other)) / 5n) + 1_000n, 'ZP005'],
      ] as const) {
        await on.query('begin');
        const made = await on.query<{ id: string }>(insert, [reward.id, `k${code}`, amount]);
        const { id } = made.rows[0] ?? { id: '' };
        if (paymentId !== open.payment.id) {
          await on.query('alter table refund disable trigger refund_arrow');
          await on.query('update refund set payment_id = $2 where id = $1', [id, paymentId]);
        }
        await expect(on.query(reward2, [id, paymentId, amount])).rejects.toMatchObject({ code });
        await on.query('rollback');
      }
    } finally {
      // Also where one of them was taken: nobody waits for what is locked here.
      await on.query('rollback');
      on.release();
    }
    await expect(
      our.db.pool.query('update refund set amount_msat = amount_msat + 1000 where id = $1', [
        reward.id,
      ]),
    ).rejects.toMatchObject({ code: 'ZP004' });
    await bookOf(other);
  });

  test('nobody writes more into it, or takes it out', async () => {
    const { reward } = await booked();
    const other = await booked();
    const changes = [
      ...['base_msat = base_msat + 1000', 'captured_minor = 1', 'refunded_minor = 1'],
      ...[`claimable_at = now() - interval '1 day'`, 'claim_days = 300'],
      `payment_id = '${other.open.payment.id}'`,
    ];
    for (const change of changes) {
      const text = `update reward set ${change} where refund_id = $1`;
      await expect(our.db.pool.query(text, [reward.id]), change).rejects.toMatchObject({
        code: 'ZP004',
      });
    }
    const out = our.db.pool.query('delete from reward where refund_id = $1', [reward.id]);
    await expect(out).rejects.toMatchObject({ code: 'ZP001' });
    expect(await rows('select 1 from reward where refund_id = $1', [reward.id])).toHaveLength(1);
  });

  test('becomes nothing where the order was cancelled and nobody heard of it', async () => {
    const { open, reward } = await booked();
    our.shopify.cancel(open.orderId);
    await shop.step(reward.id);
    expect(await shop.read(reward.id)).toMatchObject({
      ...{ state: 'withdrawn', reason: 'order_cancelled' },
    });
  });

  test('is less by what was given back and nobody heard of', async () => {
    const { open, reward } = await booked();
    our.shopify.refund(open.orderId, { amount: '10.50' });
    await shop.step(reward.id);
    const after = await shop.read(reward.id);
    expect(after.state).toBe('claimable');
    expect(after.amountMsat).toBe(down((reward.amountMsat ?? 0n) / 2n));
  });
});

describe('a refund of the order', () => {
  test('and the sats back are told as what they are', async () => {
    const { open, reward } = await claimable();
    const refund = await shop.aRefund(open.payment.id, '7.00');
    const lines = await timeline(our.db, open.payment.id);
    const about = lines.filter(({ what }) => what === 'refund');
    const saidOf = (id: string): string[] =>
      about.filter(({ details }) => details['refund'] === id).map(sentenceOf);
    expect(saidOf(reward.id).length).toBeGreaterThan(2);
    for (const sentence of saidOf(reward.id))
      expect(sentence).toMatch(/^Sats back for the buyer\./);
    expect(saidOf(refund.id).length).toBeGreaterThan(0);
    for (const sentence of saidOf(refund.id)) expect(sentence).toMatch(/^Refund\./);
  });

  test('takes a part before it is claimed, and gives it again when it is withdrawn', async () => {
    for (const make of [booked, claimable]) {
      const { open, reward } = await make();
      const refund = await shop.aRefund(open.payment.id, '7.00');
      const smaller = await shop.read(reward.id);
      expect(smaller.amountMsat).toBe(down(((reward.amountMsat ?? 0n) * 1_400n) / 2_100n));
      expect(smaller.state).toBe(reward.state);
      await shop.step(refund.id);
      expect((await shop.read(refund.id)).state).toBe('claimable');
      const asked = { shopId: our.shop.id, refundId: refund.id, because: 'taken_back' } as const;
      expect(await withdrawRefund(our.deps, { ...asked, staffId: '7' })).toEqual({ ok: true });
      expect((await shop.read(reward.id)).amountMsat).toBe(reward.amountMsat);
    }
  });

  test('that took more sats than came leaves nothing to grow from: the shop adds it', async () => {
    await shop.say(`refund_pricing = 'fiat_today'`);
    const withdraw = async (refundId: string): Promise<void> => {
      const asked = { shopId: our.shop.id, refundId, because: 'taken_back', staffId: '7' } as const;
      expect(await withdrawRefund(our.deps, asked)).toEqual({ ok: true });
    };
    try {
      for (const end of ['refunded', 'over'] as const) {
        const { open, reward } = await claimable();
        const of = (amount: bigint): bigint => down(((reward.amountMsat ?? 0n) * amount) / 2_100n);
        const accounts = () => shop.accounts(open.payment.id);
        const most = await shop.aRefund(open.payment.id, '14.00');
        const rest = await shop.aRefund(open.payment.id, '6.00');
        expect((await shop.read(reward.id)).amountMsat).toBe(of(100n));
        await shop.step(most.id, shop.costing('half'));
        const without = await accounts();
        expect(without).not.toHaveProperty('resolved');
        await shop.step(rest.id, shop.costing('half'));
        await withdraw(rest.id);
        expect((await shop.read(reward.id)).amountMsat).toBe(of(700n));
        const added = (without['topped_up'] ?? 0n) - (of(700n) - of(100n));
        expect(await accounts()).toEqual({ ...without, rewarding: of(700n), topped_up: added });
        // What it gives back goes first to where it came from.
        if (end === 'refunded') await shop.aRefund(open.payment.id, '7.00');
        else await withdraw(reward.id);
        expect((await shop.read(reward.id)).state).toBe('withdrawn');
        const { rewarding, ...others } = without;
        expect(await accounts()).toEqual({ ...others, resolved: rewarding });
      }
    } finally {
      await shop.say(`refund_pricing = 'sats_paid'`);
    }
  });

  test('of all takes it back, and is of all that was captured', async () => {
    const { open, reward } = await claimable();
    const refund = await shop.aRefund(open.payment.id, '21.00');
    expect(await shop.read(reward.id)).toMatchObject({
      ...{ state: 'withdrawn', reason: 'order_refunded' },
    });
    await shop.step(refund.id);
    const received = await receivedOf(open);
    expect((await shop.read(refund.id)).amountMsat).toBe(down(received));
    expect(await shop.accounts(open.payment.id)).toMatchObject({ refunding: down(received) });
    const { request } = buyer.make({ amountMsat: reward.amountMsat ?? 0n });
    const given = { link: reward.link, request, kind: 'invoice' } as const;
    expect(await claimRefund(our.deps, given)).toMatchObject({ refusal: 'refund_not_claimable' });
    await shop.step(reward.id);
    expect((await shop.read(reward.id)).state).toBe('done');
  });

  test('of all before it was booked leaves nothing to give', async () => {
    const open = await shop.aPaidOrder();
    await shop.aRefund(open.payment.id, '21.00');
    await bookOf(open);
    expect(await rewardsOf(open)).toEqual([]);
  });

  test('while it is claimed waits for what becomes of the claim', async () => {
    const { open, reward } = await claimable();
    await shop.aClaim(reward);
    await shop.aRefund(open.payment.id, '10.50');
    expect((await shop.read(reward.id)).amountMsat).toBe(reward.amountMsat);
    await shop.signer.fails(reward.id);
    await shop.step(reward.id);
    expect(await shop.read(reward.id)).toMatchObject({
      ...{ state: 'claimable', amountMsat: down((reward.amountMsat ?? 0n) / 2n) },
    });
  });

  test('and a claim at once: one is first, and the other knows', async () => {
    for (let round = 0; round < 6; round += 1) {
      const { open, reward } = await claimable();
      const { request } = buyer.make({ amountMsat: reward.amountMsat ?? 0n });
      const [taken] = await Promise.all([
        claimRefund(our.deps, { link: reward.link, request, kind: 'invoice' }),
        shop.aRefund(open.payment.id, '7.00'),
      ]);
      const { state, amountMsat } = await shop.read(reward.id);
      expect(state).toBe(taken.ok ? 'claimed' : 'claimable');
      const smaller = down(((reward.amountMsat ?? 0n) * 1_400n) / 2_100n);
      expect(amountMsat).toBe(taken.ok ? reward.amountMsat : smaller);
    }
  });
});

test('a cancelled order takes it back, booked or not', async () => {
  const { open, reward } = await booked();
  const later = await shop.aPaidOrder();
  for (const each of [open, later]) {
    our.shopify.cancel(each.payment.originId);
    await shop.lookAtOrderOf(each);
  }
  expect(await shop.read(reward.id)).toMatchObject({
    ...{ state: 'withdrawn', reason: 'order_cancelled' },
  });
  expect((await shop.accounts(open.payment.id))['rewarding']).toBeUndefined();
  const due = 'select due_at from reward_task where id = $1';
  expect(await rows(due, [later.payment.id])).toEqual([{ due_at: null }]);
});

test('a cancelled order leaves what is claimed, and nothing of it where that fails', async () => {
  const claimedThen = async () => {
    const { open, reward } = await claimable();
    const preimage = await shop.aClaim(reward);
    our.shopify.cancel(open.payment.originId);
    await shop.lookAtOrderOf(open);
    const { state, amountMsat } = await shop.read(reward.id);
    expect({ state, amountMsat }).toEqual({ state: 'claimed', amountMsat: reward.amountMsat });
    return { open, reward, preimage };
  };
  const [fails, comes] = [await claimedThen(), await claimedThen()];
  await shop.signer.fails(fails.reward.id);
  await shop.step(fails.reward.id);
  expect(await shop.read(fails.reward.id)).toMatchObject({
    ...{ state: 'withdrawn', reason: 'order_cancelled' },
  });
  expect(await shop.accounts(fails.open.payment.id)).not.toHaveProperty('rewarding');
  await shop.step(fails.reward.id);
  expect((await shop.read(fails.reward.id)).state).toBe('done');
  await shop.signer.pays(comes.reward.id, comes.preimage);
  await shop.step(comes.reward.id);
  expect((await shop.read(comes.reward.id)).state).toBe('paid');
});

describe('claimed', () => {
  test('not before its days are over, and not after its time', async () => {
    await say({ waitDays: 14, claimDays: 2 });
    const { reward } = await booked();
    const end = await shop.step(reward.id);
    const { dueInMs } = end as Exclude<StepEnd, 'stored'>;
    expect(Math.round((dueInMs ?? 0) / 86_400_000)).toBe(14);
    expect((await shop.read(reward.id)).state).toBe('asked');
    const { request } = buyer.make({ amountMsat: reward.amountMsat ?? 0n });
    const given = { link: reward.link, request, kind: 'invoice' } as const;
    expect(await claimRefund(our.deps, given)).toMatchObject({ refusal: 'refund_not_claimable' });

    await say({});
    const { open, reward: other } = await claimable();
    await our.db.pool.query('update refund set claim_ends_at = now() where id = $1', [other.id]);
    await shop.step(other.id);
    expect(await shop.read(other.id)).toMatchObject({
      ...{ state: 'withdrawn', reason: 'claim_time_over' },
    });
    expect(await shop.accounts(open.payment.id)).not.toHaveProperty('rewarding');
  });

  test('and paid by the signer, with refunds switched off; then all can be refunded', async () => {
    await shop.say('refunds_on = false');
    const { open, reward } = await claimable();
    const hash = await give(reward);
    sign();
    await untilPayout(reward, 'paid');
    await shop.step(reward.id);
    await shop.step(reward.id);
    expect(await shop.read(reward.id)).toMatchObject({
      ...{ state: 'done', reason: 'paid_out', toldAt: null },
    });
    expect(buyer.paid().filter((paid) => paid === hash)).toHaveLength(1);
    const accounts = await shop.accounts(open.payment.id);
    expect(accounts).not.toHaveProperty('rewarding');
    expect(accounts['paid_out']).toBeGreaterThanOrEqual(reward.amountMsat ?? 0n);
    // Shopify knows nothing of it.
    expect(our.shopify.order(open.payment.originId)).toMatchObject({
      ...{ financialStatus: 'PAID', received: '21.00' },
    });
    // Once paid it stays, and the purse gives back all that came, without room for a rise.
    await fillPurse({ topUpPpm: 0 });
    await shop.say('refunds_on = true');
    const refund = await shop.aRefund(open.payment.id, '21.00');
    await shop.step(refund.id);
    expect((await shop.read(reward.id)).state).toBe('done');
    await give(await shop.read(refund.id));
    await untilPayout(refund, 'paid');
    await shop.step(refund.id);
    expect((await shop.read(refund.id)).state).toBe('paid');
  });

  test.for([
    ['perPaymentMsat', 'above_per_payment'],
    ['perOrderMsat', 'above_per_order'],
    ['perDayMsat', 'above_per_day'],
  ] as const)('waits for the ceiling %s with the word %s', async ([limit, word]) => {
    const { reward } = await claimable();
    await fillPurse({ [limit]: 1_000n });
    await give(reward);
    sign();
    expect(await untilWaits(reward)).toBe(word);
    await fillPurse();
    await our.db.pool.query('update payout_wait set due_at = now()');
    await untilPayout(reward, 'paid');
    await shop.step(reward.id);
    expect((await shop.read(reward.id)).state).toBe('paid');
  });

  test('no more than a fifth of what came is paid, whatever the rows say', async () => {
    const { open, reward } = await claimable();
    const on = await our.db.pool.connect();
    // Less than a fifth of what may go back where the price fell.
    const forged = down(((await receivedOf(open)) * 9n) / 40n);
    try {
      await on.query('begin');
      await on.query('alter table refund disable trigger refund_arrow');
      await on.query('update refund set amount_msat = $2 where id = $1', [reward.id, forged]);
      await on.query('alter table refund enable trigger refund_arrow');
      await on.query('commit');
    } finally {
      on.release();
    }
    await give(reward);
    sign();
    expect(await untilWaits(reward)).toBe('above_received');
    await signer?.stop(5_000);
    // Taken out again, so that the books of the other tests stand.
    expect((await audit(our.db)).map(({ what }) => what)).toContain(reward.id);
    await unforge(reward);
  });
});

/** The row says again what was booked, and its claim is over. */
async function unforge({ id, amountMsat }: RefundRow): Promise<void> {
  const on = await our.db.pool.connect();
  try {
    await on.query('begin');
    for (const table of ['refund', 'refund_claim']) {
      await on.query(`alter table ${table} disable trigger ${table}_arrow`);
    }
    await on.query(
      `update refund_claim set state = 'failed', ended_at = now(),
      amount_msat = $2 where refund_id = $1`,
      [id, amountMsat],
    );
    await on.query(`update refund set state = 'claimable', amount_msat = $2 where id = $1`, [
      ...[id, amountMsat],
    ]);
    await on.query(
      `insert into history (payment_id, what, because, details)
       select payment_id, 'refund', 'claim_failed', jsonb_build_object('refund', id::text, 'to',
         'claimable') from refund where id = $1`,
      [id],
    );
    for (const table of ['refund', 'refund_claim']) {
      await on.query(`alter table ${table} enable trigger ${table}_arrow`);
    }
    await on.query('commit');
  } finally {
    on.release();
  }
}
