// Guards that are broken on purpose, from outside: the storm must miss each of them, or it is
// blind. What is broken is an outsider, or this world's own database; the program stays as it is.
import type { Parts, Sabotage } from './world.ts';

/** An adapter that takes its own cancel call for the node's word: the node never heard of it. */
const cancelIsBelieved: Sabotage = ({ nodes }: Parts) => {
  for (const { port } of nodes.values()) {
    const asked = new Set<string>();
    const { lookInvoice } = port;
    port.askToCancel = (hash) => {
      asked.add(hash);
      return Promise.resolve();
    };
    port.lookInvoice = async (hash) => {
      const seen = await lookInvoice(hash);
      if (seen === 'not_found' || !asked.has(hash)) return seen;
      return { ...seen, state: 'canceled', preimage: undefined };
    };
  }
  return Promise.resolve();
};

/** A shop that takes every mark as a new payment, and is told twice on the way. */
const shopPaysTwice: Sabotage = ({ shops }: Parts) => {
  for (const { played } of shops) {
    const { markPaid } = played.storefront;
    played.storefront.markPaid = async (id) => {
      const outcome = await markPaid(id);
      const effect = played.effects.findLast(({ originId }) => originId === id);
      if (outcome.is === 'done' && effect !== undefined) played.effects.push({ ...effect });
      return outcome;
    };
  }
  return Promise.resolve();
};

/** Books in which a line may stand twice, and does. */
const postedTwice: Sabotage = async ({ statements }: Parts) => {
  await statements.ask(`drop index posting_journal_from_account_to_account_key`);
  await statements.ask(`
    create function storm.twice() returns trigger language plpgsql as $$
    begin
      if pg_trigger_depth() = 1 and new.journal like 'settle:%' and new.id % 7 = 0 then
        insert into posting (payment_id, journal, from_account, to_account, amount_msat)
        values (new.payment_id, new.journal, new.from_account, new.to_account, new.amount_msat);
      end if;
      return null;
    end $$`);
  await statements.ask(`
    create trigger twice after insert on posting for each row execute function storm.twice()`);
};

/** Money that was recorded, and whose verdict nobody is ever reminded of. */
const dueTimeLost: Sabotage = async ({ statements }: Parts) => {
  await statements.ask(`
    create function storm.forget() returns trigger language plpgsql as $$
    begin
      if new.state = 'settled' and old.state <> 'settled' and right(new.id::text, 1) < '2' then
        new.due_at := null;
      end if;
      return new;
    end $$`);
  await statements.ask(`
    create trigger forget before update on payment for each row execute function storm.forget()`);
};

/** A signer's adapter that loses each third answer, and takes silence for a no. */
const silenceIsNo: Sabotage = ({ purses }: Parts) => {
  for (const { payer } of purses.values()) {
    const { pay } = payer;
    let answers = 0;
    payer.pay = async (ask) => {
      const sent = await pay(ask);
      answers += 1;
      const isSilent = sent.is === 'unsure' || answers % 3 === 0;
      return isSilent ? { is: 'refused', because: 'rejected' } : sent;
    };
  }
  return Promise.resolve();
};

/** Books that forget what a way cost. */
const feesForgotten: Sabotage = async ({ statements }: Parts) => {
  await statements.ask(`
    create function storm.no_fees() returns trigger language plpgsql as $$
    begin
      if new.state = 'paid' then new.fee_msat := 0; end if;
      return new;
    end $$`);
  await statements.ask(`
    create trigger a_no_fees before update on payout
    for each row execute function storm.no_fees()`);
};

/** Books in which a refund of the order leaves its reward as it was. */
const rewardsStayWhole: Sabotage = async ({ statements }: Parts) => {
  await statements.ask('drop trigger reward_follows_refund on refund');
};

export const sabotages = {
  cancel_is_believed: cancelIsBelieved,
  shop_pays_twice: shopPaysTwice,
  posted_twice: postedTwice,
  due_time_lost: dueTimeLost,
  silence_is_no: silenceIsNo,
  fees_forgotten: feesForgotten,
  rewards_stay_whole: rewardsStayWhole,
} as const satisfies Record<string, Sabotage>;
export type SabotageName = keyof typeof sabotages;
export const isSabotage = (name: string): name is SabotageName => Object.hasOwn(sabotages, name);
