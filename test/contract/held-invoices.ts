// What every LightningNode must do with invoices that it holds: nothing is money before the secret
// was told, and whatever was told of one that is not held changes nothing.
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { holdCltvBlocks } from '../../web/core/hold.ts';
import type { PaymentHash } from '../../web/core/invoice.ts';
import { testNode } from '../../web/lightning/connect.ts';
import { bakeLine } from '../../web/lightning/gate.ts';
import type { OpenNode } from '../../web/lightning/node.ts';
import { newHash, settledLook, wishOf, type Bench } from './lightning-node.ts';

const holding = bakeLine('1', true).split(' ').slice(4);

const look = async (node: OpenNode, hash: PaymentHash) => {
  const seen = await node.lookInvoice(hash);
  if (seen === 'not_found') throw new Error('the node has no such invoice');
  return seen;
};

/** Somebody has paid, and the node holds it. */
async function held(bench: Bench, node: OpenNode) {
  const wish = { ...wishOf({ amountMsat: 7_000n }), hold: true };
  const { request } = await node.createInvoice(wish);
  const paying = bench.world().pay(request);
  const state = async (): Promise<string> => (await look(node, wish.hash)).state;
  await expect.poll(state, { timeout: 60_000 }).toBe('accepted');
  return { wish, paying };
}

export function holdCases(bench: Bench): void {
  const credential = (): Promise<string> => bench.bake(holding, '7300');
  const open = async (): Promise<OpenNode> => bench.open({ macaroonHex: await credential() });
  credentialCases(bench);
  endCases(bench, open);

  test('a stop while it is held: still held, and then money', async () => {
    const macaroonHex = await credential();
    const node = await bench.open({ macaroonHex });
    const { wish, paying } = await held(bench, node);
    await bench.world().stop('kill');
    await bench.world().start();
    const again = await bench.open({ macaroonHex });
    const state = async (): Promise<string> => (await look(again, wish.hash)).state;
    await expect.poll(state, { timeout: 60_000 }).toBe('accepted');
    await again.settleHeld(wish.preimage);
    await settledLook(again, wish.hash);
    // A payer whose peer died in the middle may call it failed: the payee's word counts.
    await paying;
  }, 180_000);
}

function credentialCases(bench: Bench): void {
  test('the line for shops that hold passes the whole test; the usual one lacks it', async () => {
    const { address, certificatePem } = bench.world();
    const place = { address, certificatePem: certificatePem() };
    const options = { allowPrivate: true, now: new Date(), mustHold: true };
    const macaroonHex = await bench.bake(holding, '7301');
    const taken = await testNode({ ...place, macaroonHex }, options);
    expect(taken).toMatchObject({ ok: true, canHold: true });
    const usual = await bench.bake(bakeLine('1').split(' ').slice(4), '7302');
    const refused = await testNode({ ...place, macaroonHex: usual }, options);
    expect(refused).toMatchObject({ ok: false, refusal: 'credential_lacks_permission' });
  });
}

function endCases(bench: Bench, open: () => Promise<OpenNode>): void {
  test('made twice it is one, and its secret is not the node’s', async () => {
    const node = await open();
    const wish = { ...wishOf(), hold: true };
    const first = await node.createInvoice(wish);
    const second = await node.createInvoice(wish);
    expect(second.request).toBe(first.request);
    expect(await look(node, wish.hash)).toMatchObject({ state: 'open', preimage: undefined });
  });

  test('held until the secret is told; then it is money, with proof', async () => {
    const node = await open();
    const { wish, paying } = await held(bench, node);
    const height = await node.height();
    const seen = await look(node, wish.hash);
    expect(seen).toMatchObject({ receivedMsat: 7_000n, preimage: undefined });
    // What a payer leaves for the last hop, and at most a few blocks more.
    const left = (seen.heldUntilHeight ?? 0) - height;
    expect(left).toBeGreaterThanOrEqual(holdCltvBlocks);
    expect(left).toBeLessThan(holdCltvBlocks + 20);
    await node.settleHeld(wish.preimage);
    expect(await paying).toEqual({ paid: true });
    const settled = await settledLook(node, wish.hash);
    expect(settled).toMatchObject({ state: 'settled', receivedMsat: 7_000n });
    const proof = Buffer.from(settled.preimage ?? '', 'hex');
    expect(createHash('sha256').update(proof).digest('hex')).toBe(wish.hash);
    await node.settleHeld(wish.preimage);
    expect((await look(node, wish.hash)).state).toBe('settled');
  }, 120_000);

  test('given back: the payer has it again, and the secret comes too late', async () => {
    const node = await open();
    const { wish, paying } = await held(bench, node);
    await node.askToCancel(wish.hash);
    expect(await paying).toMatchObject({ paid: false });
    await node.settleHeld(wish.preimage);
    const seen = await look(node, wish.hash);
    expect(seen).toMatchObject({ state: 'canceled', preimage: undefined });
    expect(seen.heldUntilHeight).toBeUndefined();
  }, 120_000);

  test('a secret of what nobody has paid, or nobody knows, is no error and no money', async () => {
    const node = await open();
    const wish = { ...wishOf(), hold: true };
    await node.createInvoice(wish);
    await node.settleHeld(wish.preimage);
    expect((await look(node, wish.hash)).state).toBe('open');
    const unknown = wishOf({ secret: newHash().secret });
    await node.settleHeld(unknown.preimage);
    expect(await node.lookInvoice(unknown.hash)).toBe('not_found');
  });
}
