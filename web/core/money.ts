// Money is a bigint: msat on the Lightning side, minor units of an ISO 4217 currency on the shop's.
// At the borders it is a decimal string. A `number` is never an amount. Rounding is in the name.

declare const brand: unique symbol;
type Branded<T, B extends string> = T & { readonly [brand]: B };

/** Thousandths of a satoshi. 1 BTC = 100,000,000,000 msat. */
export type Msat = Branded<bigint, 'Msat'>;
/** Units of the smallest coin of a currency: cents for EUR, yen for JPY, fils for KWD. */
export type Minor = Branded<bigint, 'Minor'>;
/** An ISO 4217 code whose exponent is known: see `exponentOf`. */
export type Currency = Branded<string, 'Currency'>;

export const MSAT_PER_SAT = 1_000n;
export const MSAT_PER_BTC = 100_000_000_000n;

export const msat = (amount: bigint): Msat => amount as Msat;
export const minor = (amount: bigint): Minor => amount as Minor;

// Source: ISO 4217:2015 list one. Codes with exponent 4 (CLF, UYW), funds, metals and crypto codes
// are left out on purpose: a shop does not sell in them, and an unknown exponent is a refusal.
const codes = (text: string): string[] => text.trim().split(/\s+/);
const exponents: ReadonlyMap<string, number> = new Map<string, number>([
  ...codes('BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF').map(
    (code): [string, number] => [code, 0],
  ),
  ...codes(
    `AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD
     CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD
     HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD
     MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON
     RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD
     TZS UAH USD UYU UZS VED VES WST XCD YER ZAR ZMW ZWG`,
  ).map((code): [string, number] => [code, 2]),
  ...codes('BHD IQD JOD KWD LYD OMR TND').map((code): [string, number] => [code, 3]),
]);

/** The currency of a code, or undefined where its exponent is not known. */
export function currencyOf(code: string): Currency | undefined {
  return exponents.has(code) ? (code as Currency) : undefined;
}

/** How many decimals the currency has: 0, 2 or 3. */
export function exponentOf(currency: Currency): number {
  const exponent = exponents.get(currency);
  if (exponent === undefined) throw new RangeError(`no exponent is known for ${currency}`);
  return exponent;
}

/** Every exponent that a currency here has, and the codes of those with this one. */
export const knownExponents = [0, 2, 3] as const;
export const currenciesWithExponent = (exponent: number): string[] =>
  [...exponents].filter(([, its]) => its === exponent).map(([code]) => code);

const power = (exponent: number): bigint => 10n ** BigInt(exponent);

/**
 * A decimal string as a whole number of units of 10^-exponent, or undefined when it is not a plain
 * decimal or has digits beyond the exponent that are not zero. `"10.0"` and `"10.00"` are equal.
 */
export function unitsOf(decimal: string, exponent: number): bigint | undefined {
  const parts = /^(-?)(\d{1,30})(?:\.(\d{1,30}))?$/.exec(decimal);
  if (parts === null) return undefined;
  const [, sign = '', whole = '', fraction = ''] = parts;
  if (/[1-9]/.test(fraction.slice(exponent))) return undefined;
  const units =
    BigInt(whole) * power(exponent) +
    BigInt(fraction.slice(0, exponent).padEnd(exponent, '0') || '0');
  return sign === '-' ? -units : units;
}

/** The most that is counted, as PostgreSQL's bigint has it. Nothing on earth costs as much. */
const mostUnits = 2n ** 63n - 1n;
export const isCounted = (units: bigint): boolean => units <= mostUnits && units >= -mostUnits;

/** `"12.30"` EUR is 1230n. Undefined when it is not an amount of that currency, or beyond count. */
export function minorOf(decimal: string, currency: Currency): Minor | undefined {
  const units = unitsOf(decimal, exponentOf(currency));
  return units === undefined || !isCounted(units) ? undefined : minor(units);
}

/** 1230n EUR is `"12.30"`. */
export function decimalOf(amount: Minor, currency: Currency): string {
  const exponent = exponentOf(currency);
  const units: bigint = amount;
  const digits = (units < 0n ? -units : units).toString().padStart(exponent + 1, '0');
  const sign = amount < 0n ? '-' : '';
  if (exponent === 0) return sign + digits;
  return `${sign}${digits.slice(0, -exponent)}.${digits.slice(-exponent)}`;
}

/** As decimalOf; empty for a currency that we do not know, whose amounts nobody can write. */
export function decimalOfCode(amount: Minor, code: string): string {
  const currency = currencyOf(code);
  return currency === undefined ? '' : decimalOf(amount, currency);
}

/** Whole satoshis, and the rest as decimals: 1500n msat is `"1.5"`. */
export function satsOf(amount: Msat): string {
  const rest = (amount % MSAT_PER_SAT).toString().padStart(3, '0').replace(/0+$/, '');
  return `${(amount / MSAT_PER_SAT).toString()}${rest === '' ? '' : `.${rest}`}`;
}

export function dividedRoundedUp(amount: bigint, by: bigint): bigint {
  return (amount + by - 1n) / by;
}

/** The share `part/whole` of an amount; what is cut off stays with the other side. */
export function shareRoundedDown(amount: Msat, share: { part: bigint; whole: bigint }): Msat {
  return msat((amount * share.part) / share.whole);
}
