// A mail server that keeps what it gets, over SMTP as RFC 5321 and 4954 tell it. It shares no code
// with the program, so that a letter which arrives here would arrive elsewhere.
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';

export type Got = { from: string; to: string[]; text: string; login: string | undefined };
export type SmtpFault = 'refuse-recipient' | 'refuse-login' | 'silent' | 'cut-after-text' | 'none';

export type SmtpSink = {
  /** smtp:// with name and password. */
  url: string;
  letters: Got[];
  /** Connections that came, whatever became of them. */
  knocks: () => number;
  fail: (fault: SmtpFault) => void;
  close: () => Promise<void>;
};

type Talk = { letter: Got; text: string | undefined; isAsking: 'plain' | undefined };

export async function startSmtpSink(login = 'zaptill:p%40ss'): Promise<SmtpSink> {
  const letters: Got[] = [];
  const sockets = new Set<Socket>();
  let fault: SmtpFault = 'none';
  let knocks = 0;
  const server = createServer((socket) => {
    knocks += 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => undefined);
    if (fault === 'silent') return;
    const talk: Talk = { letter: fresh(), text: undefined, isAsking: undefined };
    const say = (line: string): void => void socket.write(`${line}\r\n`);
    say('220 sink.example ESMTP');
    let rest = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\r\n');
      rest = lines.pop() ?? '';
      for (const line of lines) hear(line, { talk, say, socket });
    });
  });

  const hear = (
    line: string,
    at: { talk: Talk; say: (line: string) => void; socket: Socket },
  ): void => {
    const { talk, say, socket } = at;
    if (talk.text !== undefined) {
      if (line !== '.') {
        // A dot that begins a line is doubled on the way.
        talk.text += `${line.startsWith('.') ? line.slice(1) : line}\r\n`;
        return;
      }
      letters.push({ ...talk.letter, text: talk.text });
      talk.text = undefined;
      if (fault === 'cut-after-text') socket.destroy();
      else say('250 2.0.0 kept');
      return;
    }
    if (talk.isAsking === 'plain') {
      talk.isAsking = undefined;
      logIn(line, at);
      return;
    }
    const [verb = '', ...words] = line.split(' ');
    switch (verb.toUpperCase()) {
      case 'EHLO':
        say('250-sink.example');
        say('250-8BITMIME');
        say('250 AUTH PLAIN');
        return;
      case 'AUTH':
        if (words[1] !== undefined) logIn(words[1], at);
        else {
          talk.isAsking = 'plain';
          say('334 ');
        }
        return;
      case 'MAIL':
        talk.letter.from = /<(.*?)>/.exec(line)?.[1] ?? '';
        say('250 2.1.0 ok');
        return;
      case 'RCPT':
        if (fault === 'refuse-recipient') {
          say('550 5.1.1 no such mailbox');
          return;
        }
        talk.letter.to.push(/<(.*?)>/.exec(line)?.[1] ?? '');
        say('250 2.1.5 ok');
        return;
      case 'DATA':
        talk.text = '';
        say('354 go on');
        return;
      case 'RSET':
        talk.letter = fresh();
        say('250 2.0.0 ok');
        return;
      case 'QUIT':
        say('221 2.0.0 bye');
        socket.end();
        return;
      default:
        say('502 5.5.2 not here');
    }
  };
  const logIn = (secret: string, at: { talk: Talk; say: (line: string) => void }): void => {
    const [, name = '', password = ''] = Buffer.from(secret, 'base64').toString().split('\0');
    const given = `${name}:${encodeURIComponent(password)}`;
    if (fault === 'refuse-login' || given !== login) {
      at.say('535 5.7.8 wrong');
      return;
    }
    at.talk.letter.login = name;
    at.say('235 2.7.0 welcome');
  };

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `smtp://${login}@127.0.0.1:${String(port)}`,
    letters,
    knocks: () => knocks,
    fail: (next) => {
      fault = next;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const fresh = (): Got => ({ from: '', to: [], text: '', login: undefined });
