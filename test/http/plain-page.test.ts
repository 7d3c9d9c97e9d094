// Whoever opens an address in a browser reads a sentence on a page, in their language; a program
// reads JSON. Nothing of the inside is in either.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Trouble } from '../../web/core/trouble.ts';
import { answerErrors, answerNothing } from '../../web/http/answers.ts';
import { aLog } from '../worker/play.ts';

let server: Server;
const throws = {
  '/busy': () => new Trouble('timeout', { from: 'shop', then: 'retry', message: 'secret' }),
  '/often': () => new Trouble('asked_too_often', { from: 'shop', then: 'retry' }),
  '/defect': () => new Error('secret at /inside/of/the/program.ts'),
  '/unreadable': () => Object.assign(new Error('secret'), { status: 400 }),
};
beforeAll(async () => {
  const app = express();
  for (const [path, made] of Object.entries(throws)) {
    app.all(path, () => {
      throw made();
    });
  }
  app.use((request, response) => {
    const about = { status: 404, because: 'nothing_here', says: 'There is nothing here.' } as const;
    answerNothing(request, response, about);
  });
  app.use(answerErrors(aLog()));
  server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(() => server.close());

const browser = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';
const ask = (path: string, init: RequestInit = {}): Promise<Response> => {
  const { port } = server.address() as AddressInfo;
  return fetch(`http://127.0.0.1:${String(port)}${path}`, init);
};

describe.each([
  ['/busy', 503, 'tries again by itself', 'versucht es von selbst'],
  ['/often', 429, 'Wait a minute', 'Warten Sie eine Minute'],
  ['/defect', 500, 'went wrong on our side', 'ging etwas schief'],
  ['/unreadable', 400, 'cannot be read', 'nicht lesbar'],
  ['/nowhere', 404, 'nothing at this address', 'gibt es nichts'],
])('%s', (path, status, english, german) => {
  test('is a page for a person, in their language, with nothing that could run', async () => {
    const answer = await ask(path, { headers: { accept: browser, 'accept-language': 'fr,en' } });
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toMatch(/^text\/html/);
    expect(answer.headers.get('content-security-policy')).toMatch(/^default-src 'none'/);
    const text = await answer.text();
    expect(text).toContain(english);
    expect(text).not.toMatch(/secret|inside|<script/);
    expect(text.includes('http-equiv="refresh"')).toBe(path === '/busy');
    const headers = { accept: browser, 'accept-language': 'de-DE,de;q=0.9,en;q=0.5' };
    expect(await (await ask(path, { headers })).text()).toContain(german);
  });

  test('is JSON for a program, and for whatever is sent', async () => {
    for (const init of [
      {},
      { headers: { accept: 'application/json' } },
      { method: 'POST', headers: { accept: browser } },
    ]) {
      const answer = await ask(path, init);
      expect(answer.status).toBe(status);
      const { error } = (await answer.json()) as { error: string };
      expect(error).toMatch(/^[A-Z].*\.$/);
      expect(error).not.toMatch(/secret|inside/);
    }
  });
});
