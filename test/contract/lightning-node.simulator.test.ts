// The contract of a Lightning node, kept by the adapter on the simulator.
import { authenticatedLndGrpc } from 'lightning';
import { startLnd } from '../../sandbox/lnd/index.ts';
import { lightningNodeContract } from './lightning-node.ts';
import type { World } from './lightning-node.ts';

async function simulatedWorld(): Promise<World> {
  const lnd = await startLnd({ seed: 'contract', settleDelayMs: { low: 5, high: 60 } });
  const { lnd: owner } = authenticatedLndGrpc({
    cert: Buffer.from(lnd.certPem).toString('base64'),
    macaroon: lnd.macaroon('admin').toString('base64'),
    socket: lnd.socket,
  });
  return {
    address: lnd.socket,
    certificatePem: () => lnd.certPem,
    identity: lnd.publicKey,
    owner: () => owner,
    pay: async (request, amountMsat) => {
      const result = await lnd.pay(request, amountMsat === undefined ? {} : { amountMsat });
      return result.ok ? { paid: true } : { paid: false, why: result.why };
    },
    keysend: (amountMsat) => {
      lnd.receiveKeysend(amountMsat);
      return Promise.resolve();
    },
    amp: (amountMsat) => {
      lnd.receiveAmp(amountMsat);
      return Promise.resolve();
    },
    stop: (how) => lnd.stop({ how }),
    start: () => lnd.restart(),
    races: 60,
    close: () => lnd.stop(),
  };
}

lightningNodeContract('the simulator', simulatedWorld);
