// Shopify's payments platform knocks, at a port of its own. The client certificate is the whole
// proof, and was checked before a byte of the request was read: these routes must never stand on
// the open port. Whoever the certificate names may speak for any shop; the header says for which.
import express, { type Express, type Request, type Response } from 'express';
import { z } from 'zod';
import { openSession, type RequestTaken } from '../flows/open-session.ts';
import { takeMoneyRequest } from '../flows/take-money-request.ts';
import { shopDomain } from '../shopify/shop-domain.ts';
import { answerErrors, answerJson } from './answers.ts';
import type { Doors, Route } from './doors.ts';

/** A session with every field of every country is a few kilobytes. */
const readBody = express.json({ type: () => true, limit: '256kb' });

/** Shopify publishes no limit; a buyer waits for this answer. */
const answerWithinMs = 5_000;

const id = z
  .string()
  .min(1)
  .max(255)
  .regex(/^[\x21-\x7e]+$/);
const gidOf = (kind: string) =>
  z
    .string()
    .max(512)
    .refine((gid) => gid.startsWith(`gid://shopify/${kind}/`));
const decimal = z.string().regex(/^\d{1,30}(\.\d{1,30})?$/);
const code = z.string().regex(/^[A-Z]{3,8}$/);
const moment = z
  .string()
  .max(64)
  .transform((text) => new Date(text))
  .refine((at) => !Number.isNaN(at.getTime()));
const url = z.string().max(8_192);

/** Keys that we do not know are left alone. Of the customer nothing is read. */
const session = z.object({
  id,
  gid: gidOf('PaymentSession'),
  group: z.string().min(1).max(512),
  session_id: z.string().max(512).nullish(),
  amount: decimal,
  currency: code,
  test: z.boolean(),
  kind: z.enum(['sale', 'authorization']),
  merchant_locale: z.string().max(64).nullish(),
  payment_method: z.object({ data: z.object({ cancel_url: url.nullish() }).nullish() }).nullish(),
  // Some have seen it here.
  cancel_url: url.nullish(),
  proposed_at: moment,
});

const moneyKinds = { refund: 'RefundSession', capture: 'CaptureSession', void: 'VoidSession' };
type MoneyKind = keyof typeof moneyKinds;
const money = (kind: MoneyKind) =>
  z.object({
    id,
    gid: gidOf(moneyKinds[kind]),
    payment_id: id,
    amount: kind === 'void' ? decimal.nullish() : decimal,
    currency: kind === 'void' ? code.nullish() : code,
    test: z.boolean(),
    proposed_at: moment,
  });

/** Every route of the mTLS door, and of no other. */
export function paymentsRoutes(doors: Doors): Route[] {
  const route = (
    path: string,
    answer: (domain: string, body: unknown) => Promise<Taken>,
    status: number,
  ): Route => ({
    method: 'post',
    path,
    policy: 'shopify-payments',
    before: [readBody],
    answer: (request, response) => answerWith(doors, { request, response, answer, status }),
  });
  return [
    route('/payments/session', (domain, body) => takeSession(doors, domain, body), 200),
    ...(['refund', 'capture', 'void'] as const).map((kind) =>
      route(`/payments/${kind}`, (domain, body) => takeMoney(doors, { kind, domain, body }), 201),
    ),
  ];
}

type Taken = RequestTaken | { is: 'unreadable' };

async function takeSession(doors: Doors, domain: string, body: unknown): Promise<Taken> {
  const read = session.safeParse(body);
  if (!read.success) return { is: 'unreadable' };
  const asked = read.data;
  const { deps, appUrl } = doors;
  const cancelUrl = asked.payment_method?.data?.cancel_url ?? asked.cancel_url ?? undefined;
  return openSession(
    { ...deps, payUrlOf: (link) => `${appUrl}/pay/${link}` },
    {
      ...{ shopDomain: domain, id: asked.id, gid: asked.gid, group: asked.group },
      ...{ amount: asked.amount, currencyCode: asked.currency, test: asked.test },
      ...{ kind: asked.kind, proposedAt: asked.proposed_at },
      sessionId: asked.session_id ?? '',
      merchantLocale: asked.merchant_locale ?? '',
      cancelUrl: cancelUrl !== undefined && doors.mayBeFollowed(cancelUrl) ? cancelUrl : undefined,
    },
  );
}

async function takeMoney(
  doors: Doors,
  about: { kind: MoneyKind; domain: string; body: unknown },
): Promise<Taken> {
  const { kind, domain, body } = about;
  const read = money(kind).safeParse(body);
  if (!read.success) return { is: 'unreadable' };
  const asked = read.data;
  return takeMoneyRequest(doors.deps, {
    ...{ shopDomain: domain, kind, id: asked.id, gid: asked.gid, paymentId: asked.payment_id },
    amount: asked.amount ?? undefined,
    currencyCode: asked.currency ?? undefined,
    test: asked.test,
    proposedAt: asked.proposed_at,
  });
}

/** Why something was not taken. */
const refusals: Record<Exclude<Taken['is'], 'answered'>, { status: number; error: string }> = {
  unreadable: { status: 400, error: 'The request cannot be read.' },
  no_such_shop: { status: 404, error: 'This shop has not installed the app.' },
  no_such_payment: { status: 404, error: 'This shop has no such payment.' },
  forgotten: { status: 410, error: 'This payment was forgotten, as its shop was.' },
  other_content: { status: 409, error: 'This id stands for something else.' },
};

async function answerWith(
  doors: Doors,
  about: {
    request: Request;
    response: Response;
    answer: (domain: string, body: unknown) => Promise<Taken>;
    status: number;
  },
): Promise<void> {
  const { request, response, answer, status } = about;
  const domain = shopDomain(request.get('shopify-shop-domain') ?? '');
  const taken = domain === undefined ? noShop : await inTime(answer(domain, request.body));
  if (taken === 'late') {
    doors.deps.log.warn({ route: request.path }, 'door.too_slow');
    response.setHeader('Retry-After', '2');
    answerJson(response, 503, { error: 'The server is busy. Try again in a moment.' });
    return;
  }
  if (taken.is === 'answered') {
    // As bytes: nothing between here and Shopify spells it anew.
    response
      .status(status)
      .set({ 'Content-Type': 'application/json', 'Cache-Control': 'no-store' });
    response.end(Buffer.from(taken.answer, 'utf8'));
    return;
  }
  const { status: refused, error } = refusals[taken.is];
  answerJson(response, refused, { error });
}

const noShop: Taken = { is: 'no_such_shop' };

/** Who is late has stored its answer, or stores it: the same question gets it then. */
async function inTime(taking: Promise<Taken>): Promise<Taken | 'late'> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => {
      resolve('late');
    }, answerWithinMs);
  });
  taking.catch(() => undefined);
  try {
    return await Promise.race([taking, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The app behind the mTLS door. It has these routes and no other. */
export function makePaymentsApp(doors: Doors): Express {
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', false);
  for (const { method, path, before, answer } of paymentsRoutes(doors)) {
    app[method](path, ...(before ?? []), async (request, response) => {
      await answer(request, response);
    });
  }
  app.use((_request, response) => {
    answerJson(response, 404, { error: 'There is nothing here.' });
  });
  app.use(answerErrors(doors.deps.log));
  return app;
}
