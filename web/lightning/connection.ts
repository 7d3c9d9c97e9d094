// One connection to one node: one gRPC channel, our own deadlines, the pinned address and the
// pinned certificate. The `lnd` object fits the functions of the `lightning` package, whose own
// constructor sets no deadline and no keepalive, obeys proxies, and parses twelve protocol files.
import { X509Certificate } from 'node:crypto';
import { createRequire } from 'node:module';
import { checkServerIdentity } from 'node:tls';
import type { PeerCertificate } from 'node:tls';
import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import type { AuthenticatedLnd } from 'lightning';
import type { PinnedAddress } from './address.ts';

/** `lnrpc.Invoice`, as far as it is read. 64-bit numbers are decimal strings. */
export type RawInvoice = {
  r_hash: Buffer;
  r_preimage: Buffer;
  value_msat: string;
  amt_paid_msat: string;
  creation_date: string;
  settle_date: string;
  expiry: string;
  payment_request: string;
  add_index: string;
  settle_index: string;
  state: string;
  htlcs: readonly { state: string; expiry_height: number }[];
};
export type RawNode = {
  identity_pubkey: string;
  alias: string;
  version: string;
  synced_to_chain: boolean;
  block_height: number;
  chains: readonly { chain: string; network: string }[];
};
/** `lnrpc.ListInvoiceResponse`. */
export type RawInvoicePage = { invoices: RawInvoice[]; last_index_offset: string };
export type InvoiceRequest = {
  r_preimage: Buffer;
  value_msat: string;
  memo: string;
  expiry: string;
  /** Route hints for private channels. They cost nothing where there are none. */
  private: boolean;
};
/** `invoicesrpc.AddHoldInvoiceRequest`, as far as it is used. */
export type HoldInvoiceRequest = Omit<InvoiceRequest, 'r_preimage'> & {
  hash: Buffer;
  /** In blocks. */
  cltv_expiry: string;
};
export type InvoiceStream = grpc.ClientReadableStream<RawInvoice>;

/** Every promise rejects with gRPC's own error: `errors.ts` says what it means. */
export type Connection = {
  /** For functions of the `lightning` package. Only `default` and `invoices` are in it. */
  lnd: AuthenticatedLnd;
  addInvoice: (
    request: InvoiceRequest,
  ) => Promise<{ r_hash: Buffer; payment_request: string; add_index: string }>;
  /** The node is told the hash only. */
  addHoldInvoice: (
    request: HoldInvoiceRequest,
  ) => Promise<{ payment_request: string; add_index: string }>;
  settleInvoice: (preimage: Buffer) => Promise<unknown>;
  lookupInvoice: (hash: string) => Promise<RawInvoice>;
  /** Oldest first, with an add index above `after`. */
  listInvoices: (ask: {
    after: bigint;
    createdSince: Date;
    most: number;
  }) => Promise<RawInvoicePage>;
  /** The same call without a credential. A node that answers it guards nothing. */
  lookupInvoiceUncredited: (hash: string) => Promise<RawInvoice>;
  getInfo: () => Promise<RawNode>;
  /** Needs no credential: `LOCKED`, `SERVER_ACTIVE` and so on. */
  getState: () => Promise<string>;
  subscribeInvoices: (from: { settleIndex?: bigint }) => InvoiceStream;
  close: () => void;
};

/**
 * A stream without events is asked for a sign of life after `timeMs`, and given up after another
 * `timeoutMs`. LND cuts clients that ask more often than every five seconds.
 */
export type Keepalive = { timeMs: number; timeoutMs: number };

export type ConnectionOptions = {
  pinned: PinnedAddress;
  /** PEM; empty means the system's roots and the usual check of the name. */
  certificatePem: string;
  /** Lower-case hex. */
  macaroonHex: string;
  /** An upper bound for every call with one answer; streams have none. */
  deadlineMs?: number;
  keepalive?: Keepalive | undefined;
  watch?: ConnectionWatch | undefined;
};

/** For the metrics. Must not throw. */
export type ConnectionWatch = {
  /** A call has ended; `ms` is undefined for a stream. `code` is gRPC's name for its end. */
  called?: (call: { method: string; code: string; ms: number | undefined }) => void;
  /** The node showed a certificate that ends then. */
  certificate?: (endsAt: Date) => void;
};

