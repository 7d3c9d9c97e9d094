// DOORS, one file per who is knocking. A door checks who knocks, reads what they bring, calls a
// flow and answers. It never decides about money and never answers with the inside of an error.
//
// This file: what each refusal and each Trouble is over HTTP. The tables are complete, or they do
// not compile.
import type { ErrorRequestHandler, Request, Response } from 'express';
import type { Refusal } from '../core/refusals.ts';
import { Trouble, type From } from '../core/trouble.ts';
import { isDatabaseAway, isDatabaseBusy } from '../db/views.ts';
import type { Log } from '../flows/flow.ts';
import { answerPage, isForPerson, type NothingToShow } from './plain-page.ts';

/** 200: a page that says why in words. 4xx: the caller can mend it. 503: ask again. */
export const statusOfRefusal: Record<Refusal, number> = {
  rates_unavailable: 200,
  rates_apart: 200,
  node_unreachable: 200,
  shop_unreachable: 503,
  no_node: 200,
  no_test_node: 200,
  nothing_owed: 200,
  amount_too_small: 200,
  amount_too_large: 200,
  currency_unknown: 200,
  link_broken: 422,
  not_a_macaroon: 422,
  credential_can_spend: 422,
  credential_lacks_permission: 422,
  credential_not_revocable: 422,
  credential_has_foreign_caveat: 422,
  credential_expired: 422,
  credential_refused_by_node: 422,
  node_without_macaroons: 422,
  address_forbidden: 422,
  node_silent: 422,
  certificate_wrong: 422,
  network_wrong: 422,
  wallet_locked: 422,
  node_not_lnd: 422,
  identity_changed: 422,
  test_invoice_failed: 422,
  no_such_order: 404,
  payment_exists_with_different_amount: 409,
  unknown_payment: 404,
  unknown_refund: 404,
  nothing_captured: 422,
  more_than_captured: 422,
  other_currency: 422,
  amount_unreadable: 422,
  refund_exists_with_other_content: 409,
  nothing_to_give_back: 409,
  not_approvable: 409,
  not_withdrawable: 409,
  refund_not_claimable: 409,
  claim_exists: 409,
  request_unreadable: 422,
  other_network: 422,
  any_amount: 422,
  wrong_amount: 422,
  request_expired: 422,
  own_invoice: 422,
  request_used_before: 409,
};

/** A merchant who connects a node hears of an unreachable one as of any other refusal: 422. */
export const statusOfConnectRefusal = 422;

const statusOfTrouble: Record<From, { status: number; says: string }> = {
  node: { status: 503, says: 'The node does not answer. Try again in a moment.' },
  shop: { status: 503, says: 'Shopify does not answer. Try again in a moment.' },
  rates: { status: 503, says: 'The price sources do not answer. Try again in a moment.' },
  alert: { status: 503, says: 'The alert could not be sent. Try again in a moment.' },
  database: { status: 503, says: 'The server is starting or busy. Try again in a moment.' },
};

/** Answers whatever a door threw: never a stack, a query or an id of the inside. */
export function answerErrors(log: Log): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    if (response.headersSent) {
      next(error);
      return;
    }
    if (error instanceof Trouble && error.what === 'asked_too_often') {
      log.warn({ route: request.path }, 'door.asked_too_often');
      response.setHeader('Retry-After', '60');
      const says = 'Too many tries from one address. Wait a minute.';
      answerNothing(request, response, { status: 429, because: 'too_often', says });
      return;
    }
    if (isDatabaseBusy(error) || error instanceof Trouble) {
      log.warn({ route: request.path, ...toldOf(error) }, 'door.trouble');
      const from = error instanceof Trouble ? error.from : 'database';
      response.setHeader('Retry-After', '2');
      answerNothing(request, response, { ...statusOfTrouble[from], because: 'busy' });
      return;
    }
    const status = statusOfClientError(error);
    if (status !== undefined) {
      const says = 'The request cannot be read.';
      answerNothing(request, response, { status, because: 'unreadable', says });
      return;
    }
    log.error({ route: request.path, err: error }, 'door.defect');
    const says = 'Something went wrong on our side. It was recorded.';
    answerNothing(request, response, { status: 500, because: 'defect', says });
  };
}

/**
 * Trouble, as the log has it. A statement that waited too long is told with its error: it should
 * not have.
 */
export function toldOf(error: unknown): { what: string; from: From; err?: unknown } {
  if (error instanceof Trouble) return { what: error.what, from: error.from };
  if (isDatabaseAway(error)) return { what: 'database_away', from: 'database' };
  return { what: 'database_busy', from: 'database', err: error };
}

/** A page for a person, and JSON for a program. */
export function answerNothing(
  request: Request,
  response: Response,
  about: { status: number; because: NothingToShow; says: string },
): void {
  const { status, because, says } = about;
  if (isForPerson(request)) answerPage(request, response, { status, because });
  else answerJson(response, status, { error: says });
}

/** Body parsers mark their own errors: too large, not JSON, cut off. */
function statusOfClientError(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('status' in error)) return undefined;
  const { status } = error;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : undefined;
}

export function answerJson(response: Response, status: number, body: unknown): void {
  response.status(status).set('Cache-Control', 'no-store').json(body);
}
