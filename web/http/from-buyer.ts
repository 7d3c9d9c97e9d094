// The buyer knocks with the link of one payment: 128 random bits, which is the whole proof. Knowing
// it allows to see the amount, the invoice and the state, and to ask for a new price; nothing else.
import { Trouble } from '../core/trouble.ts';
import type { Request, Response } from 'express';
import { payPageById, payPageByLink, type PaymentRow, type PayPage } from '../db/views.ts';
import { renderMessage, renderNotFound, renderPayPage } from '../frontend/buyer/page.ts';
import type { PayView } from '../frontend/shared/pay-view.ts';
import { askToWait } from '../flows/ask-to-wait.ts';
import { noteView } from '../flows/note-view.ts';
import { noticeOrder } from '../flows/notice-order.ts';
import { answerJson } from './answers.ts';
import type { PayAssets } from './assets.ts';
import type { Doors, Route } from './doors.ts';
import { payView } from './pay-view.ts';
import type { Quoting } from './quoting.ts';

const linkForm = /^[A-Za-z0-9_-]{22}$/;
/** A page that is looked at asks Shopify about its order this often. */
const lookAgainMs = 10_000;
const beatMs = 15_000;
const lookByOurselvesMs = 2_000;
/** A browser has six connections for a site: more of one payment are tabs that may poll. */
const streamsPerPayment = 4;

type Buyers = {
  doors: Doors;
  assets: PayAssets;
  /** What the link leads to as it is shown, with a price if one is due. */
  view: (found: PayPage) => Promise<PayView>;
};

export function buyerRoutes(doors: Doors, about: { quoting: Quoting; assets: PayAssets }): Route[] {
  const { quoting, assets } = about;
  const looked = new Map<string, { at: number; timer?: NodeJS.Timeout }>();
  const streams = new Map<string, number>();

  /** Its order may have been cancelled, edited or paid otherwise while the page is open. */
  const lookAtOrderSoon = async (payment: PaymentRow): Promise<void> => {
    // A session's amount never changes, and its outcome is ours to tell.
    if (payment.state !== 'open' || payment.origin !== 'order') return;
    const { id, shopId, originId } = payment;
    const notice = (): Promise<void> => {
      if (looked.size > 10_000) looked.clear();
      looked.set(id, { at: Date.now() });
      return noticeOrder(doors.deps, { shopId, originId, because: 'page' });
    };
    const last = looked.get(id);
    const waitMs = lookAgainMs - (Date.now() - (last?.at ?? 0));
    if (last === undefined || waitMs <= 0) await notice();
    else if (last.timer === undefined) {
      // Looked at a moment ago: this view is looked after in its turn, also if it is the last one.
      last.timer = setTimeout(() => {
        notice().catch((error: unknown) => {
          doors.deps.log.warn({ paymentId: id, err: error }, 'order.not_noticed');
        });
      }, waitMs).unref();
    }
  };
  const view = async (found: PayPage): Promise<PayView> => {
    const { page, quoted } = await quoting.ifDue(found);
    await lookAtOrderSoon(found.payment);
    return payView(doors, page, quoted);
  };
  const buyers: Buyers = { doors, assets, view };
  const route = (
    method: 'get' | 'post',
    path: string,
    answer: (request: Request, response: Response) => Promise<void>,
  ): Route => ({ method, path, policy: 'link', answer });

  return [
    route('get', '/pay/:link', (request, response) => page(buyers, request, response)),
    route('get', '/pay/:link/status', (request, response) => status(buyers, request, response)),
    route('get', '/pay/:link/events', (request, response) =>
      events(buyers, { streams, request, response }),
    ),
    route('post', '/pay/:link/quote', (request, response) =>
      press(buyers, { request, response, act: ({ id }) => quoting.onRequest(id) }),
    ),
    route('post', '/pay/:link/wait', (request, response) =>
      press(buyers, { request, response, act: ({ id }) => askToWait(doors.deps, id) }),
    ),
  ];
}

async function pageOf({ doors }: Buyers, request: Request): Promise<PayPage | undefined> {
  const link = request.params['link'];
  if (typeof link !== 'string' || !linkForm.test(link)) return undefined;
  return payPageByLink(doors.deps.db, link);
}

function notFound(request: Request, response: Response): void {
  const { html, headers } = renderNotFound({ locale: localeOf(request) });
  response.status(404).set(headers).send(html);
}

async function page(buyers: Buyers, request: Request, response: Response): Promise<void> {
  const found = await findShown(buyers, request).catch((error: unknown) => {
    const { log } = buyers.doors.deps;
    if (error instanceof Trouble) log.warn({ what: error.what }, 'pay_page.trouble');
    else log.error({ err: error }, 'pay_page.failed');
    return 'unavailable' as const;
  });
  if (found === 'unavailable') {
    // A buyer reads words, also while the database is away; the page asks again by itself.
    const { html, headers } = renderMessage({ locale: localeOf(request), message: found });
    response.status(503).set(headers).set('Retry-After', '5').send(html);
    return;
  }
  if (found === undefined) {
    notFound(request, response);
    return;
  }
  const { assets } = buyers;
  const { html, headers } = renderPayPage(found.shown, { locale: localeOf(request), assets });
  response.status(200).set(headers).send(html);
  // A buyer who cannot be counted is served all the same, and waits for nothing.
  if (isLookedAt(request)) await noteOpening(buyers, found.payment);
}

/** Programs that fetch a link to show what it leads to, or to have it at hand. */
const previewer = /(?<!cu)bot\b|crawl|spider|preview|facebookexternalhit|whatsapp|curl|wget/i;

