// A process that cannot keep up with its own answers takes on fewer calls: when its event loop is
// late, all widths shrink together, a tenth a second, until it is in time again.
import { monitorEventLoopDelay } from 'node:perf_hooks';

export type BrakeState = { factor: number; braking: boolean };

const lateMs = 20;
const inTimeMs = 10;
const step = 0.9;
/** A brake, not a stop: what is urgent must go on while the machine is busy with others. */
const least = 0.25;

/** Once a second, with the 99th percentile of the event loop's delay in that second. */
export function brakeAfter({ factor, braking }: BrakeState, delayMs: number): BrakeState {
  const now = delayMs > lateMs || (braking && delayMs >= inTimeMs);
  if (now) return { factor: Math.max(least, factor * step), braking: true };
  return { factor: Math.min(1, factor / step), braking: false };
}

export type Brake = { factor: () => number; stop: () => void };

const resolutionMs = 10;

/** Watches this process. */
export function startBrake(): Brake {
  const delay = monitorEventLoopDelay({ resolution: resolutionMs });
  delay.enable();
  let state: BrakeState = { factor: 1, braking: false };
  const timer = setInterval(() => {
    // The histogram holds the times between two ticks of a timer, not what they were late.
    const p99Ms = delay.percentile(99) / 1e6 - resolutionMs;
    delay.reset();
    state = brakeAfter(state, p99Ms);
  }, 1_000);
  timer.unref();
  return {
    factor: () => state.factor,
    stop: () => {
      clearInterval(timer);
      delay.disable();
    },
  };
}
