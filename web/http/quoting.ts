// Asks for a quote on behalf of pages that are open. Many tabs of one payment share one asking in
// this process (the database keeps other processes out), and a refusal is remembered for a moment,
// so that pages may ask every second and the outside is not asked for each of them.
import { Trouble } from '../core/trouble.ts';
import { currentInvoice, groupIsTaken } from '../db/views.ts';
import { quoteInvoice, type Quoted } from '../flows/quote-invoice.ts';
import type { Doors } from './doors.ts';
import { needsTap } from './pay-view.ts';

const rememberMs = 2_000;
/** A page does not wait longer; the asking goes on and the page hears of it. */
const patienceMs = 4_000;
const rememberedAtMost = 10_000;

export type Quoting = {
  /**
   * A quote if the payment may have one without the buyer's tap. Undefined: it may not, or is not
   * open.
   */
  ifDue: (paymentId: string) => Promise<Quoted | undefined>;
  /** A quote because the buyer asked for it. */
  onRequest: (paymentId: string) => Promise<Quoted>;
};

export function openQuoting(doors: Doors): Quoting {
  const asking = new Map<string, Promise<Quoted>>();
  const refused = new Map<string, { quoted: Quoted; until: number }>();

  const ask = (paymentId: string): Promise<Quoted> => {
    const shared = asking.get(paymentId);
    if (shared !== undefined) return shared;
    const started = quoteInvoice(doors.deps, paymentId)
      .then((quoted) => {
        if (quoted.is === 'refused') {
          if (refused.size >= rememberedAtMost) refused.clear();
          refused.set(paymentId, { quoted, until: Date.now() + rememberMs });
        }
        return quoted;
      })
      .catch((error: unknown): Quoted => {
        if (error instanceof Trouble) throw error;
        // We are wrong, and the buyer shall read words: the page keeps trying.
        doors.deps.log.error({ paymentId, err: error }, 'quote.defect');
        return { is: 'refused', refusal: 'node_unreachable' };
      })
      .finally(() => asking.delete(paymentId));
    asking.set(paymentId, started);
    return started;
  };
  const onRequest = (paymentId: string): Promise<Quoted> =>
    patiently(doors, paymentId, ask(paymentId));

  return {
    onRequest,
    ifDue: async (paymentId) => {
      const invoice = await currentInvoice(doors.deps.db, paymentId);
      // Of a purchase that was paid in another tab: asking closes it before it is shown again.
      const isOver = invoice?.state === 'live' && (await groupIsTaken(doors.deps.db, paymentId));
      if (isOver) return onRequest(paymentId);
      if (invoice?.state === 'live' || invoice?.state === 'settled' || needsTap(invoice)) {
        return undefined;
      }
      const remembered = refused.get(paymentId);
      if (remembered !== undefined && remembered.until > Date.now()) return remembered.quoted;
      return onRequest(paymentId);
    },
  };
}

/** The answer, or "preparing" when it takes longer than a page should wait. */
async function patiently(doors: Doors, paymentId: string, asked: Promise<Quoted>): Promise<Quoted> {
  // When nobody waits for it any more, its failure must not end the process.
  asked.catch((error: unknown) => {
    doors.deps.log.warn({ paymentId, err: error }, 'quote.failed');
  });
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Quoted>((resolve) => {
    timer = setTimeout(() => {
      resolve({ is: 'preparing' });
    }, patienceMs);
  });
  try {
    return await Promise.race([asked, late]);
  } finally {
    clearTimeout(timer);
  }
}
