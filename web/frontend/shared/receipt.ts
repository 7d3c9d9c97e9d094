// A receipt: what a buyer may show to anybody, and what anybody can check without us. The node's
// signature under the BOLT11 says what was asked for what; that whoever has the receipt knows the
// preimage says that it was paid.
import { hexOf, readSigned, sha256, type SignedRequest } from './signed-request.ts';

export type Receipt = {
  /** The form of this file. */
  receipt: 'zaptill/1';
  /** The shop's permanent name, such as `example.myshopify.com`. */
  shop: string;
  /** As Shopify shows it, such as `#1001`. */
  order: string;
  /** The payment's id. */
  payment: string;
  /** No real money moved. */
  test: boolean;
  /** By the clock of the node, ISO 8601. */
  paidAt: string;
  /** What was asked in the buyer's currency: a decimal string and an ISO 4217 code. */
  fiat: { amount: string; currency: string };
  /** What the request asked, in msat. */
  amountMsat: string;
  /** What came, in msat: the same, or more. */
  paidMsat: string;
  price: {
    /** Currency units for one bitcoin, a decimal string. */
    perBitcoin: string;
    at: string;
    /** The shop's own discount (below zero) or markup on the sats, in hundredths of a percent. */
    adjustmentBp: number;
    sources: readonly { source: string; price: string; at: string }[];
  };
  /** The payment hash and its preimage: 32 bytes, lower-case hex. */
  hash: string;
  preimage: string;
  /** The BOLT11 that was paid. */
  request: string;
  /** The node that signed it: 33 bytes, lower-case hex. */
  node: string;
  network: SignedRequest['network'];
};

/** Why a receipt is not believed. Each has its words `verify.<fault>`. */
export const receiptFaults = [
  ...(['not_a_receipt', 'preimage_differs', 'request_unreadable', 'hash_differs'] as const),
  ...(['amount_differs', 'node_differs', 'network_differs', 'order_differs'] as const),
  'fiat_differs',
  ...(['paid_less', 'rate_differs', 'paid_before_asked'] as const),
] as const;
export type ReceiptFault = (typeof receiptFaults)[number];

export type Checked =
  | {
      ok: true;
      receipt: Receipt;
      request: SignedRequest;
      /** The node signed the amount in the buyer's currency too. Older requests do not name it. */
      isFiatSigned: boolean;
    }
  | { ok: false; faults: ReceiptFault[] };

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const is = (form: RegExp) => (value: unknown) => typeof value === 'string' && form.test(value);
const [isHash, isNode] = [is(/^[0-9a-f]{64}$/), is(/^0[23][0-9a-f]{64}$/)];
const [isMsat, isDecimal] = [is(/^[1-9]\d{0,18}$/), is(/^\d{1,18}(\.\d{1,8})?$/)];
const isTime = is(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z$/);
const isText = is(/^.{1,7200}$/su);

const isBasisPoints = (value: unknown): boolean =>
  Number.isInteger(value) && Math.abs(Number(value)) <= 9_000;

const isPrice = (value: unknown): boolean =>
  isObject(value) &&
  isDecimal(value['perBitcoin']) &&
  isTime(value['at']) &&
  isBasisPoints(value['adjustmentBp']) &&
  Array.isArray(value['sources']) &&
  value['sources'].length <= 20 &&
  value['sources'].every(
    (each: unknown) => isObject(each) && isText(each['source']) && isTime(each['at']),
  );

const forms: Readonly<Record<keyof Receipt, (value: unknown) => boolean>> = {
  receipt: (value) => value === 'zaptill/1',
  ...{ shop: isText, order: isText, payment: isText, paidAt: isTime, request: isText },
  test: (value) => typeof value === 'boolean',
  fiat: (value) => isObject(value) && isDecimal(value['amount']) && isText(value['currency']),
  ...{ amountMsat: isMsat, paidMsat: isMsat, price: isPrice },
  ...{ hash: isHash, preimage: isHash, node: isNode, network: isText },
};

