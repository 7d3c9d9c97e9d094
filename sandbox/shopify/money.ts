/**
 * Amounts as Shopify counts and writes them.
 *
 * Inside: bigint minor units. GraphQL writes a decimal without padding ("21.0", "12.5", "1000.0"),
 * webhooks write it with the currency's own digits ("21.00", "1000", "1.250"). Shared with nobody,
 * so that a mistake in the app is not repeated here.
 */

const NO_DECIMALS = new Set(
  'BIF CLP DJF GNF JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF'.split(' '),
);
const THREE_DECIMALS = new Set('BHD IQD JOD KWD LYD OMR TND'.split(' '));

/**
 * How many micro-units of a currency one US dollar buys. Only for the shop's side of a foreign
 * order.
 */
const MICROS_PER_DOLLAR: Record<string, bigint> = {
  USD: 1_000_000n,
  EUR: 920_000n,
  GBP: 790_000n,
  CHF: 880_000n,
  JPY: 155_000_000n,
  KWD: 307_000n,
  CAD: 1_370_000n,
  AUD: 1_510_000n,
  SEK: 10_500_000n,
  BHD: 377_000n,
  KRW: 1_380_000_000n,
};

export type Rate = { up: bigint; down: bigint };

export function digitsOf(currency: string): number {
  if (NO_DECIMALS.has(currency)) return 0;
  return THREE_DECIMALS.has(currency) ? 3 : 2;
}

/** "12.5" EUR -> 1250n. Undefined for anything that is not an amount of that currency. */
export function minorOf(text: string, currency: string): bigint | undefined {
  const match = /^(-?)(\d{1,15})(?:\.(\d{1,10}))?$/.exec(text.trim());
  if (match === null) return undefined;
  const digits = digitsOf(currency);
  const fraction = (match[3] ?? '').replace(/0+$/, '');
  if (fraction.length > digits) return undefined;
  const minor = BigInt((match[2] ?? '0') + fraction.padEnd(digits, '0'));
  return match[1] === '-' ? -minor : minor;
}

/** As webhooks and pages write it: 1250n EUR -> "12.50". */
export function padded(minor: bigint, currency: string): string {
  const digits = digitsOf(currency);
  const sign = minor < 0n ? '-' : '';
  const text = (minor < 0n ? -minor : minor).toString().padStart(digits + 1, '0');
  if (digits === 0) return sign + text;
  return `${sign}${text.slice(0, -digits)}.${text.slice(-digits)}`;
}

/** As the Admin API writes it: 1250n EUR -> "12.5", 1000n JPY -> "1000.0". */
export function bare(minor: bigint, currency: string): string {
  const [whole = '0', fraction = ''] = padded(minor, currency).split('.');
  return `${whole}.${fraction.replace(/0+$/, '') || '0'}`;
}

/** Presentment minor units to shop minor units: `minor * up / down`, half away from zero. */
export function rateBetween(from: string, to: string): Rate {
  if (from === to) return { up: 1n, down: 1n };
  const perFrom = MICROS_PER_DOLLAR[from] ?? 1_000_000n;
  const perTo = MICROS_PER_DOLLAR[to] ?? 1_000_000n;
  return {
    up: perTo * 10n ** BigInt(digitsOf(to)),
    down: perFrom * 10n ** BigInt(digitsOf(from)),
  };
}

export function converted(minor: bigint, rate: Rate): bigint {
  const doubled = (minor < 0n ? -minor : minor) * rate.up * 2n;
  const rounded = (doubled + rate.down) / (2n * rate.down);
  return minor < 0n ? -rounded : rounded;
}
