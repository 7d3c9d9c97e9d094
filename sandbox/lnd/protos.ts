/**
 * LND's own message definitions, from the proto files that ship inside the package `lightning`.
 * Parsed once per process.
 */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { loadSync } from '@grpc/proto-loader';
import type { MethodDefinition } from '@grpc/proto-loader';

const FILES = ['lightning', 'invoices', 'router', 'stateservice', 'verrpc', 'chainnotifier'];

export type Method = MethodDefinition<object, object>;

let known: ReadonlyMap<string, Method> | undefined;

/** Full method name -> how its messages are written. */
export const methods = (): ReadonlyMap<string, Method> => {
  if (known) return known;
  const folder = join(dirname(createRequire(import.meta.url).resolve('lightning')), 'grpc/protos');
  const found = new Map<string, Method>();
  for (const file of FILES) {
    const definitions = loadSync(join(folder, `${file}.proto`), {
      defaults: true,
      enums: String,
      keepCase: true,
      longs: String,
      oneofs: true,
    });
    for (const definition of Object.values(definitions)) {
      if ('format' in definition) continue;
      for (const method of Object.values(definition)) found.set(method.path, method);
    }
  }
  known = found;
  return found;
};
