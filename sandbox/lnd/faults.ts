/**
 * What can be made to go wrong at the simulated node: per method, on the wire, on streams, and in
 * what it claims.
 *
 * Each of these has been seen on a real node or is what a malicious "node" could do. Everything is
 * off by default.
 */
export type MethodFault =
  /** Answers, but later. */
  | { kind: 'delay'; ms: number }
  /** Refuses; nothing was done. */
  | { kind: 'error-before'; code?: number; details?: string }
  /** The work is done, and the answer is an error. */
  | { kind: 'error-after'; code?: number; details?: string }
  /** The work is done, and the connection breaks before the answer. */
  | { kind: 'cut-after' }
  /** The call hangs. `work` says whether the node does what was asked. */
  | { kind: 'never-answer'; work: boolean };

export type Lie = {
  /** Claims this state, with the amounts below, whatever is true. */
  state?: 'OPEN' | 'SETTLED' | 'CANCELED';
  receivedMsat?: bigint;
  /** Claims this secret (hex). */
  secret?: string;
  settleIndex?: number;
};

export type Faults = {
  /** Added to the answer of every call, in milliseconds. */
  latencyMs: number;
  /** Every chunk on the wire, in both directions, comes this much later. */
  slowMs: number;
  /** Streams stay open and say nothing more; what they would have said is lost. */
  silentStreams: boolean;
  /** A stream is cut (error 14) after it has sent this many replayed events. */
  cutReplayAfter: number | null;
  /** Every stream event is sent this many times. */
  eventCopies: number;
  /** Invoices are signed by a key that is not the node's. */
  signsWithOtherKey: boolean;
  /** The request in an invoice is not BOLT11. */
  garbageRequests: boolean;
  /** Bytes of rubbish in the memo of every invoice that is shown. */
  memoBytes: number;
  /** Payers fail for want of balance: the channels are not up yet. */
  channelsDown: boolean;
};

export const noFaults = (): Faults => ({
  latencyMs: 0,
  slowMs: 0,
  silentStreams: false,
  cutReplayAfter: null,
  eventCopies: 1,
  signsWithOtherKey: false,
  garbageRequests: false,
  memoBytes: 0,
  channelsDown: false,
});

/** Faults of single methods, by the method's last name (`AddInvoice`) or `*` for all. */
export const methodFaults = () => {
  const set = new Map<string, { fault: MethodFault; left: number }>();
  return {
    /** `times` calls get the fault; without it, all until `clear`. */
    on: (method: string, fault: MethodFault, times = Infinity): void => {
      set.set(method, { fault, left: times });
    },
    clear: (method?: string): void => {
      if (method === undefined) set.clear();
      else set.delete(method);
    },
    /** The fault for this call, and counts it. */
    take: (method: string): MethodFault | undefined => {
      const key = set.has(method) ? method : '*';
      const entry = set.get(key);
      if (!entry) return undefined;
      entry.left -= 1;
      if (entry.left <= 0) set.delete(key);
      return entry.fault;
    },
    all: (): [string, { fault: MethodFault; left: number }][] => [...set],
  };
};

export type MethodFaults = ReturnType<typeof methodFaults>;
