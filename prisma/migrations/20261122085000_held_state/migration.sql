-- Written by hand: a value of a type may be used by the transactions after the one that adds it.
ALTER TYPE "payment_state" ADD VALUE 'held';
