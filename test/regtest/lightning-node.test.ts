// The contract of a Lightning node, kept by the adapter on real LND, with a second LND that pays.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import * as grpc from '@grpc/grpc-js';
import {
  createInvoice,
  decodePaymentRequest,
  deleteForwardingReputations,
  pay,
  openChannel,
  payViaPaymentDetails,
  type AuthenticatedLnd,
} from 'lightning';
import { expect, test } from 'vitest';
import { startNetwork } from '../../scripts/real-nodes.ts';
import type { Network, RealNode } from '../../scripts/real-nodes.ts';
import { parseRequest } from '../../web/lightning/bolt11.ts';
import { testPasted } from '../../web/lightning/connect.ts';
import { bakeLine, judgeCredential } from '../../web/lightning/gate.ts';
import { decodeMacaroon } from '../../web/lightning/macaroon.ts';
import { lightningNodeContract, wishOf, withCaveat } from '../contract/lightning-node.ts';
import type { Bench, Paid, World } from '../contract/lightning-node.ts';

const max_fee_mtokens = '1000000';

/** The amount of the request, or any other: LND's own wallet would refuse that by itself. */
async function payFrom(lnd: AuthenticatedLnd, request: string, mtokens?: string): Promise<void> {
  if (mtokens === undefined) {
    await pay({ lnd, request, max_fee_mtokens, pathfinding_timeout: 15_000 });
    return;
  }
  const { id, destination, payment, cltv_delta } = await decodePaymentRequest({ lnd, request });
  if (payment === undefined || cltv_delta === undefined) throw new Error('an odd request');
  const to = { id, destination, payment, cltv_delta };
  await payViaPaymentDetails({ lnd, ...to, mtokens, max_fee_mtokens });
}

/** One try. Nothing is held against the payee, or the next minute's would fail for its absence. */
async function payOnce(lnd: AuthenticatedLnd, request: string, amountMsat?: bigint): Promise<Paid> {
  try {
    await payFrom(lnd, request, amountMsat?.toString());
    return { paid: true };
  } catch (error) {
    await deleteForwardingReputations({ lnd });
    return { paid: false, why: JSON.stringify(error) };
  }
}

/** Right after a start the channel is not up yet, and a payment fails for want of balance. */
async function untilPayable(alice: RealNode, bob: RealNode): Promise<void> {
  for (const end = Date.now() + 60_000; ;) {
    const { request } = await createInvoice({ lnd: alice.lnd, mtokens: '1000' });
    const result = await payOnce(bob.lnd, request);
    if (result.paid) return;
    if (Date.now() > end) throw new Error(`alice cannot be paid: ${result.why}`);
  }
}

let network: Network;

async function realWorld(): Promise<World> {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'zaptill-contract-'));
  network = await startNetwork({ dir, say: () => undefined });
  const { alice, bob } = network;
  return {
    address: `127.0.0.1:${alice.rpcPort}`,
    certificatePem: () => fs.readFileSync(alice.certPath, 'utf8'),
    identity: alice.publicKey,
    owner: () => alice.lnd,
    pay: (request, amountMsat) => payOnce(bob.lnd, request, amountMsat),
    amp: async (amountMsat) => {
      const added = await alice.lncli('addinvoice', '--amp', `--amt_msat=${amountMsat}`);
      const { payment_request } = JSON.parse(added) as { payment_request: string };
      await bob.lncli('payinvoice', '--amp', '--force', '--json', payment_request);
    },
    stop: (how) => (how === 'kill' ? alice.kill9() : alice.stop()),
    start: async () => {
      await alice.restart();
      await untilPayable(alice, bob);
    },
    races: 300,
    close: async () => {
      await network.stop();
      fs.rmSync(dir, { recursive: true, force: true });
    },
  };
}

type Printed = { root_key_id: string; permissions: string[]; caveats?: string[] };

/** What LND's own tool reads in a macaroon. */
async function printed(macaroonHex: string): Promise<unknown> {
  const text = await network.alice.lncli('printmacaroon', macaroonHex);
  const { root_key_id, permissions, caveats } = JSON.parse(text) as Printed;
  return { rootKeyId: root_key_id, operations: permissions.sort(), caveats: caveats ?? [] };
}
function decoded(macaroonHex: string): unknown {
  const { rootKeyId, operations, caveats } = decodeMacaroon(Buffer.from(macaroonHex, 'hex'));
  return { rootKeyId, operations: [...operations].sort(), caveats };
}

