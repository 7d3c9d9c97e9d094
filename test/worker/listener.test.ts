// Settle streams of a simulated LND over its real protocol, recorded in a real database.
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startLnd, type LndSimulator } from '../../sandbox/lnd/index.ts';
import type { PaymentHash } from '../../web/core/invoice.ts';
import { ownerOf } from '../../web/core/spread.ts';
import type { Database } from '../../web/db/database.ts';
import { recordSettlements } from '../../web/db/invoices.ts';
import { nodeById, takeStream, type NodeRow } from '../../web/db/nodes.ts';
import { openNode, type OpenNode } from '../../web/lightning/node.ts';
import { startListener, type Listener, type ListenerOptions } from '../../web/worker/listener.ts';
import { aNode, anInvoice, aPayment, aShop, type MadeInvoice } from '../builders.ts';
import { testDatabase, type TestDatabase } from '../database.ts';
import { aLog, depsOn, open, until } from './play.ts';

let home: TestDatabase;
let db: Database;
let lnd: LndSimulator;
let node: OpenNode;
let shopId: number;
let nodeId: number;
let log: ReturnType<typeof aLog>;
const listeners: Listener[] = [];
const others: Database[] = [];

beforeAll(async () => {
  home = await testDatabase();
  db = open(home.url);
});
afterAll(async () => {
  await db.close();
  await home.close();
});
beforeEach(async () => {
  log = aLog();
  lnd = await startLnd({ store: 'sql' });
  node = openNode({
    ...{ address: lnd.socket, certificatePem: lnd.certPem, identity: lnd.publicKey },
    ...{ macaroonHex: lnd.macaroon('receive').toString('hex') },
    ...{ allowPrivate: true, quietMs: 700 },
  });
  shopId = (await aShop(db)).id;
  nodeId = await aNode(db, { shopId, identity: lnd.publicKey });
});
afterEach(async () => {
  await Promise.all(listeners.splice(0).map((listener) => listener.stop()));
  await Promise.all(others.splice(0).map((other) => other.close()));
  node.close();
  await lnd.stop();
  await db.pool.query('update node set sealed_credential = null where id = $1', [nodeId]);
});

function follow(
  options: Partial<ListenerOptions> = {},
  on = db,
  as: string | { holder: string; at: OpenNode } = 'one',
): Listener {
  const { holder, at } = typeof as === 'string' ? { holder: as, at: node } : as;
  const nodes = { of: () => Promise.resolve(at) };
  const listener = startListener(depsOn(on, { log, nodes }), {
    ...{ holder, now: () => new Date() },
    options: { takeMs: 200, keepMs: 400, reopenMs: 100, ...options },
  });
  listeners.push(listener);
  return listener;
}

const row = async (): Promise<NodeRow> => {
  const found = await nodeById(db, nodeId);
  if (found === null) throw new Error('no node');
  return found;
};

/** The stream is open, and all that was before it is told. */
const isWhole = (): Promise<number> =>
  until('the stream is whole', async () => (await row()).streamWholeSince !== null);

async function asked(): Promise<{ invoice: MadeInvoice; request: string }> {
  const payment = await aPayment(db, { shopId });
  const invoice = await anInvoice(db, { payment, nodeId });
  const { hash, preimage, amountMsat } = invoice;
  const wish = { hash, preimage, amountMsat, memo: 'an order', expirySeconds: 600 };
  const { request } = await node.createInvoice(wish);
  return { invoice, request };
}

async function paid(): Promise<MadeInvoice> {
  const { invoice, request } = await asked();
  const result = await lnd.pay(request);
  if (!result.ok) throw new Error(result.why);
  return invoice;
}

type Stored = { state: string; via: string | null; settle_index: string | null };
const stored = async ({ id }: MadeInvoice): Promise<Stored | undefined> =>
  (
    await db.pool.query<Stored>(
      'select state::text, via, settle_index from invoice where id = $1',
      [id],
    )
  ).rows[0];
