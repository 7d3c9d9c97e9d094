// The two ways out of an alert, each over its real protocol: a mail server that talks SMTP, and an
// address that a merchant gave.
import { createHmac } from 'node:crypto';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { generate } from 'selfsigned';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeMail } from '../../web/alerts/mail.ts';
import { openAlertWays, signatureOf } from '../../web/alerts/ways.ts';
import { Trouble } from '../../web/core/trouble.ts';
import { NoAnswer } from '../../web/outbound.ts';
import { givenAddress, postToGiven } from '../../web/outbound-given.ts';
import { startSmtpSink, type SmtpSink } from '../smtp-sink.ts';

const letter = {
  id: 'alert-7',
  to: 'shop@example.com',
  subject: 'Bestellung #1001: Geld ist da',
  text: 'Ein Satz.\n.\nNach einem Punkt. 漢字\n',
};

describe('e-mail', () => {
  let sink: SmtpSink;
  beforeAll(async () => {
    sink = await startSmtpSink();
  });
  afterAll(() => sink.close());
  const send = (more: Partial<typeof letter> = {}): Promise<void> =>
    writeMail({ url: sink.url, from: 'Zaptill <alerts@zaptill.example>' })({ ...letter, ...more });
  const failing = async (): Promise<Trouble> => {
    const trouble: unknown = await send().then(
      () => undefined,
      (error: unknown) => error,
    );
    if (!(trouble instanceof Trouble)) throw new Error(`no Trouble: ${String(trouble)}`);
    return trouble;
  };

  test('arrives whole, with a name and a password, under an id that stays', async () => {
    await send();
    const got = sink.letters.at(-1);
    expect(got).toMatchObject({
      from: 'alerts@zaptill.example',
      to: ['shop@example.com'],
      login: 'zaptill',
    });
    expect(got?.text).toContain('Message-ID: <alert-7@zaptill.example>');
    expect(got?.text).toContain('Auto-Submitted: auto-generated');
    const [, body = ''] = (got?.text ?? '').split('\r\n\r\n');
    const isBase64 = /Content-Transfer-Encoding: base64/i.test(got?.text ?? '');
    const text = isBase64 ? Buffer.from(body, 'base64').toString('utf8') : body;
    const plain = text.replace(/=\r\n/g, '').replace(/=([0-9A-F]{2})/g, '%$1');
    expect(decodeURIComponent(plain)).toContain('Nach einem Punkt. 漢字');
  });

  test('a subject begins no header of its own', async () => {
    await send({ subject: 'One\r\nBcc: thief@example.org' });
    const [head = ''] = (sink.letters.at(-1)?.text ?? '').split('\r\n\r\n');
    expect(head).not.toMatch(/^Bcc:/m);
    expect(sink.letters.at(-1)?.to).toEqual(['shop@example.com']);
  });

  test.each(['refuse-recipient', 'refuse-login', 'cut-after-text'] as const)(
    '%s is Trouble that is tried again, and tells no password',
    async (fault) => {
      sink.fail(fault);
      const trouble = await failing();
      sink.fail('none');
      expect(trouble).toMatchObject({ what: 'email_refused', from: 'alert', then: 'ask_again' });
      expect(trouble.away).toBe(false);
      expect(trouble.message).not.toMatch(/p@ss|p%40ss/);
    },
  );

  test('a server that says nothing is given up after some seconds', async () => {
    sink.fail('silent');
    const startedAt = performance.now();
    expect((await failing()).what).toBe('email_refused');
    sink.fail('none');
    expect(performance.now() - startedAt).toBeLessThan(30_000);
  });

  test('a server that goes on talking is given up as well, and left', async () => {
    sink.fail('endless');
    const startedAt = performance.now();
    expect((await failing()).what).toBe('email_refused');
    sink.fail('none');
    expect(performance.now() - startedAt).toBeLessThan(30_000);
    await expect.poll(() => sink.open(), { timeout: 30_000 }).toBe(0);
  });
});

