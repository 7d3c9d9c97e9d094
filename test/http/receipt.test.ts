// The receipt of a payment that was paid on a node: for whoever has its link, and to be believed by
// whoever has its file. A changed one is refused, far from the database.
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { usualRewardTerms } from '../../web/core/reward.ts';
import { shareLane } from '../../web/db/lanes.ts';
import { storeRewardTerms } from '../../web/db/rewards.ts';
import { bookReward } from '../../web/flows/book-reward.ts';
import { lookAtInvoice } from '../../web/flows/look-at-invoice.ts';
import { withdrawRefund } from '../../web/flows/withdraw-refund.ts';
import { checkReceipt, type Receipt } from '../../web/frontend/shared/receipt.ts';
import { startInProcess, type InProcess } from '../in-process.ts';
import { aPaidOrder } from '../refund-at-hand.ts';

let our: InProcess;
let link: string;
beforeAll(async () => {
  our = await startInProcess();
  const { payment } = await our.anOrder({ total: '21.00' });
  link = payment.link;
  const { id, request } = await our.quoted(payment.id);
  expect((await get('/receipt')).status).toBe(404);
  expect((await get('/receipt.json')).status).toBe(404);
  await our.lnd.pay(request);
  const lane = our.nodeLane(our.node.id);
  await our.runStep(lookAtInvoice, { table: 'invoice', id, lane });
});
afterAll(async () => {
  await our.close();
});

