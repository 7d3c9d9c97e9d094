// What each pool says of itself every few seconds, for people: doors are other processes and show
// it. Nobody acts on it; a pool that was killed is silent, and soon no more told of.
import type { Database } from './database.ts';
import { rows } from './database.ts';

/** Points of Shopify's bucket of one shop. */
export type Bucket = {
  available: number;
  maximum: number;
  /** Points a second. */
  restoreRate: number;
};

/** One metric with its values, as the metrics room writes it down. */
export type Counted = { name: string };

export type PoolReport = {
  pool: string;
  /** Of the program. */
  version: string;
  /** The part of its widths that it uses, 0 to 1. */
  brake: number;
  /** Node -> settles that its stream told and that wait, or stand beyond a hole. None: left out. */
  behind: Readonly<Record<string, number>>;
  /** Shop -> its bucket, as last told to this pool. */
  buckets: Readonly<Record<string, Bucket>>;
  counters: readonly Counted[];
  /** Node -> how it stands, of those that have most to tell; left out: nothing is told. */
  nodes?: Readonly<Record<string, NodeReport>>;
};

/** Of a node whose stream the pool follows. Times as ISO 8601. */
export type NodeReport = {
  /** Runs of settle indexes that are missing below what is recorded. */
  holes: number;
  /** The stream last told a settle; left out: not yet. */
  heardAt?: string;
  /** The certificate that the node showed ends then; left out: none was seen. */
  certificateEndsAt?: string;
};

/** Who was silent for longer is not told of. */
export const poolSilentMs = 20_000;

export async function sayPoolReport(db: Database, report: PoolReport): Promise<void> {
  const { pool, version, brake, behind, buckets, counters, nodes = {} } = report;
  await rows(
    db.pool,
    {
      name: 'pool_report_say',
      text: `
        with me as (
          insert into pool_report (pool, version, brake, behind, buckets, counters, nodes)
          values ($1, $2, $3, $4::jsonb, $5::jsonb, $6::jsonb, $7::jsonb)
          on conflict (pool) do update set version = excluded.version, brake = excluded.brake,
            behind = excluded.behind, buckets = excluded.buckets, counters = excluded.counters,
            nodes = excluded.nodes, said_at = now())
        delete from pool_report where said_at < now() - interval '1 hour'`,
    },
    [
      pool,
      version,
      brake,
      ...[behind, buckets, counters, nodes].map((each) => JSON.stringify(each)),
    ],
  );
}

/** It has ended, and says nothing more. */
export async function endPoolReport(db: Database, pool: string): Promise<void> {
  const text = 'delete from pool_report where pool = $1';
  await rows(db.pool, { name: 'pool_report_end', text }, [pool]);
}
