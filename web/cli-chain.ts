// `zaptill audit --chain`: is every timeline what was written?
import { shopsEverOfDomain } from './db/shops.ts';
import { auditChain, type ChainReport } from './flows/audit-chain.ts';
import type { Deps } from './flows/flow.ts';

export type ChainOptions = { shop?: string; seal?: string };
export type ChainEnd = { lines: readonly string[]; json: unknown; exitCode: 0 | 1 | 2 };

const refused = (error: string, exitCode: 1 | 2): ChainEnd => ({
  ...{ lines: [error], json: { ok: false, error } },
  exitCode,
});

/** A seal as it was written down: its number, and the beginning of its keyed hash. */
const sealForm = /^[1-9]\d{0,8}:[0-9a-f]{16,64}$/;

export async function auditChainToDesk(
  deps: Pick<Deps, 'db' | 'stamp'>,
  options: ChainOptions,
): Promise<ChainEnd> {
  const { shop, seal } = options;
  if (seal !== undefined && !sealForm.test(seal)) {
    return refused('A seal is its number and its hash, such as 12:0f3c5a7788e1d2b4.', 2);
  }
  if (seal !== undefined && shop !== undefined) {
    return refused('Seals are of all shops: leave out --shop, or --seal.', 2);
  }
  if (shop === undefined) return told(await auditChain(deps, seal === undefined ? {} : { seal }));
  const shops = await shopsEverOfDomain(deps.db, shop.toLowerCase());
  if (shops.length === 0) return refused(`No shop ${shop} ever had the app installed.`, 1);
  return told(await auditChain(deps, { shopIds: shops.map(({ id }) => id) }));
}

function told(report: ChainReport): ChainEnd {
  const { payments, entries, seals, newest, faults, faultsInAll } = report;
  const counted = `${String(entries)} entries of ${String(payments)} payments`;
  const sealed =
    seals === undefined
      ? []
      : newest === undefined
        ? ['No seal was made yet: the pool makes one a day.']
        : [`${String(seals)} seals, the newest of ${newest.day}: ${newest.seal}`];
  const more = faultsInAll - faults.length;
  const json = { ok: faultsInAll === 0, ...report };
  if (faultsInAll === 0) {
    return { lines: [`${counted} are what was written.`, ...sealed], json, exitCode: 0 };
  }
  return {
    lines: [
      ...faults,
      ...(more > 0 ? [`and ${String(more)} more.`] : []),
      `${counted}.`,
      ...sealed,
    ],
    json,
    exitCode: 1,
  };
}
