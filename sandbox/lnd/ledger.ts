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
  const byHash = new Map<string, LedgerEntry[]>();
  const isPaid = ({ outcome }: LedgerEntry): boolean => outcome === 'paid';
  const sumOf = (some: LedgerEntry[]): bigint =>
    some.reduce((sum, entry) => sum + entry.amountMsat, 0n);
  const of = (hash: string): LedgerEntry[] => byHash.get(hash) ?? [];
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
      byHash.set(hash, [...of(hash), entry]);
      return entry;
    },
    /** Every try for this hash, oldest first. */
    of,
    paid: (): LedgerEntry[] => entries.filter(isPaid),
    /** What buyers truly paid for this hash. */
    paidMsat: (hash: string): bigint => sumOf(of(hash).filter(isPaid)),
    totalMsat: (): bigint => sumOf(entries.filter(isPaid)),
  };
};
