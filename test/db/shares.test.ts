// Shares in real PostgreSQL: booked once whoever comes at once, given to the signer as they are,
// and never given up while somebody may pay them.
import { randomBytes } from 'node:crypto';
import { beforeEach, expect, test } from 'vitest';
import { accountOf } from '../../web/core/ledger.ts';
import { minor, msat } from '../../web/core/money.ts';
import type { ShareRule } from '../../web/core/share.ts';
import { audit } from '../../web/db/audit.ts';
import type { Database } from '../../web/db/database.ts';
import { movePayment } from '../../web/db/payments.ts';
import { claimWaits } from '../../web/db/payouts.ts';
import {
  batchIsOver,
  openBatches,
  refuseBatch,
  sharesToPayOut,
  storeBatch,
} from '../../web/db/share-batches.ts';
import { addShareRule, bookShares, paymentToShare, storeShareTerms } from '../../web/db/shares.ts';
import { aNode, aSettledPayment, aShop } from '../builders.ts';
import { databaseOfFile } from '../database-of-file.ts';

let db: Database;
let shopId: number;
let nodeId: number;
databaseOfFile((made) => (db = made), { connections: 20 });
beforeEach(async () => {
  shopId = (await aShop(db)).id;
  nodeId = await aNode(db, { shopId });
  const terms = { shopId, sharesOn: true, paused: false, leastMsat: msat(1_000n) };
  await storeShareTerms(db, terms);
  const address = { name: 'anna', domain: 'wallet.example.com' };
  const rule = { name: 'Anna', address, vendor: null, amount: { partBp: 1_000 }, by: '7' };
  expect(await addShareRule(db, { shopId, ...rule })).toBeUndefined();
});

const ofIt = msat(1_230_000n);

/** Shopify has accepted it, and its shares are due. */
async function accepted(): Promise<{ paymentId: string; rules: ShareRule[] }> {
  const { payment, invoice } = await aSettledPayment(db, { shopId, nodeId });
  const [from, to] = [accountOf('awaiting', shopId), accountOf('resolved', shopId)];
  await movePayment(db.pool, {
    ...{ paymentId: payment.id, move: { from: 'settled', to: 'resolved' } },
    ...{ because: 'told_shopify', journal: `verdict:${payment.id}` },
    postings: [{ from, to, amountMsat: invoice.amountMsat }],
    toldMinor: minor(1_230n),
  });
  const { rules = [] } = (await paymentToShare(db, payment.id)) ?? {};
  return { paymentId: payment.id, rules };
}
const book = ({ paymentId, rules }: Awaited<ReturnType<typeof accepted>>): Promise<boolean> =>
  bookShares(db, { paymentId, shopId, leaseNo: 0 }, () =>
    rules.map(({ id: ruleId, receiverId }) => ({ ruleId, receiverId, amountMsat: ofIt })),
  );
async function booked() {
  const one = await accepted();
  expect(await book(one)).toBe(true);
  const share = await db.prisma.share.findFirstOrThrow({ where: { paymentId: one.paymentId } });
  return { ...one, share };
}
const refunded = (paymentId: string, amountMinor: bigint): Promise<unknown> =>
  db.pool.query(
    `insert into refund (id, link, shop_id, payment_id, origin, origin_id, currency, amount_minor,
       pricing, source, state, reason, lane)
     values (gen_random_uuid(), $1, $2, $3, 'admin', $1, 'EUR', $4, 'sats_paid', 'resolved',
       'asked', 'opened', $5)`,
    [
      ...[randomBytes(11).toString('hex'), shopId, paymentId],
      amountMinor,
      `shop:${String(shopId)}`,
    ],
  );
const batchOf = (share: { id: bigint; receiverId: bigint }, expiresInMs = 3_600_000) => {
  const hash = randomBytes(32).toString('hex');
  return {
    ...{ receiverId: share.receiverId, leaseNo: 0, shopId, shareIds: [String(share.id)] },
    ...{ amountMsat: ofIt, request: `lnbcrt1${hash}`, hash, lookInMs: 60_000 },
    expiresAt: new Date(Date.now() + expiresInMs),
  };
};

