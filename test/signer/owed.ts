// A shop whose node pays back what it owes: alice receives and pays, bob is the buyers' wallet.
// Refunds are rows as the receiving side writes them, and claims are given as it gives them.
import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { startLnd, type LndSimulator } from '../../sandbox/lnd/index.ts';
import { msat } from '../../web/core/money.ts';
import type { Database } from '../../web/db/database.ts';
import { recordSettlements } from '../../web/db/invoices.ts';
import { payoutOfClaim, waitsOfClaims, type PayoutRow } from '../../web/db/payouts.ts';
import type { PaymentRow } from '../../web/db/payments.ts';
import { storePurse } from '../../web/db/purses.ts';
import { storeClaim } from '../../web/db/refunds.ts';
import { parseRequest } from '../../web/lightning/bolt11.ts';
import { sealPurse, usualLimits, type Limits, type Purse } from '../../web/signer/purse.ts';
import { openVault } from '../../web/vault/seal.ts';
import { aNode, anInvoice, aPayment, aSettle, aShop, type MadeInvoice } from '../builders.ts';

export type Owed = { refundId: string; claimId: bigint; hash: string; request: string };
export type Desk = Awaited<ReturnType<typeof openDesk>>;

/** `forms`: `1:<base64>`, as the environment has it. */
export const signerKey = randomBytes(32);
export const signerKeys = `1:${signerKey.toString('base64')}`;
export const signersVault = openVault([{ version: 1, key: new Uint8Array(signerKey) }]);

export async function openDesk(db: Database) {
  const alice = await startLnd({ alias: 'alice' });
  const bob = await startLnd({ alias: 'bob' });
  alice.reaches(bob);
  const shop = await aShop(db);
  const nodeId = await aNode(db, { shopId: shop.id, identity: alice.publicKey });
  const desk = {
    ...{ db, alice, bob, shop, nodeId },
    ...pursesOf({ db, alice, shopId: shop.id }),
    ...claimsOf({ db, alice, bob, shopId: shop.id, nodeId }),
    close: async () => {
      await alice.stop();
      await bob.stop();
    },
  };
  await desk.fill();
  return desk;
}

function pursesOf({ db, alice, shopId }: { db: Database; alice: LndSimulator; shopId: number }) {
  return {
    /** A purse on alice, with these ceilings. */
    fill: async (
      limits: Partial<Limits> = {},
      more: Partial<Omit<Purse, 'shopId' | 'network' | 'limits'>> = {},
    ): Promise<void> => {
      const purse = {
        ...{ shopId, address: alice.socket, certificatePem: alice.certPem },
        ...{ macaroonHex: alice.macaroon('pay').toString('hex'), network: 'regtest' },
        ...{ identity: alice.publicKey, looksAtOriginal: true },
        ...more,
        limits: { ...usualLimits, ...limits },
      };
      const about = { rootKeyId: '71', credentialEndsAt: null };
      await storePurse(db, sealPurse(signersVault, purse, about));
    },
  };
}

type Place = {
  db: Database;
  alice: LndSimulator;
  bob: LndSimulator;
  shopId: number;
  nodeId: number;
};

/** What became of a claim, and where it waits. */
export type Became = { payout: PayoutRow | null; word: string | null };

/** What is owed, and what a buyer asks for it. */
function rowsOf({ db, bob }: Place) {
  /** Owed to the buyer, and to be claimed. */
  const aRefund = async (
    payment: PaymentRow,
    amountMsat: bigint,
    more: { test?: boolean } = {},
  ) => {
    const { shopId } = payment;
    const { rows } = await db.pool.query<{ id: string }>(
      `insert into refund (id, link, shop_id, payment_id, origin, origin_id, currency, amount_minor,
         amount_msat, pricing, source, state, reason, claim_ends_at, lane, test)
       values (gen_random_uuid(), $1, $2, $3, 'attention', $1, 'EUR', 0, $4, 'sats_paid',
         'overpaid', 'claimable', 'priced', now() + interval '30 days', $5, $6) returning id`,
      [
        ...[randomBytes(11).toString('hex'), shopId, payment.id, amountMsat],
        ...[`shop:${String(shopId)}:admin`, more.test ?? false],
      ],
    );
    return rows[0]?.id ?? '';
  };
  /** The buyer's request, from bob's wallet. */
  const aRequest = (
    amountMsat: bigint,
    more: { expirySeconds?: number; held?: boolean; secret?: string } = {},
  ): { request: string; hash: string; secret: string } => {
    const secret = more.secret ?? randomBytes(32).toString('hex');
    const hash = createHash('sha256').update(Buffer.from(secret, 'hex')).digest('hex');
    const { request } = bob.invoices.add({
      ...(more.held === true ? { kind: 'hold', hash } : { secret }),
      ...{ amountMsat, memo: 'refund', expirySeconds: more.expirySeconds ?? 3_600 },
    });
    return { request, hash, secret };
  };
  return { aRefund, aRequest };
}

