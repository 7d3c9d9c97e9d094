import { createTransport, type SendMailOptions } from 'nodemailer';
import type { Letter } from '../core/alert.ts';
import { Trouble } from '../core/trouble.ts';

export type MailServer = {
  /** smtp:// or smtps:// with name and password where the server asks for them. */
  url: string;
  /** Who writes: an address, with a name before it or without. */
  from: string;
};

/** Each silence of the server, and the whole letter: somebody waits, and others stand in line. */
const silenceMs = 8_000;
const letterMs = 10_000;

/** Plain text, one letter for each connection: alerts are rare. */
export function writeMail(server: MailServer): (letter: Letter) => Promise<void> {
  const transport = createTransport({
    url: server.url,
    connectionTimeout: silenceMs,
    greetingTimeout: silenceMs,
    socketTimeout: silenceMs,
    dnsTimeout: silenceMs,
    // A letter is text that we wrote: nothing in it is ever read from a file or fetched.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  const domain = /@([^\s>]+)/.exec(server.from)?.[1] ?? 'localhost';
  return async (letter) => {
    try {
      const given: SendMailOptions & { signal: AbortSignal } = {
        from: server.from,
        // An object: as text it could be read as a list.
        to: { name: '', address: letter.to },
        subject: letter.subject,
        text: letter.text,
        messageId: `<${letter.id}@${domain}>`,
        headers: { 'Auto-Submitted': 'auto-generated' },
        // It ends the connection too.
        signal: AbortSignal.timeout(letterMs),
      };
      await transport.sendMail(given);
    } catch (error) {
      throw new Trouble('email_refused', {
        ...{ from: 'alert', then: 'ask_again', away: false, cause: error },
        // Its own message may hold what the server said of the address, and never a password.
        message: error instanceof Error && 'code' in error ? String(error.code) : 'no answer',
      });
    }
  };
}
