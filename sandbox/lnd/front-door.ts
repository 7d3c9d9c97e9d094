/**
 * The TCP socket that clients reach, in front of the node's TLS server.
 *
 * Bytes pass through unchanged, so TLS and gRPC are end to end. Here a network fails the way
 * networks do: nobody listens, every byte comes late, or the connection stays open and nothing
 * moves in either direction.
 */
import net from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

type Line = { outer: Socket; inner: Socket; innerPort: number };

export class FrontDoor {
  readonly #lines = new Set<Line>();
  readonly #innerPort: () => number;
  #port: number;
  #isFrozen = false;
  #lateMs = 0;
  #server: Server | undefined;

  /** Port 0 takes a free one at the first `open` and keeps it. */
  constructor(options: { port: number; innerPort: () => number }) {
    this.#port = options.port;
    this.#innerPort = options.innerPort;
  }

  get port(): number {
    return this.#port;
  }

  async open(): Promise<void> {
    this.#isFrozen = false;
    const server = net.createServer((outer) => {
      this.#accept(outer);
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.#port, '127.0.0.1', resolve);
    });
    this.#server = server;
    this.#port = (server.address() as AddressInfo).port;
  }

  /** Nobody listens any more; connections are reset, or ended after what was already on its way. */
  async close(how: 'reset' | 'end' = 'reset'): Promise<void> {
    const closing = this.#server;
    this.#server = undefined;
    if (how === 'reset') this.cutConnections();
    for (const { outer } of this.#lines) outer.destroySoon();
    if (closing) {
      await new Promise<void>((resolve) => {
        closing.close(() => {
          resolve();
        });
      });
    }
  }

  /** Connections stay, and new ones are accepted, but no byte moves. */
  freeze(): void {
    this.#isFrozen = true;
    for (const { outer, inner } of this.#lines) {
      outer.pause();
      inner.pause();
    }
  }

  /** Lets everything that was held back go on. */
  thaw(): void {
    this.#isFrozen = false;
    for (const { outer, inner } of this.#lines) {
      outer.resume();
      inner.resume();
    }
  }

  /** Every chunk, in both directions, comes this much later. */
  slowDown(ms: number): void {
    this.#lateMs = ms;
  }

  /** Cuts what is connected; new connections are welcome. */
  cutConnections(): void {
    for (const { outer, inner } of this.#lines) {
      outer.resetAndDestroy();
      inner.destroy();
    }
    this.#lines.clear();
  }

  /** Cuts the one connection that reaches the TLS server from this port. */
  cut(innerPort: number): void {
    for (const line of this.#lines) {
      if (line.innerPort !== innerPort) continue;
      line.inner.destroySoon();
      line.outer.destroySoon();
    }
  }

  /** Who stands behind a connection to the TLS server. */
  addressOf(innerPort: number): string {
    const line = [...this.#lines].find((one) => one.innerPort === innerPort);
    return (line?.outer.remoteAddress ?? '127.0.0.1').replace(/^::ffff:/, '');
  }

  #accept(outer: Socket): void {
    const inner = net.connect(this.#innerPort(), '127.0.0.1');
    const line: Line = { outer, inner, innerPort: 0 };
    this.#lines.add(line);
    inner.on('connect', () => {
      line.innerPort = inner.localPort ?? 0;
    });
    const end = (): void => {
      this.#lines.delete(line);
      outer.destroySoon();
      inner.destroySoon();
    };
    for (const socket of [outer, inner]) {
      socket.setNoDelay(true);
      socket.on('error', end);
      socket.on('close', end);
    }
    this.#pass(outer, inner);
    this.#pass(inner, outer);
    if (this.#isFrozen) {
      outer.pause();
      inner.pause();
    }
  }

  #pass(from: Socket, to: Socket): void {
    const write = (chunk: Buffer): void => {
      if (to.destroyed || to.write(chunk)) return;
      from.pause();
      to.once('drain', () => {
        if (!this.#isFrozen) from.resume();
      });
    };
    from.on('data', (chunk: Buffer) => {
      if (this.#lateMs === 0) write(chunk);
      else setTimeout(write, this.#lateMs, chunk).unref();
    });
  }
}
