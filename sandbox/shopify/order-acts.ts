/**
 * What can be done to an order, with Shopify's own preconditions. Each act writes its effect and
 * sends its webhooks.
 *
 * A refusal is a text, an act that happened is undefined or what it made. Amounts: presentment
 * minor units.
 */

import { gid, hex, uuid } from './ids.ts';
import { minorOf, padded, rateBetween } from './money.ts';
import type { CancelJob, CancelReason, Line, Order, Refund, Shop, Transaction } from './nouns.ts';
import {
  canMarkAsPaid,
  financialStatus,
  outstanding,
  pendingSale,
  received,
} from './order-sums.ts';
import { refunded } from './order-sums.ts';
import { isCurrency } from './schema.ts';
import { editBody, orderBody, refundBody } from './webhook-bodies.ts';
import { nextId, record, shopOf, type By, type World } from './world.ts';

export const CARD = 'shopify_payments';
export const GIFT_CARD = 'gift_card';

export type LineInput = { title: string; price: string; quantity?: number; vendor?: string };

export type OrderInput = {
  /** Default: the first shop. */
  shop?: string;
  /** Presentment currency; default the shop's. */
  currency?: string;
  /** Decimal text in that currency. Default "21.00" worth; ignored when `lines` are given. */
  total?: string;
  lines?: LineInput[];
  /** A manual method's name, or "card" (paid at once). Default "Bitcoin (Lightning)". */
  method?: string;
  /** Decimal text: this part is paid by gift card. */
  giftCard?: string;
  test?: boolean;
  checkoutToken?: string;
  /** Overrides the stand-in's lag for this order. */
  readableAfterMs?: number;
  searchableAfterMs?: number;
  /** Paid, reserved or awaited by a payments app, in place of `method`. */
  offsite?: { gateway: string; kind: 'SALE' | 'AUTHORIZATION'; status: 'PENDING' | 'SUCCESS' };
};

function amount(text: string, currency: string): bigint {
  const minor = minorOf(text, currency);
  if (minor === undefined || minor < 0n) throw new Error(`Not an amount of ${currency}: ${text}`);
  return minor;
}

function transaction(
  world: World,
  input: Pick<Transaction, 'kind' | 'status' | 'gateway' | 'amountMinor'> & {
    manual?: boolean;
    parentId?: number | null;
    processedAt?: number;
  },
): Transaction {
  const at = world.clock.now();
  return {
    id: nextId(world),
    manual: false,
    parentId: null,
    createdAt: at,
    processedAt: at,
    ...input,
  };
}

function linesOf(world: World, input: OrderInput, currency: string): Line[] {
  const wanted: LineInput[] = input.lines ?? [{ title: 'Goods', price: input.total ?? '21' }];
  return wanted.map((line) => ({
    id: nextId(world),
    title: line.title,
    quantity: line.quantity ?? 1,
    removed: 0,
    unitMinor: amount(line.price, currency),
    ...(line.vendor === undefined ? {} : { vendor: line.vendor }),
  }));
}

export function createOrder(world: World, input: OrderInput): Order {
  const shop = input.shop === undefined ? world.shops[0] : shopOf(world, input.shop);
  if (shop === undefined) throw new Error(`No such shop: ${input.shop ?? '(none)'}`);
  const currency = input.currency ?? shop.currency;
  if (!isCurrency(currency)) throw new Error(`Not a currency of Shopify: ${currency}`);
  const order = blankOrder(world, { shop, currency, lines: linesOf(world, input, currency) });
  order.checkoutToken = input.checkoutToken ?? hex(16);
  order.test = input.test ?? false;
  order.readableAt = order.createdAt + (input.readableAfterMs ?? world.lag.byIdMs);
  order.searchableAt = order.createdAt + (input.searchableAfterMs ?? world.lag.bySearchMs);
  payAtCheckout(world, order, input);
  return placed(world, order);
}

/** What an app makes through the Admin API: no checkout, so no checkout token. Amounts: shop's. */
export function addOrder(
  world: World,
  input: {
    shop: Shop;
    name: string | undefined;
    test: boolean;
    note: string | null;
    tags: string[];
    lines: LineInput[];
    pending: { gateway: string; amountMinor: bigint }[];
  },
): Order {
  const { shop, name, test, note, tags, pending } = input;
  const { currency } = shop;
  const lines = linesOf(world, { lines: input.lines }, currency);
  const order = blankOrder(world, { shop, currency, lines });
  Object.assign(order, { test, note, tags, ...(name === undefined ? {} : { name }) });
  for (const sale of pending) {
    const waiting = { kind: 'SALE', status: 'PENDING', manual: true, ...sale } as const;
    order.transactions.push(transaction(world, waiting));
  }
  return placed(world, order);
}