test('of ten who book the shares of a payment one does, once', async () => {
  const one = await accepted();
  const done = await Promise.all(Array.from({ length: 10 }, () => book(one)));
  expect(done.filter(Boolean)).toHaveLength(1);
  const { paymentId } = one;
  expect(await db.prisma.share.count({ where: { paymentId } })).toBe(1);
  expect(await book(one)).toBe(false);
  expect(await audit(db)).toEqual([]);
});

test('the database refuses shares of more than came', async () => {
  const one = await accepted();
  const { paymentId, rules } = one;
  const tooMuch = bookShares(db, { paymentId, shopId, leaseNo: 0 }, () =>
    rules.map(({ id: ruleId, receiverId }) => {
      return { ruleId, receiverId, amountMsat: msat(12_301_000n) };
    }),
  );
  await expect(tooMuch).rejects.toMatchObject({ code: 'ZP005' });
  expect(await book(one)).toBe(true);
});

test('of ten invoices for the same shares one is given to the signer', async () => {
  const { share } = await booked();
  const stored = await Promise.all(
    Array.from({ length: 10 }, () => storeBatch(db, batchOf(share))),
  );
  expect(stored.filter((each) => each === 'stored')).toHaveLength(1);
  expect(stored.filter((each) => each === 'moved')).toHaveLength(9);
});

test('an invoice over what a refund has made less is not given to the signer', async () => {
  const { paymentId, share } = await booked();
  await refunded(paymentId, 615n);
  expect(await storeBatch(db, batchOf(share))).toBe('moved');
  const half = { ...batchOf(share), amountMsat: msat(615_000n) };
  expect(await storeBatch(db, half)).toBe('stored');
});

test('an invoice is given once, for ever: its hash is known', async () => {
  const [one, two] = [await booked(), await booked()];
  const batch = batchOf(one.share, -360_000);
  expect(await storeBatch(db, batch)).toBe('stored');
  expect(await isOver(one.share.receiverId)).toBe('request_expired');
  expect(await storeBatch(db, { ...batch, shareIds: [String(two.share.id)] })).toBe('used_before');
});

/** The signer has set it aside, in whichever transaction this is asked. */
const reserve = (
  on: { query: (text: string, values: unknown[]) => Promise<unknown> },
  hash: string,
) =>
  on.query(
    `insert into payout (claim_id, subject, shop_id, request, hash, amount_msat, fee_limit_msat,
       expires_at, because, due_at)
     select claim_id, 'share:' || id, shop_id, request, hash, amount_msat, 1000, expires_at,
       'reserved', now() from share_batch where hash = decode($1, 'hex')`,
    [hash],
  );
const isOver = (receiverId: bigint): Promise<string | undefined> =>
  batchIsOver(db, { receiverId, leaseNo: 0, againMs: 1_000 });

test.each([
  [-360_000, 'request_expired', 'owed'],
  [-240_000, undefined, 'batched'],
])('given up when it ran out long ago and nobody began: %i ms', async (ms, word, state) => {
  const { share } = await booked();
  expect(await storeBatch(db, batchOf(share, ms))).toBe('stored');
  expect(await isOver(share.receiverId)).toBe(word);
  expect(await db.prisma.share.findUnique({ where: { id: share.id } })).toMatchObject({ state });
});

test('a batch that was given up is owed again, less what was refunded meanwhile', async () => {
  const { paymentId, share } = await booked();
  expect(await storeBatch(db, batchOf(share, -360_000))).toBe('stored');
  await refunded(paymentId, 615n);
  expect(await isOver(share.receiverId)).toBe('request_expired');
  expect(await db.prisma.share.findUnique({ where: { id: share.id } })).toMatchObject({
    ...{ state: 'owed', amountMsat: 615_000n },
  });
  expect((await audit(db)).filter(({ says }) => says.includes('share'))).toEqual([]);
});

