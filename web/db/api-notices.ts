// What Shopify's answers said of the API version that we speak: the latest word of each document.
import type { ApiWord } from '../core/api-version.ts';
import { rows, type Database } from './database.ts';

export type ApiNotice = ApiWord & { firstSeenAt: Date; lastSeenAt: Date };

/** Every shop asks something every few minutes: an older word says nothing of today. */
const freshDays = 2;

/** Stores a word. What was said first stays as long as the same is said. */
export async function storeApiWord(db: Database, word: ApiWord): Promise<void> {
  await rows(
    db.pool,
    {
      name: 'api_notice',
      text: `
        insert into api_notice as had (operation, version, deprecated) values ($1, $2, $3)
        on conflict (operation) do update set version = excluded.version,
          deprecated = excluded.deprecated, last_seen_at = now(),
          first_seen_at = case
            when (had.version, had.deprecated) is not distinct from
              (excluded.version, excluded.deprecated) then had.first_seen_at else now() end`,
    },
    [word.operation, word.version, word.deprecated],
  );
}

export const apiNotices = (db: Database, now: Date): Promise<ApiNotice[]> =>
  db.prisma.apiNotice.findMany({
    where: { lastSeenAt: { gte: new Date(now.getTime() - freshDays * 86_400_000) } },
    orderBy: { operation: 'asc' },
    take: 100,
  });
