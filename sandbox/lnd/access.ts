/**
 * Who may call what: the node's root keys, the macaroons baked from them, and the check that every
 * call goes through.
 */
import { constrainMacaroon, bakeMacaroon, verifyMacaroon } from './macaroon.ts';
import { isEntity, MACAROON_RECIPES, REQUIRED_PERMISSIONS } from './permissions.ts';
import type { MacaroonName } from './permissions.ts';
import { RpcError, STATUS } from './rpc-error.ts';
import type { Random } from './random.ts';

export type BakeOptions = {
  /**
   * Decimal. LND's own files use 0, which cannot be deleted; a list of URIs gets 71 unless said
   * otherwise.
   */
  rootKeyId?: string;
  timeBefore?: Date;
  ipAddress?: string;
  /** Added word for word. */
  caveats?: string[];
};

const DEFAULT_ROOT_KEY_ID = '0';
const OWN_ROOT_KEY_ID = '71';

const caveatsOf = (options: BakeOptions): string[] => [
  ...(options.timeBefore
    ? [`time-before ${options.timeBefore.toISOString().replace('Z', '000000Z')}`]
    : []),
  ...(options.ipAddress ? [`ipaddr ${options.ipAddress}`] : []),
  ...(options.caveats ?? []),
];

const refuseUnknown = (operations: string[]): void => {
  for (const operation of operations) {
    const colon = operation.indexOf(':');
    const [entity, action] = [operation.slice(0, colon), operation.slice(colon + 1)];
    if (entity === 'uri' && !REQUIRED_PERMISSIONS.has(action)) {
      throw new RpcError(
        'invalid permission action, must be an existing URI in the format ' +
          '/package.Service/MethodName',
      );
    }
    if (!isEntity(entity) || (entity !== 'uri' && !/^(read|write|generate)$/.test(action))) {
      throw new RpcError(
        'invalid permission entity. supported actions are [read write generate], supported ' +
          'entities are [onchain offchain address message peers info invoices signer macaroon uri]',
      );
    }
  }
};

export type AccessDeps = {
  random: Random;
  now: () => number;
  /** A root key was made or deleted. */
  changed: () => void;
};

export class Access {
  readonly #deps: AccessDeps;
  readonly #rootKeys: Map<string, Buffer>;

  constructor(deps: AccessDeps) {
    this.#deps = deps;
    this.#rootKeys = new Map([[DEFAULT_ROOT_KEY_ID, deps.random.bytes(32)]]);
  }

  /** One of LND's own files, one of the two careful sets, or a list of full method names. */
  macaroon(what: MacaroonName | readonly string[], options: BakeOptions = {}): Buffer {
    if (typeof what === 'string') {
      const isCareful = what.startsWith('receive') || what === 'pay';
      const rootKeyId = isCareful ? OWN_ROOT_KEY_ID : DEFAULT_ROOT_KEY_ID;
      return this.#bake([...MACAROON_RECIPES[what]], { rootKeyId, ...options });
    }
    const operations = what.map((one) => (one.startsWith('/') ? `uri:${one}` : one));
    refuseUnknown(operations);
    return this.#bake(operations, { rootKeyId: OWN_ROOT_KEY_ID, ...options });
  }

  /** The BakeMacaroon call. */
  bakeChecked(operations: string[], rootKeyId: string): Buffer {
    if (operations.length === 0) {
      throw new RpcError('permission list cannot be empty. specify at least one action/entity');
    }
    refuseUnknown(operations);
    return this.#bake(operations, { rootKeyId });
  }

  /** Throws LND's sentence (code 2). */
  check(call: { path: string; macaroons: string[]; peer: string }): void {
    const required = REQUIRED_PERMISSIONS.get(call.path);
    if (!required) throw new RpcError(`unknown method ${call.path}`, STATUS.unimplemented);
    const [macaroon] = call.macaroons;
    if (macaroon === undefined || call.macaroons.length !== 1) {
      throw new RpcError(`expected 1 macaroon, got ${call.macaroons.length}`);
    }
    const { path: method, peer } = call;
    this.allows(Buffer.from(macaroon, 'hex'), { method, required, peer });
  }

  /** Also the CheckMacaroonPermissions call. Throws LND's sentence (code 2). */
  allows(
    macaroon: Buffer,
    of: { method: string; required: readonly string[]; peer: string },
  ): void {
    try {
      const against = { ...of, rootKeys: this.#rootKeys, now: this.#deps.now() };
      verifyMacaroon(macaroon, against);
    } catch (refusal) {
      throw new RpcError(refusal instanceof Error ? refusal.message : 'permission denied');
    }
  }

  deleteRootKey(id: string): boolean {
    if (id === DEFAULT_ROOT_KEY_ID) {
      throw new RpcError('deleting the default root key ID 0 is not allowed');
    }
    const isGone = this.#rootKeys.delete(id);
    this.#deps.changed();
    return isGone;
  }

  rootKeyIds(): string[] {
    return [...this.#rootKeys.keys()];
  }

  save(): [string, string][] {
    return [...this.#rootKeys].map(([id, key]) => [id, key.toString('hex')]);
  }

  load(saved: [string, string][]): void {
    this.#rootKeys.clear();
    for (const [id, key] of saved) this.#rootKeys.set(id, Buffer.from(key, 'hex'));
  }

  #bake(operations: string[], options: BakeOptions): Buffer {
    const rootKeyId = options.rootKeyId ?? DEFAULT_ROOT_KEY_ID;
    const known = this.#rootKeys.get(rootKeyId);
    const rootKey = known ?? this.#deps.random.bytes(32);
    this.#rootKeys.set(rootKeyId, rootKey);
    if (!known) this.#deps.changed();
    const nonce = this.#deps.random.bytes(16);
    const baked = bakeMacaroon({ rootKey, rootKeyId, nonce, operations });
    return constrainMacaroon(baked, caveatsOf(options));
  }
}
