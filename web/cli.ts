// The operator: `npm run zaptill -- <command>`. Every command explains itself with --help, and with
// --json prints one line for programs. Exit codes: 0 done; 1 not found, a rule is broken, or not
// everything could be compared; 2 refused, with the reason.
import { Command, Option } from 'commander';
import { z } from 'zod';
import { auditChainToDesk, type ChainOptions } from './cli-chain.ts';
import { columnsHelp, exportToDesk, type ExportOptions } from './cli-export.ts';
import { addPurseCommands } from './cli-purse.ts';
import { verifyFile } from './cli-verify.ts';
import { caseOf, cases } from './core/cases.ts';
import { currencyOf, decimalOf, minor, msat, satsOf } from './core/money.ts';
import { paymentStates } from './core/payment.ts';
import { audit } from './db/audit.ts';
import { workingNodes, type NodeRow } from './db/nodes.ts';
import { privacyRequests } from './db/privacy.ts';
import { allRegistrations } from './db/registrations.ts';
import { allShops, shopsOfDomain, type ShopRow } from './db/shops.ts';
import * as views from './db/views.ts';
import { begin } from './entrance.ts';
import { auditNodes } from './flows/audit-nodes.ts';
import { auditShopify } from './flows/audit-shopify.ts';
import type { ConnectGiven } from './flows/connect-node.ts';
import { reconcileAndWait, type ReconcileReport } from './flows/reconcile-command.ts';
import type { Wired } from './wiring.ts';
import { startPool } from './worker/pool.ts';

type Output = { json?: boolean };

/** What a command came to: for people, for programs, and the exit code. */
type Result = { lines: readonly string[]; json: unknown; exitCode: 0 | 1 | 2 };

const done = (lines: readonly string[], json: unknown): Result => ({ lines, json, exitCode: 0 });
const notFound = (line: string): Result => ({
  lines: [line],
  json: { ok: false, error: line },
  exitCode: 1,
});

async function run(output: Output, command: (wired: Wired) => Promise<Result>): Promise<void> {
  const wired = await begin({ quiet: true });
  try {
    const { lines, json, exitCode } = await command(wired);
    const text = output.json === true ? JSON.stringify(json) : lines.join('\n');
    await new Promise((written) => process.stdout.write(`${text}\n`, written));
    process.exitCode = exitCode;
  } finally {
    await wired.close();
  }
  // A resolver or a node that hangs must not keep the command.
  process.exit();
}

/** The shop as that app has it; where none is named, as the merchant app has it if it does. */
async function shopNamed(wired: Wired, domain: string, app?: string): Promise<ShopRow | undefined> {
  const shops = await shopsOfDomain(wired.db, domain.toLowerCase());
  const registrations = await allRegistrations(wired.db);
  const of = (kind: string): ShopRow | undefined =>
    shops.find(({ registrationId }) =>
      registrations.some((each) => each.id === registrationId && each.kind === kind),
    );
  return app === undefined ? (of('merchant') ?? shops[0]) : of(app);
}
const unknownShop = (domain: string): Result =>
  notFound(`No shop ${domain} has the app installed. Open the app once in its Shopify admin.`);

type ConnectOptions = Output & {
  shop: string;
  app?: string;
  lndconnect?: string;
  host?: string;
  certificate?: string;
  macaroon?: string;
  add?: boolean;
};

async function connect(wired: Wired, options: ConnectOptions): Promise<Result> {
  const shop = await shopNamed(wired, options.shop, options.app);
  if (shop === undefined) return unknownShop(options.shop);
  const { lndconnect, host, certificate, macaroon } = options;
  const given: ConnectGiven =
    lndconnect === undefined
      ? { host: host ?? '', certificate: certificate ?? '', macaroon: macaroon ?? '' }
      : { lndconnect };
  const how = options.add === true ? 'add' : 'replace';
  const connected = await wired.connect({ shopId: shop.id, given, how });
  if (!connected.ok) {
    const excess = connected.excess.map(({ permission, allows }) => `  ${permission}: ${allows}`);
    const lines = [connected.sentence, ...excess, 'Run this on the node:', `  ${connected.bake}`];
    return { lines, json: connected, exitCode: 2 };
  }
  const { node } = connected;
  const advice = connected.advice.map(({ sentence }) => sentence);
  return done([`Connected: ${describe(node)}`, ...advice], {
    ok: true,
    node: nodeJson(node),
    advice,
  });
}

const describe = (node: NodeRow): string =>
  `${node.alias || node.identity.slice(0, 16)} at ${node.address}, ` +
  `LND ${node.version}, ${node.network}`;

