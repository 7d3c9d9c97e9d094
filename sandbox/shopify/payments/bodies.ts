/**
 * The JSON of session requests, key by key as Shopify writes it. There is no HMAC: the client
 * certificate is the proof.
 */

import { digest, hex, moment } from '../ids.ts';
import { padded } from '../money.ts';
import type { MoneySession, PaymentSession } from './nouns.ts';

/** Whose personal data every session request carries: no app has a reason to keep any of it. */
export const BUYER = {
  email: 'canary.buyer@example.com',
  phone_number: '+15145550199',
  locale: 'fr',
  given_name: 'Aliénor',
  family_name: 'Canarybird',
  line1: '123 Canary Street',
  line2: 'Suite Canary-B',
  city: 'Montréal-Canary',
  postal_code: 'H2Z 0B3',
  company: 'Canary & Daughters',
} as const;

const address = {
  given_name: BUYER.given_name,
  family_name: BUYER.family_name,
  line1: BUYER.line1,
  line2: BUYER.line2,
  city: BUYER.city,
  postal_code: BUYER.postal_code,
  province: 'Quebec',
  province_code: 'QC',
  country_code: 'CA',
  phone_number: BUYER.phone_number,
  company: BUYER.company,
};

const customer = {
  email: BUYER.email,
  phone_number: BUYER.phone_number,
  locale: BUYER.locale,
  billing_address: address,
  shipping_address: address,
};

const base64 = (text: string): string => Buffer.from(digest(text), 'hex').toString('base64');

/** 24 letters and digits, as in the official samples; some have `-` and `_`. */
export const newId = (): string => Buffer.from(hex(18), 'hex').toString('base64url');

export const groupOf = (checkoutToken: string): string => base64(`group ${checkoutToken}`);

export type BodyVariant = {
  /** Where the cancel address stands: nested as documented, or at the top as some have seen. */
  cancelUrlAt?: 'nested' | 'top';
  /** Default true; it is optional. */
  customer?: boolean;
  merchantLocale?: string;
};

export function paymentBody(
  session: Omit<PaymentSession, 'sent'>,
  input: BodyVariant & { cancelUrl: string },
): string {
  const { id, group, amountMinor, currency, test, kind } = session;
  const nested = input.cancelUrlAt !== 'top';
  return JSON.stringify({
    id,
    gid: `gid://shopify/PaymentSession/${id}`,
    group,
    session_id: base64(`session ${group} ${amountMinor} ${currency}`),
    amount: padded(amountMinor, currency),
    currency,
    test,
    merchant_locale: input.merchantLocale ?? 'en',
    payment_method: {
      type: 'offsite',
      data: nested ? { cancel_url: input.cancelUrl } : {},
    },
    ...(nested ? {} : { cancel_url: input.cancelUrl }),
    proposed_at: moment(session.proposedAt),
    kind,
    ...(input.customer === false ? {} : { customer }),
    transaction_metadata: {
      shipping: { price: padded(0n, currency), discount: padded(0n, currency) },
      tax_amount: padded(0n, currency),
      order_level_discount: padded(0n, currency),
      localized_fields: [],
    },
  });
}

const KINDS = { refund: 'RefundSession', capture: 'CaptureSession', void: 'VoidSession' } as const;

export const moneyGid = (session: Pick<MoneySession, 'what' | 'id'>): string =>
  `gid://shopify/${KINDS[session.what]}/${session.id}`;

/** A void has no amount. */
export function moneyBody(session: Omit<MoneySession, 'sent'>): string {
  const { id, what, paymentId, amountMinor, currency, test } = session;
  const amount = { amount: padded(amountMinor, currency), currency };
  return JSON.stringify({
    id,
    gid: moneyGid(session),
    payment_id: paymentId,
    ...(what === 'void' ? {} : amount),
    test,
    merchant_locale: 'en',
    proposed_at: moment(session.proposedAt),
  });
}
