// A share: a part of a settled payment that a shop sets aside by rule for somebody else, such as an
// artist, a supplier or an affiliate. What each rule makes of a payment, which rules there may be
// together, and what a refund leaves of a share. Every rounding goes down to whole satoshis, and
// what is rounded off stays with the shop.
import type { Minor, Msat } from './money.ts';
import { msat, MSAT_PER_SAT } from './money.ts';
import type { AddressRefusal } from './pay-address.ts';
import { assert } from './trouble.ts';

/** What a share is at the moment. The same sentence stands on the merchant's page. */
export const shareStates = {
  owed: 'It is set aside and waits for its payout.',
  batched: 'Its receiver was asked for an invoice, and the signer is to pay it.',
  paid: 'The paying node says that its receiver has it.',
} as const satisfies Record<string, string>;
export type ShareState = keyof typeof shareStates;

/** 100 %, in basis points. */
export const wholeBp = 10_000;
/** More than anybody needs, and few enough to be read with each payment. */
export const mostRules = 100;
/** Less than this is not paid out, where the merchant has chosen nothing. */
export const usualLeastMsat = msat(10_000n * MSAT_PER_SAT);

/** Of which part of a payment how much: a part in basis points, or a fixed amount of sats. */
export type ShareAmount = { partBp: number } | { fixedMsat: Msat };

export type ShareRule = {
  id: bigint;
  receiverId: bigint;
  /** Of the goods of this vendor; null: of the whole. */
  vendor: string | null;
  amount: ShareAmount;
};

/** What an order consists of, in its presentment currency. */
export type Goods = {
  /** With shipping, taxes and tips. */
  totalMinor: Minor;
  /** What the goods of each vendor cost after all discounts. */
  ofVendor: ReadonlyMap<string, Minor>;
};

export type DueShare = { ruleId: bigint; receiverId: bigint; amountMsat: Msat };

/** Shopify shows a vendor as it was typed in. */
export const vendorKey = (vendor: string): string => vendor.trim().toLowerCase();

const wholeSatsDown = (amount: bigint): Msat => msat((amount / MSAT_PER_SAT) * MSAT_PER_SAT);

/** What part of the sats the goods of a vendor brought. Null: they are not known. */
function partOfVendor(receivedMsat: Msat, vendor: string, goods: Goods | undefined): bigint {
  if (goods === undefined) return 0n;
  let ofVendor = 0n;
  let ofAll = 0n;
  for (const [name, minor] of goods.ofVendor) {
    ofAll += minor;
    if (vendorKey(name) === vendorKey(vendor)) ofVendor += minor;
  }
  // Goods that cost more than the order is a store credit or a discount that is not theirs.
  const whole = ofAll > goods.totalMinor ? ofAll : goods.totalMinor;
  return whole <= 0n || ofVendor <= 0n ? 0n : (receivedMsat * ofVendor) / whole;
}

/**
 * What each rule sets aside of a payment: percentages first, then fixed amounts, each in the order
 * in which the rules were made, and all together never more than what was received. Shares of less
 * than one satoshi are left out. `goods` undefined: nothing is known of the vendors, and their
 * rules set nothing aside.
 */
export function sharesOf(
  rules: readonly ShareRule[],
  about: { receivedMsat: Msat; goods: Goods | undefined },
): DueShare[] {
  const { receivedMsat, goods } = about;
  assert(receivedMsat >= 0n, 'a share is of something that came');
  const inTurn = [...rules].sort((a, b) => {
    const isFixed = (rule: ShareRule): number => ('fixedMsat' in rule.amount ? 1 : 0);
    return isFixed(a) - isFixed(b) || (a.id < b.id ? -1 : 1);
  });
  let leftMsat: bigint = receivedMsat;
  const shares: DueShare[] = [];
  for (const { id: ruleId, receiverId, vendor, amount } of inTurn) {
    const ofMsat = vendor === null ? receivedMsat : partOfVendor(receivedMsat, vendor, goods);
    const wantedMsat =
      'partBp' in amount
        ? (ofMsat * BigInt(amount.partBp)) / BigInt(wholeBp)
        : ofMsat > 0n
          ? amount.fixedMsat
          : 0n;
    const amountMsat = wholeSatsDown(wantedMsat < leftMsat ? wantedMsat : leftMsat);
    if (amountMsat <= 0n) continue;
    leftMsat -= amountMsat;
    shares.push({ ruleId, receiverId, amountMsat });
  }
  return shares;
}

/**
 * What a refund leaves of a share that is not on its way: as much of what was booked as is left of
 * what was captured then. `refundedMinor`: since it was booked. The database does the same in
 * `share_adjust`.
 */
