// Stands between a client and a node, and does to the bytes what networks do.
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
