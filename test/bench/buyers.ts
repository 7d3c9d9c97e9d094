// Buyers in a process of their own, each from the checkout to the end: Shopify asks for a session,
// the page is loaded and keeps one push connection, the wallet pays after a while, and the page
// says that it is over. They come at random moments, whether or not those before them were served.
import http from 'node:http';
import https from 'node:https';
import { setTimeout as pause } from 'node:timers/promises';
import { answer } from './child.ts';
import type { Ask } from './load.ts';
import { sharedMs } from './machine.ts';
import { poissonMs } from './node-double.ts';

export type Buyers = {
  sessions: string;
  pages: string;
  wallet: string;
  tls: { cert: string; key: string; ca: string };
  asks: Ask[];
  perSecond: number;
  seed: number;
  /** How long a buyer looks for the wallet. */
  payAfterMs: number;
};
export type Bought = {
  /** The waits of each buyer who was served to the end, in milliseconds. */
  sessionMs: number[];
  pageMs: number[];
  /** From the payment to the word on the page, with Shopify's own time in it. */
  paidMs: number[];
  failed: Record<string, number>;
  lateMs: number[];
};

type Agents = { sessions: https.Agent; pages: http.Agent; pushes: http.Agent };

function text(request: http.ClientRequest, body?: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  request.on('error', reject).on('response', (response) => {
    const chunks: Buffer[] = [];
    response.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', reject);
    response.on('end', () => {
      const whole = Buffer.concat(chunks).toString('utf8');
      if (response.statusCode === 200) resolve(whole);
      else reject(new Error(`status ${String(response.statusCode)}`));
    });
  });
  request.end(body);
  return promise;
}

/** Resolves when the page is told that it is over; `open` when it listens. */
function push(url: string, agent: http.Agent): { open: Promise<true>; over: Promise<true> } {
  const open = Promise.withResolvers<true>();
  const over = Promise.withResolvers<true>();
  const request = http.get(url, { agent, headers: { Accept: 'text/event-stream' } });
  const failed = (error: Error): void => {
    open.reject(error);
    over.reject(error);
  };
  over.promise.catch(() => undefined);
  request.on('error', failed).on('response', (response) => {
    let heard = '';
    if (response.statusCode !== 200) failed(new Error(`push ${String(response.statusCode)}`));
    response.on('data', (chunk: Buffer) => {
      open.resolve(true);
      heard += chunk.toString('utf8');
      if (!heard.includes('"final":true')) return;
      over.resolve(true);
      request.destroy();
    });
    response.on('end', () => failed(new Error('push ended')));
  });
  return { open: open.promise, over: over.promise };
}

async function buy(of: Buyers, about: { ask: Ask; agents: Agents; meantAt: number; done: Bought }) {
  const { ask, agents, meantAt, done } = about;
  const headers = { ...ask.headers };
  const asked = { ...of.tls, agent: agents.sessions, method: 'POST', headers };
  const session = await text(https.request(new URL(ask.path, of.sessions), asked), ask.body);
  const sessionMs = sharedMs() - meantAt;
  const link = /\/pay\/([\w-]+)/.exec(session)?.[1] ?? '';
  const pageAt = sharedMs();
  const page = `${of.pages}/pay/${link}`;
  const looked = { agent: agents.pages, headers: { 'User-Agent': 'Mozilla/5.0' } };
  const html = await text(http.request(page, looked));
  const pageMs = sharedMs() - pageAt;
  const invoice = /lightning:(ln[a-z0-9]+)/i.exec(html)?.[1]?.toLowerCase();
  if (invoice === undefined) throw new Error('no invoice');
  const { open, over } = push(`${page}/events`, agents.pushes);
  await open;
  await pause(of.payAfterMs);
  const paidAt = sharedMs();
  await text(http.request(of.wallet, { method: 'POST', agent: agents.pages }), invoice);
  const late = pause(30_000, undefined, { ref: false }).then(() =>
    Promise.reject(new Error('late')),
  );
  await Promise.race([over, late]);
  done.sessionMs.push(sessionMs);
  done.pageMs.push(pageMs);
  done.paidMs.push(sharedMs() - paidAt);
}

async function come(of: Buyers): Promise<Bought> {
  const done: Bought = { sessionMs: [], pageMs: [], paidMs: [], failed: {}, lateMs: [] };
  const agents: Agents = {
    sessions: new https.Agent({ keepAlive: true, maxSockets: 32 }),
    pages: new http.Agent({ keepAlive: true, maxSockets: 64 }),
    pushes: new http.Agent({ keepAlive: false }),
  };
  const moments = poissonMs({ perSecond: of.perSecond, count: of.asks.length, seed: of.seed });
  const startedAt = sharedMs();
  const all = of.asks.map(async (ask, at) => {
    const meantAt = startedAt + (moments[at] ?? 0);
    await pause(Math.max(0, meantAt - sharedMs()));
    done.lateMs.push(sharedMs() - meantAt);
    await buy(of, { ask, agents, meantAt, done }).catch((error: unknown) => {
      const why = error instanceof Error ? error.message : String(error);
      done.failed[why] = (done.failed[why] ?? 0) + 1;
    });
  });
  await Promise.all(all);
  for (const agent of Object.values(agents)) agent.destroy();
  return done;
}

answer({ come });
