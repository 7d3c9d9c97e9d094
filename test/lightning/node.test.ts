// The adapter on a node that fails, forgets and lies: what only a simulator can be asked to do.
import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { startLnd } from '../../sandbox/lnd/index.ts';
import type { LndOptions, LndSimulator } from '../../sandbox/lnd/index.ts';
import { decideFromNode } from '../../web/core/invoice.ts';
import type { Observation } from '../../web/core/invoice.ts';
import { Defect, Trouble } from '../../web/core/trouble.ts';
import { openNode } from '../../web/lightning/node.ts';
import type { NodeOptions, OpenNode } from '../../web/lightning/node.ts';
import {
  newHash,
  recordSettles,
  settledLook,
  troubleOf,
  until,
  wishOf,
} from '../contract/lightning-node.ts';
import { tcpProxy } from '../contract/tcp-proxy.ts';

let shared: LndSimulator;
beforeAll(async () => {
  shared = await startLnd({ seed: 'node' });
});
afterAll(() => shared.stop());
const open: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
  shared.faults.reset();
  shared.setPhase('SERVER_ACTIVE');
});

const optionsFor = (lnd: LndSimulator): NodeOptions => ({
  address: lnd.socket,
  certificatePem: lnd.certPem,
  macaroonHex: lnd.macaroon('receive-useful').toString('hex'),
  identity: lnd.publicKey,
  network: 'regtest',
  allowPrivate: true,
  quietMs: 150,
});
const nodeOf = (lnd: LndSimulator, options: Partial<NodeOptions> = {}): OpenNode => {
  const node = openNode({ ...optionsFor(lnd), ...options });
  open.push(node.close);
  return node;
};
const another = async (options: LndOptions): Promise<LndSimulator> => {
  const lnd = await startLnd({ seed: 'another node', ...options });
  open.push(() => lnd.stop());
  return lnd;
};
const paid = async (lnd: LndSimulator, node: OpenNode): Promise<Observation> => {
  const wish = wishOf();
  const { request } = await node.createInvoice(wish);
  expect(await lnd.pay(request)).toMatchObject({ ok: true });
  return settledLook(node, wish.hash);
};

describe('opening', () => {
  test('a credential that can spend is refused before anything is connected', () => {
    for (const name of ['admin', 'invoice', 'readonly'] as const) {
      const macaroonHex = shared.macaroon(name).toString('hex');
      expect(() => nodeOf(shared, { macaroonHex })).toThrow(/credential_refused/);
    }
    expect(() => nodeOf(shared, { macaroonHex: 'zz' })).toThrow(/credential_refused/);
    expect(() => nodeOf(shared, { address: 'unix:/tmp/lnd.sock' })).toThrow(/node_address/);
  });

  test('a private address is refused at each call, also when a name was rebound', async () => {
    const node = nodeOf(shared, { allowPrivate: false });
    const refused = { what: 'node_address', then: 'give_up', away: true };
    expect(await troubleOf(node.lookInvoice(newHash().hash))).toMatchObject(refused);
    const { log } = recordSettles(node);
    await until('the stream ends', () => log.ended.length === 1);
    expect(log.ended[0]).toMatchObject(refused);
  });

  test('a name that moved is followed once the node is down', async () => {
    const here = shared.socket.split(':');
    let ip = '127.0.0.9';
    const node = nodeOf(shared, {
      address: `node.example:${here[1] ?? ''}`,
      resolve: () => Promise.resolve([ip]),
      pinnedForMs: 0,
    });
    expect(await troubleOf(node.lookInvoice(newHash().hash))).toMatchObject({ what: 'node_down' });
    ip = '127.0.0.1';
    await expect
      .poll(() => node.lookInvoice(newHash().hash).catch(() => 'away'), { timeout: 10_000 })
      .toBe('not_found');
  });

  test('proxies of the environment are not obeyed', async () => {
    const names = ['http_proxy', 'https_proxy', 'grpc_proxy'] as const;
    for (const name of names) process.env[name] = 'http://127.0.0.1:9';
    open.push(() => names.forEach((name) => Reflect.deleteProperty(process.env, name)));
    expect(await nodeOf(shared).lookInvoice(newHash().hash)).toBe('not_found');
  });

  test('closed, it says so', async () => {
    const node = nodeOf(shared);
    await node.lookInvoice(newHash().hash);
    node.close();
    expect(await troubleOf(node.lookInvoice(newHash().hash))).toMatchObject({
      what: 'node_closed',
      then: 'retry',
    });
  });

  test('no trouble has the credential in it', async () => {
    const macaroonHex = shared.macaroon('receive-useful', { ipAddress: '203.0.113.9' });
    const node = nodeOf(shared, { macaroonHex: macaroonHex.toString('hex') });
    const trouble = await troubleOf(node.lookInvoice(newHash().hash));
    const all = inspect(trouble, { depth: 9, showHidden: true });
    expect(all).toContain('ipaddr');
    expect(all).not.toContain(macaroonHex.toString('hex').slice(20, 60));
    expect(trouble.cause).toBeUndefined();
  });
});

