// How many calls a lane may have out at once. One function, so that it can learn.
import type { Lane } from '../db/lanes.ts';
import { parseLane } from '../db/lanes.ts';

const widths = { node: 8, shop: 4, alert: 2 } as const;

/** Calls at once of one lane. Width is never about whether a row is worked: only about when. */
export function widthOf(lane: Lane): number {
  const kind = parseLane(lane)?.kind;
  return kind === undefined ? 1 : widths[kind];
}

/** Calls at once of one process, over all lanes: what hangs must not use up its sockets. */
export const widthOfProcess = 1_000;
