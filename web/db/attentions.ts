// What a person answers when a payment asks for one. The row is locked before it is read: a second
// payment that comes in that moment asks anew, and is not answered unseen.
import type { Answer, Answerable, GoneAnswer, NodeQuestion } from '../core/attention.ts';
import { accountOf } from '../core/ledger.ts';
import { msat, type Msat } from '../core/money.ts';
import { sayMoved } from './announce.ts';
import { rows, transaction, type Database, type Queryable } from './database.ts';
import { note } from './history.ts';
import { movePayment } from './payments.ts';
import { freeGroup } from './sessions.ts';

/** What of a payment is to be given back, and all that ever was, in msat. */
export async function overpaidOf(
  on: Queryable,
  about: { shopId: number; paymentId: string },
): Promise<{ owedMsat: Msat; cameMsat: Msat }> {
  const [row] = await rows<{ owed: string; came: string }>(
    on,
    {
      name: 'payment_overpaid',
      text: `
        select
          coalesce(sum(case when to_account = $2 then amount_msat else 0 end), 0)::text as came,
          coalesce(sum(case when to_account = $2 then amount_msat else -amount_msat end), 0)::text
            as owed
        from posting where payment_id = $1::uuid and $2 in (to_account, from_account)`,
    },
    [about.paymentId, accountOf('overpaid', about.shopId)],
  );
  return { owedMsat: msat(BigInt(row?.owed ?? 0)), cameMsat: msat(BigInt(row?.came ?? 0)) };
}

/**
 * Ends what a payment asks for. False: it asks for something else by now, or another amount is to
 * be given back than the person saw. A stranded payment is settled by hand instead.
 */
export const endAttention = (
  db: Database,
  about: {
    shopId: number;
    paymentId: string;
    attention: Answerable;
    answer: Answer;
    /** What the person saw as to be given back, in msat; zero where the question is another. */
    seenMsat: Msat;
    by: string;
  },
): Promise<boolean> =>
  transaction(db, async (on) => {
    const { shopId, paymentId, attention, answer, seenMsat, by } = about;
    const [asking] = await rows<{ link: string }>(
      on,
      {
        name: 'payment_asking',
        text: `
          select link from payment where id = $1::uuid and shop_id = $2 and attention = $3
            and state <> 'stranded' for no key update`,
      },
      [paymentId, shopId, attention],
    );
    if (asking === undefined) return false;
    const { owedMsat, cameMsat } = await overpaidOf(on, { shopId, paymentId });
    const isAboutMoney = answer !== 'seen_to';
    if (isAboutMoney && owedMsat !== seenMsat) return false;
    await rows(
      on,
      {
        name: 'payment_answered',
        text: `
          with answered as (
            update payment set attention = $2 where id = $1::uuid returning id),
          line as (
            insert into history (payment_id, what, because, details)
            select id, $3, '', $4::jsonb from answered)
          insert into posting (payment_id, journal, from_account, to_account, amount_msat)
          select id, $5, $6, $7, $8::bigint from answered where $8::bigint > 0`,
      },
      [
        paymentId,
        // Of two questions one is answered: what is to be given back is asked for by itself.
        !isAboutMoney && owedMsat > 0n ? 'overpaid' : null,
        answer,
        JSON.stringify({ attention, by }),
        // All that ever came grows with each payment, so no two answers share a key.
        `answer:${paymentId}:${String(cameMsat)}`,
        accountOf('overpaid', shopId),
        accountOf(answer === 'kept' ? 'kept' : 'given_back', shopId),
        isAboutMoney ? owedMsat : 0n,
      ],
    );
    sayMoved(on, [asking.link]);
    return true;
  });

/**
 * The node was told to charge what it held, and the money came: Shopify hears that its capture went
 * well, though our books know of no money.
 */
async function answerCaptures(on: Queryable, paymentId: string): Promise<void> {
  const answered = await rows(
    on,
    {
      name: 'node_gone_captured',
      text: `
        update hold_request r set state = 'answered', outcome = 'captured', due_at = now()
        from payment p
        where r.payment_id = $1::uuid and r.kind = 'capture' and r.state = 'capturing'
          and p.id = r.payment_id and p.origin = 'payment_session' returning r.id`,
    },
    [paymentId],
  );
  if (answered.length > 0) {
    await note(on, paymentId, { what: 'hold_answered', because: 'captured' });
  }
}

/**
 * A person says whether an invoice was paid at a node that cannot say so: it is gone, or has lost
 * what it held. It ends without the node's word: should the node come back and know better, what
 * was paid is recorded all the same. Never paid: an open payment waits for a fresh invoice. Seen as
 * paid: the payment is over, for its order was settled by hand. False: it does not ask for that any
 * more, or its node is back.
 */
export const endNodeGone = (
  db: Database,
  about: {
    shopId: number;
    paymentId: string;
    attention: NodeQuestion;
    answer: GoneAnswer;
    by: string;
  },
): Promise<boolean> =>
  transaction(db, async (on) => {
    const { shopId, paymentId, attention, answer, by } = about;
    const [asking] = await rows<{ link: string; state: string }>(
      on,
      {
        name: 'node_gone_asking',
        text: `
          select link, state::text from payment
          where id = $1::uuid and shop_id = $2 and attention = $3
            and state in ('open', 'held', 'closing') for no key update`,
      },
      [paymentId, shopId, attention],
    );
    if (asking === undefined) return false;
    const ended = await rows<{ hash: string }>(
      on,
      {
        name: 'node_gone_ended',
        text: `
          update invoice i set state = 'canceled', due_at = null, lease_until = null,
            sealed_preimage = null, ending = coalesce(i.ending, 'order_over')
          from node n
          where i.payment_id = $1::uuid and i.state in ('made', 'live') and n.id = i.node_id
            and case when $2 = 'hold_lost' then i.held_at is not null
              else n.retired_at is not null and n.sealed_credential is null end
          returning encode(i.hash, 'hex') as hash`,
      },
      [paymentId, attention],
    );
    const [invoice] = ended;
    if (invoice === undefined) return false;
    await rows(
      on,
      {
        name: 'node_gone_answered',
        text: 'update payment set attention = null where id = $1::uuid',
      },
      [paymentId],
    );
    await note(on, paymentId, { what: answer, details: { hash: invoice.hash, by } });
    if (answer === 'seen_paid') await answerCaptures(on, paymentId);
    if (answer === 'seen_paid' && asking.state === 'open') {
      await movePayment(on, { paymentId, because: answer, move: { from: 'open', to: 'closing' } });
    }
    await movePayment(on, { paymentId, because: answer, move: { from: 'closing', to: 'lapsed' } });
    await movePayment(on, { paymentId, because: answer, move: { from: 'held', to: 'lapsed' } });
    if (answer === 'never_paid') await freeGroup(on, paymentId, { unlessAuthorized: true });
    sayMoved(on, [asking.link]);
    return true;
  });
