/**
 * From a gRPC call to its answer: is the method known, has the node started, may the caller, is a
 * fault set, what is the answer. In that order, which is LND's.
 */
import type { MethodFault } from './faults.ts';
import type { Call } from './grpc-server.ts';
import { invoiceMethods } from './invoice-methods.ts';
import { nodeMethods } from './node-methods.ts';
import { PHASE_REFUSALS } from './node-state.ts';
import type { NodeState } from './node-state.ts';
import { KNOWN_SERVICES } from './permissions.ts';
import { methods } from './protos.ts';
import type { Method } from './protos.ts';
import { RpcError, STATUS } from './rpc-error.ts';
import { streamMethods } from './stream-methods.ts';
import type { Stream } from './stream-methods.ts';

const unaryMethods = { ...invoiceMethods, ...nodeMethods };

const serviceOf = (path: string): string => path.split('/')[1] ?? '';
const nameOf = (path: string): string => path.split('/')[2] ?? '';
const isState = (path: string): boolean => serviceOf(path) === 'lnrpc.State';

const methodOf = (path: string): Method => {
  const service = serviceOf(path);
  if (!KNOWN_SERVICES.has(service)) {
    throw new RpcError(`unknown service ${service}`, STATUS.unimplemented);
  }
  const method = methods().get(path);
  if (method) return method;
  throw new RpcError(`unknown method ${nameOf(path)} for service ${service}`, STATUS.unimplemented);
};

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const faultAsError = (fault: { code?: number; details?: string }): RpcError =>
  new RpcError(fault.details ?? 'unable to process the request', fault.code ?? STATUS.unknown);

const mute = (call: Call): Call => ({ ...call, send: () => undefined });

/** What a dispatcher needs of the wire below it. */
export type Wire = {
  isUp: () => boolean;
  addressOf: (peerPort: number) => string;
  cut: (call: Call) => void;
};

export class Dispatcher {
  readonly #node: NodeState;
  readonly #wire: Wire;
  readonly #streams = new Set<Stream>();

  constructor(node: NodeState, wire: Wire) {
    this.#node = node;
    this.#wire = wire;
  }

  async onCall(call: Call): Promise<void> {
    const name = nameOf(call.path);
    const { calls } = this.#node;
    calls.set(name, (calls.get(name) ?? 0) + 1);
    try {
      const method = this.#admit(call);
      await this.#answer(call, method, this.#node.methodFaults.take(name));
    } catch (error) {
      const code = error instanceof RpcError ? error.code : STATUS.unknown;
      call.finish(code, error instanceof Error ? error.message : 'unknown error');
    }
  }

  /** Ends every open stream with status 0, as a clean stop of LND does. */
  endStreams(): void {
    for (const { call } of this.#streams) call.finish(STATUS.ok, '');
    this.#streams.clear();
  }

  openStreams(method?: string): number {
    const names = [...this.#streams].map(({ call }) => nameOf(call.path));
    return names.filter((name) => method === undefined || name === method).length;
  }

  #admit(call: Call): Method {
    const method = methodOf(call.path);
    if (isState(call.path)) return method;
    const refusal = PHASE_REFUSALS[this.#node.phase];
    if (refusal !== undefined) throw new RpcError(refusal);
    const peer = this.#wire.addressOf(call.peerPort);
    this.#node.access.check({ path: call.path, macaroons: call.macaroons, peer });
    return method;
  }

  async #answer(call: Call, method: Method, fault?: MethodFault): Promise<void> {
    const waitMs = this.#node.faults.latencyMs + (fault?.kind === 'delay' ? fault.ms : 0);
    if (waitMs > 0) await wait(waitMs);
    // A node that went down meanwhile does nothing more. A client that went away changes nothing.
    if (!this.#wire.isUp()) return;
    if (fault?.kind === 'error-before') throw faultAsError(fault);
    if (method.responseStream) {
      this.#answerStream(call, method, fault);
      return;
    }
    if (fault?.kind === 'never-answer') {
      if (fault.work) this.#work(call, method);
      return;
    }
    const message = this.#work(call, method);
    if (fault?.kind === 'error-after') throw faultAsError(fault);
    if (fault?.kind === 'cut-after') {
      this.#wire.cut(call);
      return;
    }
    call.send(message);
    call.finish(STATUS.ok, '');
  }

  /** With a fault the work of a stream is begun, and its words do not reach the caller. */
  #answerStream(call: Call, method: Method, fault?: MethodFault): void {
    if (fault === undefined || fault.kind === 'delay') {
      this.#openStream(call, method);
      return;
    }
    if (fault.kind === 'never-answer' && !fault.work) return;
    this.#openStream({ ...mute(call), finish: () => undefined }, method);
    if (fault.kind === 'error-after') throw faultAsError(fault);
    // What was begun has to be on its way first.
    if (fault.kind === 'cut-after') setTimeout(() => this.#wire.cut(call), 20).unref();
  }

  #work(call: Call, method: Method): Buffer {
    const run = unaryMethods[call.path];
    if (!run) throw new RpcError(`${nameOf(call.path)} is not simulated`, STATUS.unimplemented);
    const request = method.requestDeserialize(call.request) as never;
    return method.responseSerialize(run(this.#node, request));
  }

  #openStream(call: Call, method: Method): void {
    const open = streamMethods[call.path];
    if (!open) throw new RpcError(`${nameOf(call.path)} is not simulated`, STATUS.unimplemented);
    const stream: Stream = {
      call,
      send: (message) => call.send(method.responseSerialize(message)),
      finish: () => call.finish(STATUS.ok, ''),
      cut: () => this.#wire.cut(call),
    };
    this.#streams.add(stream);
    call.onOver(() => this.#streams.delete(stream));
    const request = method.requestDeserialize(call.request) as never;
    call.onOver(open(this.#node, stream, request));
  }
}
