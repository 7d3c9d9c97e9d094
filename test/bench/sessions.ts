// How long Shopify waits when a shopper chooses the payments app's method: from its request, with a
// new connection and both certificates each time, to our answer. The doors are a process of their
// own, on a database of their own; the node must not be asked at all.
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { chosen, hasPaymentsApp } from '../journey/offsite-shop.ts';
import { startWorld } from '../world.ts';
import type { Say } from './million.ts';

const limitMs = 100;
const warmUps = 20;
const times = 300;

/** Asks one after the other, and eight at once; gives what is wrong in words. */
export async function measureSessions(serverUrl: string, say: Say): Promise<string[]> {
  const place = new URL(serverUrl);
  place.pathname = `/sessions_${randomBytes(4).toString('hex')}`;
  const name = place.pathname.slice(1);
  const admin = new pg.Client({ connectionString: serverUrl });
  await admin.connect();
  await admin.query(`create database ${name}`);
  const world = await startWorld({ databaseUrl: place.href, payments: true });
  try {
    await hasPaymentsApp(world);
    const asked = (): number => world.lnd?.callsOf('AddInvoice') ?? 0;
    const before = asked();
    const one = async (): Promise<number> => {
      const startedAt = performance.now();
      await chosen(world, { amount: '12.00', currency: 'EUR' });
      return performance.now() - startedAt;
    };
    for (let n = 0; n < warmUps; n += 1) await one();
    const alone: number[] = [];
    for (let n = 0; n < times; n += 1) alone.push(await one());
    const crowded: number[] = [];
    for (let n = 0; n < times / 8; n += 1) {
      crowded.push(...(await Promise.all(Array.from({ length: 8 }, one))));
    }
    const faults = told('session, one after the other', alone, say);
    // Eight at once share two cores with Shopify's side: a figure to see, not a bar.
    told('session, eight at once', crowded, say);
    if (asked() !== before) faults.push('session: the node was asked for an invoice');
    return faults;
  } finally {
    await world.close();
    await admin.query(`drop database ${name} with (force)`);
    await admin.end();
  }
}

function told(name: string, tookMs: number[], say: Say): string[] {
  tookMs.sort((a, b) => a - b);
  const at = (share: number): number =>
    tookMs[Math.min(tookMs.length - 1, Math.floor(tookMs.length * share))] ?? 0;
  const count = String(tookMs.length);
  say(`${name}: p50 ${at(0.5).toFixed(1)} ms, p99 ${at(0.99).toFixed(1)} ms, ${count} x`);
  return at(0.99) > limitMs ? [`${name}: its p99 is above ${String(limitMs)} ms`] : [];
}
