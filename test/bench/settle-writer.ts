// One of several processes that only write settlements down, a hundred at a time: by our statement
// with all that it proves and books, by a plain one that writes the same rows and asks nothing, or
// by the least that a queue in PostgreSQL can do: take, mark, and put one row beside.
import { createHash } from 'node:crypto';
import type { Observation, PaymentHash, Preimage } from '../../web/core/invoice.ts';
import type { Msat } from '../../web/core/money.ts';
import { openDatabase, type Database } from '../../web/db/database.ts';
import { recordSettlements } from '../../web/db/invoices.ts';
import { answer } from './child.ts';
import { amountMsatOf, hashOf, preimageOf } from './node-double.ts';

export type Writing = {
  how: 'ours' | 'same_rows' | 'least';
  url: string;
  nodeId: number;
  shopId: number;
  lot: string;
  count: number;
};

const batch = 100;
const together = 1;

const opened = new Map<string, Database>();
let batches: Observation[][] = [];
let writing: Writing | undefined;

const seenOf = (lot: string, n: number): Observation => {
  const preimage = preimageOf(lot, n);
  const amountMsat = amountMsatOf(n) as Msat;
  return {
    ...{ hash: hashOf(preimage) as PaymentHash, preimage: preimage as Preimage },
    ...{ state: 'settled', amountMsat, receivedMsat: amountMsat, settledAt: new Date() },
    ...{ settleIndex: BigInt(n), addIndex: BigInt(n), request: '' },
    expiresAt: new Date(),
  };
};

async function ours(on: Database, of: Writing, seen: readonly Observation[]): Promise<void> {
  const proved = seen.filter(
    ({ preimage, hash }) =>
      createHash('sha256')
        .update(preimage ?? '', 'hex')
        .digest('hex') === hash,
  );
  const cursor = seen.at(-1)?.settleIndex ?? 0n;
  const recorder = { via: 'live', holder: 'bench', leaseNo: 1, epoch: 0, cursor } as const;
  const observations = proved;
  const recorded = await recordSettlements(on.pool, { nodeId: of.nodeId, observations, recorder });
  if (recorded.settled.length !== seen.length) {
    throw new Error(`${String(recorded.settled.length)} of ${String(seen.length)} were recorded`);
  }
}

const sameRowsText = {
  name: 'same_rows',
  text: `
    with seen as (select * from unnest($1::bytea[], $2::bytea[]) as s (hash, preimage)),
    done as (
      update invoice i set state = 'settled', paid_msat = amount_msat, preimage = s.preimage,
        settled_at = now(), recorded_at = now(), via = 'live', due_at = null
      from seen s where i.hash = s.hash returning i.id, i.payment_id, i.amount_msat),
    moved as (
      update payment p set state = 'settled', reason = 'node_says_settled', due_at = now(),
        settled_at = now(), settled_invoice_id = d.id
      from done d where p.id = d.payment_id returning p.id),
    line as (
      insert into history (payment_id, what, "from", "to", because)
      select id, 'moved', 'open', 'settled', 'node_says_settled' from moved)
    insert into posting (payment_id, journal, from_account, to_account, amount_msat)
    select payment_id, 'plain:' || id, 'node', 'awaiting', amount_msat from done`,
};

async function sameRows(on: Database, seen: readonly Observation[]): Promise<void> {
  const bytes = (texts: readonly (string | undefined)[]): Buffer[] =>
    texts.map((text) => Buffer.from(text ?? '', 'hex'));
  const values = [bytes(seen.map(({ hash }) => hash)), bytes(seen.map((each) => each.preimage))];
  await on.pool.query({ ...sameRowsText, values });
}

const leastText = {
  name: 'least',
  text: `
    with taken as (
      select id from peer_settle where state = 0 limit $1 for update skip locked),
    done as (
      update peer_settle p set state = 1, settled_at = now() from taken t where p.id = t.id
      returning p.id)
    insert into peer_outbox (id) select id from done`,
};

answer(
  {
    prepare: async (given: Writing): Promise<void> => {
      writing = given;
      const db = opened.get(given.url) ?? openDatabase({ url: given.url, connections: 4 });
      opened.set(given.url, db);
      const seen = Array.from({ length: given.count }, (_, n) => seenOf(given.lot, n + 1));
      batches = [];
      for (let at = 0; at < seen.length; at += batch) batches.push(seen.slice(at, at + batch));
      await db.pool.query('select 1');
    },
    write: async (): Promise<void> => {
      const of = writing;
      const on = opened.get(of?.url ?? '');
      if (on === undefined || of === undefined) throw new Error('prepare it first');
      const rest = [...batches];
      const run = async (): Promise<void> => {
        for (let next = rest.shift(); next !== undefined; next = rest.shift()) {
          if (of.how === 'ours') await ours(on, of, next);
          else if (of.how === 'same_rows') await sameRows(on, next);
          else await on.pool.query({ ...leastText, values: [next.length] });
        }
      };
      await Promise.all(Array.from({ length: together }, run));
    },
  },
  async () => {
    await Promise.all([...opened.values()].map((db) => db.close()));
  },
);
