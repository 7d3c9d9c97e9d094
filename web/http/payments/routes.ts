// The payments app's face on the open doors. Shopify's own requests of payments come to another
// port, with a certificate; nothing of theirs is answered here.
import express from 'express';
import type { Doors, Route } from '../doors.ts';
import { callbackPath, endGrant } from './auth.ts';
import { connectNode, endPageSession, openPage, tellReady } from './page.ts';

const form = express.urlencoded({ extended: false, limit: '32kb' });

/**
 * `framed`: the merchant app has a page at the same address inside Shopify's admin. What comes from
 * a frame is for it: this one is never framed.
 */
export const paymentsPageRoutes = (doors: Doors, framed: Route['answer']): Route[] => [
  {
    method: 'get',
    path: '/payments',
    policy: 'payments-page',
    answer: (request, response) => {
      const isFramed =
        request.query['embedded'] !== undefined ||
        request.query['id_token'] !== undefined ||
        request.get('sec-fetch-dest') === 'iframe';
      return isFramed ? framed(request, response) : openPage({ doors, request, response });
    },
  },
  {
    method: 'get',
    path: callbackPath,
    policy: 'shopify-oauth',
    answer: (request, response) => endGrant(doors, request, response),
  },
  // After an answer to a form the browser shows its address; a reload of it leads back.
  ...['/payments/node', '/payments/ready', '/payments/sign-out'].map((path): Route => ({
    method: 'get',
    path,
    policy: 'payments-page',
    answer: (_request, response) => {
      response.redirect(303, '/payments');
    },
  })),
  {
    method: 'post',
    path: '/payments/node',
    policy: 'payments-page',
    before: [form],
    answer: (request, response) => connectNode({ doors, request, response }),
  },
  {
    method: 'post',
    path: '/payments/ready',
    policy: 'payments-page',
    before: [form],
    answer: (request, response) => tellReady({ doors, request, response }),
  },
  {
    method: 'post',
    path: '/payments/sign-out',
    policy: 'payments-page',
    before: [form],
    answer: (request, response) => endPageSession({ doors, request, response }),
  },
];
