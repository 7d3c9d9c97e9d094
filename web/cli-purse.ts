// `zaptill purse`: what the signer may spend, by shop. It runs where the signer runs, with the
// environment of the signer: the doors and the pool have no keys that open or seal a purse.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { shopsEverOfDomain, shopsOfDomain, type ShopRow } from './db/shops.ts';
import { nodesOfShop } from './db/nodes.ts';
import { openDatabase, type Database } from './db/database.ts';
import {
  concludePayout,
  daysUntilNothingIsUnderWay,
  payoutElsewhere,
  payoutsElsewhere,
  tryWaitingAgain,
} from './db/payouts.ts';
import { pausePurse, purseOf, spentOf, storePurse, type PurseRow } from './db/purses.ts';
import type { SignerConfig } from './config.ts';
import { databaseUrlOf, readSignersEnvironment } from './entrance.ts';
import { testPurse } from './signer/connect.ts';
import { purseBakeLine } from './signer/credential.ts';
import { openPurse, sealPurse, usualLimits, type Limits, type Purse } from './signer/purse.ts';
import type { PayoutWord } from './signer/words.ts';
import { openVault, type Vault } from './vault/seal.ts';

type PurseOptions = {
  shop: string;
  lndconnect?: string;
  host?: string;
  certificate?: string;
  macaroon?: string;
  separateNode?: boolean;
  resume?: boolean;
  perPayment?: string;
  perOrder?: string;
  perDay?: string;
  feeBase?: string;
  feePpm?: string;
  topUpPercent?: string;
  payout?: string;
  preimage?: string;
  fee?: string;
  notPaid?: boolean;
};
type PurseAnswer = { lines: readonly string[]; json: object; exitCode: 0 | 1 | 2 };
type PurseCommand = 'connect' | 'show' | 'pause' | 'limits' | 'conclude';

type Hands = { config: SignerConfig; db: Database; vault: Vault; shop: ShopRow };

const done = (lines: readonly string[], json: object): PurseAnswer => ({
  ...{ lines, json: { ok: true, ...json } },
  exitCode: 0,
});
const refused = (lines: readonly string[], exitCode: 1 | 2 = 2): PurseAnswer => ({
  ...{ lines, exitCode },
  json: { ok: false, error: lines.join(' ') },
});

const sat = (msat: bigint): string => `${(msat / 1_000n).toString()} sat`;
const wholeSat = (text: string | undefined): bigint | undefined =>
  text !== undefined && /^\d{1,12}$/.test(text) ? BigInt(text) * 1_000n : undefined;

/** The limits that were given over those that were; undefined when one cannot be read. */
function limitsFrom(options: PurseOptions, before: Limits): Limits | undefined {
  const { perPaymentMsat, perOrderMsat, perDayMsat, feeBaseMsat, feePpm, topUpPpm } = before;
  const limits = { perPaymentMsat, perOrderMsat, perDayMsat, feeBaseMsat, feePpm, topUpPpm };
  const given = [
    ['perPaymentMsat', options.perPayment],
    ['perOrderMsat', options.perOrder],
    ['perDayMsat', options.perDay],
    ['feeBaseMsat', options.feeBase],
  ] as const;
  for (const [name, text] of given) {
    const msat = wholeSat(text);
    if (text !== undefined && msat === undefined) return undefined;
    limits[name] = msat ?? limits[name];
  }
  const whole = (text: string | undefined, most: number, before: number): number =>
    text === undefined
      ? before
      : /^\d{1,6}$/.test(text) && Number(text) <= most
        ? Number(text)
        : NaN;
  const fee = whole(options.feePpm, 100_000, feePpm);
  const percent = whole(options.topUpPercent, 100, topUpPpm / 10_000);
  if (Number.isNaN(fee) || Number.isNaN(percent)) return undefined;
  return { ...limits, feePpm: fee, topUpPpm: Math.round(percent * 10_000) };
}
const limitsAreRead =
  'A ceiling is whole sats, such as --per-payment 100000; --fee-ppm is at most 100000 (10 %), ' +
  '--top-up-percent at most 100.';

