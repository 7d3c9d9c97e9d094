// What a merchant wishes about shares: whether there are any, by which rules, and when they are
// paid out. What was booked before stays what it was.
import { msat, MSAT_PER_SAT } from '../core/money.ts';
import { readPayAddress } from '../core/pay-address.ts';
import { readPart, type ShareAmount, type ShareRefusal } from '../core/share.ts';
import type { Database } from '../db/database.ts';
import { addShareRule as add, endShareRule as end, storeShareTerms } from '../db/shares.ts';
import type { Log } from './flow.ts';

type About = { db: Database; log: Log };
type Who = { shopId: number; staffId: string | undefined };
export type SharesChanged = { ok: true } | { ok: false; refusal: ShareRefusal };
const refuse = (refusal: ShareRefusal): SharesChanged => ({ ok: false, refusal });

/** Up to a hundred bitcoin: more than a channel holds. */
function readSats(text: string): ReturnType<typeof msat> | undefined {
  const digits = text.trim();
  if (!/^\d{1,10}$/.test(digits)) return undefined;
  const amount = msat(BigInt(digits) * MSAT_PER_SAT);
  return amount > 0n && amount <= 10_000_000_000n * MSAT_PER_SAT ? amount : undefined;
}

export async function changeShareTerms(
  { db, log }: About,
  asked: Who & { isOn: boolean; isPaused: boolean; leastSats: string },
): Promise<SharesChanged> {
  const { shopId, isOn: sharesOn, isPaused: paused } = asked;
  const leastMsat = readSats(asked.leastSats);
  if (leastMsat === undefined) return refuse('amount_unreadable');
  await storeShareTerms(db, { shopId, sharesOn, paused, leastMsat });
  log.info({ shopId, staffId: asked.staffId, sharesOn, paused }, 'shares.terms');
  return { ok: true };
}

export async function addShareRule(
  { db, log }: About,
  asked: Who & {
    name: string;
    address: string;
    vendor: string;
    kind: 'part' | 'fixed';
    amount: string;
  },
): Promise<SharesChanged> {
  const { shopId, staffId, kind } = asked;
  const [name, vendor] = [asked.name.trim(), asked.vendor.trim()];
  if (name === '') return refuse('name_wanted');
  const address = readPayAddress(asked.address);
  if (address === undefined) return refuse('address_unreadable');
  const amount = kind === 'part' ? partOf(asked.amount) : fixedOf(asked.amount);
  if (amount === undefined)
    return refuse(kind === 'part' ? 'part_unreadable' : 'amount_unreadable');
  const rule = { shopId, name, address, amount, by: staffId };
  const refusal = await add(db, { ...rule, vendor: vendor === '' ? null : vendor });
  if (refusal !== undefined) return refuse(refusal);
  log.info({ shopId, staffId }, 'shares.rule_added');
  return { ok: true };
}

function partOf(text: string): ShareAmount | undefined {
  const partBp = readPart(text.replace(/\s*%$/, ''));
  return partBp === undefined ? undefined : { partBp };
}

function fixedOf(text: string): ShareAmount | undefined {
  const fixedMsat = readSats(text);
  return fixedMsat === undefined ? undefined : { fixedMsat };
}

export async function endShareRule(
  { db, log }: About,
  asked: Who & { ruleId: bigint },
): Promise<SharesChanged> {
  const { shopId, staffId, ruleId } = asked;
  if (!(await end(db, { shopId, ruleId, by: staffId }))) return refuse('unknown_rule');
  log.info({ shopId, staffId, ruleId: ruleId.toString() }, 'shares.rule_ended');
  return { ok: true };
}
