import type { PaymentSessions, SessionOutcome } from '../core/ports.ts';
import {
  apiVersions,
  captureSessionReject,
  captureSessionResolve,
  paymentsAppConfigure,
  paymentSessionPending,
  paymentSessionReject,
  paymentSessionResolve,
  refundSessionReject,
  refundSessionResolve,
  type PaymentsDocument,
  voidSessionReject,
  voidSessionResolve,
  type ToldHold,
  type ToldRefund,
  type ToldSession,
} from './payments-documents.ts';
import { unclear } from './answers.ts';
import { shopApi, type ShopApiDeps } from './shop-api.ts';

/** One shop's payment sessions through the Payments Apps API. It knows no other document. */
export function paymentSessions(deps: ShopApiDeps): PaymentSessions {
  const api = shopApi(deps, 'payments_apps/api');
  const ask = <T>(document: PaymentsDocument<T>, variables: object): Promise<T> =>
    api.ask(document, variables);
  return {
    resolve: async (id, authorizationExpiresAt) => {
      const until = authorizationExpiresAt?.toISOString();
      const answer = await ask(paymentSessionResolve, { id, ...(until && { until }) });
      return outcomeOf(answer.paymentSessionResolve);
    },
    reject: async (id, code) =>
      outcomeOf((await ask(paymentSessionReject, { id, reason: { code } })).paymentSessionReject),
    pending: async (id, until) => {
      const answer = await ask(paymentSessionPending, {
        id,
        pendingExpiresAt: until.toISOString(),
        // The money may be on its way in the network, and nobody here can hurry it.
        reason: 'NETWORK_ACTION_REQUIRED',
      });
      return outcomeOf(answer.paymentSessionPending);
    },
    resolveRefund: async (id) =>
      plainOutcomeOf((await ask(refundSessionResolve, { id })).refundSessionResolve),
    rejectRefund: async (id) => {
      // Shopify has one word for it, whatever the reason: the merchant reads ours in our admin.
      const reason = { code: 'PROCESSING_ERROR' };
      return plainOutcomeOf((await ask(refundSessionReject, { id, reason })).refundSessionReject);
    },
    resolveCapture: async (id) =>
      plainOutcomeOf((await ask(captureSessionResolve, { id })).captureSessionResolve),
    rejectCapture: async (id, code) => {
      const reason = { code };
      const answer = await ask(captureSessionReject, { id, reason });
      return plainOutcomeOf(answer.captureSessionReject);
    },
    resolveVoid: async (id) =>
      plainOutcomeOf((await ask(voidSessionResolve, { id })).voidSessionResolve),
    rejectVoid: async (id) => {
      const reason = { code: 'PROCESSING_ERROR' };
      return plainOutcomeOf((await ask(voidSessionReject, { id, reason })).voidSessionReject);
    },
    sayReady: async ({ handle, ready }) => {
      const answer = await ask(paymentsAppConfigure, { externalHandle: handle, ready });
      const told = answer.paymentsAppConfigure;
      if (told === null) throw unclear('no_data', { away: false });
      return told.userErrors.length === 0 ? { is: 'done' } : { is: 'refused', why: 'not_accepted' };
    },
    ping: async () => {
      await ask(apiVersions, {});
    },
  };
}

function plainOutcomeOf(told: ToldRefund | ToldHold | null): SessionOutcome {
  if (told === null) throw unclear('no_data', { away: false });
  const [first] = told.userErrors;
  if (first !== undefined) return { is: 'refused', why: first.code ?? 'not_accepted' };
  return { is: 'done', returnUrl: undefined };
}

/** The messages of userErrors are no contract: a code where there is one, else a word of ours. */
function outcomeOf(told: ToldSession | null): SessionOutcome {
  if (told === null) throw unclear('no_data', { away: false });
  const [first] = told.userErrors;
  if (first !== undefined) return { is: 'refused', why: first.code ?? 'not_accepted' };
  const returnUrl = told.paymentSession?.nextAction?.context?.redirectUrl ?? undefined;
  return { is: 'done', returnUrl };
}
