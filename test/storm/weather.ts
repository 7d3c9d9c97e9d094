// What goes wrong, and when. Every few seconds something happens to somebody: a node restarts,
// hangs or comes back from a backup, a shop throttles or fails, a process is killed or stopped,
// PostgreSQL cuts connections.
import type { Draws } from './draws.ts';
import type { PlayedNode } from './node.ts';
import type { PlayedShop } from './shop.ts';
import type { Timeline } from './time.ts';

export type Sky = {
  timeline: Timeline;
  draws: Draws;
  fault: (what: string) => void;
  isStormy: () => boolean;
  nodes: readonly PlayedNode[];
  shops: readonly PlayedShop[];
  kill: (kind: 'pool' | 'doors') => void;
  /** The database lets go of the signer's session, which notices some time later. */
  cutSigner: (noticesAfterMs: number) => void;
  stop: (forMs: number) => void;
  cutConnections: (forMs: number) => void;
};

type Event = { what: string; weight: number; happen: (sky: Sky) => void };

const events: readonly Event[] = [
  {
    ...{ what: 'node_restarts', weight: 10 },
    happen: ({ draws, nodes }) => draws.pick(nodes).goAway('down', draws.between(300, 8_000)),
  },
  {
    ...{ what: 'node_hangs', weight: 5 },
    happen: ({ draws, nodes }) => draws.pick(nodes).goAway('hole', draws.between(2_000, 25_000)),
  },
  {
    ...{ what: 'node_is_mute', weight: 3 },
    happen: ({ draws, nodes }) => draws.pick(nodes).mute(),
  },
  {
    ...{ what: 'node_goes_back', weight: 1 },
    happen: ({ draws, nodes }) => draws.pick(nodes).restore(),
  },
  {
    ...{ what: 'index_is_skipped', weight: 12 },
    happen: ({ draws, nodes }) => draws.pick(nodes).foreign(false),
  },
  {
    ...{ what: 'foreign_settle', weight: 12 },
    happen: ({ draws, nodes }) => draws.pick(nodes).foreign(true),
  },
  {
    ...{ what: 'shop_fails', weight: 6 },
    happen: ({ draws, shops }) => draws.pick(shops).setMood('failing', draws.between(500, 8_000)),
  },
  {
    ...{ what: 'shop_throttles', weight: 6 },
    happen: ({ draws, shops }) =>
      draws.pick(shops).setMood('throttling', draws.between(500, 6_000)),
  },
  {
    ...{ what: 'shop_hangs', weight: 4 },
    happen: ({ draws, shops }) => draws.pick(shops).setMood('hole', draws.between(500, 8_000)),
  },
  {
    ...{ what: 'token_refused', weight: 2 },
    happen: ({ draws, shops }) => draws.pick(shops).setMood('refusing', draws.between(500, 8_000)),
  },
  { ...{ what: 'pool_killed', weight: 8 }, happen: ({ kill }) => kill('pool') },
  { ...{ what: 'doors_killed', weight: 5 }, happen: ({ kill }) => kill('doors') },
  {
    ...{ what: 'signer_cut', weight: 2 },
    happen: ({ cutSigner, draws }) => cutSigner(draws.between(0, 6_000)),
  },
  {
    ...{ what: 'process_stopped', weight: 5 },
    happen: ({ stop, draws }) => stop(draws.between(500, 20_000)),
  },
  {
    ...{ what: 'database_cuts', weight: 3 },
    happen: ({ cutConnections, draws }) => cutConnections(draws.between(200, 3_000)),
  },
];

const whole = events.reduce((all, { weight }) => all + weight, 0);

/** Something happens on average so often, until the storm is over. */
export function startWeather(sky: Sky, everyMs: number): void {
  const { timeline, draws, fault, nodes } = sky;
  const next = (): void => {
    if (!sky.isStormy()) return;
    let at = draws.next() * whole;
    const event = events.find(({ weight }) => (at -= weight) < 0);
    if (event !== undefined) {
      fault(event.what);
      event.happen(sky);
    }
    timeline.plan(draws.around(everyMs), undefined, next);
  };
  timeline.plan(draws.around(everyMs), undefined, next);
  const backUp = (): void => {
    if (!sky.isStormy()) return;
    draws.pick(nodes).backUp();
    timeline.plan(draws.around(60_000), undefined, backUp);
  };
  timeline.plan(20_000, undefined, backUp);
}
