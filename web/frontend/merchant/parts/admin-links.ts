// Where things are in Shopify's admin. Inside the admin App Bridge follows `shopify://admin`;
// the pages name the way by the menu as well, since only orders, products and customers are
// documented (shopify.dev, "App Bridge: navigation").

export const paymentSettings = 'shopify://admin/settings/payments';
export const notificationSettings = 'shopify://admin/settings/notifications';
export const checkoutEditor = 'shopify://admin/settings/checkout/editor?page=thank-you';

/** From the order's global id, such as `gid://shopify/Order/123`. */
export function orderLink(orderId: string): string | undefined {
  const number = /^gid:\/\/shopify\/Order\/(\d+)$/.exec(orderId)?.[1];
  return number === undefined ? undefined : `shopify://admin/orders/${number}`;
}

/** Where Shopify asks the merchant to approve what the app needs; it comes back to the app. */
export const approveScopes = (shop: string): string =>
  `https://${shop}/admin/oauth/install?client_id=${shopify.config.apiKey}`;

/** The app, loaded anew by the admin: a reload of the frame alone would lack Shopify's proof. */
export const appItself = (path: string): string =>
  `https://${shopify.config.shop ?? ''}/admin/apps/${shopify.config.apiKey}${path}`;

/** What Shopify says of its versions, and until when each answers. */
export const apiVersions = 'https://shopify.dev/docs/api/usage/versioning';
