// One world of the storm: its database, outsiders and processes, from the first buyer until
// everything is at rest. Everything that happens is a line of its log, and the log has one hash.
import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Violation } from '../../web/db/audit.ts';
import { audit } from '../../web/db/audit.ts';
import { auditChain } from '../../web/flows/audit-chain.ts';
import { signingKeyOf } from '../../sandbox/lnd/bolt11.ts';
import { bakeMacaroon } from '../../sandbox/lnd/index.ts';
import { connectNode } from '../../web/db/nodes.ts';
import { tryWaitingAgain } from '../../web/db/payouts.ts';
import { storePurse } from '../../web/db/purses.ts';
import { storeRegistration } from '../../web/db/registrations.ts';
import { storeRewardTerms } from '../../web/db/rewards.ts';
import { installShop } from '../../web/db/shops.ts';
import { payingMethods } from '../../web/signer/credential.ts';
import { sealPurse, usualLimits, type Limits } from '../../web/signer/purse.ts';
import { buyByOrder, buyBySession, deliver, type Market, type ShopAt } from './buyers.ts';
import { checkTime, checkWorld } from './checks.ts';
import { makeClone } from './clone.ts';
import { drawsFrom, type Draws } from './draws.ts';
import { playNode, type PlayedNode } from './node.ts';
import type { Network } from './outside.ts';
import {
  handOut,
  startDoors,
  startPool,
  type Place,
  type Pool,
  type Process,
} from './processes.ts';
import { outsideOf, stormSealer } from './deps.ts';
import { playShop } from './shop.ts';
import { openStatements, type Statements } from './statements.ts';
import { openTimeline, takeOverTime, type Owner, type Timeline } from './time.ts';
import { playPurse, playWallet, type Purse, type Wallet } from './purse.ts';
import { checkRefunds } from './refund-checks.ts';
import type { Refunding } from './refunds.ts';
import { checkRewards, giveSome, rewardTerms } from './rewards.ts';
import { deaths, startStormSigner, type SignerProcess } from './signers.ts';
import { startWeather } from './weather.ts';

export type WorldOptions = {
  server: string;
  name: string;
  seed: number;
  payments: number;
  /** About so many refunds of them; 0: there is no signer. */
  refunds?: number;
  /** Buyers that come in a second. */
  perSecond?: number;
  tell?: (line: string) => void;
  /** Writes every line of the log. */
  trace?: (line: string) => void;
  /** Order and width of the lanes by chance. */
  randomOrder?: boolean;
  /** Breaks a guard on purpose, to see that it is missed. */
  sabotage?: Sabotage;
};
/** Called once, before the first buyer. */
export type Sabotage = (world: Parts) => Promise<void>;

export type WorldResult = {
  seed: number;
  payments: number;
  /** Of ours, and how many of them have come to a buyer. */
  refunds: number;
  paidBack: number;
  /** The same of what buyers get by rule. */
  rewards: number;
  rewardsPaid: number;
  /** Where signers died, and how often. */
  deaths: Record<string, number>;
  faults: number;
  violations: Violation[];
  hash: string;
  kinds: Record<string, number>;
  tasks: number;
  statements: number;
  waited: number;
  virtualMs: number;
  /** Computed for it, by the program and this play, and by PostgreSQL. */
  cpuMs: { ours: number; postgres: number };
};

export type Parts = {
  readonly options: WorldOptions;
  readonly draws: Draws;
  readonly timeline: Timeline;
  readonly statements: Statements;
  readonly say: (line: string) => void;
  readonly place: Place;
  readonly nodes: Map<number, PlayedNode>;
  readonly shops: ShopAt[];
  readonly pools: Pool[];
  readonly doors: Process[];
  readonly signers: SignerProcess[];
  readonly wallet: Wallet;
  /** By the shop, and by the address at which the node pays. */
  readonly purses: Map<number, Purse>;
  readonly paying: Map<string, Purse>;
  /** Private keys of the nodes, by shop. */
  readonly keys: Map<number, Uint8Array>;
  readonly deaths: ReturnType<typeof deaths>;
  readonly market: Market;
  readonly kinds: Map<string, number>;
  readonly violations: Violation[];
  /** Every secret that was drawn. */
  readonly secrets: Uint8Array[];
  readonly net: Network;
  weather: { stormy: boolean; cutUntil: number };
};

