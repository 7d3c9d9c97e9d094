// A layer over a page that works without it. It writes no HTML: when the server says that something
// has changed, it fetches the page again and puts its middle in the place of the old one. It
// decides nothing about money: at zero, and after a wallet says that it has paid, it asks.

type View = {
  /** Path of the page. Below it stand its status and, of a payment, its stream of events. */
  at: string;
  revision: string;
  final: boolean;
  now: string;
  lapsesAt: string | null;
  request: string | null;
  returnUrl: string | null;
  words: Record<'left' | 'copied' | 'copyFailed' | 'offline' | 'weblnFailed', string>;
};
type Pulse = Pick<View, 'revision' | 'final' | 'now'>;

/** https://webln.guide: wallets that live in the browser. */
type WebLn = {
  enable: () => Promise<unknown>;
  sendPayment: (request: string) => Promise<unknown>;
};

const pollMs = 3_000;
const pollHiddenMs = 15_000;
/** A proxy that holds a stream back never delivers its first event. */
const streamPatienceMs = 4_000;
/** Earlier a countdown only makes people nervous. */
const countdownSeconds = 120;
/** Long enough to read one line. */
const leadAfterMs = 1_000;

const find = (id: string): HTMLElement | null => document.getElementById(id);
const read = (page: Document): View =>
  JSON.parse(page.getElementById('view')?.textContent ?? '') as View;

let view = read(document);
/** The server's clock less ours, in milliseconds. */
let skewMs = Date.parse(view.now) - Date.now();
let stream: EventSource | undefined;
let pollTimer: ReturnType<typeof setTimeout> | undefined;
let streamTimer: ReturnType<typeof setTimeout> | undefined;
let clockTimer: ReturnType<typeof setTimeout> | undefined;
let refreshing = false;
let refreshAgain = false;

function announce(text: string): void {
  const say = find('say');
  if (say !== null && say.textContent !== text) say.textContent = text;
}

/** The shop wants its buyer back: the head of the page says so only when it was loaded so. */
function lead(): void {
  const { returnUrl } = view;
  if (returnUrl === null || !/^https?:\/\//.test(returnUrl)) return;
  stop();
  setTimeout(() => {
    location.replace(returnUrl);
  }, leadAfterMs);
}

function dress(): void {
  lead();
  for (const time of document.querySelectorAll('time')) {
    const at = new Date(time.dateTime);
    const { lang } = document.documentElement;
    time.textContent =
      time.dataset['day'] === undefined
        ? at.toLocaleTimeString(lang, { timeStyle: 'short' })
        : at.toLocaleString(lang, { dateStyle: 'medium', timeStyle: 'short' });
  }
  const form = document.querySelector('form');
  form?.addEventListener('submit', () => form.setAttribute('aria-busy', 'true'));
  offerCopy();
  offerWebLn();
  tick();
}

function offerCopy(): void {
  const button = find('copy');
  if (button === null || view.request === null) return;
  const { request } = view;
  const label = button.textContent;
  const press = async (): Promise<void> => {
    const said = (await copied(request)) ? view.words.copied : view.words.copyFailed;
    if (said === view.words.copied) {
      button.textContent = said;
      setTimeout(() => (button.textContent = label), 2_000);
    }
    announce('');
    announce(said);
  };
  button.hidden = false;
  button.onclick = () => void press();
}

async function copied(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // No clipboard on plain http and inside some apps: select the text and use the old command.
    const code = document.querySelector('code');
    const details = document.querySelector('details');
    if (code === null || details === null) return false;
    details.open = true;
    getSelection()?.selectAllChildren(code);
    return document.execCommand('copy');
  }
}

/** An element with the id `webln` would be `window.webln` too: hence the look for the function. */
function offerWebLn(): void {
  const { webln } = window as unknown as { webln?: Partial<WebLn> };
  const button = find('pay-in-browser');
  const { request, words } = view;
  if (button === null || request === null || typeof webln?.sendPayment !== 'function') return;
  const press = async (): Promise<void> => {
    button.setAttribute('aria-busy', 'true');
    try {
      await webln.enable?.();
      await webln.sendPayment?.(request);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      announce(words.weblnFailed.replace('{reason}', reason));
    }
    button.removeAttribute('aria-busy');
    await look();
  };
  button.hidden = false;
  button.onclick = () => void press();
}

