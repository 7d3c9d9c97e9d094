/**
 * The mutations that are played, with their preconditions and their own kinds of userErrors.
 *
 * None of them is idempotent but refundCreate, which refuses to run without its directive.
 */

import { GraphQLError, Kind, valueFromAST, GraphQLString, type GraphQLResolveInfo } from 'graphql';
import { digest, idOf } from '../ids.ts';
import { minorOf } from '../money.ts';
import type { CancelReason, Order } from '../nouns.ts';
import { capture, markAsPaid, recordPayment, refund, startCancel } from '../order-acts.ts';
import { manuallyCapturable, outstanding } from '../order-sums.ts';
import { needScope, type Context } from './context.ts';
import { metafieldsSet } from './metafields.ts';
import { orderObject, refundObject, transactionObject } from './objects.ts';
import { orderCreate, orderDelete } from './order-create.ts';
import { readableOrder } from './queries.ts';

type UserError = { field: string[] | null; message: string; code?: string };

const refusal = (field: string[] | null, message: string, code?: string): UserError =>
  code === undefined ? { field, message } : { field, message, code };

const gone = (field: string[]) => refusal(field, 'Order does not exist');

/** Shopify words this refusal in more than one way; the app must not read it. */
const CANNOT_BE_MARKED = [
  'Order cannot be marked as paid.',
  'This order cannot be marked as paid',
  'Order has already been paid and cannot be marked as paid.',
];

function orderMarkAsPaid(args: { input: { id: string } }, context: Context): object {
  needScope(context, 'write_orders', 'orderMarkAsPaid');
  const order = readableOrder(context, args.input.id);
  if (order === undefined) return { order: null, userErrors: [gone(['id'])] };
  const message = CANNOT_BE_MARKED[context.world.state.effects.length % CANNOT_BE_MARKED.length];
  return markAsPaid(context.world, order, context.by) === undefined
    ? { order: orderObject(order), userErrors: [refusal(['id'], message ?? '')] }
    : { order: orderObject(order), userErrors: [] };
}

type ManualPayment = {
  id: string;
  amount?: { amount: string; currencyCode: string } | null;
  paymentMethodName?: string | null;
  processedAt?: string | null;
};

function orderCreateManualPayment(args: ManualPayment, context: Context): object {
  needScope(context, 'write_orders', 'orderCreateManualPayment');
  const { world } = context;
  const order = readableOrder(context, args.id);
  const no = (field: string[] | null, message: string, code: string) => ({
    order: order === undefined ? null : orderObject(order),
    userErrors: [refusal(field, message, code)],
  });
  const call = { shop: context.shop.domain, names: context.names };
  if (world.faults.take(['order-unavailable'], call) !== undefined)
    return no(['id'], 'Order is temporarily unavailable', 'ORDER_IS_TEMPORARILY_UNAVAILABLE');
  if (order === undefined) return no(['id'], 'Order not found', 'ORDER_NOT_FOUND');
  const at = args.processedAt == null ? undefined : Date.parse(args.processedAt);
  if (at !== undefined && at > context.now)
    return no(['processedAt'], 'Processed at must not be in the future', 'PROCESSED_AT_INVALID');
  const part = manualAmount(order, args.amount);
  if (typeof part !== 'bigint') return no(['amount'], part.message, part.code);
  if (!isMethodOf(context, args.paymentMethodName ?? 'Other'))
    return no(['paymentMethodName'], 'Payment gateway is not found', 'GATEWAY_NOT_FOUND');
  recordPayment(world, order, {
    amountMinor: part,
    gateway: args.paymentMethodName ?? 'Other',
    by: context.by,
    ...(at === undefined ? {} : { processedAt: at }),
  });
  return { order: orderObject(order), userErrors: [] };
}

/** The manual methods as the merchant named them in the admin, and Shopify's own "Other". */
function isMethodOf({ world, shop }: Context, name: string): boolean {
  const methods = [...(world.state.methods[shop.domain] ?? shop.methods), 'Other'];
  const plain = (text: string): string => text.trim().toLowerCase();
  return methods.some((method) => plain(method) === plain(name));
}

function manualAmount(
  order: Order,
  given: ManualPayment['amount'],
): bigint | { message: string; code: string } {
  const owed = outstanding(order);
  if (given != null && given.currencyCode !== order.presentmentCurrency)
    return {
      message: `Currency must be the presentment currency ${order.presentmentCurrency}`,
      code: 'CURRENCY_MISMATCH',
    };
  const minor = given == null ? owed : minorOf(given.amount, order.presentmentCurrency);
  if (minor === undefined || minor <= 0n)
    return { message: 'Amount must be greater than zero', code: 'AMOUNT_NOT_POSITIVE' };
  if (minor > owed)
    return { message: 'Amount exceeds the balance of the order', code: 'AMOUNT_EXCEEDS_BALANCE' };
  return minor;
}

type Capture = {
  input: { id: string; parentTransactionId: string; amount: string; currency?: string | null };
};

