/**
 * A made-up but plausible day: what a US dollar costs in other money, and what a bitcoin costs in
 * dollars.
 */

/** Decimal text, units of the currency for one US dollar. */
const PER_DOLLAR = {
  AED: '3.6725',
  AFN: '70.5',
  ALL: '92.4',
  AMD: '387.6',
  ANG: '1.79',
  AOA: '912.5',
  ARS: '946.2',
  AUD: '1.4832',
  AWG: '1.79',
  AZN: '1.7',
  BAM: '1.7674',
  BBD: '2',
  BDT: '119.4',
  BGN: '1.7674',
  BHD: '0.3769',
  BIF: '2885',
  BMD: '1',
  BND: '1.3087',
  BOB: '6.91',
  BRL: '5.4923',
  BSD: '1',
  BTN: '83.9',
  BWP: '13.35',
  BZD: '2.0158',
  CAD: '1.3588',
  CHF: '0.8489',
  CLP: '914.1',
  CNY: '7.1305',
  COP: '4056',
  CRC: '517.3',
  CVE: '99.64',
  CZK: '22.63',
  DJF: '178',
  DKK: '6.742',
  DOP: '59.7',
  DZD: '133.6',
  EGP: '48.68',
  ETB: '110.9',
  EUR: '0.9037',
  FJD: '2.214',
  GBP: '0.7624',
  GEL: '2.69',
  GHS: '15.61',
  GMD: '69.5',
  GNF: '8632',
  GTQ: '7.736',
  GYD: '208.9',
  HKD: '7.7986',
  HNL: '24.79',
  HTG: '131.8',
  HUF: '355.2',
  IDR: '15437',
  ILS: '3.6612',
  INR: '83.88',
  IQD: '1310',
  ISK: '137.2',
  JMD: '156.9',
  JOD: '0.709',
  JPY: '144.87',
  KES: '129',
  KGS: '84.9',
  KHR: '4068',
  KMF: '444.6',
  KRW: '1331.4',
  KWD: '0.3053',
  KZT: '482.7',
  LAK: '22088',
  LBP: '89550',
  LKR: '299.4',
  LRD: '194.8',
  MAD: '9.71',
  MDL: '17.39',
  MGA: '4565',
  MKD: '55.6',
  MMK: '2098',
  MNT: '3380',
  MOP: '8.03',
  MUR: '46.3',
  MVR: '15.36',
  MWK: '1735',
  MXN: '19.63',
  MYR: '4.3195',
  MZN: '63.9',
  NAD: '17.79',
  NGN: '1597',
  NIO: '36.82',
  NOK: '10.59',
  NPR: '134.2',
  NZD: '1.6012',
  OMR: '0.385',
  PAB: '1',
  PEN: '3.748',
  PGK: '3.9',
  PHP: '56.19',
  PKR: '278.6',
  PLN: '3.869',
  PYG: '7669',
  QAR: '3.64',
  RON: '4.4978',
  RSD: '105.8',
  RWF: '1340',
  SAR: '3.752',
  SBD: '8.31',
  SCR: '13.5',
  SEK: '10.25',
  SGD: '1.3072',
  SOS: '571',
  SRD: '28.96',
  STD: '22281',
  SZL: '17.79',
  THB: '33.96',
  TJS: '10.65',
  TND: '3.04',
  TOP: '2.33',
  TRY: '34.05',
  TTD: '6.78',
  TWD: '31.97',
  TZS: '2711',
  UAH: '41.2',
  UGX: '3716',
  USD: '1',
  UYU: '40.3',
  UZS: '12670',
  VES: '36.6',
  VND: '24870',
  VUV: '118.7',
  WST: '2.72',
  XAF: '592.8',
  XCD: '2.7027',
  XOF: '592.8',
  XPF: '107.8',
  YER: '250.4',
  ZAR: '17.75',
  ZMW: '26.1',
} as const;

export type Currency = keyof typeof PER_DOLLAR;

export const CURRENCIES = Object.keys(PER_DOLLAR) as Currency[];
export const isCurrency = (code: string): code is Currency => code in PER_DOLLAR;

/** Prices are whole numbers of 10^-8 units of a currency. */
export const SCALE = 8;

/** `12.5` -> 1,250,000,000n. Throws on anything that is not a plain decimal. */
export const toScaled = (decimal: string): bigint => {
  const match = /^(-?)(\d+)(?:\.(\d{1,8}))?$/.exec(decimal);
  if (!match) throw new Error(`not a decimal: ${decimal}`);
  const [, sign = '', whole = '', part = ''] = match;
  const value = BigInt(whole + part.padEnd(SCALE, '0'));
  return sign === '-' ? -value : value;
};

/** The decimal text with so many places, cut. */
export const toDecimal = (scaled: bigint, places: number): string => {
  const sign = scaled < 0n ? '-' : '';
  const digits = (scaled < 0n ? -scaled : scaled).toString().padStart(SCALE + 1, '0');
  const whole = digits.slice(0, -SCALE);
  const part = digits.slice(-SCALE).slice(0, places);
  return places === 0 ? `${sign}${whole}` : `${sign}${whole}.${part}`;
};

export const perDollar = (currency: Currency): bigint => toScaled(PER_DOLLAR[currency]);
