/**
 * What the wallet shows: a field to paste into, a request to decide on, and how a try went.
 */
import type { ReadRequest } from '../lnd/index.ts';
import type { Attempt, Outcome } from './attempts.ts';
import { page, text } from './page.ts';

/** `150500n` -> `150.5 sat`, with thin spaces between thousands. */
export const inSat = (amountMsat: bigint): string => {
  const whole = (amountMsat / 1000n).toString().replace(/\B(?=(\d{3})+$)/g, '\u2009');
  const part = (amountMsat % 1000n).toString().padStart(3, '0').replace(/0+$/, '');
  return `${whole}${part ? `.${part}` : ''} sat`;
};

const inWords = (ms: number): string => {
  const seconds = Math.floor(Math.abs(ms) / 1000);
  if (seconds < 120) return `${seconds} seconds`;
  return seconds < 7200
    ? `${Math.floor(seconds / 60)} minutes`
    : `${Math.floor(seconds / 3600)} hours`;
};
const expiry = (expiresAtMs: number, nowMs: number): string =>
  expiresAtMs > nowMs
    ? `in ${inWords(expiresAtMs - nowMs)}`
    : `${inWords(expiresAtMs - nowMs)} ago: this request has expired`;

const pasteForm = (request = ''): string => `
  <form method="get" action="./" class="card">
    <label for="request">Lightning request</label>
    <textarea id="request" name="request" rows="5" required spellcheck="false"
      autocomplete="off" placeholder="lnbcrt1...">${text(request)}</textarea>
    <div class="stack"><button class="main">Read it</button></div>
  </form>`;

const REASONS: Record<string, string> = {
  INCORRECT_OR_UNKNOWN_PAYMENT_DETAILS:
    'The shop’s node refused it: canceled, expired, already paid, or another amount.',
  NO_ROUTE: 'No route with enough money on it leads to the shop’s node.',
  NODE_OFFLINE: 'The shop’s node cannot be reached.',
  MPP_TIMEOUT: 'Not all parts arrived; they came back.',
};
const outcomeLine = (outcome: Outcome): string =>
  outcome.ok
    ? `<p class="good" role="status"><strong>Paid.</strong><br>
       <span class="soft">Proof of payment ${text(outcome.preimage)}</span></p>`
    : `<p class="bad" role="status"><strong>Not paid.</strong>
       ${text(REASONS[outcome.why] ?? outcome.why)}</p>`;

const WAY_NAMES = {
  now: 'paid now',
  late: 'paid after its expiry',
  twice: 'paid twice',
  never: 'left alone',
} as const;

const history = (attempts: Attempt[]): string => {
  const line = (attempt: Attempt): string => {
    const paid = attempt.outcomes.filter(({ ok }) => ok).length;
    const result = attempt.isOver ? `${paid} of ${attempt.outcomes.length} arrived` : 'on its way';
    const at = new Date(attempt.startedAtMs).toISOString().slice(11, 19);
    const link = `<a href="attempts/${attempt.id}">${at}</a>`;
    return `<li>${link}, ${WAY_NAMES[attempt.way]}: ${result}</li>`;
  };
  return attempts.length === 0
    ? ''
    : `<section class="card"><h2>Before</h2><ul>${attempts.map(line).join('')}</ul></section>`;
};

export const emptyPage = (attempts: Attempt[]): string =>
  page({
    title: 'A buyer’s wallet',
    body: `<h1>A buyer’s wallet</h1>${pasteForm()}${history(attempts)}
      <p class="soft">A wallet to try things with. Its money is not real.</p>`,
  });

