const form = /^[a-z0-9][a-z0-9-]{0,99}\.myshopify\.com$/;

/**
 * A shop's permanent name in its one spelling, lower case, or undefined. Shopify's own
 * `sanitizeShop` lets other spellings and other domains through; two spellings would be two shops.
 */
export function shopDomain(value: string): string | undefined {
  const domain = value.toLowerCase();
  return form.test(domain) ? domain : undefined;
}