const deadlinesMs: Readonly<Record<string, number>> = {
  '/lnrpc.Lightning/AddInvoice': 10_000,
  '/invoicesrpc.Invoices/CancelInvoice': 10_000,
  '/invoicesrpc.Invoices/AddHoldInvoice': 10_000,
  '/invoicesrpc.Invoices/SettleInvoice': 10_000,
  '/lnrpc.Lightning/ListChannels': 10_000,
  // On an old node with many invoices a page takes long.
  '/lnrpc.Lightning/ListInvoices': 45_000,
};
const usualDeadlineMs = 5_000;

const channelOptions = {
  // LND closes connections that ping without a stream.
  'grpc.keepalive_permit_without_calls': 0,
  'grpc.initial_reconnect_backoff_ms': 1_000,
  'grpc.max_reconnect_backoff_ms': 30_000,
  // A node is a stranger: what it sends must not fill our memory.
  'grpc.max_receive_message_length': 4 * 1024 * 1024,
  'grpc.enable_http_proxy': 0,
  'grpc.enable_channelz': 0,
  'grpc.enable_retries': 0,
  'grpc.service_config_disable_resolution': 1,
  'grpc.use_local_subchannel_pool': 1,
};

/** How every protocol file is read: 64-bit numbers are decimal strings. */
export const protocolOptions = {
  defaults: true,
  enums: String,
  keepCase: true,
  longs: String,
  oneofs: true,
} as const;

type Services = Record<'Lightning' | 'Invoices' | 'State', grpc.ServiceClientConstructor>;
let services: Services | undefined;

/** The protocol files are parsed once per process: it takes a tenth of a second. */
function loadServices(): Services {
  if (services !== undefined) return services;
  const { resolve } = createRequire(import.meta.url);
  const files = ['lightning', 'invoices', 'stateservice'].map((name) =>
    resolve(`lightning/grpc/protos/${name}.proto`),
  );
  const loaded = grpc.loadPackageDefinition(loadSync(files, protocolOptions)) as unknown as {
    lnrpc: Services;
    invoicesrpc: Services;
  };
  const { Lightning, State } = loaded.lnrpc;
  services = { Lightning, State, Invoices: loaded.invoicesrpc.Invoices };
  return services;
}

/**
 * With a certificate: exactly that one, whatever name it bears, or one that a private authority
 * given in its place has signed for this host. Node calls this only after the chain was accepted.
 */
function channelCredentials(
  host: string,
  { certificatePem, watch }: Pick<ConnectionOptions, 'certificatePem' | 'watch'>,
): grpc.ChannelCredentials {
  const saw = ({ valid_to: until }: PeerCertificate): void => {
    const endsAt = new Date(until);
    if (!Number.isNaN(endsAt.getTime())) watch?.certificate?.(endsAt);
  };
  if (certificatePem === '') {
    return grpc.credentials.createSsl(null, null, null, {
      checkServerIdentity: (name: string, peer: PeerCertificate) => {
        saw(peer);
        return checkServerIdentity(name, peer);
      },
    });
  }
  const pinned = new X509Certificate(certificatePem).raw;
  return grpc.credentials.createSsl(Buffer.from(certificatePem), null, null, {
    checkServerIdentity: (_name: string, peer: PeerCertificate) => {
      saw(peer);
      return peer.raw.equals(pinned) ? undefined : checkServerIdentity(host, peer);
    },
  });
}

function watched(called: NonNullable<ConnectionWatch['called']>): grpc.Interceptor {
  return (options, nextCall) => {
    const { path, responseStream } = options.method_definition;
    const since = performance.now();
    return new grpc.InterceptingCall(nextCall(options), {
      start: (metadata, _listener, next) => {
        next(metadata, {
          onReceiveStatus: (status, pass) => {
            const ms = responseStream ? undefined : performance.now() - since;
            const method = path.slice(path.lastIndexOf('/') + 1);
            called({ method, code: grpc.status[status.code], ms });
            pass(status);
          },
        });
      },
    });
  };
}

function deadlines(atMostMs: number): grpc.Interceptor {
  return (options, nextCall) => {
    const { path, responseStream } = options.method_definition;
    if (responseStream) return new grpc.InterceptingCall(nextCall(options));
    const ms = Math.min(deadlinesMs[path] ?? usualDeadlineMs, atMostMs);
    return new grpc.InterceptingCall(nextCall({ ...options, deadline: Date.now() + ms }));
  };
}

