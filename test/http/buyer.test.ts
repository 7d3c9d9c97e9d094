// What a page costs us while it is open, and after it was left.
import { once } from 'node:events';
import http from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startInProcess, type InProcess } from '../in-process.ts';

let our: InProcess;
beforeAll(async () => {
  our = await startInProcess();
});
afterAll(async () => {
  await our.close();
});

const patient = { timeout: 45_000, interval: 50 };

/** Asks for the stream, and leaves while the first look at the payment still runs. */
async function leaveEarly(link: string): Promise<void> {
  const knocked = once(our.server, 'request');
  const request = http.get(`${our.appUrl}/pay/${link}/events`);
  request.on('error', () => undefined);
  const [, response] = (await knocked) as [http.IncomingMessage, http.ServerResponse];
  const left = once(response, 'close');
  // It waits for the table that the test has locked.
  request.destroy();
  await left;
}

const listening = async (link: string): Promise<{ status: number; leave: () => void }> => {
  const leaving = new AbortController();
  const { signal } = leaving;
  const { status } = await fetch(`${our.appUrl}/pay/${link}/events`, { signal });
  return { status, leave: () => leaving.abort() };
};

test('a stream that was left before it began is not followed', async () => {
  const { payment } = await our.anOrder();
  const { link } = payment;
  const client = await our.db.pool.connect();
  try {
    // Four are as many as one payment has: if they were followed still, there were no fifth.
    await client.query('begin');
    await client.query('lock table payment in access exclusive mode');
    for (let n = 0; n < 4; n += 1) await leaveEarly(link);
    await client.query('rollback');
  } finally {
    client.release();
  }
  await expect
    .poll(async () => {
      const { status, leave } = await listening(link);
      leave();
      return status;
    }, patient)
    .toBe(200);
  // And each that is left in the middle makes room as well.
  for (let n = 0; n < 6; n += 1) {
    const stream = await listening(link);
    await pause(20);
    stream.leave();
    await pause(200);
  }
  const last = await listening(link);
  expect(last.status).toBe(200);
  last.leave();
});

test('a page that is seen shortly after a look is looked after in its turn', async () => {
  const { payment, orderId } = await our.anOrder();
  const see = async (): Promise<void> => {
    const answer = await fetch(`${our.appUrl}/pay/${payment.link}/status`);
    expect(answer.status).toBe(200);
    await answer.body?.cancel();
  };
  const looks = async (): Promise<number> => {
    const seen = await our.db.prisma.sighting.findFirst({ where: { originId: orderId } });
    return seen?.times ?? 0;
  };
  await see();
  expect(await looks()).toBe(1);
  // The last view of all: nobody comes after it who would have the order looked at.
  await see();
  await see();
  expect(await looks()).toBe(1);
  await expect.poll(looks, patient).toBe(2);
  await pause(1_000);
  expect(await looks()).toBe(2);
});
