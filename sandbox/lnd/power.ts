/**
 * Starting and stopping the node, the polite way and the other ways, on one port and with one
 * state.
 */
import type { Certificate } from './certificate.ts';
import { Dispatcher } from './dispatch.ts';
import { FrontDoor } from './front-door.ts';
import { startGrpcServer } from './grpc-server.ts';
import type { GrpcServer, PingRules } from './grpc-server.ts';
import type { NodeState } from './node-state.ts';
import { methods } from './protos.ts';

/**
 * `clean` ends streams with status 0, as LND's own shutdown does; `drop` closes the connections in
 * order, without a word; `kill` resets them.
 */
export type StopHow = { how?: 'clean' | 'drop' | 'kill' };

/** How long a clean stop waits for its clients to hang up. */
const FAREWELL_MS = 300;

export class Power {
  certificate: Certificate;
  readonly door: FrontDoor;
  readonly dispatch: Dispatcher;
  readonly #node: NodeState;
  readonly #pings: PingRules;
  #server: GrpcServer | undefined;
  /** Whoever waits for its channels to be there again. */
  #waiting: (() => void)[] = [];

  constructor(of: { node: NodeState; certificate: Certificate; port: number; pings: PingRules }) {
    this.#node = of.node;
    this.#pings = of.pings;
    this.certificate = of.certificate;
    this.door = new FrontDoor({ port: of.port, innerPort: () => this.#server?.port ?? 0 });
    this.dispatch = new Dispatcher(of.node, {
      isUp: () => this.isUp,
      addressOf: (peerPort) => this.door.addressOf(peerPort),
      cut: (call) => {
        this.door.cut(call.peerPort);
      },
    });
  }

  get isUp(): boolean {
    return this.#server !== undefined;
  }

  async start(): Promise<void> {
    const node = this.#node;
    // What expired while the node was down is canceled before it answers.
    node.clock.advance(0);
    if (node.garbageCollection !== 'off') node.registry.forgetCanceled();
    node.channelsUpAtMs = node.clock.now() + node.warmUpMs;
    this.#server = await startGrpcServer({
      certificate: this.certificate,
      pings: this.#pings,
      isStreamedIn: (path) => methods().get(path)?.requestStream ?? false,
      onCall: (call) => void this.dispatch.onCall(call),
    });
    await this.door.open();
    const waiting = this.#waiting.splice(0);
    node.clock.at(node.channelsUpAtMs, () => {
      for (const go of waiting) go();
    });
  }

  /** After the next start, when its channels can carry something. */
  whenUp(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  async stop({ how = 'clean' }: StopHow = {}): Promise<void> {
    const server = this.#server;
    if (!server) return;
    this.#server = undefined;
    if (how === 'clean') {
      this.dispatch.endStreams();
      const farewell = new Promise((resolve) => setTimeout(resolve, FAREWELL_MS));
      await Promise.race([server.closeGently(), farewell]);
    }
    if (how === 'drop') server.destroy();
    await this.door.close(how === 'kill' ? 'reset' : 'end');
    server.destroy();
  }

  async restart(how: StopHow = {}): Promise<void> {
    await this.stop(how);
    await this.start();
  }

  cutForPings(): void {
    this.#server?.sendAway();
  }
}
