/**
 * How many digits the factors in force on one day may add to amounts. It is asked when an adjustment is entered,
 * because one that could not be applied would stand in the way of every run of its days. Raises nothing.
 */

import { parseDecimal } from '../../base/decimal.js'
import type { Adjustment } from './adjustment.js'

/** With the digits of facts and of other amounts on top there is room to spare in MAX_ADJUSTED_DIGITS. */
export const MAX_FACTOR_DIGITS = 300

/** Digits that a step adds to its results: before the point, and after it unless they are rounded. */
function digitsOf({ definition }: Adjustment): number {
  if (definition.action !== 'scale') return 0
  const { units, scale } = parseDecimal(definition.factor)!
  const whole = Math.max(0, units.toString().replace('-', '').length - scale)
  return whole + (definition.round === null ? scale : 0)
}

export interface Overload {
  /** The first day of it; empty: since ever. */
  readonly date: string
  readonly digits: number
}

/** The days from which on the factors in force have too many digits together, in order. */
export function overloads(all: readonly Adjustment[]): Overload[] {
  const weighed = all.flatMap((one) => (digitsOf(one) === 0 ? [] : [{ ...one, digits: digitsOf(one) }]))
  // Text of a date sorts before the same text with more after it: what starts on a day comes before what ends on it.
  const events = weighed
    .flatMap(({ valid_from, valid_to, digits }) => [
      { at: valid_from ?? '', digits },
      ...(valid_to === null ? [] : [{ at: `${valid_to} end`, digits: -digits }]),
    ])
    .sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0))
  let digits = 0
  return events.flatMap((event) => {
    digits += event.digits
    return event.digits > 0 && digits > MAX_FACTOR_DIGITS ? [{ date: event.at, digits }] : []
  })
}

/** The first overload in whose making the adjustment has a part. */
export const overloadOf = (adjustment: Adjustment, found: readonly Overload[]): Overload | undefined => {
  const { valid_from, valid_to } = adjustment
  if (digitsOf(adjustment) === 0) return undefined
  return found.find(({ date }) => (valid_from ?? '') <= date && (valid_to === null || date <= valid_to))
}
