/**
 * What an embedded app gets instead of https://cdn.shopify.com/shopifycloud/app-bridge.js: the
 * same `window.shopify`, the same patched fetch and the same elements, talking to the sandbox's
 * admin around it.
 */

type Answer = { resolve: (value: unknown) => void; reject: (why: Error) => void };
type FromAdmin = {
  source?: string;
  type?: string;
  id?: number | string;
  value?: unknown;
  error?: string;
  path?: string;
  press?: string;
};

const script = document.currentScript as HTMLScriptElement | null;
const adminOrigin = new URL(script?.src ?? location.href).origin;
const framed = window.parent !== window;
const asked = new URLSearchParams(location.search);

const kept = JSON.parse(sessionStorage.getItem('app-bridge') ?? '{}') as Record<string, string>;
const config = {
  apiKey:
    document.querySelector<HTMLMetaElement>('meta[name="shopify-api-key"]')?.content ??
    script?.dataset['apiKey'] ??
    '',
  shop: asked.get('shop') ?? kept['shop'] ?? '',
  host: asked.get('host') ?? kept['host'] ?? '',
  locale: asked.get('locale') ?? kept['locale'] ?? 'en',
};
sessionStorage.setItem('app-bridge', JSON.stringify(config));
if (config.apiKey === '') reportError(new Error('App Bridge: no <meta name="shopify-api-key">'));

/** What tests look at. */
const log: { type: string; payload: unknown }[] = [];

const tell = (type: string, payload: object = {}, id?: number): void => {
  log.push({ type, payload });
  if (framed)
    window.parent.postMessage({ source: 'sandbox-app-bridge', type, payload, id }, adminOrigin);
};

const waiting = new Map<number, Answer>();
let count = 0;

function ask(type: string): Promise<unknown> {
  if (!framed) return new Promise(() => undefined); // the page is about to leave for the admin
  count += 1;
  const id = count;
  return new Promise((resolve, reject) => {
    waiting.set(id, { resolve, reject });
    tell(type, {}, id);
  });
}

let token: { text: string; until: number } | undefined;

async function idToken(): Promise<string> {
  if (token !== undefined && token.until > Date.now()) return token.text;
  const text = String(await ask('idToken'));
  token = { text, until: Date.now() + 45_000 };
  return text;
}

const plainFetch = window.fetch.bind(window);
window.fetch = async (input, init) => {
  const request = new Request(input, init);
  if (new URL(request.url).origin !== location.origin || request.headers.has('Authorization'))
    return plainFetch(request);
  request.headers.set('Authorization', `Bearer ${await idToken()}`);
  const again = request.clone();
  const response = await plainFetch(request);
  const stale = response.headers.get('X-Shopify-Retry-Invalid-Session-Request') === '1';
  if (response.status !== 401 || !stale) return response;
  token = undefined;
  again.headers.set('Authorization', `Bearer ${await idToken()}`);
  return plainFetch(again);
};

const bars = new Map<string, boolean>();
const saveBar = {
  show: (id: string) => {
    bars.set(id, true);
    tell('saveBar.show', { id });
    return Promise.resolve();
  },
  hide: (id: string) => {
    if (bars.get(id) === true) tell('saveBar.hide', { id });
    bars.set(id, false);
    return Promise.resolve();
  },
  toggle: (id: string) => (bars.get(id) === true ? saveBar.hide(id) : saveBar.show(id)),
  leaveConfirmation: () => {
    if (![...bars.values()].some(Boolean)) return Promise.resolve();
    tell('saveBar.leave');
    return new Promise<void>(() => undefined);
  },
};

const nothing = () => Promise.resolve();

Object.assign(window, {
  __bridgeLog: log,
  shopify: {
    config,
    origin: 'https://admin.shopify.com',
    ready: Promise.resolve(),
    environment: { embedded: framed, mobile: false, pos: false },
    idToken,
    user: () => Promise.resolve({ accountAccess: 'full' }),
    toast: {
      show: (message: string, options: { isError?: boolean; duration?: number } = {}) => {
        tell('toast.show', { message, ...options, onAction: undefined, onDismiss: undefined });
        return String(log.length);
      },
      hide: (id: string) => {
        tell('toast.hide', { id });
      },
    },
    loading: (on: boolean) => {
      tell('loading', { on });
    },
    saveBar,
    modal: { show: nothing, hide: nothing, toggle: nothing },
    app: { extensions: () => ask('extensions') },
    support: { registerHandler: nothing },
    scopes: { query: () => Promise.resolve({ granted: [], required: [], optional: [] }) },
    reviews: {
      request: () =>
        Promise.resolve({ success: false, code: 'merchant-ineligible', message: 'sandbox' }),
    },
    webVitals: { onReport: nothing },
    analytics: {},
    intents: {},
    resourcePicker: () => Promise.resolve(undefined),
  },
});

