// A world whose processes can be killed at a point of the source, and outsiders that can be killed
// at the moment in which one of our processes passes it.
import { spawn, type ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { ensurePostgres, stopPostgres } from '../../scripts/postgres.ts';
import { setTimeout as pause } from 'node:timers/promises';
import { isDatabaseAway } from '../../web/db/database.ts';
import type { PrismaClient } from '../../web/db/generated/client.ts';
import { storeRegistration } from '../../web/db/registrations.ts';
import { parseVaultKeys } from '../../web/vault/keys.ts';
import { openVault } from '../../web/vault/seal.ts';
import { hasPaymentsApp } from '../journey/offsite-shop.ts';
import { startWorld, until, type Process, type World } from '../world.ts';
import { enumerate } from './points.ts';
import type { FromProcess, Order, ToProcess } from './process.ts';

const root = path.join(import.meta.dirname, '..', '..');
const node24 = path.join(root, 'node_modules', 'node', 'bin', 'node');

export const roles = ['doors', 'pool'] as const;
export type Role = (typeof roles)[number];
export const unpaidHours = 5;
export const other = {
  app: { name: 'zaptill-other', clientId: 'zaptill-other-client', secret: 'shpss_other_0001' },
  shop: 'beach.myshopify.com',
};

type Actor = { child: ChildProcess; onHit: (id: string) => void };

export type Stage = {
  world: World;
  /** What processes of this role have passed: a point and its side. */
  passed: (role: Role) => ReadonlySet<string>;
  order: (role: Role, orders: Order[], onHit?: (id: string) => void) => void;
  /** An outsider was killed and is there again: the process may go on. */
  go: (role: Role, id: string) => void;
  isAlive: (role: Role) => boolean;
  /** Ends a process in order of its own making, and begins it again. */
  restart: (role: Role) => Promise<void>;
  /** Brings back a process that was killed. */
  revive: (role: Role) => Promise<void>;
  /** The database is gone without a word, and comes back. */
  crashDatabase: () => Promise<void>;
  close: () => Promise<void>;
};

/** What a process has to know of the source, in a file for all of them. */
function planIn(dir: string): string {
  const { points, sites } = enumerate();
  const file = path.join(dir, 'plan.json');
  fs.writeFileSync(file, JSON.stringify({ points: points.map(({ id }) => id), sites }));
  return file;
}

function actorsOf(plan: string) {
  const actors = new Map<number, Actor>();
  const passed = { doors: new Set<string>(), pool: new Set<string>() };
  const start = (entrance: string, env: Record<string, string>): ChildProcess => {
    const child = spawn(node24, [path.join(import.meta.dirname, 'process.ts')], {
      cwd: root,
      env: {
        ...{ PATH: process.env['PATH'] ?? '', HOME: os.tmpdir(), ...env },
        ...{ KILLS_ENTRANCE: `web/${entrance}`, KILLS_PLAN: plan },
      },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    const role = entrance === 'server.ts' ? 'doors' : 'pool';
    const actor: Actor = { child, onHit: () => undefined };
    child.on('message', (message: FromProcess) => {
      if ('passed' in message) passed[role].add(message.passed);
      else actor.onHit(message.hit);
    });
    // A message to a process that has just ended reaches nobody.
    child.on('error', () => undefined);
    actors.set(child.pid ?? 0, actor);
    return child;
  };
  return { actors, passed, start };
}

export async function openStage(): Promise<Stage> {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'zaptill-kills-'));
  fs.chmodSync(dir, 0o711);
  const server = await ensurePostgres({ dir, settings: { fsync: 'on' }, endWithUs: true });
  const settings = { port: server.port, fsync: 'on' };
  const { actors, passed, start } = actorsOf(planIn(dir));
  const world = await startWorld({
    ...{ databaseUrl: server.url, payments: true, other, spawn: start },
    env: { LOG_LEVEL: 'info', SWEEP_SECONDS: '5' },
  });
  Object.assign(world.db, { prisma: patient(world.db.prisma) });
  const close = async (): Promise<void> => {
    await world.close();
    await stopPostgres(dir, 'immediate');
    fs.rmSync(dir, { recursive: true, force: true });
  };
  await furnish(world).catch(async (error: unknown) => {
    const said = world.pools.map((pool) => pool.output().slice(-2_000)).join('\n');
    await close();
    throw new Error(said, { cause: error });
  });
  const processOf = (role: Role): Process => {
    const found = role === 'doors' ? world.doors : world.pools[0];
    if (found === undefined) throw new Error('there is no pool');
    return found;
  };
  const actorOf = (role: Role): Actor => {
    const found = actors.get(processOf(role).pid);
    if (found === undefined) throw new Error('an unknown process');
    return found;
  };
  const send = (role: Role, message: ToProcess): void => {
    const { child } = actorOf(role);
    if (child.connected) child.send(message, () => undefined);
  };
  const revive = async (role: Role): Promise<void> => {
    if (role === 'doors') world.doors = await world.startDoors();
    else world.pools[0] = world.startPool();
  };
  return {
    world,
    revive,
    restart: async (role) => {
      await processOf(role).kill('SIGTERM');
      await revive(role);
    },
    passed: (role) => passed[role],
    order: (role, orders, onHit = () => undefined) => {
      actorOf(role).onHit = onHit;
      send(role, { orders });
    },
    go: (role, id) => {
      send(role, { go: id });
    },
    isAlive: (role) => processOf(role).isAlive(),
    crashDatabase: async () => {
      await stopPostgres(dir, 'immediate');
      await ensurePostgres({ dir, settings, endWithUs: true });
    },
    close,
  };
}

/** Who only watches asks again while the database is away. */
function patient(prisma: PrismaClient): PrismaClient {
  const extended = prisma.$extends({
    query: {
      $allOperations: async ({ args, query }) => {
        const ask = query as (args: unknown) => Promise<unknown>;
        const end = Date.now() + 60_000;
        for (;;) {
          try {
            return await ask(args);
          } catch (error) {
            if (!isDatabaseAway(error) || Date.now() > end) throw error;
            await pause(100);
          }
        }
      },
    },
  });
  // An extension of queries changes no type but the client's name.
  return extended as unknown as PrismaClient;
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