const realPause = pause;
const startMs = Date.UTC(2026, 0, 5, 12);
const poolsAtOnce = 2;
const doorsAtOnce = 2;
const signersAtOnce = 2;
const shopsOfEachApp = 3;
const auditEvery = 1_000;
const buyersPerSecond = 60;
/** Something happens to somebody, on average. */
const weatherEveryMs = 1_000;

/** Plays one world to its end. A process plays one: its clocks stay virtual. */
export async function playWorld(options: WorldOptions): Promise<WorldResult> {
  const { server, name, seed } = options;
  const clone = await makeClone({ server, name, seed, startMs });
  const draws = drawsFrom(seed);
  const timeline = openTimeline(startMs);
  takeOverTime(timeline, draws);
  const hash = createHash('sha256');
  let unhashed = '';
  const say = (line: string): void => {
    const full = `${timeline.now().toFixed(3)} ${line}\n`;
    unhashed += full;
    if (unhashed.length > 65_536) {
      hash.update(unhashed);
      unhashed = '';
    }
    options.trace?.(full);
  };
  const weather = { stormy: true, cutUntil: 0 };
  const dying: { at?: ReturnType<typeof deaths> } = {};
  const statements = await openStatements({
    ...{ url: clone.url, clockFile: clone.clockFile, startMs, timeline, say },
    draws: draws.branch('statements'),
    // Who looks whether all is well asks many things in a row, and is no part of the storm.
    cutChance: ({ name }) => (weather.cutUntil > timeline.now() && name !== auditing ? 0.05 : 0),
    pass: (owner, name, side) => dying.at?.pass(owner, name, side),
  });
  try {
    const parts = assemble({ options, draws, timeline, statements, say, weather });
    dying.at = parts.deaths;
    await settle(parts, setUp(parts));
    await options.sabotage?.(parts);
    await storm(parts);
    await calm(parts);
    await settle(parts, finalChecks(parts));
    return resultOf(parts, await countsOf(parts), hash.update(unhashed).digest('hex'));
  } finally {
    await statements.close();
    await clone.drop();
  }
}

function assemble(
  about: Pick<Parts, 'options' | 'draws' | 'timeline' | 'statements' | 'say' | 'weather'>,
): Parts {
  const { draws, timeline, statements, say, weather } = about;
  const kinds = new Map<string, number>();
  const violations: Violation[] = [];
  const nodes = new Map<number, PlayedNode>();
  const shops: ShopAt[] = [];
  const secrets: Uint8Array[] = [];
  const doors: Process[] = [];
  const fault = (what: string): void => {
    kinds.set(what, (kinds.get(what) ?? 0) + 1);
    say(`fault ${what}`);
  };
  const isStormy = (): boolean => weather.stormy;
  const net: Network = { timeline, draws: draws.branch('network'), say, fault, isStormy };
  const wrong = (what: string): void => {
    if (violations.length < 1_000) violations.push({ rule: 'I0', says: 'We are right.', what });
  };
  const place: Place = {
    ...{ timeline, statements, say },
    chance: about.options.randomOrder === true ? draws.branch('order') : undefined,
    outside: outsideOf(net, { nodes, shops, secrets, draws: draws.branch('secrets') }),
    error: (what, facts) => {
      if (forAPerson.has(what)) return;
      const { err } = facts;
      wrong(`${what} ${err instanceof Error ? (err.stack ?? '') : JSON.stringify(facts)}`);
    },
  };
  const market: Market = {
    ...{ timeline, draws: draws.branch('buyers'), fault, isStormy, answers: new Map() },
    broke: (error) => wrong(`a door: ${error instanceof Error ? (error.stack ?? '') : 'unknown'}`),
    doors: () => {
      const open = doors.filter(({ owner }) => owner.alive);
      return open[market.draws.below(open.length)];
    },
    nodeOf: (nodeId) => {
      const node = nodes.get(nodeId);
      if (node === undefined) throw new Error('there is no such node');
      return node;
    },
    busy: { buyers: 0 },
  };
  const paid = {
    ...{ wallet: playWallet({ timeline, draws: draws.branch('wallet') }), signers: [] },
    ...{ purses: new Map(), paying: new Map(), keys: new Map() },
  };
  const ours = { doors, pools: [], place, market, ...paid };
  const dying = deaths({
    ...{ draws: draws.branch('deaths'), isStormy },
    kill: (owner) => {
      fault('signer_killed');
      replaceSigner(parts, owner);
    },
  });
  const known = { kinds, violations, nodes, shops, net, secrets };
  const parts: Parts = { ...about, ...ours, ...known, deaths: dying };
  return parts;
}

