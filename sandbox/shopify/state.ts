/** Loads and saves the stand-in's memory, so that a second start resumes the same orders. */

import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { State } from './nouns.ts';

const empty = (): State => ({
  counter: 0,
  orderNumbers: {},
  methods: {},
  blocks: {},
  orders: [],
  installs: [],
  tokens: [],
  deliveries: [],
  cancelJobs: [],
  effects: [],
  checkouts: [],
  codes: [],
  gateways: [],
  sessions: [],
  moneySessions: [],
  sessionEffects: [],
});

const packed = (_key: string, value: unknown): unknown =>
  typeof value === 'bigint' ? `${value}n` : value;

const unpacked = (_key: string, value: unknown): unknown =>
  typeof value === 'string' && /^-?\d+n$/.test(value) ? BigInt(value.slice(0, -1)) : value;

export type Keeper = { state: State; changed: () => void; close: () => void };

/** Without a path everything is forgotten at the end. Finished deliveries are not kept. */
export function openState(path: string | undefined): Keeper {
  const state =
    path !== undefined && existsSync(path)
      ? { ...empty(), ...(JSON.parse(readFileSync(path, 'utf8'), unpacked) as State) }
      : empty();
  let timer: NodeJS.Timeout | undefined;
  const save = () => {
    clearTimeout(timer);
    timer = undefined;
    if (path === undefined) return;
    const deliveries = state.deliveries.filter((delivery) => delivery.state === 'waiting');
    mkdirSync(dirname(path), { recursive: true });
    const half = `${path}.half`;
    writeFileSync(half, JSON.stringify({ ...state, deliveries }, packed), { mode: 0o600 });
    renameSync(half, path);
  };
  return {
    state,
    changed: () => {
      if (path === undefined || timer !== undefined) return;
      timer = setTimeout(save, 200);
      timer.unref();
    },
    close: save,
  };
}
