// Is every timeline what was written? The chains are computed once more from the rows, the heads
// and the seals are compared with them. Reads page by page, each page of one moment, so that a
// database of any size is read in bounded memory while payments go on.
import { createHash } from 'node:crypto';
import {
  follow,
  nameOf,
  sealedHeadText,
  sealText,
  type ChainedEntry,
  type Sha256,
  type Walk,
} from '../core/chain.ts';
import type { Stamp } from '../core/ports.ts';
import {
  headsOfNoSeal,
  sealsAfter,
  timelinePage,
  type SealedHeadRow,
  type SealRow,
  type TimelinePage,
} from '../db/chain.ts';
import type { Database } from '../db/database.ts';
import { digestOfSeal } from './seal-chains.ts';

export type ChainReport = {
  payments: number;
  entries: number;
  /** Undefined: seals were not compared, because the timelines of one shop were asked for. */
  seals: number | undefined;
  /** The newest seal, as its number and its keyed hash. */
  newest: { seal: string; day: string } | undefined;
  /** A sentence each; the first thousand. */
  faults: string[];
  faultsInAll: number;
};
type Deps = { db: Database; stamp: Stamp };
type Find = (fault: string) => void;

const sha256: Sha256 = (parts) => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};

const faultsAtMost = 1_000;

/**
 * Compares everything, or the timelines of some shops. `seal`: number and keyed hash of a seal that
 * somebody wrote down elsewhere, and that must be among the seals.
 */
export async function auditChain(
  deps: Deps,
  about: { shopIds?: readonly number[]; seal?: string } = {},
): Promise<ChainReport> {
  const { shopIds, seal } = about;
  const faults: string[] = [];
  let faultsInAll = 0;
  const find: Find = (fault) => {
    faultsInAll += 1;
    if (faults.length < faultsAtMost) faults.push(fault);
  };
  const counted = { payments: 0, entries: 0 };
  for (let after: string | undefined, more = true; more;) {
    const page = await timelinePage(deps.db, { after, shopIds }, (timelines) =>
      auditPage(deps.stamp, timelines),
    );
    page.faults.forEach(find);
    counted.payments += page.payments;
    counted.entries += page.entries;
    more = page.last !== undefined;
    after = page.last;
  }
  const seals = shopIds === undefined ? await auditSeals(deps, { seal, find }) : undefined;
  const { newest, count } = seals ?? {};
  return {
    ...{ ...counted, seals: count, faults, faultsInAll },
    newest: newest && { seal: sealName(newest), day: newest.day },
  };
}

const sealName = ({ id, mac }: SealRow): string =>
  `${String(id)}:${Buffer.from(mac).toString('hex')}`;

type PageReport = {
  payments: number;
  entries: number;
  last: string | undefined;
  faults: string[];
};

async function auditPage(stamp: Stamp, page: TimelinePage): Promise<PageReport> {
  const report: PageReport = {
    ...{ payments: page.paymentIds.length, entries: 0 },
    ...{ last: page.paymentIds.at(-1), faults: [] },
  };
  const entries = page.entries();
  let next = await entries.next();
  for (const paymentId of page.paymentIds) {
    const timeline = oneTimeline(stamp, page, paymentId);
    for (; next.done !== true && next.value.paymentId === paymentId; next = await entries.next()) {
      timeline.take(next.value);
      report.entries += 1;
    }
    const fault = timeline.end();
    if (fault !== undefined) report.faults.push(`Payment ${paymentId}: ${fault}.`);
  }
  return report;
}

/** One payment's entries, one after the other. The first fault is told: the rest follows of it. */
function oneTimeline(
  stamp: Stamp,
  page: TimelinePage,
  paymentId: string,
): { take: (entry: ChainedEntry) => void; end: () => string | undefined } {
  const walk = follow(sha256);
  const sealed = [...(page.sealed.get(paymentId) ?? [])];
  let fault: string | undefined;
  return {
    take: (entry) => {
      fault ??= walk.next(entry);
      while (fault === undefined && sealed[0]?.entries === walk.head.entries) {
        fault = sealFault(stamp, walk, { sealed: sealed.shift(), entry });
      }
    },
    end: () => {
      const [first] = sealed;
      fault ??=
        first &&
        `seal ${String(first.sealId)} is on ${String(first.entries)} entries, ` +
          `and there are ${String(walk.head.entries)}`;
      return fault ?? walk.end(page.heads.get(paymentId) ?? null);
    },
  };
}

function sealFault(
  stamp: Stamp,
  walk: Walk,
  about: { sealed: SealedHeadRow | undefined; entry: ChainedEntry },
): string | undefined {
  const { sealed, entry } = about;
  if (sealed === undefined) return undefined;
  const { sealId, paymentId, keyVersion } = sealed;
  const text = sealedHeadText({ sealId, paymentId, head: walk.head });
  const fits = stamp.fits(Buffer.from(text, 'utf8'), sealed);
  if (fits === true) return undefined;
  if (fits === undefined) {
    return `seal ${String(sealId)} needs key ${String(keyVersion)}, which VAULT_KEYS does not have`;
  }
  return `what stands up to ${nameOf(entry)} is not what seal ${String(sealId)} was put on`;
}

const sealsAtOnce = 500;

async function auditSeals(
  deps: Deps,
  about: { seal: string | undefined; find: Find },
): Promise<{ count: number; newest: SealRow | undefined }> {
  const { seal: wanted, find } = about;
  let newest: SealRow | undefined;
  let count = 0;
  let isThere = wanted === undefined;
  for (;;) {
    const seals = await sealsAfter(deps.db, newest?.id ?? 0, sealsAtOnce);
    for (const seal of seals) {
      const fault = await oneSeal(deps, { seal, before: newest });
      if (fault !== undefined) find(fault);
      isThere ||= sealName(seal).startsWith(wanted ?? '');
      newest = seal;
      count += 1;
    }
    if (seals.length < sealsAtOnce) break;
  }
  for (const id of await headsOfNoSeal(deps.db)) {
    find(`Seal ${String(id)} is missing, and what it was put on is there.`);
  }
  if (!isThere) find(`The seal ${wanted ?? ''} is not among the ${String(count)} seals.`);
  return { count, newest };
}

async function oneSeal(
  { db, stamp }: Deps,
  { seal, before }: { seal: SealRow; before: SealRow | undefined },
): Promise<string | undefined> {
  const { id, day, keyVersion } = seal;
  const named = `Seal ${String(id)} of ${day}`;
  if (id !== (before?.id ?? 0) + 1) return `Seal ${String(id - 1)} is missing.`;
  const { heads, digest } = await digestOfSeal(db.pool, id);
  if (heads !== seal.heads) {
    return `${named} was put on ${String(seal.heads)} timelines, and ${String(heads)} are there.`;
  }
  const text = sealText({ id, day, heads, digest, before: before?.mac ?? new Uint8Array(0) });
  const fits = stamp.fits(Buffer.from(text, 'utf8'), seal);
  if (fits === true) return undefined;
  if (fits === undefined) {
    return `${named} needs key ${String(keyVersion)}, which VAULT_KEYS does not have.`;
  }
  return `${named} does not fit: it was not made with our key, or what it covers was changed.`;
}
