// What a merchant is told when a node is not taken. One sentence says what is wrong, the next what
// to do; the address gets one answer whatever the reason, so that nobody can map our network.
import type { ConnectRefusal } from '../core/refusals.ts';
import { type Defect, Trouble } from '../core/trouble.ts';
import { grpcErrorIn, troubleFrom } from './errors.ts';
import type { NodeTrouble } from './errors.ts';
import { bakeLine } from './gate.ts';
import type { CredentialRefused } from './gate.ts';
import { plain } from './plain.ts';

/** The answer is no: thrown inside the test of a node, and never out of it. */
export class Refused extends Error {
  readonly refusal: ConnectRefusal;
  constructor(refusal: ConnectRefusal, sentence: string) {
    super(sentence);
    this.refusal = refusal;
  }
}

const ports = "LND's gRPC port is usually 10009; 8080 is its REST port and 9735 is for peers.";
const bakeAnew = 'Run the line below on the node and paste what it prints.';
const nothingAnswers = [
  'node_unreachable',
  `Nothing answers at this address. Check the address, the port and the firewall. ${ports}`,
] as const;

/** What a merchant is told when a step failed in this way. */
const sentences = {
  node_down: nothingAnswers,
  node_silent: [
    'node_silent',
    `Something accepts the connection and then does not answer. Check the port. ${ports}`,
  ],
  not_grpc: ['node_not_lnd', `What answers there is not the gRPC port of LND. ${ports}`],
  connection_lost: ['node_not_lnd', `The connection was closed at once. ${ports}`],
  node_too_old: [
    'node_not_lnd',
    'What answers there lacks methods of LND. Update LND to 0.19 or later.',
  ],
  certificate_wrong: [
    'certificate_wrong',
    'The node shows another certificate than the one given. Paste the tls.cert that is on the ' +
      'node; LND makes a new one when the old one has expired.',
  ],
  wallet_locked: [
    'wallet_locked',
    'The wallet of the node is locked. Unlock it with "lncli unlock", then try again.',
  ],
  node_starting: ['node_unreachable', 'The node is starting up. Try again in a minute.'],
  credential_expired: ['credential_expired', `The node says that it has ended. ${bakeAnew}`],
  credential_revoked: [
    'credential_refused_by_node',
    `The node does not know this credential: it was revoked. ${bakeAnew}`,
  ],
  credential_refused: [
    'credential_refused_by_node',
    `The node refuses this credential: it is damaged, or of another node. ${bakeAnew}`,
  ],
  permission_denied: [
    'credential_refused_by_node',
    `The node does not grant what stands in this credential. ${bakeAnew}`,
  ],
} as const satisfies Partial<Record<NodeTrouble, readonly [ConnectRefusal, string]>>;

const noPublicAuthority =
  'The certificate of the node is not of a public authority. Paste the contents of its tls.cert ' +
  'as well, or use a link that has the certificate in it.';

const sentenceFor = (what: NodeTrouble): readonly [ConnectRefusal, string] | undefined =>
  (sentences as Partial<Record<NodeTrouble, readonly [ConnectRefusal, string]>>)[what];

/** The word of the error table; a Defect has none. */
const wordOf = (trouble: Trouble | Defect): NodeTrouble =>
  trouble instanceof Trouble ? (trouble.what as NodeTrouble) : 'unknown';

const notLikeLnd = [
  'node_not_lnd',
  'What answers there does not behave as LND does. Look into the log of the node.',
] as const;

/** Whatever was thrown while a node was tested, as what the merchant is told. */
export function asRefusal(error: unknown, hasCertificate: boolean): CredentialRefused {
  const because = (refusal: ConnectRefusal, sentence: string): CredentialRefused => ({
    ok: false,
    refusal,
    sentence,
    excess: [],
    bake: bakeLine(),
  });
  if (error instanceof Refused) return because(error.refusal, error.message);
  const what = wordOf(troubleFrom(error));
  if (what === 'certificate_wrong' && !hasCertificate) return because(what, noPublicAuthority);
  return because(...(sentenceFor(what) ?? notLikeLnd));
}

const forbidden =
  'This address cannot be used. Give the public address of the node; a node in the own network ' +
  'is possible only when this server allows it.';

/** A refusal for a word of the error table that has a sentence here. */
export function refusedFor(what: keyof typeof sentences): Refused {
  const [refusal, sentence] = sentences[what];
  return new Refused(refusal, sentence);
}
export const notReached = (): Refused => new Refused(...nothingAnswers);
export const addressRefused = (): Refused => new Refused('address_forbidden', forbidden);
export const tooSlow = (): Refused =>
  new Refused('node_silent', `The node takes too long to answer. ${ports}`);

/** Whether there is a better sentence for it than one about the step that failed. */
export const hasSentence = (error: unknown): boolean =>
  error instanceof Refused || sentenceFor(wordOf(troubleFrom(error))) !== undefined;

/** The node's own words, cut and without what a page or a terminal would obey. */
export const wordsOf = (error: unknown): string =>
  plain(grpcErrorIn(error)?.details ?? 'an answer that makes no sense', 200);

export const failedInvoice = (why: string): Refused =>
  new Refused(
    'test_invoice_failed',
    `The test invoice failed. ${why} Look into the log of the node, then try again.`,
  );
