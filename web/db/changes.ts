// Hears that a payment changed, from any process, so that a buyer's page shows "paid" at the move.
// A hint only: whoever waits also asks again by itself.
import pg from 'pg';
import { pagesChannel } from './announce.ts';
import { connectionOptions, sessionOptions } from './database.ts';

export type Changes = {
  /** Calls back with the link of each payment that changed. Returns the way to stop. */
  onChange: (link: string, heard: () => void) => () => void;
  close: () => Promise<void>;
};

/** Listens on a connection of its own and comes back by itself when it is cut. */
export function listenForChanges(url: string): Changes {
  const listeners = new Map<string, Set<() => void>>();
  let client: pg.Client | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  const again = (): void => {
    if (closed) return;
    client = undefined;
    timer = setTimeout(() => void connect(), 1_000);
    timer.unref();
  };
  const connect = async (): Promise<void> => {
    const next = new pg.Client({
      connectionString: url,
      options: sessionOptions,
      ...connectionOptions,
      application_name: 'zaptill-changes',
    });
    let over = false;
    const end = (): void => {
      if (over) return;
      over = true;
      void next.end().catch(() => undefined);
      again();
    };
    next.on('error', end).on('end', end);
    next.on('notification', (message) => {
      for (const heard of listeners.get(message.payload ?? '') ?? []) heard();
    });
    try {
      await next.connect();
      await next.query(`listen ${pagesChannel}`);
      if (isClosed()) end();
      else client = next;
    } catch {
      end();
    }
  };
  const isClosed = (): boolean => closed;
  void connect();

  return {
    onChange: (link, heard) => {
      const known = listeners.get(link) ?? new Set();
      listeners.set(link, known.add(heard));
      return () => {
        known.delete(heard);
        if (known.size === 0) listeners.delete(link);
      };
    },
    close: async () => {
      closed = true;
      clearTimeout(timer);
      await client?.end().catch(() => undefined);
    },
  };
}
