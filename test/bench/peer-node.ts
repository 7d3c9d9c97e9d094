// Where the node's double listens, as a plain gRPC client takes it.
import type { PinnedAddress } from '../../web/lightning/address.ts';

export function pinnedAt(address: string): PinnedAddress {
  const [host = '', port = ''] = address.split(':');
  return { ip: host, port: Number(port), target: `ipv4:${address}`, host };
}
