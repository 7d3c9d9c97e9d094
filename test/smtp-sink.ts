// A mail server that keeps what it gets, over SMTP as RFC 5321 and 4954 tell it. It shares no code
// with the program, so that a letter which arrives here would arrive elsewhere.
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';

export type Got = { from: string; to: string[]; text: string; login: string | undefined };
export type SmtpFault =
  'refuse-recipient' | 'refuse-login' | 'silent' | 'endless' | 'cut-after-text' | 'none';

export type SmtpSink = {
  /** smtp:// with name and password. */
  url: string;
  letters: Got[];
  /** Connections that came, whatever became of them. */
  knocks: () => number;
  /** Connections that are there. */
  open: () => number;
  fail: (fault: SmtpFault) => void;
  close: () => Promise<void>;
};

type Talk = {
  letter: Got;
  /** What came of the letter so far; undefined: none is coming. */
  text: string | undefined;
  isAsked: boolean;
  say: (line: string) => void;
  hangUp: (how: 'end' | 'cut') => void;
};
type Room = { login: string; letters: Got[]; fault: SmtpFault };

export async function startSmtpSink(login = 'zaptill:p%40ss'): Promise<SmtpSink> {
  const room: Room = { login, letters: [], fault: 'none' };
  const sockets = new Set<Socket>();
  let knocks = 0;
  const server = createServer((socket) => {
    knocks += 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => undefined);
    if (room.fault === 'endless') talkForEver(socket);
    else if (room.fault !== 'silent') talkOn(room, socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `smtp://${login}@127.0.0.1:${String(port)}`,
    letters: room.letters,
    knocks: () => knocks,
    open: () => sockets.size,
    fail: (fault) => {
      room.fault = fault;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** What it can do, in ever so many lines: it is never silent, and never done. */
function talkForEver(socket: Socket): void {
  socket.write('220 sink.example ESMTP\r\n');
  socket.once('data', () => {
    const timer = setInterval(() => void socket.write('250-X-MORE\r\n'), 300);
    socket.on('close', () => {
      clearInterval(timer);
    });
  });
}

const fresh = (): Got => ({ from: '', to: [], text: '', login: undefined });

function talkOn(room: Room, socket: Socket): void {
  const talk: Talk = {
    ...{ letter: fresh(), text: undefined, isAsked: false },
    say: (line) => void socket.write(`${line}\r\n`),
    hangUp: (how) => {
      if (how === 'end') socket.end();
      else socket.destroy();
    },
  };
  talk.say('220 sink.example ESMTP');
  let rest = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\r\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (talk.text !== undefined) hearText(room, talk, line);
      else if (talk.isAsked) logIn(room, talk, line);
      else hearVerb(room, talk, line);
    }
  });
}

function hearText(room: Room, talk: Talk, line: string): void {
  if (line !== '.') {
    // A dot that begins a line is doubled on the way.
    talk.text = `${talk.text ?? ''}${line.startsWith('.') ? line.slice(1) : line}\r\n`;
    return;
  }
  room.letters.push({ ...talk.letter, text: talk.text ?? '' });
  talk.text = undefined;
  if (room.fault === 'cut-after-text') talk.hangUp('cut');
  else talk.say('250 2.0.0 kept');
}

function logIn(room: Room, talk: Talk, secret: string): void {
  talk.isAsked = false;
  const [, name = '', password = ''] = Buffer.from(secret, 'base64').toString().split('\0');
  if (room.fault === 'refuse-login' || `${name}:${encodeURIComponent(password)}` !== room.login) {
    talk.say('535 5.7.8 wrong');
    return;
  }
  talk.letter.login = name;
  talk.say('235 2.7.0 welcome');
}

const addressIn = (line: string): string => /<(.*?)>/.exec(line)?.[1] ?? '';

function hearVerb(room: Room, talk: Talk, line: string): void {
  const { say } = talk;
  const [verb = '', , initial] = line.split(' ');
  switch (verb.toUpperCase()) {
    case 'EHLO':
      for (const can of ['250-sink.example', '250-8BITMIME', '250 AUTH PLAIN']) say(can);
      return;
    case 'AUTH':
      if (initial !== undefined) {
        logIn(room, talk, initial);
        return;
      }
      talk.isAsked = true;
      say('334 ');
      return;
    case 'MAIL':
      talk.letter.from = addressIn(line);
      say('250 2.1.0 ok');
      return;
    case 'RCPT':
      if (room.fault === 'refuse-recipient') {
        say('550 5.1.1 no such mailbox');
        return;
      }
      talk.letter.to.push(addressIn(line));
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
      talk.hangUp('end');
      return;
    default:
      say('502 5.5.2 not here');
  }
}