const ceilings = (of: Limits): string[] => [
  `  at most ${sat(of.perPaymentMsat)} a payment, ${sat(of.perOrderMsat)} an order, ` +
    `${sat(of.perDayMsat)} in 24 hours`,
  `  fees up to ${sat(of.feeBaseMsat)}, or ${(of.feePpm / 10_000).toFixed(2)} % where that is more`,
  `  at most ${(of.topUpPpm / 10_000).toString()} % above what was received, where the price fell`,
];

/** The text itself, or with an @ the file that holds it: other users see the command's line. */
const textOf = async (given: string): Promise<string> =>
  given.startsWith('@') ? readFile(given.slice(1), 'utf8') : given;

async function connect(
  { config, db, vault, shop }: Hands,
  options: PurseOptions,
): Promise<PurseAnswer> {
  const { lndconnect, host, certificate = '', macaroon = '' } = options;
  if (lndconnect === undefined && host === undefined) {
    const lines = ['Run this on the paying node, and give what it prints with --macaroon:'];
    return refused([...lines, `  ${purseBakeLine()}`]);
  }
  const given =
    lndconnect === undefined
      ? {
          host: host ?? '',
          certificate: await textOf(certificate),
          macaroon: await textOf(macaroon),
        }
      : { lndconnect: await textOf(lndconnect) };
  const now = new Date();
  const tested = await testPurse(given, { allowPrivate: config.allowPrivateNodes, now });
  if (!tested.ok) {
    const excess = tested.excess.map((operation) => `  ${operation}`);
    return refused([tested.sentence, ...excess, 'Run this on the node:', `  ${tested.bake}`]);
  }
  const nodes = await nodesOfShop(db, shop.id);
  const isReceiving = nodes.some(({ identity }) => identity === tested.identity);
  if (!isReceiving && options.separateNode !== true) {
    return refused([
      'None of the nodes that receive for this shop is this one, so it cannot be asked whether a',
      'payment came before it is given back. Say --separate-node if that is meant: a node that',
      'holds no more than is to be paid back is the best ceiling there is.',
    ]);
  }
  const before = await purseOf(db, shop.id);
  const limits = limitsFrom(options, before ?? usualLimits);
  if (limits === undefined) return refused([limitsAreRead]);
  const { address, certificatePem, macaroonHex, identity, network } = tested;
  const purse: Purse = {
    shopId: before?.shopId ?? shop.id,
    ...{ address, certificatePem, macaroonHex, identity, network, limits },
    looksAtOriginal: options.separateNode !== true,
  };
  await storePurse(db, sealPurse(vault, purse, tested));
  await tryWaitingAgain(db, shop.id);
  const name = tested.alias || identity.slice(0, 16);
  const kept = tested.account === null ? [] : [`  the node keeps account ${tested.account} for it`];
  return done(
    [
      `${shop.domain} pays back from ${name} at ${address}, ${network}.`,
      ...ceilings(limits),
      ...kept,
    ],
    { shop: shop.domain, identity, network, rootKeyId: tested.rootKeyId },
  );
}

const without = (shop: ShopRow): PurseAnswer =>
  refused([`${shop.domain} has no purse. Connect one: purse connect --shop ${shop.domain}`], 1);

async function show({ db, shop }: Hands): Promise<PurseAnswer> {
  const row = await purseOf(db, shop.id);
  if (row === null) return without(shop);
  const { spentMsat, reservedMsat, waiting } = await spentOf(db, shop.id);
  const state = row.pausedAt === null ? 'pays' : `paused since ${row.pausedAt.toISOString()}`;
  const trouble = row.trouble === null ? [] : [`  its node is in trouble: ${row.trouble}`];
  const elsewhere = await payoutsElsewhere(db, shop.id);
  return done(
    [
      `${shop.domain}: ${state}, from ${row.address} (${row.network}, root key ${row.rootKeyId})`,
      ...ceilings(row),
      `  ${sat(spentMsat)} paid in 24 hours, ${sat(reservedMsat)} set aside, ` +
        `${waiting.toString()} waiting`,
      ...trouble,
      ...elsewhere.map(
        ({ id, amountMsat, hash, sentTo }) =>
          `  payout ${id.toString()}: ${sat(amountMsat)}, hash ${hexOf(hash)}, was sent by ` +
          `${sentTo.slice(0, 16)}, which cannot say more: see conclude --help`,
      ),
    ],
    {
      ...purseJson(shop, row, { spentMsat, reservedMsat, waiting }),
      elsewhere: elsewhere.map(({ id, amountMsat, hash, sentTo, sentAt }) => ({
        ...{ payout: id.toString(), amountMsat: amountMsat.toString(), hash: hexOf(hash) },
        ...{ sentTo, sentAt: sentAt?.toISOString() ?? null },
      })),
    },
  );
}
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