function blankOrder(world: World, about: { shop: Shop; currency: string; lines: Line[] }): Order {
  const { shop, currency, lines } = about;
  const at = world.clock.now();
  const number = (world.state.orderNumbers[shop.domain] ?? 1000) + 1;
  world.state.orderNumbers[shop.domain] = number;
  return {
    id: nextId(world),
    shop: shop.domain,
    number,
    name: `#${number}`,
    confirmationNumber: hex(5).slice(0, 9).toUpperCase(),
    checkoutToken: '',
    currency: shop.currency,
    presentmentCurrency: currency,
    rate: rateBetween(currency, shop.currency),
    test: false,
    createdAt: at,
    updatedAt: at,
    cancelledAt: null,
    cancelReason: null,
    edited: false,
    note: null,
    tags: [],
    lines,
    transactions: [],
    refunds: [],
    metafields: [],
    readableAt: at + world.lag.byIdMs,
    searchableAt: at + world.lag.bySearchMs,
    deleted: false,
  };
}

function placed(world: World, order: Order): Order {
  world.state.orders.push(order);
  world.changed();
  const topics = ['orders/create', ...(financialStatus(order) === 'PAID' ? ['orders/paid'] : [])];
  for (const topic of topics) world.tell(order.shop, topic, orderBody(world, order));
  return order;
}

function payAtCheckout(world: World, order: Order, input: OrderInput): void {
  const gift = amount(input.giftCard ?? '0', order.presentmentCurrency);
  const kind = 'SALE';
  if (gift > 0n) {
    const part = gift < outstanding(order) ? gift : outstanding(order);
    const sale = { kind, status: 'SUCCESS', gateway: GIFT_CARD, amountMinor: part } as const;
    order.transactions.push(transaction(world, sale));
  }
  const amountMinor = outstanding(order);
  if (amountMinor === 0n) return;
  if (input.offsite !== undefined) {
    order.transactions.push(transaction(world, { ...input.offsite, amountMinor }));
    return;
  }
  const method = input.method ?? 'Bitcoin (Lightning)';
  const sale =
    method === 'card'
      ? ({ kind, status: 'SUCCESS', gateway: CARD, amountMinor } as const)
      : ({ kind, status: 'PENDING', gateway: method, manual: true, amountMinor } as const);
  order.transactions.push(transaction(world, sale));
}

function touched(world: World, order: Order, topics: string[]): void {
  order.updatedAt = world.clock.now();
  world.changed();
  for (const topic of [...topics, 'orders/updated'])
    world.tell(order.shop, topic, orderBody(world, order));
}

/** Adds a payment; `orders/paid` follows when nothing is owed any more. */
function receive(world: World, order: Order, payment: Transaction): Transaction {
  order.transactions.push(payment);
  touched(world, order, outstanding(order) <= 0n ? ['orders/paid'] : []);
  return payment;
}

/** The whole outstanding amount as a sale, as `orderMarkAsPaid` and the admin's button do. */
export function markAsPaid(world: World, order: Order, by: By): Transaction | undefined {
  if (!canMarkAsPaid(order)) return undefined;
  const waiting = pendingSale(order);
  const amountMinor = outstanding(order);
  const gateway = waiting?.gateway ?? 'manual';
  const parentId = waiting?.id ?? null;
  record(world, { order, what: 'marked_paid', amountMinor, by });
  return receive(
    world,
    order,
    transaction(world, {
      kind: 'SALE',
      status: 'SUCCESS',
      gateway,
      manual: true,
      amountMinor,
      parentId,
    }),
  );
}

/** A payment of any part, under any name. The caller has checked the amount. */
export function recordPayment(
  world: World,
  order: Order,
  input: { amountMinor: bigint; gateway: string; processedAt?: number; by: By },
): Transaction {
  const { amountMinor, gateway, processedAt } = input;
  record(world, { order, what: 'part_paid', amountMinor, by: input.by });
  return receive(
    world,
    order,
    transaction(world, {
      kind: 'SALE',
      status: 'SUCCESS',
      gateway,
      manual: true,
      amountMinor,
      ...(processedAt === undefined ? {} : { processedAt }),
    }),
  );
}

