// What the setup and node pages and the server say to each other under /api. Amounts are decimal
// strings, times ISO 8601.
import type { ConnectRequest, NodeAnswer } from './merchant-api.ts';

/** `GET /api/nodes`: those that make invoices, the preferred one first, and those that end. */
export type NodesAnswer = {
  nodes: readonly WorkingNode[];
  /** Taken out, and watched until the last payable invoice on them has ended. */
  ending: readonly { id: number; alias: string; address: string; payable: number }[];
  bake: string;
};

export type WorkingNode = NodeAnswer & {
  /** Makes the invoices; the others stand in for it. */
  isPreferred: boolean;
  /** What to delete on the node to revoke the credential. */
  rootKeyId: string;
  /** Days until the credential ends; null: never. Negative: it has ended. */
  credentialDaysLeft: number | null;
};

/** `POST /api/node`. `renews` is the node whose credential it is: another node is refused. */
export type ConnectBody = ConnectRequest & {
  how?: 'replace' | 'add';
  renews?: number;
  /** It is to hold what buyers pay until the merchant charges it. */
  forHolds?: boolean;
};

/** `POST /api/nodes/:id/prefer` and `POST /api/nodes/:id/retire`: 200 with all; 404. */
export type NodeChangedAnswer = NodesAnswer;

/** `GET /api/setup`; `POST /api/setup/look` asks the node anew before. */
export type SetupAnswer = {
  shop: string;
  /** Every step has been seen to work. */
  done: boolean;
  bake: string;
  node: NodeAnswer | null;
  receive: {
    /** `unknown`: the credential may not see the channels. */
    state: 'no_node' | 'unknown' | 'nothing' | 'low' | 'enough';
    /** Why nothing comes in, where there is one reason. */
    because: 'no_channels' | 'none_active' | 'all_full' | null;
    /** Below this, larger orders will not come in. Msat. */
    lowBelowMsat: string;
    /** Channels whose peer is away, or that are not open yet. */
    inactive: number;
  };
  method: { name: string; seenAt: string | null };
  block: { seenAt: string | null };
  selfTest: SelfTestAnswer | null;
  /** Whether any run has passed. */
  hasPassed: boolean;
};

/** `POST /api/self-test` begins one, or gives the one under way; `GET` the latest. */
export type SelfTestRunAnswer = { run: SelfTestAnswer | null };
export type SelfTestAnswer = {
  id: string;
  startedAt: string;
  /** `interrupted`: its process died. */
  state: 'running' | 'passed' | 'failed' | 'interrupted';
  steps: readonly SelfTestStepAnswer[];
};

export type SelfTestStepAnswer = {
  hop: string;
  state: 'waiting' | 'running' | 'passed' | 'warned' | 'failed' | 'skipped';
  ms: number | null;
  code: string | null;
  sentence: string | null;
  values: Readonly<Record<string, string>>;
};
