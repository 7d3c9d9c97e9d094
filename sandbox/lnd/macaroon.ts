/**
 * Macaroons in LND's binary form (version 2): bake, narrow, read, verify.
 *
 * The identifier is byte 3 and a protobuf message: nonce, root key id as decimal text, and the
 * operations. Signatures are chained HMAC-SHA256. Source: LND's `macaroons` package and
 * gopkg.in/macaroon.v2; every sentence that LND says when it refuses one is said here word for
 * word.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';

export type Macaroon = {
  location: string;
  identifier: Buffer;
  rootKeyId: string;
  /** Like `invoices:read` or `uri:/lnrpc.Lightning/AddInvoice`. */
  operations: string[];
  caveats: Buffer[];
  signature: Buffer;
};

const hmac = (key: Buffer | string, message: Buffer): Buffer =>
  createHmac('sha256', key).update(message).digest();

const varint = (value: number): Buffer => {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest >>>= 7) bytes.push((rest & 127) | 128);
  return Buffer.from([...bytes, rest]);
};
const packet = (type: number, content: Buffer): Buffer =>
  Buffer.concat([varint(type), varint(content.length), content]);
const protoField = (number: number, content: Buffer): Buffer => packet((number << 3) | 2, content);

const identifierOf = (of: { nonce: Buffer; rootKeyId: string; operations: string[] }): Buffer => {
  const actionsByEntity = new Map<string, string[]>();
  for (const operation of of.operations) {
    const colon = operation.indexOf(':');
    const entity = operation.slice(0, colon);
    const actions = actionsByEntity.get(entity) ?? [];
    actionsByEntity.set(entity, [...actions, operation.slice(colon + 1)]);
  }
  const operations = [...actionsByEntity].map(([entity, actions]) =>
    protoField(
      3,
      Buffer.concat([
        protoField(1, Buffer.from(entity)),
        ...[...new Set(actions)].sort().map((action) => protoField(2, Buffer.from(action))),
      ]),
    ),
  );
  return Buffer.concat([
    Buffer.from([3]),
    protoField(1, of.nonce),
    protoField(2, Buffer.from(of.rootKeyId)),
    ...operations,
  ]);
};

const signatureOf = (rootKey: Buffer, identifier: Buffer, caveats: Buffer[]): Buffer => {
  const first = hmac(hmac('macaroons-key-generator', rootKey), identifier);
  return caveats.reduce((signature, caveat) => hmac(signature, caveat), first);
};

const serialise = (of: {
  location: string;
  identifier: Buffer;
  caveats: Buffer[];
  signature: Buffer;
}): Buffer =>
  Buffer.concat([
    Buffer.from([2]),
    packet(1, Buffer.from(of.location)),
    packet(2, of.identifier),
    Buffer.from([0]),
    ...of.caveats.flatMap((caveat) => [packet(2, caveat), Buffer.from([0])]),
    Buffer.from([0]),
    packet(6, of.signature),
  ]);

export const bakeMacaroon = (recipe: {
  rootKey: Buffer;
  rootKeyId: string;
  nonce: Buffer;
  operations: string[];
  caveats?: string[];
}): Buffer => {
  const identifier = identifierOf(recipe);
  const caveats = (recipe.caveats ?? []).map((caveat) => Buffer.from(caveat));
  const signature = signatureOf(recipe.rootKey, identifier, caveats);
  return serialise({ location: 'lnd', identifier, caveats, signature });
};

/** Adds caveats without the root key, as `lncli constrainmacaroon` does. */
export const constrainMacaroon = (bytes: Buffer, texts: string[]): Buffer => {
  const macaroon = readMacaroon(bytes);
  const added = texts.map((text) => Buffer.from(text));
  const signature = added.reduce((last, caveat) => hmac(last, caveat), macaroon.signature);
  return serialise({ ...macaroon, caveats: [...macaroon.caveats, ...added], signature });
};

const CUT_SHORT = 'unmarshal v2: field data extends past end of buffer';

/** Reads varints and lengths; throws LND's sentence when the bytes end too early. */
const readerOf = (bytes: Buffer) => {
  let at = 0;
  const take = (length: number): Buffer => {
    if (at + length > bytes.length) throw new Error(CUT_SHORT);
    at += length;
    return bytes.subarray(at - length, at);
  };
  const number = (): number => {
    let value = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = take(1)[0] ?? 0;
      value |= (byte & 127) << shift;
      if (byte < 128) return value;
    }
    throw new Error(CUT_SHORT);
  };
  return { take, number, atEnd: () => at >= bytes.length };
};

