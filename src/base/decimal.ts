/**
 * Exact decimals: a whole number of units (bigint) and a scale. 12.50 is { units: 1250n, scale: 2 }.
 * No operation rounds but `divide` and `rescale`, and both say how. Raises nothing but RangeError for
 * callers' bugs (division by zero, negative scale); text that is no decimal parses to undefined.
 */

export interface Decimal {
  readonly units: bigint
  /** Digits after the point, ≥ 0. */
  readonly scale: number
}

export type Rounding = 'half_even' | 'half_up' | 'down'

const PLAIN = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)$/

/** Numbers longer than this are refused as text: no amount has them, and a hostile one must not cost time. */
export const MAX_DIGITS = 1000

const powers: bigint[] = [1n]
export function pow10(exponent: number): bigint {
  if (exponent < 0) throw new RangeError(`negative power ${exponent}`)
  while (powers.length <= exponent) powers.push(powers[powers.length - 1]! * 10n)
  return powers[exponent]!
}

export const decimal = (units: bigint, scale = 0): Decimal => ({ units, scale })
export const ZERO: Decimal = decimal(0n)
export const isZero = ({ units }: Decimal): boolean => units === 0n

/** Plain decimal text (`-1234.5600`, `.5`, `+3`); no exponents, no separators. Undefined when it is not. */
export function parseDecimal(text: string): Decimal | undefined {
  if (text.length > MAX_DIGITS || !PLAIN.test(text)) return undefined
  const point = text.indexOf('.')
  if (point < 0) return decimal(BigInt(text.startsWith('+') ? text.slice(1) : text))
  const fraction = text.slice(point + 1)
  const whole = text.slice(0, point)
  const sign = whole.startsWith('-') ? -1n : 1n
  const digits = `${whole.replace(/^[+-]/, '')}${fraction}`
  return decimal(sign * BigInt(digits === '' ? '0' : digits), fraction.length)
}

/** Plain text with exactly `scale` digits after the point. */
export function formatDecimal({ units, scale }: Decimal): string {
  if (scale === 0) return units.toString()
  const negative = units < 0n
  const digits = (negative ? -units : units).toString().padStart(scale + 1, '0')
  const cut = digits.length - scale
  return `${negative ? '-' : ''}${digits.slice(0, cut)}.${digits.slice(cut)}`
}

/** The same number with the smallest scale that holds it, so that equal numbers have equal text. */
export function normalize(value: Decimal): Decimal {
  let { units, scale } = value
  if (units === 0n) return ZERO
  while (scale > 0 && units % 10n === 0n) {
    units /= 10n
    scale -= 1
  }
  return decimal(units, scale)
}

/** The text used in digests: normalized, so 1.50 and 1.5 are one. */
export const canonicalDecimal = ({ units, scale }: Decimal): string => canonicalUnits(units, scale)

const SAFE = BigInt(Number.MAX_SAFE_INTEGER)

/** The same of units that stand in a column; quick for those that a double holds, which nearly all are. */
export function canonicalUnits(units: bigint, scale: number): string {
  if (units > SAFE || units < -SAFE) return formatDecimal(normalize({ units, scale }))
  let value = Number(units)
  if (value === 0) return '0'
  // Whole quotients are exact below 2^53; the remainder operator of doubles is slow.
  for (let less = Math.trunc(value / 10_000); scale >= 4 && less * 10_000 === value; scale -= 4) {
    value = less
    less = Math.trunc(value / 10_000)
  }
  for (let less = Math.trunc(value / 10); scale > 0 && less * 10 === value; scale -= 1) {
    value = less
    less = Math.trunc(value / 10)
  }
  if (scale === 0) return String(value)
  const negative = value < 0
  let digits = String(negative ? -value : value)
  if (digits.length <= scale) digits = digits.padStart(scale + 1, '0')
  const cut = digits.length - scale
  return `${negative ? '-' : ''}${digits.slice(0, cut)}.${digits.slice(cut)}`
}

/** At least `scale` digits after the point; more when the number needs them. Never rounds. */
export function withScaleAtLeast(value: Decimal, scale: number): Decimal {
  const least = normalize(value)
  return least.scale >= scale ? least : decimal(least.units * pow10(scale - least.scale), scale)
}

export function negate({ units, scale }: Decimal): Decimal {
  return decimal(-units, scale)
}

export function add(a: Decimal, b: Decimal): Decimal {
  if (a.scale === b.scale) return decimal(a.units + b.units, a.scale)
  return a.scale > b.scale
    ? decimal(a.units + b.units * pow10(a.scale - b.scale), a.scale)
    : decimal(a.units * pow10(b.scale - a.scale) + b.units, b.scale)
}

export const subtract = (a: Decimal, b: Decimal): Decimal =>
  a.scale === b.scale ? decimal(a.units - b.units, a.scale) : add(a, negate(b))

export const multiply = (a: Decimal, b: Decimal): Decimal => decimal(a.units * b.units, a.scale + b.scale)

export function compareDecimals(a: Decimal, b: Decimal): number {
  const difference = subtract(a, b).units
  return difference < 0n ? -1 : difference > 0n ? 1 : 0
}

export const equalDecimals = (a: Decimal, b: Decimal): boolean => compareDecimals(a, b) === 0

/** `numerator / denominator` as a whole number, rounded as said. Denominator ≠ 0. */
export function divideUnits(numerator: bigint, denominator: bigint, rounding: Rounding): bigint {
  if (denominator === 0n) throw new RangeError('division by zero')
  const quotient = numerator / denominator
  const remainder = numerator % denominator
  if (remainder === 0n || rounding === 'down') return quotient
  const twice = (remainder < 0n ? -remainder : remainder) * 2n
  const size = denominator < 0n ? -denominator : denominator
  const away = twice > size || (twice === size && (rounding === 'half_up' || quotient % 2n !== 0n))
  if (!away) return quotient
  return numerator < 0n === denominator < 0n ? quotient + 1n : quotient - 1n
}

/** a ÷ b with `scale` digits after the point, rounded as said. b ≠ 0. */
export function divide(a: Decimal, b: Decimal, scale: number, rounding: Rounding): Decimal {
  const shift = scale + b.scale - a.scale
  const numerator = shift >= 0 ? a.units * pow10(shift) : a.units
  const denominator = shift >= 0 ? b.units : b.units * pow10(-shift)
  return decimal(divideUnits(numerator, denominator, rounding), scale)
}

/** The number at another scale; rounds as said when digits are lost. */
export function rescale(value: Decimal, scale: number, rounding: Rounding): Decimal {
  return scale >= value.scale
    ? decimal(value.units * pow10(scale - value.scale), scale)
    : decimal(divideUnits(value.units, pow10(value.scale - scale), rounding), scale)
}
