// Shops: installed, with sealed tokens that are replaced in one statement, and swept for orders
// that nobody told us of.
import { closeOpenOfShop } from './closings.ts';
import type { Database, Queryable } from './database.ts';
import { rows, transaction } from './database.ts';
import { shopLane } from './lanes.ts';
import { endPageSessionsOf } from './page-sessions.ts';
import { columnsOf, record, records, type Fields } from './records.ts';
import { forgetAlertTargets } from './settings.ts';

export type ShopRow = {
  id: number;
  registrationId: number;
  domain: string;
  methodName: string;
  installedAt: Date;
  uninstalledAt: Date | null;
  sealedAccessToken: Uint8Array | null;
  accessTokenEndsAt: Date | null;
  sealedRefreshToken: Uint8Array | null;
  refreshTokenEndsAt: Date | null;
  scopes: string;
  tokenVersion: number;
  tokensStoredAt: Date | null;
  tokenRefusedAt: Date | null;
  sweepCursor: Date;
  /** Shopify's cursor behind which a sweep goes on that had too many pages for one; null: none. */
  sweepAfter: string | null;
  /** When the first of its parts began. */
  sweepBeganAt: Date | null;
  /** The first order with the method, under its present name. */
  methodSeenAt: Date | null;
  /** The first question of the thank-you block. */
  blockSeenAt: Date | null;
  /** ISO 4217, as Shopify said; null: not asked yet. */
  currency: string | null;
  /** IANA name: where the shop's days begin. */
  timeZone: string;
  /** When Shopify was asked for both. */
  factsAskedAt: Date | null;
};

const fields: Fields<ShopRow> = {
  ...{ id: true, registrationId: true, domain: true, methodName: true, installedAt: true },
  ...{ uninstalledAt: true, sealedAccessToken: true, accessTokenEndsAt: true },
  ...{ sealedRefreshToken: true, refreshTokenEndsAt: true, scopes: true, tokenVersion: true },
  ...{ tokensStoredAt: true, tokenRefusedAt: true, sweepCursor: true },
  ...{ sweepAfter: true, sweepBeganAt: true, methodSeenAt: true },
  ...{ blockSeenAt: true, currency: true, timeZone: true, factsAskedAt: true },
};
/** The fields of a row, of a shop that a statement calls `s`. */
export const shopColumns = columnsOf('s', fields);

const byIdText = `select ${shopColumns} from shop s where s.id = $1`;
export const shopById = (db: Database, id: number): Promise<ShopRow | null> =>
  record<ShopRow>(db.pool, { name: 'shop_by_id', text: byIdText }, [id]);

const ofText = `select ${shopColumns} from shop s where s.registration_id = $1 and s.domain = $2`;
export const shopOf = (
  db: Database,
  of: { registrationId: number; domain: string },
): Promise<ShopRow | null> =>
  record<ShopRow>(db.pool, { name: 'shop_of', text: ofText }, [of.registrationId, of.domain]);

const ofDomainText = `
  select ${shopColumns} from shop s where s.domain = $1 and s.uninstalled_at is null
  order by s.id limit 20`;
export const shopsOfDomain = (db: Database, domain: string): Promise<ShopRow[]> =>
  records<ShopRow>(db.pool, { name: 'shop_of_domain', text: ofDomainText }, [domain]);

const everOfDomainText = `
  select ${shopColumns} from shop s where s.domain = $1
  order by s.uninstalled_at is null desc, s.id limit 20`;
/** Also those that have removed the app, behind those that have it. */
export const shopsEverOfDomain = (db: Database, domain: string): Promise<ShopRow[]> =>
  records<ShopRow>(db.pool, { name: 'shop_ever_of_domain', text: everOfDomainText }, [domain]);

export const allShops = (db: Database): Promise<ShopRow[]> =>
  db.prisma.shop.findMany({ orderBy: { domain: 'asc' }, take: 10_000 });

/**
 * A shop at first sight. Its sweep begins at once; the payments app has no orders to sweep, and is
 * only asked once a day whether it is still there. A shop that removed the app stays removed here:
 * only tokens that Shopify gave for it say that it is installed again.
 */
