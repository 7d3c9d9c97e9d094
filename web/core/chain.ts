// The chain of a payment's timeline, as it must be when nothing of it was changed. A line of its
// history or a posting is an entry; `entryText` spells one as the trigger of the database does, and
// `follow` says what does not fit. Hashes are given in: this room reads and computes, no more.

/** What an entry says, as its row has it. Numbers as digits, so that none is rounded. */
export type Entry = {
  paymentId: string;
  /** Counts the entries of the payment from 1. */
  seq: number;
  id: string;
  /** In milliseconds since 1970. */
  atMs: number;
} & (
  | {
      table: 'history';
      what: string;
      from: string | null;
      to: string | null;
      because: string;
      /** JSON, as PostgreSQL prints it. */
      details: string;
    }
  | {
      table: 'posting';
      journal: string;
      fromAccount: string;
      toAccount: string;
      amountMsat: string;
    }
);
export type ChainedEntry = Entry & { chain: Uint8Array };

/** The head of a chain: how many entries there are, and the chain of the last of them. */
export type ChainHead = { entries: number; hash: Uint8Array };

const spelled = (text: string | null): string => (text === null ? 'null' : JSON.stringify(text));

/** One entry in one spelling: its number, and a JSON array of its table and columns. */
export function entryText(entry: Entry): string {
  const { table, id, paymentId, atMs } = entry;
  const own =
    entry.table === 'history'
      ? [
          ...[spelled(entry.what), spelled(entry.from), spelled(entry.to)],
          ...[spelled(entry.because), entry.details],
        ]
      : [
          ...[spelled(entry.journal), spelled(entry.fromAccount), spelled(entry.toAccount)],
          entry.amountMsat,
        ];
  const all = [spelled(table), id, spelled(paymentId), String(atMs), ...own];
  return `${String(entry.seq)} [${all.join(', ')}]`;
}

/** SHA-256 over the parts, one after the other. */
export type Sha256 = (parts: readonly (Uint8Array | string)[]) => Uint8Array;

export const sameBytes = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, at) => byte === b[at]);

/** How a fault names an entry: its number, its table with its id, and what it is about. */
export const nameOf = (entry: Entry): string =>
  `entry ${String(entry.seq)} (${entry.table} ${entry.id}, ` +
  `${entry.table === 'history' ? entry.what : entry.journal})`;

export type Walk = {
  /** The next entry in the order of their numbers. Gives what does not fit, for people. */
  next: (entry: ChainedEntry) => string | undefined;
  /** After the last entry. Null: the payment has no head. */
  end: (head: ChainHead | null) => string | undefined;
  /** How far it fits, and the chain there. */
  readonly head: ChainHead;
};

/** Walks the chain of one payment. After the first fault nothing that follows can fit. */
export function follow(sha256: Sha256): Walk {
  let head: ChainHead = { entries: 0, hash: new Uint8Array(0) };
  return {
    get head() {
      return head;
    },
    next: (entry) => {
      const { seq, chain } = entry;
      if (seq > head.entries + 1) return `entry ${String(head.entries + 1)} is missing`;
      if (seq <= head.entries) return `${nameOf(entry)} stands where another one stands`;
      if (!sameBytes(sha256([head.hash, entryText(entry)]), chain)) {
        return `${nameOf(entry)} is not what was written, or does not follow what is before it`;
      }
      head = { entries: seq, hash: chain };
      return undefined;
    },
    end: (said) => {
      const there = head.entries;
      if (said === null) {
        return there === 0 ? 'it has no entry' : `it has ${String(there)} entries and no head`;
      }
      if (said.entries > there) {
        return (
          `its end is missing: ${String(said.entries)} entries were written, ` +
          `the last one here is entry ${String(there)}`
        );
      }
      if (said.entries < there) {
        return `it has ${String(there)} entries, and ${String(said.entries)} were written`;
      }
      return sameBytes(said.hash, head.hash) ? undefined : 'its head is not that of its last entry';
    },
  };
}

/** A head as a seal covers it. */
export type SealedHead = { sealId: number; paymentId: string; head: ChainHead };

const hex = (bytes: Uint8Array): string =>
  [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');

/** What the keyed hash of a sealed head is over. */
export const sealedHeadText = ({ sealId, paymentId, head }: SealedHead): string =>
  ['zaptill sealed head 1', sealId, paymentId, head.entries, hex(head.hash)].join('\n');

export type Seal = {
  /** 1, 2, 3: none is missing. */
  id: number;
  /** In UTC, such as 2026-11-22. */
  day: string;
  /** How many heads it covers. */
  heads: number;
  /** SHA-256 over their keyed hashes, in the order of payments. */
  digest: Uint8Array;
  /** The keyed hash of the seal before; empty for the first. */
  before: Uint8Array;
};

/** What the keyed hash of a seal is over. */
export const sealText = ({ id, day, heads, digest, before }: Seal): string =>
  ['zaptill chain seal 1', id, day, heads, hex(digest), hex(before)].join('\n');
