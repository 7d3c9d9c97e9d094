// A part of each settled payment for others: booked once, taken back with a refund, and paid out by
// a real signer to Lightning addresses whose servers may lie.
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { addressPages, PAY_ADDRESS_HOST as host } from '../../sandbox/wallet/address.ts';
import { payee } from '../../sandbox/wallet/payee.ts';
import { msat } from '../../web/core/money.ts';
import type { ShareAmount } from '../../web/core/share.ts';
import { sharesToPayOut } from '../../web/db/share-batches.ts';
import { audit } from '../../web/db/audit.ts';
import { shareLane } from '../../web/db/lanes.ts';
import { tryWaitingAgain } from '../../web/db/payouts.ts';
import { pausePurse, storePurse } from '../../web/db/purses.ts';
import { addShareRule, endShareRule, storeShareTerms } from '../../web/db/shares.ts';
import { shareReceiversOf } from '../../web/db/views.ts';
import { bookShares } from '../../web/flows/book-shares.ts';
import type { Deps, StepEnd } from '../../web/flows/flow.ts';
import { payOutShares } from '../../web/flows/pay-out-shares.ts';
import { lookAtInvoice } from '../../web/flows/look-at-invoice.ts';
import { tellShopify } from '../../web/flows/tell-shopify.ts';
import { withdrawRefund } from '../../web/flows/withdraw-refund.ts';
import { startSigner, type Signer } from '../../web/signer/loop.ts';
import { sealPurse, usualLimits, type Limits } from '../../web/signer/purse.ts';
import type { Open } from '../in-process.ts';
import { signersVault } from '../signer/owed.ts';
import { fileOf, startRefunds, type RefundsShop } from './refunds-shop.ts';

const artist = payee('regtest');
let shop: RefundsShop;
let our: RefundsShop['our'];
let signer: Signer | undefined;
vi.setConfig({ testTimeout: 240_000 });