const recorded = (invoice: MadeInvoice): Promise<number> =>
  until('the invoice is settled', async () => (await stored(invoice))?.state === 'settled');

describe('a settle', () => {
  test('is recorded as it happens, and moves the cursor with it', async () => {
    follow();
    await isWhole();
    const first = await paid();
    await recorded(first);
    expect(await stored(first)).toEqual({ state: 'settled', via: 'live', settle_index: '1' });
    const second = await paid();
    await recorded(second);
    expect((await row()).streamCursor).toBe(2n);
  });

  test('that came while nobody listened is replayed', async () => {
    const first = follow();
    await isWhole();
    await recorded(await paid());
    await first.stop();
    expect((await row()).streamWholeSince).toBeNull();
    const missed = [await paid(), await paid(), await paid()];
    follow({}, db, 'two');
    for (const invoice of missed) await recorded(invoice);
    expect((await stored(missed[0] as MadeInvoice))?.via).toBe('replay');
    await isWhole();
    expect((await row()).streamCursor).toBe(4n);
  });

  test('that the node tells three times is recorded once', async () => {
    lnd.faults.set({ eventCopies: 3 });
    follow();
    await isWhole();
    for (let n = 0; n < 3; n += 1) await recorded(await paid());
    const { streamCursor, streamEpoch } = await row();
    expect({ streamCursor, streamEpoch }).toEqual({ streamCursor: 3n, streamEpoch: 0 });
    const { rows } = await db.pool.query<{ n: number }>(
      `select count(*)::int as n from posting p join payment y on y.id = p.payment_id
       where y.shop_id = $1`,
      [shopId],
    );
    expect(rows[0]?.n).toBe(3);
  });

  test('of another program on the node moves the cursor and leaves no trace', async () => {
    follow();
    await isWhole();
    lnd.receiveKeysend(5_000n);
    await until('the cursor moved', async () => (await row()).streamCursor === 1n);
    await recorded(await paid());
    expect((await row()).streamCursor).toBe(2n);
  });

  test('before anybody ever followed is left to a look at every invoice', async () => {
    const early = await paid();
    await db.pool.query(`update invoice set due_at = now() + interval '1 hour' where id = $1`, [
      early.id,
    ]);
    follow();
    await isWhole();
    const { rows } = await db.pool.query<{ due: boolean }>(
      'select due_at <= now() as due from invoice where id = $1',
      [early.id],
    );
    expect(rows[0]?.due).toBe(true);
    await recorded(await paid());
    expect((await row()).streamCursor).toBe(2n);
  });
});