describe('an address that a merchant gave', () => {
  const good = [
    'https://hooks.example.com/',
    'https://hooks.example.com',
    'https://hooks.example.com:8443/a/b?c=d&e=%20',
    'https://93.184.216.34/in',
    'https://[2606:2800:220:1:248:1893:25c8:1946]/in',
    'https://xn--bcher-kva.example/',
  ];
  const never = [
    ...['http://hooks.example.com/', 'ftp://hooks.example.com/', 'hooks.example.com', ''],
    ...['https://user@hooks.example.com/', 'https://user:p@hooks.example.com/'],
    ...['https://hooks.example.com/#a', 'https://hooks.example.com\\@127.0.0.1/', 'https:///'],
    ...['https://127.1/', 'https://0x7f.1/', 'https://2130706433/', 'https://0177.0.0.1/'],
    ...['https://hooks.example.com./', 'https://localhost/', 'https://intranet/', 'javascript:1'],
    ...['https://bücher.example/', 'https://hooks.example.com:0/', 'https://hooks .example.com/'],
    ...['https://hooks.example.com:443x/', 'https://%31%32%37.0.0.1/', 'https://[::1%25lo]/'],
    `https://hooks.example.com/${'x'.repeat(500)}`,
  ];
  const forbidden = [
    ...['https://127.0.0.1/', 'https://10.0.0.1/', 'https://192.168.1.1/', 'https://172.16.0.1/'],
    ...['https://169.254.169.254/', 'https://100.64.0.1/', 'https://0.0.0.0/', 'https://[::1]/'],
    ...['https://[::ffff:127.0.0.1]/', 'https://[64:ff9b::7f00:1]/', 'https://[fd00::1]/'],
    ...['https://metadata.internal/', 'https://printer.local/', 'https://a.localhost/'],
    ...['https://hooks.example.com:5432/', 'https://hooks.example.com:22/'],
  ];
  const request = { headers: {}, body: '{}', timeoutMs: 5_000 };
  const isPublic = (): Promise<string[]> => Promise.resolve(['93.184.216.34']);

  test('has one narrow form', () => {
    expect(good.filter((url) => givenAddress(url) === undefined)).toEqual([]);
    expect(never.filter((url) => givenAddress(url) !== undefined)).toEqual([]);
  });

  test.each(forbidden)('%s is never connected to', async (url) => {
    const post = postToGiven({ origin: undefined, resolve: isPublic });
    await expect(post({ ...request, url })).rejects.toMatchObject({ failure: 'unreachable' });
  });

  test.each([[['127.0.0.1']], [['93.184.216.34', '10.0.0.1']], [[]]])(
    'a name that leads to %j is not connected to either',
    async (ips) => {
      const post = postToGiven({ origin: undefined, resolve: () => Promise.resolve(ips) });
      const url = 'https://hooks.example.com/';
      await expect(post({ ...request, url })).rejects.toBeInstanceOf(NoAnswer);
    },
  );

  test('a post is signed over its time and its whole body, and follows no redirect', async () => {
    const { cert, private: key } = await generate(
      [{ name: 'commonName', value: 'hooks.example.com' }],
      {
        extensions: [
          { name: 'subjectAltName', altNames: [{ type: 2, value: 'hooks.example.com' }] },
        ],
      },
    );
    const got: { body: string; signature: string; host: string }[] = [];
    let status = 204;
    const server = createHttpsServer({ key, cert }, (incoming, outgoing) => {
      let body = '';
      incoming.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
      incoming.on('end', () => {
        const signature = String(incoming.headers['zaptill-signature']);
        got.push({ body, signature, host: incoming.headers.host ?? '' });
        outgoing.writeHead(status, { Location: 'https://hooks.example.com/elsewhere' }).end('x');
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const instead = { ip: '127.0.0.1', ca: cert };
    const post = postToGiven({ origin: undefined, resolve: isPublic, instead });
    const ways = openAlertWays({ mail: undefined, post });
    const secrets = [Buffer.from('zas_secret')];
    const at = new Date('2026-11-21T10:00:00.500Z');
    const url = `https://hooks.example.com:${String(port)}/in?x=1`;
    const body = JSON.stringify({ sentence: 'Käuferin 漢字' });
    await ways.url({ url, body, secrets, at });
    expect(got).toHaveLength(1);
    expect(got[0]).toMatchObject({ body, host: `hooks.example.com:${String(port)}` });
    // As a receiver would do it, with nothing of ours.
    const [, t = '', v1 = ''] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(got[0]?.signature ?? '') ?? [];
    expect(t).toBe('1795255200');
    expect(createHmac('sha256', 'zas_secret').update(`${t}.${body}`).digest('hex')).toBe(v1);
    expect(signatureOf(`${body} `, { secrets, at })).not.toContain(v1);
    const both = signatureOf(body, { secrets: [Buffer.from('zas_next'), ...secrets], at });
    const next = createHmac('sha256', 'zas_next').update(`${t}.${body}`).digest('hex');
    expect(both).toBe(`t=${t},v1=${next},v1=${v1}`);

    for (const wrong of [302, 404, 500]) {
      status = wrong;
      const trouble = { what: 'url_refused', from: 'alert', then: 'ask_again', away: false };
      await expect(ways.url({ url, body, secrets, at })).rejects.toMatchObject(trouble);
    }
    expect(got).toHaveLength(4);

    // Another name in the address is another certificate than the server has.
    const other = url.replace('hooks.', 'other.');
    const unreached = { what: 'url_not_reached', from: 'alert' };
    await expect(ways.url({ url: other, body, secrets, at })).rejects.toMatchObject(unreached);
    expect(got).toHaveLength(4);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
});
