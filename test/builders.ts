// Rows for tests: a shop, its node, a payment in a state, with everything that its state needs.
// Made through the same statements as in production wherever there is one.
import { createHash, randomBytes } from 'node:crypto';
import type { Observation, PaymentHash, Preimage } from '../web/core/invoice.ts';
import { minor, msat, type Currency, type Msat } from '../web/core/money.ts';
import type { AgreedPrice } from '../web/core/quote.ts';
import type { Database } from '../web/db/database.ts';
import { invoiceIsLive, makeInvoice, recordSettlements } from '../web/db/invoices.ts';
import { connectNode } from '../web/db/nodes.ts';
import { openPayment, type PaymentRow } from '../web/db/payments.ts';
import { storeRegistration } from '../web/db/registrations.ts';
import { installShop, type ShopRow } from '../web/db/shops.ts';

const eur = 'EUR' as Currency;
let orders = 0;

export async function aShop(
  db: Database,
  given: { domain?: string; clientId?: string } = {},
): Promise<ShopRow> {
  const clientId = given.clientId ?? 'test-client-id';
  const { id } = await storeRegistration(db, {
    name: clientId,
    clientId,
    sealedSecret: new Uint8Array([1]),
  });
  const domain = given.domain ?? `shop-${randomBytes(4).toString('hex')}.myshopify.com`;
  return (await installShop(db, { registrationId: id, domain })).shop;
}

export async function aNode(
  db: Database,
  given: { shopId: number; identity?: string; sealed?: Uint8Array<ArrayBuffer> },
): Promise<number> {
  const node = await connectNode(
    db,
    {
      shopId: given.shopId,
      address: '127.0.0.1:10009',
      identity: given.identity ?? `02${randomBytes(32).toString('hex')}`,
      alias: 'alice',
      version: '0.21.3-beta',
      network: 'regtest',
      rootKeyId: '57001',
      credentialEndsAt: null,
      receivable: undefined,
    },
    () => given.sealed ?? new Uint8Array([1]),
  );
  return node.id;
}

export async function aPayment(
  db: Database,
  given: { shopId: number; originId?: string; owedMinor?: bigint; sequence?: number },
): Promise<PaymentRow> {
  orders += 1;
  const { payment } = await openPayment(db, {
    shopId: given.shopId,
    originId: given.originId ?? `gid://shopify/Order/${String(1_000 + orders)}`,
    sequence: given.sequence ?? 1,
    orderName: `#${String(1_000 + orders)}`,
    checkoutTokenHash: undefined,
    test: false,
    currency: eur,
    owedMinor: minor(given.owedMinor ?? 1_230n),
    owedAt: new Date(),
  });
  return payment;
}

export const anAgreedPrice: AgreedPrice = {
  currency: eur,
  priceE8: 10_000_000_000_000n,
  sources: [
    { source: 'kraken', currency: eur, price: '100000', at: new Date() },
    { source: 'bitstamp', currency: eur, price: '100000', at: new Date() },
  ],
  spreadBasisPoints: 0,
  at: new Date(),
};

export type MadeInvoice = { id: bigint; hash: PaymentHash; preimage: Preimage; amountMsat: Msat };

export async function anInvoice(
  db: Database,
  given: {
    payment: PaymentRow;
    nodeId: number;
    state?: 'made' | 'live';
    amountMsat?: bigint;
    lapsesInMs?: number;
  },
): Promise<MadeInvoice> {
  const secret = randomBytes(32);
  const hash = createHash('sha256').update(secret).digest('hex') as PaymentHash;
  const amountMsat = msat(given.amountMsat ?? 12_300_000n);
  const lapsesAt = new Date(Date.now() + (given.lapsesInMs ?? 600_000));
  const id = await makeInvoice(db, {
    paymentId: given.payment.id,
    nodeId: given.nodeId,
    hash,
    sealedPreimage: new Uint8Array([1]),
    fiatMinor: given.payment.owedMinor,
    currency: given.payment.currency,
    amountMsat,
    agreed: anAgreedPrice,
    adjustmentBp: 0,
    madeAt: new Date(),
    lapsesAt,
    lookInMs: 12_000,
  });
  if (id === undefined) throw new Error('the payment takes no further invoice');
  if (given.state !== 'made') {
    await invoiceIsLive(db, {
      id,
      request: `lnbcrt1${hash.slice(0, 20)}`,
      addIndex: id,
      expiresAt: lapsesAt,
      lookInMs: 30_000,
    });
  }
  return { id, hash, preimage: secret.toString('hex') as Preimage, amountMsat };
}

let settleIndex = 0n;

/** What a node says of a paid invoice. */
export function aSettle(invoice: MadeInvoice, more: Partial<Observation> = {}): Observation {
  settleIndex += 1n;
  return {
    hash: invoice.hash,
    state: 'settled',
    amountMsat: invoice.amountMsat,
    receivedMsat: invoice.amountMsat,
    preimage: invoice.preimage,
    settleIndex,
    settledAt: new Date(),
    addIndex: invoice.id,
    expiresAt: new Date(Date.now() + 600_000),
    request: '',
    ...more,
  };
}

/** A payment whose invoice the node has reported as settled. */
export async function aSettledPayment(
  db: Database,
  given: { shopId: number; nodeId: number; originId?: string },
): Promise<{ payment: PaymentRow; invoice: MadeInvoice }> {
  const payment = await aPayment(db, given);
  const invoice = await anInvoice(db, { payment, nodeId: given.nodeId });
  await recordSettlements(db.pool, {
    nodeId: given.nodeId,
    observations: [aSettle(invoice)],
    recorder: { via: 'lookup' },
  });
  return { payment, invoice };
}
