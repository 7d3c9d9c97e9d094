// Virtual time. Whatever the program waits for - a timer, a statement, a call - is a task here,
// and one task is resumed at a time: the next one by its moment, and moments are drawn. Between
// two tasks the process is quiet, so a run depends on its seed alone. A task belongs to an owner,
// one of the played processes; who dies takes its tasks along.
import { AsyncLocalStorage } from 'node:async_hooks';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import type { Draws } from './draws.ts';

/** A played process of ours, or an outsider. */
export type Owner = {
  readonly name: string;
  alive: boolean;
  /** Stopped (SIGSTOP, a long collection): its tasks wait until then. */
  stoppedUntil: number;
};

type Task = {
  at: number;
  order: number;
  owner: Owner | undefined;
  run: (() => Promise<void> | void) | undefined;
};

export type Timeline = {
  /** Milliseconds since 1970, virtual. */
  now: () => number;
  /** Runs it in so many milliseconds, unless its owner is dead by then. */
  plan: (inMs: number, owner: Owner | undefined, run: Task['run']) => { cancel: () => void };
  /** Runs code of ours as this owner: its timers and calls belong to it. */
  as: <T>(owner: Owner, work: () => T) => T;
  owner: () => Owner | undefined;
  /** A real operation, such as a statement at the server: nobody else is resumed meanwhile. */
  real: <T>(work: () => Promise<T>) => Promise<T>;
  /** Resumes tasks until there is none before this moment, or `isOver`. */
  runUntil: (until: number, isOver?: () => boolean) => Promise<void>;
  resumed: () => number;
  /** Where a timer of the real clock was asked for, by code that belongs to nobody. */
  strays: string[];
};

/** A heap by moment, then by the order in which they were planned. */
function tasksByMoment() {
  const heap: Task[] = [];
  const isBefore = (a: Task, b: Task): boolean =>
    a.at < b.at || (a.at === b.at && a.order < b.order);
  const swap = (a: number, b: number): void => {
    [heap[a], heap[b]] = [heap[b] as Task, heap[a] as Task];
  };
  const isLess = (a: number, b: number): boolean => isBefore(heap[a] as Task, heap[b] as Task);
  const add = (task: Task): void => {
    let at = heap.push(task) - 1;
    for (let up = (at - 1) >> 1; at > 0 && isLess(at, up); up = (at - 1) >> 1) {
      swap(at, up);
      at = up;
    }
  };
  const take = (): Task | undefined => {
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    heap[0] = last;
    for (let at = 0; ;) {
      const [left, right] = [2 * at + 1, 2 * at + 2];
      let least = at;
      if (left < heap.length && isLess(left, least)) least = left;
      if (right < heap.length && isLess(right, least)) least = right;
      if (least === at) return first;
      swap(at, least);
      at = least;
    }
  };
  return { add, take, first: (): Task | undefined => heap[0] };
}

const realImmediate = globalThis.setImmediate;
const realClear = globalThis.clearImmediate;
const owners = new AsyncLocalStorage<Owner>();

/** How much is under way outside our process, or waits for the next turn of the event loop. */
function quietness() {
  let active = 0;
  let begun = 0;
  let wake: (() => void) | undefined;
  const end = (): void => {
    active -= 1;
    if (active === 0) wake?.();
  };
  const begin = (): void => {
    active += 1;
    begun += 1;
  };
  const quiet = async (): Promise<void> => {
    for (;;) {
      if (active > 0) await new Promise<void>((go) => (wake = go));
      const seen = begun;
      await new Promise<void>((go) => void realImmediate(go));
      if (active === 0 && seen === begun) return;
    }
  };
  return { begin, end, quiet };
}

export function openTimeline(startMs: number): Timeline {
  const tasks = tasksByMoment();
  const { begin, end, quiet } = quietness();
  let now = startMs;
  let order = 0;
  let resumed = 0;
  const plan: Timeline['plan'] = (inMs, owner, run) => {
    const task: Task = { at: now + Math.max(0, inMs), order: (order += 1), owner, run };
    tasks.add(task);
    return { cancel: () => (task.run = undefined) };
  };
  const resume = async (task: Task): Promise<void> => {
    const { owner, run } = task;
    if (run === undefined || owner?.alive === false) return;
    if (owner !== undefined && owner.stoppedUntil > now) {
      tasks.add({ ...task, at: owner.stoppedUntil, order: (order += 1) });
      return;
    }
    resumed += 1;
    // What is done already must not be kept alive by its handle.
    task.run = undefined;
    await (owner === undefined ? run() : owners.run(owner, run));
    await quiet();
  };
  putImmediates(begin, end);
  return {
    ...{ now: () => now, plan, resumed: () => resumed, owner: () => owners.getStore() },
    strays: [],
    as: (owner, work) => owners.run(owner, work),
    real: async (work) => {
      begin();
      try {
        return await work();
      } finally {
        end();
      }
    },
    runUntil: async (until, isOver = () => false) => {
      await quiet();
      for (let next = tasks.first(); next !== undefined && next.at <= until && !isOver();) {
        tasks.take();
        if (next.at > now) now = next.at;
        await resume(next);
        next = tasks.first();
      }
      if (!isOver() && until < Infinity) now = Math.max(now, until);
    },
  };
}

