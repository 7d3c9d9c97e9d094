// Shopify answered, and said with which version of its interface. What is new is stored at once;
// the same word of the same document is stored again after a minute, and not with every call.
import type { ApiWord } from '../core/api-version.ts';
import type { Clock } from '../core/ports.ts';
import { storeApiWord } from '../db/api-notices.ts';
import type { Database } from '../db/database.ts';
import type { Log } from './flow.ts';

const againMs = 60_000;

/** Made once for each process. Never throws, and nobody waits for it. */
export function hearApiVersion(deps: {
  db: Database;
  log: Log;
  clock: Clock;
  /** The version that we ask for. */
  asked: string;
  count: (word: ApiWord & { asked: string }) => void;
}): (word: ApiWord) => void {
  const heard = new Map<string, { said: string; at: number }>();
  return (word) => {
    deps.count({ ...word, asked: deps.asked });
    const now = deps.clock().getTime();
    const said = `${word.version} ${word.deprecated ?? ''}`;
    const last = heard.get(word.operation);
    if (last?.said === said && now - last.at < againMs) return;
    heard.set(word.operation, { said, at: now });
    if (last?.said !== said && (word.version !== deps.asked || word.deprecated !== null)) {
      deps.log.warn({ ...word, asked: deps.asked }, 'shopify.version');
    }
    storeApiWord(deps.db, word).catch((error: unknown) => {
      // The next answer says it again.
      heard.delete(word.operation);
      deps.log.warn({ operation: word.operation, err: error }, 'shopify.version_not_stored');
    });
  };
}