function receiptIn(text: string): Receipt | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (!isObject(value)) return undefined;
    const isWhole = Object.entries(forms).every(([name, fits]) => fits(value[name]));
    return isWhole ? (value as Receipt) : undefined;
  } catch {
    return undefined;
  }
}

const bytesOfHex = (hex: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));

/** A decimal as whole units of 10^-8. */
function unitsE8(decimal: string): bigint {
  const [whole = '', part = ''] = decimal.split('.');
  return BigInt(whole + part.padEnd(8, '0'));
}

const msatPerBitcoin = 100_000_000_000n;
const msatPerSat = 1_000n;

/** The price must come to the amount, up to the one sat to which it is rounded up. */
function isAtPrice({ fiat, price, amountMsat }: Receipt): boolean {
  const perBitcoin = unitsE8(price.perBitcoin);
  const whole = unitsE8(fiat.amount) * msatPerBitcoin * BigInt(10_000 + price.adjustmentBp);
  const share = perBitcoin * 10_000n;
  const apart = BigInt(amountMsat) * share - whole;
  return perBitcoin > 0n && apart > -msatPerSat * share && apart < 2n * msatPerSat * share;
}

/**
 * What a memo of ours names, as in `example #1001, 12.30 EUR`: the shop and its order, as far as
 * there is room, and what was asked. Older ones end with the order.
 */
function readMemo(memo: string): { named: string; fiat?: string } {
  const [, named, fiat] = /^(.*), (\d{1,18}(?:\.\d{1,8})? [A-Z]{3})$/su.exec(memo) ?? [];
  return named === undefined || fiat === undefined ? { named: memo } : { named, fiat };
}

/** As it was cut: before an amount by letters, in older memos by units of UTF-16. */
function nameOf({ shop, order }: Receipt, isOlder: boolean): string {
  const whole = `${shop.replace('.myshopify.com', '')} ${order}`;
  if (isOlder) return whole.slice(0, 120);
  return Array.from(whole.trim()).slice(0, 100).join('');
}

/** How far a node's clock may go. Its invoice is made before it is paid. */
const clocksApartMs = 5 * 60_000;

/**
 * Checks a receipt by itself: nobody is asked. That the node of the receipt is the shop's is for
 * whoever knows the shop to say.
 */
export async function checkReceipt(text: string): Promise<Checked> {
  const receipt = receiptIn(text);
  if (receipt === undefined) return { ok: false, faults: ['not_a_receipt'] };
  const request = await readSigned(receipt.request);
  const preimage = await sha256(bytesOfHex(receipt.preimage));
  const faults: ReceiptFault[] = [];
  const must = (fits: boolean, fault: ReceiptFault): void => {
    if (!fits) faults.push(fault);
  };
  must(hexOf(preimage) === receipt.hash, 'preimage_differs');
  if (request === undefined) return { ok: false, faults: [...faults, 'request_unreadable'] };
  must(request.hash === receipt.hash, 'hash_differs');
  must(request.amountMsat?.toString() === receipt.amountMsat, 'amount_differs');
  must(request.node === receipt.node, 'node_differs');
  must(request.network === receipt.network, 'network_differs');
  const memo = readMemo(request.memo ?? '');
  const isFiatSigned = memo.fiat !== undefined;
  must(memo.named === nameOf(receipt, !isFiatSigned), 'order_differs');
  const { amount, currency } = receipt.fiat;
  must(!isFiatSigned || memo.fiat === `${amount} ${currency}`, 'fiat_differs');
  must(BigInt(receipt.paidMsat) >= BigInt(receipt.amountMsat), 'paid_less');
  must(isAtPrice(receipt), 'rate_differs');
  const paidMs = Date.parse(receipt.paidAt);
  must(paidMs >= request.madeAt * 1_000 - clocksApartMs, 'paid_before_asked');
  return faults.length === 0 ? { ok: true, receipt, request, isFiatSigned } : { ok: false, faults };
}
