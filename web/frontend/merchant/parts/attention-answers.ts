// What a payment asks for, with what a person may answer: the page's copy of `core/attention.ts`.
import type { AnswerWord } from './answer-dialog.tsx';

export const answers = {
  stranded: [],
  overpaid: ['given_back', 'kept'],
  untold: [],
  cancelled_paid: ['seen_to'],
  not_cancelled: ['seen_to'],
  marked_too_much: ['seen_to'],
  too_little: ['seen_to'],
  not_charged: ['seen_to'],
  refund_untold: ['seen_to'],
  refund_undone: ['seen_to'],
  refund_unread: ['seen_to'],
  node_gone: ['never_paid', 'seen_paid'],
  hold_lost: ['never_paid', 'seen_paid'],
  other: [],
} as const satisfies Record<string, readonly AnswerWord[]>;
export type Asks = keyof typeof answers;

/** What a newer server asks for is shown as something to look at. */
export const asksOf = (attention: string): Asks =>
  Object.hasOwn(answers, attention) ? (attention as Asks) : 'other';
