// One changed byte in any column of any entry of a timeline is found, and so are entries that are
// taken away, put in or moved, an end that was cut off, and a chain that was made anew by somebody
// who has the database and not the key.
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { expect, test } from 'vitest';
import { closePayment } from '../../web/db/payments.ts';
import { rows, transaction, type Database } from '../../web/db/database.ts';
import { historyWords, note, type HistoryWord } from '../../web/db/history.ts';
import { endInvoice, recordSettlements } from '../../web/db/invoices.ts';
import { unlinkPayments } from '../../web/db/privacy.ts';
import { auditChain } from '../../web/flows/audit-chain.ts';
import { sealChains } from '../../web/flows/seal-chains.ts';
import { makeStamp } from '../../web/vault/stamp.ts';
import { aNode, anInvoice, aPayment, aSettle, aShop } from '../builders.ts';
import { databaseOfFile } from '../database-of-file.ts';
import { aLog } from '../worker/play.ts';

let db: Database;
let url: string;
const stamp = makeStamp([{ version: 1, key: randomBytes(32) }]);
databaseOfFile(
  (opened, place) => {
    db = opened;
    url = place.url;
  },
  { connections: 20 },
);

/** A shop with a payment of which everything is told that a line may tell. */
async function aLongStory() {
  const shop = await aShop(db);
  const nodeId = await aNode(db, { shopId: shop.id });
  const payment = await aPayment(db, { shopId: shop.id });
  const invoice = await anInvoice(db, { payment, nodeId });
  for (const what of Object.keys(historyWords) as HistoryWord[]) {
    if (what === 'moved' || what === 'opened') continue;
    const details = { why: 'größer \u007f"\\\n\u2028🧾', and: '1' };
    await note(db.pool, payment.id, { what, because: `because ${what}`, details });
  }
  const observations = [aSettle(invoice, { receivedMsat: (invoice.amountMsat + 1n) as never })];
  await recordSettlements(db.pool, { nodeId, observations, recorder: { via: 'lookup' } });
  return { shop, nodeId, payment };
}

const audited = async (shopId?: number) =>
  (await auditChain({ db, stamp }, shopId === undefined ? {} : { shopIds: [shopId] })).faults;

/** Does what no program of ours may, looks, and takes it back. */
async function tampered(...sqls: readonly string[]): Promise<string[]> {
  const hand = new pg.Client(url);
  await hand.connect();
  try {
    await hand.query("set session_replication_role = 'replica'");
    await hand.query('begin');
    for (const sql of sqls) {
      const { rowCount } = await hand.query(sql);
      expect(rowCount, sql).not.toBe(0);
    }
    // What is not committed only this connection sees.
    const seen = { ...db, pool: poolOf(hand) };
    return (await auditChain({ db: seen, stamp })).faults;
  } finally {
    await hand.query('rollback');
    await hand.end();
  }
}

/** One connection that is in a transaction of its own. */
const poolOf = (hand: pg.Client): pg.Pool => {
  const queries = {
    query: (asked: unknown, ...more: unknown[]) =>
      /^(begin|commit|rollback|set transaction)/.test(
        typeof asked === 'string' ? asked : (asked as { text: string }).text.trim(),
      )
        ? Promise.resolve({ rows: [] })
        : (hand.query as (...given: unknown[]) => unknown).call(hand, asked, ...more),
  };
  return { ...queries, connect: () => Promise.resolve({ ...queries, release: () => {} }) } as never;
};

test('a database that only our program has written is what was written', async () => {
  const { shop } = await aLongStory();
  const report = await auditChain({ db, stamp });
  expect(report.faults).toEqual([]);
  expect(report.entries).toBeGreaterThan(Object.keys(historyWords).length);
  expect(await audited(shop.id)).toEqual([]);
});

const columnsOfTable = async (table: string): Promise<{ name: string; type: string }[]> =>
  rows(
    db.pool,
    {
      name: `test_columns_${table}`,
      text: `select column_name as name, udt_name as type from information_schema.columns
        where table_name = '${table}' and table_schema = 'public'`,
    },
    [],
  );

