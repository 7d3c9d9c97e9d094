// TELLS THE MERCHANT. Writes e-mails and signed posts, and knows how they fail. It does not know
// what an alert is about, decides nothing about trying again, and never writes to anybody but the
// address that it is handed.
import { createHmac } from 'node:crypto';
import type { AlertWays, SignedPost } from '../core/alert.ts';
import { Trouble } from '../core/trouble.ts';
import { NoAnswer } from '../outbound.ts';
import { givenAddress, type PostToGiven } from '../outbound-given.ts';
import { writeMail, type MailServer } from './mail.ts';

const postTimeoutMs = 5_000;

export function openAlertWays(about: {
  mail: MailServer | undefined;
  post: PostToGiven;
}): AlertWays {
  return {
    email: about.mail === undefined ? undefined : writeMail(about.mail),
    url: (signed) => postSigned(about.post, signed),
    mayBePostedTo: (url) => givenAddress(url) !== undefined,
  };
}

/**
 * The header by which a receiver knows that a post is ours, of Unix seconds and the whole body:
 * `t=<seconds>,v1=<hex>`, with one `v1` for each secret. A receiver takes the post if one of them
 * fits its own, and so may change to another secret at any moment while both sign.
 */
export function signatureOf(
  body: string,
  by: { secrets: readonly Uint8Array[]; at: Date },
): string {
  const seconds = Math.floor(by.at.getTime() / 1_000).toString();
  const signed = by.secrets.map((secret) => {
    const mac = createHmac('sha256', secret).update(`${seconds}.${body}`, 'utf8').digest('hex');
    return `v1=${mac}`;
  });
  return [`t=${seconds}`, ...signed].join(',');
}

async function postSigned(
  post: PostToGiven,
  { url, body, secrets, at }: SignedPost,
): Promise<void> {
  const headers = {
    'Content-Type': 'application/json; charset=utf-8',
    'User-Agent': 'Zaptill',
    'Zaptill-Signature': signatureOf(body, { secrets, at }),
  };
  const { status } = await post({ url, headers, body, timeoutMs: postTimeoutMs }).catch(
    (error: unknown) => {
      if (!(error instanceof NoAnswer)) throw error;
      // One word for every reason: an answer must not map what we can reach. The log says more.
      throw notThere('url_not_reached', { message: error.message, cause: error });
    },
  );
  if (status < 200 || status > 299) {
    throw notThere('url_refused', { message: `it answered ${String(status)}` });
  }
}

/** It may have arrived all the same; its id tells a receiver of a repetition. */
const notThere = (what: string, about: { message: string; cause?: unknown }): Trouble =>
  new Trouble(what, { from: 'alert', then: 'ask_again', away: false, ...about });