export function afterRefundRoundedDown(
  baseMsat: Msat,
  about: { capturedMinor: Minor; refundedMinor: Minor },
): Msat {
  const { capturedMinor, refundedMinor } = about;
  assert(capturedMinor > 0n, 'a share is of a captured payment');
  const left = capturedMinor - refundedMinor;
  const kept = left < 0n ? 0n : left > capturedMinor ? capturedMinor : left;
  return wholeSatsDown((baseMsat * kept) / capturedMinor);
}

/** Whether a shop has a rule that needs to know the vendors of an order. */
export const asksForVendors = (rules: readonly Pick<ShareRule, 'vendor'>[]): boolean =>
  rules.some(({ vendor }) => vendor !== null);

/** Why a wish is not taken, as its page says it. */
export const shareRefusals = {
  too_many_rules: 'There are as many rules as there can be. End one first.',
  part_unreadable: 'Give a percentage above 0 and up to 100, such as 12.5.',
  amount_unreadable: 'Give a whole number of satoshis above zero.',
  more_than_whole: 'All percentages together would be more than 100 %.',
  name_wanted: 'Say who it is.',
  address_unreadable: 'Give a Lightning address, such as name@example.com.',
  unknown_rule: 'There is no such rule any more. Look at the page again.',
  unreadable: 'Something in it cannot be read.',
} as const satisfies Record<string, string>;
export type ShareRefusal = keyof typeof shareRefusals;
export type RuleRefusal = Exclude<ShareRefusal, 'unknown_rule' | 'unreadable'>;

/** Why the server of an address gave no invoice. */
export const shareWords = {
  address_silent: 'The server of the address gives no answer that can be read.',
  address_refuses: 'The server of the address refuses, or there is nobody of that name.',
  address_limits: 'The server of the address takes smaller or larger amounts only.',
  address_differs: 'The server of the address gave an invoice that is not the one asked for.',
  request_expired: 'The invoice ran out, or had too little time left.',
} as const satisfies Record<AddressRefusal | 'request_expired', string>;
export const isShareWord = (word: string): word is keyof typeof shareWords => word in shareWords;

/** Why a rule cannot be added to these; undefined: it can. Percentages are at most the whole. */
export function whyNoRule(
  rules: readonly Pick<ShareRule, 'vendor' | 'amount'>[],
  wanted: Pick<ShareRule, 'vendor' | 'amount'>,
): RuleRefusal | undefined {
  if (rules.length >= mostRules) return 'too_many_rules';
  const { amount } = wanted;
  if ('fixedMsat' in amount) {
    const isWhole = amount.fixedMsat > 0n && amount.fixedMsat % MSAT_PER_SAT === 0n;
    return isWhole ? undefined : 'amount_unreadable';
  }
  const { partBp } = amount;
  if (!Number.isInteger(partBp) || partBp < 1 || partBp > wholeBp) return 'part_unreadable';
  return mostSharedBp([...rules, wanted]) > wholeBp ? 'more_than_whole' : undefined;
}

/** The most that percentages together take of anything: of the whole, and of the worst vendor. */
export function mostSharedBp(rules: readonly Pick<ShareRule, 'vendor' | 'amount'>[]): number {
  let ofWhole = 0;
  const ofVendor = new Map<string, number>();
  for (const { vendor, amount } of rules) {
    if (!('partBp' in amount)) continue;
    if (vendor === null) ofWhole += amount.partBp;
    else {
      const key = vendorKey(vendor);
      ofVendor.set(key, (ofVendor.get(key) ?? 0) + amount.partBp);
    }
  }
  return ofWhole + Math.max(0, ...ofVendor.values());
}

/** `12.5` as 1,250 basis points; undefined for what is no percentage with two digits at most. */
export function readPart(text: string): number | undefined {
  const [, whole, part = ''] = /^(\d{1,3})(?:[.,](\d{1,2}))?$/.exec(text.trim()) ?? [];
  if (whole === undefined) return undefined;
  const bp = Number(whole) * 100 + Number(part.padEnd(2, '0'));
  return bp >= 1 && bp <= wholeBp ? bp : undefined;
}

/** 1,250 basis points as `12.5`. */
export const partText = (bp: number): string =>
  `${String(Math.floor(bp / 100))}.${String(bp % 100).padStart(2, '0')}`.replace(/\.?0+$/, '');

/** So many shares go into one payout: the node is asked about the payment of each. */
export const mostOfBatch = 100;
/** A receiver whose server gives no invoice is asked again after this; each time twice as long. */
export const askAgainMs = (attempts: number): number =>
  Math.min(60_000 * 2 ** Math.min(attempts, 10), 6 * 3_600_000);
