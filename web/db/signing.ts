// Who signs: one process at a time, by a lock that PostgreSQL takes back the moment its connection
// is gone. The same connection hears when there may be something to pay. A second signer waits.
import pg from 'pg';
import { connectionOptions, sessionOptions } from './database.ts';

/** Said when a claim was given or approved; a hint only. */
export const claimsChannel = 'refund_claims';
/** Any number, the same in every signer. */
const lockKey = 5_110_021;
const againMs = 1_000;

export type Signing = { close: () => Promise<void> };

/**
 * `began` is called each time this process becomes the one that signs, `over` each time it is no
 * longer, and `heard` when there may be work. Comes back by itself when the connection is cut.
 */
export function waitToSign(
  url: string,
  on: { began: () => void; over: () => void; heard: () => void },
): Signing {
  let client: pg.Client | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  let signs = false;

  const later = (work: () => void): void => {
    if (closed) return;
    timer = setTimeout(work, againMs);
  };
  const lost = (): void => {
    if (client === undefined) return;
    void client.end().catch(() => undefined);
    client = undefined;
    if (signs) on.over();
    signs = false;
    later(connect);
  };
  const ask = async (at: pg.Client): Promise<void> => {
    const text = 'select pg_try_advisory_lock($1) as taken';
    const { rows } = await at.query<{ taken: boolean }>(text, [lockKey]);
    if (client !== at) return;
    if (rows[0]?.taken !== true) {
      later(() => void ask(at).catch(lost));
      return;
    }
    signs = true;
    on.began();
  };
  const connect = (): void => {
    const next = new pg.Client({
      connectionString: url,
      options: sessionOptions,
      ...connectionOptions,
      application_name: 'zaptill-signer',
    });
    client = next;
    const gone = (): void => {
      if (client === next) lost();
    };
    next.on('error', gone).on('end', gone);
    next.on('notification', () => {
      on.heard();
    });
    next
      .connect()
      .then(() => next.query(`listen ${claimsChannel}`))
      .then(() => ask(next))
      .catch(gone);
  };
  connect();
  return {
    close: async () => {
      closed = true;
      clearTimeout(timer);
      const had = client;
      client = undefined;
      signs = false;
      await had?.end().catch(() => undefined);
    },
  };
}
