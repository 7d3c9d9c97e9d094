// kill -9 of every victim at every point on the way of a payment, before it and after it: nothing
// is lost and nothing is done twice. Each story that is told around it has to end right, and a
// point that nobody passed fails. CI kills at drawn points; KILLS=all at all of them, as often as
// SEEDS says, and KILLS_SEED draws the same again.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isSoundButLate } from '../journey/paid-once.ts';
import { until } from '../world.ts';
import { sumOf } from './books.ts';
import { hunt, type Hunted } from './hunt.ts';
import { draws, drawnSeed, drawTargets, targets, type Target } from './plan.ts';
import { openStage, type Stage } from './stage.ts';
import { stories } from './stories.ts';

const minuteMs = 60_000;
const all = process.env['KILLS'] === 'all';
const first = drawnSeed();
const seeds = Array.from({ length: Number(process.env['SEEDS'] ?? 1) }, (_, n) => first + n);
/** Of each role and victim in CI. */
const drawn = Number(process.env['KILLS_EACH'] ?? 8);

let stage: Stage;
let opened: Stage | undefined;
beforeAll(async () => {
  stage = opened = await openStage();
  // From the first settle on a stream is replayed from where it was.
  await stories.paid(stage.world);
}, 5 * minuteMs);
afterAll(async () => {
  await opened?.close();
});

const named = ({ role, moment, victim, way }: Target): string =>
  `${role}: ${moment}, ${victim} (${way})`;

/** What was seen, as one line. */
async function say(about: { seed: number; chosen: readonly Target[]; hunted: Hunted; ms: number }) {
  const { chosen, hunted } = about;
  const { paid, lost, double } = await sumOf(stage.world);
  const moments = new Set(chosen.map(({ role, moment }) => `${role}: ${moment}`)).size;
  const deaths = Object.entries(hunted.kills);
  const line = {
    ...{ seed: about.seed, moments, wanted: chosen.length },
    ...{ reached: chosen.length - hunted.missed.length, stories: hunted.told },
    ...{ kills: deaths.reduce((sum, [, times]) => sum + times, 0), ...hunted.kills },
    ...{ paid, lost: lost.length, double: double.length, wrong: hunted.wrong.length },
    seconds: Math.round(about.ms / 1_000),
  };
  process.stdout.write(`\n${JSON.stringify(line)}\n`);
  return { lost, double };
}

/** A line a minute, for a run that takes many. */
function progress(all: number): (left: number) => void {
  const start = performance.now();
  let minutes = 0;
  let kills = 0;
  return (left) => {
    kills += 1;
    const seconds = (performance.now() - start) / 1_000;
    if (Math.floor(seconds / 60) === minutes) return;
    minutes = Math.floor(seconds / 60);
    const reached = `${String(all - left)} of ${String(all)} reached by ${String(kills)} kills`;
    process.stdout.write(`${String(Math.round(seconds))} s: ${reached}\n`);
  };
}

/** What our processes said, for whoever looks for the cause. */
function keepOutput(seed: number): void {
  const file = path.join(os.tmpdir(), `zaptill-kills-${String(seed)}.log`);
  const all = stage.world.processes.map((one) => `== ${String(one.pid)}\n${one.output()}`);
  fs.writeFileSync(file, all.join('\n'));
  process.stdout.write(`what our processes said: ${file}\n`);
}

test.each(seeds)(
  'kill -9 at the points, seed %i',
  async (seed) => {
    const draw = draws(seed);
    const chosen = all ? targets : drawTargets(drawn, draw);
    const start = performance.now();
    const hunted = await hunt(stage, {
      ...{ targets: chosen, draw, onKill: progress(chosen.length) },
      onWrong: ({ message }) => {
        process.stdout.write(`${message}\n`);
        keepOutput(seed);
      },
    });
    if (hunted.wrong.length === 0) {
      await until('all is told', async () => {
        const left = await stage.world.db.prisma.payment.count({ where: { state: 'settled' } });
        return left === 0;
      });
    }
    const { lost, double } = await say({ seed, chosen, hunted, ms: performance.now() - start });
    expect(hunted.wrong).toEqual([]);
    expect(hunted.missed.map(named), 'points at which nobody could be killed').toEqual([]);
    expect({ lost, double }).toEqual({ lost: [], double: [] });
    await isSoundButLate(stage.world);
  },
  120 * minuteMs,
);
