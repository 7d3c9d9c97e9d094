// One LND on the private chain, with the settings that make a test short and nothing else changed.
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { authenticatedLndGrpc, getWalletInfo, type AuthenticatedLnd } from 'lightning';
import type { Chain } from './chain.ts';
import { MINUTE_MS, Program, until } from './program.ts';

const run = promisify(execFile);

export type RealNode = {
  lndDir: string;
  rpcPort: number;
  /** PEM. */
  certPath: string;
  adminMacaroonPath: string;
  publicKey: string;
  /** A connection with the admin macaroon, for tests; made anew by every start. */
  readonly lnd: AuthenticatedLnd;
  /** Its own command line, as its owner would call it; answers what it printed. */
  lncli(...args: string[]): Promise<string>;
  /**
   * Ends it in order if it runs, starts it, and waits until it follows the chain. Its channel takes
   * some seconds more: a payment in that time fails for want of balance.
   */
  restart(): Promise<void>;
  stop(): Promise<void>;
  /** Returns once the process is gone. `restart` brings it back. */
  kill9(): Promise<void>;
};

/** A peer that comes and goes is otherwise waited for twice as long each time. */
const FAST = [
  ...['--minbackoff=500ms', '--maxbackoff=1s'],
  ...['--trickledelay=50', '--gossip.sub-batch-delay=5ms', '--db.batch-commit-interval=10ms'],
  ...['--bitcoin.defaultchanconfs=1', '--bitcoin.defaultremotedelay=4'],
];
const ALONE = ['--configfile=/dev/null', '--noseedbackup', '--nobootstrap', '--norest'];

export type LndAbout = {
  name: string;
  binDir: string;
  dir: string;
  chain: Chain;
  rpcPort: number;
  p2pPort: number;
};

export class Lnd implements RealNode {
  readonly lndDir: string;
  readonly rpcPort: number;
  readonly p2pPort: number;
  publicKey = '';
  readonly #program: Program;
  readonly #lncli: string;
  readonly #chain: Chain;
  #lnd: AuthenticatedLnd | undefined;

  constructor({ name, binDir, dir, chain, rpcPort, p2pPort }: LndAbout) {
    this.lndDir = path.join(dir, name);
    this.rpcPort = rpcPort;
    this.p2pPort = p2pPort;
    this.#program = new Program({ name, file: path.join(binDir, 'lnd'), dir });
    this.#lncli = path.join(binDir, 'lncli');
    this.#chain = chain;
  }

  get certPath(): string {
    return path.join(this.lndDir, 'tls.cert');
  }

  get adminMacaroonPath(): string {
    return path.join(this.lndDir, 'data/chain/bitcoin/regtest/admin.macaroon');
  }

  get runs(): boolean {
    return this.#program.runs;
  }

  get lnd(): AuthenticatedLnd {
    if (this.#lnd === undefined) throw new Error(`${this.#program.name} was not started`);
    return this.#lnd;
  }

  /** Returns once its wallet is open; it may still be behind the chain. */
  async start(): Promise<void> {
    this.#program.start([
      ...ALONE,
      ...FAST,
      ...this.#chain.flags,
      `--lnddir=${this.lndDir}`,
      `--listen=127.0.0.1:${this.p2pPort}`,
      `--rpclisten=127.0.0.1:${this.rpcPort}`,
    ]);
    const answers = async (): Promise<string | false> => {
      if (!this.#program.runs) throw new Error(`it ended: ${this.#program.lastWords()}`);
      if (!fs.existsSync(this.adminMacaroonPath)) return false;
      this.#lnd ??= this.#connect();
      return (await getWalletInfo({ lnd: this.#lnd })).public_key;
    };
    this.#lnd = undefined;
    this.publicKey = await until(`${this.#program.name} to answer`, answers);
  }

  #connect(): AuthenticatedLnd {
    const cert = fs.readFileSync(this.certPath).toString('base64');
    const macaroon = fs.readFileSync(this.adminMacaroonPath).toString('base64');
    return authenticatedLndGrpc({ cert, macaroon, socket: `127.0.0.1:${this.rpcPort}` }).lnd;
  }

  async follows(height: number): Promise<boolean> {
    const info = await getWalletInfo({ lnd: this.lnd });
    return info.is_synced_to_chain && info.current_block_height >= height;
  }

  async lncli(...args: string[]): Promise<string> {
    const here = [`--lnddir=${this.lndDir}`, '--network=regtest'];
    here.push(`--rpcserver=127.0.0.1:${this.rpcPort}`);
    const { stdout } = await run(this.#lncli, [...here, ...args], { timeout: MINUTE_MS });
    return stdout;
  }

  async restart(): Promise<void> {
    await this.stop();
    // LND does not start on a chain whose newest block is over two hours old.
    await this.#chain.generate(1);
    await this.start();
    const height = await this.#chain.height();
    await until(`${this.#program.name} to follow the chain`, () => this.follows(height));
  }

  stop(): Promise<void> {
    return this.#program.end('SIGTERM');
  }

  kill9(): Promise<void> {
    return this.#program.end('SIGKILL');
  }
}
