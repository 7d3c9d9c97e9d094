// What pages ask of a database with a million payments. Each question is asked many times in one
// run; its plans must hold no sequential scan over a big table, and its 99th percentile must stay
// under 200 ms. `BENCH_DIR` keeps the filled database for the next run, `BENCH_PAYMENTS` makes it
// smaller. A word picks questions by their name.
import { measure, type Question } from './measure.ts';
import { millionDatabase, type Million, type Say } from './million.ts';
import type { Database } from '../../web/db/database.ts';
import { openDatabase } from '../../web/db/database.ts';
import { foldTallies } from '../../web/db/tallies.ts';
import { dashboardQuestions } from './dashboard.ts';
import { paymentQuestions } from './payments.ts';
import { measureSessions } from './sessions.ts';

/** Every page that is measured gives its questions here. */
const pages: readonly ((db: Database, million: Million) => Question[])[] = [
  dashboardQuestions,
  paymentQuestions,
];

/** Gives what is wrong, in words. */
export async function measurePages(wanted: string, say: Say): Promise<string[]> {
  const { BENCH_DIR: keepIn, BENCH_PAYMENTS: payments = '1000000' } = process.env;
  const made = await millionDatabase({ payments: Number(payments), keepIn, say });
  const db = openDatabase({ url: made.url });
  try {
    // As the daily look at the shop does.
    const { shopId } = made.million;
    await foldTallies(db, { shopId, timeZone: 'Europe/Berlin', now: new Date() });
    const questions = pages
      .flatMap((page) => page(db, made.million))
      .filter(({ name }) => name.includes(wanted));
    const sessions = 'sessions'.includes(wanted);
    if (questions.length === 0 && !sessions) {
      throw new Error(`no question is called like ${wanted}`);
    }
    const faults: string[] = [];
    for (const question of questions) faults.push(...(await measure(db, question, say)));
    if (sessions) faults.push(...(await measureSessions(made.url, say)));
    for (const fault of faults) say(`FAULT ${fault}`);
    return faults;
  } finally {
    await db.close();
    await made.close();
  }
}
