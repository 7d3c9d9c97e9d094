// A shop that sells in both ways, with one node, for plays of the ways in which money comes: the
// steps of the pool are run by hand, one row at a time, and nobody else works.
import { once } from 'node:events';
import { expect } from 'vitest';
import type { OrderInput } from '../../sandbox/shopify/index.ts';
import type { PayOptions } from '../../sandbox/lnd/index.ts';
import { serverCertificate } from '../../sandbox/shopify/payments/index.ts';
import type { Way } from '../../web/core/cases.ts';
import type { Observation } from '../../web/core/invoice.ts';
import type { AccountKind } from '../../web/core/ledger.ts';
import type { Settings } from '../../web/core/settings.ts';
import { claimThese, giveBack } from '../../web/db/due.ts';
import { invoiceById, type InvoiceRow } from '../../web/db/invoices.ts';
import { nodeLane, shopLane, type DueTable, type Lane } from '../../web/db/lanes.ts';
import { leaveStream, takeStream } from '../../web/db/nodes.ts';
import { latestPayment } from '../../web/db/payments.ts';
import { allRegistrations } from '../../web/db/registrations.ts';
import { sight } from '../../web/db/sightings.ts';
import { settingsOf } from '../../web/db/settings.ts';
import { changeSettings } from '../../web/flows/change-settings.ts';
import type { ConnectGiven } from '../../web/flows/connect-node.ts';
import type { Deps } from '../../web/flows/flow.ts';
import { installationOrigin } from '../../web/flows/forget-shop.ts';
import { installPaymentsApp } from '../../web/flows/install-payments-app.ts';
import { lookAtOrderNow } from '../../web/flows/look-at-order.ts';
import { recordStream } from '../../web/flows/observe-invoice.ts';
import { quoteInvoice } from '../../web/flows/quote-invoice.ts';
import { makePaymentsApp } from '../../web/http/from-payments.ts';
import { openMutualTls } from '../../web/http/mutual-tls.ts';
import { stepOf } from '../../web/worker/steps.ts';
import { startInProcess, type InProcess } from '../in-process.ts';
import { keepPort } from '../kept-port.ts';
import { app, paymentsApp, shopName } from '../world.ts';

/** What is to be paid, in one of the two ways. */
export type Bill = {
  way: Way;
  shopId: number;
  paymentId: string;
  /** Shopify's id of the order, or of the session. */
  originId: string;
  /** Sessions of one purchase share it. */
  group: string | undefined;
};
export type Shop = Awaited<ReturnType<typeof openShop>>;

/** The merchant's node, where it is not the simulated one, and a buyer who pays it. */
export type OtherNode = {
  credential: ConnectGiven;
  /** One try. False: the buyer has the money still. */
  pays(hash: string, options: PayOptions): Promise<boolean>;
  /** An invoice of the merchant's own, made without us. Gives its hash. */
  issues(terms: { amountMsat: bigint; memo: string }): Promise<string>;
};

/** `captures`: the extension has addresses for captures and voids. */
export async function openShop(given: { captures?: boolean; node?: OtherNode } = {}) {
  const { cert, key } = await serverCertificate();
  const kept = await keepPort();
  const { port } = kept;
  const at = (what: string): string => `https://127.0.0.1:${String(port)}/payments/${what}`;
  const captures = { captureSessionUrl: at('capture'), voidSessionUrl: at('void') };
  const payments = {
    ...{ paymentSessionUrl: at('session'), refundSessionUrl: at('refund') },
    ...(given.captures === true ? captures : {}),
  };
  const our = await startInProcess({
    payments: { ...paymentsApp, appUrl: 'http://127.0.0.1:9', payments },
    trusted: [cert],
    ...(given.node === undefined ? {} : { node: given.node.credential }),
  });
  const lock = { certificate: cert, key, clientCertificates: [our.shopify.payments.clientCa] };
  await kept.give();
  const door = openMutualTls(lock, makePaymentsApp(our.doors)).listen(port, '127.0.0.1');
  await once(door, 'listening');
  const paymentsShopId = await installPayments(our);
  return {
    ...our,
    paymentsShopId,
    ...buyers(our, given.node ?? simulated(our)),
    ...pool(our),
    ...books(our),
    ...merchant(our),
    ...installations(our, paymentsShopId),
    close: async () => {
      door.closeAllConnections();
      door.close();
      await our.close();
    },
  };
}

