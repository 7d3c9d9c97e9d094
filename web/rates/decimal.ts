// Decimal strings as integers of 10^-18: enough for a Vietnamese dong in bitcoin. Exchanges print
// prices as text, and text they stay.
import { unitsOf } from '../core/money.ts';

const PLACES = 18;
const ONE = 10n ** BigInt(PLACES);
/** What is printed: core/quote reads eight decimals, a rate may need more. */
const PRINTED = 12;

const unitsCut = (decimal: string): bigint | undefined =>
  unitsOf(decimal.replace(/(\.\d{18})\d+$/, '$1'), PLACES);

const printed = (units: bigint): string => {
  const digits = (units / 10n ** BigInt(PLACES - PRINTED)).toString().padStart(PRINTED + 1, '0');
  const fraction = digits.slice(-PRINTED).replace(/0+$/, '');
  return digits.slice(0, -PRINTED) + (fraction === '' ? '' : `.${fraction}`);
};

/** The decimal above zero as units of 10^-18, or undefined. */
export function positive(decimal: string): bigint | undefined {
  const units = unitsCut(decimal);
  return units !== undefined && units > 0n ? units : undefined;
}

/** The product of two decimals above zero, rounded down in the twelfth decimal. */
export function product(a: string, b: string): string | undefined {
  const [left, right] = [positive(a), positive(b)];
  return left === undefined || right === undefined ? undefined : printed((left * right) / ONE);
}

/** Half way between two decimals above zero, rounded down in the twelfth decimal. */
export function middle(a: string, b: string): string | undefined {
  const [one, other] = [positive(a), positive(b)];
  return one === undefined || other === undefined ? undefined : printed((one + other) / 2n);
}

/** One divided by a decimal above zero, rounded down in the twelfth decimal. */
export function inverse(decimal: string): string | undefined {
  const units = positive(decimal);
  return units === undefined ? undefined : printed((ONE * ONE) / units);
}
