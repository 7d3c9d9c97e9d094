/**
 * One constant for both APIs, which must be the one of the extension's TOML too.
 * `Order.checkoutToken` exists from this version on.
 */
export const API_VERSION = '2026-07';