class Menu extends HTMLElement {
  connectedCallback(): void {
    this.hidden = true;
    const send = () => {
      const links = [...this.querySelectorAll('a, s-link')].map((a) => ({
        label: a.textContent,
        href: a.getAttribute('href') ?? '/',
        home: a.getAttribute('rel') === 'home',
      }));
      tell('nav', { links });
    };
    const watched = { childList: true, subtree: true, characterData: true, attributes: true };
    new MutationObserver(send).observe(this, watched);
    queueMicrotask(send);
  }
}

class TitleBar extends HTMLElement {
  connectedCallback(): void {
    this.hidden = true;
    const send = () => {
      tell('title', { title: this.getAttribute('title') ?? '' });
    };
    new MutationObserver(send).observe(this, { attributes: true });
    send();
  }
}

class SaveBar extends HTMLElement {
  connectedCallback(): void {
    this.hidden = true;
  }
  get showing(): boolean {
    return bars.get(this.id) === true;
  }
  show(): Promise<void> {
    return saveBar.show(this.id);
  }
  hide(): Promise<void> {
    return saveBar.hide(this.id);
  }
  toggle(): Promise<void> {
    return saveBar.toggle(this.id);
  }
}

customElements.define('ui-nav-menu', Menu);
customElements.define('s-app-nav', class extends Menu {});
customElements.define('ui-title-bar', TitleBar);
customElements.define('ui-save-bar', SaveBar);
customElements.define('ui-modal', class extends SaveBar {});

/** What Shopify put into the frame's address; the admin's own address has none of it. */
const shopifysOwn = 'embedded hmac host id_token locale session shop timestamp'.split(' ');

const here = () => {
  const query = new URLSearchParams(location.search);
  for (const name of shopifysOwn) query.delete(name);
  const search = query.size === 0 ? '' : `?${query.toString()}`;
  tell('location', { path: location.pathname + search });
};
for (const name of ['pushState', 'replaceState'] as const) {
  const plain = history[name].bind(history);
  history[name] = (data, unused, url) => {
    plain(data, unused, url);
    here();
  };
}
addEventListener('popstate', here);

function fromAdmin(message: FromAdmin): void {
  if (message.type === 'answer') {
    const answer = waiting.get(Number(message.id));
    waiting.delete(Number(message.id));
    if (message.error === undefined) answer?.resolve(message.value);
    else answer?.reject(new Error(message.error));
  }
  if (message.type === 'navigate') {
    history.pushState({}, '', message.path);
    dispatchEvent(new PopStateEvent('popstate', { state: {} }));
  }
  if (message.type === 'saveBar') {
    const which = message.press === 'save' ? '[variant=primary]' : ':not([variant=primary])';
    const id = CSS.escape(String(message.id));
    document.querySelector<HTMLElement>(`ui-save-bar#${id} button${which}`)?.click();
  }
}

addEventListener('message', (event) => {
  const message = event.data as FromAdmin | null;
  if (event.origin === adminOrigin && message?.source === 'sandbox-admin') fromAdmin(message);
});

/** Links into the admin are the admin's to follow. */
addEventListener(
  'click',
  (event) => {
    const a = event.composedPath().find((it) => it instanceof HTMLAnchorElement);
    const href = a?.getAttribute('href') ?? '';
    const ours = /^(shopify:|https:\/\/(admin\.shopify\.com|[a-z0-9-]+\.myshopify\.com)\/)/;
    if (a === undefined || !ours.test(href)) return;
    event.preventDefault();
    tell('open', { href, target: a.target });
  },
  true,
);
const plainOpen = window.open.bind(window);
window.open = (url, target, features) => {
  if (!/^shopify:/.test(String(url))) return plainOpen(url, target, features);
  tell('open', { href: String(url), target: target ?? '_top' });
  return null;
};

if (framed) {
  tell('ready', { config });
  here();
} else if (config.host !== '') {
  // An app that is opened by itself goes into the admin.
  location.replace(`${adminOrigin}/${atob(config.host)}/apps/${config.apiKey}${location.pathname}`);
}
