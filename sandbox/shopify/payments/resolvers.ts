/**
 * The mutations of the Payments Apps API, and its only query. Sessions are found by (app, shop,
 * id); another app's or another shop's session does not exist. There is no way to look one up.
 */

import { invalidId, needScope, type Context } from '../graphql/context.ts';
import { isGid, moment } from '../ids.ts';
import { API_VERSION } from '../schema.ts';
import { moneyGid } from './bodies.ts';
import { configure } from './gateways.ts';
import type { MoneyKind, MoneySession, PaymentSession, Rejection } from './nouns.ts';
import * as verdicts from './verdicts.ts';

const SESSIONS = 'write_payment_sessions';
const GATEWAYS = 'write_payment_gateways';

type Reason = { code: string; merchantMessage?: string | null; source?: string | null };

const rejectionOf = (reason: Reason): Rejection => ({
  code: reason.code,
  merchantMessage: reason.merchantMessage ?? null,
  source: reason.source ?? null,
});

/** The last part of a global id of that kind; undefined for another kind. */
function idIn(text: string, kind: string): string | undefined {
  if (!isGid(text)) throw invalidId(text);
  return new RegExp(`^gid://shopify/${kind}/([\\w-]{1,64})$`).exec(text)?.[1];
}

function paymentFor(context: Context, text: string): PaymentSession | undefined {
  const id = idIn(text, 'PaymentSession');
  return context.world.state.sessions.find(
    (it) => it.id === id && it.shop === context.shop.domain && it.clientId === context.app.clientId,
  );
}

function moneyFor(
  context: Context,
  input: { text: string; what: MoneyKind; kind: string },
): MoneySession | undefined {
  const id = idIn(input.text, input.kind);
  return context.world.state.moneySessions.find(
    (it) =>
      it.id === id &&
      it.what === input.what &&
      it.shop === context.shop.domain &&
      it.clientId === context.app.clientId,
  );
}

const rejected = (rejection: Rejection | null, name: string) => ({
  __typename: `${name}StateRejected`,
  code: 'REJECTED',
  reason: rejection?.code ?? 'PROCESSING_ERROR',
  merchantMessage: rejection?.merchantMessage ?? null,
  source: rejection?.source ?? null,
});

function stateOf(session: PaymentSession): object {
  if (session.state === 'resolved')
    return { __typename: 'PaymentSessionStateResolved', code: 'RESOLVED' };
  if (session.state === 'rejected') return rejected(session.rejection, 'PaymentSession');
  return {
    __typename: 'PaymentSessionStatePending',
    code: 'PENDING',
    reason: session.pendingReason,
  };
}

function paymentObject(context: Context, session: PaymentSession): object {
  const { shop, checkoutToken } = session;
  const checkout = `${context.world.origin()}/${shop}/checkouts/${checkoutToken}`;
  const redirectUrl = `${checkout}/processing`;
  return {
    id: `gid://shopify/PaymentSession/${session.id}`,
    state: stateOf(session),
    authorizationExpiresAt: session.authorizationExpiresAt,
    pendingExpiresAt: session.pendingExpiresAt === null ? null : moment(session.pendingExpiresAt),
    nextAction: {
      action: 'REDIRECT',
      context: { __typename: 'PaymentSessionActionsRedirect', redirectUrl },
    },
  };
}

/** `coded`: this payload's errors have a code; the others' have none in the schema. */
const paymentAnswer = (context: Context, said: verdicts.Said<PaymentSession>, coded = false) =>
  said.ok
    ? { paymentSession: paymentObject(context, said.session), userErrors: [] }
    : {
        paymentSession: null,
        userErrors: [
          { field: ['id'], message: said.message, ...(coded ? { code: said.code } : {}) },
        ],
      };

const notFound = (code: string) =>
  ({ ok: false, code, message: 'Payment session not found' }) as const;

const threeDSecure = (given: unknown) =>
  given === undefined || given === null
    ? undefined
    : ({
        ok: false,
        code: '',
        message: 'Authentication must not be present for this payment method',
      } as const);

type PaymentArgs = { id: string; authentication?: unknown };

function paymentSessionResolve(
  args: PaymentArgs & { authorizationExpiresAt?: string | null },
  context: Context,
): object {
  needScope(context, SESSIONS, 'paymentSessionResolve');
  const session = paymentFor(context, args.id);
  const { by } = context;
  const authorizationExpiresAt = args.authorizationExpiresAt ?? null;
  const said =
    session === undefined
      ? notFound('')
      : (threeDSecure(args.authentication) ??
        verdicts.resolvePayment(context.world, session, { authorizationExpiresAt, by }));
  return paymentAnswer(context, said);
}

