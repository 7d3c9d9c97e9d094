// The logger. JSON lines only. What must never be written (preimages, macaroons, tokens, keys,
// buyers' names, addresses and e-mails) is taken out twice: by the name of its field and by its
// shape, in the finished line, so that no serializer and no error text gets around it.
import { pino, stdTimeFunctions } from 'pino';
import type { DestinationStream, Logger } from 'pino';
import type { LogLevel } from './config.ts';

export type Log = Logger;

const REDACTED = '[redacted]';

/** Fields whose name says that their text is nobody's business. Numbers and booleans stay. */
const secretNames = new RegExp(
  [
    '^name$|first_?name|last_?name|display_?name|customer|buyer',
    'e-?mail|phone|address|^ip$',
    'pre_?image|macaroon|token|secret|pass(word|phrase)?|credential|authorization|cookie|hmac',
    'signature|lnd_?connect|api_?key|vault|private_?key|^body$|^headers$|^request$|bolt_?11',
  ].join('|'),
  'i',
);

/** A secret's shape, and what stands in its place. The order matters: longer shapes first. */
const shapes: readonly (readonly [RegExp, string])[] = [
  [/lndconnect:[^\s"\\]*/gi, '[lndconnect]'],
  [/\beyJ[\w-]{5,}\.[\w-]{5,}\.[\w-]*/g, '[jwt]'],
  [/\bshp[a-z]{2}_[A-Za-z0-9_-]+/g, '[token]'],
  [/\bln(?:bc|tb|tbs|bcrt|sb)\d*[munp]?1[02-9ac-hj-np-z]{50,}/gi, '[bolt11]'],
  // A macaroon of LND in hex and in base64: version 2, location "lnd".
  [/\b0201036c6e64[0-9a-f]*/gi, '[macaroon]'],
  [/\bAgEDbG5k[\w+/=-]*/g, '[macaroon]'],
  // 32 bytes are a preimage or a key; 33 are a node's identity, which is public.
  [/(?<![0-9a-f])(?:[0-9a-f]{64}|[0-9a-f]{68,})(?![0-9a-f])/gi, '[hex]'],
  [/(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{43}=(?![A-Za-z0-9+/=])/g, '[key]'],
  [/(?<![\w-])[\w-]{43}(?![\w-])/g, '[key]'],
  [/(?<=:\/\/)[^\s/:@"\\]*:[^\s/@"\\]*(?=@)/g, REDACTED],
  [/(?<=\/(?:pay|refund)\/)[\w-]{16,}/g, '[link]'],
  [/[\w.+-]+@[\w-]+(?:\.[\w-]+)+/g, '[e-mail]'],
];

/** Takes every known shape of a secret out of a text. */
export function withoutSecrets(text: string): string {
  return shapes.reduce((rest, [shape, instead]) => rest.replace(shape, instead), text);
}

function scrub(value: unknown, name: string | undefined): unknown {
  const secret = name !== undefined && secretNames.test(name);
  if (secret && (typeof value === 'string' || (typeof value === 'object' && value !== null))) {
    return REDACTED;
  }
  if (typeof value === 'string') return withoutSecrets(value);
  if (Array.isArray(value)) return value.map((each) => scrub(each, undefined));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, scrub(each, key)]));
}

function scrubbedLine(line: string): string {
  try {
    return `${JSON.stringify(scrub(JSON.parse(line), undefined))}\n`;
  } catch {
    // A line that is no JSON should not exist; its text is not trusted.
    return `${JSON.stringify({ level: 'error', msg: 'log.unreadable_line' })}\n`;
  }
}

/**
 * info = something moved; warn = it is tried again; error = a person is needed. The message is an
 * event's name (`payment.settled`), the facts are fields.
 */
export function makeLog(about: { level: LogLevel; to?: DestinationStream }): Log {
  const options = {
    level: about.level,
    base: { pid: process.pid },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    hooks: { streamWrite: scrubbedLine },
  };
  return about.to === undefined ? pino(options) : pino(options, about.to);
}
