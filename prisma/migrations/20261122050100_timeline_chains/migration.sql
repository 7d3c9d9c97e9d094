-- Written by hand: the timeline of each payment as a chain, so that an entry which was changed,
-- taken out, put in or moved is found, and so is an end that was cut off.
--
-- An entry is a row of `history` or of `posting`; both tables of a payment are one chain. `seq`
-- counts its entries from 1. `chain` is SHA-256 over the chain of the entry before (nothing for the
-- first) and the entry in one spelling: its number, a space, and a JSON array of the table's name
-- and all columns, times in milliseconds since 1970. web/core/chain.ts spells it once more from the
-- rows and must come to the same.
--
-- `chain_head` says how many entries there are and with which chain they end. Its row is the lock
-- of the chain: whoever writes an entry holds it until the commit, so nothing else may be waited
-- for after it that somebody holds who waits for it. The order of locks is payment, invoice, head;
-- of several payments the smaller id first.

-- AlterTable
ALTER TABLE "history" ADD COLUMN "seq" INTEGER, ADD COLUMN "chain" BYTEA;

-- AlterTable
ALTER TABLE "posting" ADD COLUMN "seq" INTEGER, ADD COLUMN "chain" BYTEA;

-- CreateTable
CREATE TABLE "chain_head" (
    "payment_id" UUID NOT NULL,
    "entries" INTEGER NOT NULL,
    "hash" BYTEA NOT NULL,
    "unsealed" BOOLEAN NOT NULL DEFAULT true,

    CONSTRAINT "chain_head_pkey" PRIMARY KEY ("payment_id")
);
-- A head is written with each entry: room for the next ones on its own page.
alter table chain_head set (fillfactor = 60);

-- What seals cover, made by the program with a key that the database never sees.

-- CreateTable
CREATE TABLE "chain_seal" (
    "id" INTEGER NOT NULL,
    "day" DATE NOT NULL,
    "heads" INTEGER NOT NULL,
    "key_version" INTEGER NOT NULL,
    "mac" BYTEA NOT NULL,
    "made_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "chain_seal_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "sealed_head" (
    "payment_id" UUID NOT NULL,
    "entries" INTEGER NOT NULL,
    "seal_id" INTEGER NOT NULL,
    "key_version" INTEGER NOT NULL,
    "mac" BYTEA NOT NULL,

    CONSTRAINT "sealed_head_pkey" PRIMARY KEY ("payment_id","entries")
);

-- CreateIndex
CREATE UNIQUE INDEX "chain_seal_day_key" ON "chain_seal"("day");

-- CreateIndex
CREATE INDEX "sealed_head_seal_id_payment_id_entries_idx"
  ON "sealed_head"("seal_id", "payment_id", "entries");

-- Only a first entry since the last seal changes this index.
create index chain_head_unsealed on chain_head (payment_id) where unsealed;

create trigger chain_seal_append_only before update or delete on chain_seal
  for each row execute function forbid_change();
create trigger sealed_head_append_only before update or delete on sealed_head
  for each row execute function forbid_change();

-- What is there already, in the order in which it was written. Nobody writes meanwhile.
lock table history, posting in exclusive mode;
alter table history disable trigger history_append_only;
alter table posting disable trigger posting_append_only;
do $$
declare
  each record;
  of_payment uuid;
  n int;
  hash bytea;
begin
  for each in
    select payment_id, at, id, true as is_history, json_build_array('history', id, payment_id,
      (extract(epoch from at) * 1000)::bigint, what, "from", "to", because, details)::text as entry
    from history
    union all
    select payment_id, at, id, false, json_build_array('posting', id, payment_id,
      (extract(epoch from at) * 1000)::bigint, journal, from_account, to_account, amount_msat)::text
    from posting
    order by payment_id, at, is_history desc, id
  loop
    if each.payment_id is distinct from of_payment then
      if of_payment is not null then
        insert into chain_head (payment_id, entries, hash) values (of_payment, n, hash);
      end if;
      of_payment := each.payment_id;
      n := 0;
      hash := '';
    end if;
    n := n + 1;
    hash := sha256(hash || convert_to(n || ' ' || each.entry, 'UTF8'));
    if each.is_history then
      update history set seq = n, chain = hash where id = each.id;
    else
      update posting set seq = n, chain = hash where id = each.id;
    end if;
  end loop;
  if of_payment is not null then
    insert into chain_head (payment_id, entries, hash) values (of_payment, n, hash);
  end if;
end;
$$;
alter table history enable trigger history_append_only;
alter table posting enable trigger posting_append_only;
alter table history alter column seq set not null, alter column chain set not null;
alter table posting alter column seq set not null, alter column chain set not null;

-- Whatever a statement says of `seq` and `chain`, this decides. An entry that follows another is
-- one update by key, and only a first one may meet somebody who writes a first one, too.
create function chain_append() returns trigger language plpgsql as $$
declare
  entry text;
begin
  if tg_table_name = 'history' then
    entry := ' ' || json_build_array('history', new.id, new.payment_id,
      (extract(epoch from new.at) * 1000)::bigint, new.what, new."from", new."to", new.because,
      new.details)::text;
  else
    entry := ' ' || json_build_array('posting', new.id, new.payment_id,
      (extract(epoch from new.at) * 1000)::bigint, new.journal, new.from_account, new.to_account,
      new.amount_msat)::text;
  end if;
  update chain_head h set entries = h.entries + 1, unsealed = true,
    hash = sha256(h.hash || convert_to((h.entries + 1)::text || entry, 'UTF8'))
  where h.payment_id = new.payment_id returning h.entries, h.hash into new.seq, new.chain;
  if not found then
    insert into chain_head as h (payment_id, entries, hash)
    values (new.payment_id, 1, sha256(convert_to('1' || entry, 'UTF8')))
    on conflict (payment_id) do update set entries = h.entries + 1, unsealed = true,
      hash = sha256(h.hash || convert_to((h.entries + 1)::text || entry, 'UTF8'))
    returning h.entries, h.hash into new.seq, new.chain;
  end if;
  return new;
end;
$$;
create trigger history_chain before insert on history
  for each row execute function chain_append();
create trigger posting_chain before insert on posting
  for each row execute function chain_append();
