// The entrance of a process that is to be killed. Before it imports our own entrance it makes
// every point visible: named statements at the driver of the database, calls at their place in the
// source as it is loaded. Nothing of it stands in the program. Who plays the world says at which
// passing of which point this process ends itself by SIGKILL, or waits until an outsider was
// killed.
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import pg from 'pg';
import type { Site } from './points.ts';

export type Side = 'before' | 'after';
/** `at` counts the passings from the moment of this order. */
export type Order = { point: string; side: Side; at: number; victim: 'self' | 'other' };
export type ToProcess = { orders: Order[] } | { go: string };
export type FromProcess = { passed: string } | { hit: string };

const root = path.join(import.meta.dirname, '..', '..');
const given = JSON.parse(readFileSync(process.env['KILLS_PLAN'] ?? '', 'utf8')) as {
  points: string[];
  sites: Site[];
};

const orders = new Map<string, Order>();
const waiting = new Map<string, () => void>();
const passed = new Set<string>();
const tell = (message: FromProcess): void => {
  if (process.connected) process.send?.(message);
};

process.on('message', (message: ToProcess) => {
  if ('go' in message) {
    waiting.get(message.go)?.();
    waiting.delete(message.go);
    return;
  }
  orders.clear();
  for (const order of message.orders) orders.set(`${order.point} ${order.side}`, { ...order });
});
process.on('disconnect', () => process.exit(1));

/** One side of a point is passed: the moment of its kill, if it was asked for. */
async function pass(point: string, side: Side): Promise<void> {
  const id = `${point} ${side}`;
  if (!passed.has(id)) {
    passed.add(id);
    tell({ passed: id });
  }
  const order = orders.get(id);
  if (order === undefined) return;
  order.at -= 1;
  if (order.at > 0) return;
  orders.delete(id);
  if (order.victim === 'self') process.kill(process.pid, 'SIGKILL');
  const went = new Promise<void>((go) => waiting.set(id, go));
  tell({ hit: id });
  await went;
}

async function around<T>(point: string, work: () => Promise<T>): Promise<T> {
  await pass(point, 'before');
  const result = await work();
  await pass(point, 'after');
  return result;
}

const exact = new Set(given.points);
const patterns = given.points
  .filter((id) => id.startsWith('sql ') && id.includes('*'))
  .sort((one, other) => other.length - one.length)
  .map((id) => ({ id, like: new RegExp(`^${id.replaceAll('*', '\\w+')}$`) }));
const pointOf = (name: string): string | undefined => {
  const id = `sql ${name}`;
  return exact.has(id) ? id : patterns.find(({ like }) => like.test(id))?.id;
};

type Callback = (error: unknown, result?: unknown) => void;
type Query = (this: pg.Client, ...given: unknown[]) => unknown;
const { query: sent } = pg.Client.prototype as unknown as { query: Query };
/** The points of the transaction that a connection is in: they are over when it is committed. */
const open = new WeakMap<pg.Client, string[]>();

/** What is to be done around a statement; undefined: nothing. */
function watch(client: pg.Client, about: { text: string; name: string }) {
  const word = about.text.trim().toLowerCase();
  if (word === 'begin') open.set(client, []);
  if (word === 'rollback') open.delete(client);
  const inside = open.get(client);
  if (word === 'commit') {
    open.delete(client);
    if (inside === undefined || inside.length === 0) return undefined;
    return async (work: () => Promise<unknown>) => {
      const result = await work();
      for (const point of inside) await pass(point, 'after');
      return result;
    };
  }
  const point = about.name === '' ? undefined : pointOf(about.name);
  if (point === undefined) return undefined;
  if (inside === undefined) return (work: () => Promise<unknown>) => around(point, work);
  return async (work: () => Promise<unknown>) => {
    await pass(point, 'before');
    const result = await work();
    inside.push(point);
    return result;
  };
}

const watched: Query = function query(...args) {
  const [first] = args;
  const config = (typeof first === 'object' && first !== null ? first : {}) as {
    text?: string;
    name?: string;
    submit?: unknown;
  };
  if (config.submit !== undefined) return sent.apply(this, args);
  const text = typeof first === 'string' ? first : (config.text ?? '');
  const around = watch(this, { text, name: config.name ?? '' });
  if (around === undefined) return sent.apply(this, args);
  const at = args.findIndex((each) => typeof each === 'function');
  const values = at === -1 ? args : args.slice(0, at);
  const whole = around(
    () =>
      new Promise((done, failed) => {
        const back: Callback = (error, result) => {
          if (error instanceof Error) failed(error);
          else done(result);
        };
        sent.call(this, values[0], values[1], back);
      }),
  );
  if (at === -1) return whole;
  const callback: Callback = args[at] as Callback;
  whole.then(
    (result) => {
      process.nextTick(callback, undefined, result);
    },
    (error: unknown) => {
      process.nextTick(callback, error);
    },
  );
  return undefined;
};
Object.assign(pg.Client.prototype, { query: watched });

/** Calls are wrapped where they stand, the last one of a file first, so that offsets stay true. */
function wrapped(source: string, sites: readonly Site[]): string {
  let text = source;
  for (const { id, from, to, waits } of sites.toSorted((one, other) => other.from - one.from)) {
    const work = `${waits ? 'async ' : ''}() => ${text.slice(from, to)}`;
    const call = `globalThis.aroundPoint(${JSON.stringify(id)}, ${work})`;
    text = text.slice(0, from) + call + text.slice(to);
  }
  return text;
}

Object.assign(globalThis, { aroundPoint: around });
registerHooks({
  load: (url, context, next) => {
    const loaded = next(url, context);
    if (!url.startsWith('file:')) return loaded;
    const file = path.relative(root, fileURLToPath(url));
    const sites = given.sites.filter((site) => site.file === file);
    if (sites.length === 0) return loaded;
    return { ...loaded, source: wrapped(readFileSync(fileURLToPath(url), 'utf8'), sites) };
  },
});

await import(pathToFileURL(path.join(root, process.env['KILLS_ENTRANCE'] ?? '')).href);