/** Lines at the level of errors that a person must see, and that are no mistake of ours. */
const forAPerson = new Set([
  ...['payment.stranded', 'payment.paid_again', 'lane.paused', 'step.gave_up'],
  ...['stream.counter_went_back', 'node.distrusted', 'step.stuck', 'session.other_content'],
]);

/** Drives the timeline until this is done. */
async function settle<T>({ timeline }: Pick<Parts, 'timeline'>, work: Promise<T>): Promise<T> {
  let isDone = false;
  const isOver = (): boolean => isDone;
  const done = work.finally(() => (isDone = true));
  done.catch(() => undefined);
  for (;;) {
    await timeline.runUntil(Infinity, () => isDone);
    if (isOver()) return done;
    // What is loaded at its first use takes real time, and has no task meanwhile.
    await realPause(1);
  }
}

/** Shops of each app, each with its node; and our processes. */
async function setUp(parts: Parts): Promise<void> {
  const { place, timeline, shops, nodes, net } = parts;
  const installer = startDoors(place, 'installer');
  const { db } = installer.deps;
  await timeline.as(installer.owner, async () => {
    for (const kind of ['merchant', 'payments'] as const) {
      const { id: registrationId } = await storeRegistration(db, {
        ...{ name: kind, clientId: `client-${kind}`, kind, sealedSecret: new Uint8Array([1]) },
      });
      for (let n = 0; n < shopsOfEachApp; n += 1) {
        const domain = `${kind}-${String(n)}.myshopify.com`;
        const { shop: row } = await installShop(db, { registrationId, domain });
        const name = `${kind}${String(n)}`;
        const key = parts.draws.branch(`key of ${name}`).bytes(32);
        const { publicKey } = signingKeyOf(Buffer.from(key));
        parts.keys.set(row.id, key);
        const about = { ...aNode(row.id, name), identity: publicKey };
        const node = await connectNode(db, about, () => new Uint8Array([1]));
        const played = playNode(net, { name: `node-${name}`, forgetsCanceled: n === 1 });
        nodes.set(node.id, played);
        const pays = { shopId: row.id, name, n, identity: publicKey, node: played };
        if ((parts.options.refunds ?? 0) > 0) await paysBack(parts, pays);
        const at: ShopAt = {
          row,
          played: playShop(net, {
            ...{ name, methodName: row.methodName },
            hook: (topic, order) => deliver(parts.market, at, topic, order),
          }),
        };
        shops.push(at);
      }
    }
  });
  for (let n = 0; n < poolsAtOnce; n += 1)
    parts.pools.push(await startPool(place, `pool${n}`, 'quick'));
  for (let n = 0; n < doorsAtOnce; n += 1) parts.doors.push(startDoors(place, `doors${n}`));
  if (parts.purses.size === 0) return;
  for (let n = 0; n < signersAtOnce; n += 1) {
    parts.signers.push(startStormSigner(place, `signer${n}`, parts.paying));
  }
}

/** Refunds by another policy in each shop; the purse of the third is too small for many of them. */
async function paysBack(
  parts: Parts,
  about: { shopId: number; name: string; n: number; identity: string; node: PlayedNode },
): Promise<void> {
  const { statements, net, wallet } = parts;
  const { shopId, name, n, identity, node } = about;
  const pricing = ['fiat_today', 'sats_paid', 'lower'][n % 3] ?? 'lower';
  await statements.ask(
    `insert into settings (shop_id, refunds_on, refund_pricing, refund_approval_msat)
     values ($1, true, $2, $3)`,
    [shopId, pricing, n === 1 ? 60_000_000 : 1_000_000_000_000],
  );
  const purse = playPurse(net, {
    ...{ name, wallet, gate: node.gate, original: node.original },
    pass: (what, side) => parts.deaths.pass(net.timeline.owner(), `call ${what}`, side),
  });
  parts.purses.set(shopId, purse);
  parts.paying.set(`${name}:10009`, purse);
  const small: Partial<Limits> = n === 2 ? { perPaymentMsat: 150_000_000n } : {};
  await fill(parts, { shopId, address: `${name}:10009`, identity, limits: small });
  const rule = rewardTerms.get(name);
  if (rule !== undefined) await storeRewardTerms(statements.db, { shopId, ...rule });
}

