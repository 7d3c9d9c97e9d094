// The lock of the mTLS door. Who has no certificate that we know is gone before its request is
// read. What is known is only what was given: no public authority, and nothing by default.
import { constants, X509Certificate } from 'node:crypto';
import { createServer, type Server } from 'node:https';
import type { RequestListener } from 'node:http';
import type { TLSSocket } from 'node:tls';

export type Lock = {
  /** PEM, with its chain. */
  certificate: string;
  key: string;
  /** PEM each: of authorities, or of the clients themselves. At least one. */
  clientCertificates: readonly string[];
};

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
): Server {
  const known = lock.clientCertificates.map((pem) => new X509Certificate(pem));
  if (known.length === 0) throw new Error('no client certificate is known: the door stays shut');
  const pinned = new Set(known.filter(({ ca }) => !ca).map((each) => each.fingerprint256));
  const server = createServer(
    {
      cert: lock.certificate,
      key: lock.key,
      ca: [...lock.clientCertificates],
      requestCert: true,
      // Where one is known by its fingerprint, the handshake's own verdict is not the last word.
      rejectUnauthorized: pinned.size === 0,
      minVersion: 'TLSv1.2',
      // Every connection proves itself anew: a certificate that has ended is not remembered.
      secureOptions: constants.SSL_OP_NO_TICKET,
      handshakeTimeout: 10_000,
      headersTimeout: 10_000,
      requestTimeout: 15_000,
    },
    answer,
  );
  server.prependListener('secureConnection', (socket: TLSSocket) => {
    if (socket.authorized || isPinned(socket, pinned)) return;
    socket.destroy();
    refused();
  });
  server.on('tlsClientError', refused);
  return server;
}

function isPinned(socket: TLSSocket, pinned: ReadonlySet<string>): boolean {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined || !pinned.has(certificate.fingerprint256)) return false;
  const now = Date.now();
  return certificate.validFromDate.getTime() <= now && now < certificate.validToDate.getTime();
}
