// The usual way to know the open invoices: all of them in a map, with what is needed of each.
import { setTimeout as pause } from 'node:timers/promises';
import { answer } from './child.ts';
import { residentBytesOf } from './machine.ts';
import { hashOf, preimageOf } from './node-double.ts';

type Entry = { paymentId: string; amountMsat: bigint; lapsesAt: Date };
const open = new Map<string, Entry>();

answer({
  fill: (count: number): void => {
    for (let n = 0; n < count; n += 1) {
      const hash = hashOf(preimageOf('map', n));
      const paymentId = `${hash.slice(0, 8)}-${hash.slice(8, 12)}-${hash.slice(12, 16)}`;
      open.set(hash, { paymentId, amountMsat: BigInt(n), lapsesAt: new Date(n) });
    }
  },
  resident: async (): Promise<number> => {
    let least = Infinity;
    for (let round = 0; round < 4; round += 1) {
      globalThis.gc?.();
      await pause(100);
      least = Math.min(least, residentBytesOf(process.pid));
    }
    return least;
  },
});
