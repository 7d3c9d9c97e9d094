// What a self-test goes through, hop by hop, and how its order is told from a shopper's. A hop that
// failed ends the run; one that was only late is a warning, because payments find another way.
import type { OrderReading } from './payment.ts';

/** In the order in which they are made. */
export const selfTestHops = [
  'reach_node',
  'make_invoice',
  'see_invoice',
  'follow_node',
  'cancel_invoice',
  'make_order',
  'hear_order',
  'record_part',
  'mark_order',
  'clean_up',
] as const;
export type SelfTestHop = (typeof selfTestHops)[number];

/**
 * `warned`: it did not happen in time, and payments do not depend on it. `skipped`: the run had
 * ended before.
 */
export type SelfTestState = 'waiting' | 'running' | 'passed' | 'warned' | 'failed' | 'skipped';

export type SelfTestStep = {
  hop: SelfTestHop;
  state: SelfTestState;
  /** How long it took, in milliseconds; null while it has not ended. */
  ms: number | null;
  /** A word for what went wrong; null: nothing did. */
  code: SelfTestCode | null;
  /** The same in a sentence, with what to do. */
  sentence: string | null;
  /** What the sentence names, for a page in another language. */
  values?: Readonly<Record<string, string>>;
  /** What it made, to be taken away later if this run cannot. Never a secret. */
  made?: { hash?: string; nodeId?: number; orderId?: string };
};

/** What may go wrong, in words for the merchant: what is so, and what to do. */
export const selfTestSentences = {
  no_node: 'No node is connected. Connect one first.',
  node_trouble:
    'Your node did not answer, or refused. See that LND runs, that its wallet is unlocked and ' +
    'that its port is open. For support: {what}.',
  nothing_receivable:
    'The node answers, but nothing can be received at the moment: see what it needs above.',
  invoice_not_seen: 'The node made the invoice and does not find it again. Look into its log.',
  not_followed:
    'Nobody on this server follows the payments of your node. Start the worker ("npm run work"), ' +
    'or wait a moment if it has just started.',
  not_canceled: 'The node did not cancel the invoice. Nobody knows it, and it ends by itself.',
  shop_trouble: 'Shopify did not answer, or refused. Try again in a moment. For support: {what}.',
  order_refused: 'Shopify did not make the test order. It said: {why}',
  order_not_readable: 'Shopify made the test order and does not show it. Try again in a moment.',
  webhook_late:
    'No word of the test order came from Shopify within {seconds} seconds. Payments do not wait ' +
    'for it, but the address in the app’s configuration may be wrong.',
  method_unknown:
    'Shopify knows no manual payment method with the name “{method}”. Add it under Settings, ' +
    'Payments, with exactly this name.',
  part_refused: 'Shopify did not record a partial payment ({why}).',
  not_marked: 'Shopify did not mark the test order as paid ({why}).',
  order_left:
    'The test order is cancelled, and Shopify did not let us delete it ({why}). It does no harm.',
  not_cancelled: 'The test order could not be cancelled ({why}). Cancel it in Shopify yourself.',
  order_lost:
    'Shopify did not say whether it made the test order. We look for it and take it away.',
  out_of_time: 'The test took too long and was ended. Try again in a moment.',
  defect: 'Something went wrong on our side, and it was written down. Try again.',
} as const;
export type SelfTestCode = keyof typeof selfTestSentences;

/** A sentence with its values filled in. */
export const selfTestSentence = (
  code: SelfTestCode,
  values: Readonly<Record<string, string>> = {},
): string =>
  selfTestSentences[code].replace(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole);

/** 1 sat: the smallest invoice that every wallet shows. */
export const selfTestMsat = 1_000n;

/** One that takes longer than this has lost who ran it. Longer than all hops may take together. */
export const selfTestEndsMs = 180_000;

const orderName = 'Zaptill self-test';
/** The name that the test order gets in the shop. */
export const selfTestOrderName = (runId: string): string => `${orderName} ${runId}`;

/** Only the shop's own staff and apps name an order, and a test flag is never a shopper's. */
export const isSelfTestOrder = (order: Pick<OrderReading, 'name' | 'test'>): boolean =>
  order.test && order.name.startsWith(orderName);

/** The order of this one run. Another run of the shop may be under way. */
export const isOrderOfRun = (
  order: Pick<OrderReading, 'name' | 'test'>,
  runId: string,
): boolean => {
  const name = selfTestOrderName(runId);
  return order.test && order.name.startsWith(name) && !/^\d/.test(order.name.slice(name.length));
};

/** Shopify was asked for the order, and nobody knows whether it made it. */
export function isOrderLost(steps: readonly SelfTestStep[]): boolean {
  const making = steps.find(({ hop }) => hop === 'make_order');
  if (making === undefined || making.made !== undefined) return false;
  if (making.state === 'running') return true;
  const isNo = making.code === 'order_refused' || making.code === 'out_of_time';
  return making.state === 'failed' && !isNo;
}

export const freshSteps = (): SelfTestStep[] =>
  selfTestHops.map((hop) => ({ hop, state: 'waiting', ms: null, code: null, sentence: null }));