const nodeJson = (node: NodeRow) => ({
  address: node.address,
  identity: node.identity,
  alias: node.alias,
  version: node.version,
  network: node.network,
  health: node.trouble === null ? 'reachable' : 'unreachable',
  trouble: node.trouble,
  since: (node.troubleAt ?? node.reachableAt)?.toISOString() ?? null,
  receivableMsat: node.receivableMsat?.toString() ?? null,
});

async function nodeStatus(wired: Wired, options: { shop?: string }): Promise<Result> {
  const shops =
    options.shop === undefined
      ? await allShops(wired.db)
      : await shopsOfDomain(wired.db, options.shop.toLowerCase());
  if (options.shop !== undefined && shops.length === 0) return unknownShop(options.shop);
  const doors = wired.doors();
  const found: { shop: string; node: ReturnType<typeof nodeJson> | null }[] = [];
  for (const shop of shops.filter(({ uninstalledAt }) => uninstalledAt === null)) {
    const known = await workingNodes(wired.db, shop.id);
    await Promise.all(known.map((node) => doors.refreshNode(node)));
    const nodes = known.length === 0 ? [null] : await workingNodes(wired.db, shop.id);
    for (const node of nodes) {
      found.push({ shop: shop.domain, node: node === null ? null : nodeJson(node) });
    }
  }
  const lines = found.map(({ shop, node }) => {
    if (node === null) return `${shop}: no node connected`;
    const why = node.trouble === null ? '' : ` (${node.trouble})`;
    return `${shop}: ${node.address} ${node.health}${why}`;
  });
  return done(lines.length === 0 ? ['No shop has the app installed.'] : lines, {
    ok: true,
    nodes: found,
  });
}

async function selfTest(wired: Wired, options: { shop: string }): Promise<Result> {
  const shop = await shopNamed(wired, options.shop);
  if (shop === undefined) return unknownShop(options.shop);
  const { ended } = await wired.selfTest(shop.id);
  const { passed, startedAt, steps } = await ended();
  const lines = steps.map(({ hop, state, ms, sentence }) => {
    const time = ms === null ? '' : ` ${String(ms)} ms`;
    return `${state.padEnd(8)}${hop}${time}${sentence === null ? '' : `: ${sentence}`}`;
  });
  const json = { ok: passed, startedAt: startedAt.toISOString(), steps };
  const verdict = passed ? 'The self-test has passed.' : 'The self-test has failed.';
  return { lines: [...lines, verdict], json, exitCode: passed ? 0 : 1 };
}

async function listShops(wired: Wired): Promise<Result> {
  const shops = await allShops(wired.db);
  const json: unknown[] = [];
  const lines: string[] = [];
  for (const shop of shops) {
    const counts = await views.countsByState(wired.db, shop.id);
    const installed = shop.uninstalledAt === null;
    const all = Object.values(counts).reduce((sum, each) => sum + each, 0);
    json.push({ shop: shop.domain, installed, method: shop.methodName, counts });
    lines.push(`${shop.domain}  ${installed ? 'installed' : 'removed'}  ${String(all)} payments`);
  }
  return done(lines.length === 0 ? ['No shop has installed the app yet.'] : lines, {
    ok: true,
    shops: json,
  });
}

async function explain(wired: Wired, what: string, shopDomain?: string): Promise<Result> {
  const found = await views.findPayments(wired.db, { what, shopDomain });
  if (found.length === 0) return notFound(`There is no payment of ${what}.`);
  const lines: string[] = [];
  const json: unknown[] = [];
  for (const { id, domain, line } of found) {
    const entries = await views.timeline(wired.db, id);
    const named = caseOf({ state: line.state, lines: entries });
    const currency = currencyOf(line.currency);
    const amount =
      currency === undefined ? '?' : decimalOf(minor(BigInt(line.owed_minor)), currency);
    const sats =
      line.amount_msat === null ? '' : ` = ${satsOf(msat(BigInt(line.amount_msat)))} sats`;
    lines.push(
      `Order ${line.order_name} of ${domain}: ${amount} ${line.currency}${sats}`,
      `Payment ${id}: ${line.state}. ${paymentStates[line.state]}`,
      ...(named === undefined ? [] : [`${cases[named].happened} ${cases[named].wayOut}`]),
      ...entries.map((entry) => {
        const details = Object.entries(entry.details).map(([name, value]) => `${name} ${value}`);
        const more = details.length === 0 ? '' : ` (${details.join(', ')})`;
        return `  ${entry.at.toISOString()}  ${views.sentenceOf(entry)}${more}`;
      }),
      '',
    );
    json.push({
      ...{ id, shop: domain, order: line.origin_id, orderName: line.order_name },
      ...{ state: line.state, reason: line.reason, attention: line.attention, hash: line.hash },
      case: named ?? null,
      timeline: entries.map((entry) => ({ ...entry, sentence: views.sentenceOf(entry) })),
    });
  }
  return done(lines.slice(0, -1), { ok: true, payments: json });
}

