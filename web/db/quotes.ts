// Promises that were made before. Where prices stand without a quorum, the last one that had it.
import type { Currency } from '../core/money.ts';
import type { AgreedBefore } from '../core/quote.ts';
import { rows, type Database } from './database.ts';

/**
 * What a quorum agreed on last for this shop in this currency, no earlier than `since`. What a
 * source said alone does not count: else it could walk away step by step. Looked for in the newest
 * 200 payments, so that it stays quick when everybody asks at once.
 */
export async function agreedBefore(
  db: Database,
  of: { shopId: number; currency: Currency; since: Date },
): Promise<AgreedBefore | undefined> {
  const [row] = await rows<{ price_e8: string; made_at: Date }>(
    db.pool,
    {
      name: 'quote_agreed_before',
      text: `
        select q.price_e8::text, q.made_at
        from (select id from payment where shop_id = $1
              order by opened_at desc, id desc limit 200) p
          join quote q on q.payment_id = p.id
        where q.currency = $2 and q.made_at >= $3 and q.evidence -> 'alone' is null
        order by q.made_at desc limit 1`,
    },
    [of.shopId, of.currency, of.since],
  );
  return row && { priceE8: BigInt(row.price_e8), at: row.made_at };
}
