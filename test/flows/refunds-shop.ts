// A shop with a node, orders that were paid and told, and the hands of those who give money back:
// what the tests of refunds share. The signer is played by what it writes into its tables.
import { createHash, randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import { signingKeyOf, signRequest, type RequestTerms } from '../../sandbox/lnd/bolt11.ts';
import { refundById, type RefundRow } from '../../web/db/refunds.ts';
import { sight } from '../../web/db/sightings.ts';
import { claimRefund } from '../../web/flows/claim-refund.ts';
import { everyPayment } from '../../web/db/views/payments.ts';
import { exportBooks, type Books, type ExportKind } from '../../web/flows/export-books.ts';
import type { ExportFormat } from '../../web/flows/export-file.ts';
import type { Deps, StepEnd } from '../../web/flows/flow.ts';
import { lookAtInvoice } from '../../web/flows/look-at-invoice.ts';
import { lookAtOrder } from '../../web/flows/look-at-order.ts';
import { openRefund, type RefundOpened } from '../../web/flows/open-refund.ts';
import { tellShopify } from '../../web/flows/tell-shopify.ts';
import { stepOf } from '../../web/worker/steps.ts';
import { startInProcess, type InProcess, type Open } from '../in-process.ts';

export type RefundsShop = Awaited<ReturnType<typeof startRefunds>>;

export async function startRefunds(given: Parameters<typeof startInProcess>[0] = {}) {
  const our: InProcess = await startInProcess(given);
  const lane = our.shopLane(our.shop.id);

  const say = async (chosen: string): Promise<void> => {
    await our.db.pool.query(
      `insert into settings (shop_id) values ($1) on conflict (shop_id) do nothing`,
      [our.shop.id],
    );
    await our.db.pool.query(`update settings set ${chosen} where shop_id = $1`, [our.shop.id]);
  };
  /** An order of 21.00 EUR, or another, whose buyer paid and that Shopify has as paid. */
  const aPaidOrder = async (input: Parameters<InProcess['anOrder']>[0] = {}): Promise<Open> => {
    const open = await our.anOrder(input);
    const { id, request } = await our.quoted(open.payment.id);
    expect(await our.lnd.pay(request)).toMatchObject({ ok: true });
    await our.runStep(lookAtInvoice, { table: 'invoice', id, lane: our.nodeLane(our.node.id) });
    await our.runStep(tellShopify, { table: 'payment', id: open.payment.id, lane });
    expect((await our.read(open.payment.id)).state).toBe('resolved');
    return open;
  };
  const read = async (id: string): Promise<RefundRow> => {
    const row = await refundById(our.db.pool, id);
    if (row === null) throw new Error('the refund is gone');
    return row;
  };
  /** The step that is its turn, as the pool runs it. */
  const step = async (id: string, on?: Deps): Promise<StepEnd> => {
    const { state } = await read(id);
    const work = stepOf({ table: 'refund', state });
    if (work === null) throw new Error(`nothing is to be done in ${state}`);
    return our.runStep(work, { table: 'refund', id, lane }, on);
  };
  /** Somebody says that the order changed, and it is looked at. */
  const lookAtOrderOf = async ({ payment }: Open): Promise<StepEnd> => {
    const seen = { shopId: our.shop.id, originId: payment.originId };
    await sight(our.db.pool, { ...seen, because: 'refunds/create' });
    const { id } = await our.db.prisma.sighting.findFirstOrThrow({ where: seen });
    return our.runStep(lookAtOrder, { table: 'sighting', id, lane });
  };
  const refundsOf = (paymentId: string) =>
    our.db.prisma.refund.findMany({ where: { paymentId }, orderBy: { openedAt: 'asc' } });
  /** A BOLT11 of somebody's own node, on the network of the shop's. */
  const wallet = aWallet();
  const claims = (refund: RefundRow, request: string) =>
    claimRefund(our.deps, { link: refund.link, request, kind: 'invoice' });
  /** Its buyer claims it with a BOLT11 that fits. Gives the secret of it. */
  const aClaim = async (refund: RefundRow, expirySeconds = 3_600): Promise<Uint8Array> => {
    const { amountMsat } = await read(refund.id);
    const { request, preimage } = wallet.invoice(amountMsat ?? 0n, { expirySeconds });
    expect(await claims(refund, request)).toEqual({ ok: true });
    return preimage;
  };
  return {
    ...{ our, lane, say, aPaidOrder, read, step, lookAtOrderOf, refundsOf },
    ...{ ...staffOf(our), accounts: accountsOf(our), wallet, claims, aClaim },
    ...{ signer: signerOf(our), costing: costingOf(our), ledger: ledgerOf(our) },
    close: () => our.close(),
  };
}

/** What each account of the shop holds of one payment, in msat; empty ones are left out. */
const accountsOf =
  (our: InProcess) =>
  async (paymentId: string): Promise<Record<string, bigint>> => {
    const postings = await our.db.prisma.posting.findMany({ where: { paymentId } });
    const held: Record<string, bigint> = {};
    for (const { fromAccount, toAccount, amountMsat } of postings) {
      const [from = '', to = ''] = [fromAccount, toAccount].map((name) => name.split(':')[0]);
      held[from] = (held[from] ?? 0n) - amountMsat;
      held[to] = (held[to] ?? 0n) + amountMsat;
    }
    return Object.fromEntries(Object.entries(held).filter(([, amount]) => amount !== 0n));
  };

const always = { since: undefined, until: undefined, timeZone: 'UTC' };

/** One of the shop's files, whole. */
export async function fileOf(
  our: InProcess,
  what: ExportKind,
  format: ExportFormat = 'jsonl',
): Promise<string> {
  const books: Books =
    what === 'payments'
      ? { what, filter: { ...everyPayment, timeZone: 'UTC' } }
      : { what, period: always };
  let text = '';
  for await (const piece of exportBooks(our.deps, { shopIds: [our.shop.id], books, format })) {
    text += piece;
  }
  return text;
}

/** The lines of the book of postings, by the names of its columns. */
const ledgerOf = (our: InProcess) => async (): Promise<Record<string, string>[]> => {
  const lines = (await fileOf(our, 'ledger')).trimEnd().split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as Record<string, string>);
};

