// THE PURSE. Pays back what shops owe, and nothing else in the program can: the doors and the pool
// have no code that pays and no credential that could. It listens at no port, speaks with the
// database and with paying nodes alone, and opens its credentials with keys of its own. It must
// never send before it has written down that it will, never send another request for a claim than
// the one that was given, and never take silence for a no.
import { randomBytes } from 'node:crypto';
import type { Clock, Sealer } from '../core/ports.ts';
import { isDatabaseAway, type Database } from '../db/database.ts';
import { allPayoutsAreDue, forgetWaits, openClaims, takeDuePayouts } from '../db/payouts.ts';
import { saySignerReport } from '../db/signer-reports.ts';
import { openBatches } from '../db/share-batches.ts';
import { waitToSign } from '../db/signing.ts';
import { openPayer } from './pay.ts';
import { usualTiming, workClaim, workPayout } from './work.ts';
import type { SignerDeps, SignerLog, Timing } from './work.ts';
import { workBatch } from './work-batch.ts';

/** How much one signer does at once, and for one shop. */
const mostAtOnce = 16;
const mostOfShop = 4;
const forgetEveryMs = 60_000;
/** How often it says that it is there. */
const sayEveryMs = 5_000;

export type Signer = {
  /** This process is the one that signs. */
  isSigning: () => boolean;
  /** Begins nothing more, and returns when what it does has ended or `withinMs` are over. */
  stop: (withinMs?: number) => Promise<void>;
};

export type SignerParts = {
  db: Database;
  log: SignerLog;
  sealer: Sealer;
  clock: Clock;
  allowPrivate: boolean;
  timing?: Partial<Timing>;
  /** How long the node looks for ways, and how long it is listened to, in milliseconds. */
  pay?: { pathfindingMs?: number; payMs?: number; askMs?: number };
  /** Who says that this process signs (`waitToSign`), and what leads to a node (`openPayer`). */
  signing?: typeof waitToSign;
  payerOf?: SignerDeps['payerOf'];
};

type Work = { key: string; shopId: number; run: () => Promise<void>; isTaken?: true };

/** What is worked at the moment. `freed` is called whenever some of it has ended. */
function handsOf(log: SignerLog, freed: () => void) {
  const under = new Map<string, { shopId: number; ended: Promise<void> }>();
  let folded = false;
  const ofShop = (shopId: number): number =>
    [...under.values()].filter((each) => each.shopId === shopId).length;
  return {
    room: (): number => mostAtOnce - under.size,
    full: (): number[] => {
      const shops = new Set([...under.values()].map(({ shopId }) => shopId));
      return [...shops].filter((shopId) => ofShop(shopId) >= mostOfShop);
    },
    /** Begins nothing more, also of what is just being looked for, and waits for the rest. */
    fold: async (): Promise<void> => {
      folded = true;
      await Promise.all([...under.values()].map(({ ended }) => ended));
    },
    begin: ({ key, shopId, run, isTaken }: Work): void => {
      if (folded || under.has(key)) return;
      const isFull = under.size >= mostAtOnce || ofShop(shopId) >= mostOfShop;
      // What was taken from the table is worked, whoever it belongs to: it was due before.
      if (isFull && isTaken !== true) return;
      const ended = run()
        .catch((error: unknown) => {
          const facts = { err: error, work: key };
          if (isDatabaseAway(error)) log.warn(facts, 'signer.database_away');
          else log.error(facts, 'signer.failed');
        })
        .finally(() => {
          under.delete(key);
          freed();
        });
      under.set(key, { shopId, ended });
    },
  };
}

