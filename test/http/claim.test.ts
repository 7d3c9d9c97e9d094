// The buyer claims a refund: by a page with a field, by a Lightning address whose server may lie,
// or by a wallet that scans. Whatever is wrong gets a sentence, and one claim is taken.
import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addressPages, PAY_ADDRESS_HOST as host } from '../../sandbox/wallet/address.ts';
import { askWithdrawal, handIn, readLnurl, withdraw } from '../../sandbox/wallet/lnurl.ts';
import { payee, type Wish } from '../../sandbox/wallet/payee.ts';
import { paymentHash, preimage } from '../../web/core/invoice.ts';
import { msat } from '../../web/core/money.ts';
import type { RefundRow } from '../../web/db/refunds.ts';
import { lnurlOf } from '../../web/frontend/buyer/lnurl.ts';
import type { ClaimView } from '../../web/frontend/shared/claim-view.ts';
import { app, shopName, startInProcess, type InProcess, type Open } from '../in-process.ts';
import {
  aClaimableRefund,
  aPaidOrder,
  anAskedRefund,
  readRefund,
  refundMsat,
} from '../refund-at-hand.ts';

const buyer = payee('regtest');
let our: InProcess;
let paid: Open;
beforeAll(async () => {
  our = await startInProcess();
  our.shopify.outside.use(addressPages({ payee: buyer }));
  paid = await aPaidOrder(our);
});
afterAll(async () => {
  await our.close();
});

const at = (link: string, rest = ''): string => `${our.appUrl}/refund/${link}${rest}`;
/** Cents: many refunds are of one order. */
const claimable = (): Promise<RefundRow> => aClaimableRefund(our, { open: paid, amount: '0.05' });
const anInvoice = (wish: Partial<Wish> = {}): string =>
  buyer.make({ amountMsat: refundMsat, ...wish }).request;

/** As the page's form does it, with nothing of a script. */
async function give(link: string, destination: string, headers: Record<string, string> = {}) {
  const response = await fetch(at(link, '/claim'), {
    method: 'POST',
    redirect: 'manual',
    headers: { Origin: our.appUrl, 'Accept-Language': 'en', ...headers },
    body: new URLSearchParams({ destination }),
  });
  const text = await response.text();
  const said = /role="alert">([^<]*)</.exec(text)?.[1];
  return { status: response.status, said, text, location: response.headers.get('location') };
}
const viewOf = async (link: string): Promise<ClaimView> =>
  (await (await fetch(at(link, '/status'))).json()) as ClaimView;
const claimsOf = (refund: RefundRow) =>
  our.db.pool.query<{ kind: string; request: string; sealed_address: Buffer | null }>(
    'select kind, request, sealed_address from refund_claim where refund_id = $1',
    [refund.id],
  );
const claims = async (refund: RefundRow) => (await claimsOf(refund)).rows;

