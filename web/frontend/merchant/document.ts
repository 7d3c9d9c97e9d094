// The document of the embedded admin, made for each request: one server serves several registered
// apps, and App Bridge must find the right client id while it loads.

export type MerchantAssets = {
  script: string;
  styles: readonly string[];
  preloads: readonly string[];
};

const shopifyCdn = 'https://cdn.shopify.com/';

/**
 * App Bridge comes from Shopify, plain and first: it reads the tag before it and patches `fetch`
 * before anything of ours runs (shopify.dev, "App Bridge: getting started").
 */
export function merchantDocument(about: {
  clientId: string;
  shop: string;
  assets: MerchantAssets;
  /** Shopify's own script, or what stands in for it where the outside web is one origin. */
  appBridgeUrl: string;
}): string {
  const { assets } = about;
  const atShopify = about.appBridgeUrl.startsWith(shopifyCdn);
  return [
    '<!doctype html><html lang="en"><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width,initial-scale=1">',
    '<title>Zaptill</title>',
    `<meta name="shopify-api-key" content="${attribute(about.clientId)}">`,
    `<script src="${attribute(about.appBridgeUrl)}"></script>`,
    `<meta name="zaptill-shop" content="${attribute(about.shop)}">`,
    // Polaris asks for Inter and brings none.
    atShopify ? `<link rel="stylesheet" href="${shopifyCdn}static/fonts/inter/v4/styles.css">` : '',
    ...assets.styles.map((url) => `<link rel="stylesheet" href="${attribute(url)}">`),
    ...assets.preloads.map((url) => `<link rel="modulepreload" href="${attribute(url)}">`),
    `<script type="module" src="${attribute(assets.script)}"></script>`,
    '</head><body><div id="app"></div></body></html>',
  ].join('');
}

function attribute(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('"', '&quot;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;');
}
