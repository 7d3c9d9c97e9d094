// Receipts: a page to print and a file to check, for whoever has the link of a paid payment; and
// the page on which anybody checks such a file. That page is the same for all, asks us nothing, and
// may be kept and used without us.
import type { Request, Response } from 'express';
import { decimalOfCode, minor } from '../core/money.ts';
import { receiptByLink, rewardOfPayment, type ReceiptRow } from '../db/views.ts';
import { renderNotFound } from '../frontend/buyer/page.ts';
import { renderReceipt, renderVerify } from '../frontend/buyer/receipt-page.ts';
import type { PayReward } from '../frontend/shared/pay-view.ts';
import type { Receipt } from '../frontend/shared/receipt.ts';
import { answerJson } from './answers.ts';
import { verifyScript } from './assets.ts';
import type { Doors, Route } from './doors.ts';
import { localeOf } from './from-buyer.ts';
import { rewardParts } from './pay-view.ts';

const linkForm = /^[A-Za-z0-9_-]{22}$/;

export function receiptRoutes(doors: Doors): Route[] {
  const script = verifyScript(doors.distDir);
  return [
    {
      ...({ method: 'get', path: '/pay/:link/receipt', policy: 'link' } as const),
      answer: (request, response) => page(doors, { request, response }),
    },
    {
      ...({ method: 'get', path: '/pay/:link/receipt.json', policy: 'link' } as const),
      answer: (request, response) => file(doors, { request, response }),
    },
    {
      ...({ method: 'get', path: '/verify', policy: 'public' } as const),
      answer: (request, response) => {
        const { html, headers } = renderVerify({ locale: localeOf(request), script });
        response.status(200).set(headers).send(html);
      },
    },
  ];
}

type Asked = { request: Request; response: Response };

async function receiptOf(doors: Doors, request: Request): Promise<Receipt | undefined> {
  const link = request.params['link'];
  if (typeof link !== 'string' || !linkForm.test(link)) return undefined;
  const row = await receiptByLink(doors.deps.db, link);
  return row && receiptFrom(row);
}

/** 10^-8 units, without the zeros at its end. */
function decimalE8(units: string): string {
  const digits = units.padStart(9, '0');
  const part = digits.slice(-8).replace(/0+$/, '');
  return digits.slice(0, -8) + (part === '' ? '' : `.${part}`);
}

const receiptFrom = (row: ReceiptRow): Receipt => ({
  receipt: 'zaptill/1',
  shop: row.shop_domain,
  order: row.order_name,
  payment: row.payment_id,
  test: row.test,
  paidAt: row.settled_at.toISOString(),
  fiat: {
    amount: decimalOfCode(minor(BigInt(row.fiat_minor)), row.currency),
    currency: row.currency,
  },
  amountMsat: row.amount_msat,
  paidMsat: row.paid_msat,
  price: {
    perBitcoin: decimalE8(row.price_e8),
    at: row.price_at.toISOString(),
    adjustmentBp: row.evidence.adjustmentBasisPoints ?? 0,
    sources: row.evidence.sources.map(({ source, price, at }) => ({
      ...{ source, price },
      at: new Date(at).toISOString(),
    })),
  },
  ...{ hash: row.hash, preimage: row.preimage, request: row.request },
  node: row.identity,
  network: row.network as Receipt['network'],
});

async function page(doors: Doors, { request, response }: Asked): Promise<void> {
  const receipt = await receiptOf(doors, request);
  const locale = localeOf(request);
  if (receipt === undefined) {
    const { html, headers } = renderNotFound({ locale });
    response.status(404).set(headers).send(html);
    return;
  }
  const at = `/pay/${String(request.params['link'])}`;
  const reward = await rewardOf(doors, receipt);
  const { html, headers } = renderReceipt(receipt, { locale, at, reward });
  response.status(200).set(headers).send(html);
}

/** It changes while the receipt does not, so that the file, which proves something, has none. */
async function rewardOf(doors: Doors, { payment }: Receipt): Promise<PayReward | undefined> {
  const reward = await rewardOfPayment(doors.deps.db, payment);
  const now = doors.deps.clock();
  return reward === null ? undefined : rewardParts(doors, { reward, now }).reward;
}

async function file(doors: Doors, { request, response }: Asked): Promise<void> {
  const receipt = await receiptOf(doors, request);
  if (receipt === undefined) {
    answerJson(response, 404, { error: 'There is no paid payment at this address.' });
    return;
  }
  const name = `receipt-${receipt.hash.slice(0, 12)}.json`;
  response
    .status(200)
    .set({
      'Cache-Control': 'no-store',
      'Content-Disposition': `attachment; filename="${name}"`,
      'Referrer-Policy': 'no-referrer',
    })
    .type('json')
    .send(`${JSON.stringify(receipt, undefined, 2)}\n`);
}