/** As after the payments app's grant. Gives the id of the shop's row. */
async function installPayments(our: InProcess): Promise<number> {
  const { db, log, shopify, wired } = our;
  const token = shopify.payments.prepare({ app: paymentsApp.name });
  const registered = (await allRegistrations(db)).find(({ kind }) => kind === 'payments');
  const tokens = {
    accessToken: token.accessToken,
    accessTokenEndsAt: token.expiresAt === null ? null : new Date(token.expiresAt),
    refreshToken: token.refreshToken,
    refreshTokenEndsAt: null,
    scopes: 'write_payment_gateways,write_payment_sessions',
  };
  const { id } = await installPaymentsApp(
    { db, log, sealer: wired.vault, exchangeCode: () => Promise.resolve(tokens) },
    { registrationId: registered?.id ?? 0, domain: shopName, code: 'a-code' },
  );
  return id;
}

const simulated = ({ lnd }: InProcess): Omit<OtherNode, 'credential'> => ({
  pays: async (hash, options) => (await lnd.pay(lnd.invoices.get(hash)?.request ?? '', options)).ok,
  issues: (terms) => Promise.resolve(lnd.invoices.add(terms).hash),
});

function buyers(our: InProcess, node: Omit<OtherNode, 'credential'>) {
  const { db, deps, lnd, shopify } = our;
  const anOrder = async (input: OrderInput = {}): Promise<Bill> => {
    const { id: originId } = shopify.createOrder({ shop: shopName, total: '21.00', ...input });
    const { id: shopId } = our.shop;
    await lookAtOrderNow(deps, { shopId, originId });
    const payment = await latestPayment(db, { shopId, originId });
    if (payment === null) throw new Error('no payment was opened');
    return { way: 'order', shopId, paymentId: payment.id, originId, group: undefined };
  };
  /** `group`: another tab of the same purchase. */
  const aSession = async (group?: string): Promise<Bill> => {
    const tab = group === undefined ? {} : { group };
    const session = await shopify.payments.checkout({ app: paymentsApp.name, ...tab });
    const gid = `gid://shopify/PaymentSession/${session.id}`;
    const row = await db.prisma.payment.findFirstOrThrow({ where: { originId: gid } });
    return {
      ...{ way: 'payment_session', shopId: row.shopId, paymentId: row.id },
      ...{ originId: session.id, group: session.group },
    };
  };
  const quoted = async ({ paymentId }: Bill): Promise<InvoiceRow> => {
    const answer = await quoteInvoice(deps, paymentId);
    if (answer.is !== 'payable') throw new Error(`no invoice: ${JSON.stringify(answer)}`);
    return answer.invoice;
  };
  /** The same, of a node that may not be back yet after a restart. */
  const quotedSoon = async (bill: Bill): Promise<InvoiceRow> => {
    let invoice: InvoiceRow | undefined;
    const asked = async (): Promise<boolean> => {
      invoice = await quoted(bill).catch(() => undefined);
      return invoice !== undefined;
    };
    await expect.poll(asked, { timeout: 60_000 }).toBe(true);
    if (invoice === undefined) throw new Error('no invoice');
    return invoice;
  };
  const paysOnce = ({ hash }: InvoiceRow, options: PayOptions = {}): Promise<boolean> =>
    node.pays(hash, options);
  /** The node's channels may not be up yet after a restart. */
  const pay = async (invoice: InvoiceRow, options: PayOptions = {}): Promise<void> => {
    await expect.poll(() => paysOnce(invoice, options), { timeout: 60_000 }).toBe(true);
  };
  const requestOf = (hash: string): string => lnd.invoices.get(hash)?.request ?? '';
  const bill = (way: Way): Promise<Bill> => (way === 'order' ? anOrder() : aSession());
  const { issues } = node;
  return { bill, anOrder, aSession, quoted, quotedSoon, pay, paysOnce, issues, requestOf };
}

type Row = { table: DueTable; id: bigint | string; lane: Lane };

