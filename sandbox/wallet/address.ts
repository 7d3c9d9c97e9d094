/**
 * A server of Lightning addresses (LUD-06, LUD-16), as the outside of the program sees it: mount it
 * at the root of the outside's server, where every path begins with the host's name.
 *
 * `GET /{host}/.well-known/lnurlp/{name}` offers, `GET /{host}/lnurlp/{name}/make?amount=` makes an
 * invoice. The name says how honest the server is: `anna` is, the others are in `LIES`.
 */
import { createHash } from 'node:crypto';
import { Router } from 'express';
import type { Request, Response } from 'express';
import { payee as aPayee } from './payee.ts';
import type { Made, Payee } from './payee.ts';

export const PAY_ADDRESS_HOST = 'wallet.example.com';

type Lie = {
  /** In the place of the offer. */
  offer?: (response: Response, honest: Offer) => void;
  /** In the place of the invoice. */
  make?: (response: Response, asked: { amountMsat: bigint; metadata: string; of: Payee }) => void;
};
type Offer = {
  tag: string;
  callback: string;
  minSendable: number;
  maxSendable: number;
  metadata: string;
};

const sha256 = (text: string): string => createHash('sha256').update(text, 'utf8').digest('hex');
const pr = (response: Response, { request }: Made): void => {
  response.json({ pr: request, routes: [] });
};
const HUGE = 100 * 1024 * 1024;
/** Much more than anybody wants to read, for as long as it is read. */
const pourOut = (response: Response): void => {
  const piece = Buffer.alloc(65_536, ' ');
  let left = HUGE;
  const pour = (): void => {
    while (left > 0 && !response.destroyed) {
      left -= piece.length;
      if (!response.write(piece)) {
        response.once('drain', pour);
        return;
      }
    }
    response.end();
  };
  response.type('json');
  pour();
};

/** By the name before the `@`. */
export const LIES: Readonly<Record<string, Lie>> = {
  nobody: { offer: (response) => response.status(404).json({ status: 'ERROR', reason: 'no' }) },
  refusing: { offer: (response) => response.json({ status: 'ERROR', reason: 'not today' }) },
  late: { make: (response) => response.json({ status: 'ERROR', reason: 'closed meanwhile' }) },
  small: { offer: (response, honest) => response.json({ ...honest, maxSendable: 1_000 }) },
  large: { offer: (response, honest) => response.json({ ...honest, minSendable: 10 ** 15 }) },
  page: { offer: (response) => response.type('html').send('<h1>Hello</h1>') },
  other: { offer: (response, honest) => response.json({ ...honest, tag: 'withdrawRequest' }) },
  moved: { offer: (response) => response.redirect(302, '/api.kraken.com/0/public/Time') },
  poured: { offer: pourOut },
  stalled: { offer: (response) => response.type('json').write('{"tag":') },
  silent: { offer: () => undefined },
  inside: {
    offer: (response, honest) =>
      response.json({ ...honest, callback: 'https://169.254.169.254/latest/meta-data' }),
  },
  plain: {
    offer: (response, honest) =>
      response.json({ ...honest, callback: honest.callback.replace('https:', 'http:') }),
  },
  other_amount: {
    make: (response, { of, amountMsat, metadata }) => {
      const descriptionHash = sha256(metadata);
      pr(response, of.make({ amountMsat: amountMsat + 1_000n, descriptionHash }));
    },
  },
  any_amount: { make: (response, { of }) => pr(response, of.make({ amountMsat: 0n })) },
  other_hash: {
    make: (response, { of, amountMsat }) => {
      pr(response, of.make({ amountMsat, descriptionHash: sha256('another thing') }));
    },
  },
  other_network: {
    make: (response, { of, amountMsat, metadata }) => {
      const descriptionHash = sha256(metadata);
      pr(response, of.make({ amountMsat, descriptionHash, network: 'testnet' }));
    },
  },
  old: {
    make: (response, { of, amountMsat }) => {
      pr(response, of.make({ amountMsat, madeSecondsAgo: 7_200, expirySeconds: 600 }));
    },
  },
  garbage: { make: (response) => response.json({ pr: 'lnbcrt1notaninvoice', routes: [] }) },
  /** As later editions of LUD-06 allow: no hash of the metadata. */
  hashless: {
    make: (response, { of, amountMsat }) => pr(response, of.make({ amountMsat, memo: 'thanks' })),
  },
};

export const addressPages = (options: { payee?: Payee; host?: string } = {}): Router => {
  const { payee: of = aPayee(), host = PAY_ADDRESS_HOST } = options;
  const router = Router();
  const nameOf = (request: Request): string => String(request.params['name']);
  const metadataOf = (name: string): string =>
    JSON.stringify([
      ['text/plain', `To ${name}`],
      ['text/identifier', `${name}@${host}`],
    ]);
  router.get(`/${host}/.well-known/lnurlp/:name`, (request, response) => {
    const name = nameOf(request);
    const honest: Offer = {
      tag: 'payRequest',
      callback: `https://${host}/lnurlp/${name}/make?from=zaptill`,
      minSendable: 1_000,
      maxSendable: 100_000_000_000,
      metadata: metadataOf(name),
    };
    const lie = LIES[name]?.offer;
    if (lie) lie(response, honest);
    else response.json(honest);
  });
  router.get(`/${host}/lnurlp/:name/make`, (request, response) => {
    const { amount } = request.query;
    if (typeof amount !== 'string' || !/^\d{1,18}$/.test(amount)) {
      response.json({ status: 'ERROR', reason: 'amount' });
      return;
    }
    const [name, amountMsat] = [nameOf(request), BigInt(amount)];
    const metadata = metadataOf(name);
    const lie = LIES[name]?.make;
    if (lie) lie(response, { amountMsat, metadata, of });
    else pr(response, of.make({ amountMsat, descriptionHash: sha256(metadata) }));
  });
  return router;
};
