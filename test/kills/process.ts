// The entrance of a process that is to be killed. Before it imports our own entrance it makes
// every point visible: named statements at the driver of the database, calls at their place in the
// source as it is loaded. Nothing of it stands in the program. Who plays the world says at which
// points a process stops; there it stands until somebody was killed, itself perhaps, and it is told
// to go on.
import { readFileSync } from 'node:fs';
import { flushCompileCache, registerHooks } from 'node:module';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import pg from 'pg';
import type { Site } from './points.ts';

export type Side = 'before' | 'after';
/** One side of a point: `sql invoice_settle before`. */
export type Moment = string;
/** `begin`: what waits with everything loaded becomes the process that it is to be. */
export type ToProcess = { begin: true } | { stopAt: Moment[] } | { go: number };
/** `passed` comes once for each moment; `stands` whenever it is one to stop at. */
export type FromProcess = { passed: Moment } | { stands: Moment; id: number };

const root = path.join(import.meta.dirname, '..', '..');
const given = JSON.parse(readFileSync(process.env['KILLS_PLAN'] ?? '', 'utf8')) as {
  points: string[];
  sites: Site[];
};

const stops = new Set<Moment>();
const standing = new Map<number, () => void>();
const passed = new Set<Moment>();
const began = Promise.withResolvers<undefined>();
let stood = 0;
const tell = (message: FromProcess): void => {
  if (process.connected) process.send?.(message);
};

process.on('message', (message: ToProcess) => {
  if ('begin' in message) began.resolve(undefined);
  else if ('go' in message) {
    standing.get(message.go)?.();
    standing.delete(message.go);
  } else {
    stops.clear();
    for (const moment of message.stopAt) stops.add(moment);
  }
});
process.on('disconnect', () => process.exit(1));

/** One side of a point is passed: who plays the world may do something before it goes on. */
async function pass(point: string, side: Side): Promise<void> {
  const moment = `${point} ${side}`;
  if (!passed.has(moment)) {
    passed.add(moment);
    tell({ passed: moment });
  }
  if (!stops.has(moment)) return;
  stood += 1;
  const id = stood;
  const goes = new Promise<void>((go) => standing.set(id, go));
  tell({ stands: moment, id });
  await goes;
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

const load = (file: string): Promise<unknown> =>
  import(pathToFileURL(path.join(root, 'web', file)).href);

// What takes long is done ahead: one who is killed is replaced by one that waits here.
const isDoors = process.env['KILLS_ENTRANCE'] === 'server.ts';
const isSigner = process.env['KILLS_ENTRANCE'] === 'signer.ts';
const ofPool = isSigner ? ['signer/loop.ts', 'vault/seal.ts'] : ['wiring.ts', 'worker/pool.ts'];
const ahead = isDoors ? ['wiring.ts', 'http/app.ts', 'http/from-payments.ts'] : ofPool;
for (const file of ['entrance.ts', ...ahead]) await load(file);
flushCompileCache();
await began.promise;
await load(process.env['KILLS_ENTRANCE'] ?? '');