/** Another value of the column, one byte or one step away. */
const otherOf: Readonly<Record<string, (column: string) => string>> = {
  text: (c) => `overlay(${c} placing chr(ascii(${c} || 'a') + 1) from 1 for 1)`,
  bytea: (c) => `set_byte(${c}, 31, get_byte(${c}, 31) # 1)`,
  timestamptz: (c) => `${c} + interval '1 ms'`,
  int4: (c) => `${c} + 1`,
  // Beyond the ids that are there.
  int8: (c) => `${c} + 1000000`,
  uuid: (c) => `overlay(${c}::text placing (case right(${c}::text, 1) when '0' then '1'
    else '0' end) from 36)::uuid`,
  jsonb: (c) => `${c} || '{"a": "b"}'`,
  payment_state: (c) => `(case when ${c} is null then 'open' when ${c} = 'open' then 'closing'
    else 'open' end)::payment_state`,
};

test('another byte in any column of any entry is found', async () => {
  const { payment } = await aLongStory();
  // The guards of the tables go first: they are in the hands of whoever has the database.
  const unguarded = [
    'alter table history drop constraint history_move_has_both',
    'alter table posting drop constraint posting_moves',
  ];
  const kinds = new Set<string>();
  for (const table of ['history', 'posting'] as const) {
    const columns = await columnsOfTable(table);
    const of = { name: `test_rows_${table}`, text: `select * from ${table} where payment_id = $1` };
    const entries = await rows<{ id: string; seq: number; what?: string }>(db.pool, of, [
      payment.id,
    ]);
    expect(columns.length).toBeGreaterThan(8);
    for (const { id, seq, what } of entries) {
      kinds.add(what ?? table);
      for (const { name, type } of columns) {
        const other = otherOf[type]?.(`"${name}"`);
        expect(other, `${table}.${name} is of type ${type}`).toBeDefined();
        const sql = `update ${table} set "${name}" = ${other ?? ''} where id = ${id}`;
        const faults = await tampered(...unguarded, sql);
        // An entry that was given to another payment is missing here, and too much there.
        expect(faults.join(), `${table}.${name} of ${String(seq)}`).toContain(payment.id);
      }
    }
  }
  expect([...kinds].sort()).toEqual([...Object.keys(historyWords), 'posting'].sort());
}, 300_000);

test('the fault names the payment and the entry', async () => {
  const { payment } = await aLongStory();
  const mine = `payment_id = '${payment.id}'`;
  const [fault = ''] = await tampered(
    `update history set because = 'x' where ${mine} and what = 'quoted' and seq = 2`,
  );
  expect(fault).toMatch(
    new RegExp(
      `^Payment ${payment.id}: entry 2 \\(history \\d+, quoted\\) is not what was written`,
    ),
  );
});

test('entries taken away, put in, moved and cut off are found', async () => {
  const { payment } = await aLongStory();
  const say = async (sql: string) => (await tampered(sql)).join();
  const mine = `payment_id = '${payment.id}'`;
  expect(await say(`delete from history where ${mine} and seq = 3`)).toContain(
    'entry 3 is missing',
  );
  expect(await say(`delete from history where ${mine} and seq = 1`)).toContain(
    'entry 1 is missing',
  );
  const cut = await say(`delete from history where ${mine} and seq = (
    select entries from chain_head where ${mine})`);
  expect(cut).toContain('its end is missing');
  expect(await say(`delete from history where ${mine}`)).toContain('entry 1 is missing');
  const swapped = await say(
    `update history set seq = case seq when 3 then 4 else 3 end where ${mine} and seq in (3, 4)`,
  );
  expect(swapped).toContain('entry 3 (history');
  const again = await say(`
    insert into history (payment_id, at, what, because, details, seq, chain)
    select payment_id, at, what, because, details, seq, chain from history
    where ${mine} and seq = 3`);
  expect(again).toContain('stands where another one stands');
  const added = await say(`
    insert into history (payment_id, what, because, seq, chain)
    select payment_id, 'kept', '', entries + 1, '\\x00' from chain_head where ${mine}`);
  expect(added).toContain('kept) is not what was written');
  expect(await say(`delete from chain_head where ${mine}`)).toContain('and no head');
  const fewer = await say(`update chain_head set entries = entries - 1 where ${mine}`);
  expect(fewer).toContain('were written');
  const other = await say(`update chain_head set hash = sha256(hash) where ${mine}`);
  expect(other).toContain('its head is not that of its last entry');
});

