// The page that the block stands on, in the words that the block uses. Both targets offer nearly
// the same; each entrance adds what differs.
import type { Followed } from './follow.ts';

export type Host = Followed & {
  say: (key: string, values?: Record<string, string>) => string;
  /** A decimal string of satoshis, as the buyer reads numbers. */
  sats: (amount: string) => string;
  /** Hundredths of a percent. */
  percent: (basisPoints: number) => string;
  money: (fiat: { amount: string; currency: string }) => string;
  /** The hour and minute where the buyer is. */
  time: (at: string) => string;
  /** The day and time where the buyer is. */
  moment: (at: string) => string;
  shopName: string;
  /** The merchant is placing the block: no order is behind it. */
  inEditor: boolean;
  /** Nothing speaks against it that this order is to be paid by us. The server decides. */
  likelyOurs: () => boolean;
  /** The key of the sentence for a payment that takes its time to appear. */
  slow: 'slow' | 'slow_here';
};

/** What the global `shopify` of both targets has. `shopify.d.ts` gives it its type. */
type Page = Pick<typeof shopify, 'i18n' | 'sessionToken' | 'shop' | 'extension'>;

/** Amounts become numbers to be printed only; a shop's amounts keep their cents in a double. */
export function hostOf(page: Page): Omit<Host, 'order' | 'likelyOurs' | 'slow'> {
  const { i18n, sessionToken, shop, extension } = page;
  return {
    say: (key, values) => i18n.translate(key, values),
    sats: (amount) => i18n.formatNumber(Number(amount), { maximumFractionDigits: 3 }),
    percent: (basisPoints) =>
      i18n.formatNumber(basisPoints / 10_000, { style: 'percent', maximumFractionDigits: 2 }),
    money: ({ amount, currency }) => i18n.formatCurrency(Number(amount), { currency }),
    time: (at) => i18n.formatDate(new Date(at), { hour: 'numeric', minute: '2-digit' }),
    moment: (at) => i18n.formatDate(new Date(at), { dateStyle: 'medium', timeStyle: 'short' }),
    token: () => sessionToken.get(),
    shopName: shop.name,
    inEditor: extension.editor !== undefined,
  };
}
