// Whole rows by prepared statements, in the shape that Prisma would give them: fields in camel
// case, int8 as bigint. For rows that are read for every payment, where Prisma's own work costs
// more than PostgreSQL's.
import pg from 'pg';
import { asTrouble, type Queryable } from './database.ts';

const types: pg.CustomTypesConfig = {
  getTypeParser: (oid, format) =>
    oid === pg.types.builtins.INT8
      ? (BigInt as (text: string) => bigint)
      : (pg.types.getTypeParser(oid, format) as (text: string) => unknown),
};

/** Every field of the row, so that none is forgotten. */
export type Fields<Row> = Readonly<Record<keyof Row & string, true>>;

const columnOf = (field: string): string =>
  field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** `t.shop_id as "shopId", …` for a select. */
export const columnsOf = (table: string, fields: Readonly<Record<string, true>>): string =>
  Object.keys(fields)
    .map((field) => `${table}.${columnOf(field)} as "${field}"`)
    .join(', ');

/** Runs one statement and gives its rows, each int8 a bigint. Named, so that its plan is kept. */
export async function records<Row extends pg.QueryResultRow>(
  on: Queryable,
  statement: { name: string; text: string },
  values: readonly unknown[],
): Promise<Row[]> {
  try {
    const result = await on.query<Row>({ ...statement, values: [...values], types });
    return result.rows;
  } catch (error) {
    throw asTrouble(error);
  }
}

/** The first row of a statement; null when it has none. */
export const record = async <Row extends pg.QueryResultRow>(
  on: Queryable,
  statement: { name: string; text: string },
  values: readonly unknown[],
): Promise<Row | null> => (await records<Row>(on, statement, values))[0] ?? null;
