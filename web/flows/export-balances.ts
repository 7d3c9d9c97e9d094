// The accounts of a shop over a time as a file: a trial balance.
import { meaningOfAccount } from '../core/ledger.ts';
import type { BalanceLine } from '../db/views/balances.ts';
import { msat, satsOf } from '../core/money.ts';
import type { Columns } from './export-file.ts';

const signedSats = (amount: bigint): string =>
  amount < 0n ? `-${satsOf(msat(-amount))}` : satsOf(msat(amount));

export const balanceColumns: Columns<BalanceLine> = {
  account: ({ account }) => account,
  account_means: ({ account }) => meaningOfAccount(account),
  account_booked: ({ booked }) => (booked ? 'yes' : 'no'),
  opening_msat: ({ opening_msat }) => opening_msat,
  in_msat: ({ in_msat }) => in_msat,
  out_msat: ({ out_msat }) => out_msat,
  closing_msat: ({ closing_msat }) => closing_msat,
  closing_sats: ({ closing_msat }) => signedSats(BigInt(closing_msat)),
};
