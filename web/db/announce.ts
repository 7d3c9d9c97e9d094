// Tells other processes what was committed here: pages that are open, and pools that wait for work.
// Hints only, outside of the transaction that made them true: PostgreSQL lets commits that notify
// pass one at a time, and one that also writes holds up all others until it is on the disk. Whoever
// waits looks by itself too, so a hint that is lost costs a moment and never money.
import { afterCommit, rows } from './database.ts';
import type { Queryable } from './database.ts';

/** Heard by `listenForChanges`; carries a payment's link. */
export const pagesChannel = 'payment_moved';
/** On which graphile-worker hears of jobs; carries how many of its workers are to look. */
const jobsChannel = 'jobs:insert';
/** A statement without an answer holds up what is said later for no longer than this. */
const patienceMs = 5_000;
/** Workers of one pool that are woken at once at most. */
const workersAtMost = 10;

type Sayings = { links: Set<string>; jobs: number; underWay: number | undefined };

const ofPools = new WeakMap<Queryable, Sayings>();

/** The pages of these payments look again, once the caller's transaction is committed. */
export function sayMoved(on: Queryable, links: readonly string[]): void {
  if (links.length > 0) say(on, { links, jobs: 0 });
}

/** So many jobs can be taken, once the caller's transaction is committed. */
export function wakePools(on: Queryable, jobs: number): void {
  if (jobs > 0) say(on, { links: [], jobs });
}

function say(on: Queryable, about: { links: readonly string[]; jobs: number }): void {
  afterCommit(on, (pool) => {
    const had = ofPools.get(pool);
    const sayings = had ?? { links: new Set<string>(), jobs: 0, underWay: undefined };
    ofPools.set(pool, sayings);
    for (const link of about.links) sayings.links.add(link);
    sayings.jobs += about.jobs;
    void sayAll(pool, sayings);
  });
}

/** One statement at a time: what comes meanwhile is said by the next, each page's word once. */
async function sayAll(pool: Queryable, sayings: Sayings): Promise<void> {
  const { underWay } = sayings;
  if (underWay !== undefined && performance.now() - underWay < patienceMs) return;
  while (sayings.links.size > 0 || sayings.jobs > 0) {
    const mine = performance.now();
    sayings.underWay = mine;
    const links = [...sayings.links];
    const count = Math.min(sayings.jobs, workersAtMost);
    sayings.links.clear();
    sayings.jobs = 0;
    await announce(pool, { links, count }).catch(() => undefined);
    // Another one says what waits: this one was given up.
    if (sayings.underWay !== mine) return;
    sayings.underWay = undefined;
  }
}

/** Nothing is written, so this commit waits for no disk. */
async function announce(
  pool: Queryable,
  about: { links: readonly string[]; count: number },
): Promise<void> {
  const jobs = about.count > 0 ? [JSON.stringify({ count: about.count })] : [];
  await rows(
    pool,
    {
      name: 'announce',
      text: `
        select pg_notify($1, said) from unnest($2::text[]) said
        union all
        select pg_notify($3, said) from unnest($4::text[]) said`,
    },
    [pagesChannel, about.links, jobsChannel, jobs],
  );
}