describe('the page', () => {
  test('shows what is owed, and takes an invoice over exactly that', async () => {
    const refund = await claimable();
    const page = await (await fetch(at(refund.link))).text();
    expect(page).toContain('You get 8,750 sats back');
    expect(page).toContain('€0.05');
    expect(page).toContain(`action="/refund/${refund.link}/claim"`);
    const request = anInvoice();
    expect(await give(refund.link, `  lightning:${request.toUpperCase()}\n`)).toMatchObject({
      status: 303,
      location: `/refund/${refund.link}`,
    });
    expect(await claims(refund)).toEqual([{ kind: 'invoice', request, sealed_address: null }]);
    expect((await readRefund(our, refund.id)).state).toBe('claimed');
    expect(await (await fetch(at(refund.link))).text()).toContain('Your refund is on its way');
    expect(await viewOf(refund.link)).toMatchObject({ state: 'claimed', final: false });
  });

  test('speaks German, and is kept by nobody', async () => {
    const refund = await claimable();
    const response = await fetch(at(refund.link), { headers: { 'Accept-Language': 'de' } });
    expect(await response.text()).toContain('Sie bekommen 8.750 Sats zurück');
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.get('referrer-policy')).toBe('no-referrer');
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
  });

  test.each<[string, () => string | Promise<string>, RegExp]>([
    ['another amount', () => anInvoice({ amountMsat: refundMsat + 1_000n }), /exactly 8,750 sats/],
    ['a millisatoshi less', () => anInvoice({ amountMsat: refundMsat - 1n }), /another amount/],
    ['any amount', () => anInvoice({ amountMsat: 0n }), /has no amount/],
    ['one that ran out', () => anInvoice({ madeSecondsAgo: 7_200 }), /has run out/],
    ['one that runs out in a minute', () => anInvoice({ expirySeconds: 60 }), /has run out/],
    ['another network', () => anInvoice({ network: 'bitcoin' }), /another network/],
    ['a test network', () => anInvoice({ network: 'testnet' }), /another network/],
    ['an invoice of the shop', () => ownInvoice(), /the shop’s own/],
    ['garbage', () => 'lnbcrt1notaninvoice', /neither a Lightning address nor/],
    ['a page', () => '<script>alert(1)</script>', /neither a Lightning address nor/],
    ['nothing', () => ' ', /neither a Lightning address nor/],
    ['an address on the chain', () => 'bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7k', /neither/],
    ['very much', () => 'lnbc1'.padEnd(9_000, 'q'), /neither a Lightning address nor/],
  ])('%s gets a sentence, and the refund stays open', async (_name, make, sentence) => {
    const refund = await claimable();
    const typed = await make();
    const answer = await give(refund.link, typed);
    expect(answer.status).toBe(422);
    expect(answer.said).toMatch(sentence);
    expect(answer.text).not.toContain('<script>alert');
    expect((await readRefund(our, refund.id)).state).toBe('claimable');
    expect(await claims(refund)).toEqual([]);
  });

  async function ownInvoice(): Promise<string> {
    const node = await our.deps.nodes.of(our.node.id);
    const bytes = randomBytes(32);
    const hash = paymentHash(createHash('sha256').update(bytes).digest('hex'));
    const secret = preimage(bytes.toString('hex'));
    if (hash === undefined || secret === undefined) throw new Error('no secret');
    const { request } = await node.createInvoice({
      ...{ preimage: secret, hash, amountMsat: msat(refundMsat) },
      ...{ memo: 'to ourselves', expirySeconds: 3_600 },
    });
    return request;
  }

  test('what was typed stands in the field again, as text', async () => {
    const refund = await claimable();
    const { text } = await give(refund.link, '"></textarea><b>hi');
    expect(text).toContain('>&quot;&gt;&lt;/textarea&gt;&lt;b&gt;hi</textarea>');
  });

  test('an invoice that was given for another refund is refused', async () => {
    const [first, second] = [await claimable(), await claimable()];
    const request = anInvoice();
    expect((await give(first.link, request)).status).toBe(303);
    expect(await give(second.link, request)).toMatchObject({ status: 422 });
    expect((await give(second.link, request)).said).toMatch(/given for a refund before/);
  });

  test('opened twice and claimed at once, it is claimed once', async () => {
    const refund = await claimable();
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => give(refund.link, anInvoice())),
    );
    expect(answers.filter(({ status }) => status === 303)).toHaveLength(1);
    const losers = answers.filter(({ status }) => status !== 303);
    expect(losers.map(({ status }) => status)).toEqual(Array(7).fill(422));
    expect(await claims(refund)).toHaveLength(1);
    // The other tab says what became of it, and shows no field any more.
    expect(losers[0]?.text).toContain('Your refund is on its way');
    expect(losers[0]?.text).not.toContain('<textarea');
  });

  test('the same form sent again is answered as before; another one is not', async () => {
    const refund = await claimable();
    const request = anInvoice();
    for (let n = 0; n < 3; n += 1) expect((await give(refund.link, request)).status).toBe(303);
    expect((await give(refund.link, anInvoice())).status).toBe(422);
    expect(await claims(refund)).toHaveLength(1);
  });

  test('after ten tries in a minute it asks to wait', async () => {
    const refund = await claimable();
    for (let n = 0; n < 10; n += 1) expect((await give(refund.link, 'x')).status).toBe(422);
    expect(await give(refund.link, anInvoice())).toMatchObject({ status: 429 });
    expect(await claims(refund)).toEqual([]);
  });

  test('another site cannot claim in the buyer’s name', async () => {
    const refund = await claimable();
    const answer = await give(refund.link, anInvoice(), { Origin: 'https://evil.example' });
    expect(answer.status).toBe(403);
    expect(await claims(refund)).toEqual([]);
  });

  test('says in each state what is true', async () => {
    const asked = await anAskedRefund(our, { open: paid, amount: '0.05' });
    expect(await viewOf(asked.link)).toMatchObject({ state: 'preparing', final: false });
    expect(await (await fetch(at(asked.link))).text()).toContain('is being prepared');
    expect((await give(asked.link, anInvoice())).status).toBe(422);

    const late = await claimable();
    await our.db.pool.query(
      `update refund set claim_ends_at = now() - interval '1 s' where id = $1`,
      [late.id],
    );
    expect(await viewOf(late.link)).toMatchObject({ state: 'expired', final: true });
    expect((await give(late.link, anInvoice())).said).toBeUndefined();
    expect((await readRefund(our, late.id)).state).toBe('claimable');

    const gone = await claimable();
    await our.db.pool.query(
      `update refund set state = 'withdrawn', reason = 'taken_back' where id = $1`,
      [gone.id],
    );
    expect(await viewOf(gone.link)).toMatchObject({ state: 'withdrawn', final: true });
    expect((await give(gone.link, anInvoice())).status).toBe(422);

    const done = await claimable();
    expect((await give(done.link, anInvoice())).status).toBe(303);
    await our.db.pool.query(`update refund set state = 'paid', reason = 'paid_out' where id = $1`, [
      done.id,
    ]);
    expect(await viewOf(done.link)).toMatchObject({ state: 'paid', final: true });
    expect(await (await fetch(at(done.link))).text()).toContain('You have your money back');
  });

  test('what nobody has sent for a while waits, and is not said to take seconds', async () => {
    const refund = await claimable();
    expect((await give(refund.link, anInvoice())).status).toBe(303);
    const view = await viewOf(refund.link);
    expect(view).toMatchObject({ state: 'claimed', final: false });
    expect(view).not.toHaveProperty('slow');
    expect(await (await fetch(at(refund.link))).text()).toContain('Mostly this takes seconds');
    await our.db.pool.query(
      `update refund_claim set given_at = now() - interval '3 minutes' where refund_id = $1`,
      [refund.id],
    );
    const later = await viewOf(refund.link);
    expect(later).toMatchObject({ state: 'claimed', final: false, slow: true });
    // Open pages fetch themselves again.
    expect(later['revision']).not.toBe(view['revision']);
    const page = await (await fetch(at(refund.link))).text();
    expect(page).toContain('Your refund is still waiting');
    expect(page).toContain('Nothing is lost');
    expect(page).not.toContain('Mostly this takes');
  });

  test('what could not be paid may be given anew', async () => {
    const refund = await claimable();
    expect((await give(refund.link, anInvoice())).status).toBe(303);
    await our.db.pool.query(
      `update refund_claim set state = 'failed', ended_at = now() where refund_id = $1`,
      [refund.id],
    );
    await our.db.pool.query(
      `update refund set state = 'claimable', reason = 'claim_failed' where id = $1`,
      [refund.id],
    );
    expect(await viewOf(refund.link)).toMatchObject({ state: 'claimable', failedBefore: true });
    expect(await (await fetch(at(refund.link))).text()).toContain('The last try could not be paid');
    expect((await give(refund.link, anInvoice())).status).toBe(303);
  });
});