/** Nobody asks for it here: the signer reads what it may. */
const paying = bakeMacaroon({
  ...{ rootKey: Buffer.alloc(32, 7), rootKeyId: '7', nonce: Buffer.alloc(16, 7) },
  operations: payingMethods.map((method) => `uri:${method}`),
}).toString('hex');

async function fill(
  { place }: Parts,
  about: { shopId: number; address: string; identity: string; limits: Partial<Limits> },
): Promise<void> {
  const { db } = place.statements;
  const wide = { perPaymentMsat: 10n ** 12n, perOrderMsat: 10n ** 12n, perDayMsat: 10n ** 13n };
  const sealed = sealPurse(
    stormSealer,
    {
      ...{ ...about, network: 'regtest', certificatePem: '', macaroonHex: paying },
      ...{ looksAtOriginal: true, limits: { ...usualLimits, ...wide, ...about.limits } },
    },
    { rootKeyId: '7', credentialEndsAt: null },
  );
  await storePurse(db, sealed);
  await tryWaitingAgain(db, about.shopId);
}

const aNode = (shopId: number, name: string): Parameters<typeof connectNode>[1] => ({
  ...{ shopId, address: '127.0.0.1:10009', identity: `02${name}`, alias: name },
  ...{ version: '0.21.3-beta', network: 'regtest', rootKeyId: '1', credentialEndsAt: null },
  receivable: undefined,
});

/** A signer is dead, and another comes after a while. */
function replaceSigner(parts: Parts, owner: Owner): void {
  const { draws, timeline, statements, signers, say } = parts;
  owner.alive = false;
  say(`${owner.name} killed`);
  const at = signers.findIndex((each) => each.owner === owner);
  if (at >= 0) signers.splice(at, 1);
  timeline.plan(0, undefined, async () => {
    await statements.bury(owner, draws.chance(0.3) ? draws.between(0, 10_000) : 0);
  });
  const name = `signer${String(timeline.resumed())}`;
  timeline.plan(draws.between(100, 3_000), undefined, () => {
    if (parts.weather.stormy) signers.push(startStormSigner(parts.place, name, parts.paying));
  });
}

/** Starts what `kill` took away, under another name. */
function replace(parts: Parts, kind: 'pool' | 'doors'): void {
  const { draws, timeline, statements, place, say } = parts;
  const all: Process[] = kind === 'pool' ? parts.pools : parts.doors;
  const there = all.filter(({ owner }) => owner.alive);
  const victim = there[draws.below(there.length)];
  if (victim === undefined) return;
  const { owner } = victim;
  owner.alive = false;
  say(`${owner.name} killed`);
  all.splice(all.indexOf(victim), 1);
  const name = `${kind}${String(timeline.resumed())}`;
  timeline.plan(0, undefined, async () => {
    // A half-open line keeps its transaction for a while.
    await statements.bury(owner, draws.chance(0.3) ? draws.between(0, 10_000) : 0);
  });
  timeline.plan(draws.between(200, 6_000), undefined, async () => {
    if (!parts.weather.stormy) return;
    if (kind === 'doors') parts.doors.push(startDoors(place, name));
    else parts.pools.push(await startPool(place, name, 'quick'));
  });
}

async function storm(parts: Parts): Promise<void> {
  const { options, draws, timeline, market, shops, nodes, weather, kinds } = parts;
  const sky = draws.branch('weather');
  startWeather(
    {
      ...{ timeline, draws: sky, fault: market.fault, isStormy: market.isStormy },
      ...{ nodes: [...nodes.values()], shops: shops.map(({ played }) => played) },
      kill: (kind) => replace(parts, kind),
      stop: (forMs) => {
        const alive: Process[] = [...parts.pools, ...parts.doors, ...parts.signers];
        // All were killed, and the next ones have not begun.
        if (alive.length === 0) return;
        const { owner } = sky.pick(alive);
        owner.stoppedUntil = Math.max(owner.stoppedUntil, timeline.now() + forMs);
      },
      cutSigner: (noticesAfterMs) => {
        for (const signer of parts.signers) signer.cut(noticesAfterMs);
      },
      cutConnections: (forMs) => (weather.cutUntil = timeline.now() + forMs),
    },
    weatherEveryMs,
  );
  startEngine(parts);
  const perMs = (options.perSecond ?? buyersPerSecond) / 1_000;
  const arrivals = draws.branch('arrivals');
  const refunding: Refunding = {
    ...{ market, statements: parts.statements, wallet: parts.wallet },
    keyOf: (shopId) => parts.keys.get(shopId) ?? new Uint8Array(32).fill(1),
    left: { refunds: options.refunds ?? 0, buyers: options.payments },
  };
  let come = 0;
  const next = (): void => {
    if (come === options.payments) return;
    come += 1;
    market.busy.buyers += 1;
    const shop = arrivals.pick(shops);
    const isOrder = shop.row.domain.startsWith('merchant');
    const buyer = isOrder ? buyByOrder(market, shop, come) : buyBySession(market, shop, come);
    const gid = isOrder
      ? `gid://shopify/Order/${String(1_000_000 + come)}`
      : `gid://shopify/PaymentSession/s${String(come)}-0`;
    const whole = buyer.then(() => giveSome(refunding, shop, gid));
    void whole.catch(market.broke).finally(() => (market.busy.buyers -= 1));
    timeline.plan(arrivals.around(1 / perMs), undefined, next);
  };
  timeline.plan(0, undefined, next);
  for (let audited = 0; come < options.payments;) {
    await timeline.runUntil(timeline.now() + 5_000);
    if (come - audited < auditEvery) continue;
    audited = come;
    await settle(parts, duringChecks(parts));
    options.tell?.(`${String(come)} buyers, ${String(total(kinds))} faults`);
  }
}

