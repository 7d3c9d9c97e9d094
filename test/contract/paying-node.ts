// What the signer's way to a paying node must do, whatever is behind it. Run against the simulator
// always, and against real LND in the regtest suite.
import { createHash, randomBytes } from 'node:crypto';
import {
  cancelHodlInvoice,
  createHodlInvoice,
  createInvoice,
  getInvoice,
  grantAccess,
  pay,
  settleHodlInvoice,
  type AuthenticatedLnd,
} from 'lightning';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Trouble } from '../../web/core/trouble.ts';
import { bakeLine } from '../../web/lightning/gate.ts';
import { testPurse } from '../../web/signer/connect.ts';
import { payingMethods, purseBakeLine } from '../../web/signer/credential.ts';
import { openPayer, type Payer, type PayerOptions, type Tracked } from '../../web/signer/pay.ts';
import { until } from './lightning-node.ts';
import { tcpProxy } from './tcp-proxy.ts';

/** A node that pays, and one that is paid over a channel between them. */
export type PayingWorld = {
  /** `127.0.0.1:port` of the node that pays. */
  address: string;
  certificatePem: () => string;
  identity: string;
  /** Everything allowed, at the one and at the other. */
  owner: () => AuthenticatedLnd;
  payee: () => AuthenticatedLnd;
  /** More than the node that pays has, in msat. */
  tooMuchMsat: bigint;
  /** Until it is undone, every way costs this much; undefined where that cannot be had. */
  withFee?: (msat: bigint) => () => void;
  stop: () => Promise<void>;
  /** Returns when it can pay. */
  start: () => Promise<void>;
  close: () => Promise<void>;
};

const uris = (line: string): string[] => line.split(' ').slice(4);
const baked = async (lnd: AuthenticatedLnd, permissions: string[], id: string): Promise<string> => {
  const { macaroon } = await grantAccess({ lnd, id, permissions });
  return Buffer.from(macaroon, 'base64').toString('hex');
};
const feeLimitMsat = 5_000n;
const newSecret = (): { secret: string; id: string } => {
  const secret = randomBytes(32);
  return { secret: secret.toString('hex'), id: createHash('sha256').update(secret).digest('hex') };
};

type Bench = ReturnType<typeof benchOf>;

function benchOf() {
  let world: PayingWorld | undefined;
  let macaroonHex = '';
  const undo: (() => unknown)[] = [];
  const it = (): PayingWorld => {
    if (world === undefined) throw new Error('the world is not there yet');
    return world;
  };
  const options = (more: Partial<PayerOptions> = {}): PayerOptions => ({
    address: it().address,
    certificatePem: it().certificatePem(),
    ...{ macaroonHex, allowPrivate: true },
    ...more,
  });
  const payer = (more: Partial<PayerOptions> = {}): Payer => openPayer(options(more));
  return {
    world: it,
    ...{ options, payer, undo },
    setWorld: async (made: PayingWorld) => {
      world = made;
      macaroonHex = await baked(made.owner(), uris(purseBakeLine('1')), '8000');
    },
    tidy: async () => {
      for (const each of undo.splice(0).reverse()) await each();
    },
    /** Held by the payee until the test says what becomes of it. */
    held: async (mtokens = '3000') => {
      const { secret, id } = newSecret();
      const lnd = it().payee();
      const { request } = await createHodlInvoice({ lnd, id, mtokens });
      undo.push(() => cancelHodlInvoice({ lnd, id }).catch(() => undefined));
      return {
        ...{ id, request, secret },
        arrived: async () => {
          const end = Date.now() + 30_000;
          while ((await getInvoice({ lnd, id })).is_held !== true) {
            if (Date.now() > end) throw new Error('it did not arrive');
          }
        },
        settle: () => settleHodlInvoice({ lnd, secret }),
        cancel: () => cancelHodlInvoice({ lnd, id }),
      };
    },
    /** What became of it, once it is over. */
    ended: async (hash: string): Promise<Tracked> => {
      let seen: Tracked = { is: 'in_flight' };
      for (const end = Date.now() + 30_000; seen.is === 'in_flight';) {
        seen = await payer().track(hash);
        if (Date.now() > end) throw new Error('it did not end');
      }
      return seen;
    },
  };
}