describe('a node', () => {
  test('that restarts while fifty buyers pay loses none of them', async () => {
    // A busy machine may take a late replay for a silent one; then the next one brings the rest.
    follow({ holeMs: 2_000 });
    await isWhole();
    await recorded(await paid());
    const wanted = await Promise.all(Array.from({ length: 50 }, () => asked()));
    const buyers = wanted.map(async ({ request }, n) => {
      await pause(n * 20);
      for (;;) {
        if ((await lnd.pay(request)).ok) return;
        await pause(100);
      }
    });
    await pause(300);
    await lnd.restart({ how: 'kill' });
    await Promise.all(buyers);
    for (const { invoice } of wanted) await recorded(invoice);
    await until('the cursor is there', async () => (await row()).streamCursor === 51n);
    expect((await row()).streamEpoch).toBe(0);
    await isWhole();
  });

  test('that replays in another order than it settled is recorded to the last', async () => {
    const first = follow();
    await isWhole();
    await recorded(await paid());
    await first.stop();
    const wanted: Awaited<ReturnType<typeof asked>>[] = [];
    for (let n = 0; n < 12; n += 1) wanted.push(await asked());
    for (const { request } of [...wanted].reverse()) await lnd.pay(request);
    // With native SQL the replay comes in the order in which invoices were added.
    lnd.faults.set({ cutReplayAfter: 5 });
    follow();
    await until('the replay was cut', () => log.said('stream.ended').length > 0);
    expect((await row()).streamCursor).toBe(1n);
    lnd.faults.set({ cutReplayAfter: null });
    for (const { invoice } of wanted) await recorded(invoice);
    await until('the cursor is there', async () => (await row()).streamCursor === 13n);
    await isWhole();
  });

  test('whose AMP payment left a hole is replayed, and the hole is passed', async () => {
    follow({ holeMs: 1_500 });
    await isWhole();
    await recorded(await paid());
    lnd.receiveAmp(5_000n);
    const beyond = await paid();
    await recorded(beyond);
    expect((await row()).streamCursor).toBe(1n);
    await until('the hole is passed', async () => (await row()).streamCursor === 3n);
    expect(log.said('stream.hole_is_empty').map(({ about }) => about)).toEqual([
      { nodeId, from: '2', to: '2' },
    ]);
    await isWhole();
    await recorded(await paid());
    expect((await row()).streamCursor).toBe(4n);
    expect((await row()).streamEpoch).toBe(0);
  });

  test('whose counters went back begins a new epoch, and every invoice is looked at', async () => {
    follow();
    await isWhole();
    for (let n = 0; n < 3; n += 1) await recorded(await paid());
    const { invoice: waits } = await asked();
    await lnd.migrate();
    await until('it is followed again', () => log.said('stream.open').length === 2);
    await isWhole();
    const after = await paid();
    await recorded(after);
    await until('a new epoch began', async () => (await row()).streamEpoch === 1);
    await until('its cursor is the new one', async () => (await row()).streamCursor === 1n);
    expect((await row()).restoreSuspectedAt).not.toBeNull();
    const { rows } = await db.pool.query<{ due: boolean }>(
      'select due_at <= now() as due from invoice where id = $1',
      [waits.id],
    );
    expect(rows[0]?.due).toBe(true);
    await recorded(await paid());
    await until('the cursor goes on', async () => (await row()).streamCursor === 2n);
    expect(log.said('stream.counter_went_back')).toHaveLength(1);
    // What it forgot of what it was told is found by a comparison, which is due now.
    const { rows: shops } = await db.pool.query<{ because: string; due: boolean }>(
      `select reconcile_because as because, reconcile_at <= now() as due
       from shop where id = (select shop_id from node where id = $1)`,
      [nodeId],
    );
    expect(shops).toEqual([{ because: 'outage', due: true }]);
  });

  test('whose counters went back is not forgotten by whoever cannot write it down', async () => {
    follow();
    await isWhole();
    for (let n = 0; n < 2; n += 1) await recorded(await paid());
    // The first word of a new epoch waits too long for a lock, and is rolled back.
    await db.pool.query(`
      create sequence epoch_tries;
      create function epoch_fails() returns trigger language plpgsql as $$
      begin
        if nextval('epoch_tries') = 1 then
          raise exception 'played' using errcode = '55P03';
        end if;
        return new;
      end; $$;
      create trigger epoch_fails before update of stream_epoch on node for each row
        when (new.stream_epoch > old.stream_epoch) execute function epoch_fails()`);
    try {
      await lnd.migrate();
      await until('it is followed again', () => log.said('stream.open').length === 2);
      await isWhole();
      await recorded(await paid());
      await until('a new epoch began', async () => (await row()).streamEpoch === 1);
      await until('its cursor is the new one', async () => (await row()).streamCursor === 1n);
      const { rows } = await db.pool.query('select last_value::int as tries from epoch_tries');
      expect(rows).toEqual([{ tries: 2 }]);
    } finally {
      await db.pool.query(`
        drop trigger epoch_fails on node; drop function epoch_fails; drop sequence epoch_tries`);
    }
  });

  test('that comes late to another owner is no sign of counters that went back', async () => {
    const first = follow();
    await isWhole();
    const told = [await paid(), await paid()];
    const foreign = lnd.invoices.add({ amountMsat: 5_000n, memo: 'of another program' });
    await lnd.pay(foreign.request);
    for (const invoice of told) await recorded(invoice);
    await until('the cursor is past the foreign one', async () => {
      return (await row()).streamCursor === 3n;
    });
    await first.stop();

    // The live stream of the next owner brings what the earlier one has recorded.
    const hashes = [...told.map(({ hash }) => hash), foreign.hash as PaymentHash];
    const late = await Promise.all(hashes.map((hash) => node.lookInvoice(hash)));
    const before = late.filter((seen) => seen !== 'not_found');
    expect(before.map(({ settleIndex }) => settleIndex)).toEqual([1n, 2n, 3n]);
    let deliver: (() => void) | undefined;
    const followSettles: OpenNode['followSettles'] = (from, on) => {
      deliver = () => on.settled(before, 'live');
      return node.followSettles(from, on);
    };
    follow({}, db, { holder: 'two', at: { ...node, followSettles } });
    await isWhole();
    deliver?.();
    await recorded(await paid());
    await until('the cursor goes on', async () => (await row()).streamCursor === 4n);
    expect(log.said('stream.counter_went_back')).toEqual([]);
    expect((await row()).streamEpoch).toBe(0);
  });

  test('that is connected and says nothing is called again', async () => {
    const before = follow();
    await isWhole();
    await recorded(await paid());
    // After its very first opening a stream is not judged: old invoices are still being looked at.
    await before.stop();
    follow({ silenceMs: 300, silenceGraceMs: 200 });
    await isWhole();
    lnd.faults.set({ silentStreams: true });
    const unheard = await paid();
    await pause(500);
    expect((await stored(unheard))?.state).toBe('live');
    const seen = await node.lookInvoice(unheard.hash);
    if (seen === 'not_found') throw new Error('the node has it');
    await recordSettlements(db.pool, { nodeId, observations: [seen], recorder: { via: 'lookup' } });
    lnd.faults.set({ silentStreams: false });
    await until('it is noticed', () => log.said('stream.silent').length > 0);
    await until('it is followed again', () => log.said('stream.open').length >= 3);
    const heard = await paid();
    await recorded(heard);
    expect((await stored(heard))?.via).not.toBe('lookup');
    await until('the cursor is there', async () => (await row()).streamCursor === 3n);
  });

  test('that is down is marked, and followed when it is back', async () => {
    await lnd.stop();
    follow();
    await until('it is marked', async () => (await row()).trouble !== null);
    expect((await row()).streamWholeSince).toBeNull();
    await lnd.restart();
    await isWhole();
    await until('the mark is gone', async () => (await row()).trouble === null);
  });
});

