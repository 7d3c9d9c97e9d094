// A shop's shares as its page shows them: the rules in force, what is owed to whom, and the latest
// payouts. Receivers are those of the shop's own rules; what came by another of its apps is theirs
// as well.
import type { Msat } from '../../core/money.ts';
import type { ShareAmount } from '../../core/share.ts';
import { rows, type Database } from '../database.ts';
import { records } from '../records.ts';
import { cameToPurse } from '../share-batches.ts';
import { amountOf } from '../shares.ts';

export { shareTermsOf } from '../shares.ts';

/** A page shows so many at most: of receivers those to whom most is owed, of payouts the newest. */
const mostShown = 200;
const mostBatches = 25;

export type ShareRuleRow = {
  id: bigint;
  name: string;
  address: string;
  vendor: string | null;
  amount: ShareAmount;
};

export async function shareRulesOf(db: Database, shopId: number): Promise<ShareRuleRow[]> {
  type Raw = Omit<ShareRuleRow, 'amount'> & Parameters<typeof amountOf>[0];
  const found = await records<Raw>(
    db.pool,
    {
      name: 'view_share_rules',
      text: `
        select u.id, r.name, r.address, u.vendor, u.part_bp, u.fixed_msat
        from share_rule u join share_receiver r on r.id = u.receiver_id
        where u.shop_id = $1 and u.ended_at is null order by u.id limit $2`,
    },
    [shopId, mostShown],
  );
  return found.map((raw) => ({
    ...{ id: raw.id, name: raw.name, address: raw.address, vendor: raw.vendor },
    amount: amountOf(raw),
  }));
}

export type ShareReceiverRow = {
  id: bigint;
  name: string;
  address: string;
  owedMsat: Msat;
  underWayMsat: Msat;
  paidMsat: Msat;
  /** Why its server gave no invoice, the signer waits, or some of it cannot be paid at all. */
  word: string | null;
};

export const shareReceiversOf = (db: Database, shopId: number): Promise<ShareReceiverRow[]> =>
  records<ShareReceiverRow>(
    db.pool,
    {
      name: 'view_share_receivers',
      text: `
        select r.id, r.name, r.address, s.owed as "owedMsat", s.under_way as "underWayMsat",
          s.paid as "paidMsat", case when s.under_way > 0 then w.word
            when s.owed > 0 then coalesce(r.word, (
              select 'original_elsewhere' from share s
                join purse p on p.shop_id = purse_of(s.shop_id)
              where s.receiver_id = r.id and s.state = 'owed' and s.amount_msat > 0
                and not ${cameToPurse}
              order by s.id limit 1)) end as word
        from share_receiver r
          cross join lateral (
            select coalesce(sum(amount_msat) filter (where state = 'owed'), 0)::bigint as owed,
              coalesce(sum(amount_msat) filter (where state = 'batched'), 0)::bigint as under_way,
              coalesce(sum(amount_msat) filter (where state = 'paid'), 0)::bigint as paid
            from share where receiver_id = r.id) s
          left join share_batch b on b.receiver_id = r.id and b.state = 'given'
          left join payout_wait w on w.claim_id = b.claim_id
        where r.shop_id = $1 and s.owed + s.under_way + s.paid > 0
        order by s.owed + s.under_way desc, r.name, r.id limit $2`,
    },
    [shopId, mostShown],
  );

export type ShareBatchRow = {
  id: string;
  name: string;
  address: string;
  amountMsat: Msat;
  shares: bigint;
  state: 'given' | 'paid' | 'failed';
  because: string | null;
  givenAt: Date;
  endedAt: Date | null;
};

export const shareBatchesOf = (db: Database, shopId: number): Promise<ShareBatchRow[]> =>
  records<ShareBatchRow>(
    db.pool,
    {
      name: 'view_share_batches',
      text: `
        select b.id, r.name, r.address, b.amount_msat as "amountMsat", b.state, b.because,
          b.given_at as "givenAt", b.ended_at as "endedAt",
          (select count(*) from share s where s.batch_id = b.id) as shares
        from share_receiver r join share_batch b on b.receiver_id = r.id
        where r.shop_id = $1 order by b.given_at desc, b.claim_id desc limit $2`,
    },
    [shopId, mostBatches],
  );

/** Whether the signer has a paying credential for the shop. */
export async function hasPurse(db: Database, shopId: number): Promise<boolean> {
  const text = 'select purse_of($1) is not null as has';
  const [row] = await rows<{ has: boolean }>(db.pool, { name: 'view_has_purse', text }, [shopId]);
  return row?.has ?? false;
}
