// `zaptill verify <file>`: is this receipt genuine? Needs no configuration, no database and no
// network: whoever has the file and this program can check it.
import { readFile } from 'node:fs/promises';
import words from './frontend/buyer/words/en.json' with { type: 'json' };
import { formatMsat } from './frontend/shared/amounts.ts';
import { checkReceipt, type Checked } from './frontend/shared/receipt.ts';

export type VerifyEnd = { lines: readonly string[]; json: unknown; exitCode: 0 | 1 | 2 };

type Believed = Extract<Checked, { ok: true }>;

/** No receipt is so long. */
const longestBytes = 65_536;

const fill = (text: string, values: Readonly<Record<string, string>>): string =>
  text.replace(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole);

/** What the node's signature covers; the preimage shows that it was paid. */
const provenBy = ({ receipt, request, isFiatSigned }: Believed) => ({
  ...{ node: request.node, memo: request.memo ?? '', hash: receipt.hash },
  ...{ amountMsat: receipt.amountMsat, network: request.network },
  // Sats for fiat money: whoever knows both knows the price that the buyer had.
  ...(isFiatSigned ? { fiat: receipt.fiat } : {}),
  madeAt: new Date(request.madeAt * 1_000).toISOString(),
});

/** What the shop says: its name and the order fit the signed memo, the rest nobody signed. */
function statedIn({ receipt, isFiatSigned }: Believed) {
  const { shop, order, payment, test, paidAt, fiat, paidMsat, price } = receipt;
  const unsigned = isFiatSigned ? {} : { fiat };
  return { shop, order, payment, test, paidAt, ...unsigned, paidMsat, price };
}

export async function verifyFile(file: string): Promise<VerifyEnd> {
  const text = await readFile(file).catch(() => undefined);
  if (text === undefined || text.length > longestBytes) {
    const error = `${file} cannot be read${text === undefined ? '' : ': it is no receipt'}.`;
    return { lines: [error], json: { ok: false, error }, exitCode: 2 };
  }
  const checked = await checkReceipt(text.toString('utf8'));
  if (!checked.ok) {
    const { faults } = checked;
    const why = faults.map((fault) => words[`verify.${fault}`]);
    return { lines: [words['verify.bad'], ...why], json: { ok: false, faults }, exitCode: 1 };
  }
  const { receipt, request } = checked;
  const { node, memo = '', network } = request;
  const sats = formatMsat(receipt.amountMsat, 'en');
  const good = fill(words['verify.good.text'], { node, memo, network, sats, shop: receipt.shop });
  const test = network === 'mainnet' ? [] : [words['verify.test']];
  const json = { ok: true, proven: provenBy(checked), stated: statedIn(checked) };
  const stated = words[checked.isFiatSigned ? 'verify.stated' : 'verify.stated.fiat'];
  const lines = [words['verify.good'], good, stated, ...test];
  return { lines, json, exitCode: 0 };
}