/** The chain of one payment, made anew from its rows as they are: without a key anybody can. */
const madeAnew = (paymentId: string): string => `
  do $$
  declare each record; n int := 0; made bytea := '';
  begin
    for each in
      select true as is_history, id, seq, json_build_array('history', id, payment_id,
        (extract(epoch from at) * 1000)::bigint, what, "from", "to", because, details
        )::text as entry
      from history where payment_id = '${paymentId}'
      union all
      select false, id, seq, json_build_array('posting', id, payment_id,
        (extract(epoch from at) * 1000)::bigint, journal, from_account, to_account, amount_msat
        )::text
      from posting where payment_id = '${paymentId}' order by seq
    loop
      n := n + 1;
      made := sha256(made || convert_to(n || ' ' || each.entry, 'UTF8'));
      if each.is_history then update history set seq = n, chain = made where id = each.id;
      else update posting set seq = n, chain = made where id = each.id; end if;
    end loop;
    update chain_head set entries = n, hash = made where payment_id = '${paymentId}';
  end $$`;

let days = 0;
const clock = (): Date => new Date(Date.now() + days * 86_400_000);

test('a chain that was made anew fits, and the seal does not', async () => {
  const { payment } = await aLongStory();
  const mine = `payment_id = '${payment.id}'`;
  const change = `update history set because = 'x' where ${mine} and seq = 3`;
  expect(await tampered(change, madeAnew(payment.id))).toEqual([]);
  const log = aLog();
  const seal = await sealChains({ db, clock, log, stamp });
  expect(seal).toMatchObject({ id: 1, keyVersion: 1 });
  expect(await sealChains({ db, clock, log, stamp }), 'one a day').toBeUndefined();
  expect(await audited()).toEqual([]);
  const [fault = ''] = await tampered(change, madeAnew(payment.id));
  expect(fault).toContain(`Payment ${payment.id}: what stands up to entry`);
  expect(fault).toContain('is not what seal 1 was put on');
  // A part of what was sealed, and everything of a payment.
  const cut = `delete from history where ${mine} and seq > 5`;
  const shorter = await tampered(cut, `delete from posting where ${mine}`, madeAnew(payment.id));
  expect(shorter.join()).toContain('seal 1 is on');
  const gone = ['history', 'posting', 'chain_head'].map((of) => `delete from ${of} where ${mine}`);
  expect((await tampered(...gone)).join()).toContain(`Payment ${payment.id}: seal 1 is on`);
  const unsealed = `delete from sealed_head where ${mine}`;
  expect((await tampered(...gone, unsealed)).join()).toContain('timelines, and');
  const counted = 'update chain_seal set heads = heads - 1';
  expect((await tampered(...gone, unsealed, counted)).join()).toMatch(/Seal 1 of \S+ does not fit/);
  const other = `update chain_seal set mac = set_byte(mac, 3, get_byte(mac, 3) # 1)`;
  expect((await tampered(other)).join()).toMatch(/Seal 1 of \S+ does not fit/);
  expect((await tampered('delete from chain_seal')).join()).toBe('');
  // Without a seal written down elsewhere nobody can miss the newest one; with one anybody can.
  const line = log.said('sealed')[0]?.about as { seal: string };
  const wanted = async (name: string) => (await auditChain({ db, stamp }, { seal: name })).faults;
  expect(await wanted(line.seal)).toEqual([]);
  expect(await wanted(line.seal.slice(0, 20))).toEqual([]);
  expect((await wanted(`1:${'0'.repeat(64)}`)).join()).toContain('is not among the 1 seals');
});

test('each day has its seal, over what came since the one before', async () => {
  const { payment } = await aLongStory();
  const log = aLog();
  const sealed = async () => {
    days += 1;
    return (await sealChains({ db, clock, log, stamp }))?.heads;
  };
  expect(await sealed()).toBeGreaterThan(0);
  expect(await sealed(), 'nothing has changed').toBe(0);
  await note(db.pool, payment.id, { what: 'kept', because: 'a day later' });
  expect(await sealed()).toBe(1);
  expect(await audited()).toEqual([]);
  const old = `update history set because = 'y' where payment_id = '${payment.id}' and seq = 4`;
  const faults = await tampered(old, madeAnew(payment.id));
  expect(faults.join()).toContain(`Payment ${payment.id}: what stands up to`);
  const without = await tampered('delete from chain_seal where id = 2');
  expect(without.join()).toContain('Seal 2 is missing');
  // With another key in the vault: what one sealed the other cannot say.
  const other = makeStamp([{ version: 2, key: randomBytes(32) }]);
  const unknown = await auditChain({ db, stamp: other });
  expect(unknown.faults.join()).toContain('needs key 1, which VAULT_KEYS does not have');
  const wrong = makeStamp([{ version: 1, key: randomBytes(32) }]);
  const { faults: notOurs } = await auditChain({ db, stamp: wrong });
  expect(notOurs.join()).toContain('it was not made with our key');
});

