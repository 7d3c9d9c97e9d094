// What the settings page shows beside the settings themselves.
import type { Database } from '../database.ts';
import { rows } from '../database.ts';

export { latestAlerts, type AlertLine } from '../alerts.ts';
export { settingsOf, type StoredSettings } from '../settings.ts';

/** The shop's own currency; before Shopify has said it, that of its newest payment. */
export async function currencyOfShop(db: Database, shopId: number): Promise<string | undefined> {
  const [row] = await rows<{ currency: string | null }>(
    db.pool,
    {
      name: 'view_currency_of_shop',
      text: `
        select coalesce(s.currency, (
          select p.currency from payment p where p.shop_id = s.id
          order by p.opened_at desc limit 1)) as currency
        from shop s where s.id = $1`,
    },
    [shopId],
  );
  return row?.currency ?? undefined;
}
