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

/**
 * The numerators of the fractions over a common denominator, which is the product of their denominators: whole numbers
 * in the same ratios. The least one would take longer to find than it saves where denominators are long.
 */
export function commonParts(values: readonly Fraction[]): bigint[] {
  const denominators = [...new Set(values.map(({ denominator }) => denominator))]
  const product = denominators.reduce((all, one) => all * one, 1n)
  return values.map(({ numerator, denominator }) => numerator * (product / denominator))
}
