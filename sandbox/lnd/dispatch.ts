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

export type Dispatch = {
  onCall: (call: Call) => void;
  /** Ends every open stream, as a clean stop of LND does. */
  endStreams: (code?: number, details?: string) => void;
  openStreams: (method?: string) => number;
};

export const dispatcher = (
  node: NodeState,
  wire: { addressOf: (peerPort: number) => string; cut: (call: Call) => void },
): Dispatch => {
  const streams = new Set<Stream>();

  const admit = (call: Call): Method => {
    const method = methodOf(call.path);
    if (isState(call.path)) return method;
    const refusal = PHASE_REFUSALS[node.phase];
    if (refusal !== undefined) throw new RpcError(refusal);
    node.access.check({
      path: call.path,
      macaroons: call.macaroons,
      peer: wire.addressOf(call.peerPort),
    });
    return method;
  };

  const openStream = (call: Call, method: Method): void => {
    const open = streamMethods[call.path];
    if (!open) throw new RpcError(`${nameOf(call.path)} is not simulated`, STATUS.unimplemented);
    const stream: Stream = {
      call,
      send: (message) => {
        call.send(method.responseSerialize(message));
      },
      finish: () => {
        call.finish(STATUS.ok, '');
      },
      cut: () => {
        wire.cut(call);
      },
    };
    streams.add(stream);
    call.onOver(() => streams.delete(stream));
    const stop = open(node, stream, method.requestDeserialize(call.request) as never);
    call.onOver(stop);
  };

  const work = (call: Call, method: Method): Buffer => {
    const run = unaryMethods[call.path];
    if (!run) throw new RpcError(`${nameOf(call.path)} is not simulated`, STATUS.unimplemented);
    return method.responseSerialize(run(node, method.requestDeserialize(call.request) as never));
  };

  const answer = async (call: Call, method: Method, fault?: MethodFault): Promise<void> => {
    const waitMs = node.faults.latencyMs + (fault?.kind === 'delay' ? fault.ms : 0);
    if (waitMs > 0) await wait(waitMs);
    if (fault?.kind === 'error-before') throw faultAsError(fault);
    if (fault?.kind === 'never-answer') {
      if (fault.work) work(call, method);
      return;
    }
    if (method.responseStream) {
      openStream(call, method);
      return;
    }
    const message = work(call, method);
    if (fault?.kind === 'error-after') throw faultAsError(fault);
    if (fault?.kind === 'cut-after') {
      wire.cut(call);
      return;
    }
    call.send(message);
    call.finish(STATUS.ok, '');
  };

  return {
    onCall: (call) => {
      const name = nameOf(call.path);
      node.calls.set(name, (node.calls.get(name) ?? 0) + 1);
      void (async () => {
        try {
          const method = admit(call);
          await answer(call, method, node.methodFaults.take(name));
        } catch (error) {
          const code = error instanceof RpcError ? error.code : STATUS.unknown;
          call.finish(code, error instanceof Error ? error.message : 'unknown error');
        }
      })();
    },
    endStreams: (code = STATUS.ok, details = '') => {
      for (const { call } of streams) call.finish(code, details);
      streams.clear();
    },
    openStreams: (method) =>
      [...streams].filter(({ call }) => method === undefined || nameOf(call.path) === method)
        .length,
  };
};
