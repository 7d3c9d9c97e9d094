// A shop that has the payments app, as after its grant, and a buyer who chose it at checkout.
import { installPaymentsApp } from '../../web/flows/install-payments-app.ts';
import { parseVaultKeys } from '../../web/vault/keys.ts';
import { openVault } from '../../web/vault/seal.ts';
import { aLog } from '../worker/play.ts';
import type { CheckoutInput, PaymentSession } from '../../sandbox/shopify/payments/index.ts';
import { paymentsApp, shopName, until, type World } from '../world.ts';

/** The grant is over: our books have the tokens that it gave. Gives the id of the shop's row. */
export async function hasPaymentsApp(
  world: Pick<World, 'shopify' | 'db' | 'vaultKeys'>,
  given: { shop?: string; test?: boolean } = {},
): Promise<number> {
  const { shopify, db } = world;
  const { shop: domain = shopName, test = false } = given;
  const token = shopify.payments.prepare({ app: paymentsApp.name, shop: domain, test });
  const { id: registrationId } = await db.prisma.registration.findFirstOrThrow({
    where: { clientId: paymentsApp.clientId },
  });
  const tokens = {
    accessToken: token.accessToken,
    accessTokenEndsAt: token.expiresAt === null ? null : new Date(token.expiresAt),
    refreshToken: token.refreshToken,
    refreshTokenEndsAt: null,
    scopes: 'write_payment_gateways,write_payment_sessions',
  };
  const { id } = await installPaymentsApp(
    {
      db,
      log: aLog(),
      sealer: openVault(parseVaultKeys(world.vaultKeys) ?? []),
      exchangeCode: () => Promise.resolve(tokens),
    },
    { registrationId, domain, code: 'a-code' },
  );
  return id;
}

/** The buyer chose it at checkout, and Shopify has our answer. */
export async function chosen(
  world: World,
  input: CheckoutInput = {},
): Promise<PaymentSession & { payUrl: string }> {
  const session = await world.shopify.payments.checkout({ app: paymentsApp.name, ...input });
  const payUrl = session.redirectUrl;
  if (payUrl === null) throw new Error(JSON.stringify(session.exchanges));
  return { ...session, payUrl };
}

export const rowOfSession = (world: World, session: { id: string }) =>
  world.db.prisma.payment.findFirstOrThrow({
    where: { originId: `gid://shopify/PaymentSession/${session.id}` },
  });

export const sessionIs = (
  world: World,
  session: { id: string },
  state: string,
  withinMs = 60_000,
): Promise<unknown> =>
  until(
    `session ${session.id} is ${state}`,
    async () => (await rowOfSession(world, session)).state === state,
    withinMs,
  );
