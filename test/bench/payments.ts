// What the payments page asks of a big shop: pages anywhere in the list, each kind of search, each
// filter, the count, and an export from its beginning to its end.
import { createHash } from 'node:crypto';
import type { Database } from '../../web/db/database.ts';
import { rows } from '../../web/db/database.ts';
import {
  countPayments,
  everyListedPayment,
  everyPayment,
  knownHash,
  pageOfPayments,
  type PaymentCursor,
  type PaymentFilter,
} from '../../web/db/views.ts';
import { exportBooks } from '../../web/flows/export-books.ts';
import { readFilter } from '../../web/http/merchant/payment-filter.ts';
import type { Question } from './measure.ts';
import type { Million } from './million.ts';

const limit = 26;
const timeZone = 'Europe/Berlin';
const sha256 = (of: string | Buffer): Buffer => createHash('sha256').update(of).digest();

function filterOf(words: Record<string, string>): PaymentFilter {
  const filter = readFilter(words, { timeZone, hashOfRequest: () => undefined });
  if (filter === undefined) throw new Error(`unreadable: ${JSON.stringify(words)}`);
  return filter;
}

/** The n-th payment, as the filling makes it. */
const madeBy = (million: Million, n: number) => {
  const owedMinor = 100 + ((n * 7919) % 50_000);
  return {
    id: createHash('md5')
      .update(`payment ${String(million.shopId)} ${String(n)}`)
      .digest('hex'),
    hash: sha256(sha256(`preimage ${String(million.shopId)} ${String(n)}`)).toString('hex'),
    amount: `${String(Math.floor(owedMinor / 100))}.${String(owedMinor % 100).padStart(2, '0')}`,
    sats: String(owedMinor * 10),
    order: String(1_000 + n),
  };
};

/** A place in the middle of the list, whose payments are six weeks old. */
async function middleOf(db: Database, shopId: number): Promise<PaymentCursor> {
  const [row] = await rows<{ id: string; opened_at: Date }>(
    db.pool,
    {
      name: '',
      text: `select id, opened_at from payment where shop_id = $1
        and opened_at < now() - interval '45 days' order by opened_at desc, id desc limit 1`,
    },
    [shopId],
  );
  if (row === undefined) throw new Error('the list has no middle');
  return { openedAt: row.opened_at, id: row.id };
}

/** A page and its count, as one look at the list asks for both. */
function looks(db: Database, { shopId }: Million): (name: string, words: object) => Question {
  return (name, words) => {
    const filter = filterOf(words as Record<string, string>);
    return {
      name: `payments: ${name}`,
      ask: () =>
        Promise.all([
          pageOfPayments(db, { shopId, filter, limit }),
          countPayments(db, { shopId, filter, upTo: 1_000 }),
        ]),
    };
  };
}

function searches(db: Database, million: Million): Question[] {
  const look = looks(db, million);
  const old = madeBy(million, Math.floor(million.payments * 0.3));
  return [
    look('search by order name', { q: `#${old.order}` }),
    look('search by a bare number', { q: old.order }),
    look('search by amount', { q: old.amount }),
    look('search by sats', { q: `${old.sats} sats` }),
    look('search by hash', { q: old.hash }),
    look('search by payment id', { q: old.id.replace(/(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-') }),
    look('search for what is not there', { q: '987654321.01' }),
    look('search in a state and a period', { q: old.amount, state: 'resolved', min: '1' }),
    {
      name: 'payments: whose hash or preimage it is',
      ask: () =>
        knownHash(db, {
          shopId: million.shopId,
          hashes: [old.hash, sha256(old.hash).toString('hex')],
        }),
    },
  ];
}

function filters(db: Database, million: Million): Question[] {
  const look = looks(db, million);
  const day = (ago: number): string =>
    new Date(Date.now() - ago * 86_400_000).toISOString().slice(0, 10);
  return [
    look('the first page', {}),
    look('what needs a person', { view: 'needs_person' }),
    look('a state of four fifths', { state: 'resolved' }),
    look('a rare state', { state: 'stranded' }),
    look('two states', { state: 'lapsed,rejected' }),
    look('a period', { since: day(60), until: day(59) }),
    look('a rare state in a period', { state: 'stranded', since: day(60), until: day(30) }),
    look('test payments, of which there are none', { test: 'yes' }),
    look('a range of amounts', { min: '100', max: '200' }),
    look('a narrow range of amounts', { min: '123.45', max: '123.46' }),
    look('amounts that nobody owes', { min: '9000' }),
    look('a node', { node: String(million.nodeId) }),
    look('a node that made nothing', { node: '999999' }),
  ];
}

export const paymentQuestions = (db: Database, million: Million): Question[] => {
  const { shopId } = million;
  const all = { ...everyPayment, timeZone };
  let middle: Promise<PaymentCursor> | undefined;
  const deep = async (way: 'after' | 'before', filter: PaymentFilter) => {
    middle ??= middleOf(db, shopId);
    return pageOfPayments(db, { shopId, filter, [way]: await middle, limit });
  };
  return [
    ...filters(db, million),
    { name: 'payments: a page in the middle, onwards', ask: () => deep('after', all) },
    { name: 'payments: a page in the middle, back', ask: () => deep('before', all) },
    {
      name: 'payments: a page in the middle of a state',
      ask: () => deep('after', filterOf({ state: 'lapsed' })),
    },
    ...searches(db, million),
    {
      name: 'payments: a hundred rows of an export',
      ask: async () => {
        const every = everyListedPayment(db, { shopId, filter: all, batch: 100 });
        await every.next();
        await every.return(undefined);
      },
    },
    exportOfAll(db, million),
  ];
};

/** How long the whole file takes is said beside it; what is measured is its slowest piece. */
function exportOfAll(db: Database, { shopId }: Million): Question {
  const begin = () =>
    exportBooks(
      { db },
      {
        shopIds: [shopId],
        books: { what: 'payments', filter: { ...everyPayment, timeZone } },
        format: 'csv',
      },
    )[Symbol.asyncIterator]();
  let file: ReturnType<typeof begin> | undefined;
  return {
    name: 'payments: each piece of an export of everything',
    times: 200,
    ask: async () => {
      if (file === undefined) {
        file = begin();
        // The names of the columns come before any row.
        await file.next();
      }
      const piece = await file.next();
      if (piece.done === true) file = undefined;
    },
  };
}