describe('the way to it', () => {
  const link = async (): Promise<{ page: string; block: unknown }> => {
    const { payment, orderId, checkoutToken } = paid;
    const page = await (await fetch(`${our.appUrl}/pay/${payment.link}`)).text();
    const token = our.shopify.sessionToken({ shop: shopName, app: app.name, kind: 'extension' });
    const answer = await fetch(`${our.appUrl}/extension/payment`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ orderId, checkoutToken }),
    });
    return { page, block: ((await answer.json()) as { refundUrl?: unknown }).refundUrl };
  };

  test('stands on the pay page and in the block while there is something to claim', async () => {
    await our.db.pool.query(
      `update refund set state = 'withdrawn', reason = 'taken_back' where state = 'claimable'`,
    );
    const none = await link();
    expect(none.page).not.toContain('Claim your refund');
    expect(none.block).toBeUndefined();

    const refund = await claimable();
    const there = await link();
    expect(there.page).toContain(`href="${at(refund.link)}"`);
    expect(there.page).toContain('Claim your refund');
    expect(there.block).toBe(at(refund.link));

    expect((await give(refund.link, anInvoice())).status).toBe(303);
    expect((await link()).block).toBeUndefined();
  });
});

test.each([
  ['a guessed one', randomBytes(16).toString('base64url')],
  ['one that is too short', 'abc'],
  ['one with a path', `${'a'.repeat(20)}%2F`],
  ['the link of a payment', ''],
])('a link that is none, %s, leads nowhere', async (_name, given) => {
  const link = given === '' ? paid.payment.link : given;
  for (const rest of ['', '/status', '/lnurl', '/lnurl/callback?k1=a&pr=b']) {
    const answer = await fetch(at(link, rest));
    expect(answer.status).toBe(404);
    expect(await answer.text()).toMatch(/There is no such refund/);
  }
  expect((await give(link, anInvoice())).status).toBe(404);
});

