// A world whose processes stop at points of the source, and every one of whom can be killed there.
// It is set up once: a killed process is replaced by one that waits with everything loaded.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { lastWill } from '../../scripts/last-will.ts';
import { ensurePostgres, stopPostgres } from '../../scripts/postgres.ts';
import { isDatabaseAway, type Database } from '../../web/db/database.ts';
import type { PrismaClient } from '../../web/db/generated/client.ts';
import { storeRegistration } from '../../web/db/registrations.ts';
import { parseVaultKeys } from '../../web/vault/keys.ts';
import { openVault } from '../../web/vault/seal.ts';
import { hasPaymentsApp } from '../journey/offsite-shop.ts';
import { startWorld, until, type World } from '../world.ts';
import { enumerate } from './points.ts';
import type { FromProcess, Moment, ToProcess } from './process.ts';

const root = path.join(import.meta.dirname, '..', '..');
const node24 = path.join(root, 'node_modules', 'node', 'bin', 'node');

export const roles = ['doors', 'pool'] as const;
export type Role = (typeof roles)[number];
/** One works what the other leaves; one of them follows the node's stream. */
const pools = 2;
export const unpaidHours = 5;
export const other = {
  app: { name: 'zaptill-other', clientId: 'zaptill-other-client', secret: 'shpss_other_0001' },
  shop: 'beach.myshopify.com',
};

export type Actor = { role: Role; child: ChildProcess; pid: number };
/** Somebody stands at a moment until `go`. */
export type Standing = { actor: Actor; moment: Moment; id: number; sinceMs: number };

export type Stage = {
  world: World;
  /** Where processes of a role stop from here on, those that are still to come too. */
  stopAt: (role: Role, moments: Moment[]) => void;
  /** Told of everyone who stops. */
  onStanding: (tell: (who: Standing) => void) => void;
  go: (who: Standing) => void;
  /** Who lives. */
  actors: () => Actor[];
  /** kill -9, and another in its place: resolves when that one works. */
  kill: (actor: Actor) => Promise<void>;
  /** Whose lease the node's stream is. */
  listener: () => Promise<Actor | undefined>;
  /** kill -9 of the whole server. */
  killDatabase: () => void;
  reviveDatabase: () => Promise<void>;
  close: () => Promise<void>;
};

/** What a process has to know of the source, in a file for all of them. */
function planIn(dir: string): string {
  const { points, sites } = enumerate();
  const file = path.join(dir, 'plan.json');
  fs.writeFileSync(file, JSON.stringify({ points: points.map(({ id }) => id), sites }));
  return file;
}

type Cast = {
  live: Map<number, Actor>;
  stops: Record<Role, Moment[]>;
  heard: (who: Standing) => void;
  /** One who waits for its part, by entrance. */
  waiting: Map<string, ChildProcess>;
  /** Replacements are made ready. */
  open: boolean;
};

const tellTo = (child: ChildProcess, message: ToProcess): void => {
  // A message to a process that has just ended reaches nobody.
  if (child.connected) child.send(message, () => undefined);
};

function spawnsOf(cast: Cast, dir: string) {
  const plan = planIn(dir);
  const load = (entrance: string, env: Record<string, string>): ChildProcess => {
    const child = spawn(node24, [path.join(import.meta.dirname, 'process.ts')], {
      cwd: root,
      env: {
        ...{ PATH: process.env['PATH'] ?? '', HOME: os.tmpdir(), ...env },
        ...{ KILLS_ENTRANCE: entrance, KILLS_PLAN: plan },
        NODE_COMPILE_CACHE: path.join(dir, 'compiled'),
      },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    child.on('error', () => undefined);
    return child;
  };
  return (entrance: string, env: Record<string, string>): ChildProcess => {
    const child = cast.waiting.get(entrance) ?? load(entrance, env);
    cast.waiting.delete(entrance);
    const role = entrance === 'server.ts' ? 'doors' : 'pool';
    const actor: Actor = { role, child, pid: child.pid ?? 0 };
    cast.live.set(actor.pid, actor);
    child.once('exit', () => cast.live.delete(actor.pid));
    child.on('message', (message: FromProcess) => {
      if (!('stands' in message)) return;
      const { stands: moment, id } = message;
      cast.heard({ actor, moment, id, sinceMs: performance.now() });
    });
    tellTo(child, { stopAt: cast.stops[role] });
    tellTo(child, { begin: true });
    if (cast.open) cast.waiting.set(entrance, load(entrance, env));
    return child;
  };
}

/** A server of its own, that can be killed and begun again at the same address. */
async function database(dir: string) {
  // What a process wrote stays when it is killed: only a loss of power needs more.
  const settings = { fsync: 'off', synchronous_commit: 'on', full_page_writes: 'on' };
  const server = await ensurePostgres({ dir, settings });
  const lock = path.join(dir, 'postgres', 'pgdata', 'postmaster.pid');
  const will = lastWill('kill -QUIT $(head -n 1 "$1")', [lock]);
  let { pid } = server;
  return {
    url: server.url,
    kill: (): void => {
      process.kill(pid, 'SIGKILL');
    },
    revive: async (): Promise<void> => {
      const again = await ensurePostgres({ dir, settings: { ...settings, port: server.port } });
      pid = again.pid;
    },
    close: async (): Promise<void> => {
      await stopPostgres(dir, 'immediate');
      will.drop();
    },
  };
}

export async function openStage(): Promise<Stage> {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'zaptill-kills-'));
  fs.chmodSync(dir, 0o711);
  const server = await database(dir);
  const cast: Cast = {
    ...{ live: new Map(), waiting: new Map(), open: false, heard: () => undefined },
    stops: { doors: [], pool: [] },
  };
  const world = await startWorld({
    ...{ databaseUrl: server.url, payments: true, other, pools, spawn: spawnsOf(cast, dir) },
    env: { LOG_LEVEL: 'info', SWEEP_SECONDS: '5' },
  });
  makePatient(world.db);
  const close = async (): Promise<void> => {
    cast.open = false;
    for (const child of cast.waiting.values()) child.kill('SIGKILL');
    await world.close();
    await server.close();
    fs.rmSync(dir, { recursive: true, force: true });
  };
  await furnish(world).catch(async (error: unknown) => {
    const said = world.processes.map((each) => each.output().slice(-2_000)).join('\n');
    await close();
    throw new Error(said, { cause: error });
  });
  cast.open = true;
  return {
    ...{ world, close, killDatabase: server.kill, reviveDatabase: server.revive },
    ...directing(cast),
    ...dying(cast, world),
  };
}

