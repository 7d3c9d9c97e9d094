/**
 * Shopify's whole Admin schema of 2026-07 (half a second) and its Payments Apps schema, each read
 * once for the process.
 */

import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import {
  buildSchema,
  GraphQLError,
  isEnumType,
  isScalarType,
  Kind,
  type GraphQLSchema,
  type ValueNode,
} from 'graphql';

export const API_VERSION = '2026-07';

const DATE_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)$/;

let kept: GraphQLSchema | undefined;

export function adminSchema(): GraphQLSchema {
  if (kept !== undefined) return kept;
  const packed = readFileSync(new URL('./schema/admin_2026-07.graphql.gz', import.meta.url));
  const schema = buildSchema(gunzipSync(packed).toString(), { assumeValid: true });
  strict(schema, 'Decimal', /^-?\d+(\.\d+)?$/);
  strict(schema, 'Money', /^-?\d+(\.\d+)?$/);
  strict(schema, 'DateTime', DATE_TIME);
  kept = schema;
  return schema;
}

/** No order can be in another currency: the API would have no word for it. */
export function isCurrency(code: string): boolean {
  const type = adminSchema().getType('CurrencyCode');
  if (!isEnumType(type)) throw new Error('The schema has no CurrencyCode');
  return type.getValue(code) !== undefined;
}

let keptPayments: GraphQLSchema | undefined;

export function paymentsSchema(): GraphQLSchema {
  if (keptPayments !== undefined) return keptPayments;
  const file = new URL('./schema/payments-apps_2026-07.graphql', import.meta.url);
  const schema = buildSchema(readFileSync(file, 'utf8'), { assumeValid: true });
  strict(schema, 'DateTime', DATE_TIME);
  strict(schema, 'URL', /^https?:\/\//);
  keptPayments = schema;
  return schema;
}

/** SDL says nothing about what a scalar takes; Shopify refuses what does not look like one. */
function strict(schema: GraphQLSchema, name: string, form: RegExp): void {
  const type = schema.getType(name);
  if (!isScalarType(type)) throw new Error(`The schema has no scalar ${name}`);
  const checked = (value: unknown): string => {
    const text = typeof value === 'number' ? String(value) : value;
    if (typeof text === 'string' && form.test(text)) return text;
    throw new GraphQLError(`${name} cannot represent ${JSON.stringify(value)}`);
  };
  type.parseValue = checked;
  type.parseLiteral = (node: ValueNode) => {
    if (node.kind === Kind.STRING || node.kind === Kind.INT || node.kind === Kind.FLOAT)
      return checked(node.value);
    throw new GraphQLError(`${name} cannot represent a ${node.kind}`);
  };
}