beforeAll(async () => {
  shop = await startRefunds();
  our = shop.our;
  await shop.say('refunds_on = true');
  our.shopify.outside.use(addressPages({ payee: artist }));
  our.lnd.reaches(artist);
});
beforeEach(async () => {
  await our.db.pool.query(`update share_rule set ended_at = now() where ended_at is null`);
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

const say = (more: Partial<{ sharesOn: boolean; paused: boolean; leastMsat: bigint }>) =>
  storeShareTerms(our.db, {
    ...{ shopId: our.shop.id, sharesOn: true, paused: false },
    ...more,
    leastMsat: msat(more.leastMsat ?? 1_000n),
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
/** One address is one receiver: each test has its own. */
const rule = async (name: string, amount: ShareAmount, vendor: string | null = null) => {
  const address = { name, domain: host };
  const made = { shopId: our.shop.id, name: `The ${name}`, address, vendor, amount, by: '7' };
  expect(await addShareRule(our.db, made)).toBeUndefined();
};
const rows = async <Row extends object>(text: string, values: unknown[] = []): Promise<Row[]> =>
  (await our.db.pool.query<Row>(text, values)).rows;

const lane = () => shareLane(our.shop.id);
const bookOf = ({ payment }: Open, on?: Deps): Promise<StepEnd> =>
  our.runStep(bookShares, { table: 'share_task', id: payment.id, lane: lane() }, on);
type Stood = { address: string; amount: bigint; state: string };
const sharesOf = ({ payment }: Open): Promise<Stood[]> =>
  rows<{ name: string; msat: string; state: string }>(
    `select split_part(r.address, '@', 1) as name, s.amount_msat as msat, s.state from share s
     join share_receiver r on r.id = s.receiver_id where s.payment_id = $1 order by s.id`,
    [payment.id],
  ).then((found) =>
    found.map(({ name, msat: amount, state }) => ({
      ...{ address: name, amount: BigInt(amount), state },
    })),
  );
const receivedOf = async ({ payment }: Open): Promise<bigint> => {
  const [row] = await rows<{ paid_msat: string }>(
    `select paid_msat from invoice where payment_id = $1 and state = 'settled'`,
    [payment.id],
  );
  return BigInt(row?.paid_msat ?? 0);
};
const receiverOf = async (name: string) => {
  const [row] = await rows<{ id: string; word: string | null; due_at: Date | null }>(
    'select id, word, due_at from share_receiver where address = $1',
    [`${name}@${host}`],
  );
  if (row === undefined) throw new Error('there is no such receiver');
  return row;
};
const payOut = async (name: string): Promise<StepEnd> => {
  const { id } = await receiverOf(name);
  return our.runStep(payOutShares, { table: 'share_receiver', id, lane: lane() });
};
const batchesOf = async (name: string) =>
  rows<{ id: string; state: string; because: string | null; amount_msat: string; hash: string }>(
    `select id, state, because, amount_msat, encode(hash, 'hex') as hash from share_batch
     where receiver_id = $1 order by given_at, claim_id`,
    [(await receiverOf(name)).id],
  );
const payoutsOf = (batchId: string) =>
  rows<{ state: string; because: string }>(
    'select state, because from payout where subject = $1 order by id',
    [`share:${batchId}`],
  );
/** The signer has said what became of it. */
async function untilEnded(batchId: string): Promise<string> {
  for (const end = Date.now() + 120_000; ;) {
    const [payout] = await payoutsOf(batchId);
    if (payout?.state === 'paid' || payout?.state === 'failed') return payout.state;
    if (Date.now() > end) throw new Error(`waited in vain: ${payout?.because ?? 'not begun'}`);
    await pause(25);
  }
}
const paidAndBooked = async (input: Parameters<RefundsShop['aPaidOrder']>[0] = {}) => {
  const open = await shop.aPaidOrder(input);
  await bookOf(open);
  return open;
};
const withdraw = async (refundId: string): Promise<void> => {
  const asked = { shopId: our.shop.id, refundId, because: 'taken_back', staffId: '7' } as const;
  expect(await withdrawRefund(our.deps, asked)).toMatchObject({ ok: true });
};
const down = (amount: bigint): bigint => (amount / 1_000n) * 1_000n;

describe('booked', () => {
  test('a shop that does not share has no task, and pays no statement for it', async () => {
    const measured = async (): Promise<number> => {
      const open = await our.anOrder();
      const { id, request } = await our.quoted(open.payment.id);
      expect(await our.lnd.pay(request)).toMatchObject({ ok: true });
      const spied = vi.spyOn(our.db.pool, 'query');
      await our.runStep(lookAtInvoice, { table: 'invoice', id, lane: our.nodeLane(our.node.id) });
      await our.runStep(tellShopify, {
        ...{ table: 'payment', id: open.payment.id, lane: our.shopLane(our.shop.id) },
      });
      const names = spied.mock.calls.map(([asked]) => (asked as { name?: string }).name ?? '');
      spied.mockRestore();
      expect((await our.read(open.payment.id)).state).toBe('resolved');
      expect(names.filter((name) => name.startsWith('share'))).toEqual([]);
      const tasks = await rows('select 1 from share_task where id = $1', [open.payment.id]);
      return names.filter((name) => name !== 'announce').length + 1_000 * tasks.length;
    };
    await rule('anna', { partBp: 1_000 });
    await say({ sharesOn: false });
    // What is asked only once after the start is asked before.
    await measured();
    const without = await measured();
    await say({ sharesOn: true });
    // Its task is a part of the statement that moves the payment.
    expect(await measured()).toBe(without + 1_000);
  });

  test('by percent, by vendor and fixed, once; the books and the history say so', async () => {
    await rule('whole', { partBp: 1_000 });
    await rule('ink', { partBp: 5_000 }, 'ink & co');
    await rule('fixed', { fixedMsat: msat(21_000n) });
    await rule('nobody', { partBp: 2_000 }, 'Nobody');
    const open = await shop.aPaidOrder({
      lines: [
        { title: 'Print', price: '8.00', quantity: 2, vendor: 'Ink & Co' },
        { title: 'Paper', price: '5.00', vendor: 'Paper' },
      ],
    });
    expect(await bookOf(open)).toBe('stored');
    const received = await receivedOf(open);
    expect(await sharesOf(open)).toEqual([
      { address: 'whole', amount: down(received / 10n), state: 'owed' },
      { address: 'ink', amount: down((received * 1_600n) / 2_100n / 2n), state: 'owed' },
      { address: 'fixed', amount: 21_000n, state: 'owed' },
    ]);
    const [standing] = await rows<{ owed: string }>(
      `select sum(amount_msat) as owed from posting where payment_id = $1 and from_account = $2
       and to_account = $3`,
      [open.payment.id, `resolved:${String(our.shop.id)}`, `sharing:${String(our.shop.id)}`],
    );
    const sum = (await sharesOf(open)).reduce((all, { amount }) => all + amount, 0n);
    expect(BigInt(standing?.owed ?? 0)).toBe(sum);
    const lines = await rows(
      `select 1 from history where payment_id = $1 and what = 'share' and because = 'booked'`,
      [open.payment.id],
    );
    expect(lines).toHaveLength(3);
    // Whoever comes again finds it done.
    await bookOf(open);
    expect(await sharesOf(open)).toHaveLength(3);
  });

  test('an order that is not there at one look is looked for again', async () => {
    await rule('hidden', { partBp: 5_000 }, 'ink & co');
    const open = await shop.aPaidOrder({
      lines: [{ title: 'Print', price: '8.00', vendor: 'Ink & Co' }],
    });
    const hidden = our.shopify.faults.add({ kind: 'order-not-by-id', times: 1_000 });
    expect(await bookOf(open)).toMatchObject({ attempt: true, dueInMs: 600_000 });
    expect(await sharesOf(open)).toEqual([]);
    hidden.remove();
    expect(await bookOf(open)).toBe('stored');
    const received = await receivedOf(open);
    expect(await sharesOf(open)).toEqual([
      { address: 'hidden', amount: down(received / 2n), state: 'owed' },
    ]);
  });

  test('of an order that stays away only what asks for no goods is set aside', async () => {
    await rule('goods', { partBp: 5_000 }, 'ink & co');
    await rule('all', { partBp: 1_000 });
    const open = await shop.aPaidOrder();
    const hidden = our.shopify.faults.add({ kind: 'order-not-by-id', times: 1_000 });
    const { id } = open.payment;
    await our.db.pool.query('update share_task set attempts = 2 where id = $1', [id]);
    // Tries may have had no answer at all: it stays away only after its time as well.
    expect(await bookOf(open)).toMatchObject({ attempt: true });
    expect(await bookOf(open, our.later(20 * 60_000))).toBe('stored');
    hidden.remove();
    expect((await sharesOf(open)).map(({ address }) => address)).toEqual(['all']);
  });

  test('by the rules that were in force when Shopify accepted it', async () => {
    await rule('early', { partBp: 1_000 });
    const open = await shop.aPaidOrder();
    await our.db.pool.query(`update share_rule set ended_at = now() where ended_at is null`);
    await rule('later', { partBp: 2_000 });
    await bookOf(open);
    expect((await sharesOf(open)).map(({ address }) => address)).toEqual(['early']);
  });

  test('more than the whole is refused, and an ended rule makes room', async () => {
    await rule('most', { partBp: 9_000 });
    const wanted = {
      ...{ shopId: our.shop.id, name: 'More', address: { name: 'more', domain: host } },
      ...{ vendor: null, amount: { partBp: 1_001 }, by: undefined },
    };
    expect(await addShareRule(our.db, wanted)).toBe('more_than_whole');
    const [made] = await rows<{ id: string }>('select id from share_rule where ended_at is null');
    const ruleId = BigInt(made?.id ?? 0);
    expect(await endShareRule(our.db, { shopId: our.shop.id + 1, ruleId, by: '7' })).toBe(false);
    expect(await endShareRule(our.db, { shopId: our.shop.id, ruleId, by: '7' })).toBe(true);
    expect(await addShareRule(our.db, wanted)).toBeUndefined();
  });

  test('the database refuses shares of more than came', async () => {
    const open = await shop.aPaidOrder();
    await rule('greedy', { partBp: 1 });
    const received = await receivedOf(open);
    await expect(
      our.db.pool.query(
        `insert into share (payment_id, shop_id, rule_id, receiver_id, base_msat, amount_msat,
           captured_minor, refunded_minor)
         select $1, $2, id, receiver_id, $3, $3, 1, 0 from share_rule where ended_at is null`,
        [open.payment.id, our.shop.id, down(received) + 1_000n],
      ),
    ).rejects.toMatchObject({ code: 'ZP005' });
    await bookOf(open);
  });
});

describe('a refund', () => {
  test('takes back of what is not paid out, and gives again when it is withdrawn', async () => {
    await rule('back', { partBp: 5_000 });
    const open = await paidAndBooked();
    const [before] = await sharesOf(open);
    const refund = await shop.aRefund(open.payment.id, '7.00');
    const [during] = await sharesOf(open);
    expect(during?.amount).toBe(down(((before?.amount ?? 0n) * 1_400n) / 2_100n));
    await shop.step(refund.id);
    await withdraw(refund.id);
    expect(await sharesOf(open)).toEqual([before]);
  });

  test('that took more sats than came leaves nothing to grow from: the shop adds it', async () => {
    await rule('dearer', { partBp: 2_000 });
    const open = await paidAndBooked();
    const [before] = await sharesOf(open);
    const third = down((before?.amount ?? 0n) / 3n);
    const accounts = () => shop.accounts(open.payment.id);
    const stood = await accounts();
    // Both are opened before one of them has its price: nothing is left to share.
    const most = await shop.aRefund(open.payment.id, '14.00');
    const rest = await shop.aRefund(open.payment.id, '7.00');
    expect(await sharesOf(open)).toMatchObject([{ amount: 0n }]);
    await shop.step(most.id, shop.costing('half'));
    const without = await accounts();
    expect(without).not.toHaveProperty('resolved');
    await shop.step(rest.id, shop.costing('half'));
    await withdraw(rest.id);
    expect(await sharesOf(open)).toMatchObject([{ amount: third }]);
    const added = { topped_up: (without['topped_up'] ?? 0n) - third };
    expect(await accounts()).toEqual({ ...without, sharing: third, ...added });
    // What it gives back goes first to where it came from.
    const again = await shop.aRefund(open.payment.id, '7.00');
    expect(await accounts()).toEqual(without);
    await withdraw(again.id);
    expect(await accounts()).toMatchObject(added);
    const last = await shop.aRefund(open.payment.id, '7.00');
    await withdraw(most.id);
    await withdraw(last.id);
    expect(await sharesOf(open)).toEqual([before]);
    expect(await accounts()).toEqual(stood);
  });

  test('of all before it was booked leaves nothing to share', async () => {
    await rule('none', { partBp: 10_000 });
    const open = await shop.aPaidOrder();
    await shop.aRefund(open.payment.id, '21.00');
    await bookOf(open);
    expect(await sharesOf(open)).toEqual([]);
  });

  test('of a part before it was booked leaves its part of the rest', async () => {
    await rule('rest', { partBp: 10_000 });
    const open = await shop.aPaidOrder();
    const refund = await shop.aRefund(open.payment.id, '10.50');
    await shop.step(refund.id);
    await bookOf(open);
    const [share] = await sharesOf(open);
    expect(share?.amount).toBe(down((await receivedOf(open)) / 2n));
  });
});

describe('paid out', () => {
  test('many shares by one payment, with proof; nothing below the least', async () => {
    await rule('anna', { partBp: 1_000 });
    const opens = [await paidAndBooked(), await paidAndBooked()];
    const owed = (await Promise.all(opens.map(sharesOf))).flat();
    const together = owed.reduce((all, { amount }) => all + amount, 0n);
    await say({ leastMsat: together + 1_000n });
    await payOut('anna');
    expect(await batchesOf('anna')).toEqual([]);
    await say({ leastMsat: together, paused: true });
    await payOut('anna');
    expect(await batchesOf('anna')).toEqual([]);
    await say({ leastMsat: together });
    await payOut('anna');
    const [batch] = await batchesOf('anna');
    expect(batch).toMatchObject({ state: 'given', amount_msat: String(together) });
    // Once more before the signer has said a word: it is not asked for again.
    await payOut('anna');
    sign();
    expect(await untilEnded(batch?.id ?? '')).toBe('paid');
    await payOut('anna');
    expect(await batchesOf('anna')).toMatchObject([{ state: 'paid' }]);
    expect(artist.paid().filter((hash) => hash === batch?.hash)).toHaveLength(1);
    for (const open of opens) expect(await sharesOf(open)).toMatchObject([{ state: 'paid' }]);
    const [books] = await rows<{ owed: string; fees: string; sent: string; payout: string }>(
      `select
         (select sum(case when to_account like 'sharing:%' then amount_msat
            else -amount_msat end) from posting where payment_id = any($1)
            and 'sharing:' || $2 in (to_account, from_account)) as owed,
         (select sum(amount_msat) from posting where journal = 'share_batch:' || $3) as fees,
         (select sum(amount_msat) from posting where payment_id = any($1)
            and to_account = 'shared:' || $2) as sent,
         (select amount_msat + fee_msat from payout where subject = 'share:' || $3) as payout`,
      [opens.map(({ payment }) => payment.id), String(our.shop.id), batch?.id],
    );
    expect(books?.owed).toBe('0');
    expect(BigInt(books?.fees ?? 0)).toBeGreaterThan(0n);
    expect(books?.sent).toBe(books?.payout);
    // A refund takes nothing back from whoever has it.
    await shop.aRefund((opens[0] as Open).payment.id, '21.00');
    expect(await sharesOf(opens[0] as Open)).toMatchObject([owed[0] && { amount: owed[0].amount }]);
  });

  test.for([
    ['nobody', 'address_refuses'],
    ['small', 'address_limits'],
    ['inside', 'address_silent'],
    ['moved', 'address_silent'],
    ['page', 'address_silent'],
    ['other_amount', 'address_differs'],
    ['any_amount', 'address_differs'],
    ['other_hash', 'address_differs'],
    ['other_network', 'address_differs'],
    ['old', 'request_expired'],
    ['garbage', 'address_differs'],
  ] as const)('the server of %s is believed nothing: %s', async ([name, word]) => {
    await rule(name, { fixedMsat: msat(30_000n) });
    const open = await paidAndBooked();
    expect(await payOut(name)).toBe('stored');
    const receiver = await receiverOf(name);
    expect(receiver.word).toBe(word);
    expect((receiver.due_at?.getTime() ?? 0) > Date.now()).toBe(true);
    expect(await batchesOf(name)).toEqual([]);
    expect((await sharesOf(open)).map(({ state }) => state)).toEqual(['owed']);
  });

  test('what the node cannot send is owed again, less what was refunded meanwhile', async () => {
    await rule('hashless', { partBp: 5_000 });
    const open = await paidAndBooked();
    const [before] = await sharesOf(open);
    await payOut('hashless');
    const [batch] = await batchesOf('hashless');
    const refund = await shop.aRefund(open.payment.id, '10.50');
    // It is on its way, as far as anybody knows.
    expect(await sharesOf(open)).toEqual([{ ...before, state: 'batched' }]);
    // Somebody paid it, and its wallet takes it no second time.
    await artist.receive({ hash: batch?.hash ?? '', amountMsat: before?.amount ?? 0n });
    sign();
    expect(await untilEnded(batch?.id ?? '')).toBe('failed');
    await payOut('hashless');
    expect(await batchesOf('hashless')).toMatchObject([{ state: 'failed', because: 'rejected' }]);
    expect(await sharesOf(open)).toEqual([
      { ...before, amount: down((before?.amount ?? 0n) / 2n), state: 'owed' },
    ]);
    await withdraw(refund.id);
    expect(await sharesOf(open)).toEqual([before]);
    await payOut('hashless');
    const [, again] = await batchesOf('hashless');
    expect(await untilEnded(again?.id ?? '')).toBe('paid');
    await payOut('hashless');
    expect(await sharesOf(open)).toMatchObject([{ state: 'paid' }]);
  });

  test('what nobody could pay is paid out once somebody can, though nothing is sold', async () => {
    await rule('celia', { partBp: 1_000 });
    await paidAndBooked();
    const { id: shopId } = our.shop;
    await pausePurse(our.db, { shopId, paused: true });
    await payOut('celia');
    expect(await batchesOf('celia')).toEqual([]);
    // Whatever makes it payable and says nothing is found by looking, some hours later.
    expect((await receiverOf('celia')).due_at?.getTime()).toBeGreaterThan(Date.now());
    await pausePurse(our.db, { shopId, paused: false });
    await tryWaitingAgain(our.db, shopId);
    expect((await receiverOf('celia')).due_at?.getTime()).toBeLessThan(Date.now() + 60_000);
    await payOut('celia');
    expect(await batchesOf('celia')).toMatchObject([{ state: 'given' }]);
    sign();
    expect(await untilEnded((await batchesOf('celia'))[0]?.id ?? '')).toBe('paid');
    await payOut('celia');
    await payOut('celia');
    expect((await receiverOf('celia')).due_at).toBeNull();
  });

  test('what came to a node that does not pay waits, and its page says why', async () => {
    await rule('dora', { partBp: 1_000 });
    await paidAndBooked();
    const wordOf = async (): Promise<string | null | undefined> =>
      (await shareReceiversOf(our.db, our.shop.id)).find(({ name }) => name === 'The dora')?.word;
    expect(await wordOf()).toBeNull();
    await our.db.pool.query('update purse set identity = $1', [`02${'7'.repeat(64)}`]);
    await payOut('dora');
    expect(await batchesOf('dora')).toEqual([]);
    expect(await wordOf()).toBe('original_elsewhere');
    await fillPurse();
    await payOut('dora');
    expect(await wordOf()).toBeNull();
    sign();
    expect(await untilEnded((await batchesOf('dora'))[0]?.id ?? '')).toBe('paid');
    await payOut('dora');
    await payOut('dora');
  });

  test('a batch above a ceiling waits with its word, and is paid when there is room', async () => {
    await rule('bella', { partBp: 1_000 });
    const open = await paidAndBooked();
    const [share] = await sharesOf(open);
    await fillPurse({ perPaymentMsat: (share?.amount ?? 0n) - 1n });
    await payOut('bella');
    const [batch] = await batchesOf('bella');
    sign();
    const wordOf = async (): Promise<string | undefined> => {
      const [row] = await rows<{ word: string }>(
        `select w.word from payout_wait w join share_batch b on b.claim_id = w.claim_id
         where b.id = $1`,
        [batch?.id],
      );
      return row?.word;
    };
    const untilWord = async (word: string): Promise<void> => {
      for (const end = Date.now() + 120_000; (await wordOf()) !== word;) {
        if (Date.now() > end) throw new Error(`waited in vain: ${(await wordOf()) ?? 'nothing'}`);
        await pause(25);
      }
    };
    await untilWord('above_per_payment');
    await signer?.stop(5_000);
    await fillPurse();
    await our.db.pool.query(`update payout_wait set due_at = now()`);
    sign();
    expect(await untilEnded(batch?.id ?? '')).toBe('paid');
    await payOut('bella');
  });
});

test('what nobody took is tried in smaller parts, and one too large stops no other', async () => {
  await our.db.pool.query(`update share_rule set ended_at = now() where ended_at is null`);
  await rule('carla', { partBp: 1_000 });
  const input = { total: '84.00' };
  const opens = [await paidAndBooked(input)];
  for (let n = 0; n < 4; n += 1) opens.push(await paidAndBooked());
  const amounts = await Promise.all(opens.map(async (open) => (await sharesOf(open))[0]?.amount));
  const [large = 0n, small = 0n] = amounts;
  expect(large).toBeGreaterThan(3n * small);
  const [receiver] = await rows<{ id: string }>(
    `select id from share_receiver where address like 'carla@%'`,
  );
  const id = BigInt(receiver?.id ?? 0);
  const parts = async (attempts: number, limits: Partial<Limits> = {}) => {
    await fillPurse(limits);
    const wait = 'update share_receiver set attempts = $2 where id = $1';
    await our.db.pool.query(wait, [id, attempts]);
    return (await sharesToPayOut(our.db, id))?.amountMsat;
  };
  const all = amounts.reduce<bigint>((sum, each) => sum + (each ?? 0n), 0n);
  expect(await parts(0)).toBe(all);
  expect(await parts(2)).toBe(all);
  // The largest comes first and is half of it all; then it is tried alone.
  expect(await parts(3)).toBe(large);
  expect(await parts(9)).toBe(large);
  expect(await parts(0, { perPaymentMsat: large - 1n })).toBe(all - large);
  expect(await parts(3, { perPaymentMsat: large - 1n })).toBe(2n * small);
  expect(await parts(0, { perDayMsat: large + small })).toBe(large + small);
  expect(await parts(0, { perPaymentMsat: small - 1n })).toBe(large);
});

test('the file of shares is the same when it is written again, byte for byte', async () => {
  for (const format of ['csv', 'jsonl'] as const) {
    const text = await fileOf(our, 'shares', format);
    expect(text.split('\n').length).toBeGreaterThan(10);
    expect(await fileOf(our, 'shares', format)).toBe(text);
  }
});
