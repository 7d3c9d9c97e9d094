// A server that is gone, host and all: nothing comes over its connections, not even their end. What
// was asked on them is given up after a while, and asked again on new ones.
import net from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  answerWithinMs,
  isDatabaseAway,
  openDatabase,
  rows,
  transaction,
} from '../../web/db/database.ts';
import { testDatabase, type TestDatabase } from '../database.ts';

let home: TestDatabase;
beforeAll(async () => {
  home = await testDatabase();
});
afterAll(() => home.close());

test('a statement that nobody answers is given up, and the next one comes through', async () => {
  const to = new URL(home.url);
  const sockets = new Set<net.Socket>();
  let isMute = false;
  const door = net.createServer((near) => {
    const far = net.connect(Number(to.port), to.hostname);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.on('data', (bytes) => {
        if (!isMute) other.write(bytes);
      });
      one.on('error', () => undefined);
    }
  });
  await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve));
  const { port } = door.address() as net.AddressInfo;
  const url = Object.assign(new URL(home.url), { hostname: '127.0.0.1', port: String(port) }).href;
  const db = openDatabase({ url, connections: 2 });
  const one = { name: 'silent_one', text: 'select 1 as n' };
  const sleeps = { name: 'silent_sleeps', text: 'select pg_sleep(3)' };
  try {
    expect(await rows(db.pool, one, [])).toEqual([{ n: 1 }]);
    // Of one that was given more time its answer may be late, and of one with less it may not.
    await expect(rows(db.pool, sleeps, [], 1_000)).rejects.toSatisfy(isDatabaseAway);
    const both = (): Promise<unknown>[] => [
      rows(db.pool, one, []),
      transaction(db, (on) => rows(on, one, [])),
    ];
    await Promise.all(both());
    isMute = true;
    const askedAt = performance.now();
    const asked = both().map((each) => each.then(String, isDatabaseAway));
    expect(await Promise.all(asked)).toEqual([true, true]);
    expect(performance.now() - askedAt).toBeLessThan(2 * answerWithinMs);
    isMute = false;
    expect(await rows(db.pool, one, [])).toEqual([{ n: 1 }]);
  } finally {
    for (const socket of sockets) socket.destroy();
    door.close();
    await db.close();
  }
}, 90_000);