function pool(our: InProcess) {
  const { db, deps } = our;
  /** One turn of the pool for this one row, whenever it would have been due. */
  const work = async ({ table, id, lane }: Row, on: Deps = deps): Promise<void> => {
    await db.pool.query(
      // A column of whole milliseconds may round this moment up, into the future.
      `update ${table} set due_at = now() - interval '1 ms', lease_until = null
       where id::text = $1`,
      [String(id)],
    );
    const [row] = await claimThese(db, { table, lane, ids: [String(id)] });
    const step = row && stepOf(row);
    if (row === undefined || step == null) throw new Error(`nothing is to be done: ${table}`);
    const end = await step(on, row);
    if (end !== 'stored') await giveBack(db.pool, row, end);
  };
  const look = ({ id, nodeId }: InvoiceRow, on?: Deps): Promise<void> =>
    work({ table: 'invoice', id, lane: nodeLane(nodeId) }, on);
  const tell = ({ paymentId, shopId }: Bill, on?: Deps): Promise<void> =>
    work({ table: 'payment', id: paymentId, lane: shopLane(shopId) }, on);
  /** What the node says of an invoice, once it can be asked and says that it was paid. */
  const settledAtNode = async ({ hash, nodeId }: InvoiceRow): Promise<Observation> => {
    let said: Observation | undefined;
    const state = async (): Promise<string> => {
      const seen = await (await deps.nodes.of(nodeId)).lookInvoice(hash);
      if (seen === 'not_found') return seen;
      said = seen;
      return seen.state;
    };
    const asked = (): Promise<string> => state().catch(() => 'away');
    await expect.poll(asked, { timeout: 60_000 }).toBe('settled');
    if (said === undefined) throw new Error('the node said nothing');
    return said;
  };
  /** The node's stream tells of it. */
  const hear = async (invoice: InvoiceRow) => {
    const seen = await settledAtNode(invoice);
    const { nodeId } = invoice;
    const lease = await takeStream(db, { nodeId, holder: 'a pool', leaseMs: 60_000 });
    if (lease === undefined) throw new Error('somebody has the stream');
    const { holder, leaseNo, epoch, cursor } = lease;
    const recorded = await recordStream(deps, {
      ...{ nodeId, observations: [seen] },
      recorder: { via: 'live', holder, leaseNo, epoch, cursor: seen.settleIndex ?? cursor },
    });
    await leaveStream(db, lease);
    return recorded;
  };
  const again = async ({ id }: InvoiceRow): Promise<InvoiceRow> => {
    const row = await invoiceById(db, id.toString());
    if (row === undefined) throw new Error('the invoice is gone');
    return row;
  };
  return { work, look, tell, hear, settledAtNode, again };
}

/** What the merchant of the order's app chooses, as the settings page writes it. */
function merchant({ db, deps, shop }: InProcess) {
  const chooses = async (chosen: Partial<Settings>): Promise<void> => {
    const { settings: was, version } = await settingsOf(db, shop.id);
    const settings = { ...was, ...chosen };
    const changed = await changeSettings(deps, { shopId: shop.id, version, was, settings });
    expect(changed).toMatchObject({ is: 'stored' });
  };
  return { chooses };
}

function books({ db, read }: InProcess) {
  /** What of this payment stands in each account of its shop, in msat, without the empty ones. */
  const accountsOf = async ({ paymentId, shopId }: Bill): Promise<Record<string, bigint>> => {
    const postings = await db.prisma.posting.findMany({ where: { paymentId } });
    const held = new Map<AccountKind, bigint>();
    const add = (account: string, amountMsat: bigint): void => {
      const [kind, of] = account.split(':') as [AccountKind, string];
      if (kind === 'node') return;
      expect(of).toBe(String(shopId));
      held.set(kind, (held.get(kind) ?? 0n) + amountMsat);
    };
    for (const { toAccount, fromAccount, amountMsat } of postings) {
      add(toAccount, amountMsat);
      add(fromAccount, -amountMsat);
    }
    return Object.fromEntries([...held].filter(([, amountMsat]) => amountMsat !== 0n));
  };
  const stands = async ({ paymentId }: Bill) => {
    const { state, attention } = await read(paymentId);
    return { state, attention };
  };
  return { accountsOf, stands };
}

/** What the merchant takes out, and puts back. */
function installations(our: InProcess, paymentsShopId: number) {
  const { db, shopify } = our;
  const { work } = pool(our);
  const reconnect = async (): Promise<void> => {
    const connected = async (): Promise<boolean> => (await our.connect()).ok;
    await expect.poll(connected, { timeout: 60_000 }).toBe(true);
  };
  const idOf = (way: Way): number => (way === 'order' ? our.shop.id : paymentsShopId);
  const nameOf = (way: Way): string => (way === 'order' ? app : paymentsApp).name;
  const uninstall = async (way: Way): Promise<void> => {
    shopify.uninstall({ app: nameOf(way), shop: shopName });
    const seen = { shopId: idOf(way), originId: installationOrigin, because: 'app/uninstalled' };
    await sight(db.pool, seen);
    const { id } = await db.prisma.sighting.findFirstOrThrow({
      where: { shopId: seen.shopId, originId: installationOrigin },
    });
    await work({ table: 'sighting', id, lane: shopLane(seen.shopId) });
    expect((await our.readShop(seen.shopId)).uninstalledAt).not.toBeNull();
  };
  const installAgain = async (way: Way): Promise<void> => {
    if (way === 'payment_session') {
      await installPayments(our);
      return;
    }
    shopify.install({ app: nameOf(way), shop: shopName });
    await our.openApp();
    await reconnect();
  };
  return { reconnect, uninstall, installAgain };
}
