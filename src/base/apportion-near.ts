/**
 * Largest remainders of weights that are known only nearly, as doubles: either the very shares of the exact weights, or
 * the word that they cannot be told, and then apportionInOrder decides over the exact ones. Nothing is rounded by luck:
 * a share counts only when the error could not have moved it. Raises nothing.
 */

import { largest } from './apportion.js'

/** Quotient, product and sum of doubles, generously. */
const OPERATIONS = 2 ** -49

/**
 * Writes the shares of the first `count` weights and says true; false when it is not sure. `error`: how far each weight
 * may be off, as a part of the sum of all. Ties of remainders are never sure.
 */
export function apportionNear(
  total: number,
  weights: Float64Array,
  count: number,
  error: number,
  shares: Float64Array,
): boolean {
  const size = Math.abs(total)
  const sign = total < 0 ? -1 : 1
  if (count === 1 || size === 0) {
    shares.fill(0, 0, count)
    shares[0] = total
    return true
  }
  let sum = 0
  for (let i = 0; i < count; i++) sum += weights[i]!
  // The sum is off by `count` errors, and so is every quotient by it.
  const unsure = size * (count + 1) * (error + OPERATIONS)
  const remainders = new Float64Array(count)
  let left = size
  for (let i = 0; i < count; i++) {
    const quotient = (size * weights[i]!) / sum
    const share = Math.floor(quotient)
    const remainder = quotient - share
    if (!(remainder > unsure && remainder < 1 - unsure)) return false
    shares[i] = share
    remainders[i] = remainder
    left -= share
  }
  const above = largest(remainders, left, (a, b) => remainders[a]! > remainders[b]!)
  let least = 1
  for (const i of above) {
    least = Math.min(least, remainders[i]!)
    remainders[i] = -1
    shares[i]! += 1
  }
  for (let i = 0; i < count; i++) {
    if (remainders[i]! >= 0 && least - remainders[i]! <= 2 * unsure) return false
    shares[i] = shares[i]! * sign + 0
  }
  return true
}
