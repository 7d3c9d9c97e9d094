// Amounts as people read them. They come as decimal strings and stay strings up to `Intl`, which
// has printed decimal strings exactly since ES2023: no money value is ever a number here.

const formats = new Map<string, Intl.NumberFormat>();

/** Made once for each: making one costs fifty times what it does. */
function formatOf(locale: string, options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = `${locale} ${options.style ?? ''} ${options.currency ?? ''}`;
  const had = formats.get(key);
  if (had !== undefined) return had;
  const made = new Intl.NumberFormat(locale, options);
  // Locales are what strangers ask for.
  if (formats.size >= 200) formats.clear();
  formats.set(key, made);
  return made;
}

/** Such as `€1,234.50`. An unknown currency code is printed as it stands, after the amount. */
export function formatFiat(
  { amount, currency }: { amount: string; currency: string },
  locale: string,
): string {
  if (!isDecimal(amount)) return currency;
  try {
    return formatOf(locale, { style: 'currency', currency }).format(amount);
  } catch {
    return `${amount} ${currency}`;
  }
}

/** Whole satoshis with up to three decimals: `21000` is `21,000`, `1.5` is `1.5`. */
export function formatSats(sats: string, locale: string): string {
  if (!isDecimal(sats)) return sats;
  return formatOf(locale, { maximumFractionDigits: 3 }).format(sats);
}

/** Millisatoshis, as a decimal string without a point, printed as satoshis. */
export function formatMsat(msat: string, locale: string): string {
  if (!/^\d+$/.test(msat)) return msat;
  const whole = msat.slice(0, -3) || '0';
  const rest = msat.slice(-3).padStart(3, '0');
  return formatSats(rest === '000' ? whole : `${whole}.${rest}`, locale);
}

/** Hundredths of a percent without their sign, such as `2.5%`: words say which way they go. */
export function formatBasisPoints(basisPoints: number, locale: string): string {
  const options = { style: 'percent', maximumFractionDigits: 2 } as const;
  return formatOf(locale, options).format(Math.abs(basisPoints) / 10_000);
}

function isDecimal(text: string): text is `${number}` {
  return /^-?\d+(\.\d+)?$/.test(text);
}
