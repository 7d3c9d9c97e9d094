/**
 * Shopify's search syntax, as far as orders(query:) needs it: `key:value`, quotes, `>=`, AND (also
 * by a space), OR, NOT and brackets. A key that is not played is an error that names it, never an
 * empty answer.
 */

import { moment } from './ids.ts';
import type { Order } from './nouns.ts';
import { financialStatus, gatewayNames } from './order-sums.ts';

type Test = (order: Order) => boolean;

export class SearchError extends Error {}

const TOKEN =
  /\s*(\(|\)|"(?:[^"\\]|\\.)*"|(?:[^\s():"]+:(?:"(?:[^"\\]|\\.)*"|[^\s()]+))|[^\s()]+)/gy;

export function orderSearch(query: string): Test {
  const tokens = [...query.trim().matchAll(TOKEN)].map((match) => match[1] ?? '');
  let at = 0;
  const peek = () => tokens[at]?.toUpperCase();

  const either = (): Test => {
    const tests = [all()];
    while (peek() === 'OR') {
      at += 1;
      tests.push(all());
    }
    return (order) => tests.some((test) => test(order));
  };
  const all = (): Test => {
    const tests: Test[] = [];
    for (let next = peek(); next !== undefined && next !== 'OR' && next !== ')'; next = peek()) {
      if (next === 'AND') at += 1;
      else tests.push(one());
    }
    return (order) => tests.every((test) => test(order));
  };
  const one = (): Test => {
    const token = tokens[at] ?? '';
    at += 1;
    if (token.toUpperCase() === 'NOT') {
      const not = one();
      return (order) => !not(order);
    }
    if (token === '(') {
      const inside = either();
      if (tokens[at] !== ')') throw new SearchError('A bracket is not closed');
      at += 1;
      return inside;
    }
    if (token.startsWith('-')) {
      const not = term(token.slice(1));
      return (order) => !not(order);
    }
    return term(token);
  };

  const test = either();
  if (at < tokens.length) throw new SearchError(`Not understood: ${tokens.slice(at).join(' ')}`);
  return test;
}

const unquoted = (text: string): string =>
  text.startsWith('"') ? text.slice(1, -1).replace(/\\(.)/g, '$1') : text;

const same = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

function term(token: string): Test {
  const colon = token.indexOf(':');
  if (colon < 1) {
    const word = unquoted(token);
    return (order) => same(order.name, word) || same(order.name, `#${word}`);
  }
  const key = token.slice(0, colon).toLowerCase();
  const raw = token.slice(colon + 1);
  const anyOf = (test: (order: Order, value: string) => boolean): Test => {
    const values = raw.startsWith('"') ? [unquoted(raw)] : raw.split(',');
    return (order) => values.some((value) => test(order, value));
  };
  switch (key) {
    case 'checkout_token':
      return anyOf((order, value) => order.checkoutToken === value);
    case 'financial_status':
      return anyOf((order, value) => same(financialStatus(order), value));
    case 'gateway':
      return anyOf((order, value) => gatewayNames(order).some((name) => same(name, value)));
    case 'name':
      return anyOf((order, value) => same(order.name, value) || same(order.name, `#${value}`));
    case 'tag':
      return anyOf((order, value) => order.tags.some((tag) => same(tag, value)));
    case 'test':
      return anyOf((order, value) => String(order.test) === value.toLowerCase());
    case 'status':
      return anyOf(hasStatus);
    case 'id':
      return compare(raw, (order) => order.id, Number);
    case 'updated_at':
      return compare(raw, (order) => order.updatedAt, when);
    case 'created_at':
    case 'processed_at':
      return compare(raw, (order) => order.createdAt, when);
    default:
      throw new SearchError(`The sandbox does not play the search term "${key}"`);
  }
}

function hasStatus(order: Order, value: string): boolean {
  const cancelled = order.cancelledAt !== null;
  switch (value.toLowerCase()) {
    case 'any':
      return true;
    case 'open':
    case 'not_closed':
      return !cancelled;
    case 'cancelled':
      return cancelled;
    case 'closed':
      return false;
    default:
      throw new SearchError(`Not a status: ${value}`);
  }
}

const when = (text: string): number => {
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) throw new SearchError(`Not a moment: ${text}`);
  return ms;
};

/** Moments are compared at second precision, as they are shown. */
function compare(raw: string, of: (order: Order) => number, read: (text: string) => number): Test {
  const match = /^(>=|<=|>|<)?(.+)$/.exec(unquoted(raw));
  const sign = match?.[1];
  const wanted = read(unquoted(match?.[2] ?? ''));
  const value = (order: Order) => (read === when ? Date.parse(moment(of(order))) : of(order));
  if (sign === '>=') return (order) => value(order) >= wanted;
  if (sign === '<=') return (order) => value(order) <= wanted;
  if (sign === '>') return (order) => value(order) > wanted;
  if (sign === '<') return (order) => value(order) < wanted;
  return (order) => value(order) === wanted;
}
