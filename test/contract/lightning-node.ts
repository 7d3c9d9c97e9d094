// What every LightningNode must do, whatever is behind it. Run against the simulator always, and
// against real LND in the regtest suite: that second run is what makes the first one worth having.
import { createHash, createHmac, randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import {
  createChainAddress,
  createHodlInvoice,
  createInvoice,
  getInvoices,
  getWalletInfo,
  grantAccess,
  revokeAccess,
  settleHodlInvoice,
} from 'lightning';
import type { AuthenticatedLnd } from 'lightning';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { paymentHash, preimage } from '../../web/core/invoice.ts';
import type { Observation, PaymentHash } from '../../web/core/invoice.ts';
import { msat } from '../../web/core/money.ts';
import type { InvoiceWish, SettleStream } from '../../web/core/ports.ts';
import { Defect, Trouble } from '../../web/core/trouble.ts';
import { parseRequest } from '../../web/lightning/bolt11.ts';
import { testNode } from '../../web/lightning/connect.ts';
import { openConnection } from '../../web/lightning/connection.ts';
import { grpcErrorIn } from '../../web/lightning/errors.ts';
import { bakeLine } from '../../web/lightning/gate.ts';
import { openNode } from '../../web/lightning/node.ts';
import type { NodeOptions, OpenNode } from '../../web/lightning/node.ts';
import { holdCases } from './held-invoices.ts';
import { strangersCertificate, tcpProxy } from './tcp-proxy.ts';
import type { TcpProxy } from './tcp-proxy.ts';

export type Paid = { paid: true } | { paid: false; why: string };

/** A node to be spoken with, and somebody who can pay it. */
export type World = {
  /** `127.0.0.1:port`. */
  address: string;
  certificatePem: () => string;
  identity: string;
  /** The owner of the node, with everything allowed: plays the other programs on it. */
  owner: () => AuthenticatedLnd;
  /** A buyer's wallet, with the amount of the request unless told otherwise. */
  pay: (request: string, amountMsat?: bigint) => Promise<Paid>;
  /** Where the node takes payments that nobody asked for. */
  keysend?: (amountMsat: bigint) => Promise<void>;
  amp: (amountMsat: bigint) => Promise<void>;
  stop: (how: 'clean' | 'kill') => Promise<void>;
  /** Returns when the node answers and can be paid. */
  start: () => Promise<void>;
  /** How many buyers race a cancel. */
  races: number;
  close: () => Promise<void>;
};

const needed = bakeLine('1')
  .split(' ')
  .slice(4)
  .filter((uri) => !/GetInfo|ListChannels|ListInvoices/.test(uri));
const whole = bakeLine('1').split(' ').slice(4);

export const newHash = (): { hash: PaymentHash; secret: Buffer } => {
  const secret = randomBytes(32);
  const hash = paymentHash(createHash('sha256').update(secret).digest('hex'));
  if (hash === undefined) throw new Error('not a hash');
  return { hash, secret };
};

export function wishOf(
  about: { amountMsat?: bigint; memo?: string; seconds?: number; secret?: Buffer } = {},
): InvoiceWish {
  const { amountMsat = 5_000n, memo = 'a wish', seconds = 600 } = about;
  const secret = about.secret ?? randomBytes(32);
  const hash = paymentHash(createHash('sha256').update(secret).digest('hex'));
  const known = preimage(secret.toString('hex'));
  if (hash === undefined || known === undefined) throw new Error('not a secret');
  return { hash, preimage: known, amountMsat: msat(amountMsat), memo, expirySeconds: seconds };
}

export async function until(what: string, true_: () => boolean, limitMs = 15_000): Promise<void> {
  for (const end = Date.now() + limitMs; !true_();) {
    if (Date.now() > end) throw new Error(`waited in vain for: ${what}`);
    await pause(10);
  }
}

/** Writes down everything that a settle stream says. */
export function recordSettles(node: OpenNode, cursor = 0n) {
  const log = {
    opened: 0,
    replayed: 0,
    live: [] as Observation[],
    replay: [] as Observation[],
    ended: [] as unknown[],
  };
  const stream: SettleStream = node.followSettles(
    { cursor },
    {
      opened: () => {
        log.opened += 1;
      },
      settled: (seen, from) => {
        log[from].push(...seen);
      },
      replayed: () => {
        log.replayed += 1;
      },
      ended: (why) => {
        log.ended.push(why);
      },
    },
  );
  const all = (): string[] => [...log.replay, ...log.live].map(({ hash }) => hash);
  return { log, close: stream.close, has: (hash: string) => all().includes(hash), all };
}

export async function troubleOf(work: Promise<unknown>): Promise<Trouble> {
  const thrown = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (thrown instanceof Trouble) return thrown;
  throw new Error(`expected Trouble, got ${String(thrown)}`);
}

/** A caveat only narrows and needs no key. Source: macaroons, HMAC chain over the signature. */
export function withCaveat(macaroonHex: string, caveat: string): string {
  const bytes = Buffer.from(macaroonHex, 'hex');
  const signature = bytes.subarray(-32);
  const body = bytes.subarray(0, -35);
  const text = Buffer.from(caveat);
  const signed = createHmac('sha256', signature).update(text).digest();
  const added = Buffer.concat([Buffer.from([2, text.length]), text, Buffer.from([0])]);
  return Buffer.concat([body, added, Buffer.from([0, 6, 32]), signed]).toString('hex');
}

export type Bench = ReturnType<typeof benchOf>;

/** What every case uses: the world, nodes that are closed after the case, credentials. */
function benchOf() {
  let world: World | undefined;
  const opened: (() => unknown)[] = [];
  const it = (): World => {
    if (world === undefined) throw new Error('the world is not there yet');
    return world;
  };
  const bake = async (uris: readonly string[], id = '7000'): Promise<string> => {
    const { macaroon } = await grantAccess({ lnd: it().owner(), id, permissions: [...uris] });
    return Buffer.from(macaroon, 'base64').toString('hex');
  };
  const open = async (options: Partial<NodeOptions> = {}): Promise<OpenNode> => {
    const node = openNode({
      address: it().address,
      certificatePem: it().certificatePem(),
      macaroonHex: options.macaroonHex ?? (await bake(whole)),
      identity: it().identity,
      network: 'regtest',
      allowPrivate: true,
      quietMs: 700,
      ...options,
    });
    opened.push(node.close);
    return node;
  };
  const proxy = async (): Promise<TcpProxy> => {
    const made = await tcpProxy(it().address);
    opened.push(made.close);
    return made;
  };
  return {
    world: it,
    bake,
    open,
    proxy,
    setWorld: (made: World) => (world = made),
    tidy: async () => {
      for (const close of opened.splice(0).reverse()) await close();
    },
    /** An invoice that was paid, so that the node has settles to replay. */
    settled: async (node: OpenNode, amountMsat = 2_000n): Promise<Observation> => {
      const wish = wishOf({ amountMsat });
      const { request } = await node.createInvoice(wish);
      expect(await it().pay(request)).toEqual({ paid: true });
      return settledLook(node, wish.hash);
    },
  };
}

/** The payer may know before the node has written it down. */
export async function settledLook(node: OpenNode, hash: PaymentHash): Promise<Observation> {
  for (const end = Date.now() + 10_000; Date.now() < end;) {
    const seen = await node.lookInvoice(hash);
    if (seen !== 'not_found' && seen.state === 'settled') return seen;
    await pause(20);
  }
  throw new Error('it did not settle');
}

async function stateOf(node: OpenNode, hash: PaymentHash): Promise<string> {
  const seen = await node.lookInvoice(hash);
  return seen === 'not_found' ? seen : seen.state;
}

function credentialCases(bench: Bench): void {
  test('the printed line gives a credential that passes the whole test', async () => {
    const { address, certificatePem, identity } = bench.world();
    const macaroonHex = await bench.bake(whole, '7001');
    const credential = { address, certificatePem: certificatePem(), macaroonHex };
    const tested = await testNode(credential, { allowPrivate: true, now: new Date() });
    expect(tested).toMatchObject({ ok: true, identity, network: 'regtest', rootKeyId: '7001' });
    if (!tested.ok) return;
    expect(tested.version).toMatch(/^0\.\d+\.\d+/);
    expect(tested.receivable?.activeChannels).toBeGreaterThan(0);
    expect(tested.advice).toEqual([]);
  });

  test('a credential with only what is needed passes too, and says less', async () => {
    const { address, certificatePem } = bench.world();
    const macaroonHex = await bench.bake(needed, '7002');
    const credential = { address, certificatePem: certificatePem(), macaroonHex };
    const tested = await testNode(credential, { allowPrivate: true, now: new Date() });
    expect(tested).toMatchObject({ ok: true, version: '', receivable: undefined });
    const node = await bench.open({ macaroonHex });
    expect(await node.receivable()).toBeUndefined();
    expect(await node.getInfo()).toBeUndefined();
    const ask = { after: 0n, createdSince: new Date(), most: 10 };
    expect(await node.listInvoices(ask)).toBeUndefined();
  });
}

function refusedCases(bench: Bench): void {
  const lndOf = (macaroonHex: string): AuthenticatedLnd => {
    const [ip = '', port = ''] = bench.world().address.split(':');
    return openConnection({
      pinned: { ip, port: Number(port), target: `ipv4:${ip}:${port}`, host: ip },
      certificatePem: bench.world().certificatePem(),
      macaroonHex,
    }).lnd;
  };

  test('every other method is refused by the node', async () => {
    const lnd = lndOf(await bench.bake(needed));
    const tries = [
      () => getWalletInfo({ lnd }),
      () => getInvoices({ lnd }),
      () => createChainAddress({ lnd, format: 'p2wpkh' }),
      () => grantAccess({ lnd, permissions: ['info:read'] }),
      () => createHodlInvoice({ lnd, id: newHash().hash, mtokens: '1000' }),
    ];
    for (const call of tries) {
      const thrown = await call().catch((error: unknown) => error);
      const named = Array.isArray(thrown) && thrown[0] === 403;
      expect(named ? 'permission denied' : grpcErrorIn(thrown)?.details).toBe('permission denied');
    }
  });

  test('a revoked credential is refused at the next call, with the stream still open', async () => {
    const node = await bench.open({ macaroonHex: await bench.bake(whole, '7003') });
    const { log } = recordSettles(node);
    await until('the stream is open', () => log.opened === 1);
    await revokeAccess({ lnd: bench.world().owner(), id: '7003' });
    const trouble = await troubleOf(node.lookInvoice(newHash().hash));
    expect(trouble).toMatchObject({ what: 'credential_revoked', then: 'give_up', away: true });
    expect(log.ended).toEqual([]);
  });

  test('an ended, a locked and a damaged credential are refused in the right words', async () => {
    const good = await bench.bake(whole);
    const ended = await bench.open({
      macaroonHex: withCaveat(good, 'time-before 2020-01-01T00:00:00Z'),
    });
    const locked = await bench.open({ macaroonHex: withCaveat(good, 'ipaddr 203.0.113.9') });
    const last = good.endsWith('00') ? '01' : '00';
    const damaged = await bench.open({ macaroonHex: good.slice(0, -2) + last });
    const look = (node: OpenNode): Promise<Trouble> => troubleOf(node.lookInvoice(newHash().hash));
    expect(await look(ended)).toMatchObject({ what: 'credential_expired', then: 'give_up' });
    expect(await look(locked)).toMatchObject({ what: 'credential_refused', then: 'give_up' });
    expect(await look(damaged)).toMatchObject({ what: 'credential_refused', then: 'give_up' });
  });
}

function connectionCases(bench: Bench): void {
  test('a pinned certificate works under a name that is not in it', async () => {
    const port = bench.world().address.split(':')[1] ?? '';
    const address = `pay.merchant.example:${port}`;
    const node = await bench.open({ address, resolve: () => Promise.resolve(['127.0.0.1']) });
    expect(await node.lookInvoice(newHash().hash)).toBe('not_found');
  });

  test('another certificate, and none, are refused', async () => {
    const other = await bench.open({ certificatePem: strangersCertificate });
    const none = await bench.open({ certificatePem: '' });
    for (const node of [other, none]) {
      const trouble = await troubleOf(node.lookInvoice(newHash().hash));
      expect(trouble).toMatchObject({ what: 'certificate_wrong', then: 'give_up', away: true });
    }
  });

  test('a frozen connection: calls end in time, the stream after its keepalive', async () => {
    const proxy = await bench.proxy();
    // LND cuts clients that ask more often than every five seconds.
    const keepalive = { timeMs: 6_000, timeoutMs: 1_000 };
    const node = await bench.open({ address: proxy.address, deadlineMs: 1_000, keepalive });
    const { log } = recordSettles(node);
    await until('the stream is open', () => log.opened === 1);
    proxy.freeze();
    const trouble = await troubleOf(node.lookInvoice(newHash().hash));
    expect(trouble).toMatchObject({ what: 'node_silent', then: 'ask_again', away: true });
    await until('the stream is given up', () => log.ended.length === 1, 12_000);
    expect(log.ended[0]).toMatchObject({ what: 'connection_lost', away: true });
  }, 30_000);

  test('a node that is down is away, and comes back on the same object', async () => {
    const node = await bench.open();
    await node.lookInvoice(newHash().hash);
    await bench.world().stop('clean');
    const trouble = await troubleOf(node.lookInvoice(newHash().hash));
    expect(trouble).toMatchObject({ what: 'node_down', then: 'retry', away: true });
    await bench.world().start();
    await expect
      .poll(() => node.lookInvoice(newHash().hash).catch(() => 'away'), { timeout: 20_000 })
      .toBe('not_found');
  }, 90_000);
}

function createCases(bench: Bench): void {
  test.each([1_000n, 1_999n, 2n ** 53n + 1n])('%s msat are exact everywhere', async (amount) => {
    const node = await bench.open();
    const wish = wishOf({ amountMsat: amount });
    const { request, addIndex } = await node.createInvoice(wish);
    expect(parseRequest(request)?.amountMsat).toBe(amount);
    const seen = await node.lookInvoice(wish.hash);
    expect(seen).toMatchObject({ state: 'open', amountMsat: amount, receivedMsat: 0n, addIndex });
    expect(seen).toMatchObject({ request, settleIndex: undefined });
  });

  test.each(['abc', 0n, -5n, 1.5, 1e6, 2n ** 63n])('the amount %s is a defect', async (amount) => {
    const node = await bench.open();
    const wish = { ...wishOf(), amountMsat: amount } as InvoiceWish;
    await expect(node.createInvoice(wish)).rejects.toThrow(Defect);
    expect(await node.lookInvoice(wish.hash)).toBe('not_found');
  });

  test.each([0, -1, 1.5, 31_536_001])('an expiry of %s s is a defect', async (expirySeconds) => {
    const node = await bench.open();
    await expect(node.createInvoice({ ...wishOf(), expirySeconds })).rejects.toThrow(Defect);
  });

  test('a year is the longest expiry', async () => {
    const node = await bench.open();
    const { expiresAt } = await node.createInvoice(wishOf({ seconds: 31_536_000 }));
    expect(Math.abs(expiresAt.getTime() - Date.now() - 31_536_000_000)).toBeLessThan(5_000);
  });

  test('a memo of 639 bytes is taken, one of 640 is a defect', async () => {
    const node = await bench.open();
    const most = `${'é'.repeat(319)}x`;
    await node.createInvoice(wishOf({ memo: most }));
    await expect(node.createInvoice(wishOf({ memo: `${most}x` }))).rejects.toThrow(Defect);
  });
}

function onceCases(bench: Bench): void {
  test('the same wish twice, and eight at once, is one invoice', async () => {
    const node = await bench.open();
    const wish = wishOf();
    const first = await node.createInvoice(wish);
    const more = await Promise.all(Array.from({ length: 8 }, () => node.createInvoice(wish)));
    expect(new Set([first, ...more].map(({ request }) => request)).size).toBe(1);
    expect(more.every(({ addIndex }) => addIndex === first.addIndex)).toBe(true);
  });

  test('the same secret for another amount is refused and cannot be paid', async () => {
    const node = await bench.open();
    const secret = randomBytes(32);
    const { request } = await node.createInvoice(wishOf({ secret }));
    const again = node.createInvoice(wishOf({ secret, amountMsat: 6_000n }));
    const trouble = await troubleOf(again);
    expect(trouble).toMatchObject({ what: 'invoice_differs', then: 'give_up' });
    expect((await bench.world().pay(request)).paid).toBe(false);
  });

  test('the secret of a canceled invoice is not used again', async () => {
    const node = await bench.open();
    const wish = wishOf();
    await node.createInvoice(wish);
    await node.askToCancel(wish.hash);
    const trouble = await troubleOf(node.createInvoice(wish));
    expect(trouble).toMatchObject({ what: 'invoice_over', then: 'give_up' });
  });

  test('an answer that is lost: one invoice in the end', async () => {
    const proxy = await bench.proxy();
    const node = await bench.open({ address: proxy.address });
    await node.lookInvoice(newHash().hash);
    const wish = wishOf();
    proxy.loseAnswers();
    const made = node.createInvoice(wish);
    const direct = await bench.open();
    await expect.poll(() => stateOf(direct, wish.hash), { timeout: 8_000 }).toBe('open');
    proxy.heal();
    proxy.cut();
    const seen = await direct.lookInvoice(wish.hash);
    expect(seen).toMatchObject({ request: (await made).request });
  });

  test('another node behind the same address is noticed', async () => {
    const node = await bench.open({ identity: `02${'ab'.repeat(32)}` });
    const wish = wishOf();
    const trouble = await troubleOf(node.createInvoice(wish));
    expect(trouble).toMatchObject({ what: 'identity_changed', then: 'give_up' });
    expect(await stateOf(node, wish.hash)).toBe('canceled');
    const other = await bench.open({ network: 'mainnet' });
    expect(await troubleOf(other.createInvoice(wishOf()))).toMatchObject({
      what: 'identity_changed',
    });
  });
}

function payCases(bench: Bench): void {
  test('exact, over by one, and five-fold settle with what was received', async () => {
    const node = await bench.open();
    for (const paid of [5_000n, 5_001n, 25_000n]) {
      const wish = wishOf({ amountMsat: 5_000n });
      const { request } = await node.createInvoice(wish);
      expect(await bench.world().pay(request, paid)).toEqual({ paid: true });
      const seen = await settledLook(node, wish.hash);
      expect(seen).toMatchObject({ receivedMsat: paid, amountMsat: 5_000n });
      expect(seen.preimage).toBe(wish.preimage);
      expect(seen.settleIndex).toBeGreaterThan(0n);
      expect(Math.abs((seen.settledAt?.getTime() ?? 0) - Date.now())).toBeLessThan(60_000);
    }
  });

  test('one millisat too little is refused by the node and changes nothing', async () => {
    const node = await bench.open();
    const wish = wishOf({ amountMsat: 5_000n });
    const { request } = await node.createInvoice(wish);
    expect((await bench.world().pay(request, 4_999n)).paid).toBe(false);
    expect(await node.lookInvoice(wish.hash)).toMatchObject({ state: 'open', receivedMsat: 0n });
  });

  test('a request is paid once, and not at all after its cancellation', async () => {
    const node = await bench.open();
    const [once, never] = [wishOf(), wishOf()];
    const { request } = await node.createInvoice(once);
    expect((await bench.world().pay(request)).paid).toBe(true);
    expect((await bench.world().pay(request)).paid).toBe(false);
    const canceled = await node.createInvoice(never);
    await node.askToCancel(never.hash);
    expect(await stateOf(node, never.hash)).toBe('canceled');
    expect((await bench.world().pay(canceled.request)).paid).toBe(false);
  });

  test('asking to cancel what is paid, canceled or unknown is no error', async () => {
    const node = await bench.open();
    const { hash } = await bench.settled(node);
    await node.askToCancel(hash);
    expect(await stateOf(node, hash)).toBe('settled');
    await node.askToCancel(newHash().hash);
    const wish = wishOf();
    await node.createInvoice(wish);
    await node.askToCancel(wish.hash);
    await node.askToCancel(wish.hash);
    expect(await stateOf(node, wish.hash)).toBe('canceled');
  });
}

function endCases(bench: Bench): void {
  test('cancels that race payments: the look agrees with the buyer every time', async () => {
    const node = await bench.open();
    const { races, pay } = bench.world();
    const outcomes = { paid: 0, canceled: 0 };
    const begun = Date.now();
    for (let count = 0; count < 5; count += 1) await bench.settled(node, 1_000n);
    const paymentMs = (Date.now() - begun) / 5;
    for (let round = 0; round < races; round += 1) {
      const wish = wishOf({ amountMsat: 1_000n });
      const { request } = await node.createInvoice(wish);
      const paying = pay(request);
      await pause(Math.random() * 1.5 * paymentMs);
      await node.askToCancel(wish.hash);
      const { paid } = await paying;
      const state = await stateOf(node, wish.hash);
      expect(state).toBe(paid ? 'settled' : 'canceled');
      outcomes[paid ? 'paid' : 'canceled'] += 1;
    }
    expect(outcomes.paid).toBeGreaterThan(0);
    expect(outcomes.canceled).toBeGreaterThan(0);
  }, 300_000);

  test('an invoice that nobody paid is canceled by the node after its expiry', async () => {
    const node = await bench.open();
    const wish = wishOf({ seconds: 1 });
    const { request } = await node.createInvoice(wish);
    await expect.poll(() => stateOf(node, wish.hash), { timeout: 8_000 }).toBe('canceled');
    expect((await bench.world().pay(request)).paid).toBe(false);
  });

  test('what can be received can be paid, and one per cent more cannot', async () => {
    const node = await bench.open();
    const receivable = await node.receivable();
    if (receivable === undefined) throw new Error('nothing is known of the channels');
    const { largestPartMsat, totalMsat } = receivable;
    expect(largestPartMsat).toBeLessThanOrEqual(totalMsat);
    const more = (totalMsat / 100n) * 101n;
    const tooMuch = await node.createInvoice(wishOf({ amountMsat: more }));
    expect((await bench.world().pay(tooMuch.request)).paid).toBe(false);
    const half = await node.createInvoice(wishOf({ amountMsat: largestPartMsat / 2n }));
    expect(await bench.world().pay(half.request)).toEqual({ paid: true });
    const left = await node.receivable();
    expect(totalMsat - (left?.totalMsat ?? 0n)).toBeGreaterThan(largestPartMsat / 3n);
    const rest = await node.createInvoice(wishOf({ amountMsat: left?.largestPartMsat ?? 0n }));
    expect(await bench.world().pay(rest.request)).toEqual({ paid: true });
  });
}

function streamCases(bench: Bench): void {
  test('live: settles are told, with everything that counts; others are not', async () => {
    const node = await bench.open();
    const { log, has } = recordSettles(node);
    await until('the stream is open', () => log.opened === 1 && log.replayed === 1);
    const canceled = wishOf();
    await node.createInvoice(canceled);
    await node.askToCancel(canceled.hash);
    const seen = await bench.settled(node);
    await until('the settle is told', () => has(seen.hash));
    expect(log.live.filter(({ hash }) => hash === seen.hash)).toEqual([seen]);
    expect(has(canceled.hash)).toBe(false);
    expect(log.ended).toEqual([]);
  });

  test('replay: what is after the cursor, once, and then live', async () => {
    const node = await bench.open();
    const missed: Observation[] = [];
    for (let count = 0; count < 4; count += 1) missed.push(await bench.settled(node));
    const [first, ...after] = missed;
    const { log, all, has } = recordSettles(node, first?.settleIndex);
    await until('the replay is over', () => log.replayed === 1);
    expect(log.replay.map(({ hash }) => hash).sort()).toEqual(after.map((one) => one.hash).sort());
    const next = await bench.settled(node);
    await until('the next is told', () => has(next.hash));
    expect(all().filter((hash) => hash === next.hash)).toHaveLength(1);
  });

  test('replay: an added invoice is the fence, before any quiet time', async () => {
    const node = await bench.open({ quietMs: 60_000 });
    const { settleIndex } = await bench.settled(node);
    const missed = await bench.settled(node);
    const { log, has } = recordSettles(node, settleIndex);
    await until('the replay is told', () => has(missed.hash));
    expect(log.replayed).toBe(0);
    // The replay stream is surely subscribed: it has sent something.
    await node.createInvoice(wishOf());
    await until('the fence', () => log.replayed === 1);
  });
}

function strangeCases(bench: Bench): void {
  test('a cursor far ahead of the node does not silence the live stream', async () => {
    const node = await bench.open();
    const { log, has } = recordSettles(node, 1_000_000n);
    await until('the replay is over', () => log.replayed === 1);
    const seen = await bench.settled(node);
    await until('the settle is told', () => has(seen.hash));
  });

  test('hold invoices, keysend, AMP and foreign invoices do no harm', async () => {
    const node = await bench.open();
    const { owner, pay, keysend, amp } = bench.world();
    const { log, has } = recordSettles(node);
    await until('the stream is open', () => log.opened === 1);
    const any = await createInvoice({ lnd: owner() });
    expect(await pay(any.request, 7_000n)).toEqual({ paid: true });
    await keysend?.(3_000n);
    await amp(3_000n);
    const held = newHash();
    const hold = await createHodlInvoice({ lnd: owner(), id: held.hash, mtokens: '4000' });
    const paying = pay(hold.request);
    await expect.poll(() => stateOf(node, held.hash), { timeout: 10_000 }).toBe('accepted');
    expect(has(held.hash)).toBe(false);
    await settleHodlInvoice({ lnd: owner(), secret: held.secret.toString('hex') });
    expect(await paying).toEqual({ paid: true });
    const seen = await bench.settled(node);
    await until('all are told', () => has(seen.hash) && has(any.id) && has(held.hash));
    expect(log.ended).toEqual([]);
    expect(log.live.find(({ hash }) => hash === any.id)).toMatchObject({
      amountMsat: 0n,
      receivedMsat: 7_000n,
    });
  }, 60_000);

  test('close ends it without a word', async () => {
    const node = await bench.open();
    const { log, close } = recordSettles(node, 1n);
    await until('the stream is open', () => log.opened === 1);
    close();
    await bench.settled(node);
    await pause(200);
    expect(log).toMatchObject({ live: [], ended: [] });
  });
}

function stopCases(bench: Bench): void {
  test.each(['clean', 'kill'] as const)(
    'a %s stop between settles: one end, and nothing is lost',
    async (how) => {
      const node = await bench.open();
      const before = await bench.settled(node);
      const first = recordSettles(node, before.settleIndex);
      await until('the stream is open', () => first.log.opened === 1);
      const seen = await bench.settled(node);
      await until('the settle is told', () => first.has(seen.hash));
      await bench.world().stop(how);
      await until('the stream ends', () => first.log.ended.length > 0);
      await bench.world().start();
      const other = await bench.open();
      const missed = await bench.settled(other);
      expect(first.log.ended).toHaveLength(1);
      expect(first.log.ended[0]).toMatchObject({ from: 'node', away: true });
      expect(first.has(missed.hash)).toBe(false);
      const second = recordSettles(other, before.settleIndex);
      await until('the replay is over', () => second.log.replayed === 1);
      expect(second.has(seen.hash) && second.has(missed.hash)).toBe(true);
    },
    120_000,
  );

  test.each(['clean', 'kill'] as const)(
    'payments under way at a %s stop: no preimage without a settle, and each settle is replayed',
    async (how) => {
      const node = await bench.open();
      const { pay, stop, start } = bench.world();
      const { settleIndex } = await bench.settled(node);
      const wishes = Array.from({ length: 20 }, () => wishOf({ amountMsat: 1_000n }));
      const requests = await Promise.all(wishes.map((wish) => node.createInvoice(wish)));
      const paying = requests.map(async ({ request }, at) => {
        await pause(at * 20);
        return pay(request);
      });
      // Some are through, some are under way, and some begin while nobody is there.
      await paying[0];
      await stop(how);
      await start();
      const paid = await Promise.all(paying);
      const again = await bench.open();
      const states = await Promise.all(wishes.map(({ hash }) => stateOf(again, hash)));
      // The payee's word counts: a payer's LND, its peer dead in the middle, may call a payment
      // failed for good that goes through when the peer is back.
      expect(states.filter((_state, at) => paid[at]?.paid === true)).not.toContain('open');
      const { log, has } = recordSettles(again, settleIndex);
      await until('the replay is over', () => log.replayed === 1);
      expect(wishes.map(({ hash }) => has(hash))).toEqual(states.map((one) => one === 'settled'));
      // Whoever was refused pays the same request. A wallet may find no way at its first try.
      const unpaid = requests.filter((_request, at) => states[at] === 'open');
      const patience = { timeout: 60_000, interval: 500 };
      await Promise.all(
        unpaid.map(({ request }) =>
          expect.poll(() => pay(request), patience).toEqual({ paid: true }),
        ),
      );
    },
    120_000,
  );
}

function expiryCase(bench: Bench): void {
  test('an expiry while the node is down is known when it is back', async () => {
    const node = await bench.open();
    const wish = wishOf({ seconds: 1 });
    await node.createInvoice(wish);
    await bench.world().stop('clean');
    await pause(1_500);
    await bench.world().start();
    const again = await bench.open();
    await expect.poll(() => stateOf(again, wish.hash), { timeout: 10_000 }).toBe('canceled');
  }, 90_000);
}

/** All of it, on one world that is made once; `more` is for what only one world can do. */
/** Everything that was made since, in pages; the last page may be empty. */
async function listed(
  node: OpenNode,
  ask: { createdSince: Date; most: number; after?: bigint },
): Promise<{ all: Observation[]; pages: number[] }> {
  const all: Observation[] = [];
  const pages: number[] = [];
  for (let after: bigint | undefined = ask.after ?? 0n; after !== undefined;) {
    const page = await node.listInvoices({ ...ask, after });
    if (page === undefined) throw new Error('it may not list');
    all.push(...page.invoices);
    pages.push(page.invoices.length);
    after = page.after;
  }
  return { all, pages };
}

const longAgo = new Date(Date.now() - 7 * 86_400_000);

function listCases(bench: Bench): void {
  test('pages show every invoice once, oldest first, each as a look shows it', async () => {
    const node = await bench.open();
    const paid = await bench.settled(node, 4_000n);
    const open = [];
    for (let n = 0; n < 5; n += 1) open.push(await node.createInvoice(wishOf()));
    const canceled = wishOf();
    await node.createInvoice(canceled);
    await node.askToCancel(canceled.hash);
    const from = paid.addIndex - 1n;
    const { all, pages } = await listed(node, { createdSince: longAgo, most: 3, after: from });
    expect(pages.slice(0, 2)).toEqual([3, 3]);
    const indexes = all.map(({ addIndex }) => addIndex);
    expect(indexes).toEqual([...new Set(indexes)].sort((a, b) => Number(a - b)));
    for (const { addIndex } of open) expect(indexes).toContain(addIndex);
    for (const hash of [paid.hash, canceled.hash]) {
      const shown = all.find((seen) => seen.hash === hash);
      expect(shown).toEqual(await node.lookInvoice(hash));
    }
    expect(all.find(({ hash }) => hash === paid.hash)).toMatchObject({
      ...{ state: 'settled', receivedMsat: 4_000n, preimage: paid.preimage },
    });
  });

  test('after the newest there is nothing, and neither among what is made tomorrow', async () => {
    const node = await bench.open();
    const { addIndex } = await node.createInvoice(wishOf());
    const ask = { createdSince: longAgo, most: 1_000, after: addIndex };
    expect(await node.listInvoices(ask)).toEqual({ invoices: [], after: undefined });
    const createdSince = new Date(Date.now() + 86_400_000);
    const none = await node.listInvoices({ createdSince, most: 1_000, after: 0n });
    expect(none).toEqual({ invoices: [], after: undefined });
  });

  test('of what was made, pages show what is not older than was asked', async () => {
    const node = await bench.open();
    const before = wishOf();
    await node.createInvoice(before);
    await pause(2_100);
    const createdSince = new Date();
    const since = wishOf();
    await node.createInvoice(since);
    const { all } = await listed(node, { createdSince, most: 100 });
    const hashes = all.map(({ hash }) => hash);
    expect(hashes).toContain(since.hash);
    expect(hashes).not.toContain(before.hash);
  });

  test('a page with no size is our own mistake', async () => {
    const node = await bench.open();
    for (const most of [0, 1_001]) {
      const asked = node.listInvoices({ after: 0n, createdSince: longAgo, most });
      await expect(asked).rejects.toBeInstanceOf(Defect);
    }
  });
}

export function lightningNodeContract(
  name: string,
  makeWorld: () => Promise<World>,
  more?: (bench: Bench) => void,
): void {
  describe(`a Lightning node: ${name}`, () => {
    const bench = benchOf();
    beforeAll(async () => {
      bench.setWorld(await makeWorld());
    }, 600_000);
    afterEach(() => bench.tidy());
    afterAll(async () => {
      await bench.world().close();
    }, 120_000);
    describe('credential', () => {
      credentialCases(bench);
      refusedCases(bench);
    });
    describe('connection', () => connectionCases(bench));
    describe('create', () => {
      createCases(bench);
      onceCases(bench);
    });
    describe('stream', () => {
      streamCases(bench);
      strangeCases(bench);
      stopCases(bench);
      expiryCase(bench);
    });
    describe('list', () => listCases(bench));
    describe('hold', () => holdCases(bench));
    describe('pay', () => {
      payCases(bench);
      endCases(bench);
    });
    if (more !== undefined) describe('only here', () => more(bench));
  });
}