test('many pools make one seal, and one that was broken off is ended by the next', async () => {
  const shop = await aShop(db);
  for (let n = 0; n < 20; n += 1) await aPayment(db, { shopId: shop.id });
  const log = aLog();
  days += 1;
  const { dead } = { dead: new Error('killed') };
  let stamps = 0;
  const breaking = {
    ...stamp,
    make: (bytes: Uint8Array) => {
      stamps += 1;
      if (bytes.toString().includes('zaptill chain seal')) throw dead;
      return stamp.make(bytes);
    },
  };
  await expect(sealChains({ db, clock, log, stamp: breaking })).rejects.toBe(dead);
  expect(stamps).toBeGreaterThan(20);
  expect(await audited()).toEqual([]);
  await aPayment(db, { shopId: shop.id });
  const made = await Promise.all(
    Array.from({ length: 6 }, () => sealChains({ db, clock, log, stamp })),
  );
  const [seal] = made.filter((each) => each !== undefined);
  if (seal === undefined) await sealChains({ db, clock, log, stamp });
  expect(log.said('sealed')).toHaveLength(1);
  expect(await audited()).toEqual([]);
});

test('who forgets a buyer breaks no chain', async () => {
  const { shop, payment } = await aLongStory();
  days += 1;
  await sealChains({ db, clock, log: aLog(), stamp });
  await unlinkPayments(db, {
    ...{ shopId: shop.id, orderIds: [payment.originId], since: new Date() },
    portionsAtMost: 5,
  });
  const [row] = await rows<{ link: string }>(
    db.pool,
    { name: 'test_link', text: 'select link from payment where id = $1::uuid' },
    [payment.id],
  );
  expect(row?.link).not.toBe(payment.link);
  expect(await audited()).toEqual([]);
});

/** How often somebody was waited for in a circle. Every connection tells what it has counted. */
async function deadlocks(): Promise<number> {
  const clients = await Promise.all(Array.from({ length: 20 }, () => db.pool.connect()));
  for (const client of clients) {
    await client.query('select pg_stat_force_next_flush()');
    await client.query('select 1');
    client.release();
  }
  const counted = await db.pool.query<{ n: number }>(
    'select deadlocks::int as n from pg_stat_database where datname = current_database()',
  );
  return counted.rows[0]?.n ?? -1;
}

test('many write at once: each chain is whole, and nobody waits in a circle', async () => {
  const shop = await aShop(db);
  const nodeId = await aNode(db, { shopId: shop.id });
  const payments = await Promise.all(
    Array.from({ length: 24 }, () => aPayment(db, { shopId: shop.id })),
  );
  const invoices = await Promise.all(payments.map((payment) => anInvoice(db, { payment, nodeId })));
  const works: (() => Promise<unknown>)[] = [];
  for (const [n, payment] of payments.entries()) {
    const invoice = invoices[n];
    if (invoice === undefined) throw new Error('no invoice');
    for (let i = 0; i < 6; i += 1) {
      works.push(() => note(db.pool, payment.id, { what: 'kept', because: String(i) }));
    }
    works.push(() => endInvoice(db, { id: invoice.id, heldAt: null }, 'quote_over'));
    if (n % 3 === 0) {
      works.push(() => closePayment(db, { paymentId: payment.id, because: 'order_cancelled' }));
    }
  }
  // Batches that share payments, in orders of their own, next to those who write single lines.
  for (let n = 0; n < 12; n += 1) {
    const seen = invoices.filter((_each, at) => (at + n) % 3 !== 0);
    const observations = (n % 2 === 0 ? seen : [...seen].reverse()).map((each) => aSettle(each));
    const recorder = { via: 'lookup' } as const;
    works.push(() => recordSettlements(db.pool, { nodeId, observations, recorder }));
  }
  works.push(() =>
    transaction(db, async (on) => {
      const ids = payments.map(({ id }) => id).sort();
      for (const id of ids) await note(on, id, { what: 'seen_to' });
    }),
  );
  days += 1;
  works.push(() => sealChains({ db, clock, log: aLog(), stamp }));
  const before = await deadlocks();
  // Those of one payment apart from each other.
  const mixed = works.map((work, n) => ({ work, at: (n * 7_919) % works.length }));
  mixed.sort((a, b) => a.at - b.at);
  await Promise.all(mixed.map(({ work }) => work()));
  expect(await deadlocks()).toBe(before);
  expect(await audited()).toEqual([]);
  expect(await audited(shop.id)).toEqual([]);
});