function orderCapture({ input }: Capture, context: Context): object {
  needScope(context, 'write_orders', 'orderCapture');
  const no = (field: string[], message: string) => ({
    transaction: null,
    userErrors: [refusal(field, message)],
  });
  const order = readableOrder(context, input.id);
  if (order === undefined) return no(['id'], 'Order does not exist');
  const foreign = order.currency !== order.presentmentCurrency;
  if (foreign && input.currency == null) return no(['currency'], "Currency can't be blank");
  if (input.currency != null && input.currency !== order.presentmentCurrency)
    return no(['currency'], 'Currency must match the presentment currency');
  const parentId = idOf('OrderTransaction', input.parentTransactionId);
  const parent = order.transactions.find((it) => it.id === parentId);
  if (parent === undefined) return no(['parentTransactionId'], 'Transaction does not exist');
  if (!manuallyCapturable(order, parent))
    return no(['parentTransactionId'], 'Transaction cannot be captured');
  const amountMinor = minorOf(input.amount, order.presentmentCurrency);
  if (amountMinor === undefined || amountMinor <= 0n)
    return no(['amount'], 'Amount must be greater than zero');
  if (amountMinor > outstanding(order))
    return no(['amount'], 'Amount exceeds the amount that can be captured');
  const made = capture(context.world, order, { parent, amountMinor, by: context.by });
  return { transaction: transactionObject(order, made), userErrors: [] };
}

type Cancel = {
  orderId: string;
  reason: CancelReason;
  restock: boolean;
  staffNote?: string | null;
};

function orderCancel(args: Cancel, context: Context): object {
  needScope(context, 'write_orders', 'orderCancel');
  const no = (field: string[], message: string, code: string) => ({
    job: null,
    orderCancelUserErrors: [refusal(field, message, code)],
    userErrors: [refusal(field, message)],
  });
  const order = readableOrder(context, args.orderId);
  if (order === undefined) return no(['orderId'], 'Order does not exist', 'NOT_FOUND');
  if ((args.staffNote ?? '').length > 255)
    return no(['staffNote'], 'Staff note is too long', 'INVALID');
  const { reason, restock } = args;
  const job = startCancel(context.world, order, { reason, restock, by: context.by });
  if (typeof job === 'string') return no(['orderId'], job, 'INVALID');
  return {
    job: { id: `gid://shopify/Job/${job.id}`, done: job.done },
    orderCancelUserErrors: [],
    userErrors: [],
  };
}

function tagsAdd(args: { id: string; tags: string[] }, context: Context): object {
  needScope(context, 'write_orders', 'tagsAdd');
  const order = readableOrder(context, args.id);
  if (order === undefined) return { node: null, userErrors: [gone(['id'])] };
  order.tags = [...new Set([...order.tags, ...args.tags])];
  context.world.changed();
  return { node: orderObject(order), userErrors: [] };
}

type Update = { input: { id: string; note?: string | null; tags?: string[] | null } };

function orderUpdate({ input }: Update, context: Context): object {
  needScope(context, 'write_orders', 'orderUpdate');
  const other = Object.keys(input).find((key) => !['id', 'note', 'tags'].includes(key));
  if (other !== undefined)
    throw new GraphQLError(`The sandbox does not play OrderInput.${other}`, {
      extensions: { code: 'NOT_PLAYED' },
    });
  const order = readableOrder(context, input.id);
  if (order === undefined) return { order: null, userErrors: [gone(['id'])] };
  if (input.note !== undefined) order.note = input.note;
  if (input.tags != null) order.tags = [...input.tags];
  context.world.changed();
  return { order: orderObject(order), userErrors: [] };
}

type RefundArgs = {
  input: {
    orderId: string;
    note?: string | null;
    currency?: string | null;
    transactions?: { amount: string; kind: string }[] | null;
  };
};

const answered = new Map<string, { of: string; answer: object }>();

function refundCreate(args: RefundArgs, context: Context, info: GraphQLResolveInfo): object {
  needScope(context, 'write_orders', 'refundCreate');
  const key = idempotencyKey(info);
  if (key === undefined)
    throw new GraphQLError('The @idempotent directive is required for this mutation', {
      extensions: { code: 'BAD_REQUEST' },
    });
  const place = `${context.app.clientId} ${context.shop.domain} ${key}`;
  const of = digest(JSON.stringify(args));
  const before = answered.get(place);
  const no = (field: string[] | null, message: string) => ({
    refund: null,
    order: null,
    userErrors: [refusal(field, message)],
  });
  if (before !== undefined)
    return before.of === of
      ? before.answer
      : no(null, 'The idempotency key was used with other parameters');
  const order = readableOrder(context, args.input.orderId);
  if (order === undefined) return no(['orderId'], 'Order does not exist');
  if (args.input.currency != null && args.input.currency !== order.presentmentCurrency)
    return no(['currency'], 'Currency must be the presentment currency');
  const amountMinor = (args.input.transactions ?? []).reduce(
    (all, it) => all + (minorOf(it.amount, order.presentmentCurrency) ?? 0n),
    0n,
  );
  const note = args.input.note ?? null;
  const made = refund(context.world, order, { amountMinor, note, by: context.by });
  if (typeof made === 'string') return no(['transactions'], made);
  const answer = { refund: refundObject(order, made), order: orderObject(order), userErrors: [] };
  answered.set(place, { of, answer });
  return answer;
}

function idempotencyKey(info: GraphQLResolveInfo): string | undefined {
  const directive = info.fieldNodes[0]?.directives?.find((it) => it.name.value === 'idempotent');
  const value = directive?.arguments?.find((it) => it.name.value === 'key')?.value;
  if (value === undefined) return undefined;
  const key =
    value.kind === Kind.VARIABLE
      ? info.variableValues[value.name.value]
      : valueFromAST(value, GraphQLString);
  return typeof key === 'string' && key.trim() !== '' ? key : undefined;
}

export const mutations = {
  orderCreate,
  orderDelete,
  orderMarkAsPaid,
  orderCreateManualPayment,
  orderCapture,
  orderCancel,
  tagsAdd,
  orderUpdate,
  refundCreate,
  metafieldsSet,
};
