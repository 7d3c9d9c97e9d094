// Asks our server for the payment of an order. It never throws: whatever goes wrong is an answer.
import { readPayment, type Payment } from './answer.ts';

/** What the page knows of its order. The checkout token proves that the buyer of it is looking. */
export type Order = { orderId: string; checkoutToken: string };

export type Answer = (
  | { at: 'payment'; payment: Payment }
  /** Shopify does not return the order to our server, which is usual in its first seconds. */
  | { at: 'not_yet' }
  /** It is to be paid in another way, or is not this buyer's. */
  | { at: 'not_ours' }
  | { at: 'shop_unreachable' }
  | { at: 'offline' }
) & {
  /** The server wants to be asked no sooner. */
  retryAfterMs?: number;
};

/** The server itself answers within five seconds. */
const patienceMs = 12_000;
const longestRetryMs = 120_000;

/**
 * The token is asked for each time: the host keeps it and makes another one before it runs out.
 * A redirect would lose the preflight, so it counts as a failure.
 */
export async function ask(order: Order, token: () => Promise<string>): Promise<Answer> {
  const ending = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<Answer>((resolve) => {
    timer = setTimeout(() => {
      ending.abort();
      resolve({ at: 'offline' });
    }, patienceMs);
  });
  try {
    return await Promise.race([asked(order, { token, signal: ending.signal }), late]);
  } catch {
    return { at: 'offline' };
  } finally {
    clearTimeout(timer);
  }
}

async function asked(
  order: Order,
  by: { token: () => Promise<string>; signal: AbortSignal },
): Promise<Answer> {
  // The build puts the address here. Unfilled, `process` does not exist where this runs.
  const address = new URL('/extension/payment', process.env.SHOPIFY_APP_URL);
  const response = await fetch(address.href, {
    method: 'POST',
    headers: {
      Authorization: `Bearer ${await by.token()}`,
      'Content-Type': 'application/json',
    },
    body: JSON.stringify(order),
    redirect: 'error',
    signal: by.signal,
  });
  const retryAfterMs = retryAfterOf(response);
  return { ...(await read(response)), ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}

async function read(response: Response): Promise<Answer> {
  if (response.status === 202) return { at: 'not_yet' };
  const body: unknown = await response.json().catch(() => undefined);
  const said = (field: string, word: string): boolean =>
    typeof body === 'object' && body !== null && Reflect.get(body, field) === word;
  // A 404 without our word comes from something in front of the server, and may pass.
  if (response.status === 404 && said('refusal', 'no_such_order')) return { at: 'not_ours' };
  if (response.status === 503 && said('state', 'shop_unreachable')) {
    return { at: 'shop_unreachable' };
  }
  const payment = response.status === 200 ? readPayment(body) : undefined;
  return payment === undefined ? { at: 'offline' } : { at: 'payment', payment };
}

/** `Retry-After` in seconds (RFC 9110, 10.2.3); its other form, a date, is not sent by us. */
function retryAfterOf(response: Response): number | undefined {
  const given = response.headers.get('Retry-After');
  if (given === null || !/^\d{1,4}$/.test(given)) return undefined;
  return Math.min(Number(given) * 1_000, longestRetryMs);
}