/** Captures (a part of) the pending manual sale. The caller has checked the amount. */
export function capture(
  world: World,
  order: Order,
  input: { parent: Transaction; amountMinor: bigint; by: By },
): Transaction {
  const { parent, amountMinor } = input;
  record(world, { order, what: 'captured', amountMinor, by: input.by });
  const { gateway, manual } = parent;
  return receive(
    world,
    order,
    transaction(world, {
      kind: 'CAPTURE',
      status: 'SUCCESS',
      gateway,
      manual,
      amountMinor,
      parentId: parent.id,
    }),
  );
}

/** The payments app has said yes to a payment that was pending. */
export function settleOffsite(world: World, order: Order): void {
  const waiting = order.transactions.find((it) => !it.manual && it.status === 'PENDING');
  if (waiting === undefined) return;
  const { kind, gateway, amountMinor, id: parentId } = waiting;
  const status = 'SUCCESS';
  receive(world, order, transaction(world, { kind, status, gateway, amountMinor, parentId }));
}

/** The payments app has said no, or nothing in time: the order stands there unpaid. */
export function failOffsite(world: World, order: Order): void {
  const waiting = order.transactions.find((it) => !it.manual && it.status === 'PENDING');
  if (waiting === undefined) return;
  waiting.status = 'FAILURE';
  touched(world, order, []);
}

export function recordOffsite(
  world: World,
  order: Order,
  input: { what: 'offsite_paid' | 'authorized'; amountMinor: bigint; by: By },
): void {
  record(world, { order, ...input });
}

/** What a payments app took for this order, before refunds. */
export const offsiteReceived = (order: Order): bigint =>
  order.transactions
    .filter((it) => !it.manual && it.gateway !== CARD && it.gateway !== GIFT_CARD)
    .filter((it) => it.status === 'SUCCESS' && (it.kind === 'SALE' || it.kind === 'CAPTURE'))
    .reduce((all, it) => all + it.amountMinor, 0n);

/** A capture or a void that the payments app has done. */
export function finishAuthorization(
  world: World,
  order: Order,
  input: { what: 'capture' | 'void'; amountMinor: bigint; by: By },
): void {
  const { what, amountMinor, by } = input;
  const parent = order.transactions.find((it) => it.kind === 'AUTHORIZATION');
  if (parent === undefined) return;
  if (what === 'capture') {
    capture(world, order, { parent, amountMinor, by });
    return;
  }
  const { gateway, id: parentId } = parent;
  const made = { kind: 'VOID', status: 'SUCCESS', gateway, amountMinor, parentId } as const;
  order.transactions.push(transaction(world, made));
  record(world, { order, what: 'voided', amountMinor, by });
  touched(world, order, []);
}

/** The buyer pays what is owed by card after all. */
export function payByCard(world: World, order: Order): Transaction | undefined {
  if (!canMarkAsPaid(order)) return undefined;
  const amountMinor = outstanding(order);
  const by = { by: 'buyer', call: 'card', requestId: null };
  record(world, { order, what: 'card_paid', amountMinor, by });
  return receive(
    world,
    order,
    transaction(world, { kind: 'SALE', status: 'SUCCESS', gateway: CARD, amountMinor }),
  );
}

/** Starts the job that cancels; it ends `lag.cancelMs` later. A text: why not. */
export function startCancel(
  world: World,
  order: Order,
  input: { reason: CancelReason; restock: boolean; by: By },
): CancelJob | string {
  if (order.cancelledAt !== null) return 'Order has already been cancelled';
  if (order.fulfilledAt !== undefined) return 'Cannot cancel an order that has been fulfilled';
  const job: CancelJob = {
    id: uuid(),
    orderId: order.id,
    reason: input.reason,
    by: input.by.by,
    restock: input.restock,
    dueAt: world.clock.now() + world.lag.cancelMs,
    done: false,
  };
  world.state.cancelJobs.push(job);
  runCancel(world, job, input.by);
  return job;
}

/** Does the job when it is due; also called for what a restart left behind. */
export function runCancel(world: World, job: CancelJob, by: By): void {
  const finish = () => {
    const order = world.state.orders.find((it) => it.id === job.orderId);
    job.done = true;
    if (order === undefined || order.cancelledAt !== null) return;
    cancelNow(world, order, { reason: job.reason, restock: job.restock, by });
  };
  const waitMs = job.dueAt - world.clock.now();
  if (waitMs <= 0) finish();
  else world.clock.after(waitMs, finish);
}

