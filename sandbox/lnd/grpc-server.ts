/**
 * A gRPC server over TLS, straight on Node's HTTP/2: one request message in, any number out, then a
 * status.
 *
 * It is written without `@grpc/grpc-js`, which is what the program under test speaks with, so that
 * both ends cannot share a fault; and because a stand-in must be able to do what a library forbids:
 * cut a connection in the middle of a stream, or answer a client that pings too often as grpc-go
 * does. Source: gRPC over HTTP/2 (PROTOCOL-HTTP2.md), grpc-go's keepalive enforcement.
 */
import http2 from 'node:http2';
import type { IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { Certificate } from './certificate.ts';

export type Call = {
  /** Like `/lnrpc.Lightning/AddInvoice`. */
  readonly path: string;
  /** Hex, as sent; an honest client sends exactly one. */
  readonly macaroons: string[];
  /** The port of the other end, by which the front door knows who it is. */
  readonly peerPort: number;
  readonly request: Buffer;
  send: (message: Buffer) => void;
  finish: (code: number, details: string) => void;
  isOver: () => boolean;
  /** Called once when either side has ended the call. */
  onOver: (listener: () => void) => void;
};

export type GrpcServer = {
  port: number;
  /** GOAWAY, then closes when the open calls have ended. */
  closeGently: () => Promise<void>;
  /** Tells every client that it pings too often, and hangs up. */
  sendAway: () => void;
  /** Destroys every connection. */
  destroy: () => void;
};

/**
 * LND: `grpc.client-allow-ping-without-stream=false`, `grpc.client-ping-min-wait=5s`; grpc-go
 * forgives two.
 */
export type PingRules = { shortestMs: number; forgiven: number };

const REQUEST_CAP = 200 * 2 ** 20;
const { NGHTTP2_ENHANCE_YOUR_CALM } = http2.constants;

const framed = (message: Buffer): Buffer => {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
};
/** grpc-message is percent-encoded UTF-8. */
const encodedDetails = (details: string): string =>
  [...Buffer.from(details)]
    .map((byte) =>
      byte >= 0x20 && byte <= 0x7e && byte !== 0x25
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`,
    )
    .join('');

const macaroonsOf = (headers: IncomingHttpHeaders): string[] => {
  const value = headers['macaroon'];
  if (value === undefined) return [];
  return Array.isArray(value) ? value : value.split(',').map((one) => one.trim());
};

const openCall = (stream: ServerHttp2Stream, of: { path: string; macaroons: string[] }) => {
  const listeners: (() => void)[] = [];
  let over = false;
  let answered = false;
  let status = { 'grpc-status': '0', 'grpc-message': '' };
  const end = (): void => {
    if (over) return;
    over = true;
    for (const listener of listeners) listener();
  };
  stream.on('close', end);
  stream.on('error', end);
  stream.on('wantTrailers', () => {
    stream.sendTrailers(status);
  });
  const contentType = { ':status': 200, 'content-type': 'application/grpc' };
  return (request: Buffer): Call => ({
    ...of,
    peerPort: stream.session?.socket.remotePort ?? 0,
    request,
    send: (message) => {
      if (over || stream.destroyed) return;
      if (!answered) stream.respond(contentType, { waitForTrailers: true });
      answered = true;
      stream.write(framed(message));
    },
    finish: (code, details) => {
      if (over || stream.destroyed) return;
      status = { 'grpc-status': String(code), 'grpc-message': encodedDetails(details) };
      if (answered) stream.end();
      else stream.respond({ ...contentType, ...status }, { endStream: true });
      end();
    },
    isOver: () => over,
    onOver: (listener) => {
      if (over) listener();
      else listeners.push(listener);
    },
  });
};

/** Collects the one request message. A client that sends more than the cap is cut off. */
const readRequestMessage = (stream: ServerHttp2Stream, done: (message: Buffer) => void): void => {
  const chunks: Buffer[] = [];
  let have = 0;
  let isDone = false;
  stream.on('data', (chunk: Buffer) => {
    if (isDone) return;
    chunks.push(chunk);
    have += chunk.length;
    if (have > REQUEST_CAP) stream.close(http2.constants.NGHTTP2_CANCEL);
    if (have < 5) return;
    const all = chunks.length === 1 ? chunk : Buffer.concat(chunks);
    const length = all.readUInt32BE(1);
    if (all.length < 5 + length) {
      chunks.splice(0, chunks.length, all);
      return;
    }
    isDone = true;
    done(all.subarray(5, 5 + length));
  });
};

const sendAway = (session: ServerHttp2Session): void => {
  session.goaway(NGHTTP2_ENHANCE_YOUR_CALM, 0, Buffer.from('too_many_pings'));
  session.destroy(undefined, NGHTTP2_ENHANCE_YOUR_CALM);
};

/** Counts a client's bad pings as grpc-go does, and sends it away when there are too many. */
const enforcePings = (session: ServerHttp2Session, streams: () => number, rules: PingRules) => {
  let last = 0;
  let strikes = 0;
  session.on('ping', () => {
    const now = performance.now();
    const shortest = streams() > 0 ? rules.shortestMs : 2 * 3_600_000;
    if (last > 0 && now - last < shortest) strikes += 1;
    last = now;
    if (strikes > rules.forgiven) sendAway(session);
  });
  return {
    /** Sending data pardons a client. */
    pardon: (): void => {
      strikes = 0;
      last = 0;
    },
  };
};

export const startGrpcServer = async (options: {
  certificate: Certificate;
  pings: PingRules;
  /** Whether the client may talk before it has sent a message: it streams its side, too. */
  isStreamedIn: (path: string) => boolean;
  onCall: (call: Call) => void;
}): Promise<GrpcServer> => {
  const sessions = new Set<ServerHttp2Session>();
  const server = http2.createSecureServer({
    cert: options.certificate.certPem,
    key: options.certificate.keyPem,
    maxSessionMemory: 1000,
    settings: { initialWindowSize: 2 ** 20, maxConcurrentStreams: 2 ** 31 - 1 },
  });
  server.on('session', (session) => {
    const open = new Set<ServerHttp2Stream>();
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
    session.on('error', () => sessions.delete(session));
    const pings = enforcePings(session, () => open.size, options.pings);
    session.on('stream', (stream, headers) => {
      open.add(stream);
      stream.on('close', () => open.delete(stream));
      stream.on('error', () => open.delete(stream));
      const path = headers[':path'] ?? '';
      const callWith = openCall(stream, { path, macaroons: macaroonsOf(headers) });
      const begin = (message: Buffer): void => {
        const call = callWith(message);
        const send = call.send;
        call.send = (answer) => {
          pings.pardon();
          send(answer);
        };
        options.onCall(call);
      };
      if (options.isStreamedIn(path)) begin(Buffer.alloc(0));
      else readRequestMessage(stream, begin);
    });
  });
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    closeGently: async () => {
      for (const session of sessions) session.close();
      await new Promise<void>((resolve) =>
        server.close(() => {
          resolve();
        }),
      );
    },
    sendAway: () => {
      for (const session of sessions) sendAway(session);
    },
    destroy: () => {
      for (const session of sessions) session.destroy();
      sessions.clear();
      server.close();
    },
  };
};