describe('creating while the node fails', () => {
  test.each([
    ['an error after the work', { kind: 'error-after', code: 14, details: 'Connection dropped' }],
    ['an unknown error after the work', { kind: 'error-after', code: 2, details: 'what?' }],
    ['an unknown error before the work', { kind: 'error-before', code: 2, details: 'what?' }],
    ['a cut after the work', { kind: 'cut-after' }],
    ['no answer, work done', { kind: 'never-answer', work: true }],
    ['no answer, no work', { kind: 'never-answer', work: false }],
  ] as const)('%s: one invoice', async (_what, fault) => {
    const node = nodeOf(shared, { deadlineMs: 1_500 });
    await node.lookInvoice(newHash().hash);
    shared.faults.onMethod('AddInvoice', fault, 1);
    const wish = wishOf();
    const { request } = await node.createInvoice(wish);
    expect(await node.lookInvoice(wish.hash)).toMatchObject({ state: 'open', request });
    expect(shared.invoices.all().filter(({ hash }) => hash === wish.hash)).toHaveLength(1);
  });

  test('no answer at all is "ask again", and asking again finds the invoice', async () => {
    const node = nodeOf(shared, { deadlineMs: 1_000 });
    shared.faults.onMethod('AddInvoice', { kind: 'never-answer', work: true });
    shared.faults.onMethod('LookupInvoice', { kind: 'never-answer', work: false });
    const wish = wishOf({ seconds: 600 });
    expect(await troubleOf(node.createInvoice(wish))).toMatchObject({
      what: 'node_silent',
      then: 'ask_again',
    });
    shared.faults.reset();
    const { request } = await node.createInvoice({ ...wish, expirySeconds: 590 });
    expect(await node.lookInvoice(wish.hash)).toMatchObject({ request });
  });

  test('a refusal that is surely one is not asked twice', async () => {
    const node = nodeOf(shared);
    const before = shared.callsOf('AddInvoice');
    shared.setPhase('LOCKED');
    const locked = await troubleOf(node.createInvoice(wishOf()));
    expect(locked).toMatchObject({ what: 'wallet_locked', then: 'retry', away: true });
    shared.setPhase('UNLOCKED');
    const starting = await troubleOf(node.createInvoice(wishOf()));
    expect(starting).toMatchObject({ what: 'node_starting', then: 'retry', away: true });
    expect(shared.callsOf('AddInvoice') - before).toBeLessThanOrEqual(2);
  });

  test.each(['garbageRequests', 'signsWithOtherKey'] as const)(
    '%s: nothing is shown, and the invoice is canceled',
    async (fault) => {
      const node = nodeOf(shared);
      shared.faults.set({ [fault]: true });
      const wish = wishOf();
      const trouble = await troubleOf(node.createInvoice(wish));
      const what = fault === 'garbageRequests' ? 'invoice_differs' : 'identity_changed';
      expect(trouble).toMatchObject({ what, then: 'give_up' });
      expect(shared.invoices.find(wish.hash).state).toBe('CANCELED');
    },
  );

  test('a certificate that was replaced by a restart', async () => {
    const lnd = await another({});
    const node = nodeOf(lnd);
    await node.lookInvoice(newHash().hash);
    await lnd.faults.rotateCertificate();
    await expect
      .poll(async () => (await troubleOf(node.lookInvoice(newHash().hash))).what, {
        timeout: 10_000,
      })
      .toBe('certificate_wrong');
  });

  test('a node that is slow takes no more than its share', async () => {
    const node = nodeOf(shared, { deadlineMs: 1_500 });
    shared.faults.onMethod('LookupInvoice', { kind: 'never-answer', work: false });
    const calls = Array.from({ length: 392 }, () => troubleOf(node.lookInvoice(newHash().hash)));
    const first = await Promise.all(calls.slice(356));
    expect(new Set(first.map(({ what }) => what))).toEqual(new Set(['node_busy']));
    expect(shared.callsOf('LookupInvoice')).toBeLessThan(1_000);
    shared.faults.reset();
    node.close();
    await Promise.allSettled(calls);
  });
});

