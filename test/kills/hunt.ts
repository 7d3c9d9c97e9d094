// Stories are told all the time, several at once, and whoever passes a moment that is still wanted
// stops there. Then one is killed: each process of ours that stands at that time stands at a moment
// at which this victim dies, and counts. So one death serves several moments, and the world is
// never set up anew. A hunt ends when nothing is wanted any more, or when the stories that pass
// what is left were told so often that it cannot be chance.
import { setTimeout as pause } from 'node:timers/promises';
import { shuffled, type Target } from './plan.ts';
import type { Moment } from './process.ts';
import { roles, type Actor, type Role, type Stage, type Standing } from './stage.ts';
import { waitedFor } from '../world.ts';
import { stories, type StoryName } from './stories.ts';
import { killOutsider, victims, type Victim } from './victims.ts';
import type { Way } from './ways.ts';

export type Hunted = {
  /** Deaths, by victim. */
  kills: Record<Victim, number>;
  /** Stories told. */
  told: number;
  /** Nobody came by. */
  missed: Target[];
  /** Stories that did not end right. */
  wrong: Error[];
};

/** At most so many stories at once. */
const width = 8;
/** How often a story is told in vain until what is left of its way is missed. */
const tries = 12;
/** Who stands is joined by others for as long as one comes within this time. */
const gatherMs = 300;
const gatherAtMostMs = 2_000;
/** Whoever stands in a transaction holds its locks. */
const standMs = 3_500;
/** After which silence a world stands still. */
const stillMs = 3 * 60_000;
/** What it is worth that a moment is met for the first time. */
const seldom = 5;

type Hunt = {
  stage: Stage;
  draw: () => number;
  open: Target[];
  standing: Standing[];
  met: Map<string, number>;
  inVain: Map<Way, number>;
  running: Map<Way, number>;
  hunted: Hunted;
  /** Of which a dead one is not replaced yet. */
  replacing: Set<Role>;
  over: AbortController;
  onWrong: (what: Error) => void;
  /** When a moment was reached or a story ended, for the last time. */
  wentOnMs: number;
};

const placeOf = (who: { role: string; moment: Moment }): string => `${who.role}: ${who.moment}`;
const placeOfStanding = ({ actor, moment }: Standing): string =>
  placeOf({ role: actor.role, moment });

export async function hunt(
  stage: Stage,
  about: {
    targets: readonly Target[];
    draw: () => number;
    /** How many are left. */
    onKill: (left: number) => void;
    onWrong: (what: Error) => void;
  },
): Promise<Hunted> {
  const none = Object.fromEntries(victims.map((victim) => [victim, 0]));
  const at: Hunt = {
    ...{ stage, draw: about.draw, open: shuffled(about.targets, about.draw), standing: [] },
    ...{ met: new Map(), inVain: new Map(), running: new Map(), replacing: new Set() },
    ...{ over: new AbortController(), onWrong: about.onWrong, wentOnMs: performance.now() },
    hunted: { kills: none as Record<Victim, number>, told: 0, missed: [], wrong: [] },
  };
  stage.onStanding((who) => {
    const place = placeOfStanding(who);
    at.met.set(place, (at.met.get(place) ?? 0) + 1);
    at.standing.push(who);
    // Whoever is passed over for somebody else's sake was not told in vain, and comes again.
    for (const { way } of wantedAt(at, who)) at.inVain.set(way, -1);
  });
  sayStops(at);
  const telling = Array.from({ length: width }, () => tellOn(at));
  const killing = killOn(at, about.onKill);
  await Promise.race([Promise.all(telling), standsStill(at)]);
  at.over.abort();
  await killing;
  letGo(at, at.standing);
  at.hunted.missed = at.open;
  return at.hunted;
}

/** Resolves when nothing is killed and no story ends for long. */
async function standsStill(at: Hunt): Promise<void> {
  while (performance.now() - at.wentOnMs < stillMs) {
    await pause(1_000);
    if (at.over.signal.aborted) return;
  }
  const running = [...at.running].filter(([, times]) => times > 0).map(([way]) => way);
  const waits = [...waitedFor.values()].map(
    ({ what, sinceMs, asking }) =>
      `${what} for ${String(Math.round((performance.now() - sinceMs) / 1_000))} s` +
      (asking ? ', and no answer comes' : ''),
  );
  failed(at, 'nothing goes on', [running.join(', '), ...waits].join('\n  '));
}

const sayStops = (at: Hunt): void => {
  for (const role of roles) {
    const moments = at.open.filter((one) => one.role === role).map(({ moment }) => moment);
    at.stage.stopAt(role, [...new Set(moments)]);
  }
};

function letGo(at: Hunt, whom: readonly Standing[]): void {
  at.standing = at.standing.filter((who) => !whom.includes(who));
  for (const who of whom) at.stage.go(who);
}

const wantedAt = (at: Hunt, who: Standing): Target[] =>
  at.open.filter(({ role, moment }) => role === who.actor.role && moment === who.moment);

/** Tells stories of ways of which something is wanted, until there is none. */
async function tellOn(at: Hunt): Promise<void> {
  for (;;) {
    if (at.hunted.wrong.length > 2) return;
    const ways = [...new Set(at.open.map(({ way }) => way))].filter(
      (way) => (at.inVain.get(way) ?? 0) < tries,
    );
    if (ways.length === 0) return;
    // There is one other merchant: one after the other.
    const free = ways.filter((way) => way !== 'uninstalled' || !at.running.get(way));
    const [way] = free.sort((a, b) => (at.running.get(a) ?? 0) - (at.running.get(b) ?? 0));
    if (way === undefined) await pause(200);
    else await tellOne(at, way);
  }
}

