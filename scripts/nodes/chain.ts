// A private chain of its own, kept by btcd: blocks come only when they are asked for, and are gone
// when btcd ends.
import { once } from 'node:events';
import fs from 'node:fs';
import https from 'node:https';
import path from 'node:path';
import { MINUTE_MS, Program, until } from './program.ts';

const RPC = { user: 'zaptill', password: 'regtest' };
export class Chain {
  readonly #program: Program;
  readonly #dir: string;
  readonly #rpcPort: number;
  readonly #p2pPort: number;

  constructor(about: { binDir: string; dir: string; rpcPort: number; p2pPort: number }) {
    this.#dir = path.join(about.dir, 'chain');
    fs.mkdirSync(this.#dir);
    const file = path.join(about.binDir, 'btcd');
    this.#program = new Program({ name: 'btcd', file, dir: about.dir });
    this.#rpcPort = about.rpcPort;
    this.#p2pPort = about.p2pPort;
  }

  async start(miningAddress: string): Promise<void> {
    this.#program.start([
      ...['--regtest', '--configfile=/dev/null', '--txindex', '--nobanning', '--nostalldetect'],
      ...[`--datadir=${this.#dir}/blocks`, `--logdir=${this.#dir}/log`],
      ...[`--rpcuser=${RPC.user}`, `--rpcpass=${RPC.password}`],
      ...[`--rpccert=${this.certPath}`, `--rpckey=${this.#dir}/rpc.key`],
      ...[`--rpclisten=127.0.0.1:${this.#rpcPort}`, `--listen=127.0.0.1:${this.#p2pPort}`],
      ...['--rpcmaxwebsockets=50', '--rpcmaxclients=50', `--miningaddr=${miningAddress}`],
    ]);
    await until('btcd to answer', () => this.ask('getinfo'));
  }

  stop(): Promise<void> {
    return this.#program.end('SIGTERM');
  }

  get certPath(): string {
    return path.join(this.#dir, 'rpc.cert');
  }

  /** What LND needs to reach it. */
  get flags(): string[] {
    return [
      ...['--bitcoin.regtest', '--bitcoin.node=btcd'],
      ...[`--btcd.rpchost=127.0.0.1:${this.#rpcPort}`, `--btcd.rpccert=${this.certPath}`],
      ...[`--btcd.rpcuser=${RPC.user}`, `--btcd.rpcpass=${RPC.password}`],
    ];
  }

  generate(blocks: number): Promise<unknown> {
    return this.ask('generate', [blocks]);
  }

  async height(): Promise<number> {
    return (await this.ask('getblockcount')) as number;
  }

  /** btcd's JSON-RPC over TLS, its own certificate pinned. */
  async ask(method: string, params: readonly unknown[] = []): Promise<unknown> {
    const request = https.request({
      host: '127.0.0.1',
      port: this.#rpcPort,
      method: 'POST',
      ca: fs.readFileSync(this.certPath),
      servername: 'localhost',
      auth: `${RPC.user}:${RPC.password}`,
      timeout: MINUTE_MS,
      agent: false,
    });
    request.end(JSON.stringify({ jsonrpc: '1.0', id: 1, method, params }));
    const [response] = (await once(request, 'response')) as [NodeJS.ReadableStream];
    let text = '';
    for await (const part of response) text += String(part);
    const answer = JSON.parse(text) as { result: unknown; error: { message: string } | null };
    if (answer.error) throw new Error(`btcd: ${answer.error.message}`);
    return answer.result;
  }
}
