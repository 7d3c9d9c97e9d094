// Runs of the merchant's self-test, each with its hops. One run of a shop is under way at a time.
import type { Database } from './database.ts';
import { rows, transaction } from './database.ts';
import type { SelfTestStep } from '../core/self-test.ts';

export type SelfTestRow = {
  id: bigint;
  shopId: number;
  startedAt: Date;
  /** Null: under way, or its process died. */
  endedAt: Date | null;
  passed: boolean;
  steps: readonly SelfTestStep[];
};

type Found = Omit<SelfTestRow, 'steps'> & { steps: unknown };
const read = (row: Found): SelfTestRow => ({ ...row, steps: row.steps as SelfTestStep[] });

export async function latestSelfTest(db: Database, shopId: number): Promise<SelfTestRow | null> {
  const row = await db.prisma.selfTest.findFirst({ where: { shopId }, orderBy: { id: 'desc' } });
  return row === null ? null : read(row);
}

export async function selfTestById(db: Database, id: bigint): Promise<SelfTestRow | null> {
  const row = await db.prisma.selfTest.findUnique({ where: { id } });
  return row === null ? null : read(row);
}

/** Whether a run of the shop has ever passed. */
export const hasPassedSelfTest = async (db: Database, shopId: number): Promise<boolean> =>
  (await db.prisma.selfTest.findFirst({ where: { shopId, passed: true } })) !== null;

/**
 * Begins a run, or gives the one that is under way. Runs whose process has died are closed: nobody
 * else writes to them.
 */
export async function beginSelfTest(
  db: Database,
  about: { shopId: number; steps: readonly SelfTestStep[]; diesAfterMs: number },
): Promise<{ id: bigint; begun: boolean }> {
  const { shopId, steps, diesAfterMs } = about;
  return transaction(db, async (on) => {
    const lock = 'select id from shop where id = $1 for no key update';
    await rows(on, { name: 'shop_lock', text: lock }, [shopId]);
    await rows(
      on,
      {
        name: 'self_test_close_dead',
        text: `
          update self_test set ended_at = now()
          where shop_id = $1 and ended_at is null
            and started_at < now() - $2 * interval '1 ms'
          returning id`,
      },
      [shopId, diesAfterMs],
    );
    const [running] = await rows<{ id: string }>(
      on,
      {
        name: 'self_test_running',
        text: 'select id from self_test where shop_id = $1 and ended_at is null limit 1',
      },
      [shopId],
    );
    if (running !== undefined) return { id: BigInt(running.id), begun: false };
    const [made] = await rows<{ id: string }>(
      on,
      {
        name: 'self_test_begin',
        text: 'insert into self_test (shop_id, steps) values ($1, $2::jsonb) returning id',
      },
      [shopId, JSON.stringify(steps)],
    );
    if (made === undefined) throw new Error('a self-test was not stored');
    return { id: BigInt(made.id), begun: true };
  });
}

/** Writes the hops down. A run that was closed meanwhile stays as it is: false. */
export async function storeSelfTest(
  db: Database,
  about: { id: bigint; steps: readonly SelfTestStep[]; passed: boolean; ended: boolean },
): Promise<boolean> {
  const stored = await rows(
    db.pool,
    {
      name: 'self_test_store',
      text: `
        update self_test set steps = $2::jsonb, passed = $3,
          ended_at = case when $4 then now() else null end
        where id = $1 and ended_at is null returning id`,
    },
    [about.id, JSON.stringify(about.steps), about.passed, about.ended],
  );
  return stored.length === 1;
}

/**
 * Closes runs whose process has died, so that what they left can be taken away. Nobody else writes
 * to them.
 */
export async function closeDeadSelfTests(
  db: Database,
  about: { diesAfterMs: number },
): Promise<void> {
  await rows(
    db.pool,
    {
      name: 'self_test_close_all_dead',
      text: `
        update self_test set ended_at = now()
        where ended_at is null and started_at < now() - $1 * interval '1 ms'`,
    },
    [about.diesAfterMs],
  );
}