function tick(): void {
  clearTimeout(clockTimer);
  const left = find('left');
  if (left === null || view.lapsesAt === null) return;
  const ms = Date.parse(view.lapsesAt) - skewMs - Date.now();
  const seconds = Math.max(0, Math.round(ms / 1000));
  const text = view.words.left
    .replace('{minutes}', String(Math.floor(seconds / 60)))
    .replace('{seconds}', String(seconds % 60).padStart(2, '0'));
  const near = seconds > 0 && seconds <= countdownSeconds;
  // Once, when it appears: every second would talk over everything else.
  if (near && left.hidden) announce(text);
  left.hidden = !near;
  left.textContent = text;
  if (seconds > 0) clockTimer = setTimeout(tick, 1_000);
  else void look();
}

/** Two changes in a row must end with the page of the second. */
async function refresh(): Promise<void> {
  if (refreshing) {
    refreshAgain = true;
    return;
  }
  refreshing = true;
  try {
    do {
      refreshAgain = false;
      await replaceStage();
    } while (refreshAgain as boolean);
  } catch {
    announce(view.words.offline);
  } finally {
    refreshing = false;
  }
}

async function replaceStage(): Promise<void> {
  const response = await fetch(location.href, { headers: { Accept: 'text/html' } });
  if (!response.ok) return;
  const page = new DOMParser().parseFromString(await response.text(), 'text/html');
  const stage = page.getElementById('stage');
  const old = find('stage');
  const data = page.getElementById('view');
  if (stage === null || old === null || data === null) return;
  const before = find('head')?.textContent;
  view = read(page);
  skewMs = Date.parse(view.now) - Date.now();
  document.title = page.title;
  const hadFocus = old.contains(document.activeElement);
  old.replaceWith(stage);
  find('view')?.replaceWith(data);
  const head = find('head');
  if (head !== null && head.textContent !== before) announce(head.textContent);
  if (hadFocus) head?.focus();
  dress();
  if (view.final) stop();
}

async function take(pulse: Pulse): Promise<void> {
  skewMs = Date.parse(pulse.now) - Date.now();
  if (pulse.revision !== view.revision) await refresh();
}

async function look(): Promise<void> {
  if (view.final) return;
  try {
    const response = await fetch(`${view.at}/status`, {
      headers: { Accept: 'application/json' },
    });
    if (response.ok) await take((await response.json()) as Pulse);
  } catch {
    announce(view.words.offline);
  }
}

function poll(): void {
  clearTimeout(pollTimer);
  if (view.final) return;
  const waitMs = document.hidden ? pollHiddenMs : pollMs;
  pollTimer = setTimeout(() => void look().then(poll), waitMs);
}

function leaveStream(): void {
  clearTimeout(streamTimer);
  stream?.close();
  stream = undefined;
}

function stop(): void {
  leaveStream();
  clearTimeout(pollTimer);
  clearTimeout(clockTimer);
}

function listen(): void {
  leaveStream();
  if (view.final) return;
  if (!('EventSource' in window)) {
    poll();
    return;
  }
  stream = new EventSource(`${view.at}/events`);
  streamTimer = setTimeout(poll, streamPatienceMs);
  stream.addEventListener('pulse', (event: MessageEvent<string>) => {
    clearTimeout(streamTimer);
    clearTimeout(pollTimer);
    void take(JSON.parse(event.data) as Pulse);
  });
  // It goes on trying by itself; polling covers the gap, and stays where the stream is refused.
  stream.onerror = poll;
}

/**
 * A hidden tab gives its connection back: over HTTP/1.1 a browser has six for a site, and a seventh
 * page would not even load. Phones freeze a page while the wallet is in front, so it looks at once
 * when it comes back.
 */
function wake(): void {
  if (view.final) return;
  if (document.hidden) {
    leaveStream();
    poll();
    return;
  }
  void look();
  if (stream === undefined || stream.readyState === EventSource.CLOSED) listen();
}

document.addEventListener('visibilitychange', wake);
// Taken out of the browser's cache, the page is as old as its last visit.
addEventListener('pageshow', (event) => {
  if (event.persisted) wake();
});
addEventListener('online', wake);
addEventListener('webln:ready', offerWebLn);
// Wallets in the browser arrive late.
setTimeout(offerWebLn, 1_000);
dress();
listen();
