// The document of the embedded admin, made for each request: one server serves several registered
// apps, and App Bridge must find the right client id while it loads.

export type MerchantAssets = {
  script: string;
  styles: readonly string[];
  preloads: readonly string[];
};

const shopifyCdn = 'https://cdn.shopify.com/';
const noScript = 'This page needs JavaScript, as Shopify’s admin does. Please switch it on.';

/**
 * App Bridge comes from Shopify, plain and first: it reads the tag before it and patches `fetch`
 * before anything of ours runs (shopify.dev, "App Bridge: getting started"). The language is set
 * once App Bridge has told the merchant's.
 */
export function merchantDocument(about: {
  clientId: string;
  shop: string;
  assets: MerchantAssets;
  /** What the merchant has chosen on the settings page; null: as Shopify's admin. */
  language: string | null;
  /** Shopify's own script, or what stands in for it where the outside web is one origin. */
  appBridgeUrl: string;
}): string {
  const { assets } = about;
  const atShopify = about.appBridgeUrl.startsWith(shopifyCdn);
  return [
    '<!doctype html><html lang="en"><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width,initial-scale=1">',
    '<meta name="robots" content="noindex">',
    '<title>Zaptill</title>',
    // No request for an icon that a frame never shows.
    '<link rel="icon" href="data:,">',
    `<meta name="shopify-api-key" content="${attribute(about.clientId)}">`,
    `<script src="${attribute(about.appBridgeUrl)}"></script>`,
    `<meta name="zaptill-shop" content="${attribute(about.shop)}">`,
    about.language === null
      ? ''
      : `<meta name="zaptill-language" content="${attribute(about.language)}">`,
    // Polaris asks for Inter and brings none.
    atShopify ? `<link rel="stylesheet" href="${shopifyCdn}static/fonts/inter/v4/styles.css">` : '',
    ...assets.styles.map((url) => `<link rel="stylesheet" href="${attribute(url)}">`),
    ...assets.preloads.map((url) => `<link rel="modulepreload" href="${attribute(url)}">`),
    `<script type="module" src="${attribute(assets.script)}"></script>`,
    `</head><body><div id="app"></div><noscript><p>${noScript}</p></noscript></body></html>`,
  ].join('');
}

function attribute(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('"', '&quot;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;');
}
