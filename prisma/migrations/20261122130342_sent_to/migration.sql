-- Written by hand. Which node was asked to pay: another one, should the purse have it by then, knows
-- nothing of it, and so can neither end it nor send it again.
alter table payout add column sent_to text;
update payout set sent_to = coalesce(
  (select p.identity from purse p where p.shop_id = purse_of(payout.shop_id)), '')
where state = 'sent';
alter table payout add constraint payout_sent_to check (state <> 'sent' or sent_to is not null);
