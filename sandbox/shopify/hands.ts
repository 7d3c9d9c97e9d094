/**
 * The hands of a merchant, a buyer and a tester: what can be done to the stand-in from code, and
 * its record of effects.
 */

import { gid, uuid } from './ids.ts';
import * as installs from './installs.ts';
import { minorOf } from './money.ts';
import type { CancelReason, Effect, Order } from './nouns.ts';
import * as acts from './order-acts.ts';
import type { EditInput, OrderInput, OrderView } from './order-acts.ts';
import { adminClaims, extensionClaims, signToken, type Claims } from './signatures.ts';
import { orderBody } from './webhook-bodies.ts';
import { attempt, newDelivery } from './webhooks.ts';
import { appOf, findOrder, type World } from './world.ts';

export type TokenInput = {
  shop: string;
  /** An app's name or client id. */
  app: string;
  kind: 'admin' | 'extension';
  /** Put over the usual claims, e.g. `{ exp: 0 }`. */
  claims?: Claims;
  secret?: string;
};

export type WebhookInput = {
  topic: string;
  shop: string;
  app: string;
  /** Default: the order, or an empty object. Sent byte for byte when it is text. */
  body?: object | string;
  order?: number | string;
  webhookId?: string;
  eventId?: string;
  triggeredAt?: number;
  forgery?: 'forged' | 'unsigned';
};

export type EffectsView = {
  all: () => Effect[];
  of: (id: number | string) => Effect[];
  /**
   * How many times the order was marked paid, partly paid or captured, by whomever (or only by
   * `by`).
   */
  payments: (id: number | string, by?: string) => number;
};

export function effectsView(world: World): EffectsView {
  const idFor = (id: number | string) =>
    world.state.orders.find((it) => it.id === id || it.name === id || gid('Order', it.id) === id)
      ?.id;
  const of = (id: number | string) => {
    const number = idFor(id);
    return world.state.effects.filter((it) => it.orderId === number);
  };
  const paying = ['marked_paid', 'part_paid', 'captured', 'offsite_paid'];
  return {
    all: () => [...world.state.effects],
    of,
    payments: (id, by) =>
      of(id).filter((it) => paying.includes(it.what) && (by === undefined || it.by === by)).length,
  };
}

function staff(call: string) {
  return { by: 'staff', call, requestId: null };
}

/** The hands of a merchant and a buyer. */
export function handsOf(world: World) {
  const need = (id: number | string): Order => {
    const order = findOrder(world, id);
    if (order === undefined) throw new Error(`No such order: ${id}`);
    return order;
  };
  const then = (id: number | string, act: (order: Order) => unknown): OrderView => {
    const order = need(id);
    act(order);
    return acts.viewOf(world, order);
  };
  return {
    createOrder: (input: OrderInput = {}) => acts.viewOf(world, acts.createOrder(world, input)),
    order: (id: number | string) => {
      const order = findOrder(world, id);
      return order === undefined ? undefined : acts.viewOf(world, order);
    },
    orders: () =>
      world.state.orders.filter((it) => !it.deleted).map((it) => acts.viewOf(world, it)),
    markByHand: (id: number | string) =>
      then(id, (order) => acts.markAsPaid(world, order, staff('mark as paid'))),
    payByCard: (id: number | string) => then(id, (order) => acts.payByCard(world, order)),
    payByGiftCard: (id: number | string, amount: string) =>
      then(id, (order) => {
        const amountMinor = minorOf(amount, order.presentmentCurrency) ?? 0n;
        const by = staff('gift card');
        acts.recordPayment(world, order, { amountMinor, gateway: 'gift_card', by });
      }),
    cancel: (id: number | string, reason: CancelReason = 'CUSTOMER') =>
      then(id, (order) => {
        if (order.cancelledAt === null)
          acts.cancelNow(world, order, { reason, restock: false, by: staff('cancel') });
      }),
    fulfill: (id: number | string) =>
      then(id, (order) => {
        acts.fulfill(world, order);
      }),
    /** Its goods are for whoever buys them first, as when a location closes. */
    releaseStock: (id: number | string) =>
      then(id, (order) => {
        order.stockReleased = true;
      }),
    edit: (id: number | string, input: EditInput) =>
      then(id, (order) => {
        acts.edit(world, order, input);
      }),
    refund: (id: number | string, input: { amount?: string; note?: string } = {}) =>
      then(id, (order) => {
        const currency = order.presentmentCurrency;
        const all = acts.viewOf(world, order).received;
        const amountMinor = minorOf(input.amount ?? all, currency) ?? 0n;
        const note = input.note ?? null;
        const made = acts.refund(world, order, { amountMinor, note, by: staff('refund') });
        if (typeof made === 'string') throw new Error(made);
      }),
    remove: (id: number | string) => {
      acts.remove(world, need(id));
    },
  };
}

export function sessionTokens(world: World): (input: TokenInput) => string {
  return ({ shop, app, kind, claims, secret }) => {
    const found = appOf(world, installs.clientIdOf(world, app));
    if (found === undefined) throw new Error(`No such app: ${app}`);
    const usual = (kind === 'admin' ? adminClaims : extensionClaims)(
      shop,
      found.clientId,
      Date.now(),
    );
    return signToken(secret ?? found.secret, { ...usual, ...claims });
  };
}

export function webhooksByHand(world: World): (input: WebhookInput) => Promise<string> {
  return (input) => {
    const app = appOf(world, installs.clientIdOf(world, input.app));
    const subscription = app?.webhooks[0];
    if (app === undefined || subscription === undefined)
      throw new Error(`${input.app} subscribes to nothing`);
    const order = input.order === undefined ? undefined : findOrder(world, input.order);
    const body = input.body ?? (order === undefined ? {} : orderBody(world, order));
    const payload = typeof body === 'string' ? body : JSON.stringify(body);
    const { topic, shop } = input;
    const eventId = input.eventId ?? uuid();
    const made = newDelivery(world, { app, shop, topic, subscription, payload, eventId });
    made.webhookId = input.webhookId ?? made.webhookId;
    made.triggeredAt = input.triggeredAt ?? made.triggeredAt;
    return attempt(world, made, input.forgery ?? null);
  };
}
