// What has lost merchants' settles elsewhere, played against our stream: a simulated LND over its
// real protocol, and a real database. Each test is named after what happened, and where.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { startLnd, type LndSimulator } from '../../sandbox/lnd/index.ts';
import { audit } from '../../web/db/audit.ts';
import type { Database } from '../../web/db/database.ts';
import { nodeById, type NodeRow } from '../../web/db/nodes.ts';
import { openNode, type OpenNode } from '../../web/lightning/node.ts';
import { startListener, type Listener, type ListenerOptions } from '../../web/worker/listener.ts';
import { startPool } from '../../web/worker/pool.ts';
import { aNode, anInvoice, aPayment, aShop, type MadeInvoice } from '../builders.ts';
import { tcpProxy, type TcpProxy } from '../contract/tcp-proxy.ts';
import { testDatabase, type TestDatabase } from '../database.ts';
import { aLog, depsOn, open, until } from '../worker/play.ts';

let home: TestDatabase;
let db: Database;
let lnd: LndSimulator;
let proxy: TcpProxy;
let node: OpenNode;
let shopId: number;
let nodeId: number;
let log: ReturnType<typeof aLog>;
const closing: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  home = await testDatabase();
  db = open(home.url, 20);
});
afterAll(async () => {
  expect(await audit(db)).toEqual([]);
  await db.close();
  await home.close();
});
beforeEach(async () => {
  log = aLog();
  lnd = await startLnd({ store: 'sql' });
  proxy = await tcpProxy(lnd.socket);
  node = openNode({
    ...{ address: proxy.address, certificatePem: lnd.certPem, identity: lnd.publicKey },
    ...{ macaroonHex: lnd.macaroon('receive').toString('hex') },
    ...{ allowPrivate: true, quietMs: 500, pinnedForMs: 0 },
  });
  shopId = (await aShop(db)).id;
  await db.pool.query(`update shop set due_at = now() + interval '1 hour'`);
  nodeId = await aNode(db, { shopId, identity: lnd.publicKey });
});
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
  node.close();
  await proxy.close();
  await lnd.stop();
  await db.pool.query('update node set sealed_credential = null where id = $1', [nodeId]);
});

const deps = () => depsOn(db, { log, nodes: { of: () => Promise.resolve(node) } });
const options = { takeMs: 200, keepMs: 400, reopenMs: 100 };

function follow(holder: string, more: Partial<ListenerOptions> = {}): Listener {
  const about = { holder, now: () => new Date(), options: { ...options, ...more } };
  const listener = startListener(deps(), about);
  closing.push(listener.stop);
  return listener;
}

const row = async (): Promise<NodeRow> => {
  const found = await nodeById(db, nodeId);
  if (found === null) throw new Error('no node');
  return found;
};
const isWhole = (): Promise<number> =>
  until('the stream is whole', async () => (await row()).streamWholeSince !== null);
const cursorIs = (at: bigint): Promise<number> =>
  until(`the cursor is ${String(at)}`, async () => (await row()).streamCursor === at);
const opened = (times: number): Promise<number> =>
  until('the stream is open', () => log.said('stream.open').length >= times);

type Asked = { invoice: MadeInvoice; request: string };
async function asked(): Promise<Asked> {
  const payment = await aPayment(db, { shopId });
  const invoice = await anInvoice(db, { payment, nodeId });
  const { hash, preimage, amountMsat } = invoice;
  const wish = { hash, preimage, amountMsat, memo: 'an order', expirySeconds: 600 };
  const { request } = await node.createInvoice(wish);
  return { invoice, request };
}
async function pay({ invoice, request }: Asked): Promise<MadeInvoice> {
  expect(await lnd.pay(request)).toMatchObject({ ok: true });
  return invoice;
}
const paid = async (): Promise<MadeInvoice> => pay(await asked());

type Stored = { state: string; via: string | null };
const stored = async ({ id }: MadeInvoice): Promise<Stored | undefined> =>
  (await db.pool.query<Stored>('select state::text, via from invoice where id = $1', [id])).rows[0];
const recorded = (invoice: MadeInvoice): Promise<number> =>
  until('the invoice is settled', async () => (await stored(invoice))?.state === 'settled');