describe('a Lightning address', () => {
  test('is asked for an invoice over the amount, and kept sealed', async () => {
    const refund = await claimable();
    expect((await give(refund.link, `Anna@${host}`)).status).toBe(303);
    const [claim] = await claims(refund);
    expect(claim?.kind).toBe('address');
    expect(our.deps.readRequest(claim?.request ?? '')).toMatchObject({
      amountMsat: refundMsat,
      payee: buyer.publicKey,
    });
    expect(claim?.sealed_address?.includes('anna')).toBe(false);
    const sealed = claim?.sealed_address ?? Buffer.alloc(0);
    const place = { table: 'refund_claim', field: 'address', shop: String(refund.shopId) };
    const opened = our.deps.sealer.open(sealed, { ...place, record: refund.id });
    expect(Buffer.from(opened).toString()).toBe(`anna@${host}`);
  });

  test.each([
    ['other_amount', /answered with something else/],
    ['other_hash', /answered with something else/],
    ['garbage', /answered with something else/],
    ['other_network', /another network/],
    ['old', /has run out/],
    ['nobody', /nobody of that name/],
    ['refusing', /nobody of that name/],
    ['small', /does not take exactly 8,750 sats/],
    ['moved', /cannot be used/],
    ['poured', /cannot be used/],
    ['inside', /cannot be used/],
    ['page', /cannot be used/],
  ])('whose server is %s gets a sentence', async (name, sentence) => {
    const refund = await claimable();
    const answer = await give(refund.link, `${name}@${host}`);
    expect(answer.status).toBe(422);
    expect(answer.said).toMatch(sentence);
    expect(await claims(refund)).toEqual([]);
    expect((await readRefund(our, refund.id)).state).toBe('claimable');
  });

  test('no server is asked for a refund that is claimed', async () => {
    const refund = await claimable();
    expect((await give(refund.link, anInvoice())).status).toBe(303);
    expect((await give(refund.link, `stalled@${host}`)).status).toBe(422);
  });
});