/** What LND says to each of its methods with this credential. */
async function refusedMethods(macaroonHex: string): Promise<Map<string, string>> {
  const { alice } = network;
  const listed = await alice.lncli('listpermissions');
  const methods = Object.keys(
    (JSON.parse(listed) as { method_permissions: object }).method_permissions,
  );
  const credentials = grpc.credentials.createSsl(fs.readFileSync(alice.certPath));
  const client = new grpc.Client(`127.0.0.1:${alice.rpcPort}`, credentials);
  const metadata = new grpc.Metadata();
  metadata.set('macaroon', macaroonHex);
  const said = new Map<string, string>();
  const same = (bytes: Buffer): Buffer => bytes;
  for (const method of methods) {
    const deadline = Date.now() + 2_000;
    const empty = Buffer.alloc(0);
    await new Promise<void>((resolve) => {
      client.makeUnaryRequest(method, same, same, empty, metadata, { deadline }, (error) => {
        said.set(method, error?.details ?? 'done');
        resolve();
      });
    });
  }
  client.close();
  return said;
}

function permissionCases(bench: Bench): void {
  test('of all methods of LND, only those of the printed line are not refused', async () => {
    const said = await refusedMethods(await bench.bake(bakeLine('1').split(' ').slice(4), '7200'));
    expect(said.size).toBeGreaterThan(120);
    const passed = [...said].filter(([, words]) => words !== 'permission denied');
    const allowed = bakeLine('1')
      .split(' ')
      .slice(4)
      .map((uri) => uri.replace('uri:', ''));
    expect(passed.map(([method]) => method).sort()).toEqual(allowed.sort());
  });

  test('macaroons are read as lncli reads them', async () => {
    const { alice } = network;
    const folder = path.dirname(alice.adminMacaroonPath);
    const files = fs.readdirSync(folder).filter((file) => file.endsWith('.macaroon'));
    const own = files.map((file) => fs.readFileSync(path.join(folder, file)).toString('hex'));
    expect(own.length).toBeGreaterThanOrEqual(7);
    const baked = await bench.bake(['uri:/lnrpc.Lightning/AddInvoice'], '7100');
    const narrowed = withCaveat(
      withCaveat(withCaveat(baked, 'time-before 2030-01-01T00:00:00.5Z'), 'ipaddr 127.0.0.1'),
      'lnd-custom account 00112233',
    );
    for (const one of [...own, baked, narrowed]) expect(decoded(one)).toEqual(await printed(one));
    for (const one of own) {
      const verdict = judgeCredential(Buffer.from(one, 'hex'));
      expect(verdict).toMatchObject({ ok: false, refusal: 'credential_can_spend' });
    }
  });
}

function nodeCases(bench: Bench): void {
  test('the printed line gives what is accepted; deleted on the node, it is not', async () => {
    const { alice } = network;
    const refused = await testPasted(
      {
        host: bench.world().address,
        certificate: bench.world().certificatePem(),
        macaroon: fs.readFileSync(alice.adminMacaroonPath).toString('hex'),
      },
      { allowPrivate: true, now: new Date() },
    );
    if (refused.ok) throw new Error('the admin macaroon was accepted');
    const [program, ...args] = refused.bake.split(' ');
    expect(program).toBe('lncli');
    const macaroon = (await alice.lncli(...args)).trim();
    const pasted = {
      host: bench.world().address,
      certificate: bench.world().certificatePem(),
      macaroon,
    };
    const test_ = { allowPrivate: true, now: new Date() };
    const tested = await testPasted(pasted, test_);
    expect(tested).toMatchObject({ ok: true, identity: alice.publicKey, network: 'regtest' });
    if (!tested.ok) return;
    await alice.lncli('deletemacaroonid', tested.rootKeyId);
    expect(await testPasted(pasted, test_)).toMatchObject({
      ok: false,
      refusal: 'credential_refused_by_node',
    });
  });

  test('a private channel is named in invoices, and they can be paid', async () => {
    const { alice, bob } = network;
    await openChannel({
      lnd: bob.lnd,
      partner_public_key: alice.publicKey,
      local_tokens: 1_000_000,
      is_private: true,
    });
    await network.mine(6);
    const node = await bench.open();
    const hinted = async (): Promise<number> => {
      const { request } = await node.createInvoice(wishOf());
      return parseRequest(request)?.hints ?? 0;
    };
    await expect.poll(hinted, { timeout: 60_000, interval: 500 }).toBe(1);
    const { request } = await node.createInvoice(wishOf({ amountMsat: 500_000_000n }));
    expect(await bench.world().pay(request)).toEqual({ paid: true });
  });
}

lightningNodeContract('real LND', realWorld, (bench) => {
  permissionCases(bench);
  nodeCases(bench);
});
