// All guards that are taken out one at a time: `npm run mutants`.
import { ofLateMoney } from './of-late-money.ts';
import { ofTheDatabase } from './of-the-database.ts';
import { ofTheDoors } from './of-the-doors.ts';
import { ofTheHolds } from './of-the-holds.ts';
import { ofTheMoney } from './of-the-money.ts';
import { ofTheRefunds } from './of-the-refunds.ts';
import { ofTheRewards } from './of-the-rewards.ts';
import { ofTheShares } from './of-the-shares.ts';
import { ofTheWay } from './of-the-way.ts';
import type { Mutant } from './mutant.ts';

export const mutants: readonly Mutant[] = [
  ...ofTheDatabase,
  ...ofTheMoney,
  ...ofTheWay,
  ...ofTheDoors,
  ...ofTheRefunds,
  ...ofTheRewards,
  ...ofTheShares,
  ...ofTheHolds,
  ...ofLateMoney,
];
