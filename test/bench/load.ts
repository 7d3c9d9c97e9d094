// Who asks, in a process of its own: at random moments that a seed decides, whether or not earlier
// answers have come. The wait is counted from the moment that was meant, so that a server which
// stalls cannot hide behind a client that stalls with it.
import http from 'node:http';
import https from 'node:https';
import { setTimeout as pause } from 'node:timers/promises';
import { answer } from './child.ts';
import { sharedMs } from './machine.ts';
import { poissonMs } from './node-double.ts';

export type Ask = { method: 'GET' | 'POST'; path: string; headers?: object; body?: string };
export type Load = {
  origin: string;
  /** PEM of the client, and of the server that it trusts. */
  tls?: { cert: string; key: string; ca: string };
  asks: Ask[];
  perSecond: number;
  seed: number;
  /** Connections that are kept. */
  connections?: number;
};
export type Loaded = {
  /** From the moment that was meant to the last byte, in milliseconds. */
  tookMs: number[];
  bodies: string[];
  statuses: Record<string, number>;
  /** How late this process itself was. */
  lateMs: number[];
};

type One = { body: string; status: number };

function asked(url: URL, ask: Ask, options: https.RequestOptions): Promise<One> {
  const { promise, resolve, reject } = Promise.withResolvers<One>();
  const send = url.protocol === 'https:' ? https.request : http.request;
  const request = send(
    new URL(ask.path, url),
    { ...options, method: ask.method, headers: { ...ask.headers } },
    (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        resolve({ body: Buffer.concat(chunks).toString('utf8'), status: response.statusCode ?? 0 });
      });
    },
  );
  request.on('error', reject);
  request.end(ask.body);
  return promise;
}

async function load(of: Load): Promise<Loaded> {
  const { asks, perSecond, seed, tls, connections = 32 } = of;
  const url = new URL(of.origin);
  const Agent = url.protocol === 'https:' ? https.Agent : http.Agent;
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const options = { agent, ...tls };
  const startedAt = sharedMs();
  const done: Loaded = { tookMs: [], bodies: [], statuses: {}, lateMs: [] };
  const moments = poissonMs({ perSecond, count: asks.length, seed });
  const calls = asks.map(async (ask, at) => {
    const meantAt = startedAt + (moments[at] ?? 0);
    await pause(Math.max(0, meantAt - sharedMs()));
    done.lateMs.push(sharedMs() - meantAt);
    const one = await asked(url, ask, options).catch((): One => ({ body: '', status: 0 }));
    done.tookMs[at] = sharedMs() - meantAt;
    done.bodies[at] = one.body;
    done.statuses[one.status] = (done.statuses[one.status] ?? 0) + 1;
  });
  await Promise.all(calls);
  agent.destroy();
  return done;
}

if (process.send !== undefined && process.argv[1] === import.meta.filename) answer({ load });
