// Why a claim waits, and why a payout ended or goes on: each word with its sentence for the
// operator and the merchant.

export const payoutWords = {
  // Before it is begun.
  paused: 'Paying back is paused.',
  purse_changed:
    'The stored ceilings or the node are not those that the signer sealed: set the ceilings again.',
  purse_short:
    'The paying credential has ended, or lacks a permission that it needs: connect it anew.',
  purse_unreadable: 'The paying credential cannot be opened with the keys of the signer.',
  above_per_payment: 'It is more than one payment may be.',
  above_per_order: 'Together with what was paid back before, it is more than an order may get.',
  above_per_day: 'The ceiling of 24 hours is reached. It is paid when there is room again.',
  above_received:
    'It is more than the node received, with what the purse may add where the price fell.',
  original_unknown: 'The paying node does not know the payment that is to be given back.',
  original_unpaid: 'The paying node says that the payment that is to be given back was not paid.',
  original_elsewhere: 'The payment came to another node than the one that pays.',
  test_money: 'It is a refund of a test, and this purse holds real money.',
  // Of the request.
  request_unreadable: 'The request cannot be read.',
  request_unsupported: 'The request asks for something that cannot be paid.',
  request_expired: 'The request has run out.',
  wrong_amount: 'The request is about another amount.',
  wrong_hash: 'The request is not the one that was stored.',
  other_network: 'The request is of another network.',
  own_invoice: 'The request asks the paying node to pay itself.',
  // Under way.
  reserved: 'The money is set aside.',
  reserved_unseen: 'The money is set aside; the payment that is given back was not looked up.',
  sent: 'The node was asked to pay.',
  in_flight: 'The money is on its way. It may take until its deadline, which can be days.',
  no_balance: 'The node has not enough money in its channels.',
  no_route: 'The node found no way to the buyer within the limit for fees.',
  not_recorded: 'The node has no record of it.',
  unsure: 'The node did not say what became of it.',
  sent_elsewhere:
    'Another node than the purse has now was asked to pay it: connect that one again, so that it ' +
    'can say what became of it. Where it is gone for good, the operator may: ' +
    'zaptill purse conclude.',
  node_forgot:
    'The node has lost its records since it was asked, as after a restore from a seed or a copy, ' +
    'so nobody can say whether it paid. The operator may: zaptill purse conclude.',
  preimage_wrong: 'The node says that it was paid, and its proof is wrong: a person must look.',
  fee_above_limit: 'The node paid a higher fee than it was allowed to.',
  // The end.
  paid: 'Paid.',
  tried_for_long: 'It could not be paid for a week.',
  not_begun: 'The node does not begin to pay this request.',
  rejected: "The buyer's wallet refused it.",
  paid_by_word: 'Paid, as its preimage shows that the operator gave.',
  not_paid_by_word: 'The operator said that its node, which is gone, did not pay it.',
} as const satisfies Record<string, string>;
export type PayoutWord = keyof typeof payoutWords;

/** The sentence of a word of this table or of the error table of nodes. */
export const isPayoutWord = (word: string): word is PayoutWord => word in payoutWords;