/** Takes in hand what is due and what may be begun. */
async function lookForWork(
  deps: SignerDeps,
  hands: ReturnType<typeof handsOf>,
  state: { forgotAt: number },
): Promise<void> {
  const { db, timing } = deps;
  const room = hands.room();
  if (room <= 0) return;
  const due = { limit: room, leaseMs: timing.leaseMs, ofPurse: mostOfShop, without: hands.full() };
  for (const payout of await takeDuePayouts(db, due)) {
    const { shopId, claimId } = payout;
    const run = (): Promise<void> => workPayout(deps, payout);
    hands.begin({ key: `claim ${claimId.toString()}`, shopId, isTaken: true, run });
  }
  for (const claim of await openClaims(db, 4 * mostAtOnce, mostOfShop)) {
    const run = (): Promise<void> => workClaim(deps, claim);
    hands.begin({ key: `claim ${claim.id.toString()}`, shopId: claim.shopId, run });
  }
  for (const batch of await openBatches(db, 4 * mostAtOnce, mostOfShop)) {
    const run = (): Promise<void> => workBatch(deps, batch);
    hands.begin({ key: `claim ${batch.id.toString()}`, shopId: batch.shopId, run });
  }
  if (Date.now() - state.forgotAt < forgetEveryMs) return;
  state.forgotAt = Date.now();
  await forgetWaits(db);
}

/** Nobody can ask it how it is: it says so, for the operator's metrics. */
function sayAgainAndAgain(db: Database, log: SignerLog, signs: () => boolean): NodeJS.Timeout {
  const signer = `signer-${randomBytes(9).toString('hex')}`;
  let underWay = false;
  return setInterval(() => {
    if (underWay) return;
    underWay = true;
    void saySignerReport(db, { signer, signs: signs() })
      .catch((error: unknown) => {
        if (!isDatabaseAway(error)) log.warn({ err: error }, 'signer.not_reported');
      })
      .finally(() => {
        underWay = false;
      });
  }, sayEveryMs).unref();
}

/** Works until it is stopped. */
export function startSigner(parts: SignerParts): Signer {
  const { db, log, sealer, clock, allowPrivate, pay = {} } = parts;
  const timing = { ...usualTiming, ...parts.timing };
  const deps: SignerDeps = {
    ...{ db, log, sealer, clock, timing },
    payerOf: parts.payerOf ?? ((options) => openPayer({ ...options, ...pay, allowPrivate })),
  };
  const hands = handsOf(log, () => {
    wake();
  });
  const state = { signs: false, stopped: false, again: false, looking: false, forgotAt: 0 };
  let timer: NodeJS.Timeout | undefined;

  const wake = (): void => {
    if (!state.signs || state.stopped) return;
    if (state.looking) {
      state.again = true;
      return;
    }
    state.looking = true;
    clearTimeout(timer);
    void lookForWork(deps, hands, state)
      .catch((error: unknown) => {
        log.warn({ err: error }, 'signer.look_failed');
      })
      .finally(() => {
        state.looking = false;
        const soon = state.again;
        state.again = false;
        if (state.stopped) return;
        timer = setTimeout(wake, soon ? 0 : timing.pollMs);
      });
  };
  const signing = (parts.signing ?? waitToSign)(db.url, {
    began: () => {
      state.signs = true;
      log.info({}, 'signer.signs');
      // Nobody else works: what a dead signer had in its hands need not wait for its lease.
      void allPayoutsAreDue(db)
        .catch((error: unknown) => {
          log.warn({ err: error }, 'signer.look_failed');
        })
        .finally(wake);
    },
    over: () => {
      state.signs = false;
      clearTimeout(timer);
      log.warn({}, 'signer.no_longer_signs');
    },
    heard: wake,
  });
  const telling = sayAgainAndAgain(db, log, () => state.signs);
  return {
    isSigning: () => state.signs,
    stop: async (withinMs = 8_000) => {
      state.stopped = true;
      clearTimeout(timer);
      clearInterval(telling);
      const over = new Promise<void>((resolve) => {
        setTimeout(resolve, withinMs).unref();
      });
      await Promise.race([hands.fold(), over]);
      await signing.close();
    },
  };
}