function paymentSessionReject(args: PaymentArgs & { reason: Reason }, context: Context): object {
  needScope(context, SESSIONS, 'paymentSessionReject');
  const session = paymentFor(context, args.id);
  const rejection = rejectionOf(args.reason);
  const { by } = context;
  const said =
    session === undefined
      ? notFound('')
      : (threeDSecure(args.authentication) ??
        verdicts.rejectPayment(context.world, session, { rejection, by }));
  return paymentAnswer(context, said);
}

function paymentSessionPending(
  args: PaymentArgs & { pendingExpiresAt: string; reason: string },
  context: Context,
): object {
  needScope(context, SESSIONS, 'paymentSessionPending');
  const session = paymentFor(context, args.id);
  const { reason } = args;
  const expiresAt = Date.parse(args.pendingExpiresAt);
  const said =
    session === undefined
      ? notFound('NOT_FOUND')
      : verdicts.pendPayment(context.world, session, { reason, expiresAt, by: context.by });
  return paymentAnswer(context, said, true);
}

/** Valid in the schema, and never right for an offsite session. */
const notForOffsite = (code: string, message: string) => (args: PaymentArgs, context: Context) => {
  needScope(context, SESSIONS, 'paymentSession');
  const found = paymentFor(context, args.id) !== undefined;
  const said = found ? ({ ok: false, code, message } as const) : notFound(PAYMENT_NOT_FOUND);
  return paymentAnswer(context, said, true);
};

const PAYMENT_NOT_FOUND = 'PAYMENT_SESSION_NOT_FOUND';

const NAMES = {
  refund: { kind: 'RefundSession', field: 'refundSession' },
  capture: { kind: 'CaptureSession', field: 'captureSession' },
  void: { kind: 'VoidSession', field: 'voidSession' },
} as const;

function moneyMutation(what: MoneyKind, verdict: 'Resolve' | 'Reject') {
  const { kind, field } = NAMES[what];
  return (args: { id: string; reason?: Reason }, context: Context): object => {
    needScope(context, SESSIONS, `${field}${verdict}`);
    const { world, by } = context;
    const session = moneyFor(context, { text: args.id, what, kind });
    if (session === undefined) {
      const code = `${what.toUpperCase()}_SESSION_NOT_FOUND`;
      const message = `${kind} not found`;
      return { [field]: null, userErrors: [{ field: ['id'], message, code }] };
    }
    const said =
      verdict === 'Resolve'
        ? verdicts.resolveMoney(world, session, by)
        : verdicts.rejectMoney(world, session, {
            rejection: rejectionOf(args.reason ?? { code: 'PROCESSING_ERROR' }),
            by,
          });
    if (!said.ok) {
      const { message, code } = said;
      return { [field]: null, userErrors: [{ field: ['id'], message, code }] };
    }
    const state =
      verdict === 'Resolve'
        ? { __typename: `${kind}StateResolved`, code: 'RESOLVED' }
        : rejected(session.rejection, kind);
    return { [field]: { id: moneyGid(session), state }, userErrors: [] };
  };
}

function paymentsAppConfigure(
  args: { ready: boolean; externalHandle?: string | null },
  context: Context,
): object {
  needScope(context, GATEWAYS, 'paymentsAppConfigure');
  const { ready, externalHandle } = configure(context.world, {
    clientId: context.app.clientId,
    shop: context.shop.domain,
    ready: args.ready,
    externalHandle: args.externalHandle ?? null,
  });
  return { paymentsAppConfiguration: { externalHandle, ready }, userErrors: [] };
}

export const paymentsMutations = {
  paymentSessionResolve,
  paymentSessionReject,
  paymentSessionPending,
  paymentSessionConfirm: notForOffsite(
    'CONFIRMATION_NOT_SUPPORTED',
    'Confirmation flow requirements are not configured completely for this payment app',
  ),
  paymentSessionModal: notForOffsite(
    'UNSUPPORTED_PAYMENT_METHOD_FOR_MODAL',
    'Modal is not supported for this payment method',
  ),
  paymentSessionRedirect: notForOffsite(
    'REDIRECT_NOT_SUPPORTED_FOR_OFFSITE',
    'Redirect is not expected for offsite payments processing flow',
  ),
  refundSessionResolve: moneyMutation('refund', 'Resolve'),
  refundSessionReject: moneyMutation('refund', 'Reject'),
  captureSessionResolve: moneyMutation('capture', 'Resolve'),
  captureSessionReject: moneyMutation('capture', 'Reject'),
  voidSessionResolve: moneyMutation('void', 'Resolve'),
  voidSessionReject: moneyMutation('void', 'Reject'),
  paymentsAppConfigure,
};

export const paymentsQueries = {
  publicApiVersions: () => [{ displayName: API_VERSION, handle: API_VERSION, supported: true }],
};