async function tellOne(at: Hunt, way: Way): Promise<void> {
  at.running.set(way, (at.running.get(way) ?? 0) + 1);
  const left = leftOf(at, way);
  if (way === 'nothing') await pause(4_000);
  else await story(at, way);
  at.running.set(way, (at.running.get(way) ?? 1) - 1);
  at.wentOnMs = performance.now();
  // Only a story in which nobody stood or died for the sake of its own way was told in vain.
  at.inVain.set(way, leftOf(at, way) < left ? 0 : (at.inVain.get(way) ?? 0) + 1);
}

const leftOf = (at: Hunt, way: Way): number => at.open.filter((one) => one.way === way).length;

async function story(at: Hunt, way: StoryName): Promise<void> {
  at.hunted.told += 1;
  await stories[way](at.stage.world).catch((error: unknown) => {
    failed(at, `the story ${way}`, error);
  });
}

/** Kills for as long as stories are told. */
async function killOn(at: Hunt, onKill: (left: number) => void): Promise<void> {
  while (!at.over.signal.aborted) {
    const late = performance.now() - standMs;
    const goes = (who: Standing): boolean => who.sinceMs < late || wantedAt(at, who).length === 0;
    letGo(at, at.standing.filter(goes));
    await gather(at);
    const choice = await choose(at);
    if (choice === undefined) continue;
    await kill(at, choice).catch((error: unknown) => failed(at, 'a kill', error));
    onKill(at.open.length);
  }
  while (at.replacing.size > 0) await pause(100);
}

/** Waits until somebody stands, and nobody at another place comes any more. */
async function gather(at: Hunt): Promise<void> {
  const places = (): number => new Set(at.standing.map(placeOfStanding)).size;
  const end = performance.now() + gatherAtMostMs;
  for (let seen = -1; seen !== places() && performance.now() < end;) {
    seen = places();
    await pause(seen === 0 ? 20 : gatherMs);
  }
}

type Choice = { victim: Victim; dead: Actor | undefined };
const roleOf = (victim: Victim): Role | undefined =>
  victim === 'listener' ? 'pool' : roles.find((role) => role === victim);

/** Whose death serves most, one that is seldom met before all. Nobody who is still replaced. */
async function choose(at: Hunt): Promise<Choice | undefined> {
  if (at.standing.length === 0) return undefined;
  const listener = at.replacing.has('pool') ? undefined : await at.stage.listener();
  let best: Choice | undefined;
  let most = 0;
  for (const victim of shuffled(victims, at.draw)) {
    for (const dead of whoMayDie(at, victim, listener)) {
      const places = servedBy(at, { victim, dead });
      const worth = at.open
        .filter((one) => one.victim === victim && places.has(placeOf(one)))
        .reduce((sum, one) => sum + 1 + seldom / (at.met.get(placeOf(one)) ?? 1), 0);
      if (worth > most) [best, most] = [{ victim, dead }, worth];
    }
  }
  return best;
}

/** Undefined stands for an outsider. */
function whoMayDie(at: Hunt, victim: Victim, listener?: Actor): (Actor | undefined)[] {
  const role = roleOf(victim);
  if (role === undefined) return [undefined];
  if (at.replacing.has(role)) return [];
  if (victim === 'listener') return listener === undefined ? [] : [listener];
  return at.stage.actors().filter((actor) => actor.role === role);
}

/** Whoever stands where its own role is to die dies there itself. */
const servedBy = (at: Hunt, { victim, dead }: Choice): Set<string> =>
  new Set(
    at.standing
      .filter(({ actor }) => actor.role !== victim || actor.pid === dead?.pid)
      .map(placeOfStanding),
  );

async function kill(at: Hunt, { victim, dead }: Choice): Promise<void> {
  const stood = [...at.standing];
  const places = servedBy(at, { victim, dead });
  at.open = at.open.filter((one) => one.victim !== victim || !places.has(placeOf(one)));
  sayStops(at);
  const go = (): void => {
    letGo(at, stood);
  };
  at.hunted.kills[victim] += 1;
  at.wentOnMs = performance.now();
  if (dead === undefined) {
    const lagMs = at.draw() < 0.5 ? undefined : Math.floor(at.draw() * 20);
    await killOutsider(at.stage, { victim, lagMs, go });
    await timeGoesBy(at.stage);
    return;
  }
  at.replacing.add(dead.role);
  const replaced = at.stage.kill(dead);
  go();
  replaced
    .catch((error: unknown) => failed(at, 'a replacement', error))
    .finally(() => at.replacing.delete(dead.role));
}

function failed(at: Hunt, what: string, cause: unknown): void {
  const wrong = new Error(`${what}: ${String(cause)}`, { cause });
  at.hunted.wrong.push(wrong);
  at.onWrong(wrong);
}

/** What waits because an outsider failed is tried again at once. */
async function timeGoesBy({ world }: Stage): Promise<void> {
  await world.db.pool.query('update lane set paused_until = now() where paused_until > now()');
  for (const table of ['payment', 'sighting', 'shop', 'reconcile_part']) {
    await world.db.pool.query(
      `update ${table} set due_at = now() where attempts between 1 and 6
       and due_at between now() and now() + interval '10 minutes'
       and (lease_until is null or lease_until < now())`,
    );
  }
}
