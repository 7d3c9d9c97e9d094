// Reads that are asked twice, in time that the test plays; and one over a real connection that
// stalls.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startLnd, type LndSimulator } from '../../sandbox/lnd/index.ts';
import { paymentHash, type PaymentHash } from '../../web/core/invoice.ts';
import { hedging } from '../../web/lightning/hedge.ts';
import { openNode, type OpenNode } from '../../web/lightning/node.ts';

/** Time that goes on when it is told to. */
function played() {
  let now = 0;
  let waiting: { at: number; work: () => void }[] = [];
  const after = (ms: number, work: () => void) => {
    const one = { at: now + ms, work };
    waiting.push(one);
    return () => {
      waiting = waiting.filter((each) => each !== one);
    };
  };
  const pass = async (ms: number): Promise<void> => {
    const until = now + ms;
    for (;;) {
      for (let n = 0; n < 10; n += 1) await Promise.resolve();
      const [next] = waiting.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at);
      if (next === undefined) break;
      waiting = waiting.filter((each) => each !== next);
      now = next.at;
      next.work();
    }
    now = until;
  };
  const answering =
    <T>(ms: number, answer: T) =>
    () =>
      new Promise<T>((resolve) => void after(ms, () => resolve(answer)));
  const failing = (ms: number) => () =>
    new Promise<never>((_, reject) => void after(ms, () => reject(new Error('down'))));
  const hedge = hedging({ time: { now: () => now, after } });
  const quickReads = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n += 1) {
      const read = hedge.read(answering(10, 'first'), answering(10, 'second'));
      await pass(20);
      expect(await read).toBe('first');
    }
  };
  return { pass, answering, failing, hedge, quickReads };
}

describe('a read', () => {
  test('that stalls is answered by the second connection', async () => {
    const { pass, answering, hedge, quickReads } = played();
    await quickReads(100);
    let answer = '';
    void hedge.read(answering(5_000, 'first'), answering(10, 'second')).then((is) => {
      answer = is;
    });
    await pass(25);
    expect(answer).toBe('second');
    expect(hedge.counts()).toEqual({ reads: 101, hedges: 1 });
  });

  test('is asked twice for three in a hundred at most, however slow the node is', async () => {
    const { pass, answering, hedge, quickReads } = played();
    await quickReads(100);
    for (let n = 0; n < 1_000; n += 1) {
      // Each is slower than those before it.
      void hedge.read(answering(100 + n, 'first'), answering(100 + n, 'second'));
      await pass(2_000);
    }
    const { reads, hedges } = hedge.counts();
    expect(hedges).toBeGreaterThan(20);
    expect(hedges).toBeLessThanOrEqual(0.03 * reads);
  });

  test('is asked once while little is known of the node', async () => {
    const { pass, answering, hedge, quickReads } = played();
    await quickReads(10);
    void hedge.read(answering(5_000, 'first'), answering(10, 'second'));
    await pass(10_000);
    expect(hedge.counts().hedges).toBe(0);
  });

  test('fails as its first call does, and a second that fails says nothing', async () => {
    const { pass, answering, failing, hedge, quickReads } = played();
    await quickReads(100);
    const slow = hedge.read(answering(500, 'first'), failing(10));
    await pass(1_000);
    expect(await slow).toBe('first');
    const down = hedge.read(failing(5), answering(10, 'second'));
    const seen = down.catch((error: unknown) => error);
    await pass(1_000);
    expect(await seen).toBeInstanceOf(Error);
  });
});

describe('on a node', () => {
  let lnd: LndSimulator;
  beforeAll(async () => {
    lnd = await startLnd({});
  });
  afterAll(() => lnd.stop());
  const hash = paymentHash('ab'.repeat(32)) as PaymentHash;
  /** They earn two second calls, and since they are asked all at once they spend none. */
  const manyReads = (node: OpenNode): Promise<unknown> =>
    Promise.all(Array.from({ length: 90 }, () => node.lookInvoice(hash)));

  test('a lookup that stalls is asked again over another connection', async () => {
    const node = openNode({
      ...{ address: lnd.socket, certificatePem: lnd.certPem, identity: lnd.publicKey },
      ...{ macaroonHex: lnd.macaroon('receive').toString('hex'), allowPrivate: true },
    });
    await manyReads(node);
    const before = lnd.callsOf('LookupInvoice');
    lnd.faults.onMethod('LookupInvoice', { kind: 'never-answer', work: false }, 1);
    // Without the second call this one would end as a time-out.
    expect(await node.lookInvoice(hash)).toBe('not_found');
    expect(lnd.callsOf('LookupInvoice')).toBe(before + 2);
    node.close();
  });

  test('a second connection to where the node is no more is made anew', async () => {
    const port = lnd.socket.split(':')[1] ?? '';
    // The first connection's, the second one's, and where the node is from then on.
    const places = ['127.0.0.1', '127.0.0.9'];
    const node = openNode({
      ...{ address: `node.example:${port}`, certificatePem: lnd.certPem, identity: lnd.publicKey },
      ...{ macaroonHex: lnd.macaroon('receive').toString('hex'), allowPrivate: true },
      resolve: () => Promise.resolve([places.shift() ?? '127.0.0.1']),
      ...{ pinnedForMs: -1, deadlineMs: 4_000 },
    });
    const stalled = async (): Promise<unknown> => {
      lnd.faults.onMethod('LookupInvoice', { kind: 'never-answer', work: false }, 1);
      return node.lookInvoice(hash).catch((error: unknown) => error);
    };
    await manyReads(node);
    expect(await stalled()).toMatchObject({ what: 'node_silent' });
    expect(places).toEqual([]);
    expect(await stalled()).toBe('not_found');
    node.close();
  });
});
