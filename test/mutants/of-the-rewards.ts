// Guards of what buyers get back by rule: booked once, within a fifth of what came, smaller with a
// refund of its order, and paid as what was booked.
import { database, edit, rewritten, source, type Mutant } from './mutant.ts';

/** The booking of what a reward grows or shrinks by, with some of it changed. */
const aside = (find: string, replace: string): string =>
  rewritten(
    {
      migration: '20261122220716_growth_from_what_is_there',
      create: 'create function set_aside(',
    },
    [find, replace],
  );

const rewards = 'web/db/rewards.ts';
const refunds = 'web/db/refunds.ts';
const ofRewards = 'test/flows/rewards.test.ts';
const byTheDatabase = 'the database refuses a second one, and one of more than a fifth';
const withARefund = 'takes a part before it is claimed, and gives it again';
const moreThanCame = 'that took more sats than came leaves nothing to grow from';

const booked: readonly Mutant[] = [
  database({
    id: 'X101',
    guard: 'a reward is at most a fifth of what Shopify accepted, by the database',
    sql: 'drop trigger reward_cap on reward;',
    ...{ test: ofRewards, named: byTheDatabase },
  }),
  database({
    id: 'X102',
    guard: 'a payment has one reward, by the database',
    sql: 'drop index reward_payment_id_key;',
    ...{ test: ofRewards, named: byTheDatabase },
  }),
  source(
    {
      id: 'X103',
      guard: 'of several who book a reward one does: its task is done once',
      ...{ test: ofRewards, named: 'once, whoever of eight on connections of their own' },
    },
    edit(rewards, 'and lease_no = $2 and due_at is not null', 'and lease_no = $2'),
  ),
  source(
    {
      id: 'X104',
      guard: 'who has lost the task of a reward books nothing',
      ...{ test: ofRewards, named: 'by nobody whose lease is over' },
    },
    edit(
      rewards,
      'and lease_no = $2 and due_at is not null',
      'and $2::int is not null and due_at is not null',
    ),
  ),
  source(
    {
      id: 'X105',
      guard: 'the shares of others come before a reward: as the row is read, and as it is booked',
      ...{ test: ofRewards, named: 'after the shares of others, and of what they leave' },
    },
    edit('web/flows/book-reward.ts', 'if (payment.sharesWait) {', 'if (false) {'),
    edit(
      rewards,
      'and not exists (select 1 from share_task s',
      'and true or exists (select 1 from share_task s',
    ),
  ),
  database({
    id: 'X106',
    guard: 'a test payment earns nothing',
    sql: `
      drop trigger reward_task_make on payment;
      create trigger reward_task_make after update on payment for each row
        when (old.state = 'settled' and new.state = 'resolved')
        execute function reward_task_make();`,
    ...{ test: ofRewards, named: 'nothing of a test payment' },
  }),
];

const kept: readonly Mutant[] = [
  database({
    id: 'X107',
    guard: 'a reward stays what was booked, by the database',
    sql: 'drop trigger reward_stays on reward;',
    ...{ test: ofRewards, named: 'nobody writes more into it, or takes it out' },
  }),
  database({
    id: 'X108',
    guard: 'a refund of the order takes its part of a reward that nobody has claimed',
    sql: 'drop trigger reward_follows_refund on refund;',
    ...{ test: ofRewards, named: withARefund },
  }),
  database({
    id: 'X109',
    guard: 'a refund that is withdrawn gives the part of its reward back',
    sql: 'drop trigger reward_follows_withdrawal on refund;',
    ...{ test: ofRewards, named: withARefund },
  }),
  database({
    id: 'X110',
    guard: 'a reward that could not be paid follows what was refunded meanwhile',
    sql: 'drop trigger reward_follows_failed_claim on refund;',
    ...{ test: ofRewards, named: 'while it is claimed waits for what becomes of the claim' },
  }),
  database({
    id: 'X153',
    guard: 'a reward grows from what its payment has left, and beyond that from what the shop adds',
    sql: aside('least(change_msat, greatest(0, there))', 'change_msat'),
    ...{ test: ofRewards, named: moreThanCame },
  }),
  database({
    id: 'X190',
    guard: 'what a refund takes of a reward goes first to where the shop had added to it',
    sql: aside('least(-change_msat, topped_up_for(of_payment, of_shop, whose))', '0'),
    ...{ test: ofRewards, named: moreThanCame },
  }),
  source(
    {
      id: 'X191',
      guard: 'a reward that is over goes first to where the shop had added to it',
      ...{ test: ofRewards, named: moreThanCame },
    },
    edit(refunds, "topped_up_for(w.payment_id, w.shop_id, 'refund:' || w.id::text)", '0::bigint'),
  ),
  database({
    id: 'X111',
    guard: 'the signer pays no more than a fifth of what came as a reward',
    sql: rewritten(
      {
        migration: '20261122214023_day_by_its_end',
        create: 'create or replace function payout_reserve(',
      },
      ['original_msat := original_msat / 5', 'original_msat := original_msat'],
    ),
    ...{ test: ofRewards, named: 'no more than a fifth of what came is paid' },
  }),
  source(
    {
      id: 'X173',
      guard: 'a claimed reward of a cancelled order is over when it cannot be paid',
      ...{ test: ofRewards, named: 'a cancelled order leaves what is claimed' },
    },
    edit(rewards, 'set order_cancelled_at = now()', 'set order_cancelled_at = null'),
  ),
  source(
    {
      id: 'X172',
      guard: 'a reward is no larger because the price fell',
      ...{ test: ofRewards, named: 'no more than a fifth of what came is paid' },
    },
    edit('web/signer/work.ts', 'isReward ? receivedMsat : ', ''),
  ),
];

export const ofTheRewards: readonly Mutant[] = [...booked, ...kept];