/** A year of a busy shop is no answer for a command: what was made lately is compared. */
const auditDays = 30;
/** Of 1,000 invoices each. */
const auditPages = 500;
/** Of 50 orders each. */
const auditOrderPages = 2_000;

type AuditOptions = { nodes?: boolean; shopify?: boolean; since?: string; shop?: string };

async function auditAll(wired: Wired, options: AuditOptions): Promise<Result> {
  const { since: day, shop } = options;
  const asksOutside = options.nodes === true || options.shopify === true;
  if (day !== undefined && (!asksOutside || !z.iso.date().safeParse(day).success)) {
    const error = 'A day is such as 2026-11-21, and goes with --nodes or --shopify.';
    return { lines: [error], json: { ok: false, error }, exitCode: 2 };
  }
  const since = new Date(day ?? Date.now() - auditDays * 86_400_000);
  const nodes =
    options.nodes === true
      ? await auditNodes(wired.deps, { createdSince: since, pagesAtMost: auditPages })
      : undefined;
  const shopify =
    options.shopify === true
      ? await auditShopify(wired.deps, { since, shop, pagesAtMost: auditOrderPages })
      : undefined;
  const asked = [...(nodes?.violations ?? []), ...(shopify?.violations ?? [])];
  const violations = [...(await audit(wired.db)), ...asked];
  const unasked = [
    ...(nodes?.notAsked ?? []).map(({ nodeId, why }) => ({ who: `Node ${String(nodeId)}`, why })),
    ...(shopify?.notAsked ?? []).map(({ shop: who, why }) => ({ who, why })),
  ].map(({ who, why }) => `${who} was not compared: ${why}.`);
  // What was not compared may be wrong.
  const ok = violations.length === 0 && unasked.length === 0;
  const json = {
    ...{ ok, violations },
    ...(nodes && { nodes: { settled: nodes.settled, notAsked: nodes.notAsked } }),
    ...(shopify && { shopify: { orders: shopify.orders, notAsked: shopify.notAsked } }),
  };
  if (ok) return done(['Every rule holds.'], json);
  const lines =
    violations.length === 0
      ? ['No broken rule was found, but not everything was compared.']
      : violations.map(({ rule, says, what }) => `${rule} ${what}: ${says}`);
  return { lines: [...unasked, ...lines], json, exitCode: 1 };
}

/** A month of a large shop at a slow Shopify. */
const reconcileWithinMs = 60 * 60_000;

async function reconcile(wired: Wired, options: { shop: string; since?: string }): Promise<Result> {
  const shops = await shopsOfDomain(wired.db, options.shop.toLowerCase());
  if (shops.length === 0) return unknownShop(options.shop);
  const day = options.since;
  if (day !== undefined && !z.iso.date().safeParse(day).success) {
    const error = 'A day is such as 2026-11-21.';
    return { lines: [error], json: { ok: false, error }, exitCode: 2 };
  }
  // Works beside the pools that are there, and alone where there is none.
  const pool = startPool(wired.deps, { listener: false, slots: 2 });
  const reports: ReconcileReport[] = [];
  try {
    for (const shop of shops) {
      const { timeZone } = shop;
      const since = day === undefined ? day : await views.dayBegins(wired.db, { day, timeZone });
      const ask = { shop, since, withinMs: reconcileWithinMs };
      const report = await reconcileAndWait(wired.deps, ask);
      if (report !== undefined) reports.push(report);
    }
  } finally {
    await pool.stop();
  }
  if (reports.length < shops.length) {
    const error = 'It has not ended. The pools go on with it.';
    return { lines: [error], json: { ok: false, error }, exitCode: 2 };
  }
  return reconciled(reports);
}