export async function installShop(
  db: Database,
  of: { registrationId: number; domain: string },
): Promise<{ shop: ShopRow; installed: boolean }> {
  return transaction(db, async (on) => {
    const [row] = await rows<{ id: number; fresh: boolean }>(
      on,
      {
        name: 'shop_install',
        text: `
          insert into shop (registration_id, domain, lane, due_at)
          select id, $2, '', now() + case kind when 'payments' then interval '1 day'
            else interval '0' end
          from registration where id = $1
          on conflict (registration_id, domain) do update set
            domain = excluded.domain
          returning id, lane = '' as fresh`,
      },
      [of.registrationId, of.domain],
    );
    if (row === undefined) throw new Error('a shop was not stored');
    if (row.fresh) {
      await rows(on, { name: 'shop_lane', text: 'update shop set lane = $2 where id = $1' }, [
        row.id,
        shopLane(row.id),
      ]);
    }
    return row;
  }).then(async ({ id, fresh }) => ({
    shop: await db.prisma.shop.findUniqueOrThrow({ where: { id } }),
    installed: fresh,
  }));
}

export type SealedTokens = {
  sealedAccessToken: Uint8Array<ArrayBuffer>;
  accessTokenEndsAt: Date | null;
  sealedRefreshToken: Uint8Array<ArrayBuffer> | null;
  refreshTokenEndsAt: Date | null;
  scopes: string;
};

/**
 * Stores a pair of tokens in one statement and ends the refresh lease. A pair that was made from
 * another than the stored one is not stored.
 */
export async function storeTokens(
  db: Database,
  about: { shopId: number; replacing: number },
  tokens: SealedTokens,
): Promise<void> {
  await db.prisma.shop.updateMany({
    where: { id: about.shopId, tokenVersion: about.replacing },
    data: {
      ...tokens,
      tokensStoredAt: new Date(),
      tokenVersion: { increment: 1 },
      tokenRefusedAt: null,
      refreshLeaseUntil: null,
    },
  });
}

/** The stored scopes may be old: the next call gets a token of now, with the scopes of now. */
export async function refreshTokenSoon(db: Database, shopId: number): Promise<void> {
  await rows(
    db.pool,
    {
      name: 'shop_refresh_soon',
      // Refreshed from five minutes before its end on, and good until then: no call fails for it.
      text: `
        update shop
        set access_token_ends_at = least(access_token_ends_at, now() + interval '4 minutes')
        where id = $1 and sealed_refresh_token is not null`,
    },
    [shopId],
  );
}

/** True for the one process that may refresh; the others wait until the version has moved. */
export async function takeRefreshLease(
  db: Database,
  about: { shopId: number; tokenVersion: number; leaseMs: number },
): Promise<boolean> {
  const taken = await rows(
    db.pool,
    {
      name: 'shop_refresh_lease',
      text: `
        update shop set refresh_lease_until = now() + $3 * interval '1 ms'
        where id = $1 and token_version = $2
          and (refresh_lease_until is null or refresh_lease_until < now())
        returning id`,
    },
    [about.shopId, about.tokenVersion, about.leaseMs],
  );
  return taken.length === 1;
}

/** Shopify gave tokens to a shop that had removed the app: it is installed again. */
export async function isInstalledAgain(db: Database, shopId: number): Promise<void> {
  await rows(
    db.pool,
    {
      name: 'shop_installed_again',
      text: `
        update shop set uninstalled_at = null, installed_at = now(), sweep_cursor = now(),
          sweep_after = null, sweep_began_at = null,
          due_at = now() + case kind when 'payments' then interval '1 day' else interval '0' end
        from registration
        where shop.id = $1 and registration.id = registration_id and uninstalled_at is not null
          and sealed_access_token is not null`,
    },
    [shopId],
  );
}

export async function endRefreshLease(db: Database, shopId: number): Promise<void> {
  await db.prisma.shop.updateMany({ where: { id: shopId }, data: { refreshLeaseUntil: null } });
}

/** Shopify answered 401 with the token of this version. */
export async function tokenWasRefused(
  db: Database,
  about: { shopId: number; tokenVersion: number },
): Promise<void> {
  await db.prisma.shop.updateMany({
    where: { id: about.shopId, tokenVersion: about.tokenVersion },
    data: { tokenRefusedAt: new Date() },
  });
}

/** Payments app: Shopify took the word that the shop is ready. */
export async function readyWasTold(db: Database, shopId: number): Promise<void> {
  await db.prisma.shop.updateMany({
    where: { id: shopId, uninstalledAt: null },
    data: { readyToldAt: new Date() },
  });
}

