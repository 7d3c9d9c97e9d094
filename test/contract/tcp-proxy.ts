// What stands between a client and a node: a proxy that does to the bytes what networks do, and a
// stranger with a certificate of his own.
import { once } from 'node:events';
import net from 'node:net';

export type TcpProxy = {
  /** `127.0.0.1:port` */
  address: string;
  /** Connections stay open and no byte moves, in either direction. */
  freeze: () => void;
  /** What the node says is lost; what the client says still arrives. */
  loseAnswers: () => void;
  /** Lets bytes through again, for connections made from then on. */
  heal: () => void;
  /** Closes every connection. */
  cut: () => void;
  close: () => Promise<void>;
};

export async function tcpProxy(to: string): Promise<TcpProxy> {
  const port = Number(to.slice(to.lastIndexOf(':') + 1));
  const sockets = new Set<net.Socket>();
  let up = true;
  let down = true;
  const server = net.createServer((client) => {
    const node = net.connect({ host: '127.0.0.1', port });
    const both = [client, node];
    const end = (): void => both.forEach((socket) => socket.destroy());
    for (const socket of both) {
      sockets.add(socket);
      socket.on('error', end);
      socket.on('close', () => {
        sockets.delete(socket);
        end();
      });
    }
    client.on('data', (bytes) => up && node.write(bytes));
    node.on('data', (bytes) => down && client.write(bytes));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = (): void => sockets.forEach((socket) => socket.destroy());
  return {
    address: `127.0.0.1:${(server.address() as net.AddressInfo).port}`,
    freeze: () => {
      up = false;
      down = false;
    },
    loseAnswers: () => {
      down = false;
    },
    heal: () => {
      up = true;
      down = true;
    },
    cut,
    close: async () => {
      cut();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Somebody else's certificate, such as LND makes, for localhost; valid until 2125. */
export const strangersCertificate = `-----BEGIN CERTIFICATE-----
MIIB2zCCAYGgAwIBAgIUPunV9jXh0C9Nh+u1I3ubo/AqXcYwCgYIKoZIzj0EAwIw
NDEfMB0GA1UECgwWbG5kIGF1dG9nZW5lcmF0ZWQgY2VydDERMA8GA1UEAwwIc3Ry
YW5nZXIwIBcNMjYxMTIxMTIxMDM3WhgPMjEyNTA2MTUxMjEwMzdaMDQxHzAdBgNV
BAoMFmxuZCBhdXRvZ2VuZXJhdGVkIGNlcnQxETAPBgNVBAMMCHN0cmFuZ2VyMFkw
EwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEVGKvkpsVDInUcpewv5QuZuVfeT7xSJA/
jEpG5Pc7VAw8gHNORG5druBrB3kSJlwoj8oDWsH6bmzbxFmi7u90JKNvMG0wHQYD
VR0OBBYEFL9TRjRC7qpH2bMMGe2ZIYiduolvMB8GA1UdIwQYMBaAFL9TRjRC7qpH
2bMMGe2ZIYiduolvMA8GA1UdEwEB/wQFMAMBAf8wGgYDVR0RBBMwEYIJbG9jYWxo
b3N0hwR/AAABMAoGCCqGSM49BAMCA0gAMEUCIBgEfX72k5TH8mZbOCyRSJSBh30k
S+wZhUCRZC7eFMYMAiEAn3QTZI0yV11GSRlED0PEn5WiPAZgek69/sAuh8DLFV8=
-----END CERTIFICATE-----
`;
/** It guards nothing. */
export const strangersKey = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgzqLW89VwTFI5wbdu
ff3xj+4idCAE9fmaRnzzKe1CcNahRANCAARUYq+SmxUMidRyl7C/lC5m5V95PvFI
kD+MSkbk9ztUDDyAc05Ebl2u4GsHeRImXCiPygNawfpubNvEWaLu73Qk
-----END PRIVATE KEY-----
`;
