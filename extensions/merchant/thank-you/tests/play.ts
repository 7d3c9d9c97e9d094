// What the tests of both targets share: answers as our server gives them, and the page's parts.
import { afterEach, beforeEach, vi } from 'vitest';
import type { PayView } from '../../../../web/frontend/shared/pay-view.ts';

export const server = 'https://pay.example.test';

export const view: PayView = {
  state: 'open',
  revision: 'r1',
  final: false,
  now: '2026-11-21T13:55:00.000Z',
  payUrl: `${server}/pay/AAAAAAAAAAAAAAAAAAAAAA`,
  id: 'AAAAAAAAAAAAAAAAAAAAAA',
  shopName: 'alpine',
  orderName: '#1001',
  test: false,
  fiat: { amount: '21.00', currency: 'EUR' },
  backUrl: 'https://alpine.myshopify.com/account',
  reference: '0a1b2c3d',
};

export const toPay: PayView = {
  ...view,
  invoice: {
    request: 'lnbc210u1abc',
    amountMsat: '21000000',
    sats: '21000',
    lapsesAt: '2026-11-21T14:05:00.000Z',
    price: '100000.00',
    sources: ['Kraken', 'Coinbase'],
  },
};

export const paid: PayView = {
  ...toPay,
  state: 'resolved',
  revision: 'r2',
  final: true,
  settledAt: '2026-11-21T13:57:00.000Z',
};

export const json = (body: unknown, status = 200, headers: Record<string, string> = {}) =>
  new Response(JSON.stringify(body), { status, headers });
export const notYet = () => json({ state: 'not_yet' }, 202);
export const notOurs = () => json({ refusal: 'no_such_order' }, 404);
export const noLine = (): Response => {
  throw new TypeError('Failed to fetch');
};

/** Gives the replies one after the other, and the last one for ever. */
export function replying(replies: readonly (() => Response)[]) {
  let next = 0;
  return vi.fn<typeof fetch>(() => {
    const reply = replies[Math.min(next, replies.length - 1)] ?? noLine;
    next += 1;
    // As `fetch` itself: a failure is a rejected promise.
    return new Promise((resolve) => {
      resolve(reply());
    });
  });
}

/**
 * The tester throws on reading or setting what its mock lacks, also where the type says that it may
 * be missing; an object given anew gets past it.
 */
export function setEditor(shopify: { extension: object }, editor?: { type: 'checkout' }): void {
  shopify.extension = { ...shopify.extension, editor };
}

export const find = (name: string): Element | null => document.body.querySelector(name);
export const textOf = (name: string): string[] =>
  [...document.body.querySelectorAll(name)].map((element) => element.textContent);
export const heading = (): string | null | undefined => find('s-banner')?.getAttribute('heading');
export const isEmpty = (): boolean => document.body.children.length === 0;

/** For all tests of a file: a clock that `pass` moves, and an app that knows our server. */
export function beginEachTest(): void {
  beforeEach(() => {
    vi.useFakeTimers({ shouldAdvanceTime: true });
    vi.stubEnv('SHOPIFY_APP_URL', server);
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllEnvs();
  });
}

/** The clock goes on only as far as told, and what hangs on it happens. */
export const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

/** Draws the block, and lets it ask for the first time, which it does once it is on the screen. */
export async function begin(extension: { render: () => Promise<void> }): Promise<void> {
  await extension.render();
  await pass(100);
}
