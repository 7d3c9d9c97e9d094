// What stands in a macaroon. LND never encrypts the identifier, so its permissions and its root key
// can be read without a key and without a call, and changing them breaks the signature: what is
// listed here is the most that the node will allow.
// Source: libmacaroons binary format 2; macaroon-bakery v3 identifier `MacaroonId`; LND 0.21.

export type Macaroon = {
  location: string;
  /** A decimal number of up to 64 bits. `0` is shared by LND's own files. */
  rootKeyId: string;
  /** `entity:action`; an entity `uri` has a method's full name as its action. */
  operations: readonly string[];
  /** The texts of the first-party caveats, in order. They only narrow. */
  caveats: readonly string[];
};

/** It is not a macaroon as LND writes them. */
export class MacaroonUnreadable extends Error {
  override readonly name = 'MacaroonUnreadable';
}
const unreadable = (why: string): never => {
  throw new MacaroonUnreadable(why);
};

const longest = 4_096;
const utf8 = new TextDecoder('utf-8', { fatal: true });
const textOf = (bytes: Uint8Array): string => {
  try {
    return utf8.decode(bytes);
  } catch {
    return unreadable('it has text that is not UTF-8');
  }
};

/** A cursor over bytes that never reads past their end. */
function reader(bytes: Uint8Array) {
  let at = 0;
  const take = (count: number): Uint8Array => {
    if (count > bytes.length - at) unreadable('it is cut short');
    at += count;
    return bytes.subarray(at - count, at);
  };
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; shift < 21; shift += 7) {
      const byte = take(1)[0] ?? 0;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        // One number, one spelling: a longer form could be read differently elsewhere.
        if (byte === 0 && shift > 0) unreadable('a number is padded');
        return value;
      }
    }
    return unreadable('a number is too long');
  };
  return { take, varint, atEnd: (): boolean => at === bytes.length };
}
type Reader = ReturnType<typeof reader>;

/** Fields of a version 2 section: ascending types, ended by a zero. */
function section(from: Reader): Map<number, Uint8Array> {
  const fields = new Map<number, Uint8Array>();
  for (let last = 0; ;) {
    const type = from.varint();
    if (type === 0) return fields;
    if (type <= last) unreadable('its fields are out of order');
    last = type;
    fields.set(type, from.take(from.varint()));
  }
}

/** The length-delimited fields of a protobuf message; LND's identifier has no others. */
function* message(bytes: Uint8Array): Generator<[field: number, value: Uint8Array]> {
  const from = reader(bytes);
  while (!from.atEnd()) {
    const tag = from.varint();
    if ((tag & 7) !== 2) unreadable('its identifier has a field of an unknown type');
    yield [tag >> 3, from.take(from.varint())];
  }
}

function operationsOf(bytes: Uint8Array): string[] {
  let entity: string | undefined;
  const actions: string[] = [];
  for (const [field, value] of message(bytes)) {
    if (field === 1 && entity === undefined) entity = textOf(value);
    else if (field === 2) actions.push(textOf(value));
    else unreadable('an operation has an unknown field');
  }
  if (entity === undefined || actions.length === 0) unreadable('an operation is empty');
  return actions.map((action) => `${entity ?? ''}:${action}`);
}

function readIdentifier(id: Uint8Array | undefined) {
  if (id?.[0] !== 3) return unreadable('its identifier is not one of LND');
  const seen = new Set<number>();
  const operations: string[] = [];
  let rootKeyId = '';
  for (const [field, value] of message(id.subarray(1))) {
    // protobuf lets a later value win; LND writes each once, so twice is a trick.
    if (field !== 3 && seen.has(field)) unreadable('its identifier says something twice');
    seen.add(field);
    if (field === 2) rootKeyId = textOf(value);
    else if (field === 3) operations.push(...operationsOf(value));
    else if (field !== 1) unreadable('its identifier has an unknown field');
  }
  if (!/^(?:0|[1-9]\d{0,19})$/.test(rootKeyId)) unreadable('its root key id is not a number');
  if (operations.length === 0) unreadable('it allows nothing');
  return { rootKeyId, operations };
}

function readCaveats(from: Reader): string[] {
  const caveats: string[] = [];
  for (let one = section(from); one.size > 0; one = section(from)) {
    const text = one.get(2);
    if (one.size !== 1 || text === undefined) return unreadable('it has a third-party caveat');
    caveats.push(textOf(text));
  }
  return caveats;
}

/**
 * Reads a macaroon in LND's binary form, strictly: bytes left over, unknown fields and doubtful
 * spellings are refused, so that LND and this program cannot read two different things.
 *
 * @throws {MacaroonUnreadable} and nothing else.
 */
export function decodeMacaroon(bytes: Uint8Array): Macaroon {
  if (bytes.length > longest) unreadable('it is too long');
  const from = reader(bytes);
  if (from.take(1)[0] !== 2) unreadable('it is not of version 2');
  const header = section(from);
  if ([...header.keys()].some((type) => type > 2)) unreadable('its header has an unknown field');
  const caveats = readCaveats(from);
  if (from.varint() !== 6 || from.varint() !== 32) unreadable('it has no signature');
  from.take(32);
  if (!from.atEnd()) unreadable('something follows it');
  const location = textOf(header.get(1) ?? new Uint8Array());
  return { location, ...readIdentifier(header.get(2)), caveats };
}
