// What our doors are compared with: a bare server with the same client certificate, JSON and the
// commits without which a session, or an invoice, cannot be promised.
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createPlain, type RequestListener } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import pg from 'pg';
import { openConnection, type Connection } from '../../web/lightning/connection.ts';
import { answer } from './child.ts';
import type { NodeMade } from './node-double.ts';
import { pinnedAt } from './peer-node.ts';

type Start = {
  url: string;
  node: NodeMade;
  tls: { cert: string; key: string; clientCa: string };
};

const insertSession = {
  name: 'session',
  text: `insert into peer_session (id, gid, amount, currency, link) values ($1, $2, $3, $4, $5)
    on conflict (id) do update set id = excluded.id returning link`,
};
const insertInvoice = {
  name: 'invoice',
  text: `insert into peer_invoice (hash, link, preimage) values ($1, $2, $3)`,
};
const updateInvoice = {
  name: 'issued',
  text: `update peer_invoice set request = $2 where hash = $1`,
};

const sessions =
  (pool: pg.Pool): RequestListener =>
  (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const asked = JSON.parse(Buffer.concat(chunks).toString('utf8')) as Record<string, string>;
      const { id, gid, amount, currency } = asked;
      const link = randomBytes(16).toString('base64url');
      const values = [id, gid, amount, currency, link];
      void pool.query<{ link: string }>({ ...insertSession, values }).then(({ rows }) => {
        const body = JSON.stringify({
          redirect_url: `http://127.0.0.1/pay/${rows[0]?.link ?? ''}`,
        });
        response.writeHead(200, { 'Content-Type': 'application/json' }).end(body);
      });
    });
  };

const pages =
  (pool: pg.Pool, node: Connection): RequestListener =>
  (request, response) => {
    const issue = async (): Promise<string> => {
      const secret = randomBytes(32);
      const hash = createHash('sha256').update(secret).digest();
      const link = request.url?.split('/').at(-1) ?? '';
      await pool.query({ ...insertInvoice, values: [hash, link, secret] });
      const made = await node.addInvoice({
        ...{ r_preimage: secret, value_msat: '1000000', memo: 'bench', expiry: '600' },
        private: true,
      });
      await pool.query({ ...updateInvoice, values: [hash, made.payment_request] });
      return made.payment_request;
    };
    void issue().then((invoice) => {
      response.writeHead(200, { 'Content-Type': 'text/html' });
      response.end(`<!doctype html><a href="lightning:${invoice}">Pay</a>`);
    });
  };

async function start({ url, node, tls }: Start): Promise<{ sessions: string; pages: string }> {
  const pool = new pg.Pool({ connectionString: url, max: 10 });
  await pool.query(`create table peer_session (id text primary key, gid text not null unique,
    amount text not null, currency text not null, link text not null unique)`);
  await pool.query(`create table peer_invoice (hash bytea primary key, link text not null,
    preimage bytea, request text)`);
  const { address, certificatePem, macaroonHex } = node;
  const connection = openConnection({ pinned: pinnedAt(address), certificatePem, macaroonHex });
  await connection.getInfo();
  const proof = { requestCert: true, rejectUnauthorized: true, ca: tls.clientCa };
  const first = createServer({ cert: tls.cert, key: tls.key, ...proof }, sessions(pool));
  const second = createPlain(pages(pool, connection));
  for (const server of [first, second]) {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  }
  const at = (server: typeof second | typeof first): string =>
    String((server.address() as AddressInfo).port);
  return {
    sessions: `https://127.0.0.1:${at(first)}`,
    pages: `http://127.0.0.1:${at(second)}`,
  };
}

answer({ start });
