// Who is killed while somebody passes which point: every moment of every placed point, with every
// victim.
import type { Moment } from './process.ts';
import { roles, type Role } from './stage.ts';
import { victims, type Victim } from './victims.ts';
import { ofTheWay, type Way } from './ways.ts';

export type Target = {
  /** Who passes. */
  role: Role;
  moment: Moment;
  victim: Victim;
  /** The story that passes there for certain. */
  way: Way;
};

export const placed = Object.entries(ofTheWay).flatMap(([way, by]) =>
  Object.entries(by).flatMap(([role, points]) =>
    points.map((point) => ({ role: role as Role, way: way as Way, point })),
  ),
);
const sides = ['before', 'after'] as const;
export const targets: readonly Target[] = placed.flatMap(({ role, way, point }) =>
  sides.flatMap((side) =>
    victims.map((victim) => ({ role, way, moment: `${point} ${side}`, victim })),
  ),
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

export function shuffled<T>(all: readonly T[], draw: () => number): T[] {
  const drawn = all.map((one) => ({ one, at: draw() }));
  return drawn.sort((a, b) => a.at - b.at).map(({ one }) => one);
}

/** As many of each role and victim, or all there are. */
export function drawTargets(each: number, draw: () => number): Target[] {
  return roles.flatMap((role) =>
    victims.flatMap((victim) => {
      const fit = targets.filter((one) => one.role === role && one.victim === victim);
      return shuffled(fit, draw).slice(0, each);
    }),
  );
}