describe('the stream of a node', () => {
  test('has one owner, and another takes it when that one leaves', async () => {
    const second = open(home.url);
    others.push(second);
    const names = ['one', 'two'];
    const owner = ownerOf(String(nodeId), names) ?? '';
    const one = follow({}, db, owner);
    await isWhole();
    const two = follow({}, second, names.find((name) => name !== owner) ?? '');
    await pause(800);
    expect([one.following(), two.following()]).toEqual([[nodeId], []]);
    await one.stop();
    await until('the other has it', () => two.following().length === 1, 20_000);
    await isWhole();
    await recorded(await paid());
  });

  test('is handed over to a newcomer whose share it is, and nothing is lost', async () => {
    const second = open(home.url);
    others.push(second);
    const names = ['one', 'two'];
    const owner = ownerOf(String(nodeId), names) ?? '';
    const old = follow({}, db, names.find((name) => name !== owner) ?? '');
    await isWhole();
    await recorded(await paid());
    const newcomer = follow({}, second, owner);
    const meanwhile = await paid();
    await until('it has it', () => newcomer.following().length === 1);
    expect(old.following()).toEqual([]);
    await isWhole();
    await recorded(meanwhile);
    await recorded(await paid());
    expect((await row()).streamCursor).toBe(3n);
  });

  test('is its owner’s while that says that it lives, also while it takes others', async () => {
    const aliveUntil = async (): Promise<number> => {
      const { rows } = await db.pool.query<{ at: Date }>(
        `select alive_until as at from listening where holder = 'one'`,
      );
      return rows[0]?.at.getTime() ?? 0;
    };
    // Streams are shared out once, as if taking them lasted for as long as the test.
    follow({ takeMs: 600_000, keepMs: 100 });
    await until('it lives', async () => (await aliveUntil()) > 0);
    const first = await aliveUntil();
    await until('it still does', async () => (await aliveUntil()) > first + 1_000);
  });

  test('is its owner’s no more before it is released', async () => {
    const one = follow({}, db, 'leaving');
    await isWhole();
    const blocker = await db.pool.connect();
    await blocker.query('begin');
    await blocker.query('select 1 from node where id = $1 for update', [nodeId]);
    let stopped = false;
    const stopping = one.stop().then(() => {
      stopped = true;
    });
    try {
      await until('others see it', async () => {
        const { rowCount } = await blocker.query(
          `select 1 from listening where holder = 'leaving'`,
        );
        return rowCount === 0;
      });
      expect(stopped).toBe(false);
    } finally {
      await blocker.query('rollback');
      blocker.release();
      await stopping;
    }
    expect((await row()).streamWholeSince).toBeNull();
  });

  test('of one that died is taken over within the time of its lease', async () => {
    // A process that was killed: its leases and its word that it is alive are still there.
    await db.pool.query(`insert into listening values ('dead', now() + interval '6 s')`);
    await takeStream(db, { nodeId, holder: 'dead', leaseMs: 6_000 });
    const one = follow({ takeMs: 2_000, keepMs: 2_000 });
    const ms = await until('it is taken over', () => one.following().length === 1);
    expect(ms).toBeGreaterThan(2_000);
    await isWhole();
    await recorded(await paid());
  });

  test('that was taken away is closed, and nothing more is written', async () => {
    const one = follow({ keepMs: 60_000, closeMs: 120_000 });
    await isWhole();
    await db.pool.query(
      `update node set stream_holder = 'thief', stream_lease_no = stream_lease_no + 1,
         stream_lease_until = now() + interval '3 s' where id = $1`,
      [nodeId],
    );
    const invoice = await paid();
    await until('it is noticed', () => log.said('stream.lost').length === 1);
    expect((await stored(invoice))?.state).toBe('live');
    expect((await row()).streamCursor).toBe(0n);
    await until('it is closed', () => one.following().length === 0);
    // Once the thief's lease ends the stream is taken again, and with it comes what is missing.
    await until('it is taken again', () => one.following().length === 1, 20_000);
  });

  test('drops what it cannot hold, and the cursor brings it back', async () => {
    follow({ waitingAtMost: 10, keepMs: 60_000, closeMs: 120_000, leaseMs: 60_000 });
    await isWhole();
    await recorded(await paid());
    const wanted = await Promise.all(Array.from({ length: 30 }, () => asked()));
    const blocker = await db.pool.connect();
    await blocker.query('begin');
    await blocker.query('select 1 from node where id = $1 for update', [nodeId]);
    for (const { request } of wanted) await lnd.pay(request);
    await pause(500);
    await blocker.query('rollback');
    blocker.release();
    for (const { invoice } of wanted) await recorded(invoice);
    await until('the cursor is there', async () => (await row()).streamCursor === 31n);
    const dropped = log.said('stream.ended').map(({ about }) => about.because);
    expect(dropped).toContain('too_many_waiting');
    await isWhole();
  });

  test('goes on after its database was cut', async () => {
    const cut = open(`${home.url}?application_name=cut`);
    others.push(cut);
    follow({}, cut);
    await isWhole();
    await recorded(await paid());
    for (let n = 0; n < 4; n += 1) {
      const { rowCount } = await db.pool.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and application_name = 'cut'`,
      );
      expect(rowCount).toBeGreaterThan(0);
      await recorded(await paid());
    }
    await until('the cursor is there', async () => (await row()).streamCursor === 5n);
    expect(log.lines.filter(({ level }) => level === 'error')).toEqual([]);
  });
});
