// The price of this moment, where money leaves the shop or is taken without a person: by the
// merchant's own terms, and never by one source that speaks alone.
import type { Currency } from '../core/money.ts';
import { agreePrice, type AgreedPrice } from '../core/quote.ts';
import { termsOf, type Settings } from '../core/settings.ts';
import type { Deps } from './flow.ts';

/** Undefined: no quorum. */
export async function agreedNow(
  deps: Deps,
  about: { settings: Settings; currency: Currency },
): Promise<AgreedPrice | undefined> {
  const { settings, currency } = about;
  const { policy, sources } = termsOf(deps, settings);
  const prices = await deps.rates.pricesFor(currency, sources);
  const priced = agreePrice(prices, { currency, now: deps.clock(), policy });
  return priced.ok ? priced.agreed : undefined;
}