/** Whether a person has the page before them: not a check, not a preview, not a page kept ready. */
function isLookedAt(request: Request): boolean {
  const purpose = request.get('sec-purpose') ?? request.get('purpose') ?? '';
  return (
    request.method === 'GET' &&
    !purpose.includes('prefetch') &&
    !previewer.test(request.get('user-agent') ?? '')
  );
}

async function noteOpening(buyers: Buyers, payment: PaymentRow): Promise<void> {
  const { deps } = buyers.doors;
  try {
    await noteView(deps, payment);
  } catch (error) {
    deps.log.warn({ err: error }, 'pay_page.opening_not_noted');
  }
}

async function findShown(
  buyers: Buyers,
  request: Request,
): Promise<{ payment: PaymentRow; shown: PayView } | undefined> {
  const page = await pageOf(buyers, request);
  return page && { payment: page.payment, shown: await buyers.view(page) };
}

async function status(buyers: Buyers, request: Request, response: Response): Promise<void> {
  const page = await pageOf(buyers, request);
  const shown = page && (await buyers.view(page));
  if (shown === undefined) answerJson(response, 404, { error: 'There is no such payment.' });
  else answerJson(response, 200, shown);
}

/** A button of the page: a form without fields, and back to the page. */
async function press(
  buyers: Buyers,
  about: {
    request: Request;
    response: Response;
    act: (payment: PaymentRow) => Promise<unknown>;
  },
): Promise<void> {
  const { request, response, act } = about;
  const payment = (await pageOf(buyers, request))?.payment;
  if (payment === undefined) {
    notFound(request, response);
    return;
  }
  if (!sameOrigin(request, buyers.doors.appUrl)) {
    answerJson(response, 403, { error: 'Open the payment page and ask for it there.' });
    return;
  }
  await act(payment);
  response.redirect(303, `/pay/${payment.link}`);
}

async function events(
  buyers: Buyers,
  about: { streams: Map<string, number>; request: Request; response: Response },
): Promise<void> {
  const { streams, request, response } = about;
  const { doors, view } = buyers;
  const page = await pageOf(buyers, request);
  const shown = page && (await payView(doors, page));
  const open = page === undefined ? 0 : (streams.get(page.payment.id) ?? 0);
  // 204 tells the browser's EventSource not to come back.
  if (page === undefined || shown?.final !== false || open >= streamsPerPayment) {
    response.status(204).end();
    return;
  }
  const { payment } = page;
  streams.set(payment.id, open + 1);
  const look = async (): Promise<PayView | undefined> => {
    const now = await payPageById(doors.deps.db, payment.id);
    return now && view(now);
  };
  await follow(doors, { payment, first: shown, response, look });
  const left = (streams.get(payment.id) ?? 1) - 1;
  if (left <= 0) streams.delete(payment.id);
  else streams.set(payment.id, left);
}

/**
 * Sends a pulse whenever something that is shown has changed, until nothing can change any more.
 */
async function follow(
  doors: Doors,
  about: {
    payment: PaymentRow;
    first: PayView;
    response: Response;
    look: () => Promise<PayView | undefined>;
  },
): Promise<void> {
  const { payment, response, look } = about;
  response.status(200).set({
    'Content-Type': 'text/event-stream; charset=utf-8',
    'Cache-Control': 'no-store, no-transform',
    'X-Accel-Buffering': 'no',
  });
  response.flushHeaders();
  let last = '';
  const pulse = (shown: PayView): void => {
    if (shown.revision === last) return;
    last = shown.revision;
    const { revision, final, now, state } = shown;
    const lapsesAt = shown.invoice?.lapsesAt;
    response.write(
      `event: pulse\ndata: ${JSON.stringify({ revision, final, now, state, lapsesAt })}\n\n`,
    );
  };
  response.write('retry: 2000\n\n');
  pulse(about.first);

  await new Promise<void>((done) => {
    // Whoever left while the first look ran has no `close` to come.
    if (response.closed) {
      done();
      return;
    }
    let busy = false;
    let again = false;
    const lookNow = async (): Promise<void> => {
      if (busy) {
        again = true;
        return;
      }
      busy = true;
      try {
        const shown = (await look()) ?? about.first;
        if (!response.writableEnded) pulse(shown);
        if (shown.final) response.end();
      } catch {
        // The database or a node is away for the moment: the page keeps what it shows.
      } finally {
        busy = false;
      }
      if (again) {
        again = false;
        void lookNow();
      }
    };
    const stop = doors.changes.onChange(payment.link, () => void lookNow());
    const looking = setInterval(() => void lookNow(), lookByOurselvesMs);
    const beating = setInterval(() => response.write(': beat\n\n'), beatMs);
    response.on('close', () => {
      stop();
      clearInterval(looking);
      clearInterval(beating);
      done();
    });
  });
}

/** Absent in old browsers; where it is there, it must be our own page. */
export function sameOrigin(request: Request, appUrl: string): boolean {
  const origin = request.get('origin');
  if (origin !== undefined && origin !== 'null') return origin === new URL(appUrl).origin;
  const site = request.get('sec-fetch-site');
  return site === undefined || site === 'same-origin' || site === 'none';
}

/** `?locale=` wins, then what the browser asks for, then English. */
export function localeOf(request: Request): string {
  const asked = request.query['locale'];
  if (typeof asked === 'string' && /^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$/.test(asked)) {
    return asked;
  }
  const [first] = request.acceptsLanguages();
  return first === undefined || first === '*' ? 'en' : first;
}
