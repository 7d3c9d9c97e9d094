// The signer, played as a process of the world: its own loop and steps, with a played lock on who
// signs and played nodes that pay. It is killed before and behind each of its statements and calls:
// at those at which nobody has died yet, mostly.
import { startSigner } from '../../web/signer/loop.ts';
import type { SignerLog } from '../../web/signer/work.ts';
import { startDoors, type Place, type Process } from './processes.ts';
import type { Draws } from './draws.ts';
import type { Purse } from './purse.ts';
import type { Statements } from './statements.ts';
import type { Owner, Timeline } from './time.ts';

export type SignerProcess = Process & {
  /** The database lets go of its session; it notices later. */
  cut: (noticesAfterMs: number) => void;
};
type Said = { began: () => void; over: () => void; heard: () => void };

const againMs = 1_000;

const signersLog = (log: Process['deps']['log']): SignerLog => ({
  info: (facts, event) => log.info({ ...facts }, event),
  warn: (facts, event) => log.warn({ ...facts }, event),
  error: (facts, event) => log.error({ ...facts }, event),
});

/** One session has the lock, whoever asks. A cut one goes on with what it has in its hands. */
function lockOf(about: { statements: Statements; timeline: Timeline; owner: Owner }) {
  const { statements, timeline, owner } = about;
  let signs = false;
  let said: Said | undefined;
  const asked = statements.asksFor(owner);
  const ask = async (): Promise<void> => {
    const session = await asked;
    const text = 'select pg_try_advisory_lock(5110021) as taken';
    const [row] = (await session<{ taken: boolean }>(text, [])) ?? [];
    signs = row?.taken === true;
    if (signs) said?.began();
    else later();
  };
  // A task must not wait for another one.
  const later = (): void => void timeline.plan(againMs, owner, () => void ask());
  return {
    signing: (_url: string, on: Said) => {
      said = on;
      later();
      return { close: () => Promise.resolve() };
    },
    cut: (noticesAfterMs: number): void => {
      if (!signs) return;
      signs = false;
      const free = async (): Promise<unknown> =>
        (await asked)('select pg_advisory_unlock_all()', []);
      timeline.plan(0, owner, () => void free());
      timeline.plan(noticesAfterMs, owner, () => {
        said?.over();
        later();
      });
    },
  };
}

/** `purses`: by the address of their node. */
export function startStormSigner(
  place: Place,
  name: string,
  purses: ReadonlyMap<string, Purse>,
): SignerProcess {
  const { timeline, statements, say } = place;
  const { owner, deps } = startDoors(place, name);
  const lock = lockOf({ statements, timeline, owner });
  timeline.as(owner, () => {
    startSigner({
      ...{ db: deps.db, log: signersLog(deps.log), sealer: deps.sealer, clock: deps.clock },
      ...{ allowPrivate: false, signing: lock.signing },
      payerOf: ({ address }) => {
        const purse = purses.get(address);
        if (purse === undefined) throw new Error(`nobody pays at ${address}`);
        return purse.payer;
      },
    });
  });
  say(`${name} started`);
  return { owner, deps, cut: lock.cut };
}

/** What a signer passes where it matters whether it goes on. */
const isPoint = (what: string): boolean => /^(payout_|purse_met|call )/.test(what);

/** Who dies where. `kill` takes the process away at once. */
export function deaths(about: {
  draws: Draws;
  isStormy: () => boolean;
  kill: (owner: Owner) => void;
}) {
  const at = new Map<string, number>();
  return {
    /** How often a signer died at each moment. */
    at,
    pass: (owner: Owner | undefined, what: string, side: 'before' | 'after'): void => {
      const isOurs = owner?.alive === true && owner.name.startsWith('signer');
      if (!isOurs || !isPoint(what) || !about.isStormy()) return;
      const moment = `${what} ${side}`;
      const times = at.get(moment) ?? 0;
      if (!about.draws.chance(times === 0 ? 0.2 : 0.01)) return;
      at.set(moment, times + 1);
      about.kill(owner);
    },
  };
}
