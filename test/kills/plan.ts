// What is killed where, in which order, and the stories that are told around it.
import { setTimeout as pause } from 'node:timers/promises';
import type { Side } from './process.ts';
import type { Role, Stage } from './stage.ts';
import { stories } from './stories.ts';
import { ofTheWay, type Way } from './ways.ts';

export type Kill = { role: Role; way: Way; point: string; side: Side };

export const placed = Object.entries(ofTheWay).flatMap(([way, by]) =>
  Object.entries(by).flatMap(([role, points]) =>
    points.map((point) => ({ role: role as Role, way: way as Way, point })),
  ),
);
const sides = ['before', 'after'] as const;
export const kills: readonly Kill[] = placed.flatMap((one) =>
  sides.map((side) => ({ ...one, side })),
);

/** `KILLS_SEED`, or drawn. */
export const drawnSeed = (): number =>
  Number(process.env['KILLS_SEED'] ?? Math.floor(Math.random() * 1_000_000));

/** The same draws for the same seed: mulberry32. */
export function draws(from: number): () => number {
  let at = from;
  return () => {
    at = (at + 0x6d2b79f5) | 0;
    let mixed = Math.imul(at ^ (at >>> 15), 1 | at);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export type Teller = {
  /** Tells the story of this way; resolves when it is over, however it ended. */
  tell: (way: Way) => Promise<void>;
  told: Promise<void>[];
  /** Stories that did not end right. */
  wrong: unknown[];
};

export function tellerOf(stage: Stage): Teller {
  const told: Promise<void>[] = [];
  const wrong: unknown[] = [];
  return {
    ...{ told, wrong },
    tell: (way) => {
      if (way === 'nothing') return pause(4_000);
      const story = stories[way](stage.world).catch((error: unknown) => {
        wrong.push(new Error(`the story ${way}: ${String(error)}`, { cause: error }));
      });
      told.push(story);
      return story;
    },
  };
}