const purseJson = (
  shop: ShopRow,
  row: PurseRow,
  spent: Awaited<ReturnType<typeof spentOf>>,
): object => ({
  ...{ shop: shop.domain, address: row.address, identity: row.identity, network: row.network },
  ...{ pausedAt: row.pausedAt?.toISOString() ?? null, trouble: row.trouble },
  looksAtOriginal: row.looksAtOriginal,
  perPaymentMsat: row.perPaymentMsat.toString(),
  perOrderMsat: row.perOrderMsat.toString(),
  perDayMsat: row.perDayMsat.toString(),
  feeBaseMsat: row.feeBaseMsat.toString(),
  feePpm: row.feePpm,
  topUpPpm: row.topUpPpm,
  spentMsat: spent.spentMsat.toString(),
  reservedMsat: spent.reservedMsat.toString(),
  waiting: Number(spent.waiting),
});

async function pause({ db, shop }: Hands, options: PurseOptions): Promise<PurseAnswer> {
  const paused = options.resume !== true;
  if (!(await pausePurse(db, { shopId: shop.id, paused }))) return without(shop);
  if (!paused) await tryWaitingAgain(db, shop.id);
  const line = paused
    ? 'Nothing more is paid. What is on its way is followed to its end.'
    : 'It pays again.';
  return done([line], { shop: shop.domain, paused });
}

async function limits({ db, vault, shop }: Hands, options: PurseOptions): Promise<PurseAnswer> {
  const row = await purseOf(db, shop.id);
  if (row === null) return without(shop);
  // What was sealed counts, and not what stands beside it.
  const purse = openPurse(vault, row);
  const next = limitsFrom(options, purse.limits);
  if (next === undefined) return refused([limitsAreRead]);
  await storePurse(db, sealPurse(vault, { ...purse, limits: next }, row));
  await tryWaitingAgain(db, shop.id);
  return done([shop.domain, ...ceilings(next)], { shop: shop.domain });
}

/**
 * The operator's word about a payout whose node is gone, or has lost its records. That it was paid
 * is proved by its preimage; that it was not is believed once nothing of it can be on its way.
 */
async function conclude({ db, shop }: Hands, options: PurseOptions): Promise<PurseAnswer> {
  const { payout = '', preimage, notPaid = false } = options;
  const about = { shopId: shop.id, id: /^\d{1,18}$/.test(payout) ? BigInt(payout) : 0n };
  const one = await payoutElsewhere(db, about);
  if (one === null) {
    return refused(
      [`No payout ${payout} waits for a node that is gone or has lost its records: see show.`],
      1,
    );
  }
  if ((preimage === undefined) === !notPaid) {
    return refused(['Say either --preimage, which proves that it was paid, or --not-paid.']);
  }
  const movedOn = [
    `Payout ${payout} has moved on meanwhile: it has ended, or its node can be asked again.`,
  ];
  if (preimage === undefined) {
    const because: PayoutWord = 'not_paid_by_word';
    if (!(await concludePayout(db, { ...about, end: { is: 'failed', because } }))) {
      const still = await payoutElsewhere(db, about);
      if (still === null) return refused(movedOn, 1);
      return refused([
        `It was sent on ${still.sentAt?.toISOString() ?? 'a day unknown'}, and may be on its way ` +
          `for ${daysUntilNothingIsUnderWay.toString()} days. Only then is --not-paid believed.`,
      ]);
    }
    return done(['It was not paid: the buyer may ask for it again.'], {
      shop: shop.domain,
      payout,
    });
  }
  const secret = Buffer.from(/^[0-9a-f]{64}$/i.test(preimage) ? preimage : '', 'hex');
  if (createHash('sha256').update(secret).digest('hex') !== hexOf(one.hash)) {
    return refused([`That is not the preimage of ${hexOf(one.hash)}.`]);
  }
  const feeMsat = wholeSat(options.fee ?? '0');
  if (feeMsat === undefined) return refused(['A fee is whole sats, such as --fee 3.']);
  if (!(await concludePayout(db, { ...about, end: { is: 'paid', preimage: secret, feeMsat } }))) {
    return refused(movedOn, 1);
  }
  return done(['It was paid.'], { shop: shop.domain, payout });
}

