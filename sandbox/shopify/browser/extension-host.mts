/**
 * The host of a UI extension: gives it the global `shopify` and runs it. The extension sees what
 * checkout would show it, and nothing of this page.
 */

type Config = {
  target: string;
  tokenUrl: string;
  checkoutToken: string;
  checkoutTokenAfterMs: number;
  order: { id: string; name: string; number: string; cancelledAt?: string; processedAt: string };
  shop: { id: string; name: string; myshopifyDomain: string; storefrontUrl: string };
  amount: { amount: string; currencyCode: string };
  paymentType: string;
  editor: boolean;
  locale: string;
  words: Record<string, unknown>;
};

type Held = { value: unknown };
type SignalClass = new (value: unknown) => Held;
type Values = Record<string, string | number>;

const config = JSON.parse(document.getElementById('config')?.textContent ?? '{}') as Config;
const plainFetch = window.fetch.bind(window);
const thanks = config.target.startsWith('purchase.');

// The script's own origin may not be fetched.
window.fetch = (input, init) => {
  const url = new URL(input instanceof Request ? input.url : input, location.href);
  if (url.origin === location.origin)
    return Promise.reject(new TypeError("Fetches to the iframe's origin are not allowed"));
  return plainFetch(input, init);
};

const TOKEN_KEPT_MS = 4 * 60_000;
let kept: { token: string; until: number } | undefined;

async function token(): Promise<string> {
  if (kept !== undefined && kept.until > Date.now()) return kept.token;
  const response = await plainFetch(config.tokenUrl, { method: 'POST' });
  if (!response.ok) throw new Error(`No session token: ${response.status}`);
  const made = (await response.json()) as { token: string };
  kept = { token: made.token, until: Date.now() + TOKEN_KEPT_MS };
  return made.token;
}

function translate(key: string, values: Values = {}): string {
  const found = key
    .split('.')
    .reduce<unknown>(
      (at, part) => (at as Record<string, unknown> | undefined)?.[part],
      config.words,
    );
  const direct = config.words[key] ?? found;
  const count = values['count'];
  const text =
    typeof direct === 'object' && direct !== null && typeof count === 'number'
      ? (direct as Record<string, string>)[new Intl.PluralRules(config.locale).select(count)]
      : direct;
  if (typeof text !== 'string') return key;
  return text.replace(/\{\{\s*(\w+)\s*\}\}/g, (_all, name: string) => String(values[name] ?? ''));
}

const i18n = {
  translate,
  formatNumber: (value: number | bigint, options: Intl.NumberFormatOptions = {}) =>
    new Intl.NumberFormat(config.locale, options).format(value),
  formatCurrency: (value: number | bigint, options: Intl.NumberFormatOptions = {}) =>
    new Intl.NumberFormat(config.locale, {
      style: 'currency',
      currency: config.amount.currencyCode,
      ...options,
    }).format(value),
  formatDate: (date: Date, options: Intl.DateTimeFormatOptions = {}) =>
    new Intl.DateTimeFormat(config.locale, options).format(date),
};

const values: Record<string, unknown> = {
  checkoutToken: config.checkoutTokenAfterMs > 0 ? undefined : config.checkoutToken,
  settings: {},
  authenticationState: 'pre_authenticated',
  appMetafields: [],
  attributes: [],
  lines: [],
  ...(thanks
    ? {
        orderConfirmation: {
          order: { id: config.order.id },
          number: config.order.number,
          isFirstOrder: false,
        },
        selectedPaymentOptions: [{ type: config.paymentType, handle: crypto.randomUUID() }],
      }
    : {
        order: {
          id: config.order.id,
          name: config.order.name,
          confirmationNumber: config.order.number,
          cancelledAt: config.order.cancelledAt,
          processedAt: config.order.processedAt,
        },
      }),
};

const held = new Map<string, Held>();
const amount: Held = { value: config.amount };
const language: Held = { value: { isoCode: config.locale } };

const shopify: Record<string, unknown> = {
  shop: config.shop,
  cost: { totalAmount: amount, subtotalAmount: amount },
  sessionToken: { get: token },
  i18n,
  localization: {
    language,
    country: { value: { isoCode: 'CH' } },
    currency: { value: { isoCode: config.amount.currencyCode } },
    timezone: { value: Intl.DateTimeFormat().resolvedOptions().timeZone },
  },
  extension: {
    apiVersion: '2026-07',
    target: config.target,
    version: 'sandbox',
    scriptUrl: `${location.origin}/bundle`,
    rendered: { value: true },
    capabilities: { value: ['network_access'] },
    editor: config.editor ? { type: 'checkout' } : undefined,
  },
  storage: {
    read: (key: string) =>
      Promise.resolve(JSON.parse(localStorage.getItem(`block ${key}`) ?? 'null') as unknown),
    write: (key: string, value: unknown) => {
      localStorage.setItem(`block ${key}`, JSON.stringify(value));
      return Promise.resolve();
    },
    delete: (key: string) => {
      localStorage.removeItem(`block ${key}`);
      return Promise.resolve();
    },
  },
  analytics: { publish: () => Promise.resolve(true) },
  toast: { show: (text: string) => Promise.resolve({ hide: () => text }) },
  /**
   * The extension hands its own Signal class over, so that reading `.value` makes it draw again.
   */
  setSignals: (Signal: SignalClass) => {
    for (const [name, value] of Object.entries(values)) hold(name, new Signal(value));
  },
};

function hold(name: string, holder: Held): void {
  held.set(name, holder);
  shopify[name] = holder;
}
for (const [name, value] of Object.entries(values)) hold(name, { value });

if (config.checkoutTokenAfterMs > 0)
  setTimeout(() => {
    const holder = held.get('checkoutToken');
    if (holder !== undefined) holder.value = config.checkoutToken;
  }, config.checkoutTokenAfterMs);

/**
 * Only the elements of the component set are drawn; other HTML is what checkout would throw away.
 */
function strange(node: Node): void {
  if (!(node instanceof HTMLElement)) return;
  const known = node.localName.startsWith('s-') && customElements.get(node.localName);
  if (known === undefined || known === false) {
    reportError(new Error(`Checkout does not draw <${node.localName}>`));
    node.hidden = true;
  }
  node.childNodes.forEach(strange);
}

function watch(): void {
  new MutationObserver((changes) => {
    for (const change of changes) change.addedNodes.forEach(strange);
  }).observe(document.body, { childList: true, subtree: true });
  const tell = () => {
    const height = Math.ceil(document.body.getBoundingClientRect().height);
    window.parent.postMessage({ source: 'sandbox-block', height }, location.origin);
  };
  new ResizeObserver(tell).observe(document.body);
  tell();
}

declare global {
  var shopify: Record<string, unknown>;
  var runExtension: undefined | (() => unknown);
}
globalThis.shopify = shopify;

addEventListener('DOMContentLoaded', () => {
  watch();
  void globalThis.runExtension?.();
});
