// The shop's shares: rules, what is owed to whom, the latest payouts, and what staff may change.
import { z } from 'zod';
import { satsOf } from '../../core/money.ts';
import { isShareWord, partText, shareRefusals, shareWords } from '../../core/share.ts';
import * as views from '../../db/views.ts';
import {
  addShareRule,
  changeShareTerms,
  endShareRule,
  type SharesChanged,
} from '../../flows/change-shares.ts';
import type { SharesAnswer } from '../../frontend/shared/shares-api.ts';
import { answerJson } from '../answers.ts';
import type { Doors, Route } from '../doors.ts';
import { iso, merchantRouteOf, type Seen } from './door.ts';

export function shareRoutes(doors: Doors): Route[] {
  const route = merchantRouteOf(doors);
  return [
    route('get', '/api/shares', sharesAnswer),
    route('post', '/api/shares/terms', termsAnswer),
    route('post', '/api/shares/rules', ruleAnswer),
    route('post', '/api/shares/rules/:id/end', endAnswer),
  ];
}

async function sharesAnswer(doors: Doors, { shop, response }: Seen): Promise<void> {
  const { db } = doors.deps;
  const [terms, rules, receivers, batches, canPay] = await Promise.all([
    views.shareTermsOf(db, shop.id),
    views.shareRulesOf(db, shop.id),
    views.shareReceiversOf(db, shop.id),
    views.shareBatchesOf(db, shop.id),
    views.hasPurse(db, shop.id),
  ]);
  const wordOf = (word: string | null) =>
    word === null
      ? null
      : { code: word, sentence: isShareWord(word) ? shareWords[word] : doors.sayPayout(word) };
  const answer: SharesAnswer = {
    isOn: terms.sharesOn,
    isPaused: terms.pausedAt !== null,
    leastSats: satsOf(terms.leastMsat),
    canPay,
    rules: rules.map(({ id, amount, ...rule }) => ({
      ...{ ...rule, id: id.toString() },
      amount:
        'partBp' in amount
          ? { kind: 'part', percent: partText(amount.partBp) }
          : { kind: 'fixed', sats: satsOf(amount.fixedMsat) },
    })),
    receivers: receivers.map(({ id, name, address, word, ...sums }) => ({
      ...{ id: id.toString(), name, address, waits: wordOf(word) },
      owedSats: satsOf(sums.owedMsat),
      underWaySats: satsOf(sums.underWayMsat),
      paidSats: satsOf(sums.paidMsat),
    })),
    batches: batches.map(({ amountMsat, shares, because, givenAt, endedAt, ...batch }) => ({
      ...{ ...batch, sats: satsOf(amountMsat), shares: Number(shares) },
      because: wordOf(because),
      givenAt: givenAt.toISOString(),
      endedAt: iso(endedAt),
    })),
    timeZone: shop.timeZone,
  };
  answerJson(response, 200, answer);
}

function answerChanged({ response }: Seen, changed: SharesChanged): void {
  if (changed.ok) {
    answerJson(response, 200, changed);
    return;
  }
  const { refusal } = changed;
  answerJson(response, 422, { ok: false, refusal, sentence: shareRefusals[refusal] });
}

const unreadable = (seen: Seen): void => {
  answerChanged(seen, { ok: false, refusal: 'unreadable' });
};
const who = ({ shop, staffId }: Seen) => ({ shopId: shop.id, staffId });

const termsForm = z.strictObject({
  isOn: z.boolean(),
  isPaused: z.boolean(),
  leastSats: z.string().max(20),
});

async function termsAnswer(doors: Doors, seen: Seen): Promise<void> {
  const given = termsForm.safeParse(seen.request.body);
  if (!given.success) unreadable(seen);
  else answerChanged(seen, await changeShareTerms(doors.deps, { ...who(seen), ...given.data }));
}

const ruleForm = z.strictObject({
  name: z.string().max(100),
  address: z.string().max(400),
  vendor: z.string().max(255),
  kind: z.enum(['part', 'fixed']),
  amount: z.string().max(20),
});

async function ruleAnswer(doors: Doors, seen: Seen): Promise<void> {
  const given = ruleForm.safeParse(seen.request.body);
  if (!given.success) unreadable(seen);
  else answerChanged(seen, await addShareRule(doors.deps, { ...who(seen), ...given.data }));
}

const idForm = z.string().regex(/^\d{1,18}$/);

async function endAnswer(doors: Doors, seen: Seen): Promise<void> {
  const id = idForm.safeParse(seen.request.params['id']).data ?? '0';
  answerChanged(seen, await endShareRule(doors.deps, { ...who(seen), ruleId: BigInt(id) }));
}