const readOperations = (identifier: Buffer): { rootKeyId: string; operations: string[] } => {
  const operations: string[] = [];
  let rootKeyId = '';
  const fields = (bytes: Buffer, each: (field: number, value: Buffer) => void): void => {
    const reader = readerOf(bytes);
    while (!reader.atEnd()) {
      const tag = reader.number();
      if ((tag & 7) !== 2) throw new Error('invalid macaroon id');
      each(tag >> 3, reader.take(reader.number()));
    }
  };
  fields(identifier.subarray(1), (field, value) => {
    if (field === 2) rootKeyId = value.toString();
    if (field !== 3) return;
    let entity = '';
    fields(value, (inner, text) => {
      if (inner === 1) entity = text.toString();
      if (inner === 2) operations.push(`${entity}:${text.toString()}`);
    });
  });
  return { rootKeyId, operations };
};

/** Bytes after the signature are ignored, as LND ignores them. Throws LND's sentences. */
export const readMacaroon = (bytes: Buffer): Macaroon => {
  if (bytes[0] !== 2) {
    throw new Error('cannot determine data format of binary-encoded macaroon');
  }
  const reader = readerOf(bytes.subarray(1));
  const section = (): Map<number, Buffer> => {
    const found = new Map<number, Buffer>();
    for (let type = reader.number(); type !== 0; type = reader.number()) {
      found.set(type, reader.take(reader.number()));
    }
    return found;
  };
  const head = section();
  const caveats: Buffer[] = [];
  for (let caveat = section(); caveat.size > 0; caveat = section()) {
    caveats.push(caveat.get(2) ?? Buffer.alloc(0));
  }
  if (reader.number() !== 6) throw new Error('unmarshal v2: no signature');
  const signature = reader.take(reader.number());
  const identifier = head.get(2) ?? Buffer.alloc(0);
  if (identifier[0] !== 3) throw new Error('invalid macaroon id');
  const location = head.get(1)?.toString() ?? '';
  return { location, identifier, caveats, signature, ...readOperations(identifier) };
};

const checkCaveat = (caveat: string, seen: { now: number; peer: string }): void => {
  const refuse = (why: string): never => {
    throw new Error(`caveat "${caveat}" not satisfied: ${why}`);
  };
  const [condition = '', ...rest] = caveat.split(' ');
  const argument = rest.join(' ');
  if (condition === 'time-before') {
    if (!(seen.now < Date.parse(argument))) refuse('macaroon has expired');
  } else if (condition === 'ipaddr') {
    if (seen.peer !== argument) refuse('macaroon locked to different IP address');
  } else if (condition === 'lnd-custom') {
    refuse(
      `cannot accept macaroon with custom caveat '${rest[0] ?? ''}', ` +
        'no middleware registered to handle it',
    );
  } else {
    throw new Error(`caveat "${caveat}" not satisfied: condition not recognized`);
  }
};

/**
 * Throws LND's sentence unless the macaroon is genuine, unexpired, and allows the method: by one
 * `uri:` operation for it, or by all of the entity permissions that LND's table names for it.
 */
export const verifyMacaroon = (
  bytes: Buffer,
  against: {
    rootKeys: ReadonlyMap<string, Buffer>;
    method: string;
    required: readonly string[];
    now: number;
    peer: string;
  },
): void => {
  const macaroon = readMacaroon(bytes);
  const rootKey = against.rootKeys.get(macaroon.rootKeyId);
  if (!rootKey) {
    throw new Error(
      'cannot retrieve macaroon: cannot get macaroon: ' +
        `root key with id ${macaroon.rootKeyId} doesn't exist`,
    );
  }
  const expected = signatureOf(rootKey, macaroon.identifier, macaroon.caveats);
  if (
    expected.length !== macaroon.signature.length ||
    !timingSafeEqual(expected, macaroon.signature)
  ) {
    throw new Error('verification failed: signature mismatch after caveat verification');
  }
  for (const caveat of macaroon.caveats) checkCaveat(caveat.toString(), against);
  const held = new Set(macaroon.operations);
  const byEntity = against.required.length > 0 && against.required.every((one) => held.has(one));
  if (!held.has(`uri:${against.method}`) && !byEntity) throw new Error('permission denied');
};
