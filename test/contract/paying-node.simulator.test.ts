// The contract of a paying node, kept by the signer's adapter on the simulator.
import { authenticatedLndGrpc, type AuthenticatedLnd } from 'lightning';
import { startLnd, type LndSimulator } from '../../sandbox/lnd/index.ts';
import { payingNodeContract, type PayingWorld } from './paying-node.ts';

const ownerOf = (node: LndSimulator): AuthenticatedLnd =>
  authenticatedLndGrpc({
    cert: Buffer.from(node.certPem).toString('base64'),
    macaroon: node.macaroon('admin').toString('base64'),
    socket: node.socket,
  }).lnd;

async function simulatedWorld(): Promise<PayingWorld> {
  const alice = await startLnd({ alias: 'alice', settleDelayMs: { low: 5, high: 40 } });
  const bob = await startLnd({ alias: 'bob' });
  alice.reaches(bob);
  bob.reaches(alice);
  const [owner, payee] = [ownerOf(alice), ownerOf(bob)];
  return {
    address: alice.socket,
    certificatePem: () => alice.certPem,
    identity: alice.publicKey,
    owner: () => owner,
    payee: () => payee,
    tooMuchMsat: 200_000_000_000n,
    withFee: (msat) => {
      alice.setRouteFee({ baseMsat: msat, ppm: 0n });
      return () => {
        alice.setRouteFee({ baseMsat: 1_000n, ppm: 100n });
      };
    },
    stop: () => alice.stop({ how: 'kill' }),
    start: () => alice.restart(),
    close: async () => {
      await alice.stop();
      await bob.stop();
    },
  };
}

payingNodeContract('the simulator', simulatedWorld, { costs: true });
