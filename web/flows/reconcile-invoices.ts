// The part of a reconciliation that asks one node: first what it shows, then those of our invoices
// that it did not show, one by one, and at the end what did not fit. What it says of an invoice is
// an observation like any other, and is recorded through the one door for them.
import type { Observation } from '../core/invoice.ts';
import { judgeInvoice, type Found } from '../core/reconcile.ts';
import { satsOf } from '../core/money.ts';
import { invoiceById } from '../db/invoices.ts';
import {
  endReconcilePart,
  storeReconcilePage,
  type FoundBreak,
  type OpenBreak,
  type PartRow,
  type Place,
} from '../db/reconciliations.ts';
import {
  firstAddIndex,
  invoicesNotShown,
  ourInvoices,
  type OurInvoiceRow,
} from '../db/reconcile-sides.ts';
import type { Deps, StepEnd } from './flow.ts';
import { observeInvoice } from './observe-invoice.ts';
import { checkBreaks, nextPageMs, type LookedAgain, type PartWork } from './reconcile-again.ts';

const listedPerPage = 500;
/** Each of them may be a call of its own. */
const lookedPerPage = 20;
/** The node's clock need not be ours. */
const clockMs = 3_600_000;

export async function compareInvoices(deps: Deps, work: PartWork): Promise<StepEnd> {
  const { part } = work;
  const nodeId = part.nodeId ?? 0;
  const { phase } = part.place;
  if (phase === 'ours') return notShown(deps, work, nodeId);
  if (phase !== 'check') return shown(deps, work, nodeId);
  return checkBreaks(deps, work, {
    limit: lookedPerPage,
    lookAgain: (open) => lookAgain(deps, nodeId, open),
    end: () => end(deps, part),
  });
}

async function end(deps: Deps, part: PartRow): Promise<StepEnd> {
  await endReconcilePart(deps.db, { part, outcome: 'asked' });
  return 'stored';
}

/** A page of what the node shows, of all its programs. Foreign invoices leave no trace. */
async function shown(deps: Deps, work: PartWork, nodeId: number): Promise<StepEnd> {
  const { part } = work;
  const { since, place } = part;
  const after =
    place.after === undefined
      ? await firstAddIndex(deps.db, { nodeId, since })
      : BigInt(place.after);
  const node = await deps.nodes.of(nodeId);
  const createdSince = new Date(since.getTime() - clockMs);
  const page = await node.listInvoices({ after, createdSince, most: listedPerPage });
  // A credential that may not list: each of our invoices is looked at by itself.
  if (page === undefined) return compare(deps, work, { pairs: [], next: { phase: 'ours' } });
  const seen = new Map<string, Observation>(page.invoices.map((each) => [each.hash, each]));
  const ours = await ourInvoices(deps.db, { nodeId, hashes: [...seen.keys()] });
  const pairs = ours.map((invoice) => ({ invoice, seen: seen.get(invoice.hash) ?? notFound }));
  const next: Place =
    page.after === undefined ? { phase: 'ours' } : { phase: 'list', after: page.after.toString() };
  return compare(deps, work, { pairs, next });
}

const notFound = 'not_found' as const;
type Pair = { invoice: OurInvoiceRow; seen: Observation | typeof notFound };

async function notShown(deps: Deps, work: PartWork, nodeId: number): Promise<StepEnd> {
  const { runId, since, place } = work.part;
  const { at, after } = place;
  const mark = at === undefined || after === undefined ? undefined : { at, after };
  const ask = { nodeId, runId, since, mark, limit: lookedPerPage };
  const { invoices, last } = await invoicesNotShown(deps.db, ask);
  const pairs = await looked(deps, nodeId, invoices);
  const next: Place = last === undefined ? { phase: 'check' } : { phase: 'ours', ...last };
  return compare(deps, work, { pairs, next });
}

/** The listing may be older than the invoice: only a look says what is so. */
async function looked(
  deps: Deps,
  nodeId: number,
  invoices: readonly OurInvoiceRow[],
): Promise<Pair[]> {
  if (invoices.length === 0) return [];
  const node = await deps.nodes.of(nodeId);
  const pairs: Pair[] = [];
  for (const invoice of invoices) {
    pairs.push({ invoice, seen: await node.lookInvoice(invoice.hash) });
  }
  return pairs;
}

async function compare(
  deps: Deps,
  work: PartWork,
  page: { pairs: readonly Pair[]; next: Place },
): Promise<StepEnd> {
  const { part, row } = work;
  const found: FoundBreak[] = [];
  for (const pair of page.pairs) found.push(...(await judge(deps, part.nodeId ?? 0, pair)));
  await storeReconcilePage(deps.db, {
    ...{ part, leaseNo: row.leaseNo, next: page.next, found, dueInMs: nextPageMs },
    counts: 'invoices',
    met: page.pairs.map(({ invoice }) => ({ key: invoice.hash, ours: 1 })),
  });
  return 'stored';
}

async function judge(deps: Deps, nodeId: number, pair: Pair): Promise<FoundBreak[]> {
  const found = judgeInvoice(pair.invoice, pair.seen);
  for (const { heal } of found) {
    if (heal === 'observe' && pair.seen !== notFound) await observe(deps, pair.invoice, pair.seen);
  }
  return found.map((each) => breakOf(each, nodeId, pair.invoice));
}

async function observe(deps: Deps, ours: OurInvoiceRow, seen: Observation): Promise<void> {
  const invoice = await invoiceById(deps.db, ours.id);
  if (invoice !== undefined && invoice.state !== 'settled') {
    await observeInvoice(deps, { invoice, seen });
  }
}

function breakOf(found: Found, nodeId: number, invoice: OurInvoiceRow): FoundBreak {
  const { hereMsat, thereMsat } = found;
  const { id: invoiceId, paymentId, orderName, hash } = invoice;
  return {
    ...found,
    ...{ key: hash, nodeId, paymentId, invoiceId },
    about: {
      ...{ orderName, paymentId, hash },
      ...(hereMsat === undefined ? {} : { here: satsOf(hereMsat) }),
      ...(thereMsat === undefined ? {} : { there: satsOf(thereMsat) }),
    },
  };
}

async function lookAgain(
  deps: Deps,
  nodeId: number,
  open: readonly OpenBreak[],
): Promise<LookedAgain[]> {
  const hashes = [...new Set(open.map(({ key }) => key))];
  const asked = await ourInvoices(deps.db, { nodeId, hashes });
  const pairs = await looked(deps, nodeId, asked);
  // What we have may have changed since: it is read again after the node was asked.
  const now = new Map(
    (await ourInvoices(deps.db, { nodeId, hashes })).map((each) => [each.hash as string, each]),
  );
  const found: FoundBreak[] = [];
  for (const { invoice, seen } of pairs) {
    found.push(...(await judge(deps, nodeId, { invoice: now.get(invoice.hash) ?? invoice, seen })));
  }
  return open.map((each) => ({
    open: each,
    still: found.find(({ key, what }) => key === each.key && what === each.what),
  }));
}
