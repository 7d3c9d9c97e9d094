// The figures that triggers add up for each quarter of an hour (migration `tally`). A day that is
// over is folded into one row at its midnight, so that ninety days are ninety rows to read.
import { rows, transaction, type Database } from './database.ts';

/** Midnight of the slot's day in the shop's zone; a whole quarter everywhere in the world. */
const midnight = `(date_trunc('day', slot at time zone $2) at time zone $2)`;
/** Today and yesterday are still written to. */
const overBefore = `(date_trunc('day', $3::timestamptz at time zone $2) - interval '1 day')
  at time zone $2`;

/** In one go at most; the rest is for the next time. */
const foldedAtMost = 20_000;

// Rows are locked in the order of their keys, as the triggers lock them. Whoever adds to a row that
// is folded in that moment waits, finds it gone, and makes it again: nothing is lost.
const foldSums = `
  with old as (
    select ctid as place from tally
    where shop_id = $1 and slot < ${overBefore} and (part > 0 or slot <> ${midnight})
    order by slot, currency, part limit ${String(foldedAtMost)} for update),
  gone as (delete from tally where ctid in (select place from old) returning *)
  insert into tally as t (shop_id, slot, currency, part, opened, viewed, viewed_paid, paid,
    fiat_minor, amount_msat)
  select shop_id, ${midnight}, currency, 0, sum(opened), sum(viewed), sum(viewed_paid), sum(paid),
    sum(fiat_minor), sum(amount_msat)
  from gone group by 1, 2, 3 order by 1, 2, 3
  on conflict (shop_id, slot, currency, part) do update set
    opened = t.opened + excluded.opened, viewed = t.viewed + excluded.viewed,
    viewed_paid = t.viewed_paid + excluded.viewed_paid, paid = t.paid + excluded.paid,
    fiat_minor = t.fiat_minor + excluded.fiat_minor,
    amount_msat = t.amount_msat + excluded.amount_msat
  returning 1 as folded`;

const foldWaits = `
  with old as (
    select ctid as place from wait_tally
    where shop_id = $1 and slot < ${overBefore} and slot <> ${midnight}
    order by slot, step limit ${String(foldedAtMost)} for update),
  gone as (delete from wait_tally where ctid in (select place from old) returning *)
  insert into wait_tally as t (shop_id, slot, step, told)
  select shop_id, ${midnight}, step, sum(told) from gone group by 1, 2, 3 order by 1, 2, 3
  on conflict (shop_id, slot, step) do update set told = t.told + excluded.told
  returning 1 as folded`;

/** Folds the days of the shop that are over. Sums stay what they are, day by day. */
export async function foldTallies(
  db: Database,
  about: { shopId: number; timeZone: string; now: Date },
): Promise<void> {
  const values = [about.shopId, about.timeZone, about.now];
  await transaction(db, (on) => rows(on, { name: 'tally_fold', text: foldSums }, values));
  await transaction(db, (on) => rows(on, { name: 'wait_tally_fold', text: foldWaits }, values));
}
