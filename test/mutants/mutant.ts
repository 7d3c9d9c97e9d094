// What a mutant is: one guard of the program taken out, and the test that must notice it.
import fs from 'node:fs';
import path from 'node:path';

/** `find` stands in the file exactly once; a list that is rotten fails. */
export type Edit = { file: string; find: string; replace: string };

export type Mutant = {
  /** `Mnn` as in the list of guards that a settlement engine must have; `Xnn` is our own. */
  id: string;
  /** What is protected, and by what. */
  guard: string;
  /** The changes in the source, all of them at once: two guards of one danger go together. */
  edits: readonly Edit[];
  /** For guards of the database: put behind the last migration. */
  sql?: string;
  /** The file of the test. */
  test: string;
  /** A part of its name, or of its chapter's. */
  named: string;
};

export const edit = (file: string, find: string, replace: string): Edit => ({
  ...{ file, find, replace },
});

/** A guard in the source. */
export const source = (
  mutant: Omit<Mutant, 'edits' | 'sql'>,
  ...edits: readonly Edit[]
): Mutant => ({ ...mutant, edits });

/** A guard of the database, with what in the source leans on it. */
export const database = (
  mutant: Omit<Mutant, 'edits'> & { sql: string },
  ...edits: readonly Edit[]
): Mutant => ({ ...mutant, edits });

const migrations = path.join(import.meta.dirname, '../../prisma/migrations');

/** A function of the database as the migration that has it says it, with some of it changed. */
export function rewritten(
  at: { migration: string; create: string },
  ...changes: readonly (readonly [find: string, replace: string])[]
): string {
  const text = fs.readFileSync(path.join(migrations, at.migration, 'migration.sql'), 'utf8');
  const from = text.indexOf(at.create);
  let whole = text.slice(from, text.indexOf('\n$$;', from) + 4);
  for (const [find, replace] of changes) {
    if (from < 0 || whole.split(find).length !== 2) throw new Error(`not once there: ${find}`);
    whole = whole.replace(find, () => replace);
  }
  return whole.replace(/^create function/, 'create or replace function');
}