/** Whoever waits for the next turn of the event loop is not at rest. */
function putImmediates(begin: () => void, end: () => void): void {
  const waiting = new Set<NodeJS.Immediate>();
  const put = (work: (...given: unknown[]) => void, ...given: unknown[]): NodeJS.Immediate => {
    begin();
    const immediate = realImmediate(() => {
      waiting.delete(immediate);
      try {
        work(...given);
      } finally {
        end();
      }
    });
    waiting.add(immediate);
    return immediate;
  };
  globalThis.setImmediate = put as typeof setImmediate;
  globalThis.clearImmediate = (immediate) => {
    if (immediate === undefined) return;
    realClear(immediate);
    if (waiting.delete(immediate)) end();
  };
}

type Handle = { cancel: () => void };

/**
 * `setTimeout` and its like, for code that belongs to an owner. Others keep the real ones, and are
 * written down: whatever such a timer decides would depend on how fast the machine is.
 */
function putTimers(timeline: Timeline): void {
  const real = { setTimeout: globalThis.setTimeout, clearTimeout: globalThis.clearTimeout };
  const planned = new WeakMap<object, Handle>();
  const start = (ms: number, work: () => void, again: boolean): object => {
    const owner = timeline.owner();
    const timer = { ref: () => timer, unref: () => timer, hasRef: () => true };
    const put = (): void => {
      const run = (): void => {
        if (again) put();
        work();
      };
      planned.set(timer, timeline.plan(Math.max(1, ms), owner, run));
    };
    put();
    return timer;
  };
  const put = (again: boolean) =>
    ((work: (...given: unknown[]) => void, ms = 1, ...given: unknown[]) => {
      if (timeline.owner() === undefined) {
        timeline.strays.push(new Error('a timer of nobody').stack ?? '');
        return real.setTimeout(work, ms, ...given);
      }
      return start(ms, () => work(...given), again);
    }) as unknown as typeof setTimeout;
  const clear = ((timer: object | undefined) => {
    const handle = typeof timer === 'object' ? planned.get(timer) : undefined;
    if (handle === undefined) real.clearTimeout(timer as NodeJS.Timeout);
    else handle.cancel();
  }) as typeof clearTimeout;
  globalThis.setTimeout = put(false);
  globalThis.setInterval = put(true);
  globalThis.clearTimeout = clear;
  globalThis.clearInterval = clear;
}

type PauseOptions = { signal?: AbortSignal };

/** The `setTimeout` of `node:timers/promises`. */
function pauseOn(timeline: Timeline) {
  return (ms = 1, value?: unknown, { signal }: PauseOptions = {}): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const aborted = (): void =>
        reject(new DOMException('The operation was aborted', 'AbortError'));
      if (signal?.aborted === true) {
        aborted();
        return;
      }
      const { cancel } = timeline.plan(Math.max(1, ms), timeline.owner(), () => {
        signal?.removeEventListener('abort', stop);
        resolve(value);
      });
      const stop = (): void => {
        cancel();
        aborted();
      };
      signal?.addEventListener('abort', stop, { once: true });
    });
}

/**
 * Puts virtual time and seeded chance under everything in this process, for good: clocks, timers,
 * `Math.random` and `randomBytes`. A process runs one world and ends.
 */
export function takeOverTime(timeline: Timeline, draws: Draws): void {
  const RealDate = Date;
  class VirtualDate extends RealDate {
    constructor(...given: unknown[]) {
      if (given.length === 0) super(Math.floor(timeline.now()));
      else super(...(given as [number]));
    }
    static override now(): number {
      return Math.floor(timeline.now());
    }
  }
  globalThis.Date = VirtualDate as DateConstructor;
  const startedAt = timeline.now();
  performance.now = () => timeline.now() - startedAt;
  const chance = draws.branch('math');
  Math.random = chance.next;
  putTimers(timeline);
  const load = createRequire(import.meta.url);
  const timers = load('node:timers/promises') as { setTimeout: unknown };
  timers.setTimeout = pauseOn(timeline);
  const secrets = draws.branch('bytes');
  const crypto = load('node:crypto') as { randomBytes: unknown };
  crypto.randomBytes = (count: number) => Buffer.from(secrets.bytes(count));
  syncBuiltinESMExports();
}
