// What the doors are handed. Built in wiring, once.
import type { Request, RequestHandler, Response } from 'express';
import type { Advice } from '../core/advice.ts';
import type { AskPayAddress } from '../core/pay-address.ts';
import type { Changes } from '../db/changes.ts';
import type { ConnectGiven, ConnectHow, ConnectRefused } from '../flows/connect-node.ts';
import type { Deps } from '../flows/flow.ts';
import type { Grant } from '../flows/install-payments-app.ts';
import type { NodeRow } from '../db/nodes.ts';
import type { SelfTestRow } from '../db/self-tests.ts';
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
    /** Asked right before Shopify is asked for tokens; left out: always. */
    mayAsk?: () => boolean;
  }) => Promise<ShopRow>;
  /** The payments app: exchanges the code of a grant and stores the shop. Throws Trouble. */
  installPayments: (grant: Grant) => Promise<ShopRow>;
  connect: (about: {
    shopId: number;
    given: ConnectGiven;
    /** Left out: it replaces what was there. */
    how?: ConnectHow;
    /** The shop is about to hold what is paid: the credential must be able to. */
    forHolds?: boolean;
  }) => Promise<{ ok: true; node: NodeRow; advice: readonly Advice[] } | ConnectRefused>;
  /** Asks the shop's node how it is and what it can receive, and stores the answer. */
  refreshNode: (node: NodeRow) => Promise<void>;
  /** Of this program. */
  version: string;
  /** What we ask of Shopify: its interface's version, and what the app must be allowed. */
  shopify: { apiVersion: string; scopes: readonly string[] };
  adviceOf: (node: NodeRow) => readonly Advice[];
  /** The line that makes a credential which can receive and nothing else, with a key of its own. */
  /** `holds`: for a shop that authorizes before it charges. */
  bakeLine: (holds?: boolean) => string;
  /** The payment hash of a BOLT11; undefined for what is none. */
  hashOfRequest: (request: string) => string | undefined;
  /** The sentence of a word that the signer left: why it has not paid yet. */
  sayPayout: (word: string) => string;
  /** Asks the server of a buyer's Lightning address for an invoice. */
  askPayAddress: AskPayAddress;
  /** Begins a self-test, or gives the one under way. `ended` waits for its last word. */
  selfTest: (shopId: number) => Promise<{ id: bigint; ended: () => Promise<SelfTestRow> }>;
  changes: Changes;
  /** The same address as a browser is to be sent to it. */
  outsideUrl: (url: string) => string;
  /** Whether a buyer may be sent to this address that Shopify gave: https, and no credentials. */
  mayBeFollowed: (url: string) => boolean;
  /** Folder of the built front ends. */
  distDir: string;
  /** Undefined: /metrics is not served. */
  metricsToken: string | undefined;
  metricsText: () => Promise<{ contentType: string; text: string }>;
  countWebhook: (topic: string, outcome: 'taken' | 'repeated' | 'refused') => void;
  countRefusedProof: (
    door: 'merchant' | 'extension' | 'proxy' | 'grant' | 'page' | 'payments',
  ) => void;
  /** `door`: the path as it stands in the table of routes; `status`: 2xx and so on. */
  countAnswer: (about: { door: string; status: string; ms: number }) => void;
  isReady: () => Promise<boolean>;
};

/** How a caller proves who it is. A route without a policy does not compile. */
export type Policy =
  | 'public'
  | 'link'
  | 'shopify-webhook'
  | 'shopify-proxy'
  | 'shopify-embedded'
  | 'shopify-oauth'
  | 'payments-page'
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
