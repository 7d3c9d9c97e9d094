import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';

/**
 * A port that is known before its server is there, and is nobody else's until `give`: a number that
 * is only noted may be somebody's by the time it is used.
 */
export async function keepPort(): Promise<{ port: number; give: () => Promise<void> }> {
  const keeper = createServer().listen(0, '127.0.0.1');
  await once(keeper, 'listening');
  const { port } = keeper.address() as AddressInfo;
  const give = async (): Promise<void> => {
    const closed = once(keeper, 'close');
    keeper.close();
    await closed;
  };
  return { port, give };
}
