// A shop that gives money back: refunds are on, the operator has given the signer a paying
// credential, and the buyers have wallets of their own that the node reaches.
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { payee, type Payee } from '../../sandbox/wallet/payee.ts';
import type { ClaimView } from '../../web/frontend/shared/claim-view.ts';
import type { RefundsAnswer, RefundShown } from '../../web/frontend/shared/refunds-api.ts';
import { shopName, until, type World } from '../world.ts';

const root = path.join(import.meta.dirname, '../..');
const node24 = path.join(root, 'node_modules/node/bin/node');

export type Refunding = { signerKeys: string; wallet: Payee };

/** `zaptill purse connect`, as the operator runs it: it has the keys of the signer alone. */
export function connectPurse(
  { env }: World,
  { signerKeys, words }: { signerKeys: string; words: readonly string[] },
): Promise<{ ok: boolean; said: string }> {
  return new Promise((resolve) => {
    execFile(
      node24,
      ['web/cli.ts', 'purse', 'connect', '--shop', shopName, ...words],
      {
        cwd: root,
        env: {
          ...{ PATH: process.env['PATH'] ?? '', DATABASE_URL: env.DATABASE_URL },
          ...{ DATA_DIR: env.DATA_DIR, SIGNER_KEYS: signerKeys },
          ALLOW_PRIVATE_NODES: 'true',
        },
      },
      (error, stdout, stderr) => resolve({ ok: error === null, said: stdout + stderr }),
    );
  });
}

/** What the merchant chooses on the page of settings. */
export async function switchRefundsOn({ db: { prisma } }: World): Promise<void> {
  // The payments app's row of the shop follows the settings of the merchant's own app.
  const { id: shopId } = await prisma.shop.findFirstOrThrow({
    where: { domain: shopName },
    orderBy: { id: 'asc' },
  });
  const settings = { refundsOn: true };
  await prisma.settings.upsert({
    where: { shopId },
    create: { shopId, ...settings },
    update: settings,
  });
}

/** Refunds are on, the purse is filled, and nobody signs yet. */
export async function hasRefunds(world: World): Promise<Refunding> {
  const { lnd } = world;
  if (lnd === undefined) throw new Error('there is no node of ours');
  await switchRefundsOn(world);
  const wallet = payee();
  lnd.reaches(wallet);
  const signerKeys = `1:${randomBytes(32).toString('base64')}`;
  const given = lnd.lndconnect(lnd.macaroon('pay', { rootKeyId: '57002' }));
  const { ok, said } = await connectPurse(world, { signerKeys, words: ['--lndconnect', given] });
  if (!ok) throw new Error(said);
  return { signerKeys, wallet };
}

/** The newest refund of the shop that is so, as the admin shows it. */
export const refundShown = (
  world: World,
  what: string,
  isSo: (refund: RefundShown) => boolean,
  how: number | { withinMs: number; filter: string } = 120_000,
): Promise<RefundShown> => {
  const { withinMs, filter } = typeof how === 'number' ? { withinMs: how, filter: '' } : how;
  return until(
    what,
    async () => {
      const seen = await world.api('GET', `/api/refunds${filter}`).catch(() => undefined);
      if (seen?.status !== 200) return undefined;
      return (seen.body as unknown as RefundsAnswer).refunds.find(isSo);
    },
    withinMs,
  );
};

export const claimStatus = async (claimUrl: string): Promise<ClaimView> =>
  (await (await fetch(`${claimUrl}/status`)).json()) as ClaimView;

/** The form of the buyer's page: the code of the answer, and its page where there is one. */
export async function claimOn(
  claimUrl: string,
  destination: string,
): Promise<{ code: number; page: string }> {
  const answer = await fetch(`${claimUrl}/claim`, {
    ...{ method: 'POST', redirect: 'manual' },
    headers: { Origin: new URL(claimUrl).origin },
    body: new URLSearchParams({ destination }),
  });
  return { code: answer.status, page: await answer.text() };
}

/** What left the node: each request that it was asked to pay, and how often it went out. */
export const leftNode = (world: World) =>
  (world.lnd?.payments.all() ?? []).map(({ hash, amountMsat, feeMsat, status, tries }) => ({
    ...{ hash, amountMsat, feeMsat, status, tries },
  }));

/** What our books say has left, in msat: amounts and fees of the ways together. */
export async function bookedAsPaidOut(world: World): Promise<bigint> {
  const { rows } = await world.db.pool.query<{ msat: string }>(
    `select coalesce(sum(amount_msat), 0)::text as msat from posting
     where to_account like 'paid\\_out:%'`,
  );
  return BigInt(rows[0]?.msat ?? 0);
}
