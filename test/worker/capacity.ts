// A node in virtual time: so many workers, a time per call, a way there and back, and a price for
// every call that waits inside. A width is tried on it by a client that always has work. Seeded,
// and without any clock: the same run gives the same figures on every machine.
import type { Ended } from '../../web/core/pace.ts';

export type Curve = {
  /** Workers at a moment; none: nothing moves. */
  workers: (ms: number) => number;
  /** Most calls are short, and a few a hundred times as long. */
  heavy?: boolean;
};

const half = 60_000;
/** The six curves of the bar. */
export const curves = {
  steady: { workers: () => 10 },
  step_down: { workers: (ms) => (ms < half ? 16 : 4) },
  step_up: { workers: (ms) => (ms < half ? 4 : 16) },
  sawtooth: { workers: (ms) => 4 + 12 * ((ms % 20_000) / 20_000) },
  heavy_tail: { workers: () => 10, heavy: true },
  dead_node: { workers: (ms) => (ms > 40_000 && ms < 55_000 ? 0 : 10) },
} as const satisfies Record<string, Curve>;

export type Width = { now: () => number; ended: (call: Ended) => void };
export const fixed = (width: number): Width => ({ now: () => width, ended: () => undefined });

export type Ran = {
  /** Work that came back in time, in milliseconds of a worker. */
  worked: number;
  calls: number;
  lost: number;
  p99Ms: number;
  /** The width at each fifth second. */
  widths: number[];
};

/** mulberry32: 32 bits of state are enough for a simulation. */
export function drawing(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

type Call = { at: number; ms: number; state: 'going' | 'there' | 'back'; done: number };

const stepMs = 2;
const lastsMs = 120_000;
const serviceMs = 50;
const oneWayMs = 6;
const deadlineMs = 5_000;

/** `crowding`: by so much each waiting call slows all others. */
export function runOn(curve: Curve, width: Width, about: { seed: number; crowding: number }): Ran {
  const draw = drawing(about.seed);
  const work = (): number => {
    const left = 1 - draw();
    return serviceMs * (curve.heavy ? Math.min(left ** (-1 / 1.5) / 3, 60) : -Math.log(left));
  };
  const ran: Ran = { worked: 0, calls: 0, lost: 0, p99Ms: 0, widths: [] };
  const tookMs: number[] = [];
  let calls: Call[] = [];
  /** What each call in the node has had of it, if it was there from the beginning. */
  let share = 0;
  for (let now = 0; now < lastsMs; now += stepMs) {
    const workers = curve.workers(now);
    const there = calls.reduce((sum, { state }) => sum + (state === 'there' ? 1 : 0), 0);
    const slowed = 1 + about.crowding * Math.max(0, there - workers);
    if (there > 0) share += (stepMs * Math.min(there, workers)) / slowed / there;
    for (const call of calls) {
      if (call.state === 'going' && now - call.at >= oneWayMs) {
        Object.assign(call, { state: 'there', ms: work() });
        call.done = share + call.ms;
      } else if (call.state === 'there' && call.done <= share) {
        Object.assign(call, { state: 'back', done: now + oneWayMs });
      }
    }
    const out = calls.length;
    calls = calls.filter((call) => {
      const ms = now - call.at;
      const back = call.state === 'back' && now >= call.done;
      if (!back && ms < deadlineMs) return true;
      width.ended({ now, tookMs: ms, operation: 'look', out, lost: !back });
      if (back) {
        ran.calls += 1;
        ran.worked += call.ms;
        tookMs.push(ms);
      } else ran.lost += 1;
      return false;
    });
    const atOnce = width.now();
    if (now % 5_000 === 0) ran.widths.push(atOnce);
    while (calls.length < atOnce) calls.push({ at: now, ms: 0, state: 'going', done: 0 });
  }
  ran.p99Ms = tookMs.sort((a, b) => a - b)[Math.floor(tookMs.length * 0.99)] ?? 0;
  return ran;
}

/** The best of all fixed widths, found by trying. */
export function bestFixed(curve: Curve, about: { seed: number; crowding: number }) {
  return [1, 2, 4, 6, 8, 10, 12, 14, 16, 20, 24, 32, 50, 100]
    .map((width) => ({ width, ...runOn(curve, fixed(width), about) }))
    .reduce((best, each) => (each.worked > best.worked ? each : best));
}