/** The merchant has sent the goods. */
export function fulfill(world: World, order: Order): void {
  order.fulfilledAt = world.clock.now();
  const by = { by: 'staff', call: 'fulfill', requestId: null };
  record(world, { order, what: 'fulfilled', by });
  touched(world, order, []);
}

export function cancelNow(
  world: World,
  order: Order,
  input: { reason: CancelReason; restock: boolean; by: By },
): void {
  order.cancelledAt = world.clock.now();
  order.cancelReason = input.reason;
  record(world, { order, what: 'cancelled', by: input.by });
  if (input.restock) record(world, { order, what: 'restocked', by: input.by });
  touched(world, order, ['orders/cancelled']);
}

export type EditInput = {
  add?: LineInput[];
  /** Titles of lines to take out, whole. */
  remove?: string[];
  /** Or simply what it shall cost in the end: a line is added or the rest is cut. */
  total?: string;
};

export function edit(world: World, order: Order, input: EditInput): void {
  const currency = order.presentmentCurrency;
  const added = linesOf(world, { lines: input.add ?? [] }, currency);
  const removed: Line[] = [];
  for (const line of order.lines) {
    if (input.remove?.includes(line.title) !== true) continue;
    line.removed = line.quantity;
    removed.push(line);
  }
  if (input.total !== undefined) {
    const wanted = amount(input.total, currency);
    for (const line of order.lines) {
      line.removed = line.quantity;
      removed.push(line);
    }
    const title = 'Goods after the edit';
    const price = padded(wanted, currency);
    if (wanted > 0n) added.push(...linesOf(world, { lines: [{ title, price }] }, currency));
  }
  order.lines.push(...added);
  order.edited = true;
  const by = { by: 'staff', call: 'edit', requestId: null };
  record(world, { order, what: 'edited', by });
  world.tell(order.shop, 'orders/edited', editBody(world, order, { added, removed }));
  const paid = received(order) > 0n && outstanding(order) <= 0n;
  touched(world, order, paid ? ['orders/paid'] : []);
}

/** Money back to the buyer, recorded only: a manual gateway moves nothing. A text: why not. */
export function refund(
  world: World,
  order: Order,
  input: { amountMinor: bigint; note: string | null; by: By },
): Refund | string {
  const { amountMinor } = input;
  if (amountMinor <= 0n) return 'Refund amount must be greater than zero';
  if (amountMinor > received(order) - refunded(order))
    return 'Refund amount is greater than the amount that can be refunded';
  const sale = order.transactions.findLast((it) => it.status === 'SUCCESS' && it.kind !== 'REFUND');
  const back = transaction(world, {
    kind: 'REFUND',
    status: 'SUCCESS',
    gateway: sale?.gateway ?? 'manual',
    manual: sale?.manual ?? true,
    amountMinor,
    parentId: sale?.id ?? null,
  });
  order.transactions.push(back);
  const made: Refund = {
    id: nextId(world),
    note: input.note,
    createdAt: world.clock.now(),
    amountMinor,
    transactionId: back.id,
  };
  order.refunds.push(made);
  record(world, { order, what: 'refunded', amountMinor, by: input.by });
  world.tell(order.shop, 'refunds/create', refundBody(order, made));
  touched(world, order, []);
  return made;
}

export function remove(
  world: World,
  order: Order,
  by: By = { by: 'staff', call: 'delete', requestId: null },
): void {
  order.deleted = true;
  record(world, { order, what: 'deleted', by });
  world.tell(order.shop, 'orders/delete', { id: order.id });
}

/** What tests and pages see of an order. */
export function viewOf(world: World, order: Order) {
  const { currency, presentmentCurrency } = order;
  const base = `${world.origin()}/${order.shop}`;
  return {
    id: gid('Order', order.id),
    legacyId: order.id,
    shop: order.shop,
    name: order.name,
    checkoutToken: order.checkoutToken,
    currency,
    presentmentCurrency,
    financialStatus: financialStatus(order),
    outstanding: padded(outstanding(order), presentmentCurrency),
    received: padded(received(order), presentmentCurrency),
    cancelled: order.cancelledAt !== null,
    thankYouUrl: `${base}/checkouts/${order.checkoutToken}/thank-you`,
    statusUrl: `${base}/orders/${order.checkoutToken}`,
  };
}

export type OrderView = ReturnType<typeof viewOf>;
