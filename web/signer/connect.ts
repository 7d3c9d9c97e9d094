// An operator gives the signer a paying credential. It is judged offline, then the node is asked:
// it must be able to pay, and refuse to bake another credential. Nothing is paid.
import { createRequire } from 'node:module';
import { randomBytes } from 'node:crypto';
import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { Trouble } from '../core/trouble.ts';
import { ask, openChannel, protocolOptions } from '../lightning/connection.ts';
import { grpcErrorIn, isNotFound, troubleFrom } from '../lightning/errors.ts';
import { readFacts } from '../lightning/facts.ts';
import { readPasted, type PastedNode } from '../lightning/lndconnect.ts';
import { asRefusal } from '../lightning/refused.ts';
import { judgePurse, purseBakeLine } from './credential.ts';
import { openPayer, pinnedOf, withConnection, withRouter, type PayerOptions } from './pay.ts';

export type TestedPurse = {
  ok: true;
  address: string;
  certificatePem: string;
  macaroonHex: string;
  identity: string;
  alias: string;
  version: string;
  network: string;
  rootKeyId: string;
  credentialEndsAt: Date | null;
  /** Of lightning-terminal: the node itself keeps a balance for this credential. */
  account: string | null;
};
export type PurseRefused = { ok: false; sentence: string; excess: readonly string[]; bake: string };

const refuse = (sentence: string, excess: readonly string[] = []): PurseRefused => ({
  ...{ ok: false, sentence, excess },
  bake: purseBakeLine(),
});

const unpermitted = /^permission denied/;
const saidOf = (thrown: unknown): string => grpcErrorIn(thrown)?.details ?? '';

/** Asked to pay something that is no request, a node refuses the request and not the asker. */
async function canPay(options: PayerOptions): Promise<boolean> {
  const said = await withRouter(options, 10_000, (_lnd, router) => {
    const { sendPaymentV2 } = router as unknown as Record<
      'sendPaymentV2',
      (request: object) => grpc.ClientReadableStream<unknown>
    >;
    const request = { payment_request: 'no request', timeout_seconds: 5, fee_limit_msat: '1' };
    const stream = sendPaymentV2.call(router, request);
    return new Promise<unknown>((resolve) => {
      stream.on('data', () => undefined).on('end', resolve);
      stream.on('error', resolve);
    });
  });
  const error = grpcErrorIn(said);
  if (error !== undefined && error.code !== 2) throw troubleFrom(said);
  return !unpermitted.test(saidOf(said));
}

async function canBake(options: PayerOptions): Promise<boolean> {
  const file = createRequire(import.meta.url).resolve('lightning/grpc/protos/lightning.proto');
  const loaded = grpc.loadPackageDefinition(loadSync(file, protocolOptions)) as unknown as {
    lnrpc: { Lightning: grpc.ServiceClientConstructor };
  };
  const { channel, client } = openChannel({ ...options, pinned: await pinnedOf(options) });
  try {
    const lightning = client(loaded.lnrpc.Lightning);
    const permissions = [{ entity: 'info', action: 'read' }];
    await ask(lightning, 'bakeMacaroon', { permissions, root_key_id: '1' });
    return true;
  } catch (error) {
    if (unpermitted.test(saidOf(error))) return false;
    throw error;
  } finally {
    channel.close();
  }
}

/** Whether anybody may do this without a credential. */
async function isOpen(options: PayerOptions): Promise<boolean> {
  return withConnection(options, (connection) =>
    connection.lookupInvoiceUncredited(randomBytes(32).toString('hex')).then(
      () => true,
      (error: unknown) => isNotFound(error),
    ),
  );
}

/** Reads, judges and tries what was given. Never throws for what a node or an operator can do. */
export async function testPurse(
  pasted: PastedNode,
  about: { allowPrivate: boolean; now: Date },
): Promise<TestedPurse | PurseRefused> {
  const read = readPasted(pasted);
  if (!read.ok) return refuse(read.sentence);
  const { credential } = read;
  const verdict = judgePurse(Buffer.from(credential.macaroonHex, 'hex'), about.now);
  if (!verdict.ok) return refuse(verdict.sentence, verdict.excess);
  const options: PayerOptions = { ...credential, allowPrivate: about.allowPrivate };
  try {
    const facts = await withConnection(options, readFacts);
    if (facts.network === undefined) return refuse('The node does not say on which network it is.');
    if (await isOpen(options)) return refuse('The node answers without a credential.');
    const seen = await openPayer(options).track(randomBytes(32).toString('hex'));
    if (seen.is !== 'not_recorded') return refuse('The node knows a payment that nobody made.');
    if (!(await canPay(options))) return refuse('The node does not let this credential pay.');
    if (await canBake(options)) return refuse('With this credential others can be made.');
    const { rootKeyId, endsAt, account } = verdict;
    return {
      ok: true,
      ...credential,
      ...{ ...facts, network: facts.network },
      ...{ rootKeyId, account, credentialEndsAt: endsAt },
    };
  } catch (error) {
    const trouble = troubleFrom(error);
    if (!(trouble instanceof Trouble)) throw trouble;
    return refuse(asRefusal(trouble, credential.certificatePem !== '').sentence);
  }
}
