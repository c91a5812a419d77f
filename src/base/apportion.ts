/**
 * The one splitting routine of the product: the largest-remainder method (Hamilton). The shares are whole
 * units and sum to the total exactly; whatever the proportional shares leave over goes, a unit each, to the
 * largest remainders, ties broken by the canonical key.
 */

import { compareText } from './text.js'

export interface Part<K extends string = string> {
  /** Unique among the parts; breaks ties in code point order. */
  readonly key: K
  /** Exact weight, ≥ 0: any whole number, only ratios matter. */
  readonly weight: bigint
}

/**
 * Splits `total` units over `parts` in proportion to their weights.
 *
 * A negative total is split as its absolute value and negated, so a refund mirrors its sale. A part of
 * weight 0 gets 0. Returns the shares in the order of the parts.
 *
 * Raises RangeError for a negative weight, a repeated key, or weights that sum to 0 while total ≠ 0.
 * Source: Balinski and Young, Fair Representation, on the method of Hamilton.
 */
export function apportion(total: bigint, parts: readonly Part[]): bigint[] {
  let weights = 0n
  const keys = new Set<string>()
  for (const { key, weight } of parts) {
    if (weight < 0n) throw new RangeError(`negative weight ${weight} of ${key}`)
    if (keys.has(key)) throw new RangeError(`part ${key} is named twice`)
    keys.add(key)
    weights += weight
  }
  if (weights === 0n) {
    if (total !== 0n) throw new RangeError('nothing to apportion to: the weights sum to 0')
    return parts.map(() => 0n)
  }
  const size = total < 0n ? -total : total
  const shares = parts.map(({ weight }) => (size * weight) / weights)
  let left = size - shares.reduce((sum, share) => sum + share, 0n)
  const byRemainder = parts
    .map(({ key, weight }, index) => ({ key, index, remainder: (size * weight) % weights }))
    .sort((a, b) =>
      a.remainder === b.remainder ? compareText(a.key, b.key) : a.remainder > b.remainder ? -1 : 1,
    )
  for (const { index } of byRemainder) {
    if (left === 0n) break
    shares[index]! += 1n
    left -= 1n
  }
  return total < 0n ? shares.map((share) => -share) : shares
}