test('R02 after a reconnect every open invoice is asked for, one by one (BTCPay)', async () => {
  const waiting = await Promise.all(Array.from({ length: 100 }, () => asked()));
  const pool = startPool(deps(), { listener: options });
  closing.push(pool.stop);
  await isWhole();
  const [first, ...missed] = waiting.slice(0, 4);
  if (first === undefined) throw new Error('nobody waits');
  await recorded(await pay(first));
  await until('the first look at all is over', async () => {
    const { rowCount } = await db.pool.query(
      'select 1 from invoice where node_id = $1 and due_at <= now() limit 1',
      [nodeId],
    );
    return rowCount === 0;
  });
  // It will be some time until each of them is looked at in its turn.
  await db.pool.query(
    `update invoice set due_at = now() + interval '1 hour'
     where node_id = $1 and due_at is not null`,
    [nodeId],
  );
  proxy.freeze();
  proxy.cut();
  await until('the stream has ended', () => log.said('stream.ended').length > 0);
  for (const one of missed) await pay(one);
  const before = lnd.callsOf('LookupInvoice');
  proxy.heal();
  for (const { invoice } of missed) await recorded(invoice);
  await isWhole();
  // Two to see that the stream is open, for each time it is tried, and none for those who wait.
  expect(lnd.callsOf('LookupInvoice') - before).toBeLessThanOrEqual(3 + 2 * missed.length);
  expect((await stored(missed[0]?.invoice ?? first.invoice))?.via).toBe('replay');
});

test('R04 what settled while nobody listened is never heard of (Alby Hub, LNbits)', async () => {
  const first = follow('one');
  await isWhole();
  await recorded(await paid());
  await first.stop();
  const missed = [await paid(), await paid()];
  follow('two');
  for (const invoice of missed) {
    await recorded(invoice);
    expect((await stored(invoice))?.via).toBe('replay');
  }
  await cursorIs(3n);
});

test('R05 one settle fails, the next succeeds, and the first is lost (stacker.news)', async () => {
  follow('one');
  await isWhole();
  await recorded(await paid());
  const [unlucky, lucky] = [await asked(), await asked()];
  await db.pool.query(
    `create function unlucky() returns trigger language plpgsql as $$
     begin
       if new.journal = 'settle:${unlucky.invoice.hash}' then
         raise exception 'no luck';
       end if;
       return new;
     end $$`,
  );
  await db.pool.query(
    'create trigger unlucky before insert on posting for each row execute function unlucky()',
  );
  try {
    await pay(unlucky);
    await until('it failed', () => log.said('stream.not_recorded').length > 0);
    await recorded(await pay(lucky));
    expect((await stored(unlucky.invoice))?.state).toBe('live');
    expect((await row()).streamCursor).toBe(1n);
  } finally {
    await db.pool.query('drop trigger unlucky on posting');
    await db.pool.query('drop function unlucky');
  }
  proxy.cut();
  await recorded(unlucky.invoice);
  await cursorIs(3n);
});

test('R06 the line is cut, and it is subscribed again without the cursor (lightning)', async () => {
  follow('one');
  await isWhole();
  await recorded(await paid());
  // An invoice that was added comes on the same stream, and has no settle index.
  const waits = await asked();
  proxy.freeze();
  proxy.cut();
  await until('the stream has ended', () => log.said('stream.ended').length > 0);
  const invoice = await pay(waits);
  proxy.heal();
  await opened(2);
  await recorded(invoice);
  await cursorIs(2n);
  await recorded(await paid());
  await cursorIs(3n);
});

test('R07 a number is missing, and the stream waits for it for ever (LND)', async () => {
  follow('one', { holeMs: 500 });
  await isWhole();
  await recorded(await paid());
  const { invoice: waits } = await asked();
  await db.pool.query(`update invoice set due_at = now() + interval '1 hour' where id = $1`, [
    waits.id,
  ]);
  lnd.receiveAmp(5_000n);
  const beyond = await paid();
  // Money first: what is beyond the hole is recorded, and only the cursor waits.
  await recorded(beyond);
  expect((await row()).streamCursor).toBe(1n);
  await cursorIs(3n);
  // The hole is passed only after a look at whatever could be in it.
  const { rows } = await db.pool.query<{ due: boolean }>(
    'select due_at <= now() as due from invoice where id = $1',
    [waits.id],
  );
  expect(rows[0]?.due).toBe(true);
  await recorded(await paid());
  await cursorIs(4n);
});
