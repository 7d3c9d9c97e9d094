/**
 * What the merchant pastes into Shopify's template of the order confirmation, in Liquid
 * (help.shopify.com, "Notifications variables reference"). The confirmation number is the buyer's
 * own: with the order's id alone the link leads nowhere.
 */
export function mailSnippet(about: { methodName: string; label: string }): string {
  const { methodName, label } = about;
  // A text of Liquid has no escapes: it stands in the quotes that it does not hold itself.
  const quote = methodName.includes('"') ? "'" : '"';
  const query = 'order={{ id }}&amp;number={{ confirmation_number }}';
  return [
    `{% if unique_gateways contains ${quote}${methodName}${quote} %}`,
    `<p><a href="{{ shop.url }}/apps/zaptill/pay?${query}">${escaped(label)}</a></p>`,
    '{% endif %}',
  ].join('\n');
}

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
