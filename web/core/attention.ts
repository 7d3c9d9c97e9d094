// What a payment asks a person for when neither the node nor Shopify can say more, and what that
// person may answer. What is not here ends by itself, or by `settle-by-hand` when it is stranded.

/** Asked for, and the answers that end it. */
export const answersTo = {
  /** More came than was owed: it went back to the buyer, or the buyer leaves it to the shop. */
  overpaid: ['given_back', 'kept'],
  cancelled_paid: ['seen_to'],
  not_cancelled: ['seen_to'],
  /** The order grew while it was marked, so Shopify has more of it as paid than was paid. */
  marked_too_much: ['seen_to'],
  /** The node calls the invoice settled with less than it asked for; the money is no payment. */
  too_little: ['seen_to'],
  /** Staff wanted to charge what was held, and it went back before the node could be asked. */
  not_charged: ['seen_to'],
  /** A refund session is over, and Shopify does not take our word for it. */
  refund_untold: ['seen_to'],
  /** A refund that somebody of the shop wanted came to nothing: its buyer got no sats for it. */
  refund_undone: ['seen_to'],
  /** Something was refunded in Shopify, of an order so old that Shopify does not show it to us. */
  refund_unread: ['seen_to'],
  /** Only a node that is gone knows: a person says what became of its invoice. */
  node_gone: ['never_paid', 'seen_paid'],
  /** The node that held its money knows nothing of it any more: a person says what became of it. */
  hold_lost: ['never_paid', 'seen_paid'],
} as const satisfies Record<string, readonly string[]>;
export type Answerable = keyof typeof answersTo;
export type Answer = (typeof answersTo)[Answerable][number];

/** Only the node would know, and it cannot say. */
export type NodeQuestion = 'node_gone' | 'hold_lost';
export const isNodeQuestion = (attention: Answerable): attention is NodeQuestion =>
  attention === 'node_gone' || attention === 'hold_lost';

/** What a person may say of a node that cannot. */
export type GoneAnswer = (typeof answersTo)['node_gone'][number];
export const isGoneAnswer = (answer: Answer): answer is GoneAnswer =>
  (answersTo.node_gone as readonly Answer[]).includes(answer);

export const isAnswerable = (attention: string): attention is Answerable =>
  Object.hasOwn(answersTo, attention);

/** Whether this may be said to that. */
export const mayAnswer = (attention: Answerable, answer: Answer): boolean =>
  (answersTo[attention] as readonly Answer[]).includes(answer);
