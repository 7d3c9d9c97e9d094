/**
 * The buyers' side of the truth: every payment that a wallet tried over this simulator and how it
 * ended. A test compares it at the end with what the shop believes. It is written from what the
 * payer learned, never from the registry's own state.
 */
export type LedgerEntry = {
  hash: string;
  amountMsat: bigint;
  startedAtMs: number;
  endedAtMs: number | null;
  outcome: 'in-flight' | 'paid' | 'refused';
  /** The proof of payment, hex; empty unless paid. */
  preimage: string;
  why: string;
};

export type Ledger = ReturnType<typeof buyersLedger>;

export const buyersLedger = () => {
  const entries: LedgerEntry[] = [];
  const paid = (): LedgerEntry[] => entries.filter((entry) => entry.outcome === 'paid');
  return {
    entries,
    begin: (hash: string, amountMsat: bigint, startedAtMs: number): LedgerEntry => {
      const entry: LedgerEntry = {
        hash,
        amountMsat,
        startedAtMs,
        endedAtMs: null,
        outcome: 'in-flight',
        preimage: '',
        why: '',
      };
      entries.push(entry);
      return entry;
    },
    paid,
    /** What buyers truly paid for this hash. */
    paidMsat: (hash: string): bigint =>
      paid()
        .filter((entry) => entry.hash === hash)
        .reduce((sum, entry) => sum + entry.amountMsat, 0n),
    totalMsat: (): bigint => paid().reduce((sum, entry) => sum + entry.amountMsat, 0n),
  };
};