test('one that the signer cannot prove keeps no other from its receiver, for a week', async () => {
  const [doubted, good] = [await booked(), await booked()];
  const { receiverId } = doubted.share;
  const purse = {
    ...{ shopId, sealedCredential: Buffer.from('x'), address: 'x:1', identity: '02ab' },
    ...{ network: 'regtest', rootKeyId: '7', looksAtOriginal: false, topUpPpm: 0 },
    ...{ perPaymentMsat: 100_000_000n, perOrderMsat: 100_000_000n, perDayMsat: 100_000_000n },
    ...{ feeBaseMsat: 1_000n, feePpm: 5_000 },
  };
  await db.prisma.purse.create({ data: purse });
  const nextOf = async () => (await sharesToPayOut(db, receiverId))?.shareIds;
  const [bad, fine] = [String(doubted.share.id), String(good.share.id)];
  expect(await nextOf()).toEqual([bad, fine]);
  const both = { ...batchOf(doubted.share, -360_000), shareIds: [bad, fine] };
  expect(await storeBatch(db, { ...both, amountMsat: msat(2n * ofIt) })).toBe('stored');
  const { claimId } = await db.prisma.shareBatch.findFirstOrThrow({ where: { receiverId } });
  const times = { dueInMs: -1_000, atMostMs: -1_000 };
  const wait = { word: 'original_unknown', paymentIds: [doubted.paymentId], ...times };
  const claim = { id: claimId, shopId };
  await claimWaits(db, { claim, ...wait });
  // Then its node is away for a while, and its invoice runs out.
  await claimWaits(db, { claim, word: 'node_down', ...times });
  await claimWaits(db, { claim, word: 'original_unknown', ...times });
  const [batch] = await openBatches(db, 10);
  if (batch === undefined) throw new Error('no batch is open');
  await refuseBatch(db, { batch, because: 'request_expired' });
  expect(await isOver(receiverId)).toBe('original_unknown');
  expect(await nextOf()).toEqual([fine]);
  await db.pool.query(`update share set doubted_at = now() - interval '9 days' where id = $1`, [
    bad,
  ]);
  expect(await nextOf()).toEqual([bad, fine]);
});

test('what the signer has begun to pay is not given up, though it ran out', async () => {
  const { share } = await booked();
  const old = batchOf(share, -360_000);
  expect(await storeBatch(db, old)).toBe('stored');
  await reserve(db.pool, old.hash);
  expect(await isOver(share.receiverId)).toBeUndefined();
  expect(await db.prisma.share.findUnique({ where: { id: share.id } })).toMatchObject({
    state: 'batched',
  });
});

test('who gives it up waits for a signer that is about to begin', async () => {
  const { share } = await booked();
  const old = batchOf(share, -360_000);
  expect(await storeBatch(db, old)).toBe('stored');
  const signer = await db.pool.connect();
  let over: Promise<string | undefined>;
  try {
    // As `payout_reserve_share` does it.
    await signer.query('begin');
    const { hash } = old;
    const lock = `select id from share_batch where hash = decode($1, 'hex') for share`;
    await signer.query(lock, [hash]);
    over = isOver(share.receiverId);
    await waits();
    await reserve(signer, hash);
    await signer.query('commit');
  } finally {
    signer.release();
  }
  expect(await over).toBeUndefined();
});

/** Somebody waits for a lock of somebody else. */
async function waits(): Promise<void> {
  for (const end = Date.now() + 30_000; ;) {
    const { rows } = await db.pool.query(
      `select 1 from pg_stat_activity where datname = current_database()
       and wait_event_type = 'Lock'`,
    );
    if (rows.length > 0) return;
    if (Date.now() > end) throw new Error('nobody waits');
  }
}