/** Names the manual method. The orders of the last day are looked through again under this name. */
export async function nameMethod(db: Database, shopId: number, methodName: string): Promise<void> {
  const sweepCursor = new Date(Date.now() - 24 * 3_600_000);
  // Under another name it has not been seen yet.
  await db.prisma.shop.updateMany({
    where: { id: shopId, methodName: { not: methodName }, methodSeenAt: { not: null } },
    data: { methodSeenAt: null },
  });
  await db.prisma.shop.update({
    where: { id: shopId },
    data: {
      ...{ methodName, sweepCursor, dueAt: new Date() },
      ...{ sweepAfter: null, sweepBeganAt: null },
    },
  });
}

/** An order with the method was seen, under the name that it has now. Written once. */
export async function methodWasSeen(
  db: Database,
  seen: { shopId: number; methodName: string },
): Promise<void> {
  await db.prisma.shop.updateMany({
    where: { id: seen.shopId, methodName: seen.methodName, methodSeenAt: null },
    data: { methodSeenAt: new Date() },
  });
}

/** The thank-you block of the shop has asked us. Written once. */
export async function blockWasSeen(db: Database, shopId: number): Promise<void> {
  await db.prisma.shop.updateMany({
    where: { id: shopId, blockSeenAt: null },
    data: { blockSeenAt: new Date() },
  });
}

/** When the pending orders of the shop were last read through. */
export async function sweptUntil(
  db: Database,
  swept: { shopId: number; methodName: string; cursor: Date },
): Promise<void> {
  // Under another name the orders of before are looked through again.
  await db.prisma.shop.updateMany({
    where: { id: swept.shopId, methodName: swept.methodName },
    data: { sweepCursor: swept.cursor, sweepAfter: null, sweepBeganAt: null },
  });
}

/** There was more than one sweep reads: the next one goes on behind `after`. */
export async function sweptInPart(
  db: Database,
  swept: { shopId: number; methodName: string; after: string; beganAt: Date },
): Promise<void> {
  await db.prisma.shop.updateMany({
    where: { id: swept.shopId, methodName: swept.methodName },
    data: { sweepAfter: swept.after, sweepBeganAt: swept.beganAt },
  });
}

/**
 * The app was removed: the tokens are dead and wiped, open payments close, and live invoices are to
 * be canceled at the node before its credential is wiped. `keepTokens`: it was installed again
 * meanwhile, and what was before is ended all the same.
 */
export async function uninstallShop(
  db: Database,
  shopId: number,
  how: { keepTokens: boolean },
): Promise<void> {
  await transaction(db, async (on) => {
    if (!how.keepTokens) await wipeTokens(on, shopId);
    await endOfShop(on, shopId);
  });
}

async function wipeTokens(on: Queryable, shopId: number): Promise<void> {
  await forgetAlertTargets(on, shopId);
  await rows(
    on,
    {
      name: 'shop_uninstall',
      text: `
          update shop set uninstalled_at = coalesce(uninstalled_at, now()), due_at = null,
            sealed_access_token = null, sealed_refresh_token = null,
              token_version = token_version + 1, ready_told_at = null
          where id = $1`,
    },
    [shopId],
  );
}

async function endOfShop(on: Queryable, shopId: number): Promise<void> {
  await endPageSessionsOf(on, shopId);
  await rows(
    on,
    {
      name: 'node_retire_all',
      text: 'update node set retired_at = coalesce(retired_at, now()) where shop_id = $1',
    },
    [shopId],
  );
  await closeOpenOfShop(on, { shopId, because: 'shop_uninstalled' });
}

/**
 * Stores what Shopify said, and gives the time zone that is in force: one that the database does
 * not know would break every figure, and is not taken.
 */
export async function storeShopFacts(
  db: Database,
  facts: { shopId: number; currency: string; timeZone: string; at: Date },
): Promise<string> {
  const [stored] = await rows<{ time_zone: string }>(
    db.pool,
    {
      name: 'shop_facts',
      text: `
        update shop set currency = $2, facts_asked_at = $4,
          time_zone = coalesce((select name from pg_timezone_names where name = $3), time_zone)
        where id = $1 returning time_zone`,
    },
    [facts.shopId, facts.currency, facts.timeZone, facts.at],
  );
  if (stored === undefined) throw new Error('the shop is gone');
  return stored.time_zone;
}