/** Looks until it is so, or can be so no more. */
const untilOf =
  (became: (claimId: bigint) => Promise<Became>) =>
  async (claimId: bigint, what: string, isSo: (of: Became) => boolean): Promise<Became> => {
    for (const end = Date.now() + 40_000; ;) {
      const seen = await became(claimId);
      if (isSo(seen)) return seen;
      if (Date.now() > end || (seen.payout?.endedAt ?? null) !== null) {
        const { state, because } = seen.payout ?? { state: 'none', because: '' };
        throw new Error(`waited in vain for ${what}: ${state} ${because} ${String(seen.word)}`);
      }
      await pause(25);
    }
  };

/** `days`: so long its request lives. */
type Sent = { amountMsat: bigint; sentAt?: Date; mark?: string; days?: number };

/**
 * All of it, and as a process left it that died just after it wrote down that it asks that node to
 * pay: nobody has.
 */
const sentByOf =
  (db: Place['db'], owe: (amountMsat: bigint) => Promise<Owed & { secret: string }>) =>
  async (sentTo: string, given: Sent) => {
    const { amountMsat, sentAt = new Date(), mark, days = 1 } = given;
    const owed = await owe(amountMsat);
    const { rows } = await db.pool.query<{ id: string }>(
      `insert into payout (claim_id, subject, shop_id, payment_id, request, hash, amount_msat,
         fee_limit_msat, expires_at, state, because, attempts, sent_at, sent_to, mark, due_at)
       select $1, 'refund:' || r.id, r.shop_id, r.payment_id, $2, decode($3, 'hex'),
         r.amount_msat, 5000, now() + $8 * interval '1 day', 'sent', 'sent', 1, $4, $5,
         decode($7, 'hex'), now()
       from refund r where r.id = $6 returning id::text`,
      [owed.claimId, owed.request, owed.hash, sentAt, sentTo, owed.refundId, mark, days],
    );
    return { ...owed, payoutId: BigInt(rows[0]?.id ?? 0) };
  };

type Paid = {
  amountMsat?: bigint;
  forged?: boolean;
  originId?: string;
  /** The same shop in another app of ours. */
  shopId?: number;
  /** Less came than the rows say. */
  atNodeMsat?: bigint;
};

/** All of it, and what became of it: set aside so long ago, and paid later, or on its way still. */
const setAsideOf =
  (db: Place['db'], owe: (amountMsat: bigint) => Promise<Owed & { secret: string }>) =>
  async (amountMsat: bigint, when: { ago: string; paidAgo?: string }): Promise<void> => {
    const { refundId, claimId, request, hash, secret } = await owe(amountMsat);
    await db.pool.query(
      `insert into payout (claim_id, subject, shop_id, payment_id, request, hash, amount_msat,
         fee_limit_msat, expires_at, because, reserved_at, sent_at, sent_to, state, due_at,
         preimage, fee_msat, ended_at)
       select $1, 'refund:' || r.id, r.shop_id, r.payment_id, $2, decode($3, 'hex'),
         r.amount_msat, 1000, now(), 'sent', now() - $4::interval, now() - $4::interval, '02ab',
         e.*
       from refund r cross join lateral (
         select 'paid', null::timestamptz, decode($6, 'hex'), 1000, now() - $7::interval
         where $7::text is not null
         union all
         select 'sent', now() + interval '1 hour', null, null, null where $7::text is null) e
       where r.id = $5`,
      [claimId, request, hash, when.ago, refundId, secret, when.paidAgo],
    );
  };