/** Two ways to receive: hand in a code that was scanned, or make a request over an amount. */
export const receivePage = (of: {
  request?: string;
  answer?: { status: string; reason?: string };
}): string => {
  const { request, answer } = of;
  const said =
    answer === undefined
      ? ''
      : answer.status === 'OK'
        ? '<p class="good" role="status">Handed in. It is paid in a moment.</p>'
        : `<p class="bad" role="alert">${text(answer.reason ?? 'It was refused.')}</p>`;
  const made =
    request === undefined
      ? ''
      : `<section class="card"><h2>Your request</h2><p class="soft">${text(request)}</p></section>`;
  return page({
    title: 'Receive',
    body: `<h1>A buyer’s wallet</h1>${said}${made}
    <form method="post" action="receive" class="card">
      <label for="lnurl">Scanned code (LNURL)</label>
      <textarea id="lnurl" name="lnurl" rows="3" required spellcheck="false"
        autocomplete="off"></textarea>
      <div class="stack"><button class="main">Receive</button></div>
    </form>
    <form method="post" action="receive" class="card">
      <label for="sats">Make a request over so many sat</label>
      <input id="sats" name="sats" inputmode="numeric" pattern="[0-9]+" required>
      <div class="stack"><button>Make it</button></div>
    </form>
    <p class="soft">Its Lightning address is anna@wallet.example.com.</p>
    <p><a href="./">Pay</a></p>`,
  });
};

export const unreadablePage = (request: string): string =>
  page({
    title: 'Not a Lightning request',
    body: `<h1>A buyer’s wallet</h1>
      <p class="bad" role="alert">This is not a Lightning request.</p>${pasteForm(request)}`,
  });

const summary = (read: ReadRequest, nowMs: number): string => `
  <p class="soft">The shop asks for</p>
  <p class="amount">${read.amountMsat === 0n ? 'any amount' : inSat(read.amountMsat)}</p>
  <dl>
    <dt>For</dt><dd>${text(read.description) || 'no description'}</dd>
    <dt>Expires</dt><dd>${expiry(read.expiresAtMs, nowMs)}</dd>
    <dt>Payee</dt><dd>${text(read.payee)}</dd>
    <dt>Network</dt><dd>${text(read.network)}</dd>
    <dt>Hash</dt><dd>${text(read.hash)}</dd>
  </dl>`;

export const requestPage = (request: string, read: ReadRequest, nowMs: number): string =>
  page({
    title: `Pay ${inSat(read.amountMsat)}`,
    body: `
  <h1>A buyer’s wallet</h1>
  <form method="post" action="pay" class="card">
    ${summary(read, nowMs)}
    <input type="hidden" name="request" value="${text(request)}">
    <div class="stack">
      <button class="main" name="how" value="now">Pay</button>
      <button name="how" value="late">Pay a little too late</button>
      <button name="how" value="twice">Pay twice</button>
      <button name="how" value="never">Do not pay</button>
    </div>
    <details>
      <summary>Pay another amount</summary>
      <label for="amount">Amount in sat</label>
      <input id="amount" name="amountSat" inputmode="numeric" pattern="[0-9]*"
        placeholder="${text((read.amountMsat / 1000n).toString())}">
    </details>
  </form>
  <p><a href="./">Another request</a></p>`,
  });

export const attemptPage = (attempt: Attempt, read: ReadRequest, nowMs: number): string => {
  const isWaiting = !attempt.isOver && attempt.way === 'late' && nowMs < read.expiresAtMs;
  const waiting = isWaiting
    ? `<p class="wait" role="status">Waiting until the request has expired, then paying:
       ${expiry(read.expiresAtMs, nowMs)}.</p>`
    : '<p class="wait" role="status">On its way.</p>';
  const left = attempt.way === 'never' ? '<p class="wait" role="status">Left alone.</p>' : '';
  return page({
    title: attempt.isOver ? 'Done' : 'On its way',
    ...(attempt.isOver ? {} : { refreshSeconds: isWaiting ? 5 : 1 }),
    body: `
  <h1>A buyer’s wallet</h1>
  ${attempt.outcomes.map(outcomeLine).join('')}${attempt.isOver ? left : waiting}
  <section class="card">${summary(read, nowMs)}</section>
  <p><a href="../?request=${encodeURIComponent(attempt.request)}">Pay it again</a> ·
    <a href="../">Another request</a></p>`,
  });
};