const commands = { connect, show, pause, limits, conclude };

/** Runs one command with the environment of the signer, and leaves nothing open. */
async function purseCommand(name: PurseCommand, options: PurseOptions): Promise<PurseAnswer> {
  const config = readSignersEnvironment();
  const db = openDatabase({ url: await databaseUrlOf(config), connections: 2 });
  try {
    // What a shop owes that has removed the app is paid still, and can be stopped.
    const find = name === 'connect' ? shopsOfDomain : shopsEverOfDomain;
    const [shop] = await find(db, options.shop.toLowerCase());
    if (shop === undefined) return refused([`No shop ${options.shop} has the app installed.`], 1);
    const hands = { config, db, vault: openVault(config.signerKeys), shop };
    return await commands[name](hands, options);
  } finally {
    await db.close();
  }
}

/** Adds the commands. They need SIGNER_KEYS, and neither VAULT_KEYS nor anything of Shopify's. */
export function addPurseCommands(program: Command): void {
  const purse = program.command('purse').description('what the signer may pay back, by shop');
  const command = (name: PurseCommand, says: string): Command =>
    purse
      .command(name)
      .description(says)
      .requiredOption('--shop <domain>', 'the shop, such as example.myshopify.com')
      .option('--json', 'print one line for programs')
      .action(async (options: PurseOptions & { json?: boolean }) => {
        const { lines, json, exitCode } = await purseCommand(name, options);
        const text = options.json === true ? JSON.stringify(json) : lines.join('\n');
        await new Promise((written) => process.stdout.write(`${text}\n`, written));
        process.exit(exitCode);
      });
  const withLimits = (of: Command): Command =>
    of
      .option('--per-payment <sat>', 'at most so much at once')
      .option('--per-order <sat>', 'at most so much for all payments of an order')
      .option('--per-day <sat>', 'at most so much in any 24 hours, with fees')
      .option('--fee-base <sat>', 'a fee up to this is always taken')
      .option('--fee-ppm <millionths>', 'or up to this part of the amount')
      .option('--top-up-percent <n>', 'so much above what was received, where the price fell');
  withLimits(command('connect', 'store a credential that can pay, and nothing else, with ceilings'))
    .option('--lndconnect <uri>', 'the whole lndconnect:// link, or @ and a file with it')
    .option('--host <host:port>', 'instead of the link: address of the gRPC port')
    .option('--certificate <text>', 'with --host: tls.cert or @tls.cert; empty if public')
    .option('--macaroon <text>', 'with --host: what lncli bakemacaroon printed, or @ and a file')
    .option('--separate-node', 'a node that receives nothing: what came is not looked up there');
  command('show', 'what a purse may spend, has spent, and what waits');
  command('pause', 'pay nothing more; what is on its way is followed').option(
    '--resume',
    'pay again',
  );
  withLimits(command('limits', 'change ceilings'));
  command('conclude', 'say what became of a payout whose node is gone, or has lost its records')
    .requiredOption('--payout <number>', 'as show prints it')
    .option('--preimage <hex>', 'it was paid: from a backup of the node, or from the buyer')
    .option('--fee <sat>', 'with --preimage: what the node paid for it, where that is known')
    .option('--not-paid', 'it was not paid, by the records of the node; 15 days after it was sent');
}
