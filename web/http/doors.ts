// What the doors are handed. Built in wiring, once.
import type { Request, RequestHandler, Response } from 'express';
import type { Changes } from '../db/changes.ts';
import type { ConnectGiven, ConnectRefused } from '../flows/connect-node.ts';
import type { Deps } from '../flows/flow.ts';
import type { NodeRow } from '../db/nodes.ts';
import type { RegistrationKind } from '../db/registrations.ts';
import type { ShopRow } from '../db/shops.ts';
import type { AppSecrets } from '../shopify/requests.ts';

/** A registration of an app of ours, with its opened secrets. */
export type Registration = AppSecrets & { id: number; kind: RegistrationKind };

export type Doors = {
  deps: Deps;
  /** Origin without a slash at its end. */
  appUrl: string;
  /**
   * The registrations with their opened secrets, of one kind or of both. Cached for seconds, not
   * for ever.
   */
  registrations: (kind?: RegistrationKind) => Promise<readonly Registration[]>;
  install: (seen: {
    registrationId: number;
    domain: string;
    sessionToken: string;
  }) => Promise<ShopRow>;
  connect: (about: {
    shopId: number;
    given: ConnectGiven;
  }) => Promise<{ ok: true; node: NodeRow; advice: readonly string[] } | ConnectRefused>;
  /** Asks the shop's node how it is and what it can receive, and stores the answer. */
  refreshNode: (node: NodeRow) => Promise<void>;
  adviceOf: (node: NodeRow) => readonly string[];
  /** The line that makes a credential which can receive and nothing else, with a key of its own. */
  bakeLine: () => string;
  /** The payment hash of a BOLT11; undefined for what is none. */
  hashOfRequest: (request: string) => string | undefined;
  changes: Changes;
  /** The same address as a browser is to be sent to it. */
  outsideUrl: (url: string) => string;
  /** Folder of the built front ends. */
  distDir: string;
  /** Undefined: /metrics is not served. */
  metricsToken: string | undefined;
  metricsText: () => Promise<{ contentType: string; text: string }>;
  countWebhook: (topic: string, outcome: 'taken' | 'repeated' | 'refused') => void;
  countRefusedProof: (door: 'merchant' | 'extension') => void;
  isReady: () => Promise<boolean>;
};

/** How a caller proves who it is. A route without a policy does not compile. */
export type Policy =
  | 'public'
  | 'link'
  | 'shopify-webhook'
  | 'shopify-embedded'
  | 'merchant'
  | 'extension'
  | 'operator'
  | 'shopify-payments';

export type Route = {
  method: 'get' | 'post' | 'options';
  path: string;
  policy: Policy;
  /** Body parsers and the like, before the door. */
  before?: readonly RequestHandler[];
  answer: (request: Request, response: Response) => Promise<void> | void;
};
