// Who may import whom. Arrows point inward: doors -> flows -> core; outside rooms -> core; only
// wiring and the entrances know all.

export type Border = {
  /** Prefixes of paths in `web/`. */
  may: readonly string[];
  /** Also the shapes of these, by `import type`: the room is handed what has them. */
  types?: readonly string[];
  /** Packages that it may use; all when it is not said. */
  packages?: readonly string[];
};

/** Folder -> border. What lies in `web/` itself is wiring, the entrances and what they hand on. */
export const borders: Readonly<Record<string, Border>> = {
  'web/core/': { may: ['core/'], packages: [] },
  'web/db/': { may: ['core/', 'db/'] },
  'web/vault/': { may: ['core/', 'db/', 'vault/'] },
  'web/lightning/': { may: ['core/', 'outbound.ts', 'lightning/'] },
  // Alone with the database and the paying nodes: no port, no Shopify, no receiving credential.
  'web/signer/': { may: ['core/', 'db/', 'lightning/', 'signer/'] },
  'web/shopify/': { may: ['core/', 'outbound.ts', 'shopify/'] },
  'web/rates/': { may: ['core/', 'outbound.ts', 'rates/'] },
  'web/lnurl/': { may: ['core/', 'outbound.ts', 'outbound-given.ts', 'lnurl/'] },
  'web/alerts/': { may: ['core/', 'outbound.ts', 'outbound-given.ts', 'alerts/'] },
  'web/flows/': { may: ['core/', 'db/', 'flows/'] },
  'web/http/': {
    may: [
      ...['core/', 'flows/', 'db/views.ts', 'http/'],
      ...['shopify/requests.ts', 'shopify/auth.ts', 'shopify/shop-domain.ts'],
      ...['shopify/oauth.ts', 'frontend/payments/'],
      // To render: the page, and the frame's document.
      ...['frontend/buyer/', 'frontend/merchant/document.ts', 'frontend/shared/'],
    ],
    types: ['db/'],
  },
  'web/worker/': { may: ['core/', 'flows/', 'db/', 'worker/'] },
  'web/frontend/shared/': {
    may: ['frontend/shared/'],
    packages: ['@noble/curves/secp256k1.js'],
  },
  'web/frontend/buyer/client/': {
    may: ['frontend/buyer/client/', 'frontend/shared/'],
    packages: [],
  },
  'web/frontend/buyer/': { may: ['frontend/buyer/', 'frontend/shared/'] },
  // It speaks the merchant app's words about nodes, and has nothing else of it.
  'web/frontend/payments/': {
    may: [
      ...['frontend/payments/', 'frontend/shared/', 'frontend/merchant/words/'],
      ...['frontend/buyer/html.ts', 'frontend/buyer/icons.ts', 'frontend/buyer/style.ts'],
    ],
    packages: ['node:crypto', 'node:fs'],
  },
  'web/frontend/merchant/': { may: ['frontend/merchant/', 'frontend/shared/'] },
  // It plays outsiders, so it must not share our bugs.
  'sandbox/': { may: ['core/money.ts'] },
  'extensions/': { may: [] },
};
/** What sets up a desk starts our entrances and the real nodes; it plays nobody. */
export const borderless = ['sandbox/start.ts', 'sandbox/desk.ts', 'sandbox/real-nodes.ts'];

/** The innermost border around a file. */
export function borderOf(file: string): [folder: string, border: Border] | undefined {
  const around = Object.entries(borders).filter(([folder]) => file.startsWith(folder));
  return around.sort(([a], [b]) => b.length - a.length)[0];
}
