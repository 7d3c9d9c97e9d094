// What happened to a payment, one line each. `move` lines are written by the statements that move;
// the rest by `note`. Details are for people and never hold a secret.
import type { Queryable } from './database.ts';
import { rows } from './database.ts';

/** The words of a line, with the sentence that `explain` and the merchant's timeline show. */
export const historyWords = {
  opened: 'The order was seen.',
  owed_changed: 'The order owes another amount.',
  quoted: 'A price was promised.',
  quote_refused: 'No price could be promised.',
  invoice_live: 'The invoice is on the node and can be paid.',
  invoice_ending: 'The node was asked to cancel the invoice.',
  invoice_canceled: 'The node says that the invoice is canceled.',
  distrusted: 'The node said something that cannot be true; nothing was changed.',
  moved: 'The payment moved.',
  paid_again: 'More money came for a payment that did not wait for any.',
  tell_began: 'Shopify is being told.',
  tell_refused: 'Shopify refused what it was told.',
  tell_delayed: 'Shopify could not be told.',
  cancel_began: 'Shopify is being asked to cancel the order and to put its goods back.',
  cancel_refused: 'Shopify did not take our word to cancel the order.',
  order_left: 'The order was left as it is.',
  late_left: 'Money that came late was not taken for the order without a person.',
  order_left_paid: 'The order was not cancelled, because money came for it after all.',
  node_gone:
    'The node has been away for two weeks, and its credential was wiped: only it knows whether ' +
    'the invoice was paid.',
  hold_lost:
    'The time of what the node held is over, and it knows nothing of it, as after a restore from ' +
    'an old backup: nobody can say whether the money came.',
  wait_wanted: 'The buyer says that the money is on its way, and went back to the shop.',
  told_to_wait: 'Shopify was told to wait for the money.',
  group_freed: 'The purchase may be paid anew: Shopify took no payment for it.',
  given_back: 'A person gave the buyer back what was too much.',
  kept: 'A person agreed with the buyer that the shop keeps what was too much.',
  seen_to: 'A person has seen to it.',
  never_paid: 'A person says that nobody paid the invoice at the node, which cannot say.',
  seen_paid: 'A person saw the invoice paid at the node, which cannot say.',
  session_asked: 'Shopify asks something of this payment.',
  told_authorized: 'Shopify has it as authorized.',
  capture_wanted: 'It is to be charged.',
  charge_asked: 'A person wants what is held to be charged.',
  let_go_asked: 'A person wants what is held to be given back.',
  hold_answered: 'What was asked of the hold has its answer.',
  refund: 'A refund of this payment went on.',
  share: 'A share of this payment went on.',
} as const satisfies Record<string, string>;
export type HistoryWord = keyof typeof historyWords;

export type Details = Readonly<Record<string, string>>;

/** Writes one line that is not a move. */
export async function note(
  on: Queryable,
  paymentId: string,
  line: { what: Exclude<HistoryWord, 'moved'>; because?: string; details?: Details },
): Promise<void> {
  await rows(
    on,
    {
      name: 'history_note',
      // A line that only says again what the last one said is left out.
      text: `
        insert into history (payment_id, what, because, details)
        select $1::uuid, $2, $3, $4::jsonb
        where not exists (
          select 1 from (
            select what, because from history where payment_id = $1::uuid order by id desc
              limit 1) last
          where what = $2 and because = $3)`,
    },
    [paymentId, line.what, line.because ?? '', JSON.stringify(line.details ?? {})],
  );
}