const total = (kinds: Map<string, number>): number =>
  [...kinds.values()].reduce((all, count) => all + count, 0);

function startEngine(parts: Parts): void {
  const { timeline, place, draws } = parts;
  const chance = draws.branch('engine');
  const beat = async (): Promise<void> => {
    timeline.plan(parts.weather.stormy ? 250 : 1_000, undefined, beat);
    await handOut(place, parts.pools, chance.pick);
  };
  timeline.plan(100, undefined, beat);
}

/** The storm is over: everybody is up again, and time goes on until nothing is left to do. */
async function calm(parts: Parts): Promise<void> {
  const { timeline, weather, nodes, shops, place, statements, market } = parts;
  for (; market.busy.buyers > 0;) await timeline.runUntil(timeline.now() + 5_000);
  weather.stormy = false;
  weather.cutUntil = 0;
  for (const node of nodes.values()) node.heal();
  for (const { played } of shops) played.setMood('well', 0);
  const all = [...parts.pools, ...parts.doors, ...parts.signers];
  const old: Owner[] = all.map(({ owner }) => owner);
  parts.pools.length = 0;
  parts.signers.length = 0;
  parts.doors.length = 0;
  for (const owner of old) {
    owner.alive = false;
    await statements.bury(owner, 0);
  }
  parts.pools.push(await startPool(place, 'pool-last', 'slow'));
  parts.doors.push(startDoors(place, 'doors-last'));
  if (parts.purses.size > 0) {
    parts.signers.push(startStormSigner(place, 'signer-last', parts.paying));
    await settle(parts, roomInPurses(parts));
  }
  await settle(parts, duringChecks(parts));
  // What is broken already is not waited for until evening.
  const hours = parts.violations.length > 0 ? 0.2 : 8;
  const until = timeline.now() + hours * 3_600_000;
  let left = '';
  for (; timeline.now() < until;) {
    await timeline.runUntil(timeline.now() + 60_000);
    left = await leftToDo(parts);
    if (left === '') return;
  }
  parts.violations.push({ rule: 'I3', says: 'Everything comes to rest.', what: left });
}

/** The operator raises what was too low. */
async function roomInPurses(parts: Parts): Promise<void> {
  const { owner } = startDoors(parts.place, 'operator');
  const purses = await parts.statements.ask<{
    shop_id: number;
    address: string;
    identity: string;
  }>('select shop_id, address, identity from purse order by shop_id');
  await parts.timeline.as(owner, async () => {
    for (const { shop_id: shopId, address, identity } of purses) {
      await fill(parts, { shopId, address, identity, limits: {} });
    }
  });
}

