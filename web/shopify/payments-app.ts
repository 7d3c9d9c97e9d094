// The payments app itself, at one shop: whether it is ready, and whether it is still installed.
import { paymentsApiVersions, paymentsAppConfigure } from './payments-app-documents.ts';
import type { ShopApi } from './shop-api.ts';

type PaymentsApi = Pick<ShopApi, 'ask'>;

/**
 * Tells Shopify whether the shop can take payments; before `true` the merchant cannot activate the
 * method. `account`: by what the merchant knows this account. Saying it again changes nothing.
 */
export async function configure(
  api: PaymentsApi,
  given: { account: string; ready: boolean },
): Promise<'taken' | 'refused'> {
  const { paymentsAppConfigure: answer } = await api.ask(paymentsAppConfigure, {
    externalHandle: given.account,
    ready: given.ready,
  });
  const { paymentsAppConfiguration: stored, userErrors } = answer;
  return userErrors.length === 0 && stored?.ready === given.ready ? 'taken' : 'refused';
}

/** Nothing when the token works. Throws Trouble; `token_refused` when it does not. */
export async function touch(api: PaymentsApi): Promise<void> {
  await api.ask(paymentsApiVersions, {});
}
