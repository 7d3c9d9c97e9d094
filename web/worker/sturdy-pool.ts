// A pg pool for graphile-worker. The engine does not await its completions: were one rejected
// because the database went away, the process would end. It does retry a serialization failure
// (40001, for minutes), so whatever passes by itself is told to it as one.
import pg from 'pg';
import { connectionOptions, isDatabaseAway, sessionOptions } from '../db/database.ts';

/** Limits that were hit; a server that starts, stops, is full or read-only. */
const passingCodes = /^(?:08|53|57)|^(?:25006|25P0[34]|40P01|55P03|58030)$/;
const serializationFailure = '40001';

const codeOf = (error: Error): string =>
  'code' in error && typeof error.code === 'string' ? error.code : '';

function asRetriable(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  if (!isDatabaseAway(error) && !passingCodes.test(codeOf(error))) return error;
  return Object.assign(new Error(error.message, { cause: error }), { code: serializationFailure });
}

/**
 * The same function, whose rejections say 40001 where trying again is all there is to do. Once
 * `isOver`, nobody waits for an answer any more: a rejection would only end the process.
 */
function sturdy<F extends (...args: never[]) => unknown>(
  original: F,
  isOver: () => boolean = () => false,
): F {
  return new Proxy(original, {
    apply: (target, self, args: Parameters<F>): unknown => {
      const result: unknown = Reflect.apply(target, self, args);
      if (!(result instanceof Promise)) return result;
      return result.catch((error: unknown) => {
        if (isOver()) return new Promise(() => undefined);
        throw asRetriable(error);
      });
    },
  });
}

/** Opens lazily, and survives a database that comes and goes. */
export function sturdyPool(about: {
  url: string;
  connections: number;
  onError: (error: Error) => void;
}): pg.Pool {
  const pool = new pg.Pool({
    connectionString: about.url,
    max: about.connections,
    // It carries nudges, which may be lost or come again with the server: none waits for its disk.
    options: `${sessionOptions} -c synchronous_commit=off`,
    ...connectionOptions,
  });
  pool.on('error', about.onError);
  pool.on('connect', (client) => {
    client.on('error', about.onError);
    client.query = sturdy(client.query.bind(client));
  });
  pool.connect = sturdy(pool.connect.bind(pool), () => pool.ending || pool.ended);
  return pool;
}