describe('looking at a node that lies or forgets', () => {
  test('settled with too little, with a wrong secret, or without one, is distrusted', async () => {
    const node = nodeOf(shared);
    const wish = wishOf();
    await node.createInvoice(wish);
    const lookThrough = async (): Promise<unknown> => {
      const seen = await node.lookInvoice(wish.hash);
      return seen === 'not_found' ? seen : decideFromNode(wish, seen);
    };
    shared.faults.lie(wish.hash, { state: 'SETTLED', receivedMsat: 4_999n });
    expect(await lookThrough()).toMatchObject({ do: 'distrust', why: 'settled_with_too_little' });
    const secret = randomBytes(32).toString('hex');
    shared.faults.lie(wish.hash, { state: 'SETTLED', receivedMsat: 5_000n, secret });
    expect(await lookThrough()).toMatchObject({ do: 'distrust', why: 'settled_without_preimage' });
    shared.faults.lie(wish.hash, { state: 'SETTLED', receivedMsat: 5_000n, secret: '' });
    expect(await lookThrough()).toMatchObject({ do: 'distrust' });
    shared.faults.lie(wish.hash, { state: 'SETTLED', receivedMsat: -5n });
    expect(await lookThrough()).toMatchObject({ do: 'distrust' });
  });

  test('a memo of a megabyte is not kept, a message of five is refused', async () => {
    const node = nodeOf(shared);
    const wish = wishOf();
    await node.createInvoice(wish);
    shared.faults.set({ memoBytes: 1_000_000 });
    const seen = await node.lookInvoice(wish.hash);
    expect(JSON.stringify(seen, (_key, value: unknown) => String(value)).length).toBeLessThan(
      2_000,
    );
    shared.faults.set({ memoBytes: 5_000_000 });
    expect(await troubleOf(node.lookInvoice(wish.hash))).toMatchObject({
      what: 'message_too_large',
      then: 'give_up',
    });
  });

  test('canceled and collected is not found, and asking to cancel it is no error', async () => {
    const lnd = await another({ garbageCollection: 'fly' });
    const node = nodeOf(lnd);
    const wish = wishOf();
    await node.createInvoice(wish);
    await node.askToCancel(wish.hash);
    expect(await node.lookInvoice(wish.hash)).toBe('not_found');
    await node.askToCancel(wish.hash);
  });

  test('after a restore from a backup, later invoices are not found', async () => {
    const lnd = await another({});
    const node = nodeOf(lnd);
    const before = await paid(lnd, node);
    const snapshot = lnd.snapshot();
    const after = await paid(lnd, node);
    await lnd.restore(snapshot);
    const again = nodeOf(lnd);
    expect(await again.lookInvoice(before.hash)).toMatchObject({ state: 'settled' });
    expect(await again.lookInvoice(after.hash)).toBe('not_found');
  });
});

