/** Names and numbers as Shopify makes them: global ids, tokens, order numbers. */

import { createHash, randomBytes, randomUUID } from 'node:crypto';

export const gid = (kind: string, id: number): string => `gid://shopify/${kind}/${id}`;

/** The number in a global id of that kind; undefined for any other text. */
export function idOf(kind: string, text: string): number | undefined {
  const match = /^gid:\/\/shopify\/(\w+)\/(\d{1,16})(?:\?.*)?$/.exec(text);
  return match?.[1] === kind ? Number(match[2]) : undefined;
}

export const isGid = (text: string): boolean => /^gid:\/\/shopify\/\w+\/[\w-]+/.test(text);

export const hex = (bytes: number): string => randomBytes(bytes).toString('hex');

export const uuid = (): string => randomUUID();

export const digest = (text: string): string => createHash('sha256').update(text).digest('hex');

/** A shop's number: the same for the same domain in every run. */
export const shopNumber = (domain: string): number =>
  Number(BigInt(`0x${digest(domain).slice(0, 9)}`) + 10_000_000_000n);

/** Second precision, as Shopify writes moments. */
export const moment = (ms: number): string =>
  new Date(Math.floor(ms / 1000) * 1000).toISOString().replace('.000Z', 'Z');

export const storeOf = (domain: string): string => domain.replace(/\.myshopify\.com$/, '');
