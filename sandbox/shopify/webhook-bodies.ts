/**
 * The REST shapes that webhooks carry. Ids are JSON numbers, amounts padded text, moments with an
 * offset.
 */

import { gid, moment, shopNumber } from './ids.ts';
import { converted, padded } from './money.ts';
import type { Line, Order, Refund, Transaction } from './nouns.ts';
import { financialStatus, gatewayNames, outstanding, total } from './order-sums.ts';
import { shopOf, type World } from './world.ts';

const at = (ms: number): string => moment(ms).replace('Z', '+00:00');

const inShop = (order: Order, minor: bigint): string =>
  padded(converted(minor, order.rate), order.currency);

const both = (order: Order, minor: bigint) => ({
  shop_money: { amount: inShop(order, minor), currency_code: order.currency },
  presentment_money: {
    amount: padded(minor, order.presentmentCurrency),
    currency_code: order.presentmentCurrency,
  },
});

const lineBody = (order: Order, line: Line) => ({
  id: line.id,
  admin_graphql_api_id: gid('LineItem', line.id),
  title: line.title,
  name: line.title,
  quantity: line.quantity,
  current_quantity: line.quantity - line.removed,
  price: inShop(order, line.unitMinor),
  price_set: both(order, line.unitMinor),
  requires_shipping: true,
  taxable: true,
});

export function orderBody(world: World, order: Order) {
  const sum = total(order);
  return {
    id: order.id,
    admin_graphql_api_id: gid('Order', order.id),
    app_id: 580111,
    cancel_reason: order.cancelReason?.toLowerCase() ?? null,
    cancelled_at: order.cancelledAt === null ? null : at(order.cancelledAt),
    checkout_id: order.id + 7,
    checkout_token: order.checkoutToken,
    closed_at: null,
    confirmation_number: order.confirmationNumber,
    confirmed: true,
    created_at: at(order.createdAt),
    currency: order.currency,
    current_total_price: inShop(order, sum),
    current_total_price_set: both(order, sum),
    financial_status: financialStatus(order).toLowerCase(),
    fulfillment_status: null,
    name: order.name,
    note: order.note,
    number: order.number - 1000,
    order_number: order.number,
    order_status_url: `${world.origin()}/${order.shop}/orders/${order.checkoutToken}`,
    payment_gateway_names: gatewayNames(order),
    presentment_currency: order.presentmentCurrency,
    processed_at: at(order.createdAt),
    source_name: 'web',
    tags: order.tags.join(', '),
    test: order.test,
    token: order.checkoutToken,
    total_outstanding: inShop(order, outstanding(order)),
    total_price: inShop(order, sum),
    total_price_set: both(order, sum),
    updated_at: at(order.updatedAt),
    line_items: order.lines.map((line) => lineBody(order, line)),
    refunds: order.refunds.map((refund) => refundBody(order, refund)),
  };
}

/** Not the order: only what the edit changed. */
export function editBody(world: World, order: Order, input: { added: Line[]; removed: Line[] }) {
  const now = at(world.clock.now());
  const delta = (line: Line, count: number) => ({ id: line.id, delta: count });
  return {
    order_edit: {
      id: order.id + world.state.counter,
      app_id: 1354745,
      created_at: now,
      notify_customer: false,
      order_id: order.id,
      staff_note: '',
      user_id: 92837465,
      line_items: {
        additions: input.added.map((line) => delta(line, line.quantity)),
        removals: input.removed.map((line) => delta(line, line.quantity)),
      },
      discounts: { line_item: { additions: [], removals: [] } },
      shipping_lines: { additions: [], removals: [] },
      committed_at: now,
    },
  };
}

const transactionBody = (order: Order, it: Transaction) => ({
  id: it.id,
  admin_graphql_api_id: gid('OrderTransaction', it.id),
  order_id: order.id,
  amount: padded(it.amountMinor, order.presentmentCurrency),
  currency: order.presentmentCurrency,
  created_at: at(it.createdAt),
  gateway: it.gateway,
  kind: it.kind.toLowerCase(),
  parent_id: it.parentId,
  status: it.status.toLowerCase(),
  test: order.test,
});

export function refundBody(order: Order, refund: Refund) {
  const moved = order.transactions.filter((it) => it.id === refund.transactionId);
  return {
    id: refund.id,
    admin_graphql_api_id: gid('Refund', refund.id),
    order_id: order.id,
    created_at: at(refund.createdAt),
    note: refund.note,
    processed_at: at(refund.createdAt),
    restock: false,
    user_id: 92837465,
    refund_line_items: [],
    order_adjustments: [],
    transactions: moved.map((it) => transactionBody(order, it)),
  };
}

export function shopBody(world: World, domain: string) {
  const shop = shopOf(world, domain);
  return {
    id: shopNumber(domain),
    name: shop?.name ?? domain,
    domain,
    myshopify_domain: domain,
    currency: shop?.currency ?? 'USD',
    plan_name: shop?.plan ?? 'standard',
    iana_timezone: 'Europe/Zurich',
  };
}
