// Certificates end and are renewed in their files. What is there is taken while the door is open;
// what is broken, or half written, is said and left, and the door goes on with what it had.
import { statSync } from 'node:fs';
import type { Log } from '../flows/flow.ts';
import type { Lock } from './mutual-tls.ts';

/** A lock, where it comes from, and how it is read from there once more. */
type Renewable = Lock & { files: readonly string[]; readAgain: () => Lock };

const lookEveryMs = 60_000;

/** Looks at the files now and then, and renews. Gives how to stop that. */
export function keepRenewed(
  about: { log: Log; renew: (lock: Lock) => void },
  from: Renewable,
  everyMs = lookEveryMs,
): () => void {
  const { log, renew } = about;
  const { files, readAgain } = from;
  if (files.length === 0) return () => undefined;
  let seen = looksOf(files);
  let used = contentOf(from);
  const look = (): void => {
    // Before they are read: what is written meanwhile is seen the next time.
    const looks = looksOf(files);
    if (looks === seen) return;
    seen = looks;
    try {
      const lock = readAgain();
      if (contentOf(lock) === used) return;
      renew(lock);
      used = contentOf(lock);
      log.info({ files }, 'payments_door.renewed');
    } catch (error) {
      const because = error instanceof Error ? error.message : 'unknown';
      log.error({ files, because }, 'payments_door.not_renewed');
    }
  };
  const timer = setInterval(look, everyMs).unref();
  return () => {
    clearInterval(timer);
  };
}

/** What changes when a file is written or replaced; also behind a link. */
const looksOf = (files: readonly string[]): string =>
  files
    .map((file) => {
      const stat = statSync(file, { throwIfNoEntry: false });
      return stat === undefined ? 'none' : [stat.mtimeMs, stat.size, stat.ino].join(':');
    })
    .join(' ');

const contentOf = ({ certificate, key, clientCertificates }: Lock): string =>
  [certificate, key, ...clientCertificates].join('\n');