/** A buyer gives a request for what is owed to him. */
const claimOf =
  (db: Place['db']) =>
  async (refundId: string, request: string): Promise<Owed> => {
    const read = parseRequest(request);
    const { rows } = await db.pool.query<{ amount_msat: string }>(
      'select amount_msat from refund where id = $1',
      [refundId],
    );
    const hash = read?.hash ?? randomBytes(32).toString('hex');
    const stored = await storeClaim(db, {
      ...{ refundId, request, hash, kind: 'invoice', sealedAddress: null, lookInMs: 60_000 },
      amountMsat: msat(BigInt(rows[0]?.amount_msat ?? 0)),
      expiresAt: read?.expiresAt ?? new Date(Date.now() + 3_600_000),
    });
    if (stored !== 'stored') throw new Error(`the claim was not taken: ${stored}`);
    const given = await db.pool.query<{ id: string }>(
      'select id from refund_claim where refund_id = $1 order by id desc limit 1',
      [refundId],
    );
    return { refundId, request, hash, claimId: BigInt(given.rows[0]?.id ?? 0) };
  };

function claimsOf(place: Place) {
  const { db, alice, bob, nodeId } = place;
  const { aRefund, aRequest } = rowsOf(place);
  /** Its money came, as the database says; and as the node says, unless it is forged. */
  const aPaidPayment = async (given: Paid = {}): Promise<PaymentRow> => {
    const { amountMsat = 100_000_000n, forged = false, originId } = given;
    const { shopId = place.shopId } = given;
    const payment = await aPayment(db, { shopId, ...(originId === undefined ? {} : { originId }) });
    const invoice = await anInvoice(db, { payment, nodeId, amountMsat });
    const atNodeMsat = msat(given.atNodeMsat ?? amountMsat);
    if (!forged) await settleAtNode(alice, { ...invoice, amountMsat: atNodeMsat });
    await recordSettlements(db.pool, {
      nodeId,
      observations: [aSettle(invoice)],
      recorder: { via: 'lookup' },
    });
    return payment;
  };
  const claim = claimOf(db);
  const became = async (claimId: bigint): Promise<Became> => ({
    payout: await payoutOfClaim(db, claimId),
    word: (await waitsOfClaims(db, [claimId]))[0]?.word ?? null,
  });
  /** All of it: paid once, owed back, claimed. */
  const owe = async (amountMsat: bigint, more: Parameters<typeof aRequest>[1] = {}) => {
    const asked = aRequest(amountMsat, more);
    const refundId = await aRefund(await aPaidPayment(), amountMsat);
    return { ...(await claim(refundId, asked.request)), secret: asked.secret };
  };
  return {
    ...{ aPaidPayment, aRefund, aRequest, claim, became },
    owe,
    sentBy: sentByOf(db, owe),
    setAside: setAsideOf(db, owe),
    until: untilOf(became),
    /** What the wallet has taken for it, in msat; and how often alice has sent it off. */
    taken: (hash: string): { msat: bigint; tries: number } => {
      const invoice = bob.invoices.get(hash);
      const sent = alice.payments.all().find((each) => each.hash === hash);
      return {
        msat: invoice?.state === 'SETTLED' ? invoice.receivedMsat : 0n,
        tries: sent?.tries ?? 0,
      };
    },
  };
}

async function settleAtNode(alice: LndSimulator, invoice: MadeInvoice): Promise<void> {
  const { preimage: secret, amountMsat } = invoice;
  const { request } = alice.invoices.add({ secret, amountMsat, memo: 'order' });
  const paid = await alice.pay(request);
  if (!paid.ok) throw new Error(paid.why);
}

export const isPaid = ({ payout }: Became): boolean => payout?.state === 'paid';
export const hasFailed = ({ payout }: Became): boolean => payout?.state === 'failed';
export const waitsFor =
  (word: string) =>
  (of: Became): boolean =>
    of.word === word || (of.payout?.because === word && of.payout.endedAt === null);
