/**
 * What can be wished of a simulated node over HTTP, checked before it is granted.
 */
import { noFaults } from './faults.ts';
import type { Lie, MethodFault } from './faults.ts';
import type { Phase } from './node-state.ts';
import type { LndSimulator } from './simulator.ts';

/** A wish that cannot be granted; its message is shown. */
export class WishError extends Error {}

type Body = Record<string, unknown>;

const PHASES = [
  'WAITING_TO_START',
  'NON_EXISTING',
  'LOCKED',
  'UNLOCKED',
  'RPC_ACTIVE',
  'SERVER_ACTIVE',
] as const satisfies readonly Phase[];

const wholeNumber = (value: unknown, otherwise: number): number => {
  if (value === undefined || value === '') return otherwise;
  const number = Number(value);
  if (!Number.isSafeInteger(number) || number < 0) throw new WishError('a whole number, please');
  return number;
};

/** Whole millisatoshi as text; nothing stays nothing. */
export const msatWish = (value: unknown): bigint | undefined => {
  if (value === undefined || value === '') return undefined;
  if (typeof value === 'string' && /^[0-9]{1,19}$/.test(value)) return BigInt(value);
  throw new WishError('an amount is whole millisatoshi, as text');
};

const goToPhase = (node: LndSimulator, body: Body): void => {
  const phase = PHASES.find((known) => known === body['phase']);
  if (!phase) throw new WishError(`phase is one of ${PHASES.join(', ')}`);
  node.setPhase(phase);
};

export const ACTIONS = {
  down: (node: LndSimulator) => node.faults.down(),
  up: (node: LndSimulator) => node.faults.up(),
  restart: (node: LndSimulator) => node.restart(),
  kill: (node: LndSimulator) => node.restart({ how: 'kill' }),
  freeze: (node: LndSimulator) => node.faults.freeze(),
  thaw: (node: LndSimulator) => node.faults.thaw(),
  cut: (node: LndSimulator) => node.faults.cutConnections(),
  'cut-for-pings': (node: LndSimulator) => node.faults.cutForPings(),
  'lose-settle-index': (node: LndSimulator, body: Body) =>
    node.faults.loseSettleIndex(wholeNumber(body['to'], 0)),
  'rotate-certificate': (node: LndSimulator) => node.faults.rotateCertificate(),
  migrate: (node: LndSimulator) => node.migrate(),
  mine: (node: LndSimulator, body: Body) => node.mine(wholeNumber(body['blocks'], 1)),
  advance: (node: LndSimulator, body: Body) =>
    node.clock.advance(wholeNumber(body['seconds'], 0) * 1000),
  lock: (node: LndSimulator) => node.setPhase('LOCKED'),
  unlock: (node: LndSimulator) => node.setPhase('SERVER_ACTIVE'),
  phase: goToPhase,
  'close-channels': (node: LndSimulator) => node.setChannels([]),
  'open-channel': (node: LndSimulator) =>
    node.setChannels([{ local: 100_000_000n, remote: 900_000_000n }]),
  reset: (node: LndSimulator) => node.faults.reset(),
} satisfies Record<string, (node: LndSimulator, body: Body) => Promise<void> | void>;

export const isAction = (name: unknown): name is keyof typeof ACTIONS =>
  typeof name === 'string' && name in ACTIONS;

/** Any of the plain faults; a form's `on` and numbers as text are understood. */
export const applyFaults = (node: LndSimulator, body: Body): void => {
  const honest = noFaults();
  const changes: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(body)) {
    if (!(name in honest)) throw new WishError(`no fault is called ${name}`);
    const kind = typeof honest[name as keyof typeof honest];
    if (kind === 'boolean') changes[name] = value === true || value === 'on' || value === 'true';
    else changes[name] = value === null || value === '' ? null : wholeNumber(value, 0);
  }
  node.faults.set(changes);
};

const KINDS: readonly MethodFault['kind'][] = [
  'delay',
  'error-before',
  'error-after',
  'cut-after',
  'never-answer',
];

/** `{ method, fault: { kind, ... }, times? }`; `fault: null` clears it. */
export const applyMethodFault = (node: LndSimulator, body: Body): void => {
  const { method, fault, times } = body;
  if (typeof method !== 'string') throw new WishError('method is a name like AddInvoice, or *');
  if (fault === null) {
    node.faults.clearMethod(method);
    return;
  }
  const kind = typeof fault === 'object' ? (fault as { kind?: unknown } | undefined)?.kind : '';
  if (!KINDS.some((known) => known === kind)) {
    throw new WishError(`fault.kind is one of ${KINDS.join(', ')}`);
  }
  node.faults.onMethod(
    method,
    fault as MethodFault,
    times === undefined ? Infinity : wholeNumber(times, 1),
  );
};

/** `{ hash, state?, receivedMsat?, secret?, announce? }`; without a state, the lie ends. */
export const applyLie = (node: LndSimulator, body: Body): void => {
  const { hash, state, receivedMsat, secret, announce } = body;
  if (typeof hash !== 'string') throw new WishError('hash is a payment hash, or *');
  const states: readonly Lie['state'][] = ['OPEN', 'SETTLED', 'CANCELED'];
  if (state !== undefined && !states.some((known) => known === state)) {
    throw new WishError('state is OPEN, SETTLED or CANCELED');
  }
  const amountMsat = msatWish(receivedMsat);
  const lie = {
    state: state as 'OPEN' | 'SETTLED' | 'CANCELED',
    ...(amountMsat === undefined ? {} : { receivedMsat: amountMsat }),
    ...(typeof secret === 'string' ? { secret } : {}),
  };
  node.faults.lie(hash, state === undefined ? null : lie);
  if (announce === true) node.faults.announce(hash);
};