function directing(cast: Cast): Pick<Stage, 'stopAt' | 'onStanding' | 'go' | 'actors'> {
  return {
    stopAt: (role, moments) => {
      cast.stops[role] = moments;
      for (const actor of cast.live.values()) {
        if (actor.role === role) tellTo(actor.child, { stopAt: moments });
      }
    },
    onStanding: (tell) => {
      cast.heard = tell;
    },
    go: ({ actor, id }) => {
      tellTo(actor.child, { go: id });
    },
    actors: () => [...cast.live.values()],
  };
}

function dying(cast: Cast, world: World): Pick<Stage, 'kill' | 'listener'> {
  const processOf = (pid: number) => world.processes.find((each) => each.pid === pid);
  const nameOf = (pid: number): string | undefined =>
    /"pool":"(pool-\w+)"/.exec(processOf(pid)?.output() ?? '')?.[1];
  const kill: Stage['kill'] = async ({ role, child, pid }) => {
    const exited = child.exitCode === null && child.signalCode === null && once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
    if (role === 'doors') {
      world.doors = await world.startDoors().catch(async (error: unknown) => {
        // What it met is no reason to have none.
        world.doors = await world.startDoors();
        throw error;
      });
      return;
    }
    const next = world.startPool();
    world.pools = [...world.pools.filter((each) => each.isAlive()), next];
    // What it owned is free when its leases end, some seconds later: they end here.
    const name = nameOf(pid) ?? '';
    await world.db.pool.query(
      'update node set stream_lease_until = now() where stream_holder = $1',
      [name],
    );
    await world.db.pool.query('update listening set alive_until = now() where holder = $1', [name]);
    await until('the next pool works', () => next.output().includes('"pool.open"'), 120_000);
  };
  const listener: Stage['listener'] = async () => {
    const { rows } = await world.db.pool.query<{ holder: string }>(
      'select stream_holder as holder from node where stream_lease_until > now() limit 1',
    );
    const [row] = rows;
    return [...cast.live.values()].find(({ pid }) => row && nameOf(pid) === row.holder);
  };
  return { kill, listener };
}

/** Who only watches asks again while the database is away. */
async function again<T>(ask: () => Promise<T>): Promise<T> {
  const end = Date.now() + 120_000;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!isDatabaseAway(error) || Date.now() > end) throw error;
      await pause(100);
    }
  }
}

function makePatient(db: Database): void {
  const extended = db.prisma.$extends({
    query: {
      $allOperations: ({ args, query }) =>
        again(() => (query as (args: unknown) => Promise<unknown>)(args)),
    },
  });
  // An extension of queries changes no type but the client's name.
  Object.assign(db, { prisma: extended as unknown as PrismaClient });
  const query = db.pool.query.bind(db.pool) as (...given: unknown[]) => Promise<unknown>;
  // Prisma's own connections come from here with a callback's ways: only promises are asked again.
  Object.assign(db.pool, {
    query: (...given: unknown[]) =>
      typeof given.at(-1) === 'function' ? query(...given) : again(() => query(...given)),
  });
}

/** What the stories need: policies, the payments app, and another app with its own merchant. */
async function furnish(world: World): Promise<void> {
  const { prisma } = world.db;
  const shop = await prisma.shop.findFirstOrThrow();
  const settings = { unpaidHours, smallestMsat: 1_000_000n, version: 1 };
  await prisma.settings.upsert({
    where: { shopId: shop.id },
    create: { shopId: shop.id, ...settings },
    update: settings,
  });
  await until('the payments app is known', () =>
    prisma.registration.findFirst({ where: { kind: 'payments' } }),
  );
  await hasPaymentsApp(world);
  const { name, clientId, secret } = other.app;
  const place = { table: 'registration', field: 'secret', shop: '', record: clientId };
  const vault = openVault(parseVaultKeys(world.vaultKeys) ?? []);
  const sealedSecret = Uint8Array.from(vault.seal(Buffer.from(secret), place));
  await storeRegistration(world.db, { name, clientId, sealedSecret });
  await until('the node is followed', () =>
    prisma.node.findFirst({ where: { NOT: { streamWholeSince: null } } }),
  );
}
