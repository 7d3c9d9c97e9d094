// What pages and commands show of reconciliations: the run under way, the last one that ended, and
// what only a person can put right.
import { rows, type Database } from '../database.ts';

export type ReconciliationLine = {
  id: string;
  because: string;
  /** running, done, partly or stopped. */
  state: string;
  since: Date;
  startedAt: Date;
  endedAt: Date | null;
  readsOrders: boolean;
  orders: number;
  payments: number;
  invoices: number;
  healed: number;
  /** When it ended; null: it has not. */
  unmatched: number | null;
};

const columns = `
  id::text, because, state, since, started_at as "startedAt", ended_at as "endedAt",
  reads_orders as "readsOrders", orders, payments, invoices, healed, unmatched`;

/** The newest run, and the newest one that has come to its end. */
export async function latestReconciliations(
  db: Database,
  shopId: number,
): Promise<{ running: ReconciliationLine | undefined; last: ReconciliationLine | undefined }> {
  const found = await rows<ReconciliationLine>(
    db.pool,
    {
      name: 'reconciliation_latest',
      text: `
        (select ${columns} from reconciliation where shop_id = $1 and ended_at is null)
        union all
        (select ${columns} from reconciliation
          where shop_id = $1 and ended_at is not null and state <> 'stopped'
          order by reconciliation.id desc limit 1)`,
    },
    [shopId],
  );
  return {
    running: found.find(({ endedAt }) => endedAt === null),
    last: found.find(({ endedAt }) => endedAt !== null),
  };
}

export async function reconciliationById(
  db: Database,
  id: string,
): Promise<ReconciliationLine | undefined> {
  const [row] = await rows<ReconciliationLine>(
    db.pool,
    {
      name: 'reconciliation_by_id',
      text: `select ${columns} from reconciliation where id = $1::bigint`,
    },
    [id],
  );
  return row;
}

export type BreakLine = {
  id: string;
  what: string;
  about: Record<string, string>;
  paymentId: string | null;
  firstSeenAt: Date;
};

/** What is certain and open, the newest first. */
export async function certainBreaks(
  db: Database,
  ask: { shopId: number; limit: number },
): Promise<BreakLine[]> {
  return rows<BreakLine>(
    db.pool,
    {
      name: 'reconcile_breaks_certain',
      text: `
        select id::text, what, about, payment_id::text as "paymentId",
          first_seen_at as "firstSeenAt"
        from reconcile_break
        where shop_id = $1 and healed_at is null and accepted_at is null
          and confirmed_at is not null
        order by reconcile_break.id desc limit $2`,
    },
    [ask.shopId, ask.limit],
  );
}

/** How many are certain and open, counted up to a limit. */
export async function countBreaks(
  db: Database,
  ask: { shopId: number; limit: number },
): Promise<number> {
  const [row] = await rows<{ n: number }>(
    db.pool,
    {
      name: 'reconcile_breaks_count',
      text: `
        select count(*)::int as n from (
          select 1 from reconcile_break
          where shop_id = $1 and healed_at is null and accepted_at is null
            and confirmed_at is not null limit $2) b`,
    },
    [ask.shopId, ask.limit],
  );
  return row?.n ?? 0;
}

/** The first moment of a day by the clock of the shop. */
export async function dayBegins(
  db: Database,
  about: { day: string; timeZone: string },
): Promise<Date> {
  const [row] = await rows<{ at: Date }>(
    db.pool,
    { name: 'day_begins', text: 'select ($1::date)::timestamp at time zone $2 as at' },
    [about.day, about.timeZone],
  );
  if (row === undefined) throw new Error('a day has no beginning');
  return row.at;
}
