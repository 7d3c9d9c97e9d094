/**
 * The switches for faults, as tests and the control pages use them.
 */
import { makeCertificate } from './certificate.ts';
import { noFaults } from './faults.ts';
import type { Faults, Lie, MethodFault } from './faults.ts';
import type { NodeState } from './node-state.ts';
import type { Power } from './power.ts';

export type FaultSwitches = ReturnType<typeof faultSwitches>;

export const faultSwitches = (node: NodeState, power: Power) => ({
  /** Sets any of the plain faults; see `Faults`. */
  set: (changes: Partial<Faults>): void => {
    Object.assign(node.faults, changes);
    if (changes.slowMs !== undefined) power.door.slowDown(changes.slowMs);
  },
  current: (): Faults => ({ ...node.faults }),
  /** A fault of one method (`AddInvoice`), or of all (`*`); `times` calls, or until cleared. */
  onMethod: (method: string, fault: MethodFault, times?: number): void => {
    node.methodFaults.on(method, fault, times);
  },
  clearMethod: (method?: string): void => {
    node.methodFaults.clear(method);
  },
  methods: () => node.methodFaults.all(),
  /** Nobody listens at the port. */
  down: (): Promise<void> => power.stop({ how: 'kill' }),
  up: (): Promise<void> => power.restart(),
  /** Sockets stay open and no byte moves. */
  freeze: (): void => {
    power.door.freeze();
  },
  thaw: (): void => {
    power.door.thaw();
  },
  /** Every connection is reset; the node goes on. */
  cutConnections: (): void => {
    power.door.cutConnections();
  },
  /** Every client is told that it pings too often, and is hung up on. */
  cutForPings: (): void => {
    power.cutForPings();
  },
  /** The settle counter goes back, as after a lost database; invoices stay. */
  loseSettleIndex: (to = 0): void => {
    node.registry.resetSettleIndex(to);
  },
  /** A fresh certificate and key, as LND makes when the old one has expired. Restarts the node. */
  rotateCertificate: async (): Promise<void> => {
    power.certificate = await makeCertificate();
    await power.restart();
    node.keysChanged();
  },
  /** The node claims something untrue about one invoice (by hash), or about all (`*`). */
  lie: (hash: string, lie: Lie | null): void => {
    if (lie === null) node.lies.delete(hash);
    else node.lies.set(hash, lie);
  },
  /** Announces an invoice on every open stream as it would be shown, true or not. */
  announce: (hash: string): void => {
    node.subscriptions.announce(node.registry.find(hash));
  },
  /** Everything honest again. A node that is down stays down. */
  reset: (): void => {
    Object.assign(node.faults, noFaults());
    node.methodFaults.clear();
    node.lies.clear();
    power.door.slowDown(0);
    power.door.thaw();
  },
});