function credentialCases(bench: Bench): void {
  const given = (macaroon: string) => ({
    ...{ host: bench.world().address, certificate: bench.world().certificatePem(), macaroon },
  });
  const tried = (macaroon: string) =>
    testPurse(given(macaroon), { allowPrivate: true, now: new Date() });

  test('the printed line gives a credential that pays and does nothing else', async () => {
    const macaroon = await baked(bench.world().owner(), uris(purseBakeLine('1')), '8001');
    expect(await tried(macaroon)).toMatchObject({
      ...{ ok: true, identity: bench.world().identity, network: 'regtest', rootKeyId: '8001' },
    });
  });

  test('a credential that may do more, or less, is refused, with what is wrong', async () => {
    const owner = bench.world().owner();
    const more = [...uris(purseBakeLine('1')), 'uri:/lnrpc.Lightning/BakeMacaroon'];
    expect(await tried(await baked(owner, more, '8002'))).toMatchObject({
      ...{ ok: false, excess: ['uri:/lnrpc.Lightning/BakeMacaroon'] },
    });
    const all = ['offchain:write', 'offchain:read', 'invoices:read', 'info:read'];
    const tooMuch = await tried(await baked(owner, all, '8003'));
    expect(tooMuch.ok ? [] : [...tooMuch.excess].sort()).toEqual(all.sort());
    const less = uris(purseBakeLine('1')).slice(1);
    const refused = await tried(await baked(owner, less, '8004'));
    expect(refused).toMatchObject({ ok: false, excess: [] });
    expect(refused.ok ? '' : refused.sentence).toContain('SendPaymentV2');
  });

  test('the credential of the doors and the pool is refused by the node itself', async () => {
    const { owner, payee } = bench.world();
    const receiving = await baked(owner(), uris(bakeLine('1')), '8005');
    const { id, request } = await createInvoice({ lnd: payee(), mtokens: '2000' });
    const payer = bench.payer({ macaroonHex: receiving });
    // Our own code that pays, with what the doors have.
    expect(await payer.pay({ request, feeLimitMsat })).toEqual({
      ...{ is: 'unsure', because: 'permission_denied' },
    });
    await expect(payer.track(id)).rejects.toMatchObject({ what: 'permission_denied' });
    expect(await bench.payer().track(id)).toEqual({ is: 'not_recorded' });
    expect((await getInvoice({ lnd: payee(), id })).is_confirmed).not.toBe(true);
    expect(payingMethods).toContain('/routerrpc.Router/SendPaymentV2');
  });
}

function paidCases(bench: Bench): void {
  test('it pays, shows the proof, and a second asking pays nothing more', async () => {
    const lnd = bench.world().payee();
    const { id, request } = await createInvoice({ lnd, mtokens: '4000' });
    const payer = bench.payer();
    expect(await payer.track(id)).toEqual({ is: 'not_recorded' });
    const sent = await payer.pay({ request, feeLimitMsat });
    if (sent.is !== 'paid') throw new Error(JSON.stringify(sent));
    expect(createHash('sha256').update(sent.preimage).digest('hex')).toBe(id);
    expect(sent.feeMsat).toBeLessThanOrEqual(feeLimitMsat);
    expect(await payer.track(id)).toEqual(sent);
    expect(await payer.pay({ request, feeLimitMsat })).toMatchObject({ is: 'unsure' });
    expect(await payer.track(id)).toEqual(sent);
    expect((await getInvoice({ lnd, id })).received_mtokens).toBe('4000');
  });

  test('on its way is neither yes nor no, also when we went; then it is paid', async () => {
    const held = await bench.held();
    const payer = bench.payer({ payMs: 4_000 });
    const asked = payer.pay({ request: held.request, feeLimitMsat });
    await held.arrived();
    expect(await asked).toEqual({ is: 'unsure', because: 'node_silent' });
    expect(await payer.track(held.id)).toEqual({ is: 'in_flight' });
    expect(await payer.pay({ request: held.request, feeLimitMsat })).toMatchObject({
      is: 'unsure',
    });
    expect(await payer.track(held.id)).toEqual({ is: 'in_flight' });
    await held.settle();
    const seen = await bench.ended(held.id);
    expect(seen).toMatchObject({ is: 'paid', preimage: Buffer.from(held.secret, 'hex') });
  });

  test('on its way and sent back: failed, and nothing was paid', async () => {
    const held = await bench.held();
    const asked = bench.payer({ payMs: 60_000 }).pay({ request: held.request, feeLimitMsat });
    await held.arrived();
    await held.cancel();
    expect(await asked).toEqual({ is: 'answered' });
    expect(await bench.ended(held.id)).toEqual({
      ...{ is: 'failed', because: 'rejected', again: false },
    });
  });

  test('a connection that is cut with the money on its way loses nothing', async () => {
    const proxy = await tcpProxy(bench.world().address);
    bench.undo.push(proxy.close);
    const held = await bench.held();
    const asked = bench
      .payer({ address: proxy.address, payMs: 60_000 })
      .pay({ request: held.request, feeLimitMsat });
    await held.arrived();
    proxy.cut();
    expect(await asked).toMatchObject({ is: 'unsure' });
    expect(await bench.payer().track(held.id)).toEqual({ is: 'in_flight' });
    await held.settle();
    expect(await bench.ended(held.id)).toMatchObject({ is: 'paid' });
  });
}

