// Every benchmark by its name. What is not whole is not here.
import type { Bench } from './bench.ts';
import { memory } from './p-memory.ts';
import { recovery } from './p-recovery.ts';
import { settle } from './p-settle.ts';

export const benches: readonly Bench[] = [settle, recovery, memory];
