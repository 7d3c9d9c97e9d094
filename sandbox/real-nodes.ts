// Real nodes for a desk: LND and btcd, built from Go modules once, on a private chain. The merchant
// is alice; the wallet pays with bob. The chain is young at every start, because btcd keeps none.
import fs from 'node:fs';
import { grantAccess, pay } from 'lightning';
import { startNetwork } from '../scripts/real-nodes.ts';
import type { DeskNode } from './desk.ts';

/** What the app's own line for `lncli bakemacaroon` asks for. */
const receive = [
  'uri:/lnrpc.Lightning/AddInvoice',
  'uri:/lnrpc.Lightning/LookupInvoice',
  'uri:/lnrpc.Lightning/SubscribeInvoices',
  'uri:/invoicesrpc.Invoices/CancelInvoice',
  'uri:/lnrpc.Lightning/GetInfo',
  'uri:/lnrpc.Lightning/ListChannels',
];

export async function openRealNodes(about: {
  dir: string;
  say: (line: string) => void;
}): Promise<DeskNode> {
  const network = await startNetwork(about);
  const { alice, bob } = network;
  const granted = await grantAccess({ lnd: alice.lnd, id: '57001', permissions: receive });
  const certificate = fs.readFileSync(alice.certPath, 'utf8').replace(/-----[^-]+-----|\s/g, '');
  const link = (macaroon: Buffer): string =>
    `lndconnect://127.0.0.1:${String(alice.rpcPort)}` +
    `?cert=${Buffer.from(certificate, 'base64').toString('base64url')}` +
    `&macaroon=${macaroon.toString('base64url')}`;
  return {
    lndconnect: link(Buffer.from(granted.macaroon, 'base64')),
    adminLndconnect: link(fs.readFileSync(alice.adminMacaroonPath)),
    wallet: {
      payer: async (request) => {
        try {
          const paid = await pay({ lnd: bob.lnd, request, max_fee: 10 });
          return { ok: true, preimage: paid.secret };
        } catch (error) {
          return { ok: false, why: Array.isArray(error) ? String(error[1]) : String(error) };
        }
      },
    },
    close: () => network.stop(),
  };
}
