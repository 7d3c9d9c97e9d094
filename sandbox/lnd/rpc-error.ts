/**
 * What a gRPC call of LND fails with: a status code and LND's sentence. Most of LND's failures are
 * code 2.
 */
export const STATUS = {
  ok: 0,
  unknown: 2,
  notFound: 5,
  alreadyExists: 6,
  unimplemented: 12,
  unavailable: 14,
} as const;

export class RpcError extends Error {
  readonly code: number;

  constructor(details: string, code: number = STATUS.unknown) {
    super(details);
    this.code = code;
  }
}
