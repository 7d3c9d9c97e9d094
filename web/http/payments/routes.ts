// The payments app's face on the open doors. Shopify's own requests of payments come to another
// port, with a certificate; nothing of theirs is answered here.
import express from 'express';
import { Trouble } from '../../core/trouble.ts';
import { isDatabaseBusy } from '../../db/views.ts';
import { toldOf } from '../answers.ts';
import { makeBudget } from '../budget.ts';
import { callerOf } from '../caller.ts';
import type { Doors, Route } from '../doors.ts';
import { callbackPath, endGrant } from './auth.ts';
import {
  answerPayment,
  approve,
  connectNode,
  endPageSession,
  giveBack,
  openPage,
  saveRewards,
  saveSettings,
  settlePayment,
  switchHolds,
  switchRefunds,
  tellReady,
  withdraw,
} from './page.ts';
import { showMessage } from './show.ts';

const form = express.urlencoded({ extended: false, limit: '32kb' });

/** What each form of the page does. */
const forms = {
  node: connectNode,
  ready: tellReady,
  settle: settlePayment,
  answer: answerPayment,
  'give-back': giveBack,
  approve,
  withdraw,
  holds: switchHolds,
  refunds: switchRefunds,
  settings: saveSettings,
  rewards: saveRewards,
  'sign-out': endPageSession,
};

/** From one address: more than an office whose staff all come in at once. */
const grantsOfCaller = { calls: 60, perMs: 60_000, keysAtMost: 10_000 };

/** A merchant reads words, also while the database is away. */
const inWords =
  (doors: Doors, answer: Route['answer']): Route['answer'] =>
  async (request, response) => {
    try {
      await answer(request, response);
    } catch (error) {
      if (!(error instanceof Trouble) && !isDatabaseBusy(error)) throw error;
      doors.deps.log.warn({ route: request.path, ...toldOf(error) }, 'payments_page.trouble');
      response.set('Retry-After', '5');
      showMessage(request, { response, message: 'database_away', status: 503 });
    }
  };

/**
 * `framed`: the merchant app has a page at the same address inside Shopify's admin. What comes from
 * a frame is for it, and everything where there is no payments app: this page is never framed.
 */
export function paymentsPageRoutes(doors: Doors, framed: Route['answer']): Route[] {
  const grants = makeBudget(grantsOfCaller);
  const opened = inWords(doors, async (request, response) => {
    const isOffered = (await doors.registrations('payments')).length > 0;
    await (isOffered ? openPage({ doors, request, response }) : framed(request, response));
  });
  return [
    {
      method: 'get',
      path: '/payments',
      policy: 'payments-page',
      answer: (request, response) => {
        const isFramed =
          request.query['embedded'] !== undefined ||
          request.query['id_token'] !== undefined ||
          request.get('sec-fetch-dest') === 'iframe';
        return isFramed ? framed(request, response) : opened(request, response);
      },
    },
    {
      method: 'get',
      path: callbackPath,
      policy: 'shopify-oauth',
      answer: inWords(doors, (request, response) => {
        const mayTry = (): boolean => grants.spend(callerOf(request));
        return endGrant(doors, { request, response, mayTry });
      }),
    },
    // After an answer to a form the browser shows its address; a reload of it leads back.
    ...Object.keys(forms).map((name): Route => ({
      method: 'get',
      path: `/payments/${name}`,
      policy: 'payments-page',
      answer: (_request, response) => {
        response.redirect(303, '/payments');
      },
    })),
    ...Object.entries(forms).map(([name, answer]): Route => ({
      method: 'post',
      path: `/payments/${name}`,
      policy: 'payments-page',
      before: [form],
      answer: inWords(doors, (request, response) => answer({ doors, request, response })),
    })),
  ];
}