function unpaidCases(bench: Bench): void {
  test('more than it has: failed, and the same request may be tried again', async () => {
    const { payee, tooMuchMsat } = bench.world();
    const mtokens = tooMuchMsat.toString();
    const { id, request } = await createInvoice({ lnd: payee(), mtokens });
    const payer = bench.payer();
    expect(await payer.pay({ request, feeLimitMsat })).toEqual({ is: 'answered' });
    const failed = await payer.track(id);
    expect(failed).toMatchObject({ is: 'failed', again: true });
    expect(await payer.pay({ request, feeLimitMsat })).toEqual({ is: 'answered' });
    expect(await payer.track(id)).toEqual(failed);
  });

  test('a request that has run out is never recorded', async () => {
    const lnd = bench.world().payee();
    const expires_at = new Date(Date.now() + 3_000).toISOString();
    const { id, request } = await createInvoice({ lnd, mtokens: '2000', expires_at });
    await until('it has run out', () => Date.now() > Date.parse(expires_at) + 1_500);
    expect(await bench.payer().pay({ request, feeLimitMsat })).toMatchObject({ is: 'unsure' });
    expect(await bench.payer().track(id)).toEqual({ is: 'not_recorded' });
  });

  test('what is no request is refused before the node hears of it', async () => {
    expect(await bench.payer().pay({ request: 'lnbcrt1nothing', feeLimitMsat })).toEqual({
      ...{ is: 'refused', because: 'request_unreadable' },
    });
  });

  test('a node that is away: nobody says no', async () => {
    const { payee, stop, start } = bench.world();
    const { id, request } = await createInvoice({ lnd: payee(), mtokens: '2000' });
    await stop();
    try {
      expect(await bench.payer().pay({ request, feeLimitMsat })).toEqual({
        ...{ is: 'unsure', because: 'node_down' },
      });
      await expect(bench.payer().track(id)).rejects.toBeInstanceOf(Trouble);
    } finally {
      await start();
    }
    expect(await bench.payer().track(id)).toEqual({ is: 'not_recorded' });
    expect(await bench.payer().pay({ request, feeLimitMsat })).toMatchObject({ is: 'paid' });
  });
}

/** Only where there is a way that costs something: a channel of the payer's own costs nothing. */
function feeCases(bench: Bench): void {
  test('a fee above the limit is not paid', async () => {
    const { payee, withFee } = bench.world();
    if (withFee === undefined) throw new Error('no way costs anything here');
    bench.undo.push(withFee(feeLimitMsat + 1n));
    const { id, request } = await createInvoice({ lnd: payee(), mtokens: '4000' });
    expect(await bench.payer().pay({ request, feeLimitMsat })).toEqual({ is: 'answered' });
    expect(await bench.payer().track(id)).toMatchObject({ is: 'failed', because: 'no_route' });
    const more = { request, feeLimitMsat: feeLimitMsat + 1n };
    const paid = await bench.payer().pay(more);
    expect(paid).toMatchObject({ is: 'paid', feeMsat: feeLimitMsat + 1n });
  });
}

function originalCases(bench: Bench): void {
  test('it says of its own invoices what was received, and of no others', async () => {
    const { owner, payee } = bench.world();
    const made = await createInvoice({ lnd: owner(), mtokens: '7000' });
    const payer = bench.payer();
    expect(await payer.lookOriginal(made.id)).toEqual({ is: 'unpaid' });
    // Something has to be on the other side first.
    const { request } = await createInvoice({ lnd: payee(), mtokens: '50000' });
    expect(await payer.pay({ request, feeLimitMsat })).toMatchObject({ is: 'paid' });
    await pay({ lnd: payee(), request: made.request, max_fee_mtokens: '1000' });
    expect(await payer.lookOriginal(made.id)).toEqual({ is: 'paid', receivedMsat: 7_000n });
    expect(await payer.lookOriginal(newSecret().id)).toEqual({ is: 'unknown' });
    const mark = await payer.leaveMark();
    expect(await payer.leaveMark()).not.toBe(mark);
    expect(await payer.lookOriginal(mark)).toEqual({ is: 'unpaid' });
  });
}

export function payingNodeContract(
  name: string,
  makeWorld: () => Promise<PayingWorld>,
  { costs }: { costs: boolean },
): void {
  describe(`a paying node: ${name}`, () => {
    const bench = benchOf();
    beforeAll(async () => {
      await bench.setWorld(await makeWorld());
    }, 180_000);
    afterEach(bench.tidy);
    afterAll(async () => {
      await bench.world().close();
    }, 120_000);
    credentialCases(bench);
    paidCases(bench);
    unpaidCases(bench);
    if (costs) feeCases(bench);
    originalCases(bench);
  });
}
