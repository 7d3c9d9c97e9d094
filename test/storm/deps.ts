// Everything that our processes are handed from outside, in the hands of the storm.
import type { Price } from '../../web/core/quote.ts';
import { quotePolicy } from '../../web/core/quote.ts';
import type { Sealer } from '../../web/core/ports.ts';
import type { Deps } from '../../web/flows/flow.ts';
import { parseRequest } from '../../web/lightning/bolt11.ts';
import { makeStamp } from '../../web/vault/stamp.ts';
import type { ShopAt } from './buyers.ts';
import type { Draws } from './draws.ts';
import type { PlayedNode } from './node.ts';
import type { Network } from './outside.ts';

const missing = (what: string) => (): Promise<never> => Promise.reject(new Error(`no ${what}`));

/** Opens only at the place for which it was sealed, and looks like nothing that was sealed. */
export const stormSealer: Sealer = {
  seal: (plain, place) => {
    const key = Buffer.from(`${place.table}/${place.field}/${place.shop}/${place.record}`);
    const sealed = Uint8Array.from(plain, (byte, at) => byte ^ 0x5a ^ (key[at % key.length] ?? 0));
    return Buffer.concat([Buffer.from([key.length & 0xff]), sealed]);
  },
  open: (sealed, place) => {
    const key = Buffer.from(`${place.table}/${place.field}/${place.shop}/${place.record}`);
    if (sealed[0] !== (key.length & 0xff)) throw new Error('sealed for another place');
    return Uint8Array.from(
      sealed.subarray(1),
      (byte, at) => byte ^ 0x5a ^ (key[at % key.length] ?? 0),
    );
  },
};

/** 50,000 units for a coin, give or take what a day brings; one source is sometimes silent. */
function pricesAt(net: Network, currency: Price['currency']): Price[] {
  const at = new Date(net.timeline.now());
  const cents = BigInt(Math.floor(net.timeline.now() / 60_000) % 1_000);
  const silent = net.isStormy() ? net.draws.below(12) : 12;
  return ['kraken', 'coinbase', 'bitstamp']
    .filter((_name, n) => n !== silent)
    .map((source, n) => ({ source, currency, price: `${50_000n + cents}.${n}`, at }));
}

export function outsideOf(
  net: Network,
  world: {
    nodes: Map<number, PlayedNode>;
    shops: readonly ShopAt[];
    draws: Draws;
    /** Grows by each secret that is drawn. */
    secrets: Uint8Array[];
  },
): Omit<Deps, 'db' | 'clock' | 'log'> {
  const { nodes, shops, draws, secrets } = world;
  const shopOf = (shopId: number): ShopAt => {
    const found = shops.find(({ row }) => row.id === shopId);
    if (found === undefined) throw new Error('there is no such shop');
    return found;
  };
  return {
    nodes: {
      of: (nodeId) => {
        const node = nodes.get(nodeId);
        return node === undefined ? missing('node')() : Promise.resolve(node.port);
      },
    },
    storefronts: { of: (shopId) => Promise.resolve(shopOf(shopId).played.storefront) },
    paymentSessions: { of: (shopId) => Promise.resolve(shopOf(shopId).played.paymentSessions) },
    askShop: () => Promise.resolve({ currency: 'EUR', timeZone: 'Europe/Berlin' }),
    rates: { pricesFor: (currency) => Promise.resolve(pricesAt(net, currency)) },
    sealer: stormSealer,
    stamp: makeStamp([{ version: 1, key: new Uint8Array(32).fill(7) }]),
    readRequest: parseRequest,
    askPayAddress: () => Promise.resolve({ ok: false, refusal: 'address_silent' }),
    alertWays: { email: missing('mail'), url: missing('post'), mayBePostedTo: () => true },
    ...{ quotePolicy, quoteSeconds: 45, sweepSeconds: 60, realMoneyOnly: false },
    randomSecret: () => {
      const secret = draws.bytes(32);
      secrets.push(secret);
      return secret;
    },
  };
}
