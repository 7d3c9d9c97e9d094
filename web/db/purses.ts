// What the signer may spend, by shop. Only the signer writes here; the admin reads how a purse
// stands. The sealed credential opens with the signer's own keys and with no others.
import type { Database } from './database.ts';
import { rows } from './database.ts';
import { columnsOf, record, records, type Fields } from './records.ts';

export type PurseRow = {
  shopId: number;
  sealedCredential: Uint8Array;
  address: string;
  /** 33 bytes hex. */
  identity: string;
  network: string;
  rootKeyId: string;
  credentialEndsAt: Date | null;
  looksAtOriginal: boolean;
  perPaymentMsat: bigint;
  perOrderMsat: bigint;
  /** Of any 24 hours, with fees. */
  perDayMsat: bigint;
  feeBaseMsat: bigint;
  feePpm: number;
  /** So much more than was received may be paid back, in millionths. */
  topUpPpm: number;
  connectedAt: Date;
  pausedAt: Date | null;
  trouble: string | null;
  troubleAt: Date | null;
};

const fields: Fields<PurseRow> = {
  ...{ shopId: true, sealedCredential: true, address: true, identity: true, network: true },
  ...{ rootKeyId: true, credentialEndsAt: true, looksAtOriginal: true, perPaymentMsat: true },
  ...{ perOrderMsat: true, perDayMsat: true, feeBaseMsat: true, feePpm: true },
  topUpPpm: true,
  ...{ connectedAt: true, pausedAt: true, trouble: true, troubleAt: true },
};
const columns = columnsOf('p', fields);

/** The one that pays for this shop: a merchant has one for all apps that the shop has. */
export const purseOf = (db: Database, shopId: number): Promise<PurseRow | null> =>
  record<PurseRow>(
    db.pool,
    { name: 'purse_of', text: `select ${columns} from purse p where p.shop_id = purse_of($1)` },
    [shopId],
  );

export type StoredPurse = Omit<PurseRow, 'connectedAt' | 'pausedAt' | 'trouble' | 'troubleAt'>;

/** Another credential or other ceilings for the same shop; a pause stays. */
export async function storePurse(db: Database, purse: StoredPurse): Promise<void> {
  await rows(
    db.pool,
    {
      name: 'purse_store',
      text: `
        insert into purse (shop_id, sealed_credential, address, identity, network, root_key_id,
          credential_ends_at, looks_at_original, per_payment_msat, per_order_msat, per_day_msat,
          fee_base_msat, fee_ppm, top_up_ppm)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
        on conflict (shop_id) do update set
          sealed_credential = excluded.sealed_credential, address = excluded.address,
          identity = excluded.identity, network = excluded.network,
          root_key_id = excluded.root_key_id, credential_ends_at = excluded.credential_ends_at,
          looks_at_original = excluded.looks_at_original,
          per_payment_msat = excluded.per_payment_msat, per_order_msat = excluded.per_order_msat,
          per_day_msat = excluded.per_day_msat, fee_base_msat = excluded.fee_base_msat,
          fee_ppm = excluded.fee_ppm, top_up_ppm = excluded.top_up_ppm,
          connected_at = now(), trouble = null, trouble_at = null`,
    },
    [
      ...[purse.shopId, Buffer.from(purse.sealedCredential), purse.address, purse.identity],
      ...[purse.network, purse.rootKeyId, purse.credentialEndsAt, purse.looksAtOriginal],
      ...[purse.perPaymentMsat, purse.perOrderMsat, purse.perDayMsat],
      ...[purse.feeBaseMsat, purse.feePpm, purse.topUpPpm],
    ],
  );
}

/** A paused purse reserves nothing; what is under way is followed to its end. */
export async function pausePurse(
  db: Database,
  about: { shopId: number; paused: boolean },
): Promise<boolean> {
  const done = await rows(
    db.pool,
    {
      name: 'purse_pause',
      text: `
        update purse set paused_at = case when $2 then coalesce(paused_at, now()) end
        where shop_id = purse_of($1) returning shop_id`,
    },
    [about.shopId, about.paused],
  );
  return done.length === 1;
}

/** How its node was last met: a word of the error table, or null when it answered. */
export async function purseMet(
  db: Database,
  about: { shopId: number; trouble: string | null },
): Promise<void> {
  await rows(
    db.pool,
    {
      name: 'purse_met',
      text: `
        update purse set trouble = $2,
          trouble_at = case when $2::text is null then null else coalesce(trouble_at, now()) end
        where shop_id = purse_of($1) and trouble is distinct from $2`,
    },
    [about.shopId, about.trouble],
  );
}

/** The shops for which the purse of the shop $1 pays. */
const served = `
  array(select o.id from shop s join shop o on o.domain = s.domain
    where s.id = $1::int and purse_of(o.id) = purse_of(s.id))`;

/** What a purse has spent in the last 24 hours, and what it has set aside, in msat with fees. */
export async function spentOf(
  db: Database,
  shopId: number,
): Promise<{ spentMsat: bigint; reservedMsat: bigint; waiting: bigint }> {
  const [row] = await records<{ spentMsat: bigint; reservedMsat: bigint; waiting: bigint }>(
    db.pool,
    {
      name: 'purse_spent',
      text: `
        select
          coalesce(sum(amount_msat + fee_msat) filter (where state = 'paid'), 0)::int8
            as "spentMsat",
          coalesce(sum(amount_msat + fee_limit_msat) filter (where state <> 'paid'), 0)::int8
            as "reservedMsat",
          (select count(*) from payout_wait w where w.shop_id = any(${served})) as waiting
        from payout where shop_id = any(${served}) and (state in ('reserved', 'sent')
          or (state = 'paid' and ended_at > now() - interval '24 h'))`,
    },
    [shopId],
  );
  return row ?? { spentMsat: 0n, reservedMsat: 0n, waiting: 0n };
}
