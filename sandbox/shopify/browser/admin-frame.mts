/**
 * The admin's side of App Bridge: answers the framed app, shows its menu, toasts and save bar,
 * follows its address.
 */

type Config = {
  origin: string;
  clientId: string;
  base: string;
  adminBase: string;
  shop: string;
  tokenUrl: string;
  extensions: object[];
};

type Message = { source?: string; type?: string; id?: number; payload?: Record<string, unknown> };

const need = (id: string): HTMLElement => {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`No #${id}`);
  return element;
};

const config = JSON.parse(need('config').textContent) as Config;
const frame = need('app') as HTMLIFrameElement;
const toast = need('toast');
const bar = need('bar');
let barId = '';
let toastTimer = 0;

const say = (message: object): void => {
  frame.contentWindow?.postMessage({ source: 'sandbox-admin', ...message }, config.origin);
};

async function answer(type: string): Promise<unknown> {
  if (type === 'extensions') return config.extensions;
  const response = await fetch(config.tokenUrl, { method: 'POST' });
  if (!response.ok) throw new Error(`No session token: ${response.status}`);
  return ((await response.json()) as { token: string }).token;
}

function shake(): void {
  bar.classList.remove('shake');
  // After a frame, so that the animation begins anew.
  requestAnimationFrame(() => {
    bar.classList.add('shake');
  });
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

function menu(links: { label: string; href: string; home: boolean }[]): void {
  const place = document.querySelector(`[data-menu="${CSS.escape(config.clientId)}"]`);
  place?.replaceChildren(
    ...links
      .filter((link) => !link.home)
      .map(({ label, href }) => {
        const a = document.createElement('a');
        a.textContent = label;
        a.href = config.base + href;
        a.addEventListener('click', (event) => {
          event.preventDefault();
          if (bar.hidden) say({ type: 'navigate', path: href });
          else shake();
        });
        return a;
      }),
  );
  mark();
}

function mark(): void {
  for (const a of document.querySelectorAll<HTMLAnchorElement>('[data-menu] a')) {
    if (a.pathname === location.pathname) a.setAttribute('aria-current', 'page');
    else a.removeAttribute('aria-current');
  }
}

/** Where a link of the app leads: inside the admin, or into the shop's admin by its own name. */
function adminAddress(href: string): string | undefined {
  const path =
    /^shopify:\/?\/?admin(\/.*)?$/.exec(href)?.[1] ??
    /^https:\/\/[a-z0-9-]+\.myshopify\.com\/admin(\/.*)?$/.exec(href)?.[1] ??
    /^https:\/\/admin\.shopify\.com\/store\/[^/]+(\/.*)?$/.exec(href)?.[1];
  return path === undefined ? undefined : config.adminBase + path;
}

const acts: Record<string, (payload: Record<string, unknown>) => void> = {
  nav: ({ links }) => {
    menu(links as { label: string; href: string; home: boolean }[]);
  },
  title: ({ title }) => {
    if (text(title) !== '') need('title').textContent = text(title);
  },
  location: ({ path }) => {
    history.replaceState(null, '', config.base + text(path).replace(/^\/(?=$|\?)/, ''));
    mark();
  },
  loading: ({ on }) => {
    need('busy').hidden = on !== true;
  },
  'toast.show': ({ message, isError, duration }) => {
    toast.textContent = text(message);
    toast.classList.toggle('bad', isError === true);
    toast.hidden = false;
    window.clearTimeout(toastTimer);
    const ms = typeof duration === 'number' ? duration : 5_000;
    toastTimer = window.setTimeout(() => {
      toast.hidden = true;
    }, ms);
  },
  'toast.hide': () => {
    toast.hidden = true;
  },
  'saveBar.show': ({ id }) => {
    barId = text(id);
    bar.hidden = false;
  },
  'saveBar.hide': () => {
    bar.hidden = true;
  },
  'saveBar.leave': shake,
  open: ({ href, target }) => {
    const to = adminAddress(text(href));
    if (to === undefined) return;
    if (text(target) === '_blank') window.open(to);
    else location.assign(to);
  },
};

addEventListener('message', (event) => {
  if (event.origin !== config.origin || event.source !== frame.contentWindow) return;
  const { source, type = '', id, payload = {} } = event.data as Message;
  if (source !== 'sandbox-app-bridge') return;
  if (type === 'idToken' || type === 'extensions') {
    answer(type).then(
      (value) => {
        say({ type: 'answer', id, value });
      },
      (error: unknown) => {
        say({ type: 'answer', id, error: String(error) });
      },
    );
    return;
  }
  acts[type]?.(payload);
});

need('save').addEventListener('click', () => {
  say({ type: 'saveBar', id: barId, press: 'save' });
});
need('discard').addEventListener('click', () => {
  say({ type: 'saveBar', id: barId, press: 'discard' });
});