type Left = {
  id: string;
  shop_id: number;
  started_at: Date;
  ended_at: Date;
  passed: boolean;
  steps: SelfTestStep[];
};

/**
 * Ended runs that made something, or may have, and did not take it away again. What could not be
 * taken away in a week stays.
 */
const leftText = `
  select t.id, t.shop_id, t.started_at, t.ended_at, t.passed, t.steps
  from self_test t join shop s on s.id = t.shop_id
  where t.ended_at is not null and not t.passed and t.started_at > now() - interval '7 days'
    and s.uninstalled_at is null
    and not exists (
      select 1 from jsonb_array_elements(t.steps) as e (step)
      where step->>'hop' = 'clean_up' and (step->>'state' = 'passed'
        or (step->>'state' = 'warned' and step->>'code' is distinct from 'order_lost')))
    and exists (
      select 1 from jsonb_array_elements(t.steps) as e (step)
      where step ? 'made' or step->>'state' = 'running')`;

const readLeft = (row: Left): SelfTestRow => ({
  ...{ id: BigInt(row.id), shopId: row.shop_id, passed: row.passed, steps: row.steps },
  ...{ startedAt: row.started_at, endedAt: row.ended_at },
});

/** Of one shop, the newest first. At most five. */
export async function leftBySelfTestsOf(db: Database, shopId: number): Promise<SelfTestRow[]> {
  const found = await rows<Left>(
    db.pool,
    {
      name: 'self_test_left_of',
      text: `${leftText} and t.shop_id = $1 order by t.id desc limit 5`,
    },
    [shopId],
  );
  return found.map(readLeft);
}

/** Of all shops, the oldest first, behind one of them. */
export async function leftBySelfTests(
  db: Database,
  about: { after: bigint; limit: number },
): Promise<SelfTestRow[]> {
  const found = await rows<Left>(
    db.pool,
    { name: 'self_test_left', text: `${leftText} and t.id > $1 order by t.id limit $2` },
    [about.after, about.limit],
  );
  return found.map(readLeft);
}

/** What an ended run had left is gone. */
export async function selfTestIsClean(db: Database, row: SelfTestRow): Promise<void> {
  const fresh: SelfTestStep = {
    hop: 'clean_up',
    state: 'passed',
    ms: 0,
    code: null,
    sentence: null,
  };
  const had = row.steps.find(({ hop }) => hop === 'clean_up');
  const steps = [...row.steps.filter((step) => step !== had), { ...fresh, ms: had?.ms ?? null }];
  await db.prisma.selfTest.update({ where: { id: row.id }, data: { steps } });
}

/** Whether a self-test made this order. Such an order is nobody's payment. */
export async function wasMadeBySelfTest(
  db: Database,
  at: { shopId: number; originId: string },
): Promise<boolean> {
  const found = await rows(
    db.pool,
    {
      name: 'self_test_made',
      text: `
        select 1 as made from self_test
        where shop_id = $1 and steps @> $2::jsonb limit 1`,
    },
    [at.shopId, JSON.stringify([{ made: { orderId: at.originId } }])],
  );
  return found.length > 0;
}

/** Whether some process follows the settles of the node at this moment, without a hole. */
export async function isFollowed(db: Database, nodeId: number): Promise<boolean> {
  const found = await rows(
    db.pool,
    {
      name: 'node_followed',
      text: `
        select 1 as followed from node
        where id = $1 and stream_whole_since is not null and stream_lease_until > now()`,
    },
    [nodeId],
  );
  return found.length > 0;
}

/** Whether a webhook of Shopify has named the order, whoever else has since. */
export async function wasHeardOf(
  db: Database,
  at: { shopId: number; originId: string },
): Promise<boolean> {
  const found = await rows(
    db.pool,
    {
      name: 'sighting_heard',
      text: `
        select 1 as heard from sighting
        where shop_id = $1 and origin_id = $2 and heard_at is not null`,
    },
    [at.shopId, at.originId],
  );
  return found.length > 0;
}
