/**
 * `orderCreate` and `orderDelete`, as far as an app's own test order needs them.
 *
 * An input field that is not played is refused by name: silence about it would be a lie. An order
 * of an app has no checkout behind it, so no checkout token; and only what is cancelled is deleted.
 */

import { GraphQLError } from 'graphql';
import { minorOf } from '../money.ts';
import { addOrder, remove } from '../order-acts.ts';
import { needScope, type Context } from './context.ts';
import { orderObject } from './objects.ts';
import { readableOrder } from './queries.ts';

type Money = { amount: string; currencyCode: string };
type Bag = { shopMoney: Money; presentmentMoney?: Money | null };
type LineItem = { title?: string | null; quantity: number; priceSet?: Bag | null };
type Sale = { kind: string; status: string; gateway?: string | null; amountSet: Bag };
type OrderWish = {
  name?: string | null;
  test?: boolean | null;
  note?: string | null;
  tags?: string[] | null;
  currency?: string | null;
  financialStatus?: string | null;
  lineItems?: LineItem[] | null;
  transactions?: Sale[] | null;
};

const played = {
  order: [
    ...['name', 'test', 'note', 'tags', 'currency', 'financialStatus', 'lineItems'],
    // Their defaults are written into the input by the schema.
    ...['transactions', 'buyerAcceptsMarketing', 'taxesIncluded'],
  ],
  line: ['title', 'quantity', 'priceSet', 'taxable', 'requiresShipping', 'giftCard'],
  sale: ['kind', 'status', 'gateway', 'amountSet', 'test'],
};

function refuseUnplayed(what: string, given: object, known: readonly string[]): void {
  const other = Object.keys(given).find((key) => !known.includes(key));
  if (other === undefined) return;
  throw new GraphQLError(`The sandbox does not play ${what}.${other}`, {
    extensions: { code: 'NOT_PLAYED' },
  });
}

export function orderCreate(args: { order: OrderWish }, context: Context): object {
  needScope(context, 'write_orders', 'orderCreate');
  const { order: wish } = args;
  refuseUnplayed('OrderCreateOrderInput', wish, played.order);
  const lines = wish.lineItems ?? [];
  const sales = wish.transactions ?? [];
  for (const line of lines) refuseUnplayed('OrderCreateLineItemInput', line, played.line);
  for (const sale of sales) refuseUnplayed('OrderCreateOrderTransactionInput', sale, played.sale);
  const no = (field: string[], message: string) => ({
    order: null,
    userErrors: [{ field, message, code: 'INVALID' }],
  });
  const { currency } = context.shop;
  if (lines.length === 0) return no(['order', 'lineItems'], "Line items can't be blank");
  const bags = [...lines.flatMap(({ priceSet }) => priceSet ?? []), ...sales.map(amountOf)];
  const foreign = bags.some(({ shopMoney }) => shopMoney.currencyCode !== currency);
  if (foreign || (wish.currency ?? currency) !== currency)
    return no(['order', 'currency'], `Currency must be the shop's currency ${currency}`);
  if (bags.some(({ shopMoney }) => minorOf(shopMoney.amount, currency) === undefined))
    return no(['order'], 'Amount is not valid');
  const odd = sales.find(({ kind, status }) => kind !== 'SALE' || status !== 'PENDING');
  if (odd !== undefined)
    throw new GraphQLError('The sandbox makes orders with pending sales only', {
      extensions: { code: 'NOT_PLAYED' },
    });
  const made = addOrder(context.world, {
    shop: context.shop,
    name: wish.name ?? undefined,
    test: wish.test ?? false,
    note: wish.note ?? null,
    tags: wish.tags ?? [],
    lines: lines.map(({ title, quantity, priceSet }) => ({
      title: title ?? '',
      quantity,
      price: priceSet?.shopMoney.amount ?? '0',
    })),
    pending: sales.map(({ gateway, amountSet }) => ({
      gateway: gateway ?? 'manual',
      amountMinor: minorOf(amountSet.shopMoney.amount, currency) ?? 0n,
    })),
  });
  return { order: orderObject(made), userErrors: [] };
}

const amountOf = ({ amountSet }: Sale): Bag => amountSet;

export function orderDelete(args: { orderId: string }, context: Context): object {
  needScope(context, 'write_orders', 'orderDelete');
  const no = (message: string, code: string) => ({
    deletedId: null,
    userErrors: [{ field: ['orderId'], message, code }],
  });
  const order = readableOrder(context, args.orderId);
  if (order === undefined) return no('Order does not exist', 'NOT_FOUND');
  if (order.cancelledAt === null || !order.test)
    return no('Order cannot be deleted: cancel or archive it first', 'INVALID');
  remove(context.world, order, context.by);
  return { deletedId: args.orderId, userErrors: [] };
}
