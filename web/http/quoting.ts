// Asks for a quote on behalf of pages that are open. Many tabs of one payment share one asking in
// this process (the database keeps other processes out), and a refusal is remembered for a moment,
// so that pages may ask every second and the outside is not asked for each of them.
import { Trouble } from '../core/trouble.ts';
import { payPageById, type PayPage } from '../db/views.ts';
import { quoteInvoice, type Quoted } from '../flows/quote-invoice.ts';
import type { Doors } from './doors.ts';
import { needsTap } from './pay-view.ts';

const rememberMs = 2_000;
/** A page does not wait longer; the asking goes on and the page hears of it. */
const patienceMs = 4_000;
const rememberedAtMost = 10_000;

export type Quoting = {
  /**
   * Asks for a price if the payment may have one without the buyer's tap. Gives the page as it is
   * then, and what became of the asking; undefined: nobody asked.
   */
  ifDue: (page: PayPage) => Promise<{ page: PayPage; quoted: Quoted | undefined }>;
  /** A quote because the buyer asked for it. */
  onRequest: (paymentId: string) => Promise<Quoted>;
};

export function openQuoting(doors: Doors): Quoting {
  const asking = new Map<string, Promise<Quoted>>();
  const refused = new Map<string, { quoted: Quoted; until: number }>();

  const ask = (paymentId: string, known?: PayPage): Promise<Quoted> => {
    const shared = asking.get(paymentId);
    if (shared !== undefined) return shared;
    const started = quoteInvoice(doors.deps, paymentId, known)
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
  const asked = async (page: PayPage): Promise<{ page: PayPage; quoted: Quoted }> => {
    const { id } = page.payment;
    const quoted = await patiently(doors, id, ask(id, page));
    // Its node has just answered; whatever else changed meanwhile, the page hears of it.
    if (quoted.is === 'payable') {
      return { page: { ...page, invoice: quoted.invoice, nodeTrouble: null }, quoted };
    }
    return { page: (await payPageById(doors.deps.db, id)) ?? page, quoted };
  };

  return {
    onRequest: (paymentId) => patiently(doors, paymentId, ask(paymentId)),
    ifDue: async (page) => {
      const { payment, invoice, isPaidElsewhere } = page;
      const nobodyAsks = { page, quoted: undefined };
      if (payment.state !== 'open') return nobodyAsks;
      // Of a purchase that was paid in another tab: asking closes it before it is shown again.
      if (invoice?.state === 'live' && isPaidElsewhere) return asked(page);
      if (invoice?.state === 'live' || invoice?.state === 'settled' || needsTap(invoice)) {
        return nobodyAsks;
      }
      const remembered = refused.get(payment.id);
      if (remembered !== undefined && remembered.until > Date.now()) {
        return { page, quoted: remembered.quoted };
      }
      return asked(page);
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
