// One of several processes that reserve at once. argv: the database's address, how many
// connections, and JSON with what to reserve. Begins when it is told, and tells what came of it.
import { openDatabase } from '../../web/db/database.ts';
import { reservePayout, type Ceilings } from '../../web/db/payouts.ts';

type Ask = { id: string; request: string; hash: string; amountMsat: string };

const [url = '', connections = '1', given = '{}'] = process.argv.slice(2);
const { asks, ceilings } = JSON.parse(given) as { asks: Ask[]; ceilings: string[] };
const db = openDatabase({ url, connections: Number(connections) });
await db.pool.query('select 1');
process.on('message', () => {
  void Promise.all(
    asks.map(({ id, request, hash, amountMsat }) =>
      reservePayout(db, {
        claim: {
          ...{ id: BigInt(id), request, hash: Buffer.from(hash, 'hex') },
          amountMsat: BigInt(amountMsat),
        },
        expiresAt: new Date(Date.now() + 3_600_000),
        feeLimitMsat: 1_000n,
        originalMsat: null,
        ceilings: ceilings.map(BigInt) as unknown as Ceilings,
        leaseMs: 60_000,
      }),
    ),
  ).then(async (came) => {
    process.send?.(came.map(({ word }) => word));
    await db.close();
    process.disconnect();
  });
});
process.send?.('ready');
