/** Exact fractions, rounded only when they are asked to be. Raises RangeError for a zero denominator. */

import { parseDecimal } from '../../base/decimal.js'

export interface Fraction {
  readonly top: bigint
  /** Above zero. */
  readonly bottom: bigint
}

export const whole = (value: bigint): Fraction => ({ top: value, bottom: 1n })

export function fraction(text: string): Fraction {
  const value = parseDecimal(text)
  if (value === undefined) throw new RangeError(`"${text}" is no decimal`)
  return { top: value.units, bottom: 10n ** BigInt(value.scale) }
}

export const plus = (a: Fraction, b: Fraction): Fraction =>
  a.bottom === b.bottom
    ? { top: a.top + b.top, bottom: a.bottom }
    : { top: a.top * b.bottom + b.top * a.bottom, bottom: a.bottom * b.bottom }
export const minus = (a: Fraction): Fraction => ({ top: -a.top, bottom: a.bottom })
export const by = (a: Fraction, b: Fraction): Fraction => ({
  top: a.top * b.top,
  bottom: a.bottom * b.bottom,
})
export function over(a: Fraction, b: Fraction): Fraction {
  if (b.top === 0n) throw new RangeError('division by zero')
  const sign = b.top < 0n ? -1n : 1n
  return { top: sign * a.top * b.bottom, bottom: sign * a.bottom * b.top }
}

/** Plain text with as many digits as needed, at most twelve after the point: half to even. */
export function figureText(value: Fraction): string {
  const units = rounded(value)
  const size = (units < 0n ? -units : units).toString().padStart(13, '0')
  const point = size.length - 12
  const digits = size.slice(point).replace(/0+$/, '')
  return `${units < 0n ? '-' : ''}${size.slice(0, point)}${digits === '' ? '' : `.${digits}`}`
}

/** The nearest fraction of twelve digits. */
export const atTwelve = (value: Fraction): Fraction => ({ top: rounded(value), bottom: 10n ** 12n })

function rounded({ top, bottom }: Fraction): bigint {
  const scaled = top * 10n ** 12n
  const size = scaled < 0n ? -scaled : scaled
  const cut = size / bottom
  const twice = (size % bottom) * 2n
  const up = twice > bottom || (twice === bottom && cut % 2n === 1n) ? 1n : 0n
  return scaled < 0n ? -(cut + up) : cut + up
}
