// PostgreSQL for storms, each server with one world at a time: what another world does on the same
// server would show in which old rows may be cleared away, and so in where rows lie.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { ensurePostgres, stopPostgres } from '../../scripts/postgres.ts';

const settings = {
  ...{ fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off', max_connections: 200 },
  ...{ autovacuum: 'off', shared_buffers: '128MB', synchronize_seqscans: 'off' },
  ...{ wal_level: 'minimal', max_wal_senders: 0, max_wal_size: '4GB', track_activities: 'off' },
  ...{ track_counts: 'off', update_process_title: 'off', checkpoint_timeout: '1h' },
};

export type Servers = { urls: string[]; close: () => Promise<void> };

async function startOne(): Promise<{ url: string; close: () => Promise<void> }> {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'zaptill-storm-'));
  fs.chmodSync(dir, 0o711);
  const home = path.join(dir, 'postgres');
  const socket = { unix_socket_directories: home };
  const { url } = await ensurePostgres({
    ...{ dir, settings: { ...settings, ...socket }, endWithUs: true },
  });
  const at = new URL(url);
  at.searchParams.set('host', home);
  return {
    url: at.toString(),
    close: async () => {
      await stopPostgres(dir, 'immediate');
      fs.rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Starts so many, next to each other. They end with this process, whatever it dies of. */
export async function startServers(count: number): Promise<Servers> {
  const all = await Promise.all(Array.from({ length: count }, startOne));
  return {
    urls: all.map(({ url }) => url),
    close: async () => {
      await Promise.all(all.map(({ close }) => close()));
    },
  };
}
