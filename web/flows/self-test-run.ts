// One run of the self-test: its hops, each with its time, written down as they begin and as they
// end. A hop that fails ends the run; whatever was thrown becomes a word and a sentence.
import { setTimeout as pause } from 'node:timers/promises';
import {
  freshSteps,
  selfTestEndsMs,
  selfTestSentence,
  type SelfTestCode,
  type SelfTestHop,
  type SelfTestStep,
} from '../core/self-test.ts';
import { Trouble } from '../core/trouble.ts';
import { beginSelfTest, selfTestById, storeSelfTest, type SelfTestRow } from '../db/self-tests.ts';
import type { Deps } from './flow.ts';

type Values = Readonly<Record<string, string>>;

/** The hop failed for a reason that a merchant can read. */
export class HopEnded extends Error {
  readonly code: SelfTestCode;
  readonly values: Values;
  constructor(code: SelfTestCode, values: Values = {}) {
    super(code);
    this.code = code;
    this.values = values;
  }
}

const warning = Symbol('warning');
type Late<T> = { [warning]: SelfTestCode; values: Values; result: T };

/** The end of a hop that did its work and has something to say. */
export const late = <T>(code: SelfTestCode, result: T, values: Values = {}): T =>
  ({ [warning]: code, values, result }) as unknown as T;

const isLate = (ended: unknown): ended is Late<unknown> =>
  typeof ended === 'object' && ended !== null && warning in ended;

/** After this long no further hop begins: the cleaning up needs its time too. */
const hopsEndMs = selfTestEndsMs - 60_000;
const askAgainMs = 150;

/** Asks until it is so. False: it did not come true in time. Throws what the asking throws. */
export async function until(withinMs: number, ask: () => Promise<boolean>): Promise<boolean> {
  const end = performance.now() + withinMs;
  for (;;) {
    if (await ask()) return true;
    if (performance.now() > end) return false;
    await pause(askAgainMs);
  }
}

export type Run = Awaited<ReturnType<typeof beginRun>>;

/** The hops of one run, and how each of them is made. */
function hopsOf(deps: Deps, of: { id: bigint }) {
  const { id } = of;
  const steps = freshSteps();
  const startedAt = performance.now();
  let failed = false;
  const stepOf = (hop: SelfTestHop): SelfTestStep => {
    const step = steps.find((one) => one.hop === hop);
    if (step === undefined) throw new Error(`there is no hop ${hop}`);
    return step;
  };
  const store = (ended = false): Promise<boolean> =>
    storeSelfTest(deps.db, { id, steps, ended, passed: ended && !failed });
  const say = (step: SelfTestStep, code: SelfTestCode, values: Values): void => {
    Object.assign(step, { code, values, sentence: selfTestSentence(code, values) });
  };
  /** Does the work of a hop, and writes down how it went. Throws when the run is over. */
  const hop = async <T>(name: SelfTestHop, work: () => Promise<T>): Promise<T> => {
    const step = stepOf(name);
    const since = performance.now();
    const end = (state: SelfTestStep['state']): Promise<boolean> => {
      Object.assign(step, { state, ms: Math.round(performance.now() - since) });
      return store();
    };
    step.state = 'running';
    await store();
    try {
      if (name !== 'clean_up' && since - startedAt > hopsEndMs) throw new HopEnded('out_of_time');
      const ended = await work();
      if (isLate(ended)) say(step, ended[warning], ended.values);
      await end(isLate(ended) ? 'warned' : 'passed');
      return (isLate(ended) ? ended.result : ended) as T;
    } catch (error) {
      failed = true;
      const { code, values } = reasonOf(deps, { error, runId: id, hop: name });
      say(step, code, values);
      await end('failed');
      throw new HopEnded(code, values);
    }
  };
  const fail = (): void => {
    failed = true;
  };
  const ageMs = (): number => performance.now() - startedAt;
  return { steps, stepOf, store, hop, fail, ageMs, hasFailed: () => failed };
}

export async function beginRun(deps: Deps, shopId: number) {
  const { db, log } = deps;
  const fresh = { shopId, steps: freshSteps(), diesAfterMs: selfTestEndsMs };
  const { id, begun } = await beginSelfTest(db, fresh);
  const { steps, stepOf, store, hop, fail, ageMs, hasFailed } = hopsOf(deps, { id });
  return {
    ...{ id, begun, shopId, steps, hop, ageMs },
    /** What a hop made, written down before anything else can happen. */
    note: async (name: SelfTestHop, made: NonNullable<SelfTestStep['made']>): Promise<void> => {
      stepOf(name).made = made;
      await store();
    },
    /** Work that belongs to a hop before it begins: its failure is that hop's. */
    guarded: async <T>(name: SelfTestHop, work: () => Promise<T>): Promise<T> => {
      let result: T | undefined;
      try {
        result = await work();
      } catch (error) {
        await hop(name, () => Promise.reject(error as Error));
      }
      return result as T;
    },
    /** The whole run, to its stored end. Throws only when the database is away. */
    through: async (go: () => Promise<void>): Promise<SelfTestRow> => {
      try {
        await go();
      } catch (error) {
        fail();
        if (!(error instanceof HopEnded)) {
          log.error({ shopId, err: error }, 'self_test.failed');
        }
      }
      for (const step of steps) if (step.state === 'waiting') step.state = 'skipped';
      await store(true);
      log.info({ shopId, runId: id.toString(), passed: !hasFailed() }, 'self_test.ended');
      return (await selfTestById(db, id)) ?? { ...nobody, id, shopId, steps };
    },
    /** Another process makes it: the run when it has ended, or when its process must be dead. */
    follow: async (): Promise<SelfTestRow> => {
      const hasEnded = async (): Promise<boolean> => (await selfTestById(db, id))?.endedAt !== null;
      await until(selfTestEndsMs, hasEnded);
      return (await selfTestById(db, id)) ?? { ...nobody, id, shopId, steps };
    },
  };
}

const nobody = { startedAt: new Date(0), endedAt: null, passed: false } as const;

function reasonOf(
  deps: Deps,
  about: { error: unknown; runId: bigint; hop: SelfTestHop },
): { code: SelfTestCode; values: Values } {
  const { error, runId, hop } = about;
  if (error instanceof HopEnded) return error;
  const what = { runId: runId.toString(), hop };
  if (error instanceof Trouble) {
    deps.log.warn({ ...what, what: error.what }, 'self_test.trouble');
    const code = error.from === 'node' ? 'node_trouble' : 'shop_trouble';
    return { code, values: { what: error.what } };
  }
  deps.log.error({ ...what, err: error }, 'self_test.defect');
  return { code: 'defect', values: {} };
}