/** In words; empty: everything is at rest. Waits for at most a minute behind the last event. */
async function leftToDo({ statements, nodes }: Parts): Promise<string> {
  const rows = await statements.ask<{ what: string; hash: string | null; node_id: number | null }>(`
    select 'payment ' || id || ' ' || state as what, null::text as hash, null::int as node_id
    from payment
    where state in ('settled', 'closing') and not exists (
      select 1 from invoice i where i.payment_id = payment.id and i.state in ('made', 'live'))
    union all select 'payment ' || id || ' wants', null::text, null::int from payment
    where state = 'lapsed' and verdict_wanted is not null
    union all select 'refund ' || r.id || ' ' || r.state, null::text, null::int from refund r
    where r.state in ('paid', 'withdrawn')
      or (r.state = 'asked' and r.reason <> 'approval_wanted' and not exists (
        select 1 from reward w where w.refund_id = r.id and w.claimable_at > now()))
      or (r.state = 'claimed' and not exists (
        select 1 from refund_claim c join payout_wait w on w.claim_id = c.id
        where c.refund_id = r.id and c.state = 'given' and w.word = 'original_unknown'))
    union all select 'payout ' || id || ' ' || because, null::text, null::int from payout
    where state in ('reserved', 'sent')
    union all select 'reward of ' || id, null::text, null::int from reward_task
    where due_at is not null
    union all select 'sighting ' || id, null::text, null::int from sighting where due_at is not null
    union all select 'invoice ' || id || ' ' || state, encode(hash, 'hex'), node_id from invoice
    where state in ('made', 'live')`);
  const left = rows.filter(
    // A node that came back from a backup has lost it: its end is a person's word.
    ({ hash, node_id: id }) => hash === null || id === null || nodes.get(id)?.knows(hash) === true,
  );
  return left
    .slice(0, 5)
    .map(({ what }) => what)
    .join('; ');
}

const auditing = 'auditor';
const auditor = (parts: Parts): Process => startDoors(parts.place, auditing);

/** What holds at every moment. */
async function duringChecks(parts: Parts): Promise<void> {
  const { owner, deps } = auditor(parts);
  const broken = await parts.timeline.as(owner, () => audit(deps.db));
  parts.violations.push(...broken);
  // Plans follow what has grown.
  await parts.statements.ask(`
    analyze payment, invoice, quote, history, posting, chain_head, sighting, session_request,
      session_group, tally, wait_tally, delivery, refund, reward, reward_task,
      graphile_worker._private_jobs`);
}

async function finalChecks(parts: Parts): Promise<void> {
  await duringChecks(parts);
  const { owner, deps } = auditor(parts);
  parts.violations.push(...(await parts.timeline.as(owner, () => checkWorld(parts, deps.db))));
  const { statements, wallet, purses, shops, nodes } = parts;
  parts.violations.push(...(await checkRefunds({ statements, wallet, purses, shops })));
  if (purses.size > 0) {
    const flow = { statements, wallet, purses, shops, nodes };
    parts.violations.push(...(await checkRewards(flow)));
  }
  const chains = await parts.timeline.as(owner, () => auditChain(deps));
  const says = 'Every timeline is what was written.';
  parts.violations.push(...chains.faults.map((what) => ({ rule: 'I14', says, what })));
  parts.violations.push(...(await checkTime(parts)));
}

type Counts = Pick<WorldResult, 'refunds' | 'paidBack' | 'rewards' | 'rewardsPaid'>;

async function countsOf({ statements, wallet }: Parts): Promise<Counts> {
  const came = [...wallet.received.values()].map(({ refundId }) => refundId);
  const [{ refunds, rewards, paid } = { refunds: 0, rewards: 0, paid: 0 }] = await statements.ask<
    Record<'refunds' | 'rewards' | 'paid', number>
  >(
    `select (count(*) filter (where origin <> 'reward'))::int as refunds,
       (count(*) filter (where origin = 'reward'))::int as rewards,
       (count(*) filter (where origin = 'reward' and id = any($1::uuid[])))::int as paid
     from refund`,
    [came],
  );
  return { refunds, rewards, rewardsPaid: paid, paidBack: wallet.received.size - paid };
}

function resultOf(parts: Parts, counts: Counts, hash: string): WorldResult {
  const { options, kinds, violations, statements, timeline } = parts;
  const { user, system } = process.cpuUsage();
  const cpuMs = { ours: (user + system) / 1_000, postgres: statements.cpuMs() };
  return {
    ...counts,
    deaths: Object.fromEntries([...parts.deaths.at].sort(([a], [b]) => (a < b ? -1 : 1))),
    ...{ seed: options.seed, payments: options.payments, faults: total(kinds), violations, hash },
    kinds: Object.fromEntries([...kinds].sort(([a], [b]) => (a < b ? -1 : 1))),
    ...{ tasks: timeline.resumed(), statements: statements.counts.statements },
    ...{ waited: statements.counts.waited, virtualMs: timeline.now() - startMs, cpuMs },
  };
}