describe('following a node that fails', () => {
  test('a replay that is cut: what came is told, and the next replay tells all', async () => {
    const lnd = await another({ store: 'sql' });
    const node = nodeOf(lnd);
    const first = await paid(lnd, node);
    const rest = [await paid(lnd, node), await paid(lnd, node), await paid(lnd, node)];
    lnd.faults.set({ cutReplayAfter: 1 });
    const cut = recordSettles(node, first.settleIndex);
    await until('the stream ends', () => cut.log.ended.length === 1);
    expect(cut.log).toMatchObject({ replayed: 0, ended: [{ from: 'node', away: true }] });
    expect(cut.log.replay).toHaveLength(1);
    lnd.faults.reset();
    const whole = recordSettles(node, first.settleIndex);
    await until('the replay is over', () => whole.log.replayed === 1);
    expect(whole.all()).toEqual(rest.map(({ hash }) => hash));
  });

  test('settles in any order, twice, and out of hold invoices, are all told', async () => {
    const lnd = await another({ store: 'sql' });
    const node = nodeOf(lnd);
    const first = await paid(lnd, node);
    const held = [newHash(), newHash(), newHash()];
    const done = held.map(async ({ hash, secret }) => {
      const amountMsat = 5_000n;
      const invoice = lnd.invoices.add({ kind: 'hold', hash, amountMsat });
      const paying = lnd.pay(invoice.request);
      await expect.poll(() => lnd.invoices.find(hash).state, { timeout: 10_000 }).toBe('ACCEPTED');
      return { paying, settle: () => lnd.invoices.settleHeld(secret.toString('hex')) };
    });
    const ready = await Promise.all(done);
    for (const index of [2, 0, 1]) ready[index]?.settle();
    await Promise.all(ready.map(({ paying }) => paying));
    lnd.faults.set({ eventCopies: 3 });
    const seen = recordSettles(node, first.settleIndex);
    await until('the replay is over', () => seen.log.replayed === 1);
    expect(new Set(seen.all())).toEqual(new Set(held.map(({ hash }) => hash)));
    const indexes = new Set(seen.log.replay.map(({ settleIndex }) => settleIndex));
    expect(indexes.size).toBe(3);
  });

  test('a migration to native SQL: the live stream sees what starts again at one', async () => {
    const lnd = await another({});
    const before = nodeOf(lnd);
    let cursor = 0n;
    for (let count = 0; count < 5; count += 1) {
      cursor = (await paid(lnd, before)).settleIndex ?? 0n;
    }
    await lnd.migrate();
    const node = nodeOf(lnd);
    const { log, has } = recordSettles(node, cursor);
    await until('the replay is over', () => log.replayed === 1);
    const next = await paid(lnd, node);
    expect(next.settleIndex).toBe(1n);
    await until('it is told', () => has(next.hash));
  });

  test('an event of rubbish is nothing, and a flood ends the stream', async () => {
    const node = nodeOf(shared, { mostEvents: 100 });
    const wish = wishOf();
    await node.createInvoice(wish);
    const { log } = recordSettles(node);
    await until('the stream is open', () => log.opened === 1);
    shared.faults.lie(wish.hash, { state: 'SETTLED', receivedMsat: 1n, secret: 'abcd' });
    for (let count = 0; count < 50; count += 1) shared.faults.announce(wish.hash);
    await until('fifty are told', () => log.live.length === 50);
    expect(log.live.every(({ preimage }) => preimage === undefined)).toBe(true);
    for (let count = 0; count < 500; count += 1) shared.faults.announce(wish.hash);
    await until('the stream ends', () => log.ended.length === 1);
    expect(log.ended[0]).toMatchObject({ what: 'node_floods', then: 'retry', away: true });
    expect(log.live.length).toBeLessThanOrEqual(100);
  });

  test('told that we ask too often: our own fault, loudly', async () => {
    const { log } = recordSettles(nodeOf(shared));
    await until('the stream is open', () => log.opened === 1);
    shared.faults.cutForPings();
    await until('the stream ends', () => log.ended.length === 1);
    expect(log.ended[0]).toBeInstanceOf(Defect);
  });

  test('connections that are cut: one end, and the same object can follow again', async () => {
    const proxy = await tcpProxy(shared.socket);
    open.push(proxy.close);
    const node = nodeOf(shared, { address: proxy.address });
    const first = recordSettles(node, 1n);
    await until('the stream is open', () => first.log.replayed === 1);
    proxy.cut();
    await until('the stream ends', () => first.log.ended.length === 1);
    expect(first.log.ended[0]).toBeInstanceOf(Trouble);
    const second = recordSettles(node);
    await until('it is open again', () => second.log.opened === 1);
    const seen = await paid(shared, node);
    await until('it is told', () => second.has(seen.hash));
    expect(first.log.ended).toHaveLength(1);
    expect(first.has(seen.hash)).toBe(false);
  });

  test('a credential without the stream is told at once, and not as open', async () => {
    const macaroonHex = shared.macaroon('receive-useful', { rootKeyId: '99' }).toString('hex');
    const node = nodeOf(shared, { macaroonHex });
    const details = 'permission denied';
    shared.faults.onMethod('SubscribeInvoices', { kind: 'error-before', code: 2, details });
    const { log } = recordSettles(node);
    await until('the stream ends', () => log.ended.length === 1);
    expect(log.opened).toBe(0);
    expect(log.ended[0]).toMatchObject({ what: 'permission_denied', then: 'give_up' });
  });
});