function reconciled(reports: readonly ReconcileReport[]): Result {
  const all = (what: 'orders' | 'payments' | 'invoices' | 'healed'): number =>
    reports.reduce((sum, { run }) => sum + run[what], 0);
  const breaks = reports.flatMap((report) => report.breaks);
  const isPartly = reports.some(({ run }) => run.state === 'partly');
  const counted = ['orders', 'payments', 'invoices'] as const;
  const figures = counted.map((what) => `${String(all(what))} ${what}`).join(', ');
  const lines = [
    `${figures}, ${String(breaks.length)} unmatched`,
    ...(all('healed') === 0 ? [] : [`${String(all('healed'))} did not fit at first, and do.`]),
    ...(isPartly ? ['A node could not be asked: its invoices were left out.'] : []),
    ...(reports.some(({ run }) => !run.readsOrders)
      ? ['Shopify shows no orders to the payments app: of its shop only rows and invoices count.']
      : []),
    ...breaks.flatMap(({ sentence, todo }) => [`- ${sentence}`, `  ${todo}`]),
  ];
  const ok = breaks.length === 0 && !isPartly;
  const json = {
    ok,
    ...Object.fromEntries(counted.map((what) => [what, all(what)])),
    ...{ healed: all('healed'), unmatched: breaks.length, breaks },
    runs: reports.map(({ app, run }) => ({ app, ...run })),
  };
  return { lines, json, exitCode: ok ? 0 : 1 };
}

async function listPrivacy(wired: Wired, options: { shop?: string }): Promise<Result> {
  const shopDomain = options.shop?.toLowerCase();
  const found = await privacyRequests(wired.db, { shopDomain, limit: 1_000 });
  const lines = found.flatMap(({ topic, shopDomain: shop, receivedAt, dueBy, doneAt, report }) => [
    `${receivedAt.toISOString()}  ${shop}  ${topic}  ` +
      (doneAt === null
        ? `to be done by ${dueBy.toISOString().slice(0, 10)}`
        : `done ${doneAt.toISOString().slice(0, 10)}`),
    ...Object.entries(report).flatMap(([what, sentences]) =>
      sentences.map((sentence) => `  ${what}: ${sentence}`),
    ),
  ]);
  return done(lines.length === 0 ? ['Shopify has asked nothing yet.'] : lines, {
    ok: true,
    requests: found,
  });
}

async function listApps(wired: Wired): Promise<Result> {
  const apps = (await allRegistrations(wired.db)).map(({ name, kind, clientId }) => ({
    ...{ name, kind, clientId },
  }));
  const lines = apps.map(({ name, kind, clientId }) => `${clientId}  ${kind}  ${name}`);
  return done(lines.length === 0 ? ['No app is registered yet.'] : lines, { ok: true, apps });
}

/** The file has stdout for itself: what goes wrong goes to stderr. */
async function exportAll(options: ExportOptions): Promise<void> {
  const wired = await begin({ quiet: true });
  try {
    const { says, exitCode } = (await exportToDesk(wired, options)) ?? { exitCode: 0 };
    const speech = exitCode === 0 ? process.stdout : process.stderr;
    if (says !== undefined) speech.write(`${says}\n`);
    process.exitCode = exitCode;
  } finally {
    await wired.close();
  }
}

async function secretFrom(file: string): Promise<string> {
  const { readFile } = await import('node:fs/promises');
  return (await readFile(file, 'utf8')).trim();
}

const json = ['--json', 'print one line for programs'] as const;
const program = new Command('zaptill').description('Lightning payments for Shopify');

const node = program.command('node').description('connect and look after Lightning nodes');
node
  .command('connect')
  .description("connect a shop's LND with a credential that can receive and nothing else")
  .requiredOption('--shop <domain>', 'the shop, such as example.myshopify.com')
  .addOption(
    new Option('--app <app>', 'where both are installed: whose node it is').choices([
      ...['merchant', 'payments'],
    ]),
  )
  .option('--lndconnect <uri>', 'the whole lndconnect:// link')
  .option('--host <host:port>', 'instead of the link: address of the gRPC port')
  .option('--certificate <text>', 'with --host: tls.cert as PEM, hex or base64; empty if public')
  .option('--macaroon <text>', 'with --host: what lncli bakemacaroon printed')
  .option('--add', 'keep the nodes that are there: this one stands in for them')
  .option(...json)
  .action((options: ConnectOptions) => run(options, (wired) => connect(wired, options)));
node
  .command('status')
  .description('ask every connected node how it is')
  .option('--shop <domain>', 'only of this shop')
  .option(...json)
  .action((options: Output & { shop?: string }) =>
    run(options, (wired) => nodeStatus(wired, options)),
  );

program
  .command('shop')
  .description('the shops of this server')
  .command('list')
  .description('every shop, whether the app is installed, and its payments')
  .option(...json)
  .action((options: Output) => run(options, listShops));

