// What each signer says of itself every few seconds, for people: it listens at no port, and the
// doors show it. Nobody acts on it; one that was killed is silent, and its age grows.
import { rows, type Database } from './database.ts';

export async function saySignerReport(
  db: Database,
  report: { signer: string; signs: boolean },
): Promise<void> {
  await rows(
    db.pool,
    {
      name: 'signer_report_say',
      text: `
        with me as (
          insert into signer_report (signer, signs) values ($1, $2)
          on conflict (signer) do update set signs = excluded.signs, said_at = now()),
        -- The last one that signed stays, so that its silence is seen.
        newest as (select signer from signer_report where signs order by said_at desc limit 1)
        delete from signer_report where said_at < now() - interval '1 hour' and signer <> $1
          and signer not in (select signer from newest)`,
    },
    [report.signer, report.signs],
  );
}
