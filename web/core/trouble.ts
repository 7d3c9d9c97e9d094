// Trouble: the outside failed. It is thrown, it is one class, and its `then` is the only thing that
// decides whether somebody tries again. A time-out is never a failure: it is `ask_again`.

/**
 * - `retry`: surely nothing happened; doing the same again is safe.
 * - `ask_again`: it may have happened; look before acting.
 * - `give_up`: a final no; repeating it changes nothing.
 */
export type Then = 'retry' | 'ask_again' | 'give_up';

/** Whom the trouble is with. `node` and `shop` have lanes, and a lane with trouble is paused. */
export type From = 'node' | 'shop' | 'rates' | 'database' | 'alert';

export class Trouble extends Error {
  override readonly name = 'Trouble';
  readonly from: From;
  readonly then: Then;
  /** A word for people and tables, such as `throttled` or `certificate_changed`. */
  readonly what: string;
  /** How long the outside asked us to wait, in milliseconds. */
  readonly waitMs: number | undefined;
  /**
   * True when the whole outside is away or full, so that its lane pauses and no attempt is burnt.
   */
  readonly away: boolean;

  constructor(
    what: string,
    about: {
      from: From;
      then: Then;
      away?: boolean;
      waitMs?: number;
      message?: string;
      cause?: unknown;
    },
  ) {
    super(about.message ?? what, about.cause === undefined ? {} : { cause: about.cause });
    this.what = what;
    this.from = about.from;
    this.then = about.then;
    this.away = about.away ?? about.then === 'retry';
    this.waitMs = about.waitMs;
  }
}

/** A defect: we are wrong. The step fails loudly, the row stays, a person is called. */
export class Defect extends Error {
  override readonly name = 'Defect';
}

export function assert(truth: unknown, otherwise: string): asserts truth {
  if (!truth) throw new Defect(otherwise);
}

/** For the end of an exhaustive switch: a value that the types say cannot exist. */
export function unreachable(value: never): never {
  throw new Defect(`unreachable: ${String(value)}`);
}
