/**
 * The TCP socket that clients reach, in front of the node's TLS server.
 *
 * Bytes pass through unchanged, so TLS and gRPC are end to end. Here a network fails the way networks do: nobody listens,
 * every byte comes late, or the connection stays open and nothing moves in either direction.
 */
import net from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

export type FrontDoor = {
  readonly port: number;
  open: () => Promise<void>;
  /** Nobody listens any more, and every connection is reset. */
  close: () => Promise<void>;
  /** Connections stay (new ones are accepted, too), but no byte moves. */
  freeze: () => void;
  /** Lets everything that was held back go on. */
  thaw: () => void;
  /** Every chunk, in both directions, comes this much later. */
  slowDown: (ms: number) => void;
  /** Cuts what is connected; new connections are welcome. */
  cutConnections: () => void;
  /** Cuts the one connection that reaches the TLS server from this port. */
  cut: (innerPort: number) => void;
  /** Who stands behind a connection to the TLS server. */
  addressOf: (innerPort: number) => string;
  connections: () => number;
};

type Line = { outer: Socket; inner: Socket };

export const frontDoor = (options: { port: number; innerPort: () => number }): FrontDoor => {
  const lines = new Set<Line>();
  const addresses = new Map<number, string>();
  let port = options.port;
  let isFrozen = false;
  let lateMs = 0;
  let server: net.Server | undefined;

  const pass = (from: Socket, to: Socket): void => {
    from.on('data', (chunk: Buffer) => {
      const write = (): void => {
        if (to.destroyed) return;
        if (!to.write(chunk)) {
          from.pause();
          to.once('drain', () => {
            if (!isFrozen) from.resume();
          });
        }
      };
      if (lateMs > 0) setTimeout(write, lateMs).unref();
      else write();
    });
  };
  const accept = (outer: Socket): void => {
    const inner = net.connect(options.innerPort(), '127.0.0.1');
    const line = { outer, inner };
    lines.add(line);
    outer.setNoDelay(true);
    inner.setNoDelay(true);
    let innerPort = 0;
    inner.on('connect', () => {
      innerPort = inner.localPort ?? 0;
      addresses.set(innerPort, (outer.remoteAddress ?? '').replace(/^::ffff:/, ''));
    });
    const end = (): void => {
      lines.delete(line);
      addresses.delete(innerPort);
      outer.destroySoon();
      inner.destroySoon();
    };
    for (const socket of [outer, inner]) {
      socket.on('error', end);
      socket.on('close', end);
    }
    pass(outer, inner);
    pass(inner, outer);
    if (isFrozen) {
      outer.pause();
      inner.pause();
    }
  };
  const cutConnections = (): void => {
    for (const { outer, inner } of lines) {
      outer.resetAndDestroy();
      inner.destroy();
    }
    lines.clear();
  };
  const open = async (): Promise<void> => {
    isFrozen = false;
    const listening = net.createServer(accept);
    await new Promise<void>((resolve, reject) => {
      listening.once('error', reject);
      listening.listen(port, '127.0.0.1', resolve);
    });
    server = listening;
    port = (listening.address() as AddressInfo).port;
  };
  const close = async (): Promise<void> => {
    const closing = server;
    server = undefined;
    cutConnections();
    if (closing) await new Promise<void>((resolve) => closing.close(() => { resolve(); }));
  };
  return {
    get port() {
      return port;
    },
    open,
    close,
    freeze: () => {
      isFrozen = true;
      for (const { outer, inner } of lines) {
        outer.pause();
        inner.pause();
      }
    },
    thaw: () => {
      isFrozen = false;
      for (const { outer, inner } of lines) {
        outer.resume();
        inner.resume();
      }
    },
    slowDown: (ms) => {
      lateMs = ms;
    },
    cutConnections,
    cut: (innerPort) => {
      for (const { outer, inner } of lines) {
        if (inner.localPort !== innerPort) continue;
        inner.destroySoon();
        outer.destroySoon();
      }
    },
    addressOf: (innerPort) => addresses.get(innerPort) ?? '127.0.0.1',
    connections: () => lines.size,
  };
};
