// Amounts as people read them. They come as decimal strings and stay strings up to `Intl`, which
// has printed decimal strings exactly since ES2023: no money value is ever a number here.

/** Such as `€1,234.50`. An unknown currency code is printed as it stands, after the amount. */
export function formatFiat(
  { amount, currency }: { amount: string; currency: string },
  locale: string,
): string {
  if (!isDecimal(amount)) return currency;
  try {
    return new Intl.NumberFormat(locale, { style: 'currency', currency }).format(amount);
  } catch {
    return `${amount} ${currency}`;
  }
}

/** Whole satoshis with up to three decimals: `21000` is `21,000`, `1.5` is `1.5`. */
export function formatSats(sats: string, locale: string): string {
  if (!isDecimal(sats)) return sats;
  return new Intl.NumberFormat(locale, { maximumFractionDigits: 3 }).format(sats);
}

/** Millisatoshis, as a decimal string without a point, printed as satoshis. */
export function formatMsat(msat: string, locale: string): string {
  if (!/^\d+$/.test(msat)) return msat;
  const whole = msat.slice(0, -3) || '0';
  const rest = msat.slice(-3).padStart(3, '0');
  return formatSats(rest === '000' ? whole : `${whole}.${rest}`, locale);
}

function isDecimal(text: string): text is `${number}` {
  return /^-?\d+(\.\d+)?$/.test(text);
}
