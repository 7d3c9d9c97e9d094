// A proxy keeps its connections to the doors, and sends the next request into one that was idle for
// longer than most servers keep it. It must not meet its end.
import http from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { World } from '../world.ts';
import { worldOfFile } from '../world-of-file.ts';

let world: World;
worldOfFile((made) => {
  world = made;
});

/** Caddy's own default is two minutes; this is above Node's five seconds and its one of grace. */
const idleMs = 8_000;

test('a connection that was idle for a while takes the next request', async () => {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const ask = (): Promise<{ status: number | undefined; reused: boolean; kept: string }> =>
    new Promise((resolve, reject) => {
      const request = http.get(`${world.appUrl}/readyz`, { agent }, (answer) => {
        const { statusCode: status, headers } = answer;
        const kept = String(headers['keep-alive']);
        answer.resume().once('end', () => {
          resolve({ status, reused: request.reusedSocket, kept });
        });
      });
      request.once('error', reject);
    });
  try {
    expect(await ask()).toEqual({ status: 200, reused: false, kept: 'timeout=130' });
    await pause(idleMs);
    expect(await ask()).toMatchObject({ status: 200, reused: true });
  } finally {
    agent.destroy();
  }
}, 60_000);