describe('a wallet that scans', () => {
  const codeOf = async (link: string): Promise<string> => {
    const page = await (await fetch(at(link))).text();
    return /href="lightning:(lnurl1[a-z0-9]+)"/.exec(page)?.[1] ?? '';
  };

  test('reads the code as it was written, in either case', () => {
    const url = 'https://pay.example.com/refund/AbC_-0/lnurl';
    expect(readLnurl(lnurlOf(url))).toBe(url);
    expect(readLnurl(`LIGHTNING:${lnurlOf(url).toUpperCase()}`)).toBe(url);
    // The example of LUD-01.
    const secret = '3fc3645b439ce8e7f2553a69e5267081d96dcd340693afabe04be7b0ccd178df';
    expect(lnurlOf(`https://service.com/api?q=${secret}`).toUpperCase()).toBe(
      'LNURL1DP68GURN8GHJ7UM9WFMXJCM99E3K7MF0V9CXJ0M385EKVCENXC6R2C35XVUKXEFCV5MKVV34X5EKZD3' +
        'EV56NYD3HXQURZEPEXEJXXEPNXSCRVWFNV9NXZCN9XQ6XYEFHVGCXXCMYXYMNSERXFQ5FNS',
    );
  });

  test('gets exactly what is owed', async () => {
    const refund = await claimable();
    const code = await codeOf(refund.link);
    const offer = await askWithdrawal(code);
    expect(offer).toMatchObject({
      tag: 'withdrawRequest',
      minWithdrawable: 8_750_000,
      maxWithdrawable: 8_750_000,
      callback: at(refund.link, '/lnurl/callback'),
    });
    const { request, ...answer } = await withdraw(code, buyer);
    expect(answer).toEqual({ status: 'OK' });
    expect(await claims(refund)).toMatchObject([{ kind: 'lnurlw', request }]);
  });

  test('brings back the word that it was given, and no other invoice after it', async () => {
    const refund = await claimable();
    const offer = await askWithdrawal(await codeOf(refund.link));
    const wrong = await handIn({ ...offer, k1: 'f'.repeat(64) }, anInvoice());
    expect(wrong).toMatchObject({ status: 'ERROR' });
    expect(await claims(refund)).toEqual([]);

    const request = anInvoice();
    expect(await handIn(offer, request)).toEqual({ status: 'OK' });
    // It had no answer and asks again: the same. With the old word another invoice is not taken.
    expect(await handIn(offer, request)).toEqual({ status: 'OK' });
    const late = await handIn(offer, anInvoice());
    expect(late).toMatchObject({ status: 'ERROR' });
    expect(late.reason).toMatch(/claimed a moment ago/);
    expect(await askWithdrawal(lnurlOf(at(refund.link, '/lnurl')))).toMatchObject({
      status: 'ERROR',
    });
    expect(await claims(refund)).toHaveLength(1);
  });

  test('an old word takes nothing once a claim has failed', async () => {
    const refund = await claimable();
    const offer = await askWithdrawal(await codeOf(refund.link));
    expect(await handIn(offer, anInvoice())).toEqual({ status: 'OK' });
    await our.db.pool.query(
      `update refund_claim set state = 'failed', ended_at = now() where refund_id = $1`,
      [refund.id],
    );
    await our.db.pool.query(
      `update refund set state = 'claimable', reason = 'claim_failed' where id = $1`,
      [refund.id],
    );
    expect(await handIn(offer, anInvoice())).toMatchObject({ status: 'ERROR' });
    expect((await withdraw(await codeOf(refund.link), buyer)).status).toBe('OK');
    expect(await claims(refund)).toHaveLength(2);
  });

  test('an invoice over another amount gets a sentence', async () => {
    const refund = await claimable();
    const offer = await askWithdrawal(await codeOf(refund.link));
    const answer = await handIn(offer, anInvoice({ amountMsat: 1_000n }));
    expect(answer.reason).toMatch(/exactly 8,750 sats/);
    const none = await fetch(`${offer.callback}?k1=${offer.k1}`);
    expect(await none.json()).toMatchObject({ status: 'ERROR' });
  });

  test('eight at once: one is taken', async () => {
    const refund = await claimable();
    const offer = await askWithdrawal(await codeOf(refund.link));
    const answers = await Promise.all(Array.from({ length: 8 }, () => handIn(offer, anInvoice())));
    expect(answers.filter(({ status }) => status === 'OK')).toHaveLength(1);
    expect(await claims(refund)).toHaveLength(1);
  });

  test('a look without GET changes nothing', async () => {
    const refund = await claimable();
    const { k1, callback } = await askWithdrawal(await codeOf(refund.link));
    const url = `${callback}?k1=${k1}&pr=${anInvoice()}`;
    expect((await fetch(url, { method: 'HEAD' })).status).toBe(405);
    expect(await claims(refund)).toEqual([]);
  });
});
