// Every benchmark by its name. What is not whole is not here.
import type { Bench } from './bench.ts';
import { checkout } from './p-checkout.ts';
import { exports } from './p-export.ts';
import { fanout } from './p-fanout.ts';
import { flash } from './p-flash.ts';
import { history } from './p-history.ts';
import { memory } from './p-memory.ts';
import { recovery } from './p-recovery.ts';
import { scaling } from './p-scaling.ts';
import { settle } from './p-settle.ts';
import { whole } from './p-whole.ts';
import { width } from './p-width.ts';

export const benches: readonly Bench[] = [
  ...[checkout, settle, scaling, recovery, memory],
  ...[fanout, history, flash, whole, width, exports],
];
