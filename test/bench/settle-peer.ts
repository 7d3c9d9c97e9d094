// What our settling is compared with, in a process of its own: the three steps that cannot be left
// out (hear the node, write it down, tell Shopify), once bare and once with graphile-worker as its
// manual shows it, a job for each telling. Neither loses less than ours by accident: both write to
// the same disk before they tell.
import { setTimeout as pause } from 'node:timers/promises';
import { Logger, run, type Runner } from 'graphile-worker';
import pg from 'pg';
import { openConnection } from '../../web/lightning/connection.ts';
import { paymentSessionResolve } from '../../web/shopify/payments-documents.ts';
import { answer } from './child.ts';
import { pinnedAt } from './peer-node.ts';
import type { NodeMade } from './node-double.ts';

type Start = {
  how: 'bare' | 'jobs';
  url: string;
  origin: string;
  nodes: NodeMade[];
  /** Jobs at once. Left out: enough for what is under way at 100 a second, several times over. */
  atOnce?: number;
};
type Row = { origin_id: string; shop: string };

type Told = { id: string; shop: string };

/** As Shopify asks for it: who is throttled waits for a second, and asks again. */
async function tell(origin: string, { id, shop }: Told): Promise<void> {
  for (;;) {
    const response = await fetch(`${origin}/${shop}/payments_apps/api/x/graphql.json`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
      body: JSON.stringify({ query: paymentSessionResolve.text, variables: { id } }),
    });
    const { errors } = (await response.json()) as { errors?: object };
    if (errors === undefined) return;
    await pause(1_000);
  }
}

const write = {
  name: 'write',
  text: `update peer_payment set state = 'settled', preimage = $2
  where hash = $1 and state = 'open' returning origin_id, shop`,
};
const resolve = {
  name: 'resolve',
  text: `update peer_payment set state = 'resolved'
  where origin_id = $1 and state = 'settled'`,
};

async function settleBare(pool: pg.Pool, origin: string, seen: readonly Buffer[]): Promise<void> {
  const { rows } = await pool.query<Row>({ ...write, values: [...seen] });
  for (const { origin_id: id, shop } of rows) {
    await tell(origin, { id, shop });
    await pool.query({ ...resolve, values: [id] });
  }
}

const addJob = `select graphile_worker.add_job('tell', $1::json)`;

async function settleByJob(pool: pg.Pool, seen: readonly Buffer[]): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query('begin');
    const { rows } = await client.query<Row>({ ...write, values: [...seen] });
    for (const { origin_id: id, shop } of rows) {
      await client.query(addJob, [JSON.stringify({ id, shop } satisfies Told)]);
    }
    await client.query('commit');
  } finally {
    client.release();
  }
}

let pool: pg.Pool | undefined;
let runner: Runner | undefined;

async function start({ how, url, origin, nodes, atOnce = 50 }: Start): Promise<void> {
  const on = new pg.Pool({ connectionString: url, max: 10 });
  pool = on;
  await on.query(`create table peer_payment (hash bytea primary key, origin_id text not null unique,
    shop text not null, state text not null, preimage bytea)`);
  if (how === 'jobs') {
    runner = await run({
      ...{ pgPool: on, concurrency: atOnce, noHandleSignals: true },
      logger: new Logger(() => () => undefined),
      taskList: {
        tell: async (payload) => {
          const told = payload as Told;
          await tell(origin, told);
          await on.query({ ...resolve, values: [told.id] });
        },
      },
    });
  }
  for (const { address, certificatePem, macaroonHex } of nodes) {
    const connection = openConnection({ pinned: pinnedAt(address), certificatePem, macaroonHex });
    // Its answer shows that the connection is there before the first event.
    await connection.getInfo();
    connection.subscribeInvoices({}).on('data', (raw: { r_hash: Buffer; r_preimage: Buffer }) => {
      const seen = [raw.r_hash, raw.r_preimage];
      void (how === 'bare' ? settleBare(on, origin, seen) : settleByJob(on, seen));
    });
  }
}

answer(
  {
    start,
    fill: async (about: { lot: string; count: number; shop?: string }): Promise<void> => {
      await pool?.query(
        `insert into peer_payment (hash, origin_id, shop, state)
         select sha256(sha256(($1 || ' ' || n)::bytea)),
           'gid://shopify/PaymentSession/' || $1 || '-' || n, $3, 'open'
         from generate_series(1, $2::int) n`,
        [about.lot, about.count, about.shop ?? 'peer.myshopify.com'],
      );
      await pool?.query('vacuum analyze peer_payment');
    },
  },
  async () => {
    await runner?.stop().catch(() => undefined);
  },
);
