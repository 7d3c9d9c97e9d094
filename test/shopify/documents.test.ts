import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { buildSchema, NoDeprecatedCustomRule, parse, specifiedRules, validate } from 'graphql';
import { describe, expect, test } from 'vitest';
import * as all from '../../web/shopify/documents.ts';

const packed = readFileSync(
  new URL('../../sandbox/shopify/schema/admin_2026-07.graphql.gz', import.meta.url),
);
const schema = buildSchema(gunzipSync(packed).toString('utf8'), { assumeValid: true });
const faultsOf = (text: string): string[] =>
  validate(schema, parse(text), [...specifiedRules, NoDeprecatedCustomRule]).map(String);

describe('the documents that are sent to Shopify', () => {
  test.each(all.documents.map((document) => [document.name, document] as const))(
    '%s is valid in the whole schema and uses nothing deprecated',
    (name, document) => {
      expect(faultsOf(document.text)).toEqual([]);
      expect(document.text).toContain(name);
      expect(document.points).toBeGreaterThan(0);
    },
  );

  test('of several orders are valid for every number of them', () => {
    for (let count = 1; count <= all.mostOrdersById; count += 1) {
      const { text } = all.ordersById(count);
      expect(faultsOf(text)).toEqual([]);
      expect(text.match(/order\(id:/g)).toHaveLength(count);
    }
  });

  test('the list is whole', () => {
    const exported = Object.values(all).flatMap((value) => {
      const document: unknown = typeof value === 'function' ? value(all.mostOrdersById) : value;
      return typeof document === 'object' && document !== null && 'text' in document
        ? [document.text]
        : [];
    });
    expect(exported.length).toBeGreaterThanOrEqual(5);
    expect(all.documents.map(({ text }) => text)).toEqual(expect.arrayContaining(exported));
  });

  test('ask for nothing about the buyer', () => {
    for (const { text } of all.documents) {
      expect(text).not.toMatch(/customer|email|phone|address|statusPageUrl|clientIp/i);
    }
  });

  test('the check can fail: a code that is not there invalidates the whole document', () => {
    const wrong = all.orderMarkAsPaid.text.replace('userErrors {', 'userErrors { code');
    expect(faultsOf(wrong).join()).toContain('Cannot query field "code"');
  });
});
