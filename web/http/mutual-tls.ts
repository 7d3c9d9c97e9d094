// The lock of the mTLS door. Who has no certificate that we know is gone before its request is
// read. What is known is only what was given: no public authority, and nothing by default.
import { constants, X509Certificate } from 'node:crypto';
import { createServer, type Server } from 'node:https';
import type { RequestListener } from 'node:http';
import { createSecureContext, type SecureContextOptions, type TLSSocket } from 'node:tls';
import { keepIdleMs } from './keep-idle.ts';

export type Lock = {
  /** PEM, with its chain. */
  certificate: string;
  key: string;
  /** PEM each: of authorities, or of the clients themselves. At least one. */
  clientCertificates: readonly string[];
};

/** The door, and how it gets other certificates while it is open. */
export type MutualTls = Server & {
  /** For everybody who knocks from here on. Throws, and changes nothing, when one is broken. */
  renew: (lock: Lock) => void;
};

/** A request that was let in may end; then its connection proves itself anew. */
const endWithinMs = 15_000;

const contextOf = ({ certificate, key, clientCertificates }: Lock): SecureContextOptions => ({
  ...{ cert: certificate, key, ca: [...clientCertificates] },
  minVersion: 'TLSv1.2',
  // Every connection proves itself anew: a certificate that has ended is not remembered.
  secureOptions: constants.SSL_OP_NO_TICKET,
});

function pinnedOf({ clientCertificates }: Lock): ReadonlySet<string> {
  const known = clientCertificates.map((pem) => new X509Certificate(pem));
  if (known.length === 0) throw new Error('no client certificate is known: the door stays shut');
  return new Set(known.filter(({ ca }) => !ca).map((each) => each.fingerprint256));
}

/**
 * An authority's certificate vouches for those that it signed. Any other is known by its
 * fingerprint: OpenSSL does not take it for an authority, and the handshake proves that its key is
 * there. Source: Node's `tls`, where a leaf in `ca` never makes a socket `authorized`.
 */
export function openMutualTls(
  lock: Lock,
  answer: RequestListener,
  /** Somebody was not let in. Why is between OpenSSL and them. */
  refused: () => void = () => undefined,
): MutualTls {
  let pinned = pinnedOf(lock);
  const admitted = new Set<TLSSocket>();
  const server = createServer(
    {
      ...contextOf(lock),
      requestCert: true,
      // Below, before anything is read: the handshake's own verdict is not the last word where one
      // is known by its fingerprint.
      rejectUnauthorized: false,
      handshakeTimeout: 10_000,
      headersTimeout: 10_000,
      requestTimeout: endWithinMs,
      keepAliveTimeout: keepIdleMs,
    },
    answer,
  );
  server.prependListener('secureConnection', (socket: TLSSocket) => {
    if (socket.authorized || isPinned(socket, pinned)) {
      admitted.add(socket);
      socket.once('close', () => admitted.delete(socket));
      return;
    }
    socket.destroy();
    refused();
  });
  server.on('tlsClientError', refused);
  const renew = (next: Lock): void => {
    const nextPinned = pinnedOf(next);
    const context = contextOf(next);
    // It throws what is wrong before the server has taken anything.
    createSecureContext(context);
    server.setSecureContext(context);
    pinned = nextPinned;
    // Who was let in by a certificate that is known no more, does not stay for ever.
    const before = [...admitted];
    server.closeIdleConnections();
    setTimeout(() => {
      for (const socket of before) socket.destroy();
    }, endWithinMs).unref();
  };
  return Object.assign(server, { renew });
}

function isPinned(socket: TLSSocket, pinned: ReadonlySet<string>): boolean {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined || !pinned.has(certificate.fingerprint256)) return false;
  const now = Date.now();
  return certificate.validFromDate.getTime() <= now && now < certificate.validToDate.getTime();
}
