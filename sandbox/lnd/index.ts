/**
 * sandbox/lnd: a stand-in for a merchant's LND node, over LND's real protocol: gRPC over TLS,
 * macaroons, signed BOLT11.
 *
 * It plays an outsider, so it shares no code with `web/`, not even types, and must never be kinder
 * than LND: what LND withholds, loses or says in odd words is withheld, lost and said here. Nothing
 * in it moves money.
 */
export { startLnd } from './simulator.ts';
export type { LndSimulator, Snapshot } from './simulator.ts';
export type { LndOptions } from './build-node.ts';
export type { StopHow } from './power.ts';
export type { PayOptions, PayResult } from './buyer.ts';
export type { BakeOptions } from './access.ts';
export type { ChannelTerms } from './channels.ts';
export type { Faults, Lie, MethodFault } from './faults.ts';
export type { LedgerEntry } from './ledger.ts';
export type { Invoice } from './invoice.ts';
export type { Reachable, SentPayment } from './payments.ts';
export type { MacaroonName } from './permissions.ts';
export { bakeMacaroon, constrainMacaroon, readMacaroon } from './macaroon.ts';
export { readRequest } from './bolt11.ts';
export type { ReadRequest } from './bolt11.ts';
export { nodeControls, startControl } from './control.ts';
