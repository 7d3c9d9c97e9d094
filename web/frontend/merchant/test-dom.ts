// What the component tests stand in for: what Polaris asks of a DOM and happy-dom lacks, and App
// Bridge, which is Shopify's script and never ours. It says what was asked of it in `bridge`.
import { cleanup, configure, render } from '@testing-library/react';
import { createElement } from 'react';
import { MemoryRouter } from 'react-router';
import { afterEach, vi } from 'vitest';
import type { NodeAnswer, PaymentRow, ShopAnswer } from '../shared/merchant-api.ts';
import type { ReconciliationAnswer } from '../shared/reconcile-api.ts';
import { Around, Pages } from './app.tsx';
import { loadLanguage } from './words.tsx';

// A page's own code comes when it is opened, and a busy machine takes its time with Polaris.
configure({ asyncUtilTimeout: 15_000 });
vi.setConfig({ testTimeout: 30_000 });

const nothing = (): void => undefined;
class Observer {
  observe = nothing;
  unobserve = nothing;
  disconnect = nothing;
  takeRecords = (): [] => [];
}
const missing = {
  ResizeObserver: Observer,
  IntersectionObserver: Observer,
  matchMedia: (media: string) => ({
    matches: false,
    media,
    addEventListener: nothing,
    removeEventListener: nothing,
    addListener: nothing,
    removeListener: nothing,
  }),
};
for (const [name, value] of Object.entries(missing)) {
  if (!(name in globalThis)) Object.assign(globalThis, { [name]: value });
}
window.scrollTo = nothing;
Element.prototype.scrollIntoView = nothing;
// As wide as a desk: Polaris hides the tabs that have no room.
Object.defineProperty(HTMLElement.prototype, 'offsetWidth', { get: () => 1_000 });

export const bridge = {
  idToken: vi.fn<() => Promise<string>>(),
  toast: vi.fn<(text: string, options?: { isError?: boolean }) => void>(),
  leave: vi.fn<() => Promise<void>>(),
  /** Where the merchant has placed our block. */
  targets: [] as string[],
};

/** The save bar that the admin would draw above the frame. */
export class SaveBarElement extends HTMLElement {
  showing = false;
  show(): Promise<void> {
    this.showing = true;
    return Promise.resolve();
  }
  hide(): Promise<void> {
    this.showing = false;
    return Promise.resolve();
  }
}
customElements.define('ui-save-bar', SaveBarElement);

const shopify = {
  config: { locale: 'en', shop: 'alpine.myshopify.com', apiKey: 'key', host: '' },
  idToken: bridge.idToken,
  toast: { show: bridge.toast },
  saveBar: { leaveConfirmation: bridge.leave },
  app: {
    extensions: () =>
      Promise.resolve([
        {
          handle: 'lightning-payment',
          type: 'ui_extension',
          activations: bridge.targets.map((target) => ({ target })),
        },
      ]),
  },
};
Object.assign(window, { shopify });

function fresh(): void {
  bridge.idToken.mockReset().mockResolvedValue('token');
  bridge.toast.mockReset();
  bridge.leave.mockReset().mockResolvedValue();
  bridge.targets = [];
}
fresh();
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
  fresh();
});

export const node: NodeAnswer = {
  id: 1,
  address: 'node.example.com:10009',
  alias: 'alpine',
  identity: '02'.padEnd(66, 'a'),
  network: 'mainnet',
  version: '0.21.3-beta commit=v0.21.3-beta',
  connectedAt: '2026-11-21T10:00:00.000Z',
  health: 'reachable',
  healthSince: '2026-11-21T10:00:00.000Z',
  receivableMsat: '1234567890123456789',
  largestPartMsat: '1000000',
  channels: { active: 2, all: 3 },
  credentialEndsAt: null,
  advice: [],
};
export const shop: ShopAnswer = {
  installed: true,
  shop: 'alpine.myshopify.com',
  node,
  method: { name: 'Bitcoin (Lightning)' },
  bake: 'lncli bakemacaroon --root_key_id 123456 uri:/lnrpc.Lightning/AddInvoice',
  counts: {
    ...{ open: 2, held: 0, closing: 0, settled: 0, resolved: 3 },
    ...{ stranded: 0, lapsed: 1, rejected: 0 },
  },
  setup: { node: true, receive: true, method: true, block: true, test: true },
  problems: [],
};
export const reconciliation: ReconciliationAnswer = {
  running: null,
  last: {
    ...{ id: '7', because: 'night', isWhole: true, readsOrders: true },
    since: '2026-11-18T02:12:00.000Z',
    startedAt: '2026-11-21T02:12:00.000Z',
    endedAt: '2026-11-21T02:12:40.000Z',
    ...{ orders: 1_204, payments: 1_190, invoices: 1_312, healed: 0 },
  },
  isLastNight: true,
  unmatched: 0,
  timeZone: 'Europe/Berlin',
};
export const row: PaymentRow = {
  id: '00000000-0000-4000-8000-000000000001',
  orderName: '#1001',
  orderId: 'gid://shopify/Order/77',
  state: 'resolved',
  sentence: 'Shopify has the order as paid.',
  fiat: { amount: '90071992547409.93', currency: 'EUR' },
  sats: '21976',
  openedAt: '2026-11-21T10:00:00.000Z',
  settledAt: '2026-11-21T10:01:00.000Z',
  attention: null,
  test: false,
  origin: 'order',
};

/** What the server says: a body, or the whole answer, or nothing at all. */
export type Says = object | Response | Error;
type Asked = { line: string; body: unknown; token: string | null };

/** A page at its address, with a server that says these things by `GET /api/shop` and the like. */
export async function openAt(
  path: string,
  says: Readonly<Record<string, Says | (() => Says | Promise<Says>)>>,
  locale = 'en',
): Promise<{ asked: Asked[] }> {
  const asked: Asked[] = [];
  vi.stubGlobal('fetch', async (url: string, init: RequestInit = {}): Promise<Response> => {
    const line = `${init.method ?? 'GET'} ${url}`;
    const body: unknown = typeof init.body === 'string' ? JSON.parse(init.body) : undefined;
    asked.push({ line, body, token: new Headers(init.headers).get('Authorization') });
    const known = says[line];
    const answer = typeof known === 'function' ? await (known as () => Promise<Says>)() : known;
    if (answer === undefined) throw new Error(`Nobody answers ${line}.`);
    if (answer instanceof Error) throw answer;
    return answer instanceof Response ? answer : Response.json(answer);
  });
  const router = createElement(
    MemoryRouter,
    { initialEntries: [path] },
    createElement('main', null, createElement(Pages)),
  );
  render(createElement(Around, { language: await loadLanguage(locale), children: router }));
  return { asked };
}
