/** Exact fractions of bigints, always in lowest terms with a positive denominator. Raises RangeError for a zero denominator. */

export interface Fraction {
  readonly numerator: bigint
  /** > 0, without a common divisor with the numerator. */
  readonly denominator: bigint
}

function greatestCommonDivisor(a: bigint, b: bigint): bigint {
  let [x, y] = [a < 0n ? -a : a, b < 0n ? -b : b]
  while (y !== 0n) [x, y] = [y, x % y]
  return x
}

export function fraction(numerator: bigint, denominator = 1n): Fraction {
  if (denominator === 0n) throw new RangeError(`${numerator}/0 is no fraction`)
  const divisor = greatestCommonDivisor(numerator, denominator) * (denominator < 0n ? -1n : 1n)
  return { numerator: numerator / divisor, denominator: denominator / divisor }
}

export const plus = (a: Fraction, b: Fraction): Fraction =>
  fraction(a.numerator * b.denominator + b.numerator * a.denominator, a.denominator * b.denominator)

export const minus = (a: Fraction, b: Fraction): Fraction =>
  fraction(a.numerator * b.denominator - b.numerator * a.denominator, a.denominator * b.denominator)

export const over = (a: Fraction, b: Fraction): Fraction =>
  fraction(a.numerator * b.denominator, a.denominator * b.numerator)

/** `3/5`, `-1/2`, `2`. */
export const fractionText = ({ numerator, denominator }: Fraction): string =>
  denominator === 1n ? `${numerator}` : `${numerator}/${denominator}`

/** The numerators of the fractions over their least common denominator: whole numbers in the same ratios. */
export function commonParts(values: readonly Fraction[]): bigint[] {
  let denominator = 1n
  for (const value of values) denominator *= fraction(value.denominator, denominator).numerator
  return values.map((value) => value.numerator * (denominator / value.denominator))
}