/** Today a coin costs half, or twice, of what it cost at the payment. */
const costingOf =
  (our: InProcess) =>
  (times: 'half' | 'twice'): Deps => ({
    ...our.deps,
    rates: {
      pricesFor: async (...ask) => {
        const prices = await our.deps.rates.pricesFor(...ask);
        return prices.map((each) => {
          const cents = BigInt(each.price.split('.')[0] ?? '0');
          return { ...each, price: String(times === 'half' ? cents / 2n : cents * 2n) };
        });
      },
    },
  });

/** Who works in the shop. */
function staffOf(our: InProcess) {
  let count = 0;
  /** A member of staff asks for it in our admin. */
  const asks = (
    paymentId: string,
    amount: string,
    more: Partial<Parameters<typeof openRefund>[1]> = {},
  ): Promise<RefundOpened> => {
    count += 1;
    return openRefund(our.deps, {
      ...{ shopId: our.shop.id, paymentId, origin: 'admin', originId: `key-${String(count)}` },
      ...{ amount, currencyCode: 'EUR', staffId: '7', note: undefined, ...more },
    });
  };
  const aRefund = async (paymentId: string, amount: string): Promise<RefundRow> => {
    const opened = await asks(paymentId, amount);
    if (!opened.ok) throw new Error(opened.refusal);
    return opened.refund;
  };
  return { asks, aRefund };
}

/** A buyer's wallet, as far as it signs BOLT11s. */
function aWallet() {
  const key = signingKeyOf(randomBytes(32));
  const invoice = (
    amountMsat: bigint,
    more: Partial<RequestTerms> = {},
  ): { request: string; preimage: Uint8Array; hash: string } => {
    const preimage = randomBytes(32);
    const hash = createHash('sha256').update(preimage).digest('hex');
    const request = signRequest(key, {
      ...{ network: 'regtest', hash, paymentSecret: randomBytes(32).toString('hex') },
      ...{ amountMsat, memo: 'my money', descriptionHash: '', cltvDelta: 80 },
      ...{ createdAt: Math.floor(Date.now() / 1_000), expirySeconds: 3_600 },
      ...{ hints: [], fallbackAddress: '', ...more },
    });
    return { request, preimage, hash };
  };
  return { invoice };
}

/** What the signer writes of the claim that is given for a refund. */
function signerOf(our: InProcess) {
  const claimOf = (refundId: string) =>
    our.db.prisma.refundClaim.findFirstOrThrow({ where: { refundId, state: 'given' } });
  const write = async (
    refundId: string,
    end: { state: 'paid' | 'failed'; preimage: Uint8Array | null; feeMsat: bigint | null },
  ): Promise<void> => {
    const claim = await claimOf(refundId);
    await our.db.pool.query(
      `insert into payout (claim_id, subject, shop_id, payment_id, request, hash, amount_msat,
         fee_limit_msat, expires_at, state, because, fee_msat, preimage, ended_at)
       select c.id, 'refund:' || r.id, r.shop_id, r.payment_id, c.request, c.hash, c.amount_msat,
         5000, c.expires_at, $2, $3, $4, $5, now()
       from refund_claim c join refund r on r.id = c.refund_id where c.id = $1`,
      [claim.id, end.state, `it ${end.state}`, end.feeMsat, end.preimage],
    );
  };
  return {
    claimOf,
    pays: (refundId: string, preimage: Uint8Array, feeMsat = 3_000n) =>
      write(refundId, { state: 'paid', preimage, feeMsat }),
    fails: (refundId: string) =>
      write(refundId, { state: 'failed', preimage: null, feeMsat: null }),
  };
}
