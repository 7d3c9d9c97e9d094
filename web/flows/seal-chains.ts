// Once a day a seal is put on the timelines: a keyed hash over the heads of all chains that grew
// since the last one. The key is the vault's, so whoever can write the database alone, and makes a
// chain anew from a changed entry on, cannot make the seal fit. Any number of pools may try at
// once, and each may die at any moment: what is sealed stays, the next round seals the rest.
import { createHash } from 'node:crypto';
import { sealedHeadText, sealText } from '../core/chain.ts';
import type { Stamp } from '../core/ports.ts';
import {
  headsOfSeal,
  newestSeal,
  sealHeads,
  storeSeal,
  whileSealing,
  type SealRow,
} from '../db/chain.ts';
import type { Database, Queryable } from '../db/database.ts';
import type { Deps } from './flow.ts';

const bytesOf = (text: string): Uint8Array => Buffer.from(text, 'utf8');

/** The heads of a seal as one hash, and how many there are. */
export async function digestOfSeal(
  on: Queryable,
  sealId: number,
): Promise<{ heads: number; digest: Uint8Array }> {
  const hash = createHash('sha256');
  let heads = 0;
  for await (const { paymentId, entries, mac } of headsOfSeal(on, sealId)) {
    hash.update(`${paymentId} ${String(entries)} `).update(mac);
    heads += 1;
  }
  return { heads, digest: hash.digest() };
}

/** Makes today's seal. Undefined: it is made, or somebody else makes it. */
export async function sealChains(
  deps: Pick<Deps, 'db' | 'clock' | 'log' | 'stamp'>,
): Promise<SealRow | undefined> {
  const { db, clock, log, stamp } = deps;
  const today = clock().toISOString().slice(0, 10);
  const newest = await newestSeal(db.pool);
  if (newest !== undefined && newest.day >= today) return undefined;
  const sealId = (newest?.id ?? 0) + 1;
  if (!(await sealAllHeads({ db, stamp }, sealId))) return undefined;
  const seal = await whileSealing(db, sealId, async (on, last) => {
    const { heads, digest } = await digestOfSeal(on, sealId);
    const before = last?.mac ?? new Uint8Array(0);
    const text = sealText({ id: sealId, day: today, heads, digest, before });
    const made = { id: sealId, day: today, heads, ...stamp.make(bytesOf(text)) };
    await storeSeal(on, made);
    return made;
  });
  if (seal !== undefined) {
    const { id, day, heads, mac } = seal;
    // Whoever keeps this line can ask the audit for exactly this seal later.
    log.info({ day, heads, seal: `${String(id)}:${Buffer.from(mac).toString('hex')}` }, 'sealed');
  }
  return seal;
}

/** False: somebody else is at it, or has made the seal. */
async function sealAllHeads(
  { db, stamp }: { db: Database; stamp: Stamp },
  sealId: number,
): Promise<boolean> {
  for (let after: string | undefined; ;) {
    const done = await whileSealing(db, sealId, async (on) => {
      const last = await sealHeads(on, { sealId, after }, (paymentId, head) =>
        stamp.make(bytesOf(sealedHeadText({ sealId, paymentId, head }))),
      );
      return { last };
    });
    if (done === undefined) return false;
    if (done.last === undefined) return true;
    after = done.last;
  }
}
