// Merchants’ nodes in a process of their own: the simulator behind LND’s real protocol, with a
// delay on every answer, any number of open invoices, and settles at moments that a seed decides.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { readRequest, startLnd, type Invoice, type LndSimulator } from '../../sandbox/lnd/index.ts';
import { methods } from '../../sandbox/lnd/protos.ts';
import { answer } from './child.ts';
import { sharedMs } from './machine.ts';
import { drawsFrom } from './pairs.ts';

export type NodeMade = {
  identity: string;
  address: string;
  certificatePem: string;
  macaroonHex: string;
};

const nodes: LndSimulator[] = [];
const nodeAt = (at: number): LndSimulator => {
  const node = nodes[at];
  if (node === undefined) throw new Error(`there is no node ${String(at)}`);
  return node;
};

export const amountMsatOf = (n: number): bigint => BigInt(1_000_000 + (n % 1_000) * 1_000);

/** The n-th secret of a lot, as the database's own words make it too. */
export const preimageOf = (lot: string, n: number): string =>
  createHash('sha256')
    .update(`${lot} ${String(n)}`)
    .digest('hex');

export const hashOf = (preimage: string): string =>
  createHash('sha256').update(preimage, 'hex').digest('hex');

const openInvoice = (lot: string, n: number, addIndex: number): Invoice => {
  const secret = preimageOf(lot, n);
  return {
    ...{ hash: hashOf(secret), secret, kind: 'ordinary', memo: '', descriptionHash: '' },
    ...{ amountMsat: amountMsatOf(n), createdAtMs: Date.now(), expirySeconds: 86_400 },
    ...{ cltvDelta: 80, paymentSecret: '', hints: [], fallbackAddress: '', request: 'lnbcrt1' },
    ...{ state: 'OPEN', addIndex, settleIndex: 0, settledAtMs: 0, receivedMsat: 0n, parts: [] },
  };
};

/** Paid in full by one part, and when that was. */
function settle(at: number, lot: string, n: number): { hash: string; atMs: number } {
  const { invoices } = nodeAt(at);
  const hash = hashOf(preimageOf(lot, n));
  const { amountMsat, paymentSecret } = invoices.find(hash);
  const atMs = sharedMs();
  void invoices.receive({
    ...{ hash, paymentSecret, amountMsat, totalMsat: amountMsat },
    ...{ channelId: '1x1x1', expiryHeight: 2_000_000 },
  });
  return { hash, atMs };
}

type Due = { at: number; lot: string; n: number; inMs: number };

/** Settles each at its moment, and says when it really was. */
async function settleInTime(due: readonly Due[]): Promise<Record<string, number>> {
  const startedAt = sharedMs();
  const times: Record<string, number> = {};
  for (const { at, lot, n, inMs } of due.toSorted((a, b) => a.inMs - b.inMs)) {
    const waitMs = startedAt + inMs - sharedMs();
    if (waitMs > 0.5) await pause(waitMs);
    const { hash, atMs } = settle(at, lot, n);
    times[hash] = atMs;
  }
  return times;
}

/** Moments of a Poisson process: so many in a second, by this seed. */
export function poissonMs(about: { perSecond: number; count: number; seed: number }): number[] {
  const draw = drawsFrom(about.seed);
  let at = 0;
  return Array.from({ length: about.count }, () => {
    at += (-Math.log(1 - draw()) * 1_000) / about.perSecond;
    return at;
  });
}

/** A wallet that reaches every node: who posts a request here has paid it. */
async function openWallet(): Promise<string> {
  const server = createServer((request, response) => {
    let bolt11 = '';
    request.on('data', (chunk: Buffer) => {
      bolt11 += chunk.toString('utf8');
    });
    request.on('end', () => {
      const { payee } = readRequest(bolt11);
      const node = nodes.find(({ publicKey }) => publicKey === payee);
      void node?.pay(bolt11).then((paid) => response.end(JSON.stringify(paid)));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
}

const callsOf = (node: LndSimulator): Record<string, number> => {
  const names = new Set([...methods().keys()].map((each) => each.split('/')[2] ?? ''));
  const counts = [...names].map((name) => [name, node.callsOf(name)] as const);
  return Object.fromEntries(counts.filter(([, count]) => count > 0));
};

if (process.send !== undefined && process.argv[1] === import.meta.filename) {
  answer(
    {
      start: async (about: { count: number; latencyMs: number }): Promise<NodeMade[]> => {
        const made: NodeMade[] = [];
        for (let n = 0; n < about.count; n += 1) {
          const node = await startLnd({ alias: `node ${String(n)}`, seed: `node ${String(n)}` });
          node.faults.set({ latencyMs: about.latencyMs });
          nodes.push(node);
          const macaroon = node.macaroon('receive-useful', { rootKeyId: '57001' });
          made.push({
            ...{ identity: node.publicKey, address: node.socket },
            ...{ certificatePem: node.certPem, macaroonHex: macaroon.toString('hex') },
          });
        }
        return made;
      },
      /** Beside those that it has, and without a word to anybody. */
      open: (about: { at: number; lot: string; count: number }): void => {
        const { invoices } = nodeAt(about.at);
        const counters = invoices.counters();
        const more = Array.from({ length: about.count }, (_, n) =>
          openInvoice(about.lot, n + 1, counters.add + n + 1),
        );
        invoices.takeOver([...invoices.all(), ...more], {
          ...counters,
          add: counters.add + about.count,
        });
      },
      wallet: openWallet,
      settle: settleInTime,
      away: (at: number): Promise<void> => nodeAt(at).stop({ how: 'kill' }),
      back: async (at: number): Promise<number> => {
        await nodeAt(at).restart();
        return sharedMs();
      },
      calls: (at: number): Record<string, number> => callsOf(nodeAt(at)),
      settled: (at: number): number => nodeAt(at).invoices.counters().settle,
      streams: (): number =>
        nodes.filter((node) => node.openStreams('SubscribeInvoices') > 0).length,
      freeze: (at: number) => nodeAt(at).faults.freeze(),
      thaw: (at: number) => nodeAt(at).faults.thaw(),
    },
    async () => {
      await Promise.all(nodes.map((node) => node.stop({ how: 'kill' })));
    },
  );
}