function credited(macaroonHex: string): grpc.Interceptor {
  return (options, nextCall) =>
    new grpc.InterceptingCall(nextCall(options), {
      start: (metadata, listener, next) => {
        metadata.set('macaroon', macaroonHex);
        next(metadata, listener);
      },
    });
}

type Unary = (
  request: object,
  done: (error: grpc.ServiceError | null, answer: unknown) => void,
) => void;

/** One call with one answer. The method is looked up by name, as `lightning` does. */
export function ask<T>(client: grpc.Client, method: string, request: object): Promise<T> {
  const call = (client as unknown as Record<string, Unary>)[method];
  return new Promise((resolve, reject) => {
    if (call === undefined) throw new TypeError(`LND has no method ${method}`);
    call.call(client, request, (error, answer) => {
      // grpc-js rejects with an Error that carries `code` and `details`.
      if (error === null) resolve(answer as T);
      else reject(error);
    });
  });
}

export type NodeChannel = {
  channel: grpc.Channel;
  /** Makes a client of a service over this channel; `bare` sends no credential. */
  client: (service: grpc.ServiceClientConstructor, how?: 'bare') => grpc.Client;
};

/** One gRPC channel to the pinned address. Opens nothing by itself: the first call connects. */
export function openChannel(options: ConnectionOptions): NodeChannel {
  const { pinned, certificatePem, macaroonHex } = options;
  const { keepalive = { timeMs: 30_000, timeoutMs: 10_000 } } = options;
  const credentials = channelCredentials(pinned.host, options);
  const named = pinned.host !== pinned.ip;
  // TLS has no names for addresses (RFC 6066), and a pinned certificate may bear any name.
  const serverName = named || certificatePem === '' ? pinned.host : 'localhost';
  const channel = new grpc.Channel(pinned.target, credentials, {
    ...channelOptions,
    'grpc.keepalive_time_ms': keepalive.timeMs,
    'grpc.keepalive_timeout_ms': keepalive.timeoutMs,
    'grpc.ssl_target_name_override': serverName,
    'grpc.default_authority': serverName,
  });
  const deadline = deadlines(options.deadlineMs ?? Number.MAX_SAFE_INTEGER);
  const called = options.watch?.called;
  const both = called === undefined ? [deadline] : [watched(called), deadline];
  const bare = { channelOverride: channel, interceptors: both };
  const full = { channelOverride: channel, interceptors: [credited(macaroonHex), ...both] };
  return {
    channel,
    client: (service, how) => new service(pinned.target, credentials, how === 'bare' ? bare : full),
  };
}

/** Opens nothing by itself: the first call connects. */
export function openConnection(options: ConnectionOptions): Connection {
  const { Lightning, Invoices, State } = loadServices();
  const { channel, client } = openChannel(options);
  const lightning = client(Lightning);
  const invoices = client(Invoices);
  const uncredited = client(Lightning, 'bare');
  const status = client(State, 'bare');
  const byHash = (hash: string): object => ({ r_hash: Buffer.from(hash, 'hex') });
  return {
    lnd: { default: lightning, invoices } as unknown as AuthenticatedLnd,
    addInvoice: (request) => ask(lightning, 'addInvoice', request),
    addHoldInvoice: (request) => ask(invoices, 'addHoldInvoice', request),
    settleInvoice: (preimage) => ask(invoices, 'settleInvoice', { preimage }),
    lookupInvoice: (hash) => ask(lightning, 'lookupInvoice', byHash(hash)),
    listInvoices: ({ after, createdSince, most }) =>
      ask(lightning, 'listInvoices', {
        index_offset: after.toString(),
        num_max_invoices: String(most),
        creation_date_start: String(Math.max(0, Math.floor(createdSince.getTime() / 1_000))),
      }),
    lookupInvoiceUncredited: (hash) => ask(uncredited, 'lookupInvoice', byHash(hash)),
    getInfo: () => ask(lightning, 'getInfo', {}),
    getState: async () => (await ask<{ state: string }>(status, 'getState', {})).state,
    subscribeInvoices: ({ settleIndex }) => {
      const methods = lightning as unknown as Record<string, (request: object) => InvoiceStream>;
      const call = methods['subscribeInvoices'];
      if (call === undefined) throw new TypeError('LND has no method subscribeInvoices');
      const from = settleIndex === undefined ? {} : { settle_index: settleIndex.toString() };
      return call.call(lightning, from);
    },
    close: () => channel.close(),
  };
}