const get = (leaf: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${our.appUrl}/pay/${link}${leaf}`, { headers });
const theReceipt = async (): Promise<Receipt> =>
  (await (await get('/receipt.json')).json()) as Receipt;

test('the file of a paid payment is a genuine receipt', async () => {
  const answer = await get('/receipt.json');
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-disposition')).toMatch(/^attachment; filename="receipt-/);
  expect(answer.headers.get('cache-control')).toBe('no-store');
  const text = await answer.text();
  const checked = await checkReceipt(text);
  expect(checked).toMatchObject({
    ok: true,
    receipt: { order: '#1001', fiat: { amount: '21.00' }, node: our.lnd.publicKey, test: false },
    request: { network: 'regtest', node: our.lnd.publicKey },
  });
  expect((await theReceipt()).price.sources.length).toBeGreaterThanOrEqual(2);
});

test('the page says the same, in the language of its reader, and names the file', async () => {
  const receipt = await theReceipt();
  for (const [language, word] of [
    ['en', 'Proof of payment'],
    ['de-AT', 'Zahlungsnachweis'],
  ] as const) {
    const page = await get('/receipt', { 'Accept-Language': language });
    expect(page.status).toBe(200);
    const text = await page.text();
    for (const each of [word, receipt.hash, receipt.preimage, receipt.request, receipt.node]) {
      expect(text).toContain(each);
    }
    expect(text).toContain(`href="/pay/${link}/receipt.json"`);
  }
  expect(await (await get('')).text()).toContain(`href="/pay/${link}/receipt"`);
});

test('sats back stand on the page, outside of the proof, as long as they are owed', async () => {
  expect(await (await get('/receipt')).text()).not.toContain('data-part="reward"');
  const shopId = our.shop.id;
  const terms = { ...usualRewardTerms, rewardsOn: true, partBp: 1_000, waitDays: 14 };
  await storeRewardTerms(our.db, { shopId, ...terms });
  const { payment } = await aPaidOrder(our);
  const pageOf = async (language: string): Promise<string> => {
    const headers = { 'Accept-Language': language };
    return (await fetch(`${our.appUrl}/pay/${payment.link}/receipt`, { headers })).text();
  };
  const fileOf = async () => (await fetch(`${our.appUrl}/pay/${payment.link}/receipt.json`)).text();
  const before = await fileOf();
  await our.runStep(bookReward, { table: 'reward_task', id: payment.id, lane: shareLane(shopId) });
  const where = { paymentId: payment.id, origin: 'reward' };
  const { id, link: claimLink } = await our.db.prisma.refund.findFirstOrThrow({ where });
  for (const [language, said] of [
    ['en', /Sats back.*sats, can be claimed from <time datetime="/s],
    ['de', /Sats zurück.*Sats, abrufbar ab <time datetime="/s],
  ] as const) {
    const text = await pageOf(language);
    const [ofMoney = '', ofProof = ''] = text.split('id="proof"');
    expect(ofMoney).toMatch(said);
    expect(ofProof).not.toContain('data-part="reward"');
    // Whoever is shown the receipt must not be able to claim.
    expect(text).not.toContain(claimLink);
  }
  expect(await fileOf()).toBe(before);
  expect(await checkReceipt(before)).toMatchObject({ ok: true });
  const asked = { shopId, refundId: id, because: 'taken_back', staffId: '7' } as const;
  expect(await withdrawRefund(our.deps, asked)).toEqual({ ok: true });
  expect(await pageOf('en')).not.toContain('data-part="reward"');
});

test('nobody has a receipt of a link that leads nowhere', async () => {
  for (const wrong of ['x', 'A'.repeat(22), `${link}x`]) {
    for (const leaf of ['receipt', 'receipt.json']) {
      expect((await fetch(`${our.appUrl}/pay/${wrong}/${leaf}`)).status).toBe(404);
    }
  }
});

test('the page that checks receipts may ask nobody anything', async () => {
  const page = await fetch(`${our.appUrl}/verify`);
  expect(page.status).toBe(200);
  const policy = page.headers.get('content-security-policy') ?? '';
  expect(policy).toContain("default-src 'none'");
  expect(policy).toMatch(/connect-src '(none|self)'/);
  expect(await page.text()).toContain('Check a receipt');
});

/** The command with nothing of ours around it: no configuration and no database. */
function zaptill(...args: string[]): Promise<{ exitCode: number; out: string }> {
  const cli = path.join(import.meta.dirname, '../../web/cli.ts');
  return new Promise((resolve) => {
    const options = { env: {}, cwd: os.tmpdir() };
    execFile(process.execPath, [cli, ...args], options, (error, out, err) => {
      resolve({ exitCode: typeof error?.code === 'number' ? error.code : 0, out: out + err });
    });
  });
}

test('the command believes the receipt, and no forged one', async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'zaptill-receipt-'));
  const file = path.join(folder, 'receipt.json');
  const receipt = await theReceipt();
  fs.writeFileSync(file, JSON.stringify(receipt));
  const genuine = await zaptill('verify', file);
  expect(genuine).toMatchObject({ exitCode: 0 });
  expect(genuine.out).toContain('This receipt is genuine.');
  expect(genuine.out).toContain(our.lnd.publicKey);
  const said = await zaptill('verify', file, '--json');
  const { proven, stated } = JSON.parse(said.out) as Record<string, Record<string, unknown>>;
  // What the node has signed and the preimage shows, and nothing that the shop alone says.
  expect(Object.keys(proven ?? {}).sort()).toEqual(
    ['amountMsat', 'fiat', 'hash', 'madeAt', 'memo', 'network', 'node'].sort(),
  );
  const { node, hash, amountMsat, network } = receipt;
  const { shop, order, payment, test: isTest, paidAt, fiat, paidMsat, price } = receipt;
  expect(proven).toMatchObject({ node, hash, amountMsat, network, fiat });
  expect(stated).toEqual({ shop, order, payment, test: isTest, paidAt, paidMsat, price });
  fs.writeFileSync(file, JSON.stringify({ ...receipt, order: '#1002' }));
  const forged = await zaptill('verify', file, '--json');
  expect(forged.exitCode).toBe(1);
  expect(JSON.parse(forged.out)).toEqual({ ok: false, faults: ['order_differs'] });
  expect((await zaptill('verify', path.join(folder, 'none'))).exitCode).toBe(2);
  fs.rmSync(folder, { recursive: true });
});