program
  .command('selftest')
  .description('a real 1-sat invoice and a test order go the whole way; exit 1 when a hop fails')
  .requiredOption('--shop <domain>', 'the shop, such as example.myshopify.com')
  .option(...json)
  .action((options: Output & { shop: string }) =>
    run(options, (wired) => selfTest(wired, options)),
  );

program
  .command('explain <what>')
  .description("what happened to a payment: by its id, its order's gid, or '#name' with --shop")
  .option('--shop <domain>', 'needed with an order name: two shops may both have #1001')
  .option(...json)
  .action((what: string, options: Output & { shop?: string }) =>
    run(options, (wired) => explain(wired, what, options.shop?.toLowerCase())),
  );

program
  .command('export')
  .description("a shop's books as a file; its last line says how many rows there are")
  .requiredOption('--shop <domain>', 'the shop, such as example.myshopify.com')
  .option(
    '--what <what>',
    'payments, refunds, shares, ledger (every booking) or tax (what was paid)',
    'payments',
  )
  .option('--format <format>', 'csv or jsonl', 'csv')
  .option('--from <day>', 'the first day, by the clock of the shop, such as 2026-01-01')
  .option('--until <day>', 'the last day')
  .option('--out <file>', 'to a file, which is there when it is whole; else to stdout')
  .addHelpText('after', columnsHelp)
  .action(exportAll);

program
  .command('audit')
  .description('check every rule over the database; exit 1 and a list when one is broken')
  .option('--nodes', 'compare with the lists of the nodes, too: what was made in the last 30 days')
  .option('--shopify', 'compare with the orders of Shopify, too: what changed in the last 30 days')
  .option('--since <day>', 'with --nodes or --shopify: since that day, in UTC')
  .option('--chain', 'instead: is every timeline what was written, entry by entry?')
  .option('--shop <domain>', 'with --chain or --shopify: only this shop')
  .option('--seal <number:hash>', 'with --chain: a seal that was written down, and must be there')
  .option(...json)
  .action((options: Output & ChainOptions & AuditOptions & { chain?: boolean }) =>
    run(options, (wired) =>
      options.chain === true ? auditChainToDesk(wired.deps, options) : auditAll(wired, options),
    ),
  );

program
  .command('verify')
  .description("check a receipt's file by itself: needs no database, no configuration, no network")
  .argument('<file>', 'what the receipt page saves, such as receipt-0f3c5a7788e1.json')
  .option(...json)
  .action(async (file: string, options: Output) => {
    const { lines, json: said, exitCode } = await verifyFile(file);
    const text = options.json === true ? JSON.stringify(said) : lines.join('\n');
    process.stdout.write(`${text}\n`);
    process.exitCode = exitCode;
  });

program
  .command('reconcile')
  .description(
    "compare Shopify's orders, our payments and the nodes' invoices, and put right what can be; " +
      'exit 1 and a list when something is left. Shopify shows orders of the last 60 days',
  )
  .requiredOption('--shop <domain>', 'the shop, such as example.myshopify.com')
  .option('--since <day>', 'the first day, by the clock of the shop; else about a month ago')
  .option(...json)
  .action((options: Output & { shop: string; since?: string }) =>
    run(options, (wired) => reconcile(wired, options)),
  );

program
  .command('privacy')
  .description('what Shopify asked in the name of privacy')
  .command('list')
  .description('each request with its deadline and what was deleted and kept, newest first')
  .option('--shop <domain>', 'only of this shop')
  .option(...json)
  .action((options: Output & { shop?: string }) =>
    run(options, (wired) => listPrivacy(wired, options)),
  );

addPurseCommands(program);

const app = program.command('app').description('registrations of the app at Shopify');
app
  .command('list')
  .description('the registrations, without their secrets')
  .option(...json)
  .action((options: Output) => run(options, listApps));
app
  .command('register')
  .description('store a further registration, or a new secret of a known one')
  .requiredOption('--key <client id>', 'from the Shopify Dev Dashboard')
  .requiredOption('--secret-file <file>', 'a file that holds the client secret and nothing else')
  .requiredOption('--name <name>', 'for you, to tell registrations apart')
  .option(...json)
  .action((options: Output & { key: string; secretFile: string; name: string }) =>
    run(options, async (wired) => {
      const clientSecret = await secretFrom(options.secretFile);
      await wired.registerApp({ name: options.name, clientId: options.key, clientSecret });
      return done([`Registered ${options.name}.`], { ok: true, name: options.name });
    }),
  );

await program.parseAsync();
